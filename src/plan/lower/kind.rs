//! What every step says of an object: its kind and its name.

use serde_json::Value;

use crate::{
    plan::{
        Kind,
        context::{Context, below, words},
        kinds, names,
    },
    scenario::placeholder,
};

/// Finds the kind, or says what is wrong with it.
pub(in crate::plan) fn kind_of(
    cx: &mut Context<'_>,
    at: &str,
    refused: bool,
    kind: &str,
    api_version: Option<&str>,
) -> Option<Kind> {
    match kinds::find(kind, api_version) {
        Ok(kind) => Some(kind),
        Err(unknown) => {
            if refused && let Some(asked) = unknown.asked {
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
