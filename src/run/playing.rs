//! A scenario that is played: one step after the other is carried out, judged and told.

use std::time::Duration;

use tokio::time::Instant;

#[cfg(debug_assertions)]
use super::bug;
use super::{
    attempt, captures::Captures, ended::Ended, judged, millis::millis, reproduce, step_executor::StepExecutor,
    tell::Tell, verdict, why,
};
use crate::{
    clock::{self, Moment},
    cluster::{Cluster, Facts},
    event::{
        Event, Outcome, ResponseRecord, StepFinished, exchange,
        rbac::{self, Rbac},
        secrets,
    },
    exit_code::Exit,
    expect::Answer,
    k8s::Version,
    plan::{
        Action, Exec, Plan, Step, equivalent,
        when::{Here, When},
    },
    reach,
    redact::{redact, show},
    scenario::{diagnostic, when::Feature},
    steps::{Context, StepError},
    text,
};

/// A scenario that is played.
pub(super) struct Playing<'a> {
    pub(super) plan: &'a Plan,
    pub(super) cluster: &'a Cluster,
    pub(super) context: &'a Context,
    /// What steps have kept.
    pub(super) captures: Captures,
    pub(super) executor: StepExecutor<'a>,
    /// When all must be over.
    pub(super) deadline: Moment,
    /// Whether it is looked up why a call was granted or refused, also where that was expected.
    pub(super) explains: bool,
    here: Here,
}

impl<'a> Playing<'a> {
    /// Before its first step.
    pub(super) fn new(plan: &'a Plan, cluster: &'a Cluster, context: &'a Context) -> Self {
        Playing {
            plan,
            cluster,
            context,
            captures: Captures::default(),
            executor: StepExecutor::new(cluster, context, &plan.namespace),
            deadline: Moment::now() + plan.timeout,
            explains: false,
            here: here(cluster.facts()),
        }
    }

    /// Why a step is not for this run or this cluster, if it is not.
    pub(super) fn left_out(&self, step: &Step) -> Option<String> {
        let missing = || step.when.as_ref().and_then(|when| when.missing(&self.here));
        self.plan.left_out.get(&step.number).cloned().or_else(missing)
    }

    /// The lines that do the same as a step that has not run yet, as far as that is known.
    pub(super) fn lines(&self, step: &Step) -> String {
        let filled = self.captures.fill(step);
        filled.iter().for_each(secrets::learn);
        let lines = reproduce::lines(filled.as_ref().unwrap_or(step), None, &self.context.curl_image);
        reproduce::shown(&(reproduce::saved(step) + &lines))
    }

    /// Carries a step out, judges it, and tells of it.
    pub(super) async fn step(&mut self, step: &Step, tell: Tell<'_>) -> Outcome {
        let Playing { plan, cluster, context, .. } = *self;
        let (path, number, title) = (path_of(plan), step.number, step.title.clone());
        tell(Event::StepStarted { path, number, title, say: step.say.clone(), predict: step.predict.clone() });
        let begun = Instant::now();
        let written = step;
        let mut step = step.clone();
        step.expected.retain(|item| item.when.as_ref().is_none_or(|when| when.holds(&self.here)));
        let filled = self.captures.fill(&step);
        filled.iter().for_each(secrets::learn);
        let filled = match filled {
            Ok(mut filled) => {
                let found = clock::timeout_at(self.deadline, self.executor.find(&mut filled)).await;
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
            Ok(filled) => clock::timeout_at(self.deadline, self.executor.execute(filled, &mut self.captures))
                .await
                .unwrap_or(Err(StepError::Late(plan.timeout))),
            Err(fault) => Err(fault.clone()),
        };
        let step = filled.as_ref().unwrap_or(&step);
        #[cfg(debug_assertions)]
        bug::on_demand(step, asked.as_ref().ok().map(|asked| &asked.got.answer));
        let took = begun.elapsed();
        let mut seen = asked.as_ref().map(Seen::from_judged).unwrap_or_default();
        seen.when = step.expected.iter().filter_map(|item| item.when.as_ref()).map(When::describe).collect();
        if let Ok(attempt::Judged { got, .. }) = &asked {
            seen.rbac = rbac::shown_by(step, judged::calls(step), &got.answer, got.at);
        }
        seen.lines =
            Some(reproduce::saved(written) + &reproduce::lines(step, asked.as_ref().ok(), &context.curl_image));
        if let Some(asked) = asked.as_ref().ok().filter(|asked| self.explains && asked.mismatches.is_empty()) {
            seen.why = why::of_what_held(step, &asked.got.answer, context).await;
        }
        let outcome;
        (outcome, seen.summary) = Box::pin(verdict::judge(plan, step, asked, cluster, context)).await;
        tell(finished(plan, step, took, outcome.clone(), seen));
        outcome
    }

    /// Tells that a step is not run.
    pub(super) fn skip(&self, step: &Step, reason: String, tell: Tell<'_>) {
        tell(not_run(self.plan, step, reason));
    }
}

/// A step that is not run, as it is told.
pub(super) fn not_run(plan: &Plan, step: &Step, reason: String) -> Event {
    finished(plan, step, Duration::ZERO, Outcome::Skipped { reason }, Seen::default())
}

/// Counts what came of a step that was not counted yet.
pub(super) fn count(ended: &mut Ended, outcome: &Outcome) {
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
}

/// Where the cluster's own programs run.
const SYSTEM: &str = "kube-system";

/// How a step itself came to the node, if it did: Pods of its own are watched by the process that holds the cluster.
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

/// What is known of a step's answer, whatever becomes of the step.
#[derive(Default)]
struct Seen {
    summary: String,
    warnings: Vec<String>,
    answered: Option<ResponseRecord>,
    attempts: usize,
    /// What does the same.
    lines: Option<String>,
    /// Which binding granted it, or that none did.
    why: Vec<String>,
    rbac: Vec<Rbac>,
    /// Under which conditions what was expected here is expected.
    when: Vec<String>,
}

impl Seen {
    fn from_judged(asked: &attempt::Judged) -> Self {
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
        equivalent: reproduce::shown(&seen.lines.unwrap_or_else(|| equivalent::equivalent(step))),
        summary: redact(&seen.summary).into_owned(),
        warnings: seen.warnings,
        rows: step.rows.clone(),
        when: seen.when,
        yaml: exchange::step_yaml(&plan.document.source.text, plan.document.span(&step.pointer).start),
        asked: exchange::requests(step),
        answered: seen.answered,
        attempts: seen.attempts,
        rbac: seen.rbac,
        why: seen.why,
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

/// The most warnings of an answer that are told. An API server has at most 4 KiB of them; another one may have any.
const MOST_WARNINGS: usize = 20;

/// The texts of an answer's `Warning` headers.
fn warnings(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Api(http) | Answer::Curl(http) => {
            let more = http.warnings.len().saturating_sub(MOST_WARNINGS);
            let told = http.warnings.iter().take(MOST_WARNINGS).map(|text| show::clean(text, show::BODY));
            told.chain((more > 0).then(|| format!("and {more} more"))).collect()
        }
        Answer::Reviews(_) | Answer::CurlFailed { .. } | Answer::Exec { .. } => vec![],
    }
}

/// How events name a scenario.
pub(super) fn path_of(plan: &Plan) -> String {
    text::named(&plan.document.source.path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::Http;

    #[test]
    fn warnings_of_a_hostile_server_have_an_end_and_no_credential() {
        let long = format!("299 - \"{}\"", "x".repeat(1 << 20));
        let token = "299 - \"sent Authorization: Bearer abcdef0123456789abcdef\"".to_owned();
        let all: Vec<String> = [long, token].into_iter().chain((0..200).map(|n| format!("299 - \"{n}\""))).collect();
        let told = warnings(&Answer::Api(Http { warnings: all, ..Http::with_object(200, None) }));
        assert_eq!((told.len(), told[20].as_str()), (21, "and 182 more"));
        assert!(told.iter().all(|text| text.len() <= show::BODY + 30), "{told:?}");
        assert!(!told[1].contains("abcdef0123"), "{}", told[1]);
    }
}
