//! Why a call was allowed or refused against what was expected: asked of the cluster's RBAC objects when a step has failed.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::attempt;
use crate::{
    clock::{self, Moment},
    event::Failure,
    expect::{Answer, Class, Refused, Reviewed},
    explain::{Caller, Id, Policy, Question, Verdict, evaluate, explain, fetch},
    k8s::{
        Apis, definition,
        object::{going_since, objects_of},
    },
    plan::{
        Action, Expected, Request, Step,
        can::Can,
        kubectl_asks::{self, Called},
    },
    redact::redact,
    scenario::expect::DeniedBy,
    steps::{Context, api},
};

/// By these words a hint is known that says what a reason says.
const GRANT: &str = "would grant just this";
const NO_GRANT: &str = "no binding of this identity";

/// A failure is told without reasons rather than late.
const BUDGET: Duration = Duration::from_secs(5);

/// Adds the reasons to the failures that have any; when they cannot be found out, nothing is said.
pub async fn add(step: &Step, failures: &mut [Failure], answer: Option<&Answer>, context: &Context) {
    let mut surprised: Vec<(&mut Failure, Surprised)> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    let asked = match &step.action {
        Action::Kubectl(_) => by_kubectl(step, answer, context).await,
        _ => None,
    };
    for failure in failures {
        let found = match (&step.action, answer) {
            (Action::Can(can), Some(Answer::Reviews(reviews))) => of_review(step, can, reviews, failure),
            _ => of_call(step, (asked.as_deref(), answer), failure, &mut told),
        };
        surprised.extend(found.map(|found| (failure, found)));
    }
    if surprised.is_empty() {
        return;
    }
    let Ok(Ok(policy)) = clock::timeout_at(Moment::now() + BUDGET, fetch::policy(&context.client)).await else {
        return;
    };
    for (failure, Surprised { surprise, questions, within }) in surprised {
        let Some((question, verdict)) = telling(surprise, questions, &policy) else { continue };
        let mut lines = said(surprise, &verdict, &question, within);
        if let (Surprise::Allowed, Verdict::Granted(grant)) = (surprise, &verdict) {
            lines.extend(still_there(&policy, &grant.binding));
        }
        // The reasons say what would grant it, too, and more exactly than a hint that knows no binding.
        let same = failure.mismatch.hint.as_ref().is_some_and(|hint| hint.contains(GRANT) || hint.contains(NO_GRANT));
        if surprise == Surprise::Refused && same && question.caller.user != "system:anonymous" {
            failure.mismatch.hint = None;
        }
        failure.why = lines.iter().map(|line| redact(line).into_owned()).collect();
    }
}

/// What a call of kubectl may have asked. Kinds of one's own are known by their definitions, as far as they can be read.
async fn by_kubectl(step: &Step, answer: Option<&Answer>, context: &Context) -> Option<Vec<Request>> {
    const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let Action::Kubectl(kubectl) = &step.action else { return None };
    let read = clock::timeout_at(Moment::now() + BUDGET, api::get(&context.client, DEFINITIONS)).await;
    let definitions = read.ok().and_then(Result::ok).and_then(|list| list.json);
    let own = objects_of(definitions).iter().flat_map(definition::resources).collect();
    let printed = match answer {
        Some(Answer::Exec { stdout, .. }) => String::from_utf8_lossy(stdout),
        _ => "".into(),
    };
    let called = Called { args: &kubectl.args, stdin: kubectl.stdin.as_deref(), printed: &printed };
    Some(kubectl_asks::requests(called, &Apis::of_scenario(own, Vec::new())))
}

/// Of the requests that a call may have made, the one that tells why it was let pass, or else the first; and the verdict on it.
fn telling(surprise: Surprise, mut questions: Vec<Question>, policy: &Policy) -> Option<(Question, Verdict)> {
    let grants = |question: &Question| evaluate::grant(policy, question).is_some();
    let granted = questions.iter().position(grants).filter(|_| surprise == Surprise::Allowed);
    let at = granted.unwrap_or(0);
    let question = (at < questions.len()).then(|| questions.swap_remove(at))?;
    let verdict = explain(policy, &question);
    Some((question, verdict))
}

/// Why a call was granted or refused as it was expected to be, for those who learn; when it cannot be found out, nothing is said. Of a
/// step that asks several questions, the first of each answer.
pub async fn of_what_held(step: &Step, answer: &Answer, context: &Context) -> Vec<String> {
    let questions = questions(step, answer);
    if questions.is_empty() {
        return vec![];
    }
    let Ok(Ok(policy)) = clock::timeout_at(Moment::now() + BUDGET, fetch::policy(&context.client)).await else {
        return vec![];
    };
    let mut lines = Vec::new();
    for (question, allowed) in questions {
        let verdict = explain(&policy, &question);
        // What has changed since the answer, or another authorizer, explains nothing.
        if allowed == matches!(verdict, Verdict::Granted(_)) {
            lines.extend(verdict.lines(&question).iter().map(|line| redact(line).into_owned()));
        }
    }
    lines
}

/// What a step has asked that RBAC decides on, and whether it let it pass.
fn questions(step: &Step, answer: &Answer) -> Vec<(Question, bool)> {
    if let (Action::Can(can), Answer::Reviews(reviews)) = (&step.action, answer) {
        // The answers are in the order of the questions.
        let all = || can.cells.iter().zip(reviews);
        let first = |allowed: bool| all().find(|(_, review)| review.allowed == allowed);
        let asked = [first(true), first(false)].into_iter().flatten();
        return asked
            .map(|(cell, review)| {
                let caller = Caller { user: cell.who.user.clone(), groups: cell.who.groups.clone() };
                (Question { caller, request: review.request.clone() }, review.allowed)
            })
            .collect();
    }
    let (Answer::Api(http) | Answer::Curl(http)) = answer else { return vec![] };
    let Some((identity, requests)) = attempt::calls(step) else { return vec![] };
    let message = http.json.as_ref().and_then(|json| json["message"].as_str()).unwrap_or_default();
    let refused = requests.iter().find(|request| message.starts_with(&request.denial(&identity.username())));
    let allowed = !matches!(http.status, 401 | 403);
    let Some(request) = refused.or(requests.first()).filter(|_| allowed || refused.is_some()) else { return vec![] };
    vec![(Question { caller: Caller::from_identity(identity), request: request.clone() }, allowed)]
}

/// A binding that was deleted and is held grants until it is gone.
fn still_there(policy: &Policy, binding: &Id) -> Option<String> {
    let is_it = |metadata: &&ObjectMeta| {
        metadata.name.as_deref() == Some(&binding.name) && metadata.namespace == binding.namespace
    };
    let metadata = match binding.namespace {
        Some(_) => policy.role_bindings.iter().map(|one| &one.metadata).find(is_it),
        None => policy.cluster_role_bindings.iter().map(|one| &one.metadata).find(is_it),
    };
    let going = going_since(&serde_json::json!({"metadata": metadata?}))?;
    Some(format!("{binding} {going}; it grants until it is gone"))
}

/// An answer of the authorizer against what was expected.
struct Surprised {
    surprise: Surprise,
    /// What may have been asked, the most telling first.
    questions: Vec<Question>,
    /// Whether the step asks again.
    within: bool,
}

/// The call of a step, or what kubectl has asked; once for each expectation.
fn of_call<'a>(
    step: &'a Step,
    (by_kubectl, answer): (Option<&[Request]>, Option<&Answer>),
    failure: &Failure,
    told: &mut Vec<&'a str>,
) -> Option<Surprised> {
    let (identity, requests) = attempt::calls(step)?;
    let requests = by_kubectl.map_or(requests, <[Request]>::to_vec);
    let item = expected(step, failure)?;
    let passed = by_kubectl.is_some() && matches!(answer, Some(Answer::Exec { exit_code: 0, .. }));
    let surprise = surprise(item, failure, passed)?;
    if told.contains(&item.pointer.as_str()) {
        return None;
    }
    // Of several requests that a step makes, the one that the server speaks of.
    let words = failure.mismatch.server_words.as_deref().unwrap_or_default();
    let spoken_of = requests.iter().find(|request| words.starts_with(&request.denial(&identity.username()))).cloned();
    let spoken_of = spoken_of.or_else(|| said_by_server(words, &identity.username()));
    let requests = spoken_of.map_or(requests, |request| vec![request]);
    told.push(&item.pointer);
    let ask = |request| Question { caller: Caller::from_identity(identity), request };
    let questions = requests.into_iter().map(ask).collect();
    Some(Surprised { surprise, questions, within: item.within.is_some() })
}

/// What a user was refused, as the server says it.
fn said_by_server(words: &str, user: &str) -> Option<Request> {
    let refused = Refused::parse(words.trim()).filter(|refused| refused.user == user)?;
    Some(refused.request())
}

/// The first wrong answer of those that a failure speaks of.
fn of_review(step: &Step, can: &Can, reviews: &[Reviewed], failure: &Failure) -> Option<Surprised> {
    let surprise = match failure.mismatch.class {
        Class::Allowed => Surprise::Allowed,
        Class::Refused => Surprise::Refused,
        _ => return None,
    };
    let (index, wrong) = reviews.iter().enumerate().find(|(_, review)| {
        review.pointer == failure.mismatch.pointer
            && review.allowed != review.expected
            && review.allowed == (surprise == Surprise::Allowed)
    })?;
    // The answers are in the order of the questions.
    let cell = can.cells.get(index)?;
    let caller = Caller { user: cell.who.user.clone(), groups: cell.who.groups.clone() };
    let within = step.expected.iter().any(|item| item.within.is_some());
    let questions = vec![Question { caller, request: wrong.request.clone() }];
    Some(Surprised { surprise, questions, within })
}

/// The expectation that did not hold; what the author did not write down is the first one's.
fn expected<'a>(step: &'a Step, failure: &Failure) -> Option<&'a Expected> {
    let of = |item: &&Expected| {
        let rest = failure.mismatch.pointer.strip_prefix(&item.pointer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    step.expected.iter().find(of).or(step.expected.first())
}

/// What authorization did, against the expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surprise {
    /// A call that should have been refused was allowed.
    Allowed,
    /// The other way round.
    Refused,
}

/// What a failure says of authorization; `passed`: kubectl was let pass.
fn surprise(item: &Expected, failure: &Failure, passed: bool) -> Option<Surprise> {
    let by_rbac = matches!(item.expect.by, None | Some(DeniedBy::Rbac));
    match failure.mismatch.class {
        // A refusal that is claimed by what kubectl prints and by its exit code.
        _ if passed && item.expect.claim_of_command().is_some() => Some(Surprise::Allowed),
        Class::Allowed if by_rbac => Some(Surprise::Allowed),
        // A 404, 409 or 422: authorization, which comes first, let the call pass.
        Class::Status if item.expect.is_rbac_denial() => Some(Surprise::Allowed),
        Class::Refused => Some(Surprise::Refused),
        _ => None,
    }
}

fn said(surprise: Surprise, verdict: &Verdict, question: &Question, within: bool) -> Vec<String> {
    let later = |what: &str| {
        if within { String::new() } else { format!("; {what} takes effect a moment later, so ask with `within: 2s`") }
    };
    let mut lines = verdict.lines(question);
    match (surprise, verdict) {
        (Surprise::Allowed, Verdict::Granted(_)) | (Surprise::Refused, Verdict::Denied { .. }) => lines,
        (Surprise::Allowed, Verdict::Denied { .. }) => {
            vec![format!("by now no binding grants it{}", later("the end of a grant"))]
        }
        (Surprise::Refused, Verdict::Granted(_)) => {
            lines[0] = format!("by now it is granted: {}{}", lines[0], later("a grant"));
            lines
        }
    }
}

#[cfg(test)]
#[path = "why/tests.rs"]
mod tests;
