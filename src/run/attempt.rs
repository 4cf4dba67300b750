//! One attempt at a step, or several until its answer is as expected.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

pub use super::judged::{Judged, calls};
use super::{captures::Captures, effects, existence, going};
use crate::{
    clock::{Moment, timeout_at},
    expect::{
        Answer, IntendedCall, Mismatch, dropped,
        foreign_denial::{ForeignCall, other_call},
        judge, printed, token_review,
    },
    plan::{Action, Step},
    scenario::expect::Expect,
    steps::{self, Context, StepError, exec::STARTS_WITHIN},
};

/// How long after a question it is asked again. A grant or its end takes effect after 5 to 20 ms on one API server.
const AGAIN: Duration = Duration::from_millis(10);

/// How much longer than its time a step is waited for.
const GRACE: Duration = Duration::from_secs(3);

/// How many times in a row a denial must be seen where it may take effect a moment later: authorizers of several API
/// servers, and caches, do not change at the same moment.
const DENIALS: usize = 3;

/// Carries a step out, and keeps what it saves when all holds.
///
/// # Errors
/// As [`poll_until_met`], when a credential would be saved as a text, and when what was refused is being deleted.
pub async fn execute(
    step: &Step,
    captures: &mut Captures,
    context: &Context,
    deadline: Moment,
) -> Result<Judged, StepError> {
    let step = resolved(step.clone(), context).await?;
    let mut asked = poll_until_met(&step, context, deadline).await?;
    let holds = asked.mismatches.is_empty();
    // Both look at what was refused, after the refusal: at once, as nothing else waits for the cluster meanwhile.
    let going = Box::pin(going::check(&step, &asked, context));
    let missing = Box::pin(async {
        if holds { existence::missing(&step, &asked.got.answer, context).await } else { Ok(vec![]) }
    });
    let (going, missing) = tokio::join!(going, missing);
    going?;
    let missing = missing?;
    if holds {
        asked.mismatches = missing;
    }
    if asked.mismatches.is_empty() {
        asked.mismatches = captures.save(&step, &asked.got, context)?;
    }
    Ok(asked)
}

/// Asks once, or for at most the longest `within` of what is expected, until the answer is as expected. All expectations of
/// the step are judged: those that do not hold on this cluster are not among them any more.
///
/// # Errors
/// The step could not be carried out, or was not over in its time.
pub async fn poll_until_met(step: &Step, context: &Context, deadline: Moment) -> Result<Judged, StepError> {
    let within = step.expected.iter().filter_map(|item| item.within).max();
    let done = |asked: &Judged| effects::went_through(step, asked);
    let until = within.map(|within| Moment::now() + within);
    let mut asked = repeat(within, needed(step), done, || attempt_once_it_runs(step, context, deadline, until)).await?;
    if within.is_some() && done(&asked) {
        effects::tell(step, &mut asked);
    }
    Ok(asked)
}

/// How many times in a row it must be as expected.
fn needed(step: &Step) -> usize {
    let denied = match &step.action {
        Action::Can(can) => can.cells.iter().any(|cell| !cell.allowed),
        Action::Exec(_) | Action::Kubectl(_) => step.expected.iter().any(|item| item.expect.tells_of_denial()),
        _ => step.expected.iter().any(|item| item.expect.is_denial()),
    };
    if denied { DENIALS } else { 1 }
}

/// Asks until it was so as many times in a row as are needed, or the time is over, or an attempt has `done` what must not be
/// done twice.
async fn repeat<F: Future<Output = Result<Judged, StepError>>>(
    within: Option<Duration>,
    needed: usize,
    done: impl Fn(&Judged) -> bool,
    mut attempt: impl FnMut() -> F,
) -> Result<Judged, StepError> {
    let begun = Moment::now();
    let first = attempt().await?;
    let Some(within) = within.filter(|_| !done(&first)) else { return Ok(first) };
    let mut seen = usize::from(first.mismatches.is_empty());
    let (mut last, mut attempts, mut over) = (first, 1, false);
    let mut ticks = tokio::time::interval(AGAIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while seen < needed && !over {
        ticks.tick().await;
        // The last look begins when the time is over: in a stop too short for the clock to see, no attempt looked.
        over = begun.elapsed() >= within;
        last = attempt().await?;
        attempts += 1;
        seen = if last.mismatches.is_empty() { seen + 1 } else { 0 };
        over |= done(&last);
    }
    Ok(Judged { attempts, ..last })
}

/// One attempt; what is asked in a container that does not run yet, when it does.
async fn attempt_once_it_runs(
    step: &Step,
    context: &Context,
    deadline: Moment,
    until: Option<Moment>,
) -> Result<Judged, StepError> {
    loop {
        match (attempt(step, context, deadline).await, until) {
            (Err(StepError::NotYet { place, .. }), Some(until)) if !until.min(deadline).left().is_zero() => {
                steps::running::wait(&place, context, until.min(deadline)).await?;
                tokio::time::sleep(AGAIN).await;
            }
            (other, _) => return other,
        }
    }
}

/// One attempt in its time. What waits in a Pod or on the node ends a moment after the deadline, and says more than that it is late.
async fn attempt(step: &Step, context: &Context, deadline: Moment) -> Result<Judged, StepError> {
    let late = |_| StepError::Unreachable(format!("no whole answer came within {:?}", step.timeout));
    // On the heap: the threads of tests have small stacks.
    let grace = if matches!(step.action, Action::Curl(_)) { GRACE + STARTS_WITHIN } else { GRACE };
    timeout_at(deadline + grace, Box::pin(evaluate(step, context, deadline))).await.map_err(late)?
}

/// Carries the action out and judges all expectations.
async fn evaluate(step: &Step, context: &Context, deadline: Moment) -> Result<Judged, StepError> {
    let who = context.identities.requester(&step.caller, &context.client).await?;
    let got = steps::perform(&step.action, &who, context, deadline).await?;
    let meant = meant(step, &got.answer);
    let mut mismatches: Vec<Mismatch> = Vec::new();
    for item in &step.expected {
        let mut found = judge(&item.expect, &got.answer, meant.as_ref());
        if let Some(args) = kubectl_args(&step.action) {
            printed::kubectl_succeeded(&mut found, &item.expect, args, meant.as_ref());
        }
        if let (Some(wanted), true) = (&item.expect.token_review, found.is_empty()) {
            let token = got.token.as_ref().ok_or_else(|| StepError::Refused("there is no token to review".into()))?;
            let status = steps::token::review(token, &wanted.asked_audiences, context).await?;
            found = token_review::judge(wanted, &status);
        }
        if found.is_empty() {
            found.extend(elsewhere(step, &item.expect, &got.answer));
            found.extend(dropped(&item.expect, &got.answer, says_how_fields_are_taken(&step.action)));
        }
        for mut mismatch in found {
            if let Some(rest) = mismatch.pointer.strip_prefix("/expect") {
                mismatch.pointer = format!("{}{rest}", item.pointer);
            }
            // What the author did not write down is not told once for each expectation.
            if !mismatches.contains(&mismatch) {
                mismatches.push(mismatch);
            }
        }
    }
    Ok(Judged { got, mismatches, attempts: 1 })
}

/// Whether a refusal by another server than the API server is about another call than the step's.
fn elsewhere(step: &Step, expect: &Expect, answer: &Answer) -> Option<Mismatch> {
    let (Action::Curl(call), Answer::Curl(http), Some(by)) = (&step.action, answer, expect.by) else { return None };
    if !by.is_elsewhere() {
        return None;
    }
    let path = call.path().split(['?', '#']).next().unwrap_or_default();
    other_call(by, http, ForeignCall { user: &call.identity.username(), method: call.method, path })
}

/// What kubectl is given, if it is kubectl that is run.
fn kubectl_args(action: &Action) -> Option<&[String]> {
    match action {
        Action::Kubectl(kubectl) => Some(&kubectl.args),
        Action::Exec(exec) => {
            let (program, args) = exec.command.split_first()?;
            (program.rsplit('/').next() == Some("kubectl")).then_some(args)
        }
        _ => None,
    }
}

/// Whether a call itself says what is to become of fields that the kind does not have.
fn says_how_fields_are_taken(action: &Action) -> bool {
    match action {
        Action::Request(call) => call.path.contains("fieldValidation="),
        Action::Curl(call) => call.url.contains("fieldValidation="),
        Action::Kubectl(kubectl) => kubectl.args.iter().any(|word| word.starts_with("--validate")),
        _ => false,
    }
}

/// Who and what the API server must speak of when it refuses; of several requests that a step makes, the one that it does
/// speak of.
fn meant(step: &Step, answer: &Answer) -> Option<IntendedCall> {
    if let Answer::Exec { .. } = answer {
        return printed_by(step);
    }
    let (identity, requests) = calls(step)?;
    let user = identity.username();
    let mut denials: Vec<String> = requests.iter().map(|request| request.denial(&user)).collect();
    let message = match answer {
        Answer::Api(http) | Answer::Curl(http) => http.json.as_ref().and_then(|json| json["message"].as_str()),
        Answer::Reviews(_) | Answer::CurlFailed { .. } | Answer::Exec { .. } => None,
    };
    let said = denials.iter().position(|denial| message.is_some_and(|message| message.starts_with(denial.as_str())));
    let denial = if denials.is_empty() { return None } else { denials.swap_remove(said.unwrap_or(0)) };
    Some(IntendedCall { denial, user })
}

/// Who a refusal must be about that a command prints; what it asks is not known.
fn printed_by(step: &Step) -> Option<IntendedCall> {
    let user = match &step.action {
        Action::Exec(exec) => exec.identity.username(),
        _ => step.caller.identity.as_ref()?.username(),
    };
    Some(IntendedCall { user, denial: String::new() })
}

/// The step with the plurals that only the cluster knows, so that a refusal of a caller can be compared with it.
///
/// # Errors
/// When the cluster does not serve a kind.
async fn resolved(mut step: Step, context: &Context) -> Result<Step, StepError> {
    if let Action::Can(can) = &mut step.action {
        steps::can::resolve(can, context).await?;
    }
    if let Action::Get(target) = &mut step.action
        && target.kind.plural.is_none()
        && step.expected.iter().any(|item| item.expect.is_not_found())
        && !steps::served_kind::is_served(&target.kind, &context.client).await?
    {
        // Nothing is at its path, whatever the plural would be: the server says so itself.
        target.kind.plural = Some(format!("{}s", target.kind.kind.to_lowercase()));
    }
    if step.caller.identity.is_some() {
        for kind in step.action.kinds_mut() {
            *kind = steps::served_kind::resolve(kind, &context.client).await?;
        }
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use rstest::rstest;

    use super::*;
    use crate::{expect::Class, steps::StepResult};

    fn judged(holds: bool) -> Judged {
        let mismatch = Mismatch::new("", Class::Status, "", "");
        let answer = Answer::Exec { exit_code: 0, stdout: vec![], stderr: vec![] };
        let mismatches = if holds { vec![] } else { vec![mismatch] };
        Judged { got: StepResult { answer, token: None, at: 0 }, mismatches, attempts: 1 }
    }

    #[rstest]
    #[case("get: {kind: Pod}, expect: {status: 403}", DENIALS)]
    #[case("get: {kind: Pod}, expect: {reason: Forbidden, within: 2s}", DENIALS)]
    #[case("get: {kind: Pod}, expect: {status: 403, by: admission}", DENIALS)]
    #[case(
        "get: {kind: Pod}, expect: [{when: {kubernetes: '<1.30'}, status: 200}, {when: {kubernetes: '>=1.30'}, reason: Forbidden}]",
        DENIALS
    )]
    #[case("can: {who: anonymous, verb: list, resource: pods, allowed: false}", DENIALS)]
    #[case("can: {who: anonymous, verb: list, resource: pods, allowed: true}", 1)]
    #[case("kubectl: {args: [get, pods]}, expect: {exitCode: 1, stderr: {contains: is forbidden}}", DENIALS)]
    #[case("get: {kind: Pod, name: a}, expect: {absent: true}", 1)]
    fn a_denial_is_seen_several_times(#[case] step: &str, #[case] times: usize) {
        let text = format!("title: t\nsteps: [{{title: t, {step}}}]");
        let document = crate::scenario::read(std::path::Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        let plan = crate::plan::plan(document, &crate::plan::Names { suffix: "x".into() }).expect("a plan");
        assert_eq!(needed(&plan.steps[0]), times);
    }

    #[tokio::test]
    async fn a_process_that_stood_still_looks_once_more() {
        let looks = Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            let first = looks.get() == 1;
            async move {
                if first {
                    // As a SIGSTOP: longer than there was time.
                    std::thread::sleep(Duration::from_millis(30));
                }
                Ok(judged(!first))
            }
        };
        let ended = repeat(Some(Duration::from_millis(10)), 1, |_| false, look).await.expect("an answer");
        assert_eq!((ended.mismatches.len(), ended.attempts), (0, 2));
    }

    #[tokio::test]
    async fn what_is_done_is_not_done_repeat() {
        let ended =
            repeat(Some(Duration::from_secs(5)), 3, |_| true, || async { Ok(judged(false)) }).await.expect("an answer");
        assert_eq!((ended.mismatches.len(), ended.attempts), (1, 1));
        let tries = Cell::new(0);
        let second = || {
            tries.set(tries.get() + 1);
            async { Ok(judged(false)) }
        };
        let ended = repeat(Some(Duration::from_secs(5)), 3, |_| tries.get() == 2, second).await.expect("an answer");
        assert_eq!((ended.mismatches.len(), ended.attempts), (1, 2));
    }

    #[tokio::test]
    async fn what_never_holds_ends_with_the_time() {
        let never = || async { Ok(judged(false)) };
        let ended = repeat(Some(Duration::from_millis(1)), 1, |_| false, never).await.expect("an answer");
        assert_eq!(ended.mismatches.len(), 1);
        let once = repeat(None, 1, |_| false, never).await.expect("an answer");
        assert_eq!(once.attempts, 1);
    }
}
