//! What came of a step: it held, the claim failed, or the environment did.

use std::time::Duration;

use super::{attempt, summary, why};
use crate::{
    cluster::{Cluster, ClusterError, ready},
    event::{Failure, Fault, Outcome},
    expect::{Class, Mismatch},
    plan::{Place, Plan, Step},
    redact::redact,
    steps::{Context, RUNNING_CONTAINER, StepError, kubectl::GOES_ON},
    text,
};

/// How long a node's death may take to be told, once an answer that does not come shows it.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// The outcome of what was asked, and a few words about the answer.
pub(super) async fn judge(
    plan: &Plan,
    step: &Step,
    asked: Result<attempt::Judged, StepError>,
    cluster: &Cluster,
    context: &Context,
) -> (Outcome, String) {
    match asked {
        Ok(asked) if asked.mismatches.is_empty() => (Outcome::Held, summary::summarize(step, &asked.got.answer)),
        Ok(asked) => {
            // A component that died in this window makes every answer doubtful, and so does a server that is not ready.
            if let Some(error) = sick(cluster, context).await {
                return (broken(error), String::new());
            }
            let own = step.placed.get(asked.got.at).map(|pointer| plan.place(pointer));
            let mut failures: Vec<_> = (asked.mismatches.into_iter())
                .map(|mismatch| match own {
                    // What the author did not write down is that object's of several that was refused.
                    Some((source, span)) if mismatch.pointer.is_empty() => {
                        let mut failure = Failure::new(mismatch, source, span);
                        if source.path != plan.document.source.path {
                            failure.place.file = Some(text::named(&source.path.to_string_lossy()).into_owned());
                        }
                        failure
                    }
                    _ => place(plan, step, mismatch),
                })
                .collect();
            why::add(step, &mut failures, Some(&asked.got.answer), context).await;
            (Outcome::Failed { failures }, summary::summarize(step, &asked.got.answer))
        }
        Err(fault) => (faulty(plan, step, fault, cluster, context).await, String::new()),
    }
}

/// Why the cluster is not sound, if it is not.
async fn sick(cluster: &Cluster, context: &Context) -> Option<ClusterError> {
    if let Some(error) = cluster.broken() {
        return Some(error);
    }
    if ready::now(&context.client).await {
        return None;
    }
    let error = broken_soon(cluster).await;
    Some(error.unwrap_or_else(|| ClusterError::new("the API server is not ready any more", "run again")))
}

/// A fault is the environment's, unless it is a wait that ended badly on a sound cluster: then the claim failed.
async fn faulty(plan: &Plan, step: &Step, fault: StepError, cluster: &Cluster, context: &Context) -> Outcome {
    let sick = sick(cluster, context).await;
    // What a node said when it died tells more than what was not answered.
    if let (Some(error), Some(_)) = (&sick, cluster.broken()) {
        return broken(error.clone());
    }
    let fault = match sick {
        None => match claim_failed(plan, step, fault) {
            Ok((failure, was_allowed)) => {
                let mut failures = vec![failure];
                if was_allowed {
                    why::add(step, &mut failures, None, context).await;
                }
                return Outcome::Failed { failures };
            }
            Err(fault) => fault,
        },
        Some(_) => fault,
    };
    Outcome::Broken {
        class: class(&fault),
        message: redact(&fault.to_string()).into_owned(),
        remedy: sick.map(|_| "the API server is not ready any more: run again".to_owned()),
    }
}

/// What a fault on a sound cluster says of the claim, and whether it says that a call was allowed which was to be refused.
///
/// # Errors
/// The fault, when it says nothing of the claim: it is the environment's.
fn claim_failed(plan: &Plan, step: &Step, fault: StepError) -> Result<(Failure, bool), StepError> {
    Ok(match fault {
        StepError::Waited { what, expected, last, hint } => {
            let expected = expected.unwrap_or_else(|| format!("{} within {:?}", step.title, step.timeout));
            let was_allowed = what == GOES_ON;
            let class = if was_allowed { Class::Allowed } else { Class::Object };
            (failed(plan, step, what, (expected, last), (class, hint)), was_allowed)
        }
        StepError::NotServed { what, hint } => {
            let expected = "a kind that the cluster serves".to_owned();
            (failed(plan, step, what, (expected, "no such kind is served".into()), (Class::Object, Some(hint))), false)
        }
        StepError::NotYet { place, last } => {
            let Place { pod, namespace, .. } = &*place;
            let elsewhere =
                if *namespace == plan.namespace { String::new() } else { format!("namespace: {namespace}, ") };
            let wait = format!("{{kind: Pod, name: {pod}, {elsewhere}for: {{condition: Ready}}}}");
            let hint = format!("wait for it in a step before, `wait: {wait}`, or here by `within: 30s` in `expect`");
            let what = format!("the command was not run: Pod {pod} does not run");
            (failed(plan, step, what, (RUNNING_CONTAINER.into(), last), (Class::Object, Some(hint))), false)
        }
        other => return Err(other),
    })
}

/// A claim that failed because something was not as it was to be.
fn failed(
    plan: &Plan,
    step: &Step,
    message: String,
    (expected, got): (String, String),
    (class, hint): (Class, Option<String>),
) -> Failure {
    let mismatch =
        Mismatch { pointer: format!("/{}", step.verb), message, expected, got, server_words: None, hint, class };
    place(plan, step, mismatch)
}

/// Why the cluster is broken: the end of a node shows in an answer that does not come before the cluster has told it.
async fn broken_soon(cluster: &Cluster) -> Option<ClusterError> {
    tokio::time::timeout(TOLD_WITHIN, cluster.death()).await.ok()
}

fn broken(error: ClusterError) -> Outcome {
    let log = if error.log.is_empty() { String::new() } else { format!(":\n{}", error.log.join("\n")) };
    let message = redact(&format!("{}{log}", error.message)).into_owned();
    Outcome::Broken { class: Fault::Cluster, message, remedy: error.remedy }
}

/// Of which kind a fault is.
fn class(fault: &StepError) -> Fault {
    match fault {
        StepError::Kubectl(_) => Fault::Kubectl,
        StepError::Argument(_) => Fault::Argument,
        StepError::Taken(_) => Fault::Taken,
        StepError::Unreachable(_) => Fault::Unreachable,
        StepError::Refused(_) => Fault::Refused,
        StepError::Exec { .. } => Fault::Exec,
        StepError::Waited { .. } | StepError::NotYet { .. } => Fault::Wait,
        StepError::NotServed { .. } => Fault::NotServed,
        StepError::TooMuch(_) => Fault::TooMuch,
        StepError::Node { .. } => Fault::Node,
        StepError::Late(_) => Fault::Budget,
        StepError::Going(_) => Fault::Going,
        StepError::Away(_) => Fault::Away,
        StepError::Busy { .. } => Fault::Server,
    }
}

/// A mismatch with its place in the file.
pub(super) fn place(plan: &Plan, step: &Step, mismatch: Mismatch) -> Failure {
    // What the author did not write down (the verb must succeed) is the verb's.
    let pointer = if mismatch.pointer.is_empty() { format!("/{}", step.verb) } else { mismatch.pointer.clone() };
    let span = plan.document.span(&format!("{}{pointer}", step.pointer));
    Failure::new(mismatch, &plan.document.source, span)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const STORY: &str = "title: t\nsteps:\n  - {title: p, pod: {name: p, image: curl}}\n  \
         - {title: It answers, timeout: 30s, curl: {in: p, url: 'https://kubernetes.default/api'}}\n";

    fn waited(expected: Option<&str>) -> StepError {
        let (what, last) = ("the call was not made".to_owned(), "its token is remembered".to_owned());
        StepError::Waited { what, expected: expected.map(str::to_owned), last, hint: None }
    }

    #[rstest]
    #[case(waited(Some("a token that is forgotten")), "a token that is forgotten")]
    #[case(waited(None), "It answers within 30s")]
    #[case(waited(None).expecting(RUNNING_CONTAINER), RUNNING_CONTAINER)]
    #[case(StepError::endless(&["sleep".into()], 12), "an end within 12 s")]
    #[case(StepError::NotServed { what: "x".into(), hint: "y".into() }, "a kind that the cluster serves")]
    fn who_fails_says_what_was_expected(#[case] fault: StepError, #[case] wanted: &str) {
        let document = crate::scenario::read(std::path::Path::new("x.yaml"), STORY.as_bytes()).expect("a scenario");
        let plan = crate::plan::plan(document, &crate::plan::Names::random()).expect("a plan");
        let (failure, was_allowed) = claim_failed(&plan, &plan.steps[1], fault).expect("a claim");
        assert_eq!((failure.mismatch.expected.as_str(), was_allowed), (wanted, false));
    }

    #[test]
    fn what_the_environment_keeps_from_an_answer_is_no_failed_claim() {
        let document = crate::scenario::read(std::path::Path::new("x.yaml"), STORY.as_bytes()).expect("a scenario");
        let plan = crate::plan::plan(document, &crate::plan::Names::random()).expect("a plan");
        let fault = claim_failed(&plan, &plan.steps[1], StepError::Unreachable("no answer".into()));
        assert!(matches!(fault, Err(StepError::Unreachable(_))), "{fault:?}");
    }
}
