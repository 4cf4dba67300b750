//! What of a cluster's objects counts when it is asked whether all is as it was: what a caller wrote, and nothing that
//! changes by itself: identity, times, status, addresses, and what controllers make and keep.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    callers,
    key::Key,
    restless::{is_by_itself, is_custom, is_going},
};
use crate::k8s::object::{is_own_finalizer, items_of, text_at};

/// What of a cluster's objects counts, by what they are called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digest(BTreeMap<String, Vec<String>>);

/// Annotations that controllers write.
const CONTROLLERS: [&str; 5] = [
    "deployment.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "control-plane.alpha.kubernetes.io/",
];

/// A Secret's label in which the API server notes the day on which its token was used, some time after that.
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";

impl Digest {
    /// What of these objects counts. The scenario's own namespace has another name each time.
    pub fn from_objects<'a>(objects: impl IntoIterator<Item = (&'a Key, &'a Value)>, namespace: &str) -> Self {
        let all: Vec<_> = objects.into_iter().collect();
        let going: Vec<&str> = (all.iter())
            .filter(|(key, object)| key.is("", "Namespace") && is_going(object))
            .map(|(key, _)| key.name.as_str())
            .collect();
        let mut digest = Digest::default();
        for (key, object) in all {
            let inside = key.namespace.as_deref().is_some_and(|place| going.contains(&place));
            if inside || is_by_itself(key, object) || goes_by_itself(object) {
                continue;
            }
            let name = generated(object).unwrap_or_else(|| key.name.clone());
            let place = key.namespace.as_ref().map(|place| format!(" in {place}")).unwrap_or_default();
            let name = masked(&format!("{} {name}{place}", key.kind), namespace);
            digest.0.entry(name).or_default().push(masked(&content(key, object).to_string(), namespace));
        }
        digest.0.values_mut().for_each(|all| all.sort());
        digest
    }

    /// In one line: the same for the same.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (name, contents) in &self.0 {
            contents.iter().for_each(|content| hash.update(format!("{name}\0{content}\0")));
        }
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// How it differs now, each in a line.
    pub fn difference(&self, now: &Self) -> Vec<String> {
        let new = now.0.keys().filter(|name| !self.0.contains_key(*name)).map(|name| format!("{name} is new"));
        let others = self.0.iter().filter_map(|(name, before)| match now.0.get(name) {
            None => Some(format!("{name} is missing")),
            Some(now) if now.len() != before.len() => Some(format!("{name} is there {} times", now.len())),
            Some(now) if now != before => Some(format!("{name} has changed")),
            Some(_) => None,
        });
        new.chain(others).collect()
    }
}

/// Whether it is on its way out, and nothing but Kubernetes holds it.
pub(super) fn goes_by_itself(object: &Value) -> bool {
    let held = items_of(&object["metadata"]["finalizers"]).filter_map(Value::as_str).any(|one| !is_own_finalizer(one));
    is_going(object) && !held
}

/// The name of an object to which the server gave its end.
fn generated(object: &Value) -> Option<String> {
    let begin = Some(text_at(&object["metadata"], "generateName")).filter(|begin| !begin.is_empty())?;
    Some(format!("{begin}*"))
}

/// What of an object counts.
pub fn content(key: &Key, object: &Value) -> Value {
    let metadata = &object["metadata"];
    let mut content: Map<String, Value> = object.as_object().cloned().unwrap_or_default();
    content.retain(|name, _| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
    settle(key, &mut content, callers::have_written(object));
    let mut about = Map::new();
    let keep_annotation = |name: &str| !CONTROLLERS.iter().any(|begin| name.starts_with(begin));
    // Of a Node, components write many.
    let of_callers = key.is("", "Node").then(|| callers::annotations(object));
    let counts = |name: &String| of_callers.as_ref().is_none_or(|names| names.contains(name)) && keep_annotation(name);
    if let Some(annotations) = metadata["annotations"].as_object() {
        let kept: Map<_, _> = annotations.clone().into_iter().filter(|(name, _)| counts(name)).collect();
        about.insert("annotations".into(), kept.into());
    }
    let mut labels = metadata["labels"].clone();
    if let Some(labels) = labels.as_object_mut().filter(|_| key.is("", "Secret")) {
        labels.remove(LAST_USED);
    }
    about.insert("labels".into(), labels);
    let finalizers = items_of(&metadata["finalizers"]).filter(|one| !one.as_str().is_some_and(is_own_finalizer));
    about.insert("finalizers".into(), finalizers.cloned().collect());
    about.insert("owners".into(), metadata["ownerReferences"].clone());
    about.insert("going".into(), is_going(object).into());
    about.retain(|_, value| !is_empty(value));
    content.insert("metadata".into(), about.into());
    // A custom object's status is written by the scenario, which knows the kind; a quota counts what is there.
    if is_custom(key) && !object["status"].is_null() {
        content.insert("status".into(), object["status"].clone());
    } else if key.is("", "ResourceQuota") {
        content.insert("used".into(), object["status"]["used"].clone());
    } else if key.is("certificates.k8s.io", "CertificateSigningRequest") {
        let decided = items_of(&object["status"]["conditions"]).map(|condition| condition["type"].clone());
        content.insert("decided".into(), decided.collect());
    }
    content.retain(|_, value| !is_empty(value));
    let mut content = Value::from(content);
    content.sort_all_objects();
    content
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Leaves out what controllers and allocators fill in. `written`: whether a caller has written of the object.
fn settle(key: &Key, content: &mut Map<String, Value>, written: bool) {
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Pod") => {
            // The scheduler's; and what kubewalk itself puts into a Pod stays until the Pod goes.
            without(content.get_mut("spec"), &["nodeName", "ephemeralContainers"]);
        }
        ("", "Service") => {
            without(content.get_mut("spec"), &["clusterIP", "clusterIPs", "healthCheckNodePort"]);
            let ports = content.get_mut("spec").and_then(|spec| spec["ports"].as_array_mut());
            ports.into_iter().flatten().for_each(|port| without(Some(port), &["nodePort"]));
        }
        ("", "PersistentVolumeClaim") => without(content.get_mut("spec"), &["volumeName"]),
        ("", "PersistentVolume") => {
            without(content.get_mut("spec").and_then(|spec| spec.get_mut("claimRef")), &["uid", "resourceVersion"]);
        }
        // The token of an account, written by its controller.
        ("", "Secret") if content.get("type").is_some_and(|kind| kind == "kubernetes.io/service-account-token") => {
            without(content.get_mut("data"), &["token", "ca.crt", "namespace"]);
        }
        ("", "Node") => {
            let spec = content.remove("spec").unwrap_or_default();
            // Those that tell of its state come and go.
            let own = |taint: &&Value| !text_at(taint, "key").starts_with("node.");
            let taints: Vec<Value> = items_of(&spec["taints"]).filter(own).cloned().collect();
            content.insert("spec".into(), json!({"unschedulable": spec["unschedulable"], "taints": taints}));
        }
        ("rbac.authorization.k8s.io", "ClusterRole") if content.contains_key("aggregationRule") => {
            content.remove("rules");
        }
        ("coordination.k8s.io", "Lease") if !written => {
            content.remove("spec");
        }
        _ => {}
    }
}

fn without(map: Option<&mut Value>, keys: &[&str]) {
    if let Some(map) = map.and_then(Value::as_object_mut) {
        map.retain(|key, _| !keys.contains(&key.as_str()));
    }
}

/// A text without what is another one each time: uids, times, and the names that admission makes.
fn masked(text: &str, namespace: &str) -> String {
    static UID: LazyLock<Regex> = LazyLock::new(|| pattern("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"));
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"));
    static VOLUME: LazyLock<Regex> = LazyLock::new(|| pattern("kube-api-access-[a-z0-9]{5}"));
    let text = UID.replace_all(text, "(uid)");
    let text = TIME.replace_all(&text, "(time)");
    let text = VOLUME.replace_all(&text, "kube-api-access-(any)");
    if namespace == "default" { text.into_owned() } else { text.replace(namespace, "{namespace}") }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

#[cfg(test)]
#[path = "digest/tests.rs"]
mod tests;
