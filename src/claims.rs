//! Claims of one's own, e.g. the controls of a benchmark: a file that lists them, the `refs` of scenarios that name them, and the
//! page that says which step shows which. Pure functions.

pub mod page;

use std::{collections::HashMap, path::Path};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    k8s::nearest,
    scenario::{
        Diagnostic, Document, Severity, Source, Span,
        beside::{self, Beside, Unread},
        diagnostic::line_col,
        schema::Ref,
        tree::{Entry, Node, Value},
    },
};

/// The most that a file of claims may hold, in bytes.
pub const MOST: u64 = 1 << 20;

/// The most characters of an id.
const LONGEST: usize = 64;

/// What a file of claims says.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Claims {
    /// What the claims are of, e.g. `CIS Kubernetes Benchmark, section 5.1`: the page's title.
    #[serde(default)]
    pub title: Option<String>,
    /// The claims, in the order of the page.
    #[schemars(length(min = 1))]
    pub claims: Vec<Claim>,
    /// The JSON Schema for editors that read it from the file.
    #[serde(default, rename = "$schema")]
    #[allow(dead_code, reason = "read by editors only")]
    pub schema: Option<String>,
}

/// A claim that steps may show.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Claim {
    /// The id that `refs` name.
    pub id: Ref,
    /// What is claimed, in one sentence.
    pub claim: String,
    /// Where more about it stands: an `https` address.
    #[serde(default)]
    #[schemars(regex(pattern = r"^https://\S+$"))]
    pub link: Option<String>,
    /// Why no step shows it, if none does. Without it, the claim is an open one.
    #[serde(default)]
    pub not_shown: Option<String>,
}

/// The keys of a claim.
const KEYS: [&str; 4] = ["id", "claim", "link", "notShown"];

/// A file of claims that is good.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name and text.
    pub source: Source,
    /// What it says.
    pub claims: Claims,
    spans: Vec<Places>,
}

/// Where a claim stands.
#[derive(Debug, Clone, Copy)]
struct Places {
    id: Span,
    not_shown: Option<Span>,
}

/// All that is wrong with a file, and its text.
pub type Wrong = (Source, Vec<Diagnostic>);

/// The JSON Schema of a file of claims.
pub fn schema_json() -> serde_json::Value {
    let mut schema = serde_json::json!(schemars::schema_for!(Claims));
    schema["title"] = "kubewalk claims".into();
    schema
}

/// Reads a file of claims.
///
/// # Errors
/// All that is wrong with it, with the places.
pub fn read(path: &Path, bytes: &[u8]) -> Result<File, Wrong> {
    let file = match beside::documents(path.to_owned(), bytes) {
        Ok(file) => file,
        Err(Unread::Text(found)) => {
            let source = found.iter().find_map(|found| found.file.clone());
            let found = found.into_iter().map(|found| Diagnostic { file: None, ..found }).collect();
            return Err((source.unwrap_or_else(|| Source { path: path.to_owned(), text: "".into() }), found));
        }
        Err(Unread::Name(message, hint)) => {
            let source = Source { path: path.to_owned(), text: "".into() };
            return Err((source, vec![error(&message, None, "", hint)]));
        }
    };
    let mut reader = Reader::default();
    reader.file(&file);
    let Reader { mut found, spans, .. } = reader;
    if found.is_empty() {
        match serde_json::from_value(file.documents()[0].to_json()) {
            Ok(claims) => return Ok(File { source: file.source, claims, spans }),
            Err(e) => found.push(error(&format!("these are no claims: {e}"), None, "", "see `kubewalk schema claims`")),
        }
    }
    found.sort_by_key(|found| found.span.unwrap_or_default());
    Err((file.source, found))
}

#[derive(Default)]
struct Reader {
    found: Vec<Diagnostic>,
    spans: Vec<Places>,
    first: HashMap<String, Span>,
}

impl Reader {
    fn say(&mut self, message: &str, span: Span, label: &str, hint: &str) {
        self.found.push(error(message, Some(span), label, hint));
    }

    fn file(&mut self, file: &Beside) {
        let [root] = file.documents() else {
            let many = file.documents().len();
            let what = if many == 0 { "the file is empty".to_owned() } else { format!("{many} documents") };
            self.found.push(error(&format!("{what}: a file of claims is one document"), None, "", EXAMPLE));
            return;
        };
        let Value::Map(entries) = &root.value else {
            return self.say("a file of claims is a mapping", root.span, "this is none", EXAMPLE);
        };
        for entry in entries {
            match entry.key.as_str() {
                "claims" => self.claims(entry),
                "title" | "$schema" => {
                    self.nonblank_text(entry);
                }
                _ => self.unknown(entry, &["title", "claims"]),
            }
        }
        if root.get("claims").is_none() {
            self.say("the file lists no `claims`", root.span, "", EXAMPLE);
        }
    }

    fn claims(&mut self, entry: &Entry) {
        match &entry.value.value {
            Value::List(list) if !list.is_empty() => list.iter().for_each(|claim| self.claim(claim)),
            _ => self.say("`claims` is a list of claims", entry.value.span, "none is here", EXAMPLE),
        }
    }

    fn claim(&mut self, node: &Node) {
        let Value::Map(entries) = &node.value else {
            return self.say("a claim is a mapping", node.span, "this is none", EXAMPLE);
        };
        for entry in entries {
            match entry.key.as_str() {
                "id" => self.id(entry),
                "link" => {
                    let good = |link: &str| link.starts_with("https://") && !link.contains(char::is_whitespace);
                    if self.nonblank_text(entry).is_some_and(|link| !good(link)) {
                        self.say(
                            "this is no `https` address",
                            entry.value.span,
                            "",
                            "e.g. `https://example.com/controls#5.1`",
                        );
                    }
                }
                "claim" | "notShown" => {
                    self.nonblank_text(entry);
                }
                _ => self.unknown(entry, &KEYS),
            }
        }
        for key in ["id", "claim"] {
            if node.get(key).is_none() {
                self.say(&format!("a claim without `{key}`"), node.span, "", EXAMPLE);
            }
        }
        let not_shown = node.get("notShown").map(|entry| entry.key_span);
        self.spans.push(Places { id: node.get("id").map_or(node.span, |entry| entry.value.span), not_shown });
    }

    fn id(&mut self, entry: &Entry) {
        let Some(id) = self.nonblank_text(entry) else { return };
        let span = entry.value.span;
        if !is_id(id) {
            let hint =
                "letters, digits, `.`, `_`, `:`, `/` and `-`, 64 at most, the first a letter or a digit: `CIS-5.1.3`";
            return self.say(&format!("`{id}` is no id"), span, "", hint);
        }
        if let Some(first) = self.first.insert(id.to_owned(), span) {
            let mut found =
                error(&format!("claim `{id}` is there twice"), Some(span), "", "give each an id of its own");
            found.second = Some((first, "the first time".into()));
            self.found.push(found);
        }
    }

    /// The text of a value that must be one and not blank; `None` when it is not, which has been said.
    fn nonblank_text<'n>(&mut self, entry: &'n Entry) -> Option<&'n str> {
        match &entry.value.value {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            Value::String(_) => {
                self.say(
                    &format!("`{}` says nothing", entry.key),
                    entry.value.span,
                    "",
                    "write it, or take the line out",
                );
                None
            }
            Value::Number(number) => {
                let hint = format!("quote it: `\"{number}\"`");
                self.say(&format!("`{}` is a text, and this is a number", entry.key), entry.value.span, "", &hint);
                None
            }
            _ => {
                self.say(&format!("`{}` is a text", entry.key), entry.value.span, "this is none", EXAMPLE);
                None
            }
        }
    }

    fn unknown(&mut self, entry: &Entry, known: &[&str]) {
        let hint = match nearest(&entry.key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the keys here are `{}`", known.join("`, `")),
        };
        self.say(&format!("unknown key `{}`", entry.key), entry.key_span, "", &hint);
    }
}

const EXAMPLE: &str = "e.g. `claims: [{id: CIS-5.1.3, claim: No role of ours has a wildcard.}]`";

/// Whether a text is an id of a claim.
pub fn is_id(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:/-".contains(c))
}

/// The `refs` of a scenario that the file does not have.
pub fn unknown(file: &File, document: &Document) -> Vec<Diagnostic> {
    let known = || file.claims.claims.iter().map(|claim| claim.id.0.as_str());
    let name = file.source.path.to_string_lossy();
    let steps = document.scenario.steps.iter().enumerate();
    let of_steps = steps.map(|(index, step)| (format!("/steps/{index}/refs"), &step.refs));
    let mut found = Vec::new();
    for (at, refs) in std::iter::once(("/refs".to_owned(), &document.scenario.refs)).chain(of_steps) {
        for (index, id) in refs.iter().enumerate().filter(|(_, id)| !known().any(|known| known == id.0)) {
            let hint = match nearest(&id.0, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add it to {name}, or take it out here"),
            };
            let span = document.span(&format!("{at}/{index}"));
            found.push(error(&format!("{name} has no claim `{}`", id.0), Some(span), "", &hint));
        }
    }
    // A step that is played for each row of a table is one in the file.
    found.dedup();
    found
}

/// A place that shows claims: a step, or a scenario as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The scenario's path.
    pub path: String,
    /// The line on which the step, or the scenario's title, begins.
    pub line: usize,
    /// What it is called.
    pub title: String,
    /// The ids that it names.
    pub refs: Vec<String>,
}

/// All places of a scenario that name claims.
pub fn shown(document: &Document) -> Vec<Shown> {
    let place = |pointer: &str, title: &str, refs: &[Ref]| Shown {
        path: document.source.path.to_string_lossy().replace('\\', "/"),
        line: line_col(&document.source, document.span(pointer).start).0,
        title: title.to_owned(),
        refs: refs.iter().map(|id| id.0.clone()).collect(),
    };
    let scenario = &document.scenario;
    let whole = place("/title", &scenario.title, &scenario.refs);
    let steps = scenario.steps.iter().enumerate();
    let steps = steps.map(|(index, step)| place(&format!("/steps/{index}"), &step.title, &step.refs));
    std::iter::once(whole).chain(steps).filter(|shown| !shown.refs.is_empty()).collect()
}

/// Claims of which the file says why they are not shown, and that are.
pub fn shown_after_all(file: &File, shown: &[Shown]) -> Vec<Diagnostic> {
    let all = file.claims.claims.iter().zip(&file.spans);
    let found = all.filter_map(|(claim, places)| {
        let by = shown.iter().find(|shown| shown.refs.contains(&claim.id.0))?;
        let message = format!("claim `{}` is shown by {}:{}", claim.id.0, by.path, by.line);
        Some(error(&message, Some(places.not_shown?), "but this says why it is not", "take the line out"))
    });
    found.collect()
}

/// Claims that nothing shows, and of which the file does not say why.
pub fn open(file: &File, shown: &[Shown]) -> Vec<Diagnostic> {
    let all = file.claims.claims.iter().zip(&file.spans);
    let left =
        all.filter(|(claim, _)| claim.not_shown.is_none() && !shown.iter().any(|by| by.refs.contains(&claim.id.0)));
    left.map(|(claim, places)| {
        let message = format!("nothing shows claim `{}`", claim.id.0);
        let hint = format!("name it in a step, `refs: [{}]`, or say in `notShown` why there is none", claim.id.0);
        error(&message, Some(places.id), "", &hint)
    })
    .collect()
}

fn error(message: &str, span: Option<Span>, label: &str, hint: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        file: None,
        message: message.to_owned(),
        span,
        label: (!label.is_empty()).then(|| label.to_owned()),
        second: None,
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
        fix: Vec::new(),
        environment: false,
    }
}

#[cfg(test)]
mod tests;
