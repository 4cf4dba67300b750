//! `each`: a step with a small table becomes one step for each row, before anything else looks at it.

use std::collections::HashSet;

use super::{
    Diagnostic, Span,
    diagnostic::printable,
    fix::Edit,
    placeholder::{Piece, pieces},
    syntax::error,
    tree::{Entry, Node, Value},
    wording::ticked,
};
use crate::k8s::nearest;

/// For each step that there is now, the row it came from: ``row 2 of `each`: code: 403``.
pub type Rows = Vec<Option<String>>;

/// The most steps that the tables of a file may make.
const MOST: usize = 500;

const OPEN: &str = "{each.";

/// How the name of a placeholder begins.
const NAME: &str = "each.";

/// Replaces each step that has `each` by one step for each row.
pub(super) fn expand(root: &mut Node, found: &mut Vec<Diagnostic>) -> Rows {
    let Value::Map(entries) = &mut root.value else { return Rows::new() };
    let steps = entries.iter_mut().find(|entry| entry.key == "steps").map(|entry| &mut entry.value.value);
    let Some(Value::List(steps)) = steps else { return Rows::new() };
    let (mut all, mut rows) = (Vec::new(), Rows::new());
    for step in std::mem::take(steps) {
        match step.get("each") {
            None => {
                stray(&step, found);
                all.push(step);
                rows.push(None);
            }
            Some(each) if all.len() <= MOST => {
                for (row, made) in table(&step, each, found) {
                    all.push(made);
                    rows.push(Some(row));
                }
            }
            Some(each) => {
                found.push(error("the tables of this file make too many steps", each.key_span, "500 are the most"))
            }
        }
    }
    *steps = all;
    rows
}

/// Adds to what was found about a step which row it came from.
pub fn name(diagnostic: &mut Diagnostic, row: Option<&String>) {
    if let Some(row) = row {
        diagnostic.hint = Some(match diagnostic.hint.take() {
            Some(hint) => format!("{hint} ({row})"),
            None => row.clone(),
        });
    }
}

/// Leaves what is true of several rows once, with the first of them.
pub fn once(found: &mut Vec<Diagnostic>) {
    let mut told: HashSet<(Option<(usize, usize)>, String)> = HashSet::new();
    found.retain(|diagnostic| {
        let in_row = diagnostic.hint.as_deref().is_some_and(|hint| hint.contains(" of `each`: "));
        let key = (diagnostic.span.map(|span| (span.start, span.end)), diagnostic.message.clone());
        told.insert(key) || !in_row
    });
}

/// A key of a row that is a slip of one in the first row.
fn slip(first: &[Entry], row: &[Entry], index: usize) -> Option<Diagnostic> {
    let lacks = |row: &[Entry], key: &str| row.iter().all(|other| other.key != key);
    let strange = row.iter().find(|entry| lacks(first, &entry.key))?;
    let missing = first.iter().filter(|entry| lacks(row, &entry.key)).map(|entry| entry.key.as_str());
    let near = nearest(&strange.key, missing)?;
    let message = format!("row {} of `each` has `{}`, and row 1 has `{near}`", index + 1, printable(&strange.key));
    let mut slip = error(&message, strange.key_span, &format!("did you mean `{near}`?"));
    slip.second = first.iter().find(|entry| entry.key == near).map(|entry| (entry.key_span, "here".to_owned()));
    slip.fix = vec![Edit::replace(strange.key_span, near)];
    Some(slip)
}

/// The steps of a table, each with the words for its row.
fn table(step: &Node, each: &Entry, found: &mut Vec<Diagnostic>) -> Vec<(String, Node)> {
    let Value::List(rows) = &each.value.value else {
        found.push(error(
            "`each` is not a list of rows",
            each.key_span,
            "e.g. `each: [{who: a, code: 200}, {who: b, code: 403}]`",
        ));
        return Vec::new();
    };
    let before = found.len();
    if rows.is_empty() {
        found.push(error("`each` has no rows", each.key_span, "a step without rows is never run: leave it out"));
    }
    let mut maps: Vec<&[Entry]> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match &row.value {
            Value::Map(entries) if !entries.is_empty() => maps.push(entries),
            _ => {
                let message = format!("row {} of `each` is no mapping", index + 1);
                found.push(error(&message, row.span, "e.g. `{who: a, code: 200}`"));
            }
        }
    }
    for (index, row) in maps.iter().enumerate().skip(1) {
        if let Some(slip) = slip(maps[0], row, index) {
            found.push(slip);
            continue;
        }
        for (missing, of, has, place) in
            [(maps[0], *row, 1, rows[index].span), (*row, maps[0], index + 1, rows[0].span)]
        {
            let strange = missing.iter().find(|entry| !of.iter().any(|other| other.key == entry.key));
            if let Some(entry) = strange {
                let lacks = if has == 1 { index + 1 } else { 1 };
                let message = format!("row {lacks} of `each` has no `{}`, and row {has} has", printable(&entry.key));
                let mut diagnostic = error(&message, place, "all rows have the same keys");
                diagnostic.second = Some((entry.key_span, "here".into()));
                found.push(diagnostic);
            }
        }
    }
    if found.len() > before {
        return Vec::new();
    }
    let mut made = Vec::new();
    for (index, row) in maps.iter().enumerate() {
        let words: Vec<_> =
            row.iter().take(3).map(|entry| format!("{}: {}", entry.key, scalar(&entry.value))).collect();
        let words = format!("row {} of `each`: {}", index + 1, printable(&words.join(", ")));
        let Value::Map(entries) = &step.value else { continue };
        let kept =
            entries.iter().filter(|entry| entry.key != "each").map(|entry| filled_entry(entry, row, found)).collect();
        made.push((words, Node { value: Value::Map(kept), ..step.clone() }));
    }
    if found.len() == before {
        titles(step, &made, found);
    }
    made
}

fn titles(step: &Node, made: &[(String, Node)], found: &mut Vec<Diagnostic>) {
    let title = |node: &Node| node.get("title").map(|entry| scalar(&entry.value));
    for (index, (_, node)) in made.iter().enumerate() {
        let Some(first) = made[..index].iter().position(|(_, other)| title(other) == title(node)) else { continue };
        let Some(entry) = step.get("title") else { return };
        let message = format!("rows {} and {} of `each` give the same title", first + 1, index + 1);
        found.push(error(&message, entry.value.span, "put what differs into it, e.g. `… as {each.who}`"));
        return;
    }
}

/// A value in a text.
fn scalar(node: &Node) -> String {
    match &node.value {
        Value::String(text) => text.clone(),
        _ => node.to_json().to_string(),
    }
}

fn filled_entry(entry: &Entry, row: &[Entry], found: &mut Vec<Diagnostic>) -> Entry {
    let key = filled_text(&entry.key, entry.key_span, row, found);
    Entry { key, value: filled(&entry.value, row, found), ..entry.clone() }
}

fn filled(node: &Node, row: &[Entry], found: &mut Vec<Diagnostic>) -> Node {
    let value = match &node.value {
        Value::String(whole) => {
            if let Some(entry) = only(whole).and_then(|name| row.iter().find(|entry| entry.key == name)) {
                return placed(&entry.value, node.span);
            }
            if !whole.contains(OPEN) {
                return node.clone();
            }
            return Node {
                value: Value::String(filled_text(whole, node.span, row, found)),
                plain: false,
                ..node.clone()
            };
        }
        Value::List(items) => Value::List(items.iter().map(|item| filled(item, row, found)).collect()),
        Value::Map(entries) => {
            if let [entry] = entries.as_slice()
                && entry.key.starts_with("each.")
                && matches!(entry.value.value, Value::Null)
            {
                add(
                    found,
                    error(
                        "a brace without quotes begins a mapping",
                        entry.key_span,
                        &format!("write `'{{{}}}'`", printable(&entry.key)),
                    ),
                );
            }
            Value::Map(entries.iter().map(|entry| filled_entry(entry, row, found)).collect())
        }
        _ => return node.clone(),
    };
    Node { value, ..node.clone() }
}

/// The name in a text that is nothing but a placeholder.
fn only(text: &str) -> Option<&str> {
    let name = text.strip_prefix(OPEN)?.strip_suffix('}')?;
    (!name.contains(['{', '}'])).then_some(name)
}

/// A row's value where the placeholder stands.
fn placed(node: &Node, span: Span) -> Node {
    let value = match &node.value {
        Value::List(items) => Value::List(items.iter().map(|item| placed(item, span)).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|entry| Entry { key_span: span, value: placed(&entry.value, span), ..entry.clone() })
                .collect(),
        ),
        other => other.clone(),
    };
    Node { span, value, plain: false }
}

fn filled_text(text: &str, span: Span, row: &[Entry], found: &mut Vec<Diagnostic>) -> String {
    let mut made = String::new();
    for piece in pieces(text, |name| name.starts_with(NAME)) {
        let name = match piece {
            Piece::Text(part) if part.contains(OPEN) => {
                add(found, error("a placeholder without its end", span, "write `{each.NAME}`"));
                return text.to_owned();
            }
            Piece::Text(part) | Piece::Literal(part) => {
                made += part;
                continue;
            }
            Piece::Name(name) => &name[NAME.len()..],
        };
        match row.iter().find(|entry| entry.key == name) {
            Some(entry) if matches!(entry.value.value, Value::List(_) | Value::Map(_)) => {
                let message = format!("`{}` is a list or a mapping, and stands in a text", printable(name));
                add(found, error(&message, span, "only a text that is nothing but the placeholder becomes one"));
            }
            Some(entry) => made += &scalar(&entry.value),
            None => {
                let keys = || row.iter().map(|entry| entry.key.as_str());
                let hint = match nearest(name, keys()) {
                    Some(near) => format!("did you mean `{{each.{near}}}`?"),
                    None => format!("the rows have {}", ticked(&keys().collect::<Vec<_>>())),
                };
                add(found, error(&format!("no row of `each` has `{}`", printable(name)), span, &hint));
            }
        }
    }
    made
}

/// What is true of all rows is told once.
fn add(found: &mut Vec<Diagnostic>, diagnostic: Diagnostic) {
    if !found.contains(&diagnostic) {
        found.push(diagnostic);
    }
}

/// Placeholders in a step that has no table.
fn stray(node: &Node, found: &mut Vec<Diagnostic>) {
    match &node.value {
        Value::String(text)
            if pieces(text, |name| name.starts_with(NAME)).iter().any(|piece| matches!(piece, Piece::Name(_))) =>
        {
            found.push(error(
                "a placeholder of `each` in a step without `each`",
                node.span,
                "add `each: [{…}, …]` to the step",
            ));
        }
        Value::List(items) => items.iter().for_each(|item| stray(item, found)),
        Value::Map(entries) => entries.iter().for_each(|entry| stray(&entry.value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::yaml;

    fn expanded(text: &str) -> (serde_json::Value, Rows, Vec<String>) {
        let mut root = yaml::parse(text).0.expect("YAML");
        let mut found = Vec::new();
        let rows = expand(&mut root, &mut found);
        (root.to_json()["steps"].clone(), rows, found.into_iter().map(|found| found.message).collect())
    }

    #[test]
    fn a_step_for_each_row_and_values_keep_their_type() {
        let (steps, rows, found) = expanded(
            "steps:\n  - title: plain\n  - title: 'c {each.code}'\n    each: [{code: 200, l: [a]}, {code: 403, l: [b]}]\n    \
             expect: {status: '{each.code}', list: '{each.l}', '{each.code}': 'x{each.code}y{each.code}'}\n",
        );
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(
            steps,
            json!([
                {"title": "plain"},
                {"title": "c 200", "expect": {"status": 200, "list": ["a"], "200": "x200y200"}},
                {"title": "c 403", "expect": {"status": 403, "list": ["b"], "403": "x403y403"}},
            ])
        );
        assert_eq!(rows[0], None);
        assert_eq!(rows[2].as_deref(), Some("row 2 of `each`: code: 403, l: [\"b\"]"));
    }

    #[test]
    fn values_point_at_the_step_as_it_is_written() {
        let text = "steps:\n  - title: '{each.a}'\n    each: [{a: {b: 1}}]\n    x: '{each.a}'\n";
        let mut root = yaml::parse(text).0.expect("YAML");
        expand(&mut root, &mut Vec::new());
        let Some(Value::List(steps)) = root.get("steps").map(|entry| &entry.value.value) else { panic!("steps") };
        let value = &steps[0].get("x").expect("x").value;
        let inner = &value.get("b").expect("b").value;
        assert_eq!((&text[value.span.start..value.span.end], inner.span), ("'{each.a}'", value.span));
    }

    #[test]
    fn a_table_cannot_be_endless() {
        let rows: Vec<_> = (0..400).map(|index| format!("{{n: {index}}}")).collect();
        let step = format!("  - title: '{{each.n}}'\n    each: [{}]\n", rows.join(", "));
        let (_, _, found) = expanded(&format!("steps:\n{step}{step}{step}"));
        assert_eq!(found, ["the tables of this file make too many steps"]);
    }
}
