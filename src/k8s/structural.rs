//! The structural schema of a CustomResourceDefinition, as far as it says what an object may have.

use serde_json::{Map, Value};

use super::{
    nearest,
    slip::{Slip, What},
};

/// The slips in an object; what Kubernetes itself has in every object is not looked at.
pub fn slips(schema: &Value, object: &Map<String, Value>) -> Vec<Slip> {
    let mut found = Vec::new();
    let own = |key: &&String| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status");
    let properties = &schema["properties"];
    for key in object.keys().filter(own) {
        match properties.get(key) {
            Some(inside) => walk(inside, &object[key], &mut vec![key.clone()], &mut found),
            None if open(schema) || !properties.is_object() => {}
            None => found.push(unknown(properties, &[], key)),
        }
    }
    found
}

/// Whether what a path leads to is null.
pub fn is_null(object: &Map<String, Value>, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    let inside = rest.iter().try_fold(object.get(first).unwrap_or(&Value::Null), |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    });
    inside.is_none_or(Value::is_null)
}

/// Whether an object may have more than the schema names.
fn open(schema: &Value) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == true
        || schema["x-kubernetes-embedded-resource"] == true
        || schema["additionalProperties"] == true
}

fn unknown(properties: &Value, path: &[String], key: &str) -> Slip {
    let names = properties.as_object().into_iter().flat_map(|all| all.keys().map(String::as_str));
    let near = nearest(key, names).map(str::to_owned);
    let path = path.iter().cloned().chain([key.to_owned()]).collect();
    Slip { path, what: What::Unknown { near, belongs: None } }
}

fn walk(schema: &Value, value: &Value, path: &mut Vec<String>, found: &mut Vec<Slip>) {
    if value.is_null() {
        return;
    }
    if let Some(expected) = misfit(schema, value) {
        found.push(Slip {
            path: path.clone(),
            what: What::Type(format!("invalid type: {}, expected {expected}", named(value))),
        });
        return;
    }
    if let (Some(choices), Value::String(word)) = (schema["enum"].as_array(), value)
        && !word.contains('{')
        && !choices.contains(value)
    {
        let words = choices.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        found.push(Slip { path: path.clone(), what: What::Choice(words) });
    }
    match value {
        Value::Object(map) => {
            let properties = &schema["properties"];
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            // A default is filled in before it is missed.
            for key in required.filter(|key| !map.contains_key(*key) && properties[key].get("default").is_none()) {
                found.push(Slip { path: path.clone(), what: What::Lacks(key.to_owned()) });
            }
            for (key, value) in map {
                let inside =
                    properties.get(key).or_else(|| schema.get("additionalProperties").filter(|more| more.is_object()));
                match inside {
                    Some(inside) => {
                        path.push(key.clone());
                        walk(inside, value, path, found);
                        path.pop();
                    }
                    None if open(schema) || !properties.is_object() => {}
                    None => found.push(unknown(properties, path, key)),
                }
            }
        }
        Value::Array(items) if schema["items"].is_object() => {
            for (index, value) in items.iter().enumerate() {
                path.push(index.to_string());
                walk(&schema["items"], value, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The type that a schema asks for, in the words of a reader, when a value is of another.
fn misfit(schema: &Value, value: &Value) -> Option<&'static str> {
    let whole = |number: &serde_json::Number| {
        number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
    };
    let filled = |text: &str| text.contains('{');
    match (schema["type"].as_str()?, value) {
        ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => None,
        ("object", Value::Object(_)) | ("array", Value::Array(_)) => None,
        ("integer", Value::Number(number)) if whole(number) => None,
        // What a placeholder becomes is known when the step runs.
        (_, Value::String(text)) if filled(text) => None,
        ("string", _) => Some("a string"),
        ("boolean", _) => Some("a boolean"),
        ("number", _) => Some("f64"),
        ("integer", _) => Some("i64"),
        ("object", _) => Some("a map"),
        ("array", _) => Some("a sequence"),
        _ => None,
    }
}

fn named(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(yes) => format!("boolean `{yes}`"),
        Value::Number(number) => format!("integer `{number}`"),
        Value::String(text) => format!("string {text:?}"),
        Value::Array(_) => "sequence".into(),
        Value::Object(_) => "map".into(),
    }
}
