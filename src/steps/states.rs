//! Whether commands can be run in a container, and why not: what a Pod's status says, in words that lead on.

use serde_json::Value;

use super::terminal_state;
use crate::k8s::object::{items_of, text_at};

/// How a container stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It runs.
    Running,
    /// It does not run yet, or is started again; this is what it waits for.
    NotYet(String),
    /// It runs no more, or never will; this is why.
    Never(String),
}

/// What the kubelet says when an image cannot be had.
const IMAGE: [&str; 5] =
    ["ErrImageNeverPull", "ErrImagePull", "ImageInspectError", "ImagePullBackOff", "InvalidImageName"];

/// How a container of a Pod stands; left out, it is the first.
pub fn of_container(pod: &Value, container: Option<&str>) -> Standing {
    if pod["metadata"]["deletionTimestamp"].is_string() {
        // Its StatefulSet makes another one of the same name.
        let again = items_of(&pod["metadata"]["ownerReferences"]).any(|owner| owner["kind"] == "StatefulSet");
        let words = terminal_state::going(pod);
        return if again { Standing::NotYet(words) } else { Standing::Never(words) };
    }
    let all = || ["containers", "initContainers", "ephemeralContainers"].into_iter();
    let names: Vec<_> = all().flat_map(|key| items_of(&pod["spec"][key])).map(|one| text_at(one, "name")).collect();
    let Some(name) = container.or(names.first().copied()) else {
        return Standing::NotYet("it has no container yet".into());
    };
    if !names.contains(&name) {
        return Standing::Never(format!("it has no container `{name}`; it has: {}", names.join(", ")));
    }
    let status = &pod["status"];
    let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    let own = lists.into_iter().flat_map(|key| items_of(&status[key])).find(|one| text_at(one, "name") == name);
    if own.is_some_and(|own| own["state"]["running"].is_object()) {
        return Standing::Running;
    }
    if (matches!(status["phase"].as_str(), Some("Failed" | "Succeeded")) || own.is_none())
        && let Some(why) = terminal_state::never_ready_reason("Pod", pod)
    {
        return Standing::Never(why);
    }
    let first = items_of(&pod["spec"]["initContainers"]).any(|one| text_at(one, "name") == name);
    if let Some(standing) = (!first).then(|| of_init_containers(pod)).flatten() {
        return standing;
    }
    let Some(own) = own else { return Standing::NotYet(unplaced(pod)) };
    if own["state"]["terminated"].is_object() {
        return ended(pod, own);
    }
    match terminal_state::waits(own) {
        Some(why) => Standing::Never(why),
        None => Standing::NotYet(waits(own)),
    }
}

/// Where a Pod without a container stands.
fn unplaced(pod: &Value) -> String {
    let scheduled = items_of(&pod["status"]["conditions"]).find(|condition| condition["type"] == "PodScheduled");
    match (scheduled, pod["spec"]["nodeName"].as_str()) {
        (Some(condition), None) if condition["status"] == "False" => {
            format!("no node takes it: {}", text_at(condition, "message"))
        }
        (_, None) => "no node has been chosen for it yet".into(),
        (_, Some(node)) => format!("node {node} has not begun to start it"),
    }
}

/// What the containers wait for that are started after the others.
fn of_init_containers(pod: &Value) -> Option<Standing> {
    let statuses = || items_of(&pod["status"]["initContainerStatuses"]);
    let stays = |name: &str| {
        let own = items_of(&pod["spec"]["initContainers"]).find(|one| text_at(one, "name") == name);
        own.is_some_and(|own| own["restartPolicy"] == "Always")
    };
    let open = statuses().find(|one| {
        let started = stays(text_at(one, "name")) && one["started"] == true;
        one["state"]["terminated"]["exitCode"] != 0 && !started
    })?;
    let name = text_at(open, "name");
    if let Some(since) = open["state"]["running"]["startedAt"].as_str() {
        return Some(Standing::NotYet(format!(
            "its init container {name} has not ended, it runs since {since}; the others are started after it"
        )));
    }
    if let Some(why) = terminal_state::waits(open) {
        return Some(Standing::Never(format!("its init container keeps the others from their start: {why}")));
    }
    let end = terminal_state::ended(&open["state"], open);
    Some(Standing::NotYet(end.map_or_else(
        || format!("its init {}", waits(open)),
        |end| format!("its init container {end}; the others are started after it has succeeded"),
    )))
}

/// A container that has ended: whether it is started again says the Pod's policy.
fn ended(pod: &Value, own: &Value) -> Standing {
    let end = terminal_state::ended(&own["state"], own).unwrap_or_else(|| "it has ended".into());
    let again = match pod["spec"]["restartPolicy"].as_str() {
        Some("Never") => false,
        Some("OnFailure") => own["state"]["terminated"]["exitCode"] != 0,
        _ => true,
    };
    if again {
        Standing::NotYet(format!("container {end}, and is started again"))
    } else {
        Standing::Never(format!("container {end}, and is not started again"))
    }
}

fn waits(own: &Value) -> String {
    let waiting = &own["state"]["waiting"];
    let reason = waiting["reason"].as_str().map(|reason| format!(" with {reason}")).unwrap_or_default();
    let message = waiting["message"].as_str().map(|message| format!(": {message}")).unwrap_or_default();
    let before =
        terminal_state::ended(&own["lastState"], own).map(|end| format!("; before: {end}")).unwrap_or_default();
    format!("container {} waits{reason}{message}{before}", text_at(own, "name"))
}

/// What to do about a state that was told, if that is known.
pub fn advice(told: &str) -> Option<String> {
    let has = |word: &str| told.contains(word);
    let text = if has("InvalidImageName") {
        "write `image` as NAME:TAG, in lower case"
    } else if has("ErrImageNeverPull") {
        "`imagePullPolicy: Never` takes an image only if the node has it; `image: curl` is on every node"
    } else if IMAGE.iter().any(|reason| has(reason)) {
        "`image: curl` is on every node. For another, is its name right, and can the cluster reach its registry? Those of kind `builtin` \
         and `docker` have no way out to one"
    } else if has("CreateContainerConfigError") {
        "make the Secret, the ConfigMap or the key that it names in a step before, or mend its `securityContext`"
    } else if has("OOMKilled") {
        "it took more memory than its limit allows: raise `resources.limits.memory`"
    } else if ["executable file not found", "no such file or directory", "exec format error", "StartError"]
        .iter()
        .any(|word| has(word))
    {
        "the container's `command` is not in its image: `sh`, `sleep` and `curl` are in `image: curl`"
    } else if has("Insufficient ") {
        "ask for less in `resources.requests`, or remove Pods that are not needed any more"
    } else if has("node affinity/selector") {
        "no node has the labels that `nodeSelector` or `affinity` asks for"
    } else if has("no node takes it") {
        "compare what it asks for (`nodeSelector`, `resources`, `tolerations`) with the nodes: `kubectl describe nodes`"
    } else if has("it has no container `") {
        "name one of them in `container`, or leave `container` out: then it is the first"
    } else if has("init container") {
        "its containers start when every init container has ended with exit code 0"
    } else if has("ended with exit code 0") || has("phase Succeeded") {
        "its command came to its end. To be called in, a Pod needs one that stays, e.g. `command: [sleep, infinity]`; `pod:` has it by itself"
    } else if has("ended with exit code") {
        "its command failed: run it by hand, or see `kubectl logs --previous`"
    } else {
        return None;
    };
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn pod(policy: &str, state: Value) -> Value {
        json!({
            "spec": {"restartPolicy": policy, "nodeName": "n", "containers": [{"name": "main"}, {"name": "side"}]},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "side", "state": {"running": {}}}, {"name": "main", "state": state},
            ]},
        })
    }

    fn init(state: Value, more: Value) -> Value {
        let mut first = json!({"name": "setup"});
        first.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        json!({
            "spec": {"nodeName": "n", "initContainers": [first], "containers": [{"name": "main"}]},
            "status": {"phase": "Pending", "initContainerStatuses": [{"name": "setup", "started": true, "state": state}],
                "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}]},
        })
    }

    fn not_yet(text: &str) -> Standing {
        Standing::NotYet(text.into())
    }

    fn never(text: &str) -> Standing {
        Standing::Never(text.into())
    }

    #[rstest]
    #[case(pod("Always", json!({"running": {}})), None, Standing::Running)]
    #[case(pod("Always", json!({"waiting": {"reason": "ImagePullBackOff", "message": "no"}})), Some("side"), Standing::Running)]
    #[case(pod("Always", json!({"waiting": {"reason": "ContainerCreating"}})), None, not_yet("container main waits with ContainerCreating"))]
    #[case(pod("Always", json!({"waiting": {"reason": "ErrImageNeverPull", "message": "no"}})), None, never("container main waits with ErrImageNeverPull: no"))]
    #[case(pod("Always", json!({"terminated": {"exitCode": 0}})), None, not_yet("container main ended with exit code 0, and is started again"))]
    #[case(pod("OnFailure", json!({"terminated": {"exitCode": 0}})), None, never("container main ended with exit code 0, and is not started again"))]
    #[case(pod("OnFailure", json!({"terminated": {"exitCode": 3}})), None, not_yet("container main ended with exit code 3, and is started again"))]
    #[case(pod("Never", json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})), None, never("container main ended with exit code 137 (OOMKilled), and is not started again"))]
    #[case(pod("Always", json!({})), Some("man"), never("it has no container `man`; it has: main, side"))]
    #[case(init(json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}), json!({})), None, not_yet("its init container setup has not ended, it runs since 2026-01-01T00:00:00Z; the others are started after it"))]
    #[case(init(json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}), json!({"restartPolicy": "Always"})), None, not_yet("container main waits with PodInitializing"))]
    #[case(init(json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}), json!({})), Some("setup"), Standing::Running)]
    #[case(init(json!({"terminated": {"exitCode": 2, "reason": "Error"}}), json!({})), None, not_yet("its init container setup ended with exit code 2; the others are started after it has succeeded"))]
    #[case(json!({"spec": {"containers": [{"name": "main"}]}, "status": {"phase": "Pending"}}), None, not_yet("no node has been chosen for it yet"))]
    #[case(json!({"metadata": {"deletionTimestamp": "x"}}), None, never("it is being deleted"))]
    #[case(json!({"metadata": {"deletionTimestamp": "x", "ownerReferences": [{"kind": "StatefulSet"}]}}), None, not_yet("it is being deleted"))]
    fn a_container_stands(#[case] pod: Value, #[case] container: Option<&str>, #[case] standing: Standing) {
        assert_eq!(of_container(&pod, container), standing);
    }

    #[test]
    fn one_that_no_node_takes_or_that_has_ended_never_runs() {
        let conditions = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}]);
        let pod = json!({"spec": {"containers": [{"name": "main"}]}, "status": {"phase": "Pending", "conditions": conditions}});
        assert_eq!(of_container(&pod, None), never("no node takes it: 0/1 nodes are available: 1 Insufficient cpu."));
        let evicted = json!({"spec": {"containers": [{"name": "main"}]}, "status": {"phase": "Failed", "reason": "Evicted", "message": "too much"}});
        assert_eq!(of_container(&evicted, None), never("its containers ended (phase Failed): Evicted: too much"));
    }

    #[rstest]
    #[case("container main waits with ImagePullBackOff: x", "registry")]
    #[case("container main waits with CrashLoopBackOff; before: main ended with exit code 0", "sleep, infinity")]
    #[case("container main waits with CrashLoopBackOff; before: main ended with exit code 137 (OOMKilled)", "memory")]
    #[case(
        "main ended with exit code 128 (StartError: exec: \"nope\": executable file not found in $PATH)",
        "not in its image"
    )]
    #[case("container main waits with CreateContainerConfigError: secret \"s\" not found", "Secret")]
    fn it_says_what_to_do(#[case] told: &str, #[case] part: &str) {
        let advice = advice(told).unwrap_or_default();
        assert!(advice.contains(part), "{advice}");
    }
}
