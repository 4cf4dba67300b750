//! How the shape of a scenario is talked about: names of places, expected and found types, remedies, guesses.

use serde_json::Value as Json;

use super::{
    Span,
    diagnostic::printable,
    fix::Edit,
    json_schema::{allowed, branches, single_key, type_of},
    tree::{Entry, Node, Value},
};

/// What a value is called, and where its key stands.
pub(super) struct Place<'a> {
    pub key: Option<&'a str>,
    index: Option<usize>,
    span: Span,
}

impl<'a> Place<'a> {
    /// The whole file.
    pub fn whole(root: &Node) -> Self {
        Self { key: None, index: None, span: root.span }
    }

    /// The value of a key.
    pub fn value_of(entry: &'a Entry) -> Self {
        Self { key: Some(&entry.key), index: None, span: entry.key_span }
    }

    /// An element of this list.
    pub fn element(&self, index: usize) -> Self {
        Self { key: self.key, index: Some(index), span: self.span }
    }

    /// e.g. `` `url` ``, ``element 2 of `rows` ``, `step 3`.
    pub fn name(&self) -> String {
        match (self.key.map(printable), self.index) {
            (None, _) => "the scenario".to_owned(),
            (Some(key), None) => format!("`{key}`"),
            (Some(key), Some(index)) if key == "steps" => format!("step {}", index + 1),
            (Some(key), Some(index)) => format!("element {} of `{key}`", index + 1),
        }
    }

    /// Where the key stands.
    pub fn at_key(&self) -> Span {
        self.span
    }

    /// What the dictionary calls the place.
    pub fn word(&self) -> &'a str {
        match (self.key, self.index) {
            (None, _) => "top",
            (Some("steps"), Some(_)) => "step",
            (Some(key), _) => key,
        }
    }

    /// Whether it is an element of a list.
    pub fn is_element(&self) -> bool {
        self.index.is_some()
    }

    /// Where something is shown that is missing in the value: at its key, at the element, or at an empty element's dash.
    pub fn at(&self, node: &Node) -> Span {
        match (self.index, &node.value) {
            (None, _) => self.span,
            (Some(_), Value::Null) if node.span.start == node.span.end => {
                Span { start: node.span.start.saturating_sub(1), end: node.span.end }
            }
            (Some(_), _) => node.span,
        }
    }
}

/// Whether this way takes any JSON.
pub(super) fn is_free(way: &Json) -> bool {
    way == &Json::Bool(true) || (type_of(way).is_empty() && allowed(way).is_empty())
}

/// Whether this way takes any mapping.
pub(super) fn is_free_map(way: &Json) -> bool {
    let more = way.get("additionalProperties");
    type_of(way) == "object" && way.get("properties").is_none() && more.is_none_or(|more| more == &Json::Bool(true))
}

/// What a key is for, in the first sentence of its description.
pub(super) fn about(key: &str, schema: &Json) -> String {
    let text = schema.get("description").and_then(Json::as_str).unwrap_or_default();
    // The point of `e.g. ` ends no sentence.
    let end = text.match_indices(". ").map(|(at, _)| at).find(|at| !text[..*at].ends_with("e.g"));
    let first = text[..end.unwrap_or(text.len())].trim_end_matches('.');
    // `url`: the URL
    if first.split(' ').count() < 3 {
        return String::new();
    }
    format!("`{key}`: {}", uncapitalized(first))
}

/// The form that a text must have.
pub(super) fn form(way: &Json) -> String {
    let text = way.get("description").and_then(Json::as_str).unwrap_or_default();
    uncapitalized(text.trim_end_matches('.'))
}

/// e.g. `a list of texts`, `a text or a mapping`.
pub(super) fn expected(ways: &[&'static Json]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let words: Vec<&str> = ways.iter().flat_map(|way| allowed(way)).collect();
    if !words.is_empty() {
        let one_of = if words.len() > 1 { "one of " } else { "" };
        parts.push(format!("{one_of}{}", ticked(&words)));
    }
    for way in ways {
        let part = match type_of(way) {
            "string" if allowed(way).is_empty() => "a text".to_owned(),
            "integer" => "a whole number".to_owned(),
            "number" => "a number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "array" => match way.get("items").map(branches).as_deref() {
                Some([item]) if type_of(item) == "string" => "a list of texts".to_owned(),
                _ => "a list".to_owned(),
            },
            "object" => "a mapping".to_owned(),
            _ => continue,
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let keys: Vec<&str> = ways.iter().filter_map(|way| single_key(way)).collect();
    let hint = if keys.len() > 1 { format!(" with one of {}", ticked(&keys)) } else { String::new() };
    parts.join(" or ") + &hint
}

/// e.g. `the number 3`, `a list`.
pub(super) fn got(text: &str, node: &Node) -> String {
    let own = written(text, node);
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(yes) => format!("`{yes}`"),
        Value::Number(number) => {
            format!("the number {}", own.map_or_else(|| number.to_string(), |own| printable(own).into_owned()))
        }
        Value::String(text) => {
            let short: String = text.chars().take(40).collect();
            let more = if short.len() < text.len() { "…" } else { "" };
            format!("the text `{}{more}`", printable(short.trim_end()))
        }
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}

/// A plain scalar as it stands in the file; `None` if it came by an alias.
fn written<'a>(text: &'a str, node: &Node) -> Option<&'a str> {
    text.get(node.span.start..node.span.end).filter(|own| node.plain && !own.starts_with('*'))
}

/// What to do about a wrong type.
pub(super) fn remedy(text: &str, node: &Node, ways: &[&'static Json]) -> String {
    let takes = |kind: &str| ways.iter().any(|way| type_of(way) == kind);
    let own = written(text, node);
    if let Some(way) = ways.iter().find(|way| way.get("pattern").is_some()) {
        return form(way);
    }
    match &node.value {
        Value::Bool(_) | Value::Number(_) if takes("string") => match own {
            Some(own) => format!("quote it: `\"{}\"`", printable(own)),
            None => "quote it".to_owned(),
        },
        Value::String(word) if takes("boolean") => match word.to_lowercase().as_str() {
            "yes" | "on" | "y" | "true" => "write `true` without quotes".to_owned(),
            "no" | "off" | "n" | "false" => "write `false` without quotes".to_owned(),
            _ => String::new(),
        },
        Value::String(word) if takes("integer") && word.parse::<i64>().is_ok() => {
            format!("write `{word}` without quotes")
        }
        Value::Number(_) | Value::Bool(_) if takes("array") && !takes("object") && of_texts(ways) => match own {
            Some(own) => format!("put it in brackets: `[\"{}\"]`", printable(own)),
            None => "put it in brackets and quote it: `[\"…\"]`".to_owned(),
        },
        Value::String(_) | Value::Number(_) | Value::Bool(_) if takes("array") && !takes("object") => match own {
            Some(own) => format!("put it in brackets: `[{}]`", printable(own)),
            None => "put it in brackets: `[…]`".to_owned(),
        },
        Value::Map(_) if takes("array") => "begin each element with a dash: `- `".to_owned(),
        Value::List(items) if takes("string") && items.len() == 1 => "take the brackets or the dash away".to_owned(),
        Value::List(items) if takes("object") && items.len() == 1 && text[node.span.start..].starts_with('-') => {
            "take the dash away".to_owned()
        }
        Value::List(_) if takes("object") => "one mapping stands here, not a list of them".to_owned(),
        _ => String::new(),
    }
}

/// Whether it takes a list of texts.
fn of_texts(ways: &[&'static Json]) -> bool {
    let items = ways.iter().filter_map(|way| way.get("items")).flat_map(branches);
    items.into_iter().any(|item| type_of(item) == "string")
}

/// The change that a remedy speaks of: the value that it quotes.
pub(super) fn remedied(remedy: &str, node: &Node) -> Vec<Edit> {
    let quoted = remedy.strip_suffix('`').and_then(|remedy| remedy.split_once('`')).map(|(_, written)| written);
    let plain =
        remedy.strip_suffix(" without quotes").and_then(|remedy| remedy.strip_prefix("write `")?.strip_suffix('`'));
    let says = ["quote it: `", "put it in brackets: `"].iter().any(|begin| remedy.starts_with(begin));
    match plain.or(quoted.filter(|written| says && !written.contains('…'))) {
        Some(written) => vec![Edit::replace(node.span, written)],
        None => Vec::new(),
    }
}

/// e.g. `` `a`, `b`, `c` ``.
pub(super) fn ticked(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// A sentence as it goes on behind a colon.
pub(super) fn uncapitalized(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let second = chars.clone().nth(1);
    match chars.next() {
        Some(first) if second.is_none_or(char::is_lowercase) || second == Some(' ') => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => sentence.to_owned(),
    }
}
