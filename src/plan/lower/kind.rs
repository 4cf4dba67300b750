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

/// Checks a name by the rule that its kind has where a step is run.
pub(in crate::plan) fn check_name(cx: &mut Context<'_>, at: &str, kind: &Kind, name: &str, when: Option<&When>) {
    // What is no placeholder, though it was meant as one, is told as that.
    if name.contains(words::PREFIX) || placeholder::slip(name).is_some() {
        return;
    }
    let server = cx.findings.document().scenario.cluster.as_ref();
    let relaxed = server.and_then(|server| server.feature_gates.get(names::RELAXED));
    let strict = relaxed.map_or_else(|| when.is_some_and(|when| when.up_to(names::LAST_STRICT)), |relaxed| !relaxed);
    if let Err(bad) = names::check_by(kind, name, strict) {
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

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::plan::make::testing::{in_default, said};

    #[rstest]
    #[case::the_newest(json!({}), json!({}), true)]
    #[case::from_1_36_on(json!({"when": {"kubernetes": ">=1.36"}}), json!({}), true)]
    #[case::up_to_1_35(json!({"when": {"kubernetes": "<1.36"}}), json!({}), false)]
    #[case::the_gate_of_1_34(json!({"when": {"kubernetes": "<1.36"}}), json!({"RelaxedServiceNameValidation": true}), true)]
    #[case::the_gate_is_off(json!({}), json!({"RelaxedServiceNameValidation": false}), false)]
    fn a_service_is_called_as_the_version_takes_it(#[case] more: Value, #[case] gates: Value, #[case] good: bool) {
        let manifest = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "1web"}, "spec": {"ports": [{"port": 80}]}});
        let mut step = json!({"apply": manifest});
        step.as_object_mut().expect("a step").extend(more.as_object().cloned().expect("keys"));
        let mut scenario = in_default(json!([step]));
        scenario["cluster"] = json!({"featureGates": gates});
        let found = said(scenario);
        assert_eq!(!found.iter().any(|found| found.contains("`1web` is no name for a Service")), good, "{found:?}");
    }
}
