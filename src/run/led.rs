//! A scenario through which a guide leads: step by step, and back.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    captures::Captures,
    cleanup::{self, Going},
    ended::Ended,
    guide::{Guide, Position, Turn},
    millis::millis,
    playing::{Playing, count, path_of},
    rewind::{self, Snapshot, Undone},
    tell::Tell,
};
use crate::{
    clock::{Moment, timeout_at},
    cluster::emptied,
    event::{ENDED, Event, Outcome, Rewound, RewoundBy},
    exit_code::Exit,
    k8s::Apis,
    plan::{
        Action, Plan, Request, Saved, Step,
        kubectl_asks::{self, Called},
    },
    steps::Context,
};

/// How long it may take to undo steps before all is begun anew instead.
const UNDONE_WITHIN: Duration = Duration::from_secs(20);

/// How a scenario goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It is over.
    End,
    /// All that it made is removed, and it is begun anew.
    Anew,
}

/// How far a guide has led through a scenario, also when it is begun anew.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// What came of each step that is behind.
    outcomes: Vec<Outcome>,
    /// Where it goes on after it was begun anew.
    anew: Option<Return>,
    /// What the cluster was before the first step.
    first: Option<Snapshot>,
}

impl Course {
    /// The scenario's own namespace, which is another one each time, is no part of it.
    fn note_first(&mut self, mark: Option<&Mark>, own: Option<&str>) {
        if let Some(mark) = mark.filter(|_| self.outcomes.is_empty()) {
            self.first.get_or_insert_with(|| {
                let all = (*mark.snapshot).clone();
                match own {
                    Some(own) => all.without(own),
                    None => all,
                }
            });
        }
    }
}

/// Back to a step by beginning anew.
#[derive(Debug)]
struct Return {
    /// The number of the step that comes next then.
    to: usize,
    /// Why it could not be undone.
    why: String,
    /// What cannot be undone.
    stays: Vec<String>,
    begun: Instant,
}

/// What a scenario was before a step.
#[derive(Debug, Clone)]
struct Mark {
    snapshot: Arc<Snapshot>,
    captures: Captures,
    /// How much it had made and changed.
    counts: (usize, usize),
}

/// Plays as the guide says.
pub(super) async fn play(
    playing: &mut Playing<'_>,
    guide: &dyn Guide,
    course: &mut Course,
    ended: &mut Ended,
    tell: Tell<'_>,
) -> Way {
    playing.explains = true;
    let steps = &playing.plan.steps;
    let own = playing.context.own.as_ref().map(|own| own.name.clone());
    let mut marks: Vec<Option<Mark>> = Vec::new();
    if let Some(back) = course.anew.take() {
        again(playing, back, course, tell).await;
        recount(ended, course, steps.len());
        marks.resize(course.outcomes.len(), None);
    }
    loop {
        let at = course.outcomes.len();
        let next = steps.get(at);
        let known = marks.last().cloned().flatten().filter(|_| !guide.touched() && is_unchanged(course, steps));
        if let Some((step, reason)) = next.and_then(|step| Some((step, playing.left_out(step)?))) {
            // The last mark is from before the step before this one.
            let mark = mark(playing, known, true).await;
            course.note_first(mark.as_ref(), own.as_deref());
            marks.push(mark);
            playing.skip(step, reason.clone(), tell);
            course.outcomes.push(Outcome::Skipped { reason });
            continue;
        }
        let lines = next.map(|step| playing.lines(step));
        let position = Position { plan: playing.plan, cluster: playing.cluster, at, lines: lines.as_deref() };
        let (mark, turn) = tokio::join!(mark(playing, known, next.is_some()), guide.turn(position));
        course.note_first(mark.as_ref(), own.as_deref());
        match (turn, next) {
            (Turn::Step, Some(step)) => {
                marks.push(mark);
                playing.deadline = Moment::now() + playing.plan.timeout;
                let outcome = playing.step(step, tell).await;
                course.outcomes.push(outcome);
            }
            (Turn::Skip(reason), Some(step)) => {
                marks.push(mark);
                playing.skip(step, reason.clone(), tell);
                course.outcomes.push(Outcome::Skipped { reason });
            }
            (Turn::Back(to), _) => {
                let to = to.clamp(1, at + 1);
                let begun = Instant::now();
                let undone: Vec<&Step> = steps[to - 1..at].iter().collect();
                let mut stays = lasting(&undone);
                let there = marks.get(to - 1).cloned().flatten().or(mark.filter(|_| to == at + 1));
                match undo(playing, there.as_ref()).await {
                    Ok(undone) => {
                        stays.extend(renewed(&undone));
                        course.outcomes.truncate(to - 1);
                        marks.truncate(to - 1);
                        tell(rewound(playing.plan, to, RewoundBy::Undo, begun, stays));
                    }
                    Err(why) => {
                        course.anew = Some(Return { to, why, stays, begun });
                        return Way::Anew;
                    }
                }
            }
            (Turn::End | Turn::Step | Turn::Skip(_), _) => break,
        }
        recount(ended, course, steps.len());
    }
    let held = |outcome: &Outcome| matches!(outcome, Outcome::Held | Outcome::Skipped { .. });
    let bad = course.outcomes.iter().position(|outcome| !held(outcome));
    let reason = bad.map_or_else(|| ENDED.to_owned(), |at| format!("step {} did not hold", at + 1));
    for step in &steps[course.outcomes.len()..] {
        playing.skip(step, reason.clone(), tell);
    }
    recount(ended, course, steps.len());
    Way::End
}

/// What the scenario is before its next step. One that was known is still so when nothing has changed since.
async fn mark(playing: &Playing<'_>, known: Option<Mark>, is_needed: bool) -> Option<Mark> {
    if !is_needed {
        return None;
    }
    let snapshot = match known {
        Some(mark) => mark.snapshot,
        None => Arc::new(rewind::look(&playing.context.client).await.ok()?),
    };
    Some(Mark { snapshot, captures: playing.captures.clone(), counts: playing.context.counts() })
}

/// Whether the cluster is what it was before the last step that is behind, which was not run or only asked.
fn is_unchanged(course: &Course, steps: &[Step]) -> bool {
    let last = course.outcomes.last().zip(course.outcomes.len().checked_sub(1));
    last.is_some_and(|(outcome, at)| matches!(outcome, Outcome::Skipped { .. }) || only_asks(&steps[at]))
}

/// Whether nothing on the cluster is another after a step.
fn only_asks(step: &Step) -> bool {
    step.action.only_reads() && !matches!(step.action, Action::Curl(_))
}

/// Makes the cluster what it was, and the scenario, too.
async fn undo(playing: &mut Playing<'_>, mark: Option<&Mark>) -> Result<Undone, String> {
    let mark = mark.ok_or("what the cluster was before is not known any more")?;
    let (client, deadline) = (&playing.context.client, Moment::now() + UNDONE_WITHIN);
    let undone = rewind::undo(&mark.snapshot, &playing.plan.namespace, client, deadline).await?;
    if let Some(name) = mark.captures.named_among(&undone.stale) {
        return Err(format!("what was saved as `{name}` is not true any more of an object that was written back"));
    }
    rewind::delete_events(playing.context, mark.counts.0).await?;
    playing.captures = mark.captures.clone();
    playing.context.forget_since(mark.counts, &undone.renewed);
    playing.executor.note_deletions();
    Ok(undone)
}

/// Runs the steps again that held before, without a word, up to the one to which it goes back.
async fn again(playing: &mut Playing<'_>, back: Return, course: &mut Course, tell: Tell<'_>) {
    let Return { to, why, mut stays, begun } = back;
    let before = std::mem::take(&mut course.outcomes);
    stays.insert(0, format!("it was begun anew, because {why}"));
    playing.deadline = Moment::now() + playing.plan.timeout;
    let mut bad = None;
    for (step, outcome) in playing.plan.steps.iter().zip(before).take(to - 1) {
        if matches!(outcome, Outcome::Skipped { .. }) {
            course.outcomes.push(outcome);
            continue;
        }
        let mut told = Vec::new();
        let now = playing.step(step, &mut |event| told.push(event)).await;
        course.outcomes.push(now.clone());
        if !matches!(now, Outcome::Held) {
            stays.push(format!("step {} did not hold this time", step.number));
            bad = Some(told);
            break;
        }
    }
    let to = if bad.is_some() { course.outcomes.len() } else { to };
    tell(rewound(playing.plan, to, RewoundBy::Replay, begun, stays));
    bad.into_iter().flatten().for_each(tell);
}

/// Removes all that a scenario made, so that it can be begun anew. Gives what could not be removed, and its namespace if that goes by
/// itself.
/// What else is another than before the first step, as after a shell, is written back.
pub(super) async fn clean(
    plan: &Plan,
    context: &Context,
    budget: Duration,
    course: &mut Course,
) -> (Vec<String>, Option<Going>) {
    let deadline = Moment::now() + budget;
    let _ = timeout_at(deadline, rewind::let_go(context)).await;
    let left = Box::pin(cleanup::remove(plan, context, budget)).await;
    let going = Going::own_namespace(context);
    if let Some(going) = &going
        && plan.document.scenario.namespace.is_some()
    {
        // The next one has the same name.
        let _ = emptied::finish(&context.client, Some(&[going.name.as_str()]), deadline).await;
    }
    if let Some(first) = &course.first {
        let own = going.as_ref().map(|going| going.name.as_str());
        let restored = rewind::restore(first, own, &context.client, Moment::now() + UNDONE_WITHIN).await;
        if let (Err(why), Some(back)) = (restored, &mut course.anew) {
            back.stays.push(format!("the cluster is not all that it was before the first step: {why}"));
        }
    }
    (left, going)
}

fn rewound(plan: &Plan, to: usize, by: RewoundBy, begun: Instant, stays: Vec<String>) -> Event {
    let (path, namespace) = (path_of(plan), plan.namespace.clone());
    Event::Rewound(Rewound { path, to, by, namespace, took_ms: millis(begun.elapsed()), stays })
}

/// What of these steps cannot be taken back.
fn lasting(steps: &[&Step]) -> Vec<String> {
    let asks = |step: &Step, parts: &[&str]| {
        let is_one = |request: &Request| matches!(request, Request::Resource { subresource: Some(part), .. } if parts.contains(&part.as_str()));
        match &step.action {
            Action::Kubectl(kubectl) => {
                let called = Called { args: &kubectl.args, stdin: kubectl.stdin.as_deref(), printed: "" };
                kubectl_asks::requests(called, &Apis::of_scenario(vec![], vec![])).iter().any(is_one)
            }
            action => action.requests().iter().any(is_one),
        }
    };
    let tokens = |step: &&&Step| {
        let saves = step.save.iter().any(|save| save.what == Saved::Token);
        matches!(step.action, Action::Token(_)) || saves || asks(step, &["token"])
    };
    let commands = |step: &&&Step| matches!(step.action, Action::Exec(_)) || asks(step, &["exec", "attach"]);
    let pods = |step: &&&Step| matches!(step.action, Action::Pod(_));
    let named = |words: &str, is: &dyn Fn(&&&Step) -> bool| {
        let numbers: Vec<String> = steps.iter().filter(|step| is(step)).map(|step| step.number.to_string()).collect();
        (!numbers.is_empty()).then(|| format!("step {}: {words}", numbers.join(", ")))
    };
    [
        named("the token that was issued stays good until it expires or its account goes", &tokens),
        named("what a command has changed inside a container or elsewhere stays", &commands),
        named("the Pod gets another uid, address and token the next time", &pods),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What was made again is another one.
fn renewed(undone: &Undone) -> Vec<String> {
    undone.renewed.iter().map(|one| format!("{} {} was made again, with another uid", one.kind, one.name)).collect()
}

/// Counts all that is behind.
fn recount(ended: &mut Ended, course: &Course, steps: usize) {
    *ended = Ended { left: std::mem::take(&mut ended.left), exit: Exit::Held, ..Ended::before(steps) };
    course.outcomes.iter().for_each(|outcome| count(ended, outcome));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{plan, scenario};

    #[test]
    fn what_cannot_be_taken_back_is_said() {
        let text = "title: t
steps:
  - {title: an account, serviceAccount: a}
  - {title: a Pod, pod: {name: p, image: curl}}
  - {title: a token, token: {serviceAccount: a}}
  - {title: a command, exec: {in: p, command: [touch, /tmp/x]}}
  - {title: another token, token: {serviceAccount: a}}
  - {title: a command by kubectl, kubectl: {args: [exec, p, --, touch, /tmp/x]}}
  - {title: a token by kubectl, kubectl: {args: [create, token, a]}}
  - {title: a token by a request, request: {method: POST, path: '/api/v1/namespaces/default/serviceaccounts/default/token', body: {}}}
";
        let document = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        let plan = plan::plan(document, &plan::Names { suffix: "x".into() }).expect("a plan");
        let steps: Vec<&Step> = plan.steps.iter().collect();
        assert_eq!(
            lasting(&steps),
            [
                "step 3, 5, 7, 8: the token that was issued stays good until it expires or its account goes",
                "step 4, 6: what a command has changed inside a container or elsewhere stays",
                "step 2: the Pod gets another uid, address and token the next time",
            ]
        );
        assert!(lasting(&steps[..1]).is_empty());
    }

    #[test]
    fn a_step_that_was_rewound_is_not_counted() {
        let reason = String::new();
        let mut course = Course { outcomes: vec![Outcome::Held, Outcome::Skipped { reason }], ..Course::default() };
        course.outcomes.push(Outcome::Failed { failures: vec![] });
        let mut ended = Ended::before(5);
        recount(&mut ended, &course, 5);
        assert_eq!((ended.held, ended.failed, ended.skipped, ended.exit), (1, 1, 3, Exit::Failed));
        course.outcomes.truncate(2);
        recount(&mut ended, &course, 5);
        assert_eq!((ended.held, ended.failed, ended.skipped, ended.exit), (1, 0, 4, Exit::Held));
    }
}
