//! The loop over a scenario's steps: carry out, judge, tell; and the clean-up after it.

pub mod bug;
pub mod cleanup;
pub mod ended;
pub mod exclusion;
pub mod groups;
pub mod look;
pub mod retry;
pub mod rights;
pub mod schedule;
pub mod sink;
pub mod skip;
pub mod summary;

mod api_server_monitor;
mod attempt;
mod captures;
mod effects;
mod existence;
mod going;
mod hosts;
mod judged;
mod lock;
mod places;
mod reproduce;
mod step_executor;
mod verdict;
mod why;

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

use self::look::Look;
use crate::{
    clock::{self, Moment},
    cluster::{Cluster, ClusterError, Facts, ready},
    event::{self, Event, Outcome, ResponseRecord, Selected, StepFinished, exchange, secrets},
    exit_code::Exit,
    expect::Answer,
    k8s::Version,
    plan::{
        Action, Exec, Plan, Step, equivalent,
        when::{Here, When},
    },
    reach,
    redact::redact,
    redact::show,
    scenario::{diagnostic, when::Feature},
    steps::{Context, Own, StepError, discovery::Discovery, identity::Identities, mounted::Mounted, shell::Shells},
    stop::{Stop, unless_stopped},
};

pub use ended::Ended;

/// Where events go.
pub type Tell<'a> = &'a mut (dyn FnMut(Event) + Send);

/// Whether the cluster lives on after the scenario, so that what the scenario made must be removed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Others use the cluster: everything is removed, in so much time at most.
    CleanUp(Duration),
    /// The cluster ends now and takes everything with it.
    ClusterEnds,
}

/// Runs a scenario on a cluster. The first step that does not hold ends it. Gives how it ended, and its namespace if that was removed
/// and goes by itself.
pub async fn scenario(
    plan: &Plan,
    cluster: &Cluster,
    (afterwards, look): (Afterwards, Look<'_>),
    stop: &Stop,
    tell: Tell<'_>,
) -> (Ended, Option<cleanup::Going>) {
    secrets::learn_all(plan);
    let begun = Instant::now();
    let path = path_of(plan);
    tell(Event::ScenarioStarted {
        path: path.clone(),
        title: plan.title.clone(),
        say: plan.say.clone(),
        line: selected(plan).line,
        namespace: plan.namespace.clone(),
        steps: plan.steps.len(),
    });
    let mut ended = Ended::before(plan.steps.len());
    let (client, bare) = match (cluster.client().await, cluster.bare_client().await) {
        (Ok(client), Ok(bare)) => (client, bare),
        (Err(e), _) | (_, Err(e)) => {
            let ended = abort(plan, ended, "cluster", e, tell);
            tell(scenario_finished(plan, &ended, begun));
            return (ended, None);
        }
    };
    let context = Context {
        kubectl: cluster.kubectl().clone(),
        client,
        curl_image: cluster.facts().curl_image.clone(),
        namespace: plan.namespace.clone(),
        made: Mutex::new(Vec::new()),
        changed: Mutex::new(Vec::new()),
        foreign: cluster.is_foreign(),
        own: plan.fresh_namespace.then(|| Own { name: plan.namespace.clone(), ..Own::default() }),
        identities: Identities::new(bare),
        discovery: Discovery::with(cluster.documents()),
        shells: Shells::for_plan(plan),
        mounted: Mounted::default(),
        guests: Mutex::default(),
    };
    let played = Box::pin(bug::caught(steps(plan, cluster, &context, &mut ended, tell)));
    match unless_stopped(stop, played).await {
        Ok(Ok(())) => {}
        // The hook has said where. What the scenario made is removed all the same, and the others go on.
        Ok(Err(error)) => {
            ended = abort(plan, ended, event::BUG, error, tell);
            ended.exit = ended.exit.worst(Exit::Bug);
        }
        Err(why) => ended.exit = ended.exit.worst(why.into()),
    }
    if stop.asked().is_none() {
        let _ = unless_stopped(stop, look.at(plan, &ended, cluster)).await;
    }
    if stop.asked().is_none()
        && let Some(kept) = look.kept(plan, &ended, cluster)
    {
        ended.kept = 1;
        tell(kept);
    }
    let mut going = None;
    // A cluster of our own ends with the run; one of others has to be left as it was.
    if let Afterwards::CleanUp(budget) = afterwards
        && ended.kept == 0
        && (stop.asked().is_none() || cluster.is_foreign())
    {
        let removal = Instant::now();
        // A cluster of our own that is not sound ends, and takes everything with it.
        let lost = ended.exit == Exit::Environment && !cluster.is_foreign() && !ready::now(&context.client).await;
        if !lost {
            ended.left = Box::pin(cleanup::remove(plan, &context, budget)).await;
            going = context
                .own
                .as_ref()
                .and_then(|own| own.uid.get().map(|uid| cleanup::Going { name: own.name.clone(), uid: uid.clone() }));
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

/// A scenario as a run lists it before it begins.
pub fn selected(plan: &Plan) -> Selected {
    let line = diagnostic::line_col(&plan.document.source, plan.document.span("/title").start).0;
    let shape = plan.shape.words();
    Selected { path: path_of(plan), title: plan.title.clone(), line, steps: plan.steps.len(), shape }
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

fn abort(plan: &Plan, mut ended: Ended, class: &str, error: ClusterError, tell: Tell<'_>) -> Ended {
    ended.exit = ended.exit.worst(Exit::Environment);
    let ClusterError { message, remedy, log } = error;
    tell(Event::Aborted { path: Some(path_of(plan)), class: class.into(), message, remedy, log });
    ended
}

async fn steps(plan: &Plan, cluster: &Cluster, context: &Context, ended: &mut Ended, tell: Tell<'_>) {
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
        *ended = abort(plan, ended.clone(), "namespace", error, tell);
        return;
    }
    // Waiting for others takes nothing of the scenario's own time.
    if let Err(fault) = lock::take(plan, context, Moment::now() + plan.timeout).await {
        *ended = abort(plan, ended.clone(), "taken", ClusterError::plain(fault.to_string()), tell);
        return;
    }
    let deadline = Moment::now() + plan.timeout;
    if context.foreign
        && let Err(fault) = cleanup::wait_for_names(plan, context, deadline).await
    {
        *ended = abort(plan, ended.clone(), "taken", ClusterError::plain(fault.to_string()), tell);
        return;
    }
    let mut captures = captures::Captures::default();
    let mut executor = step_executor::StepExecutor::new(cluster, context, &plan.namespace);
    let here = here(cluster.facts());
    let mut over = None;
    for step in &plan.steps {
        let missing = || step.when.as_ref().and_then(|when| when.missing(&here));
        let left_out = || plan.left_out.get(&step.number).cloned();
        if let Some(reason) = over.clone().or_else(left_out).or_else(missing) {
            tell(finished(plan, step, Duration::ZERO, Outcome::Skipped { reason }, Seen::default()));
            continue;
        }
        tell(Event::StepStarted {
            path: path_of(plan),
            number: step.number,
            title: step.title.clone(),
            say: step.say.clone(),
        });
        let begun = Instant::now();
        let mut step = step.clone();
        step.expected.retain(|item| item.when.as_ref().is_none_or(|when| when.holds(&here)));
        let filled = captures.fill(&step);
        filled.iter().for_each(secrets::learn);
        let filled = match filled {
            Ok(mut filled) => {
                let found = clock::timeout_at(deadline, executor.find(&mut filled)).await;
                let found = found.unwrap_or(Err(StepError::Late(plan.timeout)));
                step.clone_from(&filled);
                found.map(|()| filled)
            }
            Err(fault) => Err(fault),
        };
        if let Some(why) = filled.as_ref().ok().and_then(entered) {
            cluster.spoil(&why);
        }
        let asked = match &filled {
            Ok(filled) => clock::timeout_at(deadline, executor.execute(filled, &mut captures))
                .await
                .unwrap_or(Err(StepError::Late(plan.timeout))),
            Err(fault) => Err(fault.clone()),
        };
        let step = filled.as_ref().unwrap_or(&step);
        #[cfg(debug_assertions)]
        bug::on_demand(step, asked.as_ref().ok().map(|asked| &asked.got.answer));
        let took = begun.elapsed();
        let mut seen = asked.as_ref().map(Seen::of).unwrap_or_default();
        seen.when = step.expected.iter().filter_map(|item| item.when.as_ref()).map(When::words).collect();
        seen.lines = Some(reproduce::lines(step, asked.as_ref().ok(), &context.curl_image));
        let outcome;
        (outcome, seen.summary) = Box::pin(verdict::judge(plan, step, asked, cluster, context)).await;
        ended.skipped -= 1;
        match outcome {
            Outcome::Skipped { .. } => ended.skipped += 1,
            Outcome::Held => ended.held += 1,
            Outcome::Failed { .. } => {
                ended.failed += 1;
                ended.exit = ended.exit.worst(Exit::Failed);
            }
            Outcome::Broken { .. } => {
                ended.broken += 1;
                ended.exit = ended.exit.worst(Exit::Environment);
            }
        }
        if !matches!(outcome, Outcome::Held) {
            over = Some(format!("step {} did not hold", step.number));
        }
        tell(finished(plan, step, took, outcome, seen));
    }
}

/// Where the cluster's own programs run.
const SYSTEM: &str = "kube-system";

/// How a step itself came to the node, if it did: Pods of its own are watched by whoever holds the cluster.
fn entered(step: &Step) -> Option<String> {
    match &step.action {
        Action::Kubectl(call) => {
            let (_, what) = reach::kubectl::reaches(&call.args)?;
            Some(format!("kubectl could change its node: {}", what.replace('`', "")))
        }
        Action::Exec(Exec { place, .. }) if place.namespace == SYSTEM => {
            Some(format!("a command ran in its own Pod {}", place.pod))
        }
        Action::Curl(curl) if curl.place.namespace == SYSTEM && curl.place.added => {
            Some(format!("its own Pod {} was given a container", curl.place.pod))
        }
        _ => None,
    }
}

/// The longest line that does the same as a step: a body of megabytes is nothing that anybody pastes.
const MOST_LINE: usize = 64 << 10;

/// What is known of a step's answer, whatever becomes of the step.
#[derive(Default)]
struct Seen {
    summary: String,
    warnings: Vec<String>,
    answered: Option<ResponseRecord>,
    attempts: usize,
    /// What does the same.
    lines: Option<String>,
    /// Under which conditions what was expected here is expected.
    when: Vec<String>,
}

impl Seen {
    fn of(asked: &attempt::Judged) -> Self {
        let answer = &asked.got.answer;
        let answered = Some(exchange::response(answer));
        Seen { warnings: warnings(answer), answered, attempts: asked.attempts, ..Seen::default() }
    }
}

fn finished(plan: &Plan, step: &Step, took: Duration, outcome: Outcome, seen: Seen) -> Event {
    let span = plan.document.span(&format!("{}/title", step.pointer));
    let (line, col) = diagnostic::line_col(&plan.document.source, span.start);
    Event::StepFinished(Box::new(StepFinished {
        path: path_of(plan),
        number: step.number,
        title: step.title.clone(),
        line,
        col,
        took_ms: millis(took),
        outcome,
        equivalent: show::clean(&seen.lines.unwrap_or_else(|| equivalent::equivalent(step)), MOST_LINE),
        summary: redact(&seen.summary).into_owned(),
        warnings: seen.warnings,
        rows: step.rows.clone(),
        when: seen.when,
        yaml: exchange::step_yaml(&plan.document.source.text, plan.document.span(&step.pointer).start),
        asked: exchange::requests(step),
        answered: seen.answered,
        attempts: seen.attempts,
    }))
}

/// What `when` is compared with.
fn here(facts: &Facts) -> Here {
    let features = [(Feature::Pods, facts.pods), (Feature::Anonymous, facts.anonymous)];
    Here {
        kubernetes: Version::of_release(&facts.kubernetes).unwrap_or_default(),
        cluster: facts.kind,
        feature: features.into_iter().filter_map(|(feature, there)| there.then_some(feature)).collect(),
    }
}

/// The texts of an answer's `Warning` headers.
fn warnings(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Api(http) | Answer::Curl(http) => http.warnings.iter().map(|text| redact(text).into_owned()).collect(),
        Answer::Reviews(_) | Answer::CurlFailed { .. } | Answer::Exec { .. } => vec![],
    }
}

fn path_of(plan: &Plan) -> String {
    plan.document.source.path.to_string_lossy().into_owned()
}

/// Milliseconds, as events count them.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
