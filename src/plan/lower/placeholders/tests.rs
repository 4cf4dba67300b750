//! Every text of the language, found by walking its schema: `{namespace}` in it is the same as the name written out.

use std::{collections::BTreeSet, path::Path};

use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::{
    plan::{self, Names},
    scenario::{self, schema_json},
};

/// The namespace of a scenario in `walk.yaml` with the suffix below.
const NAMESPACE: &str = "kw-walk-abcde";

/// The plan, or what is wrong; places left out, because a placeholder and a name have other lengths.
fn outcome(document: &Value) -> Result<String, String> {
    let said = |found: &[scenario::Diagnostic]| {
        let texts: Vec<_> =
            found.iter().map(|found| format!("{} {:?} {:?}", found.message, found.label, found.hint)).collect();
        texts.join("\n")
    };
    let document =
        scenario::read(Path::new("walk.yaml"), document.to_string().as_bytes()).map_err(|(_, found)| said(&found))?;
    let plan = plan::plan(document, &Names { suffix: "abcde".into() }).map_err(|found| said(&found))?;
    Ok(format!("{:?} {}", plan.steps, said(&plan.warnings)))
}

/// A place in a step: keys and indexes.
type Way = Vec<String>;

/// Smallest instances of a schema, one for each text in it, with the way to that text.
fn instances(schema: &Value, definitions: &Value, depth: usize) -> Vec<(Value, Way)> {
    let schema = match schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        Some(name) => &definitions[name],
        None => schema,
    };
    if depth == 0 || schema.get("const").is_some() || schema.get("enum").is_some() || schema.get("pattern").is_some() {
        return vec![];
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(branches) = schema[key].as_array() {
            return branches.iter().flat_map(|branch| instances(branch, definitions, depth)).collect();
        }
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        // Anything: an object with a text in a list.
        _ if schema.get("properties").is_none() => {
            return vec![(json!({"a": ["a"]}), vec!["a".into(), "0".into()])];
        }
        _ => vec!["object"],
    };
    let mut found = Vec::new();
    if kinds.contains(&"string") {
        found.push((json!("a"), vec![]));
    }
    if kinds.contains(&"array") {
        for (item, mut way) in instances(&schema["items"], definitions, depth - 1) {
            way.insert(0, "0".into());
            found.push((json!([item]), way));
        }
    }
    if kinds.contains(&"object") {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut whole = Map::new();
        for key in &required {
            whole.insert((*key).to_owned(), smallest(key, &schema["properties"][*key], definitions));
        }
        for (key, part) in schema["properties"].as_object().into_iter().flatten() {
            for (value, mut way) in instances(part, definitions, depth - 1) {
                let mut whole = whole.clone();
                whole.insert(key.clone(), value);
                way.insert(0, key.clone());
                found.push((Value::Object(whole), way));
            }
        }
        let more = &schema["additionalProperties"];
        if more.is_object() || *more == json!(true) {
            let more = if more.is_object() { more.clone() } else { json!({}) };
            for (value, mut way) in instances(&more, definitions, depth - 1) {
                way.insert(0, "a".into());
                // A manifest, in case one is wanted.
                let mut whole = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
                whole["a"] = value;
                found.push((whole, way));
            }
        }
    }
    found
}

/// A value that fits.
fn smallest(key: &str, schema: &Value, definitions: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return smallest(key, &definitions[name], definitions);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    if let Some(first) = schema.get("const") {
        return first.clone();
    }
    let branch = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[*key].as_array().and_then(|all| all.first()));
    if let Some(branch) = branch {
        return smallest(key, branch, definitions);
    }
    match schema["type"].as_str() {
        Some("string") => json!(match key {
            "kind" => "Pod",
            "verb" | "verbs" => "get",
            "resource" => "pods",
            "in" | "serviceAccount" => NAMESPACE,
            "path" => "/api",
            "url" => "https://kubernetes.default/api",
            "who" => "anonymous",
            "at" => "$.a",
            _ => "a",
        }),
        Some("array") => json!([smallest(key, &schema["items"], definitions)]),
        Some("integer") => json!(1),
        Some("boolean") => json!(true),
        _ => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            Value::Object(
                required.map(|key| (key.to_owned(), smallest(key, &schema["properties"][key], definitions))).collect(),
            )
        }
    }
}

/// What a verb wants beside the text, though the schema does not say so.
fn complete(verb: &str, instance: &mut Value, way: &[String]) {
    let mut want = |key: &str, value: Value| {
        if way.first().is_none_or(|first| first != key) && instance.get(key).is_none() {
            instance[key] = value;
        }
    };
    match (verb, way.first().map(String::as_str)) {
        ("can", Some("asked" | "allowed" | "denied")) => {}
        ("can", Some("url")) => {
            want("allowed", json!(true));
            want("verb", json!("get"));
        }
        ("can", _) => {
            want("allowed", json!(true));
            want("verb", json!("get"));
            want("resource", json!("pods"));
        }
        ("delete", _) => want("name", json!(NAMESPACE)),
        ("bind", Some("clusterRole")) => {}
        ("bind", _) => want("role", json!(NAMESPACE)),
        _ => {}
    }
}

fn put(value: &mut Value, way: &[String], text: &str) {
    let at = way.iter().fold(value, |value, key| match key.parse::<usize>() {
        Ok(index) if value.is_array() => &mut value[index],
        _ => &mut value[key.as_str()],
    });
    *at = json!(text);
}

/// Steps after which most of what a step names is there.
fn before() -> Vec<Value> {
    vec![
        json!({"title": "n", "create": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}}),
        json!({"title": "a", "serviceAccount": NAMESPACE}),
        json!({"title": "r", "role": {"name": NAMESPACE, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}}),
        json!({"title": "p", "pod": {"name": NAMESPACE, "image": "curl", "serviceAccount": NAMESPACE}}),
    ]
}

/// What a text must look like to be understood at its place.
fn forms(way: &[String]) -> Vec<&'static str> {
    let mut forms = vec!["", "a-"];
    let last = way.iter().rev().find(|key| key.parse::<usize>().is_err()).map_or("", String::as_str);
    forms.extend(match last {
        "url" => &["https://kubernetes.default/api/", "/"][..],
        "path" => &["/api/v1/namespaces/"],
        "as" | "who" => &["serviceaccount/"],
        "at" => &["$."],
        _ => &[],
    });
    forms
}

#[test]
fn a_placeholder_is_the_name_written_out_in_every_text_of_the_schema() {
    let schema = schema_json();
    let definitions = &schema["definitions"];
    let step = &definitions["Step"];
    let verbs: Vec<&str> =
        step["oneOf"].as_array().into_iter().flatten().filter_map(|way| way["required"][0].as_str()).collect();
    let (mut tried, mut planned, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (key, part) in step["properties"].as_object().expect("keys") {
        if matches!(key.as_str(), "title" | "say" | "predict" | "rows" | "refs" | "each" | "save" | "when" | "timeout")
        {
            continue;
        }
        for (mut instance, way) in instances(part, definitions, 9) {
            complete(key, &mut instance, &way);
            let others: &[Value] =
                if verbs.contains(&key.as_str()) || verbs.is_empty() && key != "expect" && key != "as" {
                    &[Value::Null]
                } else {
                    &[
                        json!({"get": {"kind": "Pod"}}),
                        json!({"exec": {"in": NAMESPACE, "command": ["a"]}}),
                        json!({"token": {"serviceAccount": NAMESPACE}}),
                        json!({"request": {"path": "/api"}}),
                    ]
                };
            for other in others {
                for form in forms(&way) {
                    let made = |text: String| {
                        let mut step = json!({"title": "t", key: instance.clone()});
                        for (key, value) in other.as_object().into_iter().flatten() {
                            step[key] = value.clone();
                        }
                        put(&mut step[key], &way, &text);
                        let steps: Vec<_> = before().into_iter().chain([step]).collect();
                        outcome(&json!({"title": "t", "steps": steps}))
                    };
                    let place = format!("{key}/{}", way.join("/"));
                    let (filled, written) = (made(format!("{form}{{namespace}}")), made(format!("{form}{NAMESPACE}")));
                    tried.insert(place.clone());
                    let good = written.is_ok();
                    if good {
                        planned.insert(place.clone());
                    }
                    if filled != written {
                        wrong.push(format!("{place} with `{form}`:\n  {filled:?}\n  {written:?}"));
                    }
                    if good {
                        break;
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let never: Vec<_> = tried.difference(&planned).collect();
    assert!(
        tried.len() > 100 && planned.len() * 2 > tried.len(),
        "{} of {}; never: {never:?}",
        planned.len(),
        tried.len()
    );
}

#[rstest]
#[case::title(json!({"title": "in {namespace}", "steps": [{"title": "t", "whoami": {}}]}))]
#[case::tag(json!({"title": "t", "tags": ["{saved.a}"], "steps": [{"title": "t", "whoami": {}}]}))]
#[case::step(json!({"title": "t", "steps": [{"title": "in {namespace}", "whoami": {}}]}))]
#[case::key(json!({"title": "t", "steps": [{"title": "t", "pod": {"name": "a", "image": "curl", "labels": {"{namespace}": "b"}}}]}))]
fn where_it_means_nothing_it_is_an_error(#[case] document: Value) {
    let found = outcome(&document).expect_err("refused");
    assert!(found.contains("not filled in"), "{found}");
}
