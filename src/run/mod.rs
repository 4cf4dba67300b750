//! The loop over a scenario's steps: carry out, judge, tell; and the clean-up after it.

pub mod bug;
pub mod cleanup;
pub mod event;
pub mod record;
pub mod rights;
pub mod told;
pub mod turns;

mod ask;
mod captures;
mod summary;
mod why;

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

use crate::{
    cluster::{Cluster, ClusterError, Facts},
    exit_code::Exit,
    expect::{Answer, Class, Mismatch},
    plan::{
        Plan, Step, equivalent,
        when::{self, Here},
    },
    redact::redact,
    scenario::{diagnostic, when::Feature},
    steps::{Context, Fault, api, identity::Identities},
    stop::{Stop, unless_stopped},
};
pub use event::{Event, Failure, Outcome, Place, Selected, StepFinished};
pub use record::Record;

/// Where events go.
pub type Tell<'a> = &'a mut (dyn FnMut(Event) + Send);

/// How one scenario ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Held, failed, environment, or a signal.
    pub exit: Exit,
    /// Steps that held.
    pub held: usize,
    /// Steps that did not hold.
    pub failed: usize,
    /// Steps that could not be carried out.
    pub broken: usize,
    /// Steps that were not run.
    pub skipped: usize,
    /// What could not be removed.
    pub left: Vec<String>,
}

/// Whether the cluster lives on after the scenario, so that what the scenario made must be removed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Others use the cluster: everything is removed.
    CleanUp,
    /// The cluster ends now and takes everything with it.
    ClusterEnds,
}

/// Runs a scenario on a cluster. The first step that does not hold ends it.
pub async fn scenario(plan: &Plan, cluster: &Cluster, afterwards: Afterwards, stop: &Stop, tell: Tell<'_>) -> Ended {
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
    let mut ended = Ended { exit: Exit::Held, held: 0, failed: 0, broken: 0, skipped: plan.steps.len(), left: vec![] };
    let (client, bare) = match (cluster.client().await, cluster.bare_client().await) {
        (Ok(client), Ok(bare)) => (client, bare),
        (Err(e), _) | (_, Err(e)) => {
            let ended = abort(plan, ended, "cluster", e, tell);
            tell(scenario_finished(plan, &ended, begun));
            return ended;
        }
    };
    let context = Context {
        kubectl: cluster.kubectl().clone(),
        client,
        curl_image: cluster.facts().curl_image.clone(),
        made: Mutex::new(Vec::new()),
        foreign: cluster.is_foreign(),
        identities: Identities::new(bare),
    };
    match unless_stopped(stop, bug::caught(steps(plan, cluster, &context, &mut ended, tell))).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            ended = abort(plan, ended, bug::CLASS, error, tell);
            ended.exit = ended.exit.worst(Exit::Bug);
        }
        Err(signal) => ended.exit = ended.exit.worst(Exit::Signal(signal)),
    }
    // A cluster of our own ends with the signal; one of others has to be left as it was.
    if afterwards == Afterwards::CleanUp && (stop.signal().is_none() || cluster.is_foreign()) {
        let removal = Instant::now();
        ended.left = cleanup::remove(plan, &context).await;
        if !ended.left.is_empty() {
            ended.exit = ended.exit.worst(Exit::CleanUp);
        }
        let took_ms = millis(removal.elapsed());
        tell(Event::CleanUp { path: Some(path.clone()), took_ms, left: ended.left.clone() });
    }
    tell(scenario_finished(plan, &ended, begun));
    ended
}

/// A scenario as a run lists it before it begins.
pub fn selected(plan: &Plan) -> Selected {
    let line = diagnostic::line_col(&plan.document.source, plan.document.span("/title").start).0;
    Selected { path: path_of(plan), title: plan.title.clone(), line, steps: plan.steps.len() }
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
    if plan.fresh_namespace
        && let Err(fault) = cleanup::make_namespace(plan, context).await
    {
        let error = cluster.broken().unwrap_or_else(|| ClusterError::plain(fault.to_string()));
        *ended = abort(plan, ended.clone(), "namespace", error, tell);
        return;
    }
    let mut captures = captures::Captures::default();
    let here = here(cluster.facts());
    let mut over = None;
    for step in &plan.steps {
        let missing = || step.when.as_ref().and_then(|when| when.missing(&here));
        if let Some(reason) = over.clone().or_else(missing) {
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
        let asked = match &filled {
            Ok(filled) => ask::asked_and_saved(filled, &mut captures, context).await,
            Err(fault) => Err(fault.clone()),
        };
        let step = filled.as_ref().unwrap_or(&step);
        #[cfg(debug_assertions)]
        bug::on_demand(step, asked.as_ref().ok().map(|asked| &asked.got.answer));
        let took = begun.elapsed();
        let mut seen = asked.as_ref().map(Seen::of).unwrap_or_default();
        let outcome;
        (outcome, seen.summary) = judge(plan, step, asked, cluster, context).await;
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

/// What is known of a step's answer, whatever becomes of the step.
#[derive(Default)]
struct Seen {
    summary: String,
    warnings: Vec<String>,
    answered: Option<told::Answered>,
    attempts: usize,
}

impl Seen {
    fn of(asked: &ask::Asked) -> Self {
        let answer = &asked.got.answer;
        let answered = Some(told::answered(answer));
        Seen { summary: String::new(), warnings: warnings(answer), answered, attempts: asked.attempts }
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
        equivalent: redact(&equivalent::equivalent(step)).into_owned(),
        summary: redact(&seen.summary).into_owned(),
        warnings: seen.warnings,
        yaml: told::lines(&plan.document.source.text, plan.document.span(&step.pointer).start),
        asked: told::asked(step),
        answered: seen.answered,
        attempts: seen.attempts,
    }))
}

/// What `when` is compared with.
fn here(facts: &Facts) -> Here {
    let features = [(Feature::Pods, facts.pods), (Feature::Anonymous, facts.anonymous)];
    Here {
        kubernetes: when::minor(&facts.kubernetes).unwrap_or_default(),
        cluster: when::cluster(facts.kind),
        feature: features.into_iter().filter_map(|(feature, there)| there.then_some(feature)).collect(),
    }
}

/// The outcome of what was asked, and a few words about the answer.
async fn judge(
    plan: &Plan,
    step: &Step,
    asked: Result<ask::Asked, Fault>,
    cluster: &Cluster,
    context: &Context,
) -> (Outcome, String) {
    match asked {
        Ok(asked) if asked.mismatches.is_empty() => (Outcome::Held, summary::of(step, &asked.got.answer)),
        Ok(asked) => {
            // A component that died in this window makes every answer doubtful.
            if let Some(error) = cluster.broken() {
                return (broken(error), String::new());
            }
            let mut failures: Vec<_> =
                asked.mismatches.into_iter().map(|mismatch| place(plan, step, mismatch)).collect();
            why::add(step, &mut failures, &asked.got.answer, context).await;
            (Outcome::Failed { failures }, summary::of(step, &asked.got.answer))
        }
        Err(fault) => (faulty(plan, step, fault, cluster, context).await, String::new()),
    }
}

/// A fault is the environment's, unless it is a wait that ended badly on a sound cluster: then the claim failed.
async fn faulty(plan: &Plan, step: &Step, fault: Fault, cluster: &Cluster, context: &Context) -> Outcome {
    if let Some(error) = cluster.broken() {
        return broken(error);
    }
    let healthy = matches!(api::get(&context.client, "/readyz").await, Ok(http) if http.status == 200);
    if !healthy && let Some(error) = broken_soon(cluster).await {
        return broken(error);
    }
    match fault {
        Fault::Waited { what, last } if healthy => {
            let mismatch = Mismatch {
                pointer: format!("/{}", step.verb),
                message: what.clone(),
                expected: format!("{} within {:?}", step.title, step.timeout),
                got: last,
                server_words: None,
                hint: None,
                class: Class::Object,
            };
            Outcome::Failed { failures: vec![place(plan, step, mismatch)] }
        }
        other => Outcome::Broken {
            class: class(&other).to_owned(),
            message: redact(&other.to_string()).into_owned(),
            remedy: (!healthy).then(|| "the API server is not ready any more: run again".to_owned()),
        },
    }
}

/// Why the cluster is broken: the end of a node shows in an answer that does not come before anybody has said it.
async fn broken_soon(cluster: &Cluster) -> Option<ClusterError> {
    for _ in 0..50 {
        if let Some(error) = cluster.broken() {
            return Some(error);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

fn broken(error: ClusterError) -> Outcome {
    let log = if error.log.is_empty() { String::new() } else { format!(":\n{}", error.log.join("\n")) };
    let message = redact(&format!("{}{log}", error.message)).into_owned();
    Outcome::Broken { class: "cluster".into(), message, remedy: error.remedy }
}

/// A word for reports.
fn class(fault: &Fault) -> &'static str {
    match fault {
        Fault::Kubectl(_) => "kubectl",
        Fault::Unreachable(_) => "unreachable",
        Fault::Refused(_) => "refused",
        Fault::Exec { .. } => "exec",
        Fault::Waited { .. } => "wait",
    }
}

/// A mismatch with its place in the file.
fn place(plan: &Plan, step: &Step, mismatch: Mismatch) -> Failure {
    // What nobody wrote down (the verb must succeed) is the verb's.
    let pointer = if mismatch.pointer.is_empty() { format!("/{}", step.verb) } else { mismatch.pointer.clone() };
    let span = plan.document.span(&format!("{}{pointer}", step.pointer));
    Failure::new(mismatch, &plan.document.source, span)
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
