//! Whether a scenario says a word where it claims neither a denial nor an absence.

use serde_json::Value as Json;

use super::{claims::Claimed, locate::has_word};
use crate::{
    plan::{
        Action, Request, Step,
        context::{Context, Draft},
    },
    scenario::tree::{Node, Value},
};

/// Whether a text of a step that must succeed, or of a manifest that is sent, has the word.
pub(super) fn says(cx: &Context<'_>, drafts: &[Draft<'_>], steps: &[Step], word: &str) -> bool {
    let made = drafts.iter().filter(|draft| !draft.refused).flat_map(|draft| &draft.objects);
    if made.into_iter().any(|placed| in_json(&placed.object.manifest, word)) {
        return true;
    }
    let root = &cx.findings.document().root;
    let Some(Value::List(nodes)) = root.get("steps").map(|entry| &entry.value.value) else { return false };
    steps.iter().any(|step| {
        // What a table allows is known by its answers.
        let asks = matches!(step.action, Action::Can(_)) || step.questions.iter().any(|cell| !cell.allowed);
        let claimed = Claimed::from_step(step);
        let node = nodes.get(step.number - 1).filter(|_| !asks && !claimed.fails);
        // Of a list that has nothing, neither its place nor what selects it need be there.
        let listed = claimed.empties && lists(step);
        let parts = node.into_iter().flat_map(|node| match &node.value {
            Value::Map(entries) => entries.as_slice(),
            _ => &[],
        });
        parts
            .filter(|entry| !(TOLD.contains(&entry.key.as_str()) || listed && entry.key == step.verb.key()))
            .any(|entry| in_step(&entry.value, word))
    })
}

/// Whether a command of another step, or a call whose body is not read, has the word: it may make what is called so.
pub(super) fn in_commands(cx: &Context<'_>, steps: &[Step], but: usize, word: &str) -> bool {
    let root = &cx.findings.document().root;
    let Some(Value::List(nodes)) = root.get("steps").map(|entry| &entry.value.value) else { return false };
    let calls = |step: &&Step| {
        matches!(step.action, Action::Kubectl(_) | Action::Exec(_) | Action::Request(_) | Action::Curl(_))
            && step.number != but + 1
            && !Claimed::from_step(step).fails
    };
    steps.iter().filter(calls).any(|step| nodes.get(step.number - 1).is_some_and(|node| in_step(node, word)))
}

/// The keys of a step that only tell.
const TOLD: [&str; 5] = ["title", "say", "predict", "rows", "refs"];

/// Whether a step asks for a list, or for what only its command line says.
fn lists(step: &Step) -> bool {
    let list =
        |request: &Request| matches!(request, Request::Resource { verb, .. } if verb == "list" || verb == "watch");
    matches!(step.action, Action::Kubectl(_)) || step.action.requests().iter().any(list)
}

fn in_json(value: &Json, word: &str) -> bool {
    match value {
        Json::String(text) => has_word(text, word),
        Json::Array(items) => items.iter().any(|item| in_json(item, word)),
        Json::Object(map) => map.iter().any(|(key, value)| has_word(key, word) || in_json(value, word)),
        _ => false,
    }
}

/// Whether a part of a step says it.
fn in_step(node: &Node, word: &str) -> bool {
    match &node.value {
        Value::String(text) => has_word(text, word),
        Value::List(items) => items.iter().filter(|item| !is_claim(item)).any(|item| in_step(item, word)),
        Value::Map(entries) => entries.iter().any(|entry| {
            let skipped = entry.key == "lacks" || entry.key == "tokenReview" && is_bad(&entry.value);
            !skipped && (has_word(&entry.key, word) || in_step(&entry.value, word))
        }),
        _ => false,
    }
}

/// Whether it says that a token is not good.
fn is_bad(node: &Node) -> bool {
    node.get("authenticated").is_some_and(|entry| matches!(entry.value.value, Value::Bool(false)))
}

/// Whether it claims that nothing is at a path.
fn is_claim(node: &Node) -> bool {
    let none = |entry: &crate::scenario::tree::Entry| match &entry.value.value {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_u64() == Some(0),
        _ => false,
    };
    node.get("at").is_some() && (node.get("absent").is_some_and(none) || node.get("count").is_some_and(none))
}
