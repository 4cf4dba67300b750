//! Where a word stands in the text of a scenario.

use std::collections::HashMap;

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
    let parts = parts(step, inner);
    parts.iter().find_map(|at| below_pointer(cx, at, word)).unwrap_or_else(|| parts[0].clone())
}

/// Where a word of a step is looked for, in order.
fn parts(step: &Step, inner: &str) -> [String; 4] {
    let verb = below(&step.pointer, step.verb);
    let inner_at = if inner.is_empty() { verb.clone() } else { format!("{}{inner}", step.pointer) };
    [inner_at, verb, below(&step.pointer, "as"), below(&step.pointer, "expect")]
}

/// The texts of a document's parts, each read once: of a table, thousands of words are looked for.
#[derive(Default)]
pub(super) struct Index<'d> {
    parts: HashMap<String, HashMap<&'d str, String>>,
}

impl<'d> Index<'d> {
    /// As [`locate`].
    pub(super) fn locate(&mut self, cx: &Context<'d>, step: &Step, inner: &str, word: &str) -> String {
        let parts = parts(step, inner);
        let found = parts.iter().find_map(|at| {
            let known = self.parts.entry(at.clone()).or_insert_with(|| {
                let mut texts = HashMap::new();
                node_at(cx, at).into_iter().for_each(|node| collect(node, at, &mut texts));
                texts
            });
            known.get(word).cloned().or_else(|| below_pointer(cx, at, word))
        });
        found.unwrap_or_else(|| parts[0].clone())
    }
}

/// Where each text stands first.
fn collect<'d>(node: &'d Node, at: &str, texts: &mut HashMap<&'d str, String>) {
    #[cfg(test)]
    LOOKED.set(LOOKED.get() + 1);
    match &node.value {
        Value::String(text) => {
            texts.entry(text).or_insert_with(|| at.to_owned());
        }
        Value::List(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, &below(at, index), texts));
        }
        Value::Map(entries) => {
            entries.iter().for_each(|entry| collect(&entry.value, &below(at, &entry.key), texts));
        }
        _ => {}
    }
}

/// The same below any pointer.
pub(super) fn below_pointer(cx: &Context<'_>, at: &str, word: &str) -> Option<String> {
    let node = node_at(cx, at)?;
    let found = find(node, &|text| text == word).or_else(|| find(node, &|text| has_word(text, word)));
    found.map(|rest| format!("{at}{rest}"))
}

/// What a pointer leads to.
fn node_at<'d>(cx: &Context<'d>, at: &str) -> Option<&'d Node> {
    let mut node = &cx.findings.document().root;
    for key in at.split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        node = match &node.value {
            Value::Map(_) => &node.get(&key)?.value,
            Value::List(items) => items.get(key.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(node)
}

/// The pointer from the node to the text. It is only made when the text is found: there may be thousands of others.
fn find(node: &Node, fits: &dyn Fn(&str) -> bool) -> Option<String> {
    #[cfg(test)]
    LOOKED.set(LOOKED.get() + 1);
    match &node.value {
        Value::String(text) => fits(text).then(String::new),
        Value::List(items) => {
            items.iter().enumerate().find_map(|(index, item)| find(item, fits).map(|rest| below("", index) + &rest))
        }
        Value::Map(entries) => {
            entries.iter().find_map(|entry| find(&entry.value, fits).map(|rest| below("", &entry.key) + &rest))
        }
        _ => None,
    }
}

#[cfg(test)]
thread_local! {
    /// How many nodes of a document were looked at.
    pub(super) static LOOKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Whether a text has a word that is no part of a longer one.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(inner) && !text[at + word.len()..].starts_with(inner))
}
