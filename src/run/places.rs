//! In which Pod a step calls, when it names no Pod of its own; as whom; and whether it can be done there.

use std::time::Duration;

use serde_json::Value;

use super::hosts;
use crate::{
    clock::Moment,
    k8s::{
        nearest,
        object::{is_controlled, name_of, newest_revision, uid_of},
    },
    plan::{Action, Curl, Exec, Identity, Of, Owner, Place, Step, place::selector},
    redact::show,
    steps::{Context, StepError, api, guest, states, terminal_state},
};

/// How long after a look it is looked again.
const AGAIN: Duration = Duration::from_millis(100);

/// The most Pods of which one is picked.
const MOST: usize = 500;

/// Names that are told, when none is the one that is looked for.
const TOLD: usize = 8;

/// Whether anything of a step is only known to the cluster.
pub(super) fn must_look(step: &Step) -> bool {
    match &step.action {
        Action::Curl(_) => true,
        Action::Exec(call) => call.place.of.is_some(),
        _ => false,
    }
}

/// Whether nothing says that the Pod has curl. A step that expects that it lacks gets that.
fn needs_curl(step: &Step, call: &Curl) -> bool {
    let lacking = |code: Option<i32>| matches!(code, Some(126 | 127));
    !call.place.has_curl && !step.expected.iter().any(|item| lacking(item.expect.exit_code))
}

/// Finds it all out. Where there is no such Pod, it is looked for again for as long as the step's `within` says.
///
/// # Errors
/// [`StepError::Waited`] when there is no such Pod, or none that runs; and when the cluster does not say.
pub(super) async fn found(step: &mut Step, context: &Context, deadline: Moment) -> Result<(), StepError> {
    let within = step.expected.iter().filter_map(|item| item.within).max().unwrap_or_default();
    let patience = Moment::now() + within.min(deadline.left());
    let curl = matches!(&step.action, Action::Curl(call) if needs_curl(step, call));
    let (place, identity) = match &mut step.action {
        Action::Curl(call) => {
            let Curl { place, identity, mounted_token, .. } = &mut **call;
            (place, mounted_token.then_some(identity))
        }
        Action::Exec(Exec { place, identity, .. }) => (place, Some(identity)),
        _ => return Ok(()),
    };
    if place.of.is_some() {
        let pod = sought(place, context, patience).await?;
        let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        place.pod = text("/metadata/name");
        if let Some(identity) = identity {
            let account = text("/spec/serviceAccountName");
            let name = if account.is_empty() { "default".to_owned() } else { account };
            *identity = Identity::ServiceAccount { namespace: place.namespace.clone(), name };
        }
        if curl {
            guest::prepare(place, &pod, context, deadline).await?;
        }
    } else if curl {
        // What it lacks shows only while it runs.
        while let Some(pod) = api::object(&context.client, &pod_path(place)).await? {
            // One that never will says itself why.
            let never = matches!(states::of_container(&pod, place.container.as_deref()), states::Standing::Never(_));
            if runs(&pod, place.container.as_deref()) || patience.left().is_zero() || never {
                guest::prepare(place, &pod, context, deadline).await?;
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
    hosts::settle(step, context).await
}

/// The Pod that is looked for; of several the first by name that runs.
async fn sought(place: &mut Place, context: &Context, patience: Moment) -> Result<Value, StepError> {
    if let Some(name) = place.pod.strip_prefix("pod/") {
        // As `kubectl -o name` prints it.
        place.pod = name.to_owned();
    }
    loop {
        match look(place, context).await? {
            // Of a Pod that has a name, the call itself says why it does not run.
            Ok(pod) if place.of != Some(Of::Name) || patience.left().is_zero() => return Ok(pod),
            // It never will.
            Ok(pod) if terminal_state::never_ready_reason("Pod", &pod).is_some() => return Ok(pod),
            Ok(pod) if runs(&pod, place.container.as_deref()) => return Ok(pod),
            Ok(_) => tokio::time::sleep(AGAIN).await,
            Err(last) if patience.left().is_zero() => {
                let what = format!("no Pod of {} runs in namespace {}", place.sought(), place.namespace);
                let what = if place.of == Some(Of::Name) {
                    format!("there is no Pod `{}` in namespace {}", place.pod, place.namespace)
                } else {
                    what
                };
                let clean = |text: &str| show::line(text, show::BODY);
                let expected = Some("a Pod that runs".to_owned());
                return Err(StepError::Waited { what: clean(&what), expected, last: clean(&last), hint: None });
            }
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// One look: the Pod, or why there is none.
async fn look(place: &mut Place, context: &Context) -> Result<Result<Value, String>, StepError> {
    let namespace = place.namespace.clone();
    let candidates = match &place.of {
        None | Some(Of::Name) => {
            return match api::object(&context.client, &pod_path(place)).await? {
                Some(pod) => Ok(Ok(pod)),
                None => Ok(Err(near("Pods", &place.pod, &list(&namespace, "", "pods", "", context).await?))),
            };
        }
        Some(Of::Labels(labels)) => {
            let query = format!("&labelSelector={}", api::escape(&selector(labels)));
            let found = list(&namespace, "", "pods", &query, context).await?;
            if found.is_empty() {
                let all = list(&namespace, "", "pods", "", context).await?;
                return Ok(Err(other_labels(&all)));
            }
            found
        }
        Some(Of::Owner(owner, name)) => match owned(*owner, name, &namespace, context).await? {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        },
    };
    let mut going: Vec<&Value> = candidates.iter().filter(|pod| runs(pod, place.container.as_deref())).collect();
    going.sort_by_key(|pod| name_of(pod));
    let Some(first) = going.first() else {
        return Ok(Err(states(&candidates)));
    };
    let of = place.sought();
    place.told = match going.len() {
        1 => format!("the Pod of {of} that runs"),
        many => format!("of {of}, the first by name of {many} that run"),
    };
    Ok(Ok((*first).clone()))
}

/// The Pods that a workload owns, itself or by what stands between; of a Deployment those of its newest ReplicaSet.
async fn owned(
    owner: Owner,
    name: &str,
    namespace: &str,
    context: &Context,
) -> Result<Result<Vec<Value>, String>, StepError> {
    let path = object(namespace, owner.group(), owner.plural(), name);
    let Some(top) = api::object(&context.client, &path).await? else {
        let all = list(namespace, owner.group(), owner.plural(), "", context).await?;
        return Ok(Err(format!("there is no {} `{name}`: {}", owner.kind(), near(owner.plural(), name, &all))));
    };
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    if top["status"]["observedGeneration"].is_i64()
        && number(&top["status"]["observedGeneration"]) < number(&top["metadata"]["generation"])
    {
        return Ok(Err(format!("the controller of {} `{name}` has not seen its last change yet", owner.kind())));
    }
    let mut owners: Vec<String> = uid_of(&top).map(str::to_owned).into_iter().collect();
    if let Some(between) = owner.between() {
        let mut sets: Vec<Value> = list(namespace, between.group(), between.plural(), "", context).await?;
        sets.retain(|set| is_controlled(set, &owners));
        if owner == Owner::Deployment {
            sets = newest_revision(sets);
        }
        owners = sets.iter().filter_map(uid_of).map(str::to_owned).collect();
    }
    let mut pods = list(namespace, "", "pods", "", context).await?;
    pods.retain(|pod| is_controlled(pod, &owners));
    if pods.is_empty() {
        let wanted = ["replicas", "completions"].iter().find_map(|key| top["spec"][*key].as_i64());
        let wanted = match wanted {
            Some(0) => ", and wants none".to_owned(),
            Some(number) => format!(", and wants {number}"),
            None => String::new(),
        };
        let why =
            terminal_state::never_ready_reason(owner.kind(), &top).map(|why| format!(": {why}")).unwrap_or_default();
        return Ok(Err(format!("{} `{name}` has no Pod{wanted}{why}", owner.kind())));
    }
    Ok(Ok(pods))
}

/// Whether a command can be run in a container of a Pod that is to stay.
fn runs(pod: &Value, container: Option<&str>) -> bool {
    states::of_container(pod, container) == states::Standing::Running
}

/// What became of Pods of which none runs.
fn states(pods: &[Value]) -> String {
    let one = |pod: &Value| {
        let phase = pod["status"]["phase"].as_str().unwrap_or("Unknown");
        let why = terminal_state::never_ready_reason("Pod", pod).map(|why| format!(": {why}")).unwrap_or_default();
        format!("{} is {phase}{why}", name_of(pod))
    };
    let told: Vec<String> = pods.iter().take(TOLD).map(one).collect();
    told.join("; ")
}

fn other_labels(pods: &[Value]) -> String {
    let mut all: Vec<String> = Vec::new();
    for pod in pods {
        let labels = pod["metadata"]["labels"].as_object().into_iter().flatten();
        let labels: Vec<String> =
            labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
        let labels = if labels.is_empty() { "no labels".to_owned() } else { labels.join(",") };
        let told = format!("{} has {labels}", name_of(pod));
        if all.len() < TOLD {
            all.push(told);
        }
    }
    if all.is_empty() { "there are no Pods".into() } else { format!("no Pod has them: {}", all.join("; ")) }
}

/// What else is there.
fn near(plural: &str, name: &str, all: &[Value]) -> String {
    let mut names: Vec<&str> = all.iter().map(name_of).collect();
    names.sort_unstable();
    match (nearest(name, names.iter().copied()), names.len()) {
        (_, 0) => format!("there are no {plural}"),
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, 1..=TOLD) => format!("there are `{}`", names.join("`, `")),
        (None, many) => format!("there are `{}` and {} more", names[..TOLD].join("`, `"), many - TOLD),
    }
}

fn object(namespace: &str, group: &str, plural: &str, name: &str) -> String {
    format!("{}/{}", collection(namespace, group, plural), api::escape(name))
}

fn collection(namespace: &str, group: &str, plural: &str) -> String {
    let root = if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}/v1") };
    format!("{root}/namespaces/{}/{plural}", api::escape(namespace))
}

fn pod_path(place: &Place) -> String {
    object(&place.namespace, "", "pods", &place.pod)
}

async fn list(
    namespace: &str,
    group: &str,
    plural: &str,
    query: &str,
    context: &Context,
) -> Result<Vec<Value>, StepError> {
    api::list(&context.client, &format!("{}?limit={MOST}{query}", collection(namespace, group, plural))).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, state: Value) -> Value {
        json!({
            "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "a"}, {"name": "b"}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "a", "state": state}, {"name": "b", "state": {"running": {}}}]},
        })
    }

    #[test]
    fn only_a_container_that_runs_in_a_pod_that_stays_will_do() {
        let good = pod("a", json!({"running": {}}));
        assert!(runs(&good, None) && runs(&good, Some("b")) && !runs(&good, Some("c")));
        let waits = pod("a", json!({"waiting": {"reason": "ErrImagePull"}}));
        assert!(!runs(&waits, None) && runs(&waits, Some("b")));
        let mut gone = good;
        gone["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(!runs(&gone, None));
    }

    #[test]
    fn it_says_what_is_there_instead() {
        let all = [pod("web-1", json!({})), pod("web-0", json!({}))];
        assert_eq!(near("Pods", "wep-0", &all), "did you mean `web-0`?");
        assert_eq!(near("Pods", "database", &all), "there are `web-0`, `web-1`");
        assert_eq!(near("Pods", "web", &[]), "there are no Pods");
        assert_eq!(other_labels(&all[..1]), "no Pod has them: web-1 has app=web");
        let waits = pod("a", json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}}));
        assert_eq!(states(&[waits]), "a is Running: container a waits with ErrImagePull: no such image");
    }
}
