//! States from which an object does not come out by itself within a scenario, so that no step waits for the whole time.

use serde_json::Value;

use crate::k8s::object::text_at;

/// Reasons of a waiting container that end no wait well.
const WAITING: [&str; 10] = [
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "PostStartHookError",
    "RunContainerError",
];

/// Taints that a node has for a moment when it is new.
const PASSING_TAINTS: [&str; 3] = ["not-ready", "network-unavailable", "uninitialized"];

/// Why an object will not become what its kind becomes when all goes well: a Pod Ready, a Deployment Available.
pub fn never_ready_reason(kind: &str, object: &Value) -> Option<String> {
    match kind {
        "Pod" => pod(object),
        "Deployment" | "Job" => workload(object),
        "ReplicaSet" | "ReplicationController" | "DaemonSet" | "StatefulSet" => None,
        _ => stalled(object),
    }
}

/// What is said of an object that is being deleted: of a Pod with a grace, also how long what runs in it may go on.
pub(super) fn going(object: &Value) -> String {
    let grace = object["metadata"]["deletionGracePeriodSeconds"].as_u64().filter(|seconds| *seconds > 0);
    let grace = grace.map(|seconds| format!(", with {seconds} s of grace for what runs in it"));
    format!("it is being deleted{}", grace.unwrap_or_default())
}

/// Why a Pod will never be Ready.
fn pod(pod: &Value) -> Option<String> {
    if pod["metadata"]["deletionTimestamp"].is_string() {
        return Some(going(pod));
    }
    let status = &pod["status"];
    if let Some(phase @ ("Failed" | "Succeeded")) = status["phase"].as_str() {
        let said = reason_and_message(status);
        let ends: Vec<String> =
            containers(status).filter_map(|container| ended(&container["state"], container)).collect();
        let parts: Vec<String> = [said, ends.join("; ")].into_iter().filter(|part| !part.is_empty()).collect();
        let why = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
        return Some(format!("its containers ended (phase {phase}){why}"));
    }
    if let Some(why) = containers(status).find_map(waits) {
        return Some(why);
    }
    let scheduled = conditions(status).find(|condition| condition["type"] == "PodScheduled")?;
    let message = text_at(scheduled, "message");
    let passes = PASSING_TAINTS.iter().any(|taint| message.contains(&format!("node.kubernetes.io/{taint}")));
    (scheduled["status"] == "False" && scheduled["reason"] == "Unschedulable" && !passes)
        .then(|| format!("no node takes it: {message}"))
}

/// Why the controller of another kind says itself that it does not get on: the conditions that many of them agree on.
fn stalled(object: &Value) -> Option<String> {
    let generation = &object["metadata"]["generation"];
    conditions(&object["status"]).find_map(|condition| {
        let bad = matches!(condition["type"].as_str(), Some("Stalled" | "Failed")) && condition["status"] == "True";
        // One about an earlier state of the object says nothing about this one.
        let seen = &condition["observedGeneration"];
        (bad && (seen.is_null() || seen == generation))
            .then(|| format!("{} {}", text_at(condition, "type"), reason_and_message(condition)))
    })
}

/// Why a workload gives up by itself. That its Pods cannot be made may be otherwise a moment later; see [`super::workload`].
fn workload(object: &Value) -> Option<String> {
    conditions(&object["status"]).find_map(|condition| {
        let bad = match condition["type"].as_str()? {
            "Failed" => condition["status"] == "True",
            "Progressing" => condition["reason"] == "ProgressDeadlineExceeded",
            _ => false,
        };
        bad.then(|| format!("{} {}", text_at(condition, "type"), reason_and_message(condition)))
    })
}

/// Why a container that waits will not run.
pub(super) fn waits(container: &Value) -> Option<String> {
    let waiting = &container["state"]["waiting"];
    let reason = waiting["reason"].as_str().filter(|reason| WAITING.contains(reason))?;
    let before = ended(&container["lastState"], container).map(|end| format!("; before: {end}"));
    // What the runtime said of a command that it could not start stands in both.
    let message = waiting["message"].as_str().filter(|_| reason != "CrashLoopBackOff" || before.is_none());
    let message = message.map(|message| format!(": {message}")).unwrap_or_default();
    Some(format!("container {} waits with {reason}{message}{}", text_at(container, "name"), before.unwrap_or_default()))
}

/// The end of a container, e.g. `main ended with exit code 137 (OOMKilled)`.
pub(super) fn ended(state: &Value, container: &Value) -> Option<String> {
    let end = &state["terminated"];
    let code = end["exitCode"].as_i64()?;
    let reason = end["reason"].as_str().filter(|reason| !matches!(*reason, "Error" | "Completed"));
    let message = end["message"].as_str().map(last_lines).filter(|message| !message.is_empty());
    let parts: Vec<_> = reason.map(str::to_owned).into_iter().chain(message).collect();
    let why = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(": ")) };
    Some(format!("{} ended with exit code {code}{why}", text_at(container, "name")))
}

/// The end of what a container or its runtime left as its last words.
fn last_lines(message: &str) -> String {
    const MOST: usize = 300;
    let line = message.trim().lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let cut = line.char_indices().rev().nth(MOST).map_or(0, |(at, _)| at);
    if cut == 0 { line } else { format!("…{}", &line[cut..]) }
}

fn containers(status: &Value) -> impl Iterator<Item = &Value> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|key| status[key].as_array().into_iter().flatten())
}

fn conditions(status: &Value) -> impl Iterator<Item = &Value> {
    status["conditions"].as_array().into_iter().flatten()
}

/// `reason: message`, as far as they are there.
fn reason_and_message(value: &Value) -> String {
    let parts = [text_at(value, "reason"), text_at(value, "message")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn waiting(reason: &str) -> Value {
        json!({"status": {"phase": "Pending", "containerStatuses": [
            {"name": "main", "state": {"waiting": {"reason": reason, "message": "no such image"}}},
        ]}})
    }

    #[rstest]
    #[case(waiting("ImagePullBackOff"), Some("container main waits with ImagePullBackOff: no such image"))]
    #[case(waiting("ContainerCreating"), None)]
    #[case(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}), Some("it is being deleted"))]
    #[case(
        json!({"status": {"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}}),
        Some("container main waits with CrashLoopBackOff; before: main ended with exit code 137 (OOMKilled)")
    )]
    #[case(
        json!({"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory"}}),
        Some("its containers ended (phase Failed): Evicted: The node was low on memory")
    )]
    #[case(
        json!({"status": {"phase": "Failed", "initContainerStatuses": [{"name": "first", "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}]}}),
        Some("its containers ended (phase Failed): first ended with exit code 2")
    )]
    #[case(
        json!({"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}]}}),
        Some("no node takes it: 0/1 nodes are available: 1 Insufficient cpu.")
    )]
    #[case(
        json!({"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }."}]}}),
        None
    )]
    fn of_a_pod(#[case] object: Value, #[case] expected: Option<&str>) {
        assert_eq!(never_ready_reason("Pod", &object).as_deref(), expected);
    }

    #[test]
    fn of_a_workload() {
        let object = json!({"status": {"conditions": [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetCreated"},
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"},
        ]}});
        assert_eq!(never_ready_reason("Job", &object).as_deref(), Some("Failed BackoffLimitExceeded: too often"));
        let stalled = json!({"metadata": {"generation": 2}, "status": {"conditions": [
            {"type": "Stalled", "status": "True", "reason": "NoBucket", "message": "no such bucket", "observedGeneration": 2},
        ]}});
        assert_eq!(never_ready_reason("Site", &stalled).as_deref(), Some("Stalled NoBucket: no such bucket"));
        assert_eq!(never_ready_reason("DaemonSet", &object), None);
    }
}
