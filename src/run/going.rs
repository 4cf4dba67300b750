//! What is on its way out: a denial about it says nothing.
//!
//! When a namespace is deleted, Kubernetes removes what is in it, RoleBindings too, in no promised order; a finalizer can hold
//! the namespace itself for ever. Then RBAC refuses what was granted, in the best of words, for a reason that is not the
//! scenario's. The same holds for an account and a Pod. All of this is looked at after the denial: a deletion is never taken
//! back, so what is not being deleted now was not when the server refused.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::Value;

use super::judged::{Judged, calls};
use crate::{
    clock::{Moment, timeout_at},
    cluster::namespaces::content,
    expect::{Answer, Class},
    k8s::{object::going_since, well_known::EVERYWHERE},
    plan::{Action, Credential, Identity, Request, Step, can::Cell},
    redact::show,
    steps::{Context, StepError, api},
    sync::locked,
};

/// How long it may take to find out what holds a namespace.
const LISTING: std::time::Duration = std::time::Duration::from_secs(3);

/// What kubectl and the API server say of a refusal by RBAC.
const REFUSED: &str = "forbidden: User ";

/// Looks at what a step was about that was refused.
///
/// # Errors
/// [`StepError::Going`]: something of it is being deleted, so the denial does not count.
pub(super) async fn check(step: &Step, asked: &Judged, context: &Context) -> Result<(), StepError> {
    let Some(subjects) = subjects(step, asked) else { return Ok(()) };
    let looked = join_all(subjects.iter().map(|subject| look(subject, context))).await;
    match looked.into_iter().flatten().next() {
        Some(words) => Err(StepError::Going(words)),
        None => Ok(()),
    }
}

/// An object that must stay for the denial to count.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Namespace(String),
    Account(String, String),
    /// An account that a question is about. That it is not there at all is told elsewhere.
    Asked(String, String),
    Pod(String, String),
}

/// What a denial was about; `None` when there was none.
fn subjects(step: &Step, asked: &Judged) -> Option<BTreeSet<Subject>> {
    let answer = &asked.got.answer;
    let mut found = BTreeSet::new();
    let namespace = |request: &Request| match request {
        Request::Resource { namespace, .. } => namespace.clone(),
        Request::Path { .. } => None,
    };
    match (&step.action, answer) {
        (Action::Can(can), _) => {
            let denied = || can.cells.iter().filter(|cell| !cell.allowed);
            found.extend(denied().filter_map(|cell| namespace(&cell.request)).map(Subject::Namespace));
            let accounts = denied().filter_map(Cell::account);
            found.extend(accounts.map(|(namespace, name)| Subject::Asked(namespace.to_owned(), name.to_owned())));
        }
        _ if asked.mismatches.is_empty() && step.questions.iter().any(|cell| !cell.allowed) => {
            let denied = step.questions.iter().filter(|cell| !cell.allowed);
            found.extend(denied.filter_map(|cell| namespace(&cell.request)).map(Subject::Namespace));
        }
        (_, Answer::Exec { stdout, stderr, .. }) => {
            let printed = [stdout, stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let refusals: Vec<_> = printed.iter().filter(|text| text.contains(REFUSED)).collect();
            if refusals.is_empty() {
                return None;
            }
            found.extend(refusals.into_iter().flat_map(|text| named(text)).map(Subject::Namespace));
        }
        _ => {
            let meant = asked.mismatches.is_empty()
                && step.expected.iter().any(|item| item.expect.is_rbac_denial() || item.expect.is_denial_elsewhere());
            // A grant that goes with its namespace looks like one that was never there.
            let refused = asked.mismatches.iter().any(|found| found.class == Class::Refused);
            if !meant && !refused {
                return None;
            }
            let asked = calls(step).map(|(_, requests)| requests).unwrap_or_default();
            found.extend(asked.iter().filter_map(namespace).map(Subject::Namespace));
        }
    }
    let (identity, place) = match &step.action {
        Action::Curl(curl) => (Some(&curl.identity), Some(&curl.place)),
        Action::Exec(exec) => (Some(&exec.identity), Some(&exec.place)),
        _ => {
            // Whom the administrator only speaks for need not exist.
            let real = matches!(step.caller.credential, Credential::Account { .. } | Credential::Saved(_));
            (step.caller.identity.as_ref().filter(|_| real), None)
        }
    };
    if let Some(Identity::ServiceAccount { namespace, name }) = identity {
        found.insert(Subject::Namespace(namespace.clone()));
        found.insert(Subject::Account(namespace.clone(), name.clone()));
    }
    if let Some(place) = place {
        found.insert(Subject::Pod(place.namespace.clone(), place.pod.clone()));
    }
    // These cannot be deleted.
    found.retain(|subject| !matches!(subject, Subject::Namespace(name) if EVERYWHERE.contains(&name.as_str())));
    Some(found)
}

/// The namespaces that refusals in a text name.
fn named(text: &str) -> Vec<String> {
    let quoted = text.replace("\\\"", "\"");
    let parts = quoted.split("in the namespace \"").skip(1);
    parts.filter_map(|rest| rest.split_once('"').map(|(name, _)| name.to_owned())).collect()
}

/// Says why something does not stay.
async fn look(subject: &Subject, context: &Context) -> Option<String> {
    let (what, path, must_exist) = match subject {
        Subject::Namespace(name) => {
            (format!("Namespace {name}"), format!("/api/v1/namespaces/{}", api::escape(name)), is_known(name, context))
        }
        Subject::Account(namespace, name) => (
            format!("ServiceAccount {name} in namespace {namespace}"),
            object(namespace, "serviceaccounts", name),
            true,
        ),
        Subject::Asked(namespace, name) => (
            format!("ServiceAccount {name} in namespace {namespace}"),
            object(namespace, "serviceaccounts", name),
            false,
        ),
        Subject::Pod(namespace, name) => {
            (format!("Pod {name} in namespace {namespace}"), object(namespace, "pods", name), true)
        }
    };
    // A caller who may not look has only the denial.
    let answer = api::get(&context.client, &path).await.ok()?;
    match answer.status {
        200 => {
            let words = going(&what, answer.json.as_ref()?)?;
            let Subject::Namespace(name) = subject else { return Some(words) };
            let held = timeout_at(Moment::now() + LISTING, content(&context.client, name)).await;
            let held = held.ok().and_then(Result::ok).unwrap_or_default();
            let held: Vec<_> = held.iter().filter_map(|(kind, item)| holds(kind, item)).collect();
            Some(if held.is_empty() {
                words
            } else {
                format!("{words}; held by {}", show::line(&held.join(", "), show::VALUE))
            })
        }
        404 if must_exist => Some(format!("{what} is gone")),
        _ => None,
    }
}

/// Whether a namespace was there when the scenario began, or is one that it made: of another, nothing but the denial is known.
fn is_known(name: &str, context: &Context) -> bool {
    let made = locked(&context.made);
    name == context.namespace || made.iter().any(|made| made.kind.is("", "Namespace") && made.name == name)
}

fn object(namespace: &str, plural: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{}/{plural}/{}", api::escape(namespace), api::escape(name))
}

/// An object inside that has finalizers, and them.
fn holds(kind: &str, item: &Value) -> Option<String> {
    let finalizers: Vec<_> =
        item["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let name = item["metadata"]["name"].as_str()?;
    (!finalizers.is_empty()).then(|| format!("{kind} {name} ({})", finalizers.join(", ")))
}

/// Since when an object is being deleted, and what holds it itself.
fn going(what: &str, object: &Value) -> Option<String> {
    Some(show::block(&format!("{what} {}", going_since(object)?), show::BODY))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_says_what_goes_and_what_holds() {
        let object = json!({"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x.example/hold"]}});
        let words = going("ServiceAccount a", &object).expect("it goes");
        assert_eq!(words, "ServiceAccount a is being deleted since 2026-01-01T00:00:00Z, held by: x.example/hold");
        assert_eq!(going("Namespace a", &json!({"metadata": {"name": "a"}})), None);
        assert_eq!(holds("ConfigMap", &object).as_deref(), Some("ConfigMap a (x.example/hold)"));
        assert_eq!(holds("ConfigMap", &json!({"metadata": {"name": "b"}})), None);
    }

    #[test]
    fn printed_refusals_name_their_namespace() {
        let kubectl = "Error from server (Forbidden): pods is forbidden: User \"u\" cannot list resource \"pods\" in API group \"\" in the namespace \"a\"";
        assert_eq!(named(kubectl), ["a"]);
        assert_eq!(named(&json!({"message": kubectl}).to_string()), ["a"]);
    }
}
