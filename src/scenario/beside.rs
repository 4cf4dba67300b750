//! Manifests in a file beside the scenario: found in its project only, read as kubectl would, with their own places.

use std::{
    fs,
    ops::Range,
    path::{Component, Path, PathBuf},
};

use super::{
    Diagnostic, Source, Span, decode,
    open::{Root, Unopened},
    read::find,
    tree::{Node, Value},
    words,
    yaml::{self, Size},
};

/// A file of manifests.
#[derive(Debug, Clone)]
pub struct Beside {
    /// The file.
    pub source: Source,
    /// Its documents, as the elements of a list.
    pub root: Node,
}

/// Why there is none.
#[derive(Debug, Clone)]
pub enum Unread {
    /// The name is not one of a file in the scenario's project: a message and what to do.
    Name(String, &'static str),
    /// What it says is not YAML.
    Text(Vec<Diagnostic>),
}

impl Beside {
    /// The place of a value, or of its key, by a pointer that begins with the document's index.
    pub fn span(&self, pointer: &str, key: bool) -> Span {
        let (node, entry) = find(&self.root, pointer);
        entry.filter(|_| key).map_or(node.span, |entry| entry.key_span)
    }

    /// The documents.
    pub fn documents(&self) -> &[Node] {
        match &self.root.value {
            Value::List(documents) => documents,
            _ => &[],
        }
    }
}

/// The largest file of manifests that is read: published ones have up to some megabytes, of which one definition of a custom kind
/// can have more than one.
pub const MAX_BYTES: usize = 16 << 20;

/// What to do about a name that begins with a dot.
pub const UNHIDDEN: &str =
    "files and folders of such names are those of tools, with their credentials: copy it under another name";

const ROOTED: &str = "a scenario may name what is in its project: the folder of `kubewalk.toml`, else that of `.git` or \
                      `Cargo.toml`, else the scenario's own";

/// The folder that a scenario's names begin at.
pub fn folder(scenario: &Path) -> &Path {
    scenario.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What a name in a scenario leads to: a path to show, and where it is below the root of its project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// From the working directory.
    pub shown: PathBuf,
    /// From the project's root, without links.
    pub inside: PathBuf,
}

/// Finds what a scenario names.
///
/// # Errors
/// That it is outside of the project (also by a link), or is not there.
pub fn named(root: &Root, folder: &Path, name: &str) -> Result<Named, Unread> {
    let wrong = |message: String, hint| Err(Unread::Name(message, hint));
    let relative = Path::new(name);
    if name.trim().is_empty() {
        return wrong("a file without a name".into(), "e.g. `file: role.yaml`");
    }
    if relative.is_absolute() || name.starts_with(['\\', '~']) {
        return wrong(
            format!("`{name}` does not begin at the scenario's folder"),
            "name it from there, e.g. `../config/rbac`",
        );
    }
    let shown = tidy(folder, relative);
    match root.inside(&shown) {
        Ok(inside) => Ok(Named { shown, inside }),
        Err(why) => Err(unread(name, &why)),
    }
}

/// A path without `..` in its middle, if that leads to the same.
fn tidy(folder: &Path, relative: &Path) -> PathBuf {
    let plain = folder.join(relative);
    let mut short = PathBuf::new();
    for part in plain.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(short.components().next_back(), Some(Component::Normal(_))) => {
                short.pop();
            }
            part => short.push(part),
        }
    }
    if short.as_os_str().is_empty() {
        short.push(".");
    }
    match (fs::canonicalize(&plain), fs::canonicalize(&short)) {
        (Ok(one), Ok(other)) if one == other => short,
        _ => plain,
    }
}

/// Why a file is not read, in words.
pub fn unread(name: &str, why: &Unopened) -> Unread {
    let (message, hint) = match why {
        Unopened::LeadsOut => (format!("`{name}` leads out of the scenario's project"), ROOTED),
        Unopened::Hidden => (format!("`{name}` is not read: {why}"), UNHIDDEN),
        Unopened::Folder => (format!("`{name}` is a folder"), "for all manifests in it, write `dir` instead of `file`"),
        Unopened::Irregular => (format!("`{name}` is no regular file"), "name a file with manifests"),
        Unopened::TooBig(_) => (format!("`{name}` is too big: more than {} MiB", MAX_BYTES >> 20), "split it"),
        Unopened::Cannot(e) => {
            let reason = e.to_string().split(" (os error").next().unwrap_or_default().to_lowercase();
            let hint = match e.kind() {
                std::io::ErrorKind::NotFound => "a name begins at the scenario's folder",
                _ => "",
            };
            (format!("`{name}` cannot be read: {reason}"), hint)
        }
    };
    Unread::Name(message, hint)
}

/// Reads the documents of a file that a scenario names.
///
/// # Errors
/// That it is outside of the scenario's project (also by a symbolic link), cannot be read, or is not YAML.
pub fn read(scenario: &Path, name: &str) -> Result<Beside, Unread> {
    let folder = folder(scenario);
    let root = Root::around(folder).map_err(|e| unread(name, &e.into()))?;
    let found = named(&root, folder, name)?;
    let bytes = root.read(&found.inside, MAX_BYTES as u64).map_err(|why| unread(name, &why))?;
    documents(found.shown, &bytes)
}

/// Reads the documents in bytes under a name.
///
/// # Errors
/// That they are not YAML.
pub fn documents(path: PathBuf, bytes: &[u8]) -> Result<Beside, Unread> {
    let named = |mut found: Vec<Diagnostic>, text: &str| {
        let source = Source { path: path.clone(), text: text.into() };
        found.iter_mut().for_each(|diagnostic| diagnostic.file = Some(source.clone()));
        Unread::Text(found)
    };
    let text = decode::decode(bytes).map_err(|(text, found)| named(found, &text))?;
    let (mut nodes, mut found) = (Vec::new(), Vec::new());
    for part in parts(&text) {
        let (node, wrong) = parsed(&text, part);
        found.extend(wrong);
        if let Some(node) = node {
            words::check_spaces(&node, &mut found);
            words::check_quotes(&node, &mut found);
            words::check_free(&node, &mut found);
            nodes.push(node);
        }
    }
    if found.is_empty() {
        let root = Node { span: Span::default(), value: Value::List(nodes), plain: false };
        return Ok(Beside { source: Source { path, text: text.into() }, root });
    }
    Err(named(found, &text))
}

/// The documents in a text, as JSON; `None` when kubectl may read others in it: it is not sound YAML, says a key twice, has a
/// line that kubectl takes for the end of a document, and YAML does not (`---x`), or what only YAML 1.1 takes for the end of a line.
pub fn values(text: &str) -> Option<Vec<serde_json::Value>> {
    let odd = |line: &str| {
        line.strip_prefix("---").is_some_and(|rest| !rest.is_empty() && !rest.starts_with([' ', '\t', '\r']))
    };
    if text.lines().any(odd) || text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return None;
    }
    let mut all = Vec::new();
    for part in parts(text) {
        let (node, found) = parsed(text, part);
        if !found.is_empty() {
            return None;
        }
        all.extend(node.map(|node| node.to_json()));
    }
    Some(all)
}

/// Reads a part of a text; every place is that in the whole.
fn parsed(text: &str, part: Range<usize>) -> (Option<Node>, Vec<Diagnostic>) {
    let start = part.start;
    let (mut node, mut found) = yaml::parse_of(&text[part], Size::Manifests);
    if start > 0 {
        node.iter_mut().for_each(|node| shift(node, start));
        for diagnostic in &mut found {
            let spans = diagnostic.span.iter_mut().chain(diagnostic.second.iter_mut().map(|(span, _)| span));
            spans.for_each(|span| *span = moved(*span, start));
        }
    }
    (node, found)
}

fn moved(span: Span, by: usize) -> Span {
    Span { start: span.start + by, end: span.end + by }
}

fn shift(node: &mut Node, by: usize) {
    node.span = moved(node.span, by);
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Value::Map(entries) => {
            for entry in entries {
                entry.key_span = moved(entry.key_span, by);
                shift(&mut entry.value, by);
            }
        }
        _ => {}
    }
}

/// Where each document is: between lines of `---` and `...`, as YAML has it, and each value of a stream of JSON, as `kubectl` and
/// `jq` write it.
fn parts(text: &str) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let mark = line.strip_prefix("---").is_some_and(|rest| rest.trim().is_empty() || rest.starts_with([' ', '\t']));
        // `%YAML 1.2` belongs to the document that begins behind it.
        if mark && starts.last().is_some_and(|start| !has_directives_only(&text[*start..at])) {
            starts.push(at);
        }
        at += line.len();
        if line.trim_end() == "..." {
            starts.push(at);
        }
    }
    let ends: Vec<_> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    let all = starts.into_iter().zip(ends).filter(|(start, end)| start < end);
    all.flat_map(|(start, end)| stream(text, start..end)).collect()
}

/// Whether there is a directive, and beside it only comments.
fn has_directives_only(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).peekable();
    lines.peek().is_some() && lines.all(|line| line.starts_with('%'))
}

/// The values of a stream of JSON, or the part as it is.
fn stream(text: &str, part: Range<usize>) -> Vec<Range<usize>> {
    let json = &text[part.clone()];
    if !json.trim_start().starts_with('{') {
        return vec![part];
    }
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<serde::de::IgnoredAny>();
    let (mut found, mut start) = (Vec::new(), part.start);
    while let Some(Ok(_)) = values.next() {
        let end = part.start + values.byte_offset();
        found.push(start..end);
        start = end;
    }
    // What is no JSON to its end is YAML, or an error of which YAML's reader knows the place.
    if found.len() > 1 && text[start..part.end].trim().is_empty() { found } else { vec![part] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("in")).expect("a folder");
        std::fs::write(folder.path().join("out.yml"), "a: 1\n").expect("written");
        folder
    }

    #[test]
    fn places_are_those_of_the_file() {
        let folder = folder();
        let text = "# ä\na: 1\n---\n# only a comment\n--- # mark\nb:\n  c: |\n    ---x\n    text\n---\nd: two\n";
        std::fs::write(folder.path().join("in/f.yml"), text).expect("written");
        let beside = read(&folder.path().join("in/s.yaml"), "f.yml").expect("three documents");
        let json: Vec<_> = beside.documents().iter().map(Node::to_json).collect();
        assert_eq!(
            json,
            [
                serde_json::json!({"a": 1}),
                serde_json::json!({"b": {"c": "---x\ntext\n"}}),
                serde_json::json!({"d": "two"})
            ]
        );
        let at = |pointer: &str, key| beside.span(pointer, key);
        assert_eq!(&text[at("/2/d", false).start..at("/2/d", false).end], "two");
        assert_eq!(&text[at("/1/b/c", true).start..at("/1/b/c", true).end], "c");
    }

    /// What a file has, and the text at each document's value of `a`.
    fn read_as(text: &[u8]) -> Result<(Vec<serde_json::Value>, Vec<String>), Vec<String>> {
        match documents("f.yml".into(), text) {
            Ok(beside) => {
                let values: Vec<_> = beside.documents().iter().map(Node::to_json).collect();
                let spans = (0..values.len()).map(|index| beside.span(&format!("/{index}/a"), false));
                let texts = spans.map(|span| beside.source.text[span.start..span.end].to_owned()).collect();
                Ok((values, texts))
            }
            Err(Unread::Text(found)) => Err(found.into_iter().map(|found| found.message).collect()),
            Err(Unread::Name(message, _)) => Err(vec![message]),
        }
    }

    #[rstest::rstest]
    #[case::json_in_a_row(b"{\"a\": 1}{\"a\": 2}\n{\"a\": 3}", 3)]
    #[case::lines_of_json(b"{\"a\": \"x}{\"}\r\n{\"a\": \"}\"}\r\n", 2)]
    #[case::json_and_marks(b"---\n{\"a\": 1}\n---\n{\"a\": 2}\n", 2)]
    #[case::json_behind_comments(b"# x\n---\n{\"a\": 1}\n", 1)]
    #[case::flow(b"{a: '}{'}\n---\n{a: 2}", 2)]
    #[case::ends(b"a: 1\n...\n---\na: 2\n...\n# end\n", 2)]
    #[case::ends_alone(b"a: 1\n...\na: 2\n", 2)]
    #[case::directive(b"%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n# x\n---\na: 2\n", 2)]
    #[case::mark_and_blank(b"--- \na: 1\n---\t# x\na: 2\n---\n---\n# only\n---\n", 2)]
    #[case::byte_order_mark(b"\xEF\xBB\xBF---\r\na: 1\r\n---\r\na: 2\r\n", 2)]
    #[case::mark_in_a_text(b"a: |\n  ---\n  ...\nb: \"x\n  --- y\"\n", 1)]
    #[case::crlf_in_a_text(b"a: |\r\n  x\r\n  y\r\n", 1)]
    fn documents_are_found_as_kubectl_finds_them(#[case] text: &[u8], #[case] many: usize) {
        let (values, texts) = read_as(text).expect("documents");
        assert_eq!(values.len(), many, "{values:?}");
        for (value, text) in values.iter().zip(texts) {
            let shown = value["a"].as_str().map_or_else(|| value["a"].to_string(), str::to_owned);
            let shown = shown.lines().next().unwrap_or_default().to_owned();
            assert!(text.contains(&shown) || text.starts_with('|'), "{text} is not {shown}");
        }
    }

    #[rstest::rstest]
    #[case::twice("{\"a\": 1, \"a\": 2}")]
    #[case::no_mark("a: 1\n---b\nc: 2\n")]
    #[case::line_of_yaml_1_1("a: 1 # x\u{85}b: 2\n")]
    #[case::separator("a: 1 # x\u{2028}b: 2\n")]
    #[case::no_yaml("a: [1\n")]
    fn what_kubectl_may_read_otherwise_is_no_text_of_values(#[case] text: &str) {
        assert_eq!(values(text), None);
    }

    #[test]
    fn values_are_those_of_every_document_with_merged_keys() {
        let found = values("{\"a\": 1}{\"a\": 2}\n---\nb: &x {c: 1}\nd: {<<: *x}\n").expect("values");
        let expected = [
            serde_json::json!({"a": 1}),
            serde_json::json!({"a": 2}),
            serde_json::json!({"b": {"c": 1}, "d": {"c": 1}}),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_slip_behind_the_first_document_is_told_with_its_place() {
        let Err(Unread::Text(found)) = documents("f.yml".into(), b"a: 1\n---\nb: [1\nc: 2\n") else {
            panic!("it is no YAML")
        };
        assert!(found[0].span.is_some_and(|span| span.start >= 9), "{found:?}");
        assert!(read_as(b"{\"a\": 1}{\"a\": 2").is_err());
        assert!(read_as(b"a: 1\na: 2\n").is_err_and(|found| found[0].contains("said twice")));
    }

    #[test]
    fn a_long_list_is_read_and_one_without_end_is_not() {
        let list = format!("items:\n{}", "- {a: {b: [c, d, e]}}\n".repeat(9_000));
        assert!(read_as(list.as_bytes()).is_ok());
        let deep = "[".repeat(200_000);
        assert!(read_as(deep.as_bytes()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn nothing_leads_out() {
        let folder = folder();
        let inside = folder.path().join("in");
        std::os::unix::fs::symlink("../out.yml", inside.join("link.yml")).expect("a link");
        std::os::unix::fs::symlink("..", inside.join("up")).expect("a link");
        std::fs::write(inside.join("good.yml"), "a: 1\n").expect("written");
        std::os::unix::fs::symlink("good.yml", inside.join("alias.yml")).expect("a link");
        let absolute = folder.path().join("in/good.yml");
        let names =
            ["../out.yml", "link.yml", "up/out.yml", absolute.to_str().expect("UTF-8"), "~/x", "", "none.yml", "up"];
        for name in names {
            assert!(matches!(read(&inside.join("s.yaml"), name), Err(Unread::Name(..))), "{name} is taken");
        }
        for name in ["good.yml", "./good.yml", "alias.yml", "./../in/good.yml"] {
            assert!(read(&inside.join("s.yaml"), name).is_ok(), "{name} is not taken");
        }
    }
}
