//! What to do about the mistakes that beginners make: one error for one cause, with the words to write instead.
//!
//! `shape` knows that something is wrong; the files of this folder know what was meant.

pub mod dictionary;
pub(super) mod foreign;
pub(super) mod groups;
pub(super) mod levels;
mod named;
pub(super) mod strays;
pub(super) mod typed;

use super::{
    Diagnostic, Span,
    fix::Edit,
    mistake::error,
    tree::{Node, Value},
};

/// An error with what is written instead.
fn mended(message: &str, span: Span, hint: &str, fix: Vec<Edit>) -> Diagnostic {
    Diagnostic { fix, ..error(message, span, hint) }
}

/// An error at a value, with the value to write instead.
fn instead(message: &str, node: &Node, text: &str, written: &str) -> Diagnostic {
    let fix = if whole(text, node) { vec![Edit::replace(node.span, written)] } else { Vec::new() };
    mended(message, node.span, &format!("write `{written}`"), fix)
}

/// Whether the node's span is all of it, and not the first line of more.
fn whole(text: &str, node: &Node) -> bool {
    let own = &text[node.span.start..node.span.end];
    match node.value {
        _ if own.starts_with(['*', '&', '!']) => false,
        Value::List(_) => own.starts_with('[') && own.ends_with(']'),
        Value::Map(_) => own.starts_with('{') && own.ends_with('}'),
        Value::String(_) if node.plain => {
            let rest = text[node.span.end..].trim_start_matches([' ', '\r']);
            rest.is_empty() || rest.starts_with(['\n', ',', '}', ']', '#'])
        }
        Value::String(_) => own.len() > 1 && own.starts_with(['\'', '"']) && own.ends_with(['\'', '"']),
        _ => true,
    }
}

/// The name of the first Pod that the file makes.
fn some_pod(root: &Node) -> Option<&str> {
    let Value::List(steps) = &root.get("steps")?.value.value else { return None };
    steps.iter().find_map(|step| {
        let text = |node: &'_ Node| match &node.value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        };
        let short = step.get("pod").and_then(|pod| pod.value.get("name"));
        let made = step
            .get("apply")
            .or_else(|| step.get("create"))
            .filter(|made| made.value.get("kind").and_then(|kind| text(&kind.value)).as_deref() == Some("Pod"));
        let whole = made.and_then(|made| made.value.get("metadata")?.value.get("name"));
        match &short.or(whole)?.value.value {
            Value::String(name) => Some(name.as_str()),
            _ => None,
        }
    })
}
