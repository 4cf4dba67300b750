//! Documents made by hand, for tests.

use std::{path::PathBuf, sync::Arc};

use serde_json::Value;

use super::examine;
use crate::{
    plan::{Names, Plan, Trust},
    scenario::{
        Document, Severity, Source, Span,
        tree::{self, Entry, Node},
    },
};

/// A document of a scenario in JSON; keys and values get made-up places in the order of the text.
pub(in crate::plan) fn document(scenario: Value) -> Arc<Document> {
    let root = node(&scenario, &mut 0);
    Arc::new(Document {
        source: Source { path: PathBuf::from("scenarios/Using_a ServiceAccount.yaml"), text: "".into() },
        rows: Vec::new(),
        scenario: serde_json::from_value(scenario).expect("a scenario"),
        root,
    })
}

fn place(at: &mut usize) -> Span {
    *at += 1;
    Span { start: *at, end: *at + 1 }
}

fn node(value: &Value, at: &mut usize) -> Node {
    let span = place(at);
    let value = match value {
        Value::Null => tree::Value::Null,
        Value::Bool(bool) => tree::Value::Bool(*bool),
        Value::Number(number) => tree::Value::Number(number.clone()),
        Value::String(text) => tree::Value::String(text.clone()),
        Value::Array(list) => tree::Value::List(list.iter().map(|item| node(item, at)).collect()),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| Entry {
                key: key.clone(),
                key_span: place(at),
                key_plain: true,
                value: node(value, at),
            };
            tree::Value::Map(map.iter().map(entry).collect())
        }
    };
    Node { span, plain: true, value }
}

/// A scenario in namespace `default` of these steps; a step without a title gets one.
pub(in crate::plan) fn in_default(steps: Value) -> Value {
    serde_json::json!({"title": "t", "namespace": "default", "steps": titled(steps)})
}

/// The same in a fresh namespace.
pub(in crate::plan) fn fresh(steps: Value) -> Value {
    serde_json::json!({"title": "t", "steps": titled(steps)})
}

fn titled(mut steps: Value) -> Value {
    for (index, step) in steps.as_array_mut().expect("a list of steps").iter_mut().enumerate() {
        let step = step.as_object_mut().expect("a step");
        step.entry("title").or_insert_with(|| if index == 0 { "t".into() } else { format!("t{index}").into() });
    }
    steps
}

/// What is said of a scenario, one line each: `error|warning POINTER: MESSAGE (HINT)`.
pub(in crate::plan) fn said(scenario: Value) -> Vec<String> {
    let (_, findings) = examine(document(scenario), &names(), Trust::Full, None);
    let lines = findings.into_iter().map(|found| {
        let word = match found.diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let hint = (found.diagnostic.hint).map_or_else(String::new, |hint| format!(" ({hint})"));
        format!("{word} {}: {}{hint}", found.pointer, found.diagnostic.message)
    });
    lines.collect()
}

/// The plan of a scenario about which nothing is said.
pub(in crate::plan) fn good(scenario: Value) -> Plan {
    assert_eq!(said(scenario.clone()), Vec::<String>::new());
    super::plan(document(scenario), &names()).expect("a plan")
}

fn names() -> Names {
    Names { suffix: "x7k2p".into() }
}
