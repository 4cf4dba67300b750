//! A scenario with mistakes in its shape, as far as it can be understood: so that what else is wrong is told at once.
//!
//! What the hints say is done to a copy of the text. Steps that are still wrong then stand empty in it: nothing is said about
//! them, nor about the names that they mention, as they might have made what others miss.

use std::{collections::HashSet, path::Path, sync::Arc};

use super::{
    Diagnostic, Document, Severity, Source, each,
    fix::{self, Fixed},
    read::{self as whole, Bad, Tree},
    shape,
    tree::{Entry, Node, Value},
    words, yaml,
};

/// A scenario that is wrong.
#[derive(Debug)]
pub struct Wrong {
    /// The file.
    pub source: Source,
    /// All that is wrong with its shape.
    pub found: Vec<Diagnostic>,
    /// What is left of it.
    pub rest: Option<Rest>,
}

/// What is left of a scenario when its mistakes are mended or left out.
#[derive(Debug)]
pub struct Rest {
    /// The scenario.
    pub document: Arc<Document>,
    fixed: Fixed,
    /// The steps that are left out.
    out: Vec<usize>,
    /// The words in those steps.
    words: HashSet<String>,
}

/// What is left of a text that is wrong. Where no hint changes it, it is not read again: that would end as the first time.
fn rest(bad: &mut Bad) -> Option<Rest> {
    let groups: Vec<_> = bad.found.iter().map(|found| found.fix.as_slice()).filter(|fix| !fix.is_empty()).collect();
    let fixed = fix::apply(&bad.source.text, groups.iter().copied());
    let tree = if groups.is_empty() { bad.tree.take() } else { again(&fixed.text) };
    let Tree { mut root, rows, out } = *tree?;
    let words = leave_out(&mut root, &out)?;
    let scenario = serde_json::from_value(root.to_json()).ok()?;
    let source = Source { path: bad.source.path.clone(), text: fixed.text.as_str().into() };
    Some(Rest { document: Arc::new(Document { source, scenario, rows, root }), fixed, out, words })
}

/// The tree of a text that was mended.
fn again(text: &str) -> Option<Box<Tree>> {
    let (root, wrong) = yaml::parse(text);
    let mut root = root.filter(|_| wrong.is_empty())?;
    let mut found = Vec::new();
    words::check_spaces(&root, &mut found);
    let rows = each::expand(&mut root, &mut found);
    if !found.is_empty() {
        return None;
    }
    let out = shape::check(text, &root, &rows, &mut found);
    Some(Box::new(Tree { root, rows, out }))
}

/// Empties the steps that are wrong, and leaves out what is wrong at the top; gives the words in those steps.
fn leave_out(root: &mut Node, out: &[usize]) -> Option<HashSet<String>> {
    let place = root.span;
    let entry = |key: &str, text: &str| Entry {
        key: key.to_owned(),
        key_span: place,
        key_plain: true,
        value: Node { span: place, value: Value::String(text.to_owned()), plain: true },
    };
    let Value::Map(entries) = &mut root.value else { return None };
    let text = |entry: &Entry| matches!(entry.value.value, Value::String(_));
    entries.retain(|entry| match entry.key.as_str() {
        "title" | "namespace" => text(entry),
        "steps" => true,
        _ => false,
    });
    if entries.iter().all(|entry| entry.key != "title") {
        entries.insert(0, entry("title", "title"));
    }
    let steps = entries.iter_mut().find(|entry| entry.key == "steps")?;
    let Value::List(steps) = &mut steps.value.value else { return None };
    let mut words = HashSet::new();
    for index in out {
        let step = steps.get_mut(*index)?;
        mentioned(step, &mut words);
        let span = step.span;
        *step = Node { span, value: Value::Map(vec![entry("title", "left out")]), plain: false };
    }
    Some(words)
}

/// All words in a tree, keys and values.
fn mentioned(node: &Node, words: &mut HashSet<String>) {
    let mut add = |text: &str| {
        let parts = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.' | '_')));
        words.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
        words.insert(text.to_owned());
    };
    match &node.value {
        Value::String(text) => add(text),
        Value::Number(number) => add(&number.to_string()),
        Value::List(items) => items.iter().for_each(|item| mentioned(item, words)),
        Value::Map(entries) => {
            entries.iter().for_each(|entry| add(&entry.key));
            entries.iter().for_each(|entry| mentioned(&entry.value, words));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

impl Rest {
    /// Of what a plan of the rest has found, what is true of the whole scenario as well, at the places of its text.
    pub fn told(&self, found: Vec<Diagnostic>, already: &[Diagnostic]) -> Vec<Diagnostic> {
        let steps = match self.document.root.get("steps").map(|steps| &steps.value.value) {
            Some(Value::List(steps)) => steps.as_slice(),
            _ => &[],
        };
        let starts: Vec<usize> = steps.iter().map(|step| step.span.start).collect();
        let step_of = |at: usize| starts.iter().rposition(|start| *start <= at);
        let left_out = |at: usize| step_of(at).is_none_or(|step| self.out.contains(&step));
        let follows = |text: &str| ticked(text).any(|word| self.words.contains(word));
        let kept = found.into_iter().filter(|found| {
            let at = found.span.unwrap_or_default().start;
            let of_the_story = found.file.is_some() || !left_out(at);
            let texts = [Some(found.message.as_str()), found.label.as_deref()];
            found.severity == Severity::Error && of_the_story && !texts.into_iter().flatten().any(follows)
        });
        let here = kept.map(|mut found| {
            if found.file.is_none() {
                found.span = found.span.map(|span| self.fixed.before(span));
                found.second = found.second.map(|(span, label)| (self.fixed.before(span), label));
                found.fix.clear();
            }
            found
        });
        // What a change put in is not the author's.
        let made = |edit: &fix::Edit, found: &Diagnostic| {
            found.span.is_some_and(|span| edit.span.start <= span.start && span.start < edit.span.end)
        };
        here.filter(|found| {
            found.file.is_some()
                || already.iter().all(|told| told.span != found.span && told.fix.iter().all(|edit| !made(edit, found)))
        })
        .collect()
    }
}

/// The words between backticks.
fn ticked(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// As [`whole::read_file`], with what is left of a scenario that is wrong.
///
/// # Errors
/// The text and all that is wrong with it.
pub fn read_file(path: &Path) -> Result<Arc<Document>, Box<Wrong>> {
    whole::understood_file(path).map_err(with_rest)
}

/// As [`whole::read`], with what is left of a scenario that is wrong.
///
/// # Errors
/// The text and all that is wrong with it.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Arc<Document>, Box<Wrong>> {
    whole::understood(path, bytes).map_err(with_rest)
}

fn with_rest(mut bad: Box<Bad>) -> Box<Wrong> {
    let rest = rest(&mut bad);
    Box::new(Wrong { source: bad.source, found: bad.found, rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_hint_changes_is_not_read_again() {
        let good = "title: t\nsteps:\n  - {title: a, serviceAccount: a}\n";
        let wrong = good.replace("serviceAccount: a", "serviceAccount: a, zzzzzz: 1");
        let path = Path::new("a.yaml");
        let mut bad = whole::understood(path, wrong.as_bytes()).expect_err("it is wrong");
        assert!(bad.found.iter().all(|found| found.fix.is_empty()), "{:?}", bad.found);
        // The tree says what is left, not the text.
        bad.source.text = "- no scenario".into();
        let left = rest(&mut bad).expect("a rest");
        assert_eq!((left.document.scenario.title.as_str(), left.out.as_slice()), ("t", [0].as_slice()));
        // It was no YAML: to read the same once more would end the same.
        let mut bad = Bad { source: Source { path: path.to_owned(), text: good.into() }, found: bad.found, tree: None };
        assert!(rest(&mut bad).is_none());
    }
}
