//! The words of RBAC's rules: what people write for a verb, and how a rule's lists are read.

use serde_json::{Map, Value};

use super::served::TABLE;

/// Words that people write for a verb.
pub const NOT_VERBS: &[(&str, &str)] = &[
    ("post", "`create`"),
    ("put", "`update`"),
    ("read", "`get`, `list`, `watch`"),
    ("write", "`create`, `update`, `patch`"),
    ("edit", "`update`, `patch`"),
    ("remove", "`delete`"),
    ("scale", "`patch` on the resource `deployments/scale`"),
    ("exec", "`create` and `get` on the resource `pods/exec`"),
    ("logs", "`get` on the resource `pods/log`"),
    ("all", "`*`"),
];

/// Verbs of requests about resources, and what paths are asked for instead.
pub const NOT_OF_PATHS: &[(&str, &str)] = &[
    ("list", "get"),
    ("watch", "get"),
    ("read", "get"),
    ("create", "post"),
    ("update", "put"),
    ("edit", "put"),
    ("deletecollection", "delete"),
    ("remove", "delete"),
];

/// Subresources that no discovery needs to name.
pub const SUBRESOURCES: &[&str] = &[
    "attach",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "finalize",
    "log",
    "portforward",
    "proxy",
    "resize",
    "scale",
    "status",
    "token",
];

/// The words of one of the lists of a rule.
pub fn listed<'r>(rule: &'r Map<String, Value>, key: &str) -> Vec<&'r str> {
    let list = rule.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The words that were written as one, as a command line or a text has them: `pods,services`, `get list`.
pub fn several(word: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = word.split([',', ';', ' ']).filter(|part| !part.is_empty()).collect();
    (parts.len() > 1).then_some(parts)
}

/// The group of one of Kubernetes' own resources.
pub fn group_of(resource: &str) -> Option<&'static str> {
    let resource = resource.split('/').next().unwrap_or(resource);
    TABLE.resources.iter().find(|own| own.plural == resource).map(|own| own.group.as_str())
}
