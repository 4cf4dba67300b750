//! The JSON Schema of a scenario file, made of the types: for the strict reader, for editors, and for the documentation.

use std::{cell::RefCell, collections::HashMap, sync::OnceLock};

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Scenario;
pub use super::one_verb::STEP_KEYS;

/// Where the schema of this very version is, for editors and for SchemaStore.
const ID: &str =
    concat!(env!("CARGO_PKG_REPOSITORY"), "/raw/v", env!("CARGO_PKG_VERSION"), "/schema/scenario.schema.json");

/// The JSON Schema (draft-07) of a scenario file.
pub fn schema_json() -> Value {
    schema().clone()
}

/// The same, made once.
pub(super) fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(make)
}

fn make() -> Value {
    let root = SchemaSettings::draft07().into_generator().into_root_schema_for::<Scenario>();
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "title": "kubewalk scenario",
    });
    let mut made = root.to_value();
    tidy(&mut made);
    if let (Some(schema), Value::Object(made)) = (schema.as_object_mut(), made) {
        for (key, value) in made {
            schema.entry(key).or_insert(value);
        }
    }
    schema
}

/// Takes out what only Rust needs to know, and what the reader refuses: a key without a value.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            strip_null(map);
            // Names of integer sizes are no formats of JSON Schema.
            if map.get("format").is_some_and(Value::is_string) {
                map.shift_remove("format");
            }
            // What a key means when it is left out stands in its description.
            if !map.contains_key("properties") {
                map.shift_remove("default");
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            map.iter_mut().filter(|(key, _)| !matches!(key.as_str(), "examples" | "enum" | "const")).for_each(
                |(key, value)| match value {
                    // A property's name is not a keyword: `can` has one that is called `default`.
                    Value::Object(named) if key == "properties" => named.values_mut().for_each(tidy),
                    value => tidy(value),
                },
            );
        }
        _ => {}
    }
}

/// An optional key is left out, never `null`.
fn strip_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|word| word != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(words)) = map.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(branches)) = map.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type").is_none_or(|word| word != "null"));
        if let [only] = branches.as_slice() {
            let only = json!([only]);
            map.shift_remove("anyOf");
            map.insert("allOf".to_owned(), only);
        }
    }
}

thread_local! {
    /// What [`branches`] has found, by the place of the schema, which is there as long as the program. Every value of every
    /// scenario asks.
    static BRANCHES: RefCell<HashMap<*const Value, Vec<&'static Value>>> = RefCell::default();
}

/// The schema behind `$ref`s, each way of writing a value separately.
pub(super) fn branches(schema: &'static Value) -> Vec<&'static Value> {
    BRANCHES.with_borrow_mut(|known| {
        let found = known.entry(std::ptr::from_ref(schema)).or_insert_with(|| {
            let mut list = Vec::new();
            collect(schema, &mut list);
            list
        });
        found.clone()
    })
}

fn collect(given: &'static Value, list: &mut Vec<&'static Value>) {
    if let Some(name) = given.get("$ref").and_then(Value::as_str) {
        return if let Some(target) = schema().pointer(name.trim_start_matches('#')) {
            collect(target, list)
        };
    }
    let ways = ["allOf", "anyOf", "oneOf"].iter().find_map(|key| given.get(*key)).and_then(Value::as_array);
    match ways {
        // The `oneOf` of a step only counts its keys.
        Some(ways) if given.get("properties").is_none() => ways.iter().for_each(|way| collect(way, list)),
        _ => list.push(given),
    }
}

pub(super) fn type_of(branch: &Value) -> &str {
    branch.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The words that a text may be, if this branch limits them.
pub(super) fn allowed(branch: &Value) -> Vec<&str> {
    let list = branch.get("enum").and_then(Value::as_array).into_iter().flatten();
    list.chain(branch.get("const")).filter_map(Value::as_str).collect()
}

/// The only key of a mapping that is one of several, e.g. `condition` of `for`.
pub(super) fn single_key(branch: &'static Value) -> Option<&'static str> {
    let keys = properties(branch)?;
    let required = branch.get("required")?.as_array()?;
    (keys.len() == 1 && required.len() == 1 && branch.get("additionalProperties") == Some(&Value::Bool(false)))
        .then(|| keys.keys().next().map(String::as_str))
        .flatten()
}

pub(super) fn properties(branch: &'static Value) -> Option<&'static Map<String, Value>> {
    branch.get("properties").and_then(Value::as_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_draft_07_schema() {
        jsonschema::draft7::meta::validate(&schema_json()).expect("a valid schema");
        jsonschema::draft7::new(&schema_json()).expect("a usable schema");
    }

    #[test]
    fn says_what_editors_need() {
        let schema = schema_json();
        let step = &schema["definitions"]["Step"];
        assert_eq!(step["additionalProperties"], json!(false));
        let verbs = step["oneOf"].as_array().expect("verbs");
        assert!(verbs.contains(&json!({"required": ["curl"]})) && !verbs.contains(&json!({"required": ["expect"]})));
        let properties = step["properties"].as_object().expect("properties");
        for (key, property) in properties {
            assert!(property.get("description").is_some(), "{key}");
            assert!(STEP_KEYS.contains(&key.as_str()) || property.get("examples").is_some(), "{key}");
        }
        assert!(!schema.to_string().contains("null"), "no key may be null");
    }

    #[test]
    fn the_committed_file_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/scenario.schema.json");
        let made = format!("{:#}\n", schema_json());
        if std::env::var_os("KUBEWALK_BLESS").is_some_and(|word| word == "1") {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/schema")).expect("a folder");
            std::fs::write(path, &made).expect("written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
        assert!(
            committed == made,
            "schema/scenario.schema.json is not what the types say; refresh it: KUBEWALK_BLESS=1 cargo test"
        );
    }
}
