//! The wait for an object that makes Pods: what keeps them from being made or from running is told within seconds, and not at
//! the end of the time.

use std::time::Duration;

use serde_json::Value;

use super::{Context, StepError, api, pod_trouble, states, terminal_state, watch};
use crate::{
    clock::Moment,
    k8s::object::{has_condition, is_owned, name_of, newest_revision, objects_of, text_at, uid_of},
};

/// Kinds that make Pods and select them by labels.
pub const KINDS: [&str; 6] = ["DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"];

/// How long its Pods may take before they are looked at.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often they are looked at after that. What is told must have been so twice: a controller tries again by itself.
const AGAIN: Duration = Duration::from_secs(1);

/// How many Pods of a workload are looked at.
const MOST_PODS: usize = 10;

/// What may be otherwise a moment later, when a controller says why it could not make a Pod.
const PASSING: [&str; 5] = [
    "failed calling webhook",
    "status unknown for quota",
    "timed out",
    "connection refused",
    "context deadline exceeded",
];

/// Waits as [`watch::until`] does, and gives up, too, when its Pods can never be made, or none of them can get on.
///
/// # Errors
/// As [`watch::until`]; [`StepError::Node`] when the node is at fault.
pub async fn until(
    subject: &watch::Subject,
    kind: &str,
    deadline: Moment,
    what: &str,
    look: impl FnMut(Option<&Value>) -> watch::Step,
    context: &Context,
) -> Result<Option<Value>, StepError> {
    let waited = tokio::select! {
        waited = watch::until(&context.client, subject, None, deadline, what, look) => waited,
        fault = stuck(subject, kind, what, context) => return Err(fault),
    };
    match waited {
        Err(StepError::Waited { what, expected, last, hint }) => {
            let seen = Around::look(subject, kind, &context.client).await;
            if let Some(why) = seen.environment(context) {
                return Err(StepError::Node { what, why });
            }
            let said = seen.stuck().or_else(|| seen.slow()).filter(|said| !last.contains(said.as_str()));
            let hint = hint.or_else(|| said.as_deref().and_then(states::advice));
            let said = said.map(|said| format!("; {said}")).unwrap_or_default();
            Err(StepError::Waited { what, expected, last: format!("{last}{said}"), hint })
        }
        other => other,
    }
}

/// Ends when what keeps the Pods from getting on has been so twice.
async fn stuck(subject: &watch::Subject, kind: &str, what: &str, context: &Context) -> StepError {
    tokio::time::sleep(PATIENCE).await;
    let mut before = None;
    loop {
        let seen = Around::look(subject, kind, &context.client).await;
        let sure = seen.pods.iter().find_map(|pod| Some((pod, pod.for_sure()?)));
        if let Some((pod, why)) = sure {
            return StepError::Node { what: what.to_owned(), why: format!("Pod {}: {why}", name_of(&pod.pod)) };
        }
        let now = seen.stuck();
        if let (Some(_), Some(last)) = (before, &now) {
            return match seen.environment(context) {
                Some(why) => StepError::Node { what: what.to_owned(), why },
                None => watch::failed(what.to_owned(), last.clone()),
            };
        }
        before = now;
        tokio::time::sleep(AGAIN).await;
    }
}

/// A workload and what is around it.
struct Around {
    kind: String,
    object: Value,
    /// The events about it.
    events: Vec<Value>,
    /// Those of its Pods that are not on their way out, with their events and nodes.
    pods: Vec<pod_trouble::Seen>,
    /// Whether other Pods of the namespace are still on their way, which its own may need.
    others_come: bool,
    /// Whether the account that its Pods are to have is not there.
    no_account: bool,
}

impl Around {
    async fn look(subject: &watch::Subject, kind: &str, client: &kube::Client) -> Self {
        let get = async |path: String| {
            let answer = api::get(client, &path).await.ok().filter(|answer| answer.status == 200);
            answer.and_then(|answer| answer.json)
        };
        let object = get(format!("{}/{}", subject.collection, api::escape(&subject.name))).await.unwrap_or_default();
        let nothing =
            Self { kind: kind.to_owned(), object, events: vec![], pods: vec![], others_come: false, no_account: false };
        let Some(namespace) = nothing.object["metadata"]["namespace"].as_str().map(str::to_owned) else {
            return nothing;
        };
        let place = format!("/api/v1/namespaces/{}", api::escape(&namespace));
        let selector = format!("involvedObject.kind={kind},involvedObject.name={}", subject.name);
        let mut events = objects_of(get(format!("{place}/events?fieldSelector={}", api::escape(&selector))).await);
        events.retain(|event| event["involvedObject"]["uid"] == nothing.object["metadata"]["uid"]);
        let sets = match kind {
            "Deployment" => {
                objects_of(get(format!("/apis/apps/v1/namespaces/{}/replicasets", api::escape(&namespace))).await)
            }
            _ => vec![],
        };
        let owners = owners(&nothing.object, sets);
        let (own, others): (Vec<_>, Vec<_>) =
            objects_of(get(format!("{place}/pods")).await).into_iter().partition(|pod| is_owned(pod, &owners));
        let others_come = others.iter().any(|pod| {
            let ended = matches!(pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
            !ended && !has_condition(pod, "Ready") && terminal_state::never_ready_reason("Pod", pod).is_none()
        });
        let mut pods = Vec::new();
        for pod in own.iter().filter(|pod| !pod["metadata"]["deletionTimestamp"].is_string()).take(MOST_PODS) {
            let subject = watch::Subject { collection: format!("{place}/pods"), name: name_of(pod).to_owned() };
            pods.push(pod_trouble::look(&subject, client).await);
        }
        let account = nothing.object["spec"]["template"]["spec"]["serviceAccountName"].as_str().unwrap_or("default");
        let there = api::get(client, &format!("{place}/serviceaccounts/{}", api::escape(account))).await;
        let no_account = there.is_ok_and(|there| there.status == 404);
        Self { events, pods, others_come, no_account, ..nothing }
    }

    /// Why the environment is at fault, if it is.
    fn environment(&self, context: &Context) -> Option<String> {
        self.pods.iter().find_map(|pod| {
            let why = pod.environment(&context.curl_image)?;
            Some(format!("Pod {}: {why}", name_of(&pod.pod)))
        })
    }

    /// Why its Pods will not run.
    fn stuck(&self) -> Option<String> {
        self.cannot_make().or_else(|| {
            // As long as one of them may come yet, nothing is sure.
            let open = self.pods.iter().filter(|pod| !has_condition(&pod.pod, "Ready"));
            let whys: Vec<_> = open.map(|pod| self.hopeless(pod)).collect();
            if whys.iter().any(Option::is_none) { None } else { whys.into_iter().flatten().next() }
        })
    }

    fn hopeless(&self, seen: &pod_trouble::Seen) -> Option<String> {
        let pod = &seen.pod;
        // Its controller makes another one in the place of one that has ended.
        if matches!(pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded")) {
            return None;
        }
        let why =
            terminal_state::never_ready_reason("Pod", pod).filter(|why| !seen.came || !why.contains("ConfigError"));
        let why = why.or_else(|| seen.missing_volume())?;
        let ends = why.contains("CrashLoopBackOff");
        // A Job counts by itself how often a Pod may fail; a program may end until another one serves it.
        let may_come = ends && (self.kind == "Job" || self.others_come);
        (!may_come).then(|| format!("Pod {}: {why}", name_of(pod)))
    }

    /// Why its controller cannot make Pods: a quota, Pod Security, a webhook, an account that is not there.
    fn cannot_make(&self) -> Option<String> {
        let conditions = self.object["status"]["conditions"].as_array().into_iter().flatten();
        let mut failures = conditions.filter(|one| one["type"] == "ReplicaFailure" && one["status"] == "True");
        let condition = failures.next().map(|one| format!("{}: {}", text_at(one, "reason"), text_at(one, "message")));
        let said = condition.or_else(|| {
            let made = self.events.iter().filter(|event| text_at(event, "reason").ends_with("Create"));
            let last = made.max_by_key(|event| when(event))?;
            (last["reason"] == "FailedCreate").then(|| format!("FailedCreate: {}", text_at(last, "message")))
        })?;
        let passes = PASSING.iter().any(|words| said.contains(words));
        let came = said.contains("serviceaccount \"") && !self.no_account;
        (!passes && !came).then(|| format!("its Pods cannot be made: {said}"))
    }

    /// What those wait for that may come yet.
    fn slow(&self) -> Option<String> {
        if self.pods.is_empty() {
            return Some("it has no Pods".into());
        }
        self.pods.iter().find_map(|seen| {
            let standing = states::of_container(&seen.pod, None);
            let why = match standing {
                states::Standing::Running if has_condition(&seen.pod, "Ready") => return None,
                states::Standing::Running => "it runs and is not Ready: its readiness probe has not succeeded".into(),
                states::Standing::NotYet(why) | states::Standing::Never(why) => why,
            };
            Some(format!("Pod {}: {why}", name_of(&seen.pod)))
        })
    }
}

/// The uids by which its Pods are owned: its own, and of a Deployment that of its newest ReplicaSet.
fn owners(object: &Value, sets: Vec<Value>) -> Vec<String> {
    let mut owners: Vec<String> = uid_of(object).map(str::to_owned).into_iter().collect();
    let own = sets.into_iter().filter(|set| is_owned(set, &owners)).collect();
    owners.extend(newest_revision(own).iter().filter_map(uid_of).map(str::to_owned));
    owners
}

/// When an event was seen last.
fn when(event: &Value) -> &str {
    let times = [&event["series"]["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"]];
    times.into_iter().find_map(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn around(kind: &str, object: Value, events: Value, pods: Value) -> Around {
        let pods = pods.as_array().into_iter().flatten();
        let pods = pods.map(|pod| pod_trouble::Seen { pod: pod.clone(), ..Default::default() }).collect();
        let events = events.as_array().cloned().unwrap_or_default();
        Around { kind: kind.into(), object, events, pods, others_come: false, no_account: true }
    }

    fn failed(message: &str) -> Value {
        json!({"reason": "FailedCreate", "message": message, "lastTimestamp": "2026-01-01T00:00:02Z"})
    }

    const MADE: &str = r#"{"reason": "SuccessfulCreate", "lastTimestamp": "2026-01-01T00:00:01Z"}"#;

    #[rstest]
    #[case(json!([failed("pods \"a\" is forbidden: exceeded quota")]), Some("its Pods cannot be made: FailedCreate: pods \"a\" is forbidden: exceeded quota"))]
    #[case(json!([failed("error looking up service account a/x: serviceaccount \"x\" not found"), serde_json::from_str::<Value>(MADE).unwrap()]),
        Some("its Pods cannot be made: FailedCreate: error looking up service account a/x: serviceaccount \"x\" not found"))]
    #[case(json!([failed("failed calling webhook \"x\": connection refused")]), None)]
    #[case(json!([{"reason": "SuccessfulCreate", "lastTimestamp": "2026-01-01T00:00:03Z"}, failed("no")]), None)]
    #[case(json!([]), None)]
    fn what_a_controller_says(#[case] events: Value, #[case] why: Option<&str>) {
        assert_eq!(around("StatefulSet", json!({}), events, json!([])).stuck().as_deref(), why);
    }

    fn pod(reason: &str) -> Value {
        json!({"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": reason}}}]}})
    }

    #[test]
    fn a_pod_that_cannot_get_on_is_told_unless_another_may() {
        let stuck = |kind: &str, pods: Value| around(kind, json!({}), json!([]), pods).stuck();
        let backoff = Some("Pod p: container main waits with ImagePullBackOff".to_owned());
        assert_eq!(stuck("Deployment", json!([pod("ImagePullBackOff")])), backoff);
        assert_eq!(stuck("Deployment", json!([pod("ImagePullBackOff"), pod("ContainerCreating")])), None);
        let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!(stuck("Deployment", json!([ready, pod("ImagePullBackOff")])), backoff);
        assert!(stuck("Deployment", json!([pod("CrashLoopBackOff")])).is_some());
        assert_eq!(stuck("Job", json!([pod("CrashLoopBackOff")])), None);
        let mut waits = around("Deployment", json!({}), json!([]), json!([pod("CrashLoopBackOff")]));
        waits.others_come = true;
        assert_eq!(waits.stuck(), None);
    }

    #[test]
    fn pods_of_an_older_revision_are_not_its_own() {
        let set = |uid: &str, revision: &str| {
            json!({"metadata": {"uid": uid, "annotations": {"deployment.kubernetes.io/revision": revision},
                "ownerReferences": [{"uid": "d"}]}})
        };
        let object = json!({"metadata": {"uid": "d", "annotations": {"deployment.kubernetes.io/revision": "2"}}});
        assert_eq!(owners(&object, vec![set("old", "1"), set("new", "2")]), ["d", "new"]);
    }
}
