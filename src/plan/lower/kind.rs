//! What every step says of an object: its kind and its name.

use serde_json::Value;

use crate::{
    plan::{
        Kind, When,
        context::{Context, below, words},
        kinds, names,
    },
    scenario::placeholder,
};

/// Finds the kind, or says what is wrong with it. A step that is refused may ask for one that is gone, and so may one that is
/// run only where it was still there.
pub(in crate::plan) fn kind_of(
    cx: &mut Context<'_>,
    at: &str,
    (refused, when): (bool, Option<&When>),
    kind: &str,
    api_version: Option<&str>,
) -> Option<Kind> {
    match kinds::find(kind, api_version) {
        Ok(kind) => Some(kind),
        Err(unknown) => {
            let in_its_time = unknown.last.is_some_and(|last| when.is_some_and(|when| when.up_to(last)));
            if (refused || in_its_time)
                && let Some(asked) = unknown.asked
            {
                return Some(*asked);
            }
            let key = if unknown.api_version { "apiVersion" } else { "kind" };
            cx.findings.error(&below(at, key), unknown.message).hint_if(unknown.hint);
            None
        }
    }
}

/// Checks a name by the rule of its kind.
pub(in crate::plan) fn check_name(cx: &mut Context<'_>, at: &str, kind: &Kind, name: &str) {
    // What is no placeholder, though it was meant as one, is told as that.
    if name.contains(words::PREFIX) || placeholder::slip(name).is_some() {
        return;
    }
    if let Err(bad) = names::check(kind, name) {
        cx.findings.error(at, bad.message).hint_if(bad.suggestion.map(|name| format!("try `{name}`")));
    }
}

/// A value's kind in words.
pub(in crate::plan) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "an empty text",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
