//! What of a Pod reaches its node. The policies of the engine (`engine/supervisor/node/untrusted.go`) have the same lists.

use serde_json::{Map, Value};

use super::found::Reach;

/// Volumes that hold nothing of the node.
const VOLUMES: &[&str] =
    &["configMap", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"];

/// Capabilities that a container may add.
const CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Settings of the kernel that each Pod has for itself.
const SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

/// The lists of containers that a Pod has.
const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Everything in a Pod's spec, or in a part of one, that reaches the node.
pub fn reaches(spec: &Value) -> Vec<Reach> {
    let mut found = Vec::new();
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        if is_on(&spec[key]) {
            found.push(Reach::new(format!("/{key}"), format!("`{key}`")));
        }
    }
    for (index, volume) in list(&spec["volumes"]).iter().enumerate() {
        for key in volume.as_object().into_iter().flat_map(Map::keys) {
            // A strategic merge patch has words of its own.
            if key != "name" && !key.starts_with('$') && !VOLUMES.contains(&key.as_str()) {
                found.push(Reach::new(format!("/volumes/{index}/{key}"), format!("a volume of `{key}`")));
            }
        }
    }
    let context = &spec["securityContext"];
    for (index, sysctl) in list(&context["sysctls"]).iter().enumerate() {
        let name = sysctl["name"].as_str().unwrap_or_default();
        if !SYSCTLS.contains(&name) {
            found.push(Reach::new(format!("/securityContext/sysctls/{index}"), format!("the sysctl `{name}`")));
        }
    }
    in_context(context, "/securityContext", &mut found);
    for key in LISTS {
        for (index, container) in list(&spec[key]).iter().enumerate() {
            in_container(container, &format!("/{key}/{index}"), &mut found);
        }
    }
    found
}

fn in_container(container: &Value, at: &str, found: &mut Vec<Reach>) {
    let context = &container["securityContext"];
    if is_on(&context["privileged"]) {
        found.push(Reach::new(format!("{at}/securityContext/privileged"), "`privileged`"));
    }
    for (index, name) in list(&context["capabilities"]["add"]).iter().filter_map(Value::as_str).enumerate() {
        if !CAPABILITIES.contains(&name) {
            let at = format!("{at}/securityContext/capabilities/add/{index}");
            found.push(Reach::new(at, format!("the capability `{name}`")));
        }
    }
    if context["procMount"].as_str().is_some_and(|mount| mount != "Default") {
        found.push(Reach::new(format!("{at}/securityContext/procMount"), "`procMount`"));
    }
    in_context(context, &format!("{at}/securityContext"), found);
    for (index, port) in list(&container["ports"]).iter().enumerate() {
        if !port["hostPort"].is_null() && port["hostPort"] != 0 {
            found.push(Reach::new(format!("{at}/ports/{index}/hostPort"), "a `hostPort`"));
        }
    }
    if !list(&container["volumeDevices"]).is_empty() {
        found.push(Reach::new(format!("{at}/volumeDevices"), "`volumeDevices`"));
    }
    let probes = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle/postStart", "lifecycle/preStop"];
    for probe in probes {
        for way in ["httpGet", "tcpSocket"] {
            let path = format!("/{probe}/{way}/host");
            // The kubelet asks, from the node's own network.
            if container.pointer(&path).and_then(Value::as_str).is_some_and(|host| !host.is_empty()) {
                found.push(Reach::new(format!("{at}{path}"), "a probe of another host"));
            }
        }
    }
}

/// What a Pod's and a container's securityContext have in common.
fn in_context(context: &Value, at: &str, found: &mut Vec<Reach>) {
    for key in ["seccompProfile", "appArmorProfile"] {
        if context[key]["type"] == "Unconfined" {
            found.push(Reach::new(format!("{at}/{key}/type"), format!("`{key}` Unconfined")));
        }
    }
    if context["seLinuxOptions"].is_object() {
        found.push(Reach::new(format!("{at}/seLinuxOptions"), "`seLinuxOptions`"));
    }
    if is_on(&context["windowsOptions"]["hostProcess"]) {
        found.push(Reach::new(format!("{at}/windowsOptions/hostProcess"), "`hostProcess`"));
    }
}

/// Whether a switch may be on: kubectl reads YAML 1.1, in which `yes` and `on` are true, and a saved value may be anything.
fn is_on(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !matches!(text.to_ascii_lowercase().as_str(), "no" | "off" | "n" | "false"),
        _ => true,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn container(key: &str, value: Value) -> Value {
        json!({"containers": [{"name": "a", key: value}]})
    }

    #[rstest]
    #[case(json!({"hostNetwork": true}), "/hostNetwork")]
    #[case(json!({"hostPID": true}), "/hostPID")]
    #[case(json!({"hostIPC": true}), "/hostIPC")]
    #[case(json!({"hostIPC": "yes"}), "/hostIPC")]
    #[case(json!({"hostIPC": "On"}), "/hostIPC")]
    #[case(json!({"hostIPC": "{saved.x}"}), "/hostIPC")]
    #[case(container("ports", json!([{"hostPort": "0x50"}])), "/containers/0/ports/0/hostPort")]
    #[case(container("securityContext", json!({"privileged": "y"})), "/containers/0/securityContext/privileged")]
    #[case(json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}), "/volumes/0/hostPath")]
    #[case(json!({"volumes": [{"name": "v", "csi": {"driver": "d"}}]}), "/volumes/0/csi")]
    #[case(json!({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}), "/securityContext/sysctls/0")]
    #[case(json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}), "/securityContext/seccompProfile/type")]
    #[case(json!({"securityContext": {"windowsOptions": {"hostProcess": true}}}), "/securityContext/windowsOptions/hostProcess")]
    #[case(json!({"initContainers": [{"securityContext": {"privileged": true}}]}), "/initContainers/0/securityContext/privileged")]
    #[case(json!({"ephemeralContainers": [{"securityContext": {"privileged": true}}]}), "/ephemeralContainers/0/securityContext/privileged")]
    #[case(container("securityContext", json!({"capabilities": {"add": ["CHOWN", "SYS_ADMIN"]}})), "/containers/0/securityContext/capabilities/add/1")]
    #[case(container("securityContext", json!({"capabilities": {"add": ["ALL"]}})), "/containers/0/securityContext/capabilities/add/0")]
    #[case(container("securityContext", json!({"procMount": "Unmasked"})), "/containers/0/securityContext/procMount")]
    #[case(container("securityContext", json!({"seccompProfile": {"type": "Unconfined"}})), "/containers/0/securityContext/seccompProfile/type")]
    #[case(container("securityContext", json!({"seLinuxOptions": {"type": "spc_t"}})), "/containers/0/securityContext/seLinuxOptions")]
    #[case(container("ports", json!([{"containerPort": 1, "hostPort": 6443}])), "/containers/0/ports/0/hostPort")]
    #[case(container("volumeDevices", json!([{"name": "v", "devicePath": "/dev/x"}])), "/containers/0/volumeDevices")]
    #[case(container("readinessProbe", json!({"httpGet": {"host": "127.0.0.1", "port": 2379}})), "/containers/0/readinessProbe/httpGet/host")]
    #[case(container("lifecycle", json!({"preStop": {"tcpSocket": {"host": "127.0.0.1"}}})), "/containers/0/lifecycle/preStop/tcpSocket/host")]
    fn each_way_to_the_node(#[case] spec: Value, #[case] at: &str) {
        let found: Vec<_> = reaches(&spec).into_iter().map(|reach| reach.pointer).collect();
        assert_eq!(found, [at]);
    }

    #[test]
    fn an_ordinary_pod_reaches_nothing() {
        let spec = json!({
            "hostNetwork": false, "hostIPC": "no", "hostUsers": false, "serviceAccountName": "a",
            "securityContext": {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"},
                "sysctls": [{"name": "net.ipv4.ping_group_range", "value": "0 1"}]},
            "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "secret": {"secretName": "s"}},
                {"name": "c", "projected": {"sources": []}}, {"name": "d", "configMap": {"name": "c"}}],
            "containers": [{"name": "a", "image": "curl", "ports": [{"containerPort": 80}],
                "securityContext": {"privileged": false, "allowPrivilegeEscalation": true,
                    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
                "livenessProbe": {"httpGet": {"path": "/", "port": 80}}}],
        });
        assert_eq!(reaches(&spec), []);
    }

    #[test]
    fn the_policies_of_the_engine_have_the_same_lists() {
        let policies = include_str!("../../engine/supervisor/node/untrusted.go");
        let (lists, _) = policies.split_once("// optional is").expect("the lists come first");
        let (_, lists) = lists.split_once("var (").expect("the lists");
        let of_the_engine: Vec<_> = lists.split('"').skip(1).step_by(2).collect();
        let ours: Vec<_> = [VOLUMES, CAPABILITIES, SYSCTLS].concat();
        assert_eq!(of_the_engine, ours);
    }
}
