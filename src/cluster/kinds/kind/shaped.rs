//! A config of kind whose API server is other than usual: by kind's own words for features and APIs, and by patches of the
//! configuration that it gives kubeadm. The files that the API server reads are mounted from the cluster's private folder.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{cluster::ClusterError, shape::Shape};

/// Where the files are on the node, and in the API server's container.
const FOLDER: &str = "/kubewalk-shape";

/// Where the audit log is written, on both.
const AUDIT: &str = "/var/log/kubernetes/audit";

/// What the kubelet asks without a credential, over and over; a server that refuses it is ended.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/healthz"];

/// What a further node asks without a credential when it joins.
const JOIN: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

/// The versions of kubeadm's configuration in which kind writes it; only the one that it writes is patched.
const VERSIONS: [&str; 2] = ["v1beta3", "v1beta4"];

/// What is given to kind.
#[derive(Debug)]
pub struct Shaped {
    /// The config.
    pub text: String,
    /// Files of the folder that is mounted, by their names.
    pub files: Files,
}

/// Files by their names.
type Files = Vec<(&'static str, Value)>;

/// The config for a shape; `folder` is where its files will be on this machine.
///
/// # Errors
/// When the config is no mapping.
pub fn config(text: &str, from: &str, shape: &Shape, folder: &Path) -> Result<Shaped, ClusterError> {
    let none = || ClusterError::new(format!("{from} is not a config for kind"), "correct that file");
    let mut config: Map<String, Value> = serde_saphyr::from_str(text).map_err(|_| none())?;
    let nodes = list(&mut config, "nodes").ok_or_else(none)?;
    if nodes.is_empty() {
        nodes.push(json!({"role": "control-plane"}));
    }
    let several = nodes.len() > 1;
    let (args, files) = flags(shape, several);
    let mut volumes = Vec::new();
    if !files.is_empty() {
        volumes.push(volume("kubewalk-shape", FOLDER, true, "Directory"));
        let of_control_planes = |node: &&mut Value| matches!(node["role"].as_str(), None | Some("control-plane"));
        for node in nodes.iter_mut().filter(of_control_planes) {
            let node = node.as_object_mut().ok_or_else(none)?;
            let mount = json!({"hostPath": folder, "containerPath": FOLDER, "readOnly": true});
            list(node, "extraMounts").ok_or_else(none)?.push(mount);
        }
    }
    if shape.audit.is_some() {
        volumes.push(volume("kubewalk-audit", AUDIT, false, "DirectoryOrCreate"));
    }
    let text = |on: bool| Value::from(on.to_string());
    entries(&mut config, "featureGates", shape.gates.iter().map(|(gate, on)| (gate, Value::Bool(*on))))
        .ok_or_else(none)?;
    entries(&mut config, "runtimeConfig", shape.apis.iter().map(|(api, on)| (api, text(*on)))).ok_or_else(none)?;
    let patches = list(&mut config, "kubeadmConfigPatchesJSON6902").ok_or_else(none)?;
    for version in VERSIONS {
        let mut patch: Vec<Value> = (args.iter())
            .map(|(name, value)| match version {
                // There it was a mapping.
                "v1beta3" => json!({"op": "add", "path": format!("/apiServer/extraArgs/{name}"), "value": value}),
                _ => json!({"op": "add", "path": "/apiServer/extraArgs/-", "value": {"name": name, "value": value}}),
            })
            .collect();
        if !volumes.is_empty() {
            patch.push(json!({"op": "add", "path": "/apiServer/extraVolumes", "value": volumes}));
        }
        if !patch.is_empty() {
            let patch = Value::Array(patch).to_string();
            patches.push(
                json!({"group": "kubeadm.k8s.io", "version": version, "kind": "ClusterConfiguration", "patch": patch}),
            );
        }
    }
    // JSON is YAML.
    Ok(Shaped { text: Value::Object(config).to_string(), files })
}

/// The API server's flags, without dashes, and its files.
fn flags(shape: &Shape, several: bool) -> (Vec<(&'static str, String)>, Files) {
    let (mut args, mut files) = (Vec::new(), Vec::new());
    let names = |of: &mut dyn Iterator<Item = &String>| of.cloned().collect::<Vec<_>>().join(",");
    if !shape.enable.is_empty() || shape.disable.contains("NodeRestriction") {
        // It takes the place of what kubeadm says.
        let own = String::from("NodeRestriction");
        let own = Some(&own).filter(|own| !shape.disable.contains(*own));
        args.push(("enable-admission-plugins", names(&mut own.into_iter().chain(&shape.enable))));
    }
    if !shape.disable.is_empty() {
        args.push(("disable-admission-plugins", names(&mut shape.disable.iter())));
    }
    if !shape.authorization.is_empty() {
        args.push(("authorization-mode", shape.authorization.join(",")));
    }
    if let Some(on) = shape.fairness {
        args.push(("enable-priority-and-fairness", on.to_string()));
    }
    if !shape.plugins.is_empty() {
        let plugins: Vec<_> =
            shape.plugins.iter().map(|(name, config)| json!({"name": name, "configuration": config})).collect();
        let version = "apiserver.config.k8s.io/v1";
        files.push((
            "admission.json",
            json!({"apiVersion": version, "kind": "AdmissionConfiguration", "plugins": plugins}),
        ));
        args.push(("admission-control-config-file", format!("{FOLDER}/admission.json")));
    }
    if let Some(authentication) = authentication(shape, several) {
        files.push(("authentication.json", authentication));
        args.push(("authentication-config", format!("{FOLDER}/authentication.json")));
    }
    if let Some(audit) = &shape.audit {
        files.push(("audit.json", audit.clone()));
        args.push(("audit-policy-file", format!("{FOLDER}/audit.json")));
        args.push(("audit-log-path", format!("{AUDIT}/audit.log")));
    }
    (args, files)
}

/// Who may call without a credential: what the cluster's own programs ask so stays answered.
fn authentication(shape: &Shape, several: bool) -> Option<Value> {
    let needed = PROBES.into_iter().chain(several.then_some(JOIN)).map(|path| json!({"path": path}));
    let mut config = match &shape.authentication {
        Some(config) => config.clone(),
        None if shape.anonymous_everywhere() => return None,
        None => json!({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": false}}),
    };
    if !shape.anonymous_everywhere() {
        let said = config["anonymous"]["conditions"].as_array().cloned().unwrap_or_default();
        let mut conditions: Vec<Value> = Vec::new();
        for condition in said.into_iter().chain(needed) {
            if !conditions.contains(&condition) {
                conditions.push(condition);
            }
        }
        config["anonymous"] = json!({"enabled": true, "conditions": conditions});
    }
    Some(config)
}

fn volume(name: &str, path: &str, read_only: bool, kind: &str) -> Value {
    json!({"name": name, "hostPath": path, "mountPath": path, "readOnly": read_only, "pathType": kind})
}

/// A list of a mapping, which is made if it is not there.
fn list<'c>(config: &'c mut Map<String, Value>, key: &str) -> Option<&'c mut Vec<Value>> {
    let value = config.entry(key.to_owned()).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Array(vec![]);
    }
    value.as_array_mut()
}

/// Adds to a mapping of a mapping.
fn entries<'s>(
    config: &mut Map<String, Value>,
    key: &str,
    more: impl Iterator<Item = (&'s String, Value)>,
) -> Option<()> {
    let more: Vec<_> = more.map(|(name, value)| (name.clone(), value)).collect();
    if more.is_empty() {
        return Some(());
    }
    let value = config.entry(key.to_owned()).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()?.extend(more);
    Some(())
}

/// The last words of an API server that does not take what it was given; `None` when that is not why it is not there.
pub fn last_words(log: &[String]) -> Option<Vec<String>> {
    let gave_up = |line: &String| line.contains("command failed") || line.contains("Error: ");
    let at = log.iter().rposition(gave_up)?;
    Some(log[at.saturating_sub(5)..=at].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(text: &str, shape: Value) -> (Value, Vec<&'static str>) {
        let shape: Shape = serde_json::from_value(shape).expect("a shape");
        let shaped = config(text, "kind-config.yaml", &shape, Path::new("/run/x/shape")).expect("a config");
        let files = shaped.files.iter().map(|(name, _)| *name).collect();
        (serde_json::from_str(&shaped.text).expect("JSON"), files)
    }

    fn patch(config: &Value, version: &str) -> Value {
        let patches = config["kubeadmConfigPatchesJSON6902"].as_array().expect("patches");
        let patch = patches.iter().find(|patch| patch["version"] == version).expect("of this version");
        serde_json::from_str(patch["patch"].as_str().expect("a text")).expect("JSON")
    }

    #[test]
    fn what_the_config_says_already_stays() {
        let text = "kind: Cluster\nfeatureGates: {B: true}\nnodes:\n  - role: control-plane\n    image: a\n    extraMounts: [{hostPath: /x, containerPath: /y}]\n  - role: worker\nkubeadmConfigPatchesJSON6902: [{group: a}]\n";
        let (config, files) =
            shaped(text, json!({"gates": {"A": false}, "audit": {"kind": "Policy"}, "apis": {"api/alpha": true}}));
        assert_eq!(config["featureGates"], json!({"B": true, "A": false}));
        assert_eq!(config["runtimeConfig"], json!({"api/alpha": "true"}));
        assert_eq!(config["nodes"][0]["extraMounts"].as_array().map(Vec::len), Some(2));
        assert_eq!(config["nodes"][1], json!({"role": "worker"}), "a worker has no API server");
        assert_eq!(config["kubeadmConfigPatchesJSON6902"].as_array().map(Vec::len), Some(3));
        assert_eq!(files, ["audit.json"]);
        let volumes = patch(&config, "v1beta4");
        let volumes = volumes.as_array().and_then(|list| list.last()).expect("volumes");
        assert_eq!(volumes["value"][1]["hostPath"], AUDIT);
    }

    #[test]
    fn both_versions_of_kubeadm_s_config_are_patched() {
        let (config, files) =
            shaped("kind: Cluster\n", json!({"enable": ["AlwaysPullImages"], "authorization": ["RBAC", "Node"]}));
        assert_eq!((config["nodes"].clone(), files.len()), (json!([{"role": "control-plane"}]), 0));
        let plugins = "NodeRestriction,AlwaysPullImages";
        let want = json!({"op": "add", "path": "/apiServer/extraArgs/enable-admission-plugins", "value": plugins});
        assert_eq!(patch(&config, "v1beta3")[0], want);
        let want = json!({"op": "add", "path": "/apiServer/extraArgs/-", "value": {"name": "authorization-mode", "value": "RBAC,Node"}});
        assert_eq!(patch(&config, "v1beta4")[1], want);
        let (config, _) =
            shaped("kind: Cluster\n", json!({"disable": ["NodeRestriction"], "enable": ["NamespaceExists"]}));
        assert_eq!(patch(&config, "v1beta4")[0]["value"]["value"], "NamespaceExists");
    }

    #[test]
    fn the_kubelet_s_own_questions_stay_answered() {
        let shape = |value| serde_json::from_value::<Shape>(value).expect("a shape");
        let of = |value, several| authentication(&shape(value), several).expect("a config")["anonymous"].clone();
        let probes =
            json!({"enabled": true, "conditions": [{"path": "/livez"}, {"path": "/readyz"}, {"path": "/healthz"}]});
        assert_eq!(of(json!({"anonymous": false}), false), probes);
        // An API server that allows everything lets no caller in without a name, the kubelet included.
        assert_eq!(of(json!({"authorization": ["Node", "RBAC", "AlwaysAllow"]}), false), probes);
        assert_eq!(
            of(json!({"authentication": {"anonymous": {"enabled": true, "conditions": [{"path": "/livez"}]}}}), false),
            probes
        );
        assert_eq!(of(json!({"anonymous": false}), true)["conditions"][3]["path"], JOIN);
        assert_eq!(authentication(&shape(json!({"enable": ["A"]})), false), None);
        let all = json!({"authentication": {"anonymous": {"enabled": true}}});
        assert_eq!(of(all, true), json!({"enabled": true}));
    }

    #[test]
    fn the_last_words_end_with_the_error() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(last_words(&lines("I a\nE b\nI c")), None);
        let log = lines("I a\nE1129 \"command failed\" err=\"no policy\"\n");
        assert_eq!(last_words(&log).and_then(|words| words.last().cloned()), Some(log[1].clone()));
    }
}
