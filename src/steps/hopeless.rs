//! States from which an object does not come out by itself within a scenario, so that nobody waits for the whole time.

use serde_json::Value;

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
pub fn why(kind: &str, object: &Value) -> Option<String> {
    match kind {
        "Pod" => pod(object),
        "Deployment" | "ReplicaSet" | "Job" | "ReplicationController" => workload(object),
        _ => None,
    }
}

/// Why a Pod will never be Ready.
fn pod(pod: &Value) -> Option<String> {
    if pod["metadata"]["deletionTimestamp"].is_string() {
        return Some("it is being deleted".into());
    }
    let status = &pod["status"];
    if let Some(phase @ ("Failed" | "Succeeded")) = status["phase"].as_str() {
        let said = words(status);
        let ends: Vec<String> =
            containers(status).filter_map(|container| ended(&container["state"], container)).collect();
        let parts: Vec<String> = [said, ends.join("; ")].into_iter().filter(|part| !part.is_empty()).collect();
        let why = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
        return Some(format!("its containers ended (phase {phase}){why}"));
    }
    for container in containers(status) {
        let waiting = &container["state"]["waiting"];
        if let Some(reason) = waiting["reason"].as_str().filter(|reason| WAITING.contains(reason)) {
            let name = text(container, "name");
            let before = ended(&container["lastState"], container).map(|end| format!("; before: {end}"));
            let message = waiting["message"].as_str().map(|message| format!(": {message}"));
            return Some(format!(
                "container {name} waits with {reason}{}{}",
                message.unwrap_or_default(),
                before.unwrap_or_default()
            ));
        }
    }
    let scheduled = conditions(status).find(|condition| condition["type"] == "PodScheduled")?;
    let message = text(scheduled, "message");
    let passes = PASSING_TAINTS.iter().any(|taint| message.contains(&format!("node.kubernetes.io/{taint}")));
    (scheduled["status"] == "False" && scheduled["reason"] == "Unschedulable" && !passes)
        .then(|| format!("no node takes it: {message}"))
}

/// Why a workload will not get its Pods: quota, Pod Security, a webhook, an account that is not there.
fn workload(object: &Value) -> Option<String> {
    conditions(&object["status"]).find_map(|condition| {
        let bad = match condition["type"].as_str()? {
            "ReplicaFailure" | "Failed" => condition["status"] == "True",
            "Progressing" => condition["reason"] == "ProgressDeadlineExceeded",
            _ => false,
        };
        bad.then(|| format!("{} {}", text(condition, "type"), words(condition)))
    })
}

/// The end of a container, e.g. `main ended with exit code 137 (OOMKilled)`.
fn ended(state: &Value, container: &Value) -> Option<String> {
    let end = &state["terminated"];
    let code = end["exitCode"].as_i64()?;
    let reason = end["reason"].as_str().filter(|reason| !matches!(*reason, "Error" | "Completed"));
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Some(format!("{} ended with exit code {code}{reason}", text(container, "name")))
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
fn words(value: &Value) -> String {
    let parts = [text(value, "reason"), text(value, "message")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
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
        assert_eq!(why("Pod", &object).as_deref(), expected);
    }

    #[test]
    fn of_a_workload() {
        let object = json!({"status": {"conditions": [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetCreated"},
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"},
        ]}});
        assert_eq!(why("Deployment", &object).as_deref(), Some("ReplicaFailure FailedCreate: exceeded quota"));
        assert_eq!(why("ConfigMap", &object), None);
    }
}
