//! What a scenario's callers have written of an object, as the API server notes it in `managedFields`.

use serde_json::{Map, Value};

use crate::k8s::object::{items_of, text_at};

/// How the field managers of a scenario's calls begin: of kubewalk's own requests, of kubectl's, and of curl's.
const CALLERS: [&str; 3] = ["kubewalk", "kubectl", "curl"];

/// What they have written of the object itself, or of a part of it, e.g. `status`.
fn fields<'a>(object: &'a Value, part: &'a str) -> impl Iterator<Item = &'a Value> {
    let by_a_caller = |entry: &Value| CALLERS.iter().any(|name| text_at(entry, "manager").starts_with(name));
    items_of(&object["metadata"]["managedFields"])
        .filter(move |entry| text_at(entry, "subresource") == part && by_a_caller(entry))
        .map(|entry| &entry["fieldsV1"])
}

/// Whether a caller has written something of the object itself.
pub fn have_written(object: &Value) -> bool {
    fields(object, "").next().is_some()
}

/// The names of the annotations that callers have written.
pub fn annotations(object: &Value) -> Vec<String> {
    let names = |fields: &Value| -> Vec<String> {
        let all = fields["f:metadata"]["f:annotations"].as_object().into_iter().flatten();
        all.filter_map(|(name, _)| name.strip_prefix("f:").map(str::to_owned)).collect()
    };
    fields(object, "").flat_map(names).collect()
}

/// Whether a caller has written a status since, and what it says is another one than before.
pub fn changed_status(before: &Value, now: &Value) -> bool {
    fields(now, "status").any(|all| part(&all["f:status"], &now["status"]) != part(&all["f:status"], &before["status"]))
}

/// What these fields are in an object. Items of a list are not told apart.
fn part(fields: &Value, value: &Value) -> Value {
    let inner = fields.as_object().into_iter().flatten().filter_map(|(name, of)| Some((name.strip_prefix("f:")?, of)));
    match value.as_object() {
        Some(map) if fields.as_object().is_some_and(|all| all.keys().any(|name| name.starts_with("f:"))) => {
            let some: Map<String, Value> =
                inner.filter_map(|(name, of)| Some((name.to_owned(), part(of, map.get(name)?)))).collect();
            some.into()
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_caller_is_known_by_the_name_that_the_server_notes() {
        let by = |manager: &str, part: &str| json!({"metadata": {"managedFields": [{"manager": manager, "subresource": part, "fieldsV1": {}}]}});
        assert!(["kubewalk", "kubectl-create", "curl"].iter().all(|name| have_written(&by(name, ""))));
        assert!(!have_written(&by("kubelet", "")) && !have_written(&by("kubewalk", "ephemeralcontainers")));
        assert!(!have_written(&json!({"metadata": {}})));
    }

    #[test]
    fn of_a_status_only_what_a_caller_wrote_is_compared() {
        let fields = json!({"f:status": {"f:phase": {}, "f:conditions": {"k:{\"type\":\"A\"}": {}}}});
        let with = |phase: &str, other: u8| {
            let entry = json!({"manager": "kubectl-patch", "subresource": "status", "fieldsV1": fields});
            json!({"metadata": {"managedFields": [entry]}, "status": {"phase": phase, "other": other}})
        };
        assert!(!changed_status(&with("a", 1), &with("a", 2)));
        assert!(changed_status(&with("a", 1), &with("b", 1)));
        assert!(!changed_status(&json!({}), &json!({"status": {"phase": "b"}})));
    }

    #[test]
    fn annotations_of_callers_are_named() {
        let fields = json!({"f:metadata": {"f:annotations": {".": {}, "f:a/b": {}}}});
        let object = json!({"metadata": {"managedFields": [{"manager": "kubectl-annotate", "fieldsV1": fields}]}});
        assert_eq!(annotations(&object), ["a/b"]);
    }
}
