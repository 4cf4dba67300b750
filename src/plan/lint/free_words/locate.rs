//! Where a word stands in the text of a scenario.

use crate::{
    plan::{
        Step,
        context::{Context, below},
    },
    scenario::tree::{Node, Value},
};

/// The pointer of the text of a step in which a word stands: first below `inner`, a pointer from the step, then below its verb,
/// then anywhere but in what it tells. `inner` itself, if it stands nowhere as it is.
pub(super) fn locate(cx: &Context<'_>, step: &Step, inner: &str, word: &str) -> String {
    let verb = below(&step.pointer, step.verb);
    let inner_at = if inner.is_empty() { verb.clone() } else { format!("{}{inner}", step.pointer) };
    let parts = [inner_at.clone(), verb, below(&step.pointer, "as"), below(&step.pointer, "expect")];
    parts.iter().find_map(|at| below_pointer(cx, at, word)).unwrap_or(inner_at)
}

/// The same below any pointer.
pub(super) fn below_pointer(cx: &Context<'_>, at: &str, word: &str) -> Option<String> {
    let mut node = &cx.findings.document().root;
    for key in at.split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        node = match &node.value {
            Value::Map(_) => &node.get(&key)?.value,
            Value::List(items) => items.get(key.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    find(node, at, &|text| text == word).or_else(|| find(node, at, &|text| has_word(text, word)))
}

fn find(node: &Node, at: &str, fits: &dyn Fn(&str) -> bool) -> Option<String> {
    match &node.value {
        Value::String(text) => fits(text).then(|| at.to_owned()),
        Value::List(items) => items.iter().enumerate().find_map(|(index, item)| find(item, &below(at, index), fits)),
        Value::Map(entries) => entries.iter().find_map(|entry| find(&entry.value, &below(at, &entry.key), fits)),
        _ => None,
    }
}

/// Whether a text has a word that is no part of a longer one.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(inner) && !text[at + word.len()..].starts_with(inner))
}
