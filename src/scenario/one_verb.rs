//! What the JSON Schema says of a step beside its type: it has exactly one verb.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// The keys of a step that are not verbs.
pub const STEP_KEYS: [&str; 11] =
    ["each", "when", "title", "say", "predict", "rows", "refs", "timeout", "expect", "as", "save"];

/// Says that a step has exactly one verb.
pub(super) fn one_verb(schema: &mut Schema) {
    let verbs: Vec<Value> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
        .filter(|key| !STEP_KEYS.contains(&key.as_str()))
        .map(|verb| json!({ "required": [verb] }))
        .collect();
    schema.insert("oneOf".to_owned(), Value::Array(verbs));
}
