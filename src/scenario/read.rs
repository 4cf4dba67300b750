//! The strict reader: bytes to [`Document`], all errors at once.

use std::{path::Path, sync::Arc};

use super::{
    Diagnostic, Scenario, Severity, Source, Span, advice, decode, each,
    open::{self, Unopened},
    shape, syntax,
    tree::{Entry, Node, Value},
    words, yaml,
};

/// The largest file that is read. The tutorial's scenarios have a few kilobytes.
pub const MAX_BYTES: usize = 1 << 20;

/// As many errors of one file are told.
const MAX_ERRORS: usize = 50;

/// A scenario with the place of every value.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file.
    pub source: Source,
    /// What it says.
    pub scenario: Scenario,
    /// For each step, the row of `each` that it was made of.
    pub rows: each::Rows,
    /// The same as a tree of values with their places.
    pub root: Node,
}

impl Document {
    /// The place of a value by its JSON pointer, or that of the nearest value around it.
    pub fn span(&self, pointer: &str) -> Span {
        find(&self.root, pointer).0.span
    }

    /// The place of the key of a value by the value's JSON pointer; for list elements and the whole file the place of the
    /// value, and for what does not exist that of the nearest value around it.
    pub fn key_span(&self, pointer: &str) -> Span {
        let (node, entry) = find(&self.root, pointer);
        entry.map_or(node.span, |entry| entry.key_span)
    }
}

pub(super) fn find<'a>(root: &'a Node, pointer: &str) -> (&'a Node, Option<&'a Entry>) {
    let mut at = (root, None);
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = match &at.0.value {
            Value::List(items) => match token.parse::<usize>().ok().and_then(|index| items.get(index)) {
                Some(item) => (item, None),
                None => return at,
            },
            _ => match at.0.get(&token) {
                Some(entry) => (&entry.value, Some(entry)),
                None => return at,
            },
        };
    }
    at
}

/// Reads a scenario file: a regular one of at most [`MAX_BYTES`].
///
/// # Errors
/// That the file cannot be read, or all that is wrong with its text.
pub fn read_file(path: &Path) -> Result<Arc<Document>, (Source, Vec<Diagnostic>)> {
    understood_file(path).map_err(|bad| (bad.source, bad.found))
}

/// As [`read_file`]; of a text that is wrong, also what is known of it.
///
/// # Errors
/// As [`read_file`].
pub(super) fn understood_file(path: &Path) -> Result<Arc<Document>, Box<Bad>> {
    match guarded(path) {
        Ok(bytes) => understood(path, &bytes),
        Err((message, hint)) => Err(Bad::unread(source(path, ""), vec![whole(message, &hint)])),
    }
}

/// A text that is no scenario.
#[derive(Debug)]
pub(super) struct Bad {
    /// The text.
    pub source: Source,
    /// All that is wrong with it.
    pub found: Vec<Diagnostic>,
    /// Its tree, if it is YAML whose values have their places: so it need not be read again.
    pub tree: Option<Box<Tree>>,
}

/// A text as a tree, and what is wrong with its shape.
#[derive(Debug)]
pub(super) struct Tree {
    /// Its values.
    pub root: Node,
    /// For each step, the row of `each` that it was made of.
    pub rows: each::Rows,
    /// The steps whose shape is wrong.
    pub out: Vec<usize>,
}

impl Bad {
    fn unread(source: Source, found: Vec<Diagnostic>) -> Box<Self> {
        Box::new(Bad { source, found, tree: None })
    }
}

/// The bytes of a file, or a message and a hint. Nothing is opened that is not a regular file: a FIFO would block.
fn guarded(path: &Path) -> Result<Vec<u8>, (String, String)> {
    let said = |message: &str, hint: &str| (message.to_owned(), hint.to_owned());
    open::read(path, MAX_BYTES as u64).map_err(|why| match why {
        Unopened::Cannot(error) => {
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => "`kubewalk list` shows the scenarios that there are",
                std::io::ErrorKind::PermissionDenied => "make it readable for you, e.g. `chmod u+r`",
                _ => "",
            };
            let reason = error.to_string();
            let reason = reason.split(" (os error").next().unwrap_or_default().to_lowercase();
            (format!("the scenario cannot be read: {reason}"), hint.to_owned())
        }
        Unopened::Folder => said("this is a folder, not a scenario", "name a file in it"),
        Unopened::Irregular => {
            said("this is no regular file", "a scenario is read from a file, not from a pipe or device")
        }
        Unopened::TooBig(length) => too_big(length),
        Unopened::Hidden => said("this is not read: its name begins with a dot", super::beside::UNHIDDEN),
        Unopened::LeadsOut => said(
            "a link on the way to this scenario leads out of its project",
            "name the file itself, or copy it; the project is the folder of `kubewalk.toml`, `.git` or `Cargo.toml`, else the \
             scenario's own folder",
        ),
    })
}

fn too_big(length: u64) -> (String, String) {
    let message = format!("the file is too big for a scenario: {} KiB, and 1024 are the most", length.div_ceil(1024));
    (message, "one file tells one story; split it, or make big objects smaller".to_owned())
}

/// Reads a scenario.
///
/// # Errors
/// All that is wrong with the text: what is not YAML, and everywhere it is not a scenario.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Arc<Document>, (Source, Vec<Diagnostic>)> {
    understood(path, bytes).map_err(|bad| (bad.source, bad.found))
}

/// As [`read`]; of a text that is wrong, also what is known of it.
///
/// # Errors
/// As [`read`].
pub(super) fn understood(path: &Path, bytes: &[u8]) -> Result<Arc<Document>, Box<Bad>> {
    if bytes.len() > MAX_BYTES {
        let (message, hint) = too_big(bytes.len() as u64);
        return Err(Bad::unread(source(path, ""), vec![whole(message, &hint)]));
    }
    let text = decode::decode(bytes).map_err(|(text, found)| Bad::unread(source(path, &text), found))?;
    let source = source(path, &text);
    match checked(&source.text) {
        Ok((root, rows, scenario)) => Ok(Arc::new(Document { source, scenario, rows, root })),
        Err((found, tree)) => Err(Box::new(Bad { source, found: sorted(found), tree })),
    }
}

type Checked = (Node, each::Rows, Scenario);

fn checked(text: &str) -> Result<Checked, (Vec<Diagnostic>, Option<Box<Tree>>)> {
    let (root, mut found) = yaml::parse(text);
    let Some(mut root) = root else {
        if found.is_empty() {
            found.push(empty(text));
        }
        return Err((found, None));
    };
    if let Some(found) = advice::foreign::tree(text, &root).or_else(|| manifest(&root)) {
        return Err((vec![found], None));
    }
    let before = found.len();
    words::check_spaces(&root, &mut found);
    if found.len() > before {
        // Nothing is where it seems to be.
        return Err((found, None));
    }
    let rows = each::expand(&mut root, &mut found);
    if found.len() > before {
        return Err((found, None));
    }
    words::check_quotes(&root, &mut found);
    let out = shape::check(text, &root, &rows, &mut found);
    if before > 0 {
        cut_in_two(text, &root, &mut found);
    }
    each::once(&mut found);
    if !found.is_empty() {
        // A key that is said twice, or a second document, leaves a tree of less than the text.
        let tree = (before == 0).then(|| Box::new(Tree { root, rows, out }));
        return Err((found, tree));
    }
    match serde_json::from_value(root.to_json()) {
        Ok(scenario) => Ok((root, rows, scenario)),
        // A gap between the schema and the types: a bug of ours, told rather than hidden.
        Err(error) => {
            let found = syntax::error(
                &format!("this cannot be read as a scenario: {error}"),
                root.span,
                "this is a gap in kubewalk's schema; please report it with the file",
            );
            Err((vec![found], None))
        }
    }
}

/// Tells a scenario that a line `---` cuts in two by that line alone.
fn cut_in_two(text: &str, root: &Node, found: &mut Vec<Diagnostic>) {
    let mark = found.iter_mut().find(|found| found.message == syntax::SECOND_DOCUMENT);
    let Some(mark) = mark else { return };
    let behind = &text[mark.span.unwrap_or_default().end..];
    let begins =
        |key: &str| behind.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    let torn = ["title", "steps"].into_iter().find(|key| root.get(key).is_none() && begins(key));
    let Some(key) = torn else { return };
    mark.hint = Some(format!("take this line away: behind it is `{key}` of the same scenario"));
    found.retain(|found| found.message != format!("the scenario has no `{key}`"));
}

/// A file for kubectl, taken for a scenario.
fn manifest(root: &Node) -> Option<Diagnostic> {
    let kind = root.get("kind")?;
    root.get("apiVersion")?;
    if root.get("steps").is_some() {
        return None;
    }
    Some(syntax::error(
        "this is a Kubernetes manifest, not a scenario",
        kind.value.span,
        "put it under `apply` in a step; `kubewalk new NAME` writes a scenario to begin with",
    ))
}

fn empty(text: &str) -> Diagnostic {
    let what = if text.trim().is_empty() { "the file is empty" } else { "the file has only comments" };
    let mut found = whole(
        format!("{what}: a scenario needs `title` and `steps`"),
        "`kubewalk new NAME` writes a first one; `kubewalk list` shows those that there are",
    );
    found.span = (!text.trim().is_empty()).then(|| {
        let start = text.len() - text.trim_start().len();
        let line = text[start..].lines().next().unwrap_or_default().trim_end();
        Span { start, end: start + line.len() }
    });
    found
}

fn sorted(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by_key(|diagnostic| diagnostic.span.unwrap_or_default());
    // An anchored value is checked again at each alias, and aliases of aliases share one place.
    found.dedup();
    if found.len() > MAX_ERRORS {
        let more = found.len() - MAX_ERRORS;
        found.truncate(MAX_ERRORS);
        found.push(whole(format!("and at least {more} more errors in this file"), ""));
    }
    found
}

fn source(path: &Path, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.into() }
}

fn whole(message: String, hint: &str) -> Diagnostic {
    let hint = (!hint.is_empty()).then(|| hint.to_owned());
    Diagnostic {
        severity: Severity::Error,
        file: None,
        message,
        span: None,
        label: None,
        second: None,
        hint,
        fix: Vec::new(),
        environment: false,
    }
}
