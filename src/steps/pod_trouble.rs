//! Whose fault it is that a Pod does not get on: the scenario's, or that of the node it is on.
//!
//! A Pod that gets no sandbox, a node that is not ready, an image of kubewalk's own that is not there: none of them says
//! anything about the scenario's claim.

use serde_json::Value;

use super::{api, watch};

/// Taints that the control plane gives a node that is not sound.
const TAINTS: [&str; 6] =
    ["disk-pressure", "memory-pressure", "network-unavailable", "not-ready", "pid-pressure", "unreachable"];

/// What the kubelet, containerd and runc say when the machine or they themselves fail, whatever the Pod asks for.
const WORDS: [&str; 12] = [
    "cannot allocate memory",
    "containerd.sock",
    "context deadline exceeded",
    "DeadlineExceeded",
    "fork/exec",
    "input/output error",
    "no space left on device",
    "not registered",
    "resource temporarily unavailable",
    "timed out waiting for the condition",
    "too many open files",
    "unable to retrieve OCI runtime error",
];

/// How a message ends, or what it has, when a volume is of something that the scenario did not make.
const MISSING: [&str; 3] = ["not found", "non-existent", "hostPath type check failed"];

/// How many times the kubelet must have failed to make a sandbox: the network of a new node may come a moment late.
const SURE: u64 = 3;

/// What is known of a Pod that does not get on.
#[derive(Debug, Default)]
pub struct Seen {
    /// The Pod as it is now.
    pub pod: Value,
    /// The events about it, of this Pod and of no earlier one of its name.
    pub events: Vec<Value>,
    /// Its node.
    pub node: Value,
    /// Whether a Secret or a ConfigMap that it was kept waiting for is there by now, so that the kubelet will find it.
    pub came: bool,
}

/// Asks for the Pod, its events, and its node. What cannot be had stays empty.
pub async fn look(pod: &watch::Subject, client: &kube::Client) -> Seen {
    let get = async |path: String| {
        let answer = api::get(client, &path).await.ok().filter(|answer| answer.status == 200);
        answer.and_then(|answer| answer.json).unwrap_or_default()
    };
    let now = get(format!("{}/{}", pod.collection, api::escape(&pod.name))).await;
    let selector = format!("involvedObject.kind=Pod,involvedObject.name={}", pod.name);
    let path = format!("{}events?fieldSelector={}", pod.collection.trim_end_matches("pods"), api::escape(&selector));
    let mut events = get(path).await["items"].as_array().cloned().unwrap_or_default();
    events.retain(|event| event["involvedObject"]["uid"] == now["metadata"]["uid"]);
    let node = match now["spec"]["nodeName"].as_str() {
        Some(name) => get(format!("/api/v1/nodes/{}", api::escape(name))).await,
        None => Value::Null,
    };
    let mut seen = Seen { pod: now, events, node, came: false };
    let namespace = pod.collection.trim_end_matches("pods");
    for (plural, name) in seen.missing() {
        let there = get(format!("{namespace}{plural}/{}", api::escape(&name))).await;
        seen.came |= there["metadata"]["uid"].is_string();
    }
    seen
}

/// What a kubelet says that it did not find: `secret "s" not found`, as a resource and a name.
fn not_found(message: &str) -> Option<(&'static str, String)> {
    let kinds = [("secret \"", "secrets"), ("configmap \"", "configmaps")];
    kinds.into_iter().find_map(|(word, plural)| {
        let (_, rest) = message.split_once(word)?;
        let (name, rest) = rest.split_once('"')?;
        rest.starts_with(" not found").then(|| (plural, name.to_owned()))
    })
}

impl Seen {
    /// Why the environment is at fault, if it is, in the words of the kubelet or the scheduler. `own` is the image that kubewalk
    /// puts into each node.
    pub fn environment(&self, own: &str) -> Option<String> {
        self.of_the_node()
            .or_else(|| self.of_a_container(own))
            .or_else(|| self.of_the_sandbox(1))
            .or_else(|| self.of_a_mount())
    }

    /// The same, as far as waiting for the rest of the time would not change it.
    pub fn for_sure(&self) -> Option<String> {
        self.of_the_sandbox(SURE)
    }

    /// The Secrets and ConfigMaps that keep its containers and volumes waiting, in the kubelet's words of then.
    fn missing(&self) -> Vec<(&'static str, String)> {
        let lists = ["initContainerStatuses", "containerStatuses"].map(|key| &self.pod["status"][key]);
        let containers = lists.into_iter().flat_map(|list| list.as_array().into_iter().flatten());
        let waiting = containers.map(|container| &container["state"]["waiting"]);
        let unset = waiting.filter(|waiting| waiting["reason"] == "CreateContainerConfigError");
        let said = unset.filter_map(|waiting| waiting["message"].as_str()).chain(self.events_of("FailedMount"));
        said.filter_map(not_found).collect()
    }

    /// A volume of something that does not exist: in a scenario no step makes it while this one waits.
    pub fn missing_volume(&self) -> Option<String> {
        if self.came {
            return None;
        }
        let message = self.events_of("FailedMount").find(|message| is_missing(message))?;
        Some(format!("event FailedMount: {message}"))
    }

    /// The last warning about a Pod that has no sandbox, which says nothing itself. One that has ended says how.
    pub fn last_warning(&self) -> Option<String> {
        let made = conditions(&self.pod).find(|condition| condition["type"] == "PodReadyToStartContainers");
        let warnings = self.events.iter().filter(|event| event["type"] == "Warning");
        let last = warnings.max_by_key(|event| event["lastTimestamp"].as_str().unwrap_or_default())?;
        let text = |key: &str| last[key].as_str().unwrap_or_default();
        let ended = matches!(self.pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
        (!ended && made?["status"] != "True").then(|| format!("event {}: {}", text("reason"), text("message")))
    }

    fn of_the_node(&self) -> Option<String> {
        let status = &self.pod["status"];
        let message = status["message"].as_str().unwrap_or_default();
        if status["reason"] == "Evicted" && message.starts_with("The node") {
            return Some(format!("Evicted: {message}"));
        }
        let ready = conditions(&self.node).find(|condition| condition["type"] == "Ready");
        if let Some(ready) = ready.filter(|ready| ready["status"] != "True") {
            return Some(format!("its node is not ready: {}", reason_and_message(ready)));
        }
        let scheduled = conditions(&self.pod).find(|condition| condition["type"] == "PodScheduled")?;
        let message = scheduled["message"].as_str().unwrap_or_default();
        let sick = TAINTS.iter().any(|taint| message.contains(&format!("node.kubernetes.io/{taint}")));
        (scheduled["status"] == "False" && sick).then(|| format!("no node is sound: {message}"))
    }

    fn of_a_container(&self, own: &str) -> Option<String> {
        let lists = ["initContainerStatuses", "containerStatuses"].map(|key| &self.pod["status"][key]);
        for container in lists.into_iter().flat_map(|list| list.as_array().into_iter().flatten()) {
            let state = [
                &container["state"]["waiting"],
                &container["state"]["terminated"],
                &container["lastState"]["terminated"],
            ];
            for state in state {
                let (reason, message) = (&state["reason"], state["message"].as_str().unwrap_or_default());
                let reason = reason.as_str().unwrap_or_default();
                let ours = container["image"] == own && reason.contains("Image");
                let broken = matches!(reason, "CreateContainerError" | "RunContainerError" | "StartError")
                    && WORDS.iter().any(|word| message.contains(word));
                if ours || broken {
                    return Some(format!("{reason}: {message}"));
                }
            }
        }
        None
    }

    fn of_the_sandbox(&self, least: u64) -> Option<String> {
        let started = conditions(&self.pod)
            .any(|condition| condition["type"] == "PodReadyToStartContainers" && condition["status"] == "True");
        if started || self.asks_for_a_special_sandbox() {
            return None;
        }
        let failed: Vec<_> = self.events.iter().filter(|event| event["reason"] == "FailedCreatePodSandBox").collect();
        let times: u64 = failed.iter().map(|event| count(event)).sum();
        let last = failed.into_iter().max_by_key(|event| event["lastTimestamp"].as_str().unwrap_or_default())?;
        let message = last["message"].as_str().unwrap_or_default();
        // What the runtime could not even say is no passing trouble of the network.
        let sure = WORDS.iter().any(|word| message.contains(word)) && !message.contains("deadline");
        (sure || times >= least).then(|| format!("event FailedCreatePodSandBox: {message}"))
    }

    /// Whether the Pod itself may be why its sandbox cannot be made.
    fn asks_for_a_special_sandbox(&self) -> bool {
        let spec = &self.pod["spec"];
        let context = &spec["securityContext"];
        let containers = spec["containers"].as_array().into_iter().flatten();
        let mut special = containers.filter(|container| {
            let ports = container["ports"].as_array().into_iter().flatten();
            !container["resources"]["limits"]["memory"].is_null()
                || ports.into_iter().any(|port| port["hostPort"].as_u64().is_some_and(|port| port > 0))
        });
        spec["runtimeClassName"].is_string()
            || spec["hostUsers"] == false
            || spec["resources"].is_object()
            || context["sysctls"].is_array()
            || context["seLinuxOptions"].is_object()
            || special.next().is_some()
    }

    fn of_a_mount(&self) -> Option<String> {
        if self.missing_volume().is_some() {
            return None;
        }
        let message = self.events_of("FailedMount").find(|message| WORDS.iter().any(|word| message.contains(word)))?;
        Some(format!("event FailedMount: {message}"))
    }

    fn events_of(&self, reason: &str) -> impl Iterator<Item = &str> {
        let of = self.events.iter().filter(move |event| event["reason"] == reason);
        of.filter_map(|event| event["message"].as_str())
    }
}

fn is_missing(message: &str) -> bool {
    MISSING.iter().any(|word| message.contains(word))
}

/// How many times an event happened.
fn count(event: &Value) -> u64 {
    event["series"]["count"].as_u64().or(event["count"].as_u64()).unwrap_or(1)
}

fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    object["status"]["conditions"].as_array().into_iter().flatten()
}

fn reason_and_message(condition: &Value) -> String {
    let text = |key: &str| condition[key].as_str().unwrap_or_default();
    format!("{}: {}", text("reason"), text("message"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn seen(pod: Value, events: Value, node: Value) -> Seen {
        Seen { pod, events: events.as_array().cloned().unwrap_or_default(), node, came: false }
    }

    fn sandbox(times: u64) -> Value {
        json!([{"reason": "FailedCreatePodSandBox", "count": times, "message": "runc create failed"}])
    }

    fn waiting(image: &str, reason: &str, message: &str) -> Value {
        json!({"status": {"containerStatuses": [
            {"image": image, "state": {"waiting": {"reason": reason, "message": message}}},
        ]}})
    }

    #[rstest]
    #[case(json!({}), sandbox(1), Value::Null, "event FailedCreatePodSandBox: runc create failed")]
    #[case(json!({}), json!([]), json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}]}}),
        "its node is not ready: NodeStatusUnknown: Kubelet stopped posting node status.")]
    #[case(json!({"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 node(s) had untolerated taint(s) {node.kubernetes.io/disk-pressure: }"}]}}), json!([]), Value::Null,
        "no node is sound: 0/1 nodes are available: 1 node(s) had untolerated taint(s) {node.kubernetes.io/disk-pressure: }")]
    #[case(json!({"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}}), json!([]), Value::Null,
        "Evicted: The node was low on resource: memory.")]
    #[case(waiting("own:1", "ErrImageNeverPull", "it is not there"), json!([]), Value::Null, "ErrImageNeverPull: it is not there")]
    #[case(waiting("b:1", "RunContainerError", "fork/exec /usr/local/sbin/runc: exec format error"), json!([]), Value::Null,
        "RunContainerError: fork/exec /usr/local/sbin/runc: exec format error")]
    #[case(json!({}), json!([{"reason": "FailedMount", "message": "MountVolume.SetUp failed for volume \"t\": no space left on device"}]), Value::Null,
        "event FailedMount: MountVolume.SetUp failed for volume \"t\": no space left on device")]
    fn the_environments(#[case] pod: Value, #[case] events: Value, #[case] node: Value, #[case] why: &str) {
        assert_eq!(seen(pod, events, node).environment("own:1").as_deref(), Some(why));
    }

    #[rstest]
    #[case(json!({"spec": {"runtimeClassName": "gvisor"}}), sandbox(9))]
    #[case(json!({"spec": {"hostUsers": false}}), sandbox(9))]
    #[case(json!({"spec": {"securityContext": {"sysctls": [{"name": "a"}]}}}), sandbox(9))]
    #[case(json!({"spec": {"containers": [{"resources": {"limits": {"memory": "1Mi"}}}]}}), sandbox(9))]
    #[case(json!({"status": {"conditions": [{"type": "PodReadyToStartContainers", "status": "True"}]}}), sandbox(9))]
    #[case(json!({}), json!([{"reason": "FailedMount", "message": "secret \"s\" not found"}, {"reason": "FailedMount", "message": "timed out waiting for the condition"}]))]
    #[case(json!({}), json!([{"reason": "FailedMount", "message": "references non-existent config key: a"}]))]
    #[case(waiting("nginx", "ErrImagePull", "no such host"), json!([]))]
    #[case(waiting("b:1", "RunContainerError", "exec: \"x\": executable file not found in $PATH"), json!([]))]
    #[case(json!({"status": {"phase": "Failed", "reason": "Evicted", "message": "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\"."}}), json!([]))]
    fn the_scenarios(#[case] pod: Value, #[case] events: Value) {
        assert_eq!(
            seen(pod, events, json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}))
                .environment("own:1"),
            None
        );
    }

    #[test]
    fn what_keeps_a_pod_from_its_sandbox_is_told_as_long_as_it_has_none() {
        let made =
            |status: &str| json!({"status": {"conditions": [{"type": "PodReadyToStartContainers", "status": status}]}});
        let events = json!([{"type": "Warning", "reason": "FailedMount", "message": "no", "lastTimestamp": "1"},
            {"type": "Normal", "reason": "Scheduled", "message": "yes", "lastTimestamp": "2"}]);
        let said = seen(made("False"), events.clone(), Value::Null).last_warning();
        assert_eq!(said.as_deref(), Some("event FailedMount: no"));
        assert_eq!(seen(made("True"), events, Value::Null).last_warning(), None);
    }

    #[test]
    fn a_sandbox_that_failed_once_may_come_yet() {
        assert_eq!(seen(json!({}), sandbox(2), Value::Null).for_sure(), None);
        assert!(seen(json!({}), sandbox(3), Value::Null).for_sure().is_some());
        let other = json!([{"reason": "FailedMount", "message": "MountVolume.SetUp failed for volume \"s\" : secret \"missing\" not found"}]);
        assert!(seen(json!({}), other, Value::Null).missing_volume().is_some());
        let sync = json!([{"reason": "FailedMount", "message": "failed to sync configmap cache: timed out waiting for the condition"}]);
        assert_eq!(seen(json!({}), sync, Value::Null).missing_volume(), None);
    }

    #[test]
    fn what_the_kubelet_did_not_find() {
        let waiting = |reason: &str, message: &str| json!({"status": {"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": reason, "message": message}}}]}});
        let mount = json!([{"reason": "FailedMount", "message": "MountVolume.SetUp failed for volume \"v\" : configmap \"m\" not found"}]);
        let pod = waiting("CreateContainerConfigError", "secret \"s\" not found");
        let mut found = seen(pod, mount, Value::Null);
        assert_eq!(found.missing(), [("secrets", "s".to_owned()), ("configmaps", "m".to_owned())]);
        assert!(found.missing_volume().is_some());
        found.came = true;
        assert_eq!(found.missing_volume(), None, "the kubelet looks again");
        for (reason, message) in [
            ("CreateContainerConfigError", "couldn't find key k in Secret a/s"),
            ("CreateContainerConfigError", "container has runAsNonRoot"),
            ("ErrImagePull", "secret \"s\" not found"),
        ] {
            assert_eq!(seen(waiting(reason, message), json!([]), Value::Null).missing(), [], "{message}");
        }
    }
}
