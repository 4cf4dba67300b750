//! The loop over a scenario's steps: carry out, judge, tell; and the clean-up after it.

pub mod bug;
pub mod cleanup;
pub mod ended;
pub mod exclusion;
pub mod groups;
pub mod guide;
pub mod look;
pub mod millis;
pub mod retry;
pub mod rewind;
pub mod rights;
pub mod schedule;
pub mod sink;
pub mod skip;
pub mod summary;

mod absent;
mod api_server_monitor;
mod attempt;
mod captures;
mod effects;
mod existence;
mod going;
mod hosts;
mod judged;
mod led;
mod lock;
mod places;
mod playing;
mod reproduce;
mod step_executor;
mod tell;
mod verdict;
mod why;

use std::{borrow::Cow, sync::Mutex, time::Duration};

use tokio::time::Instant;

use self::{
    guide::Guide,
    led::{Course, Way},
    look::Look,
    playing::{Playing, count, path_of},
};
use crate::{
    clock::Moment,
    cluster::{Cluster, ClusterError, ready},
    event::{Event, Fault, Outcome, Selected, secrets},
    exit_code::Exit,
    plan::{Names, Plan},
    scenario::diagnostic,
    steps::{Context, Own, StepError, discovery::Discovery, identity::Identities, mounted::Mounted, shell::Shells},
    stop::{Stop, unless_stopped},
};

pub use ended::Ended;
pub use millis::millis;
pub use tell::Tell;

/// Whether the cluster lives on after the scenario, so that what the scenario made must be removed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Others use the cluster: everything is removed, in so much time at most.
    CleanUp(Duration),
    /// The cluster ends now and takes everything with it.
    ClusterEnds,
}

impl Afterwards {
    /// How long what a scenario made may take to go.
    fn budget(self) -> Duration {
        match self {
            Afterwards::CleanUp(budget) => budget,
            Afterwards::ClusterEnds => GOES_WITHIN,
        }
    }
}

/// How long what a scenario made may take to go before it is begun anew, on a cluster that ends afterwards.
const GOES_WITHIN: Duration = Duration::from_secs(30);

/// Runs a scenario on a cluster. The first step that does not hold ends it, unless a guide leads through it. Gives how it
/// ended, and its namespaces that were removed and go by themselves.
pub async fn scenario(
    plan: &Plan,
    cluster: &Cluster,
    (afterwards, look): (Afterwards, Look<'_>),
    stop: &Stop,
    tell: Tell<'_>,
) -> (Ended, Vec<cleanup::Going>) {
    secrets::learn_all(plan);
    let begun = Instant::now();
    let path = path_of(plan);
    tell(started(plan));
    let mut ended = Ended::before(plan.steps.len());
    let (client, bare) = match (cluster.client().await, cluster.bare_client().await) {
        (Ok(client), Ok(bare)) => (client, bare),
        (Err(e), _) | (_, Err(e)) => {
            let ended = abort(plan, ended, Fault::Cluster, e, tell);
            tell(scenario_finished(plan, &ended, begun));
            return (ended, vec![]);
        }
    };
    let (mut plan, mut course, mut going) = (Cow::Borrowed(plan), Course::default(), Vec::new());
    let mut context = context(&plan, cluster, &client, &bare);
    loop {
        let story = (&*plan, cluster, &context);
        let played = Box::pin(bug::caught(steps(story, (look.guide, &mut course), &mut ended, tell)));
        match unless_stopped(stop, played).await {
            Ok(Ok(Way::Anew)) => {}
            Ok(Ok(Way::End)) => break,
            // The hook has said where. What the scenario made is removed all the same, and the others go on.
            Ok(Err(error)) => {
                ended = abort(&plan, ended, Fault::Bug, error, tell);
                ended.exit = ended.exit.worst(Exit::Bug);
                break;
            }
            Err(why) => {
                ended.exit = ended.exit.worst(why.into());
                break;
            }
        }
        let cleaned = Box::pin(led::clean(&plan, &context, afterwards.budget(), &mut course));
        match unless_stopped(stop, cleaned).await {
            Ok((left, gone)) => {
                ended.left.extend(left);
                going.extend(gone);
            }
            Err(why) => {
                ended.exit = ended.exit.worst(why.into());
                break;
            }
        }
        plan = Cow::Owned(plan.again(&Names::random()));
        context = self::context(&plan, cluster, &client, &bare);
    }
    let plan = &*plan;
    if stop.asked().is_none() {
        let _ = unless_stopped(stop, look.at(plan, &ended, cluster)).await;
    }
    if stop.asked().is_none()
        && let Some(kept) = look.kept(plan, &ended, cluster)
    {
        ended.kept = 1;
        tell(kept);
    }
    // A cluster of our own ends with the run; one of others has to be left as it was.
    if let Afterwards::CleanUp(budget) = afterwards
        && ended.kept == 0
        && (stop.asked().is_none() || cluster.is_foreign())
    {
        let removal = Instant::now();
        // A cluster of our own that is not sound ends, and takes everything with it.
        let lost = ended.exit == Exit::Environment && !cluster.is_foreign() && !ready::now(&context.client).await;
        if !lost {
            ended.left.extend(Box::pin(cleanup::remove(plan, &context, budget)).await);
            going.extend(cleanup::Going::own_namespace(&context));
        }
        if !ended.left.is_empty() {
            ended.exit = ended.exit.worst(Exit::CleanUp);
        }
        let took_ms = millis(removal.elapsed());
        tell(Event::CleanUp { path: Some(path.clone()), took_ms, left: ended.left.clone() });
    }
    tell(scenario_finished(plan, &ended, begun));
    (ended, going)
}

/// What the steps of a scenario share.
fn context(plan: &Plan, cluster: &Cluster, client: &kube::Client, bare: &kube::Client) -> Context {
    Context {
        kubectl: cluster.kubectl().clone(),
        client: client.clone(),
        curl_image: cluster.facts().curl_image.clone(),
        namespace: plan.namespace.clone(),
        made: Mutex::new(Vec::new()),
        changed: Mutex::new(Vec::new()),
        foreign: cluster.is_foreign(),
        own: plan.fresh_namespace.then(|| Own { name: plan.namespace.clone(), ..Own::default() }),
        identities: Identities::new(bare.clone()),
        discovery: Discovery::with(cluster.documents()),
        shells: Shells::for_plan(plan),
        mounted: Mounted::default(),
        guests: Mutex::default(),
    }
}

/// A scenario as a run lists it before it begins.
pub fn selected(plan: &Plan) -> Selected {
    let line = diagnostic::line_col(&plan.document.source, plan.document.span("/title").start).0;
    let shape = plan.shape.describe();
    Selected { path: path_of(plan), title: plan.title.clone(), line, steps: plan.steps.len(), shape }
}

/// That a scenario begins, as it is told.
pub fn started(plan: &Plan) -> Event {
    Event::ScenarioStarted {
        path: path_of(plan),
        title: plan.title.clone(),
        say: plan.say.clone(),
        line: selected(plan).line,
        namespace: plan.namespace.clone(),
        steps: plan.steps.len(),
        sum: plan.sum(),
    }
}

fn scenario_finished(plan: &Plan, ended: &Ended, begun: Instant) -> Event {
    Event::ScenarioFinished {
        path: path_of(plan),
        title: plan.title.clone(),
        held: ended.held,
        failed: ended.failed,
        broken: ended.broken,
        skipped: ended.skipped,
        took_ms: millis(begun.elapsed()),
    }
}

fn abort(plan: &Plan, mut ended: Ended, class: Fault, error: ClusterError, tell: Tell<'_>) -> Ended {
    ended.exit = ended.exit.worst(Exit::Environment);
    let ClusterError { message, remedy, log } = error;
    tell(Event::Aborted { path: Some(path_of(plan)), class, message, remedy, log });
    ended
}

async fn steps(
    (plan, cluster, context): (&Plan, &Cluster, &Context),
    (guide, course): (Option<&dyn Guide>, &mut Course),
    ended: &mut Ended,
    tell: Tell<'_>,
) -> Way {
    let made = async {
        tokio::select! {
            made = cleanup::make_namespace(plan, context) => made,
            _ = cluster.death() => Err(StepError::Away("")),
        }
    };
    if plan.fresh_namespace
        && let Err(fault) = made.await
    {
        let error = cluster.broken().unwrap_or_else(|| ClusterError::plain(fault.to_string()));
        *ended = abort(plan, ended.clone(), Fault::Namespace, error, tell);
        return Way::End;
    }
    // Waiting for others takes nothing of the scenario's own time.
    if let Err(fault) = lock::wait_for_turn(plan, context, Moment::now() + plan.timeout).await {
        *ended = abort(plan, ended.clone(), Fault::Taken, ClusterError::plain(fault.to_string()), tell);
        return Way::End;
    }
    let deadline = Moment::now() + plan.timeout;
    if context.foreign
        && let Err(fault) = cleanup::wait_for_names(plan, context, deadline).await
    {
        *ended = abort(plan, ended.clone(), Fault::Taken, ClusterError::plain(fault.to_string()), tell);
        return Way::End;
    }
    let mut playing = Playing::new(plan, cluster, context);
    if let Some(guide) = guide {
        return led::play(&mut playing, guide, course, ended, tell).await;
    }
    let mut over = None;
    for step in &plan.steps {
        if let Some(reason) = over.clone().or_else(|| playing.left_out(step)) {
            playing.skip(step, reason, tell);
            continue;
        }
        let outcome = playing.step(step, tell).await;
        count(ended, &outcome);
        if !matches!(outcome, Outcome::Held) {
            over = Some(format!("step {} did not hold", step.number));
        }
    }
    Way::End
}
