//! What the parts of `cluster:` say alike of what is wrong with them.

use serde_json::{Map, Value};

use crate::{
    k8s::nearest,
    plan::context::{Context, below},
};

/// Where it stands.
pub(in crate::plan) const AT: &str = "/cluster";

/// Something that is so anyway: it makes no cluster of its own.
pub(in crate::plan) fn by_itself(cx: &mut Context<'_>, at: &str, what: &str) {
    cx.findings.warn(at, format!("{what} anyway")).hint("leave it out");
}

pub(in crate::plan) fn ticked(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Complains about other keys than these, with a reason where there is one.
pub(in crate::plan) fn only(
    cx: &mut Context<'_>,
    at: &str,
    map: &Map<String, Value>,
    keys: &[&'static str],
    why: impl Fn(&str) -> Option<&'static str>,
) {
    for key in map.keys().filter(|key| !keys.contains(&key.as_str())) {
        let near = nearest(key, keys.iter().copied()).map(|key| format!("did you mean `{key}`?"));
        let hint =
            why(key).map(str::to_owned).or(near).unwrap_or_else(|| format!("the keys here are {}", ticked(keys)));
        let words =
            if why(key).is_some() { format!("`{key}` cannot be said here") } else { format!("unknown key `{key}`") };
        cx.findings.error(&below(at, key), words).at_key().hint(hint);
    }
}

pub(in crate::plan) fn mapping<'v>(cx: &mut Context<'_>, at: &str, value: &'v Value) -> Option<&'v Map<String, Value>> {
    if !value.is_object() {
        cx.findings.error(at, "a mapping is expected here");
    }
    value.as_object()
}

pub(in crate::plan) fn list<'v>(cx: &mut Context<'_>, at: &str, value: &'v Value) -> Option<&'v Vec<Value>> {
    if !value.is_array() {
        cx.findings.error(at, "a list is expected here");
    }
    value.as_array()
}

/// The same in one order of keys, however they were written: two scenarios with the same configuration share a cluster.
pub(in crate::plan) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut all: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            all.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(all.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}
