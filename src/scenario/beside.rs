//! Manifests in a file beside the scenario: found in its folder only, read as kubectl would, with their own places.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use super::{
    Diagnostic, Source, decode,
    open::{self, Unopened},
    read::{MAX_BYTES, find},
    tree::{Node, Value},
    words, yaml,
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
    /// The name is not one of a file in the scenario's folder: a message and what to do.
    Name(String, &'static str),
    /// What it says is not YAML.
    Text(Vec<Diagnostic>),
}

impl Beside {
    /// The place of a value, or of its key, by a pointer that begins with the document's index.
    pub fn span(&self, pointer: &str, key: bool) -> super::Span {
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

const ROOTED: &str = "a scenario's files are in its own folder or below it; name it from there";

/// Reads the documents of a file that a scenario names.
///
/// # Errors
/// That it is outside of the scenario's folder (also by a symbolic link), cannot be read, or is not YAML.
pub fn read(scenario: &Path, name: &str) -> Result<Beside, Unread> {
    let wrong = |message: String, hint| Err(Unread::Name(message, hint));
    let relative = Path::new(name);
    if name.trim().is_empty() {
        return wrong("a file without a name".into(), "e.g. `file: role.yaml`");
    }
    if relative.is_absolute() || name.starts_with(['\\', '~']) {
        return wrong(format!("`{name}` is not below the scenario's folder"), ROOTED);
    }
    if relative.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return wrong(format!("`{name}` leads out of the scenario's folder"), ROOTED);
    }
    let folder = scenario.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let path = folder.join(relative);
    let reason = |e: &std::io::Error| e.to_string().split(" (os error").next().unwrap_or_default().to_lowercase();
    let (inside, real) = match (fs::canonicalize(folder), fs::canonicalize(&path)) {
        (Ok(inside), Ok(real)) => (inside, real),
        (_, Err(e)) | (Err(e), _) => {
            return wrong(
                format!("`{name}` cannot be read: {}", reason(&e)),
                "the name is that of a file beside the scenario",
            );
        }
    };
    if !real.starts_with(&inside) {
        return wrong(format!("`{name}` is a link that leads out of the scenario's folder"), ROOTED);
    }
    match open::read_real(&real, MAX_BYTES as u64) {
        Ok(bytes) => documents(path, &bytes),
        Err(Unopened::Folder | Unopened::Irregular) => {
            wrong(format!("`{name}` is no regular file"), "name a file with manifests")
        }
        Err(Unopened::TooBig(_)) => wrong(format!("`{name}` is too big: more than 1024 KiB"), "split it"),
        Err(Unopened::LeadsOut) => wrong(format!("`{name}` is a link that leads out of the scenario's folder"), ROOTED),
        Err(Unopened::Cannot(e)) => wrong(format!("`{name}` cannot be read: {}", reason(&e)), ""),
    }
}

fn documents(path: PathBuf, bytes: &[u8]) -> Result<Beside, Unread> {
    let named = |mut found: Vec<Diagnostic>, text: &str| {
        let source = Source { path: path.clone(), text: text.into() };
        found.iter_mut().for_each(|diagnostic| diagnostic.file = Some(source.clone()));
        Unread::Text(found)
    };
    let text = decode::decode(bytes).map_err(|(text, found)| named(found, &text))?;
    let (mut nodes, mut found) = (Vec::new(), Vec::new());
    for part in parts(&text) {
        let (node, wrong) = yaml::parse(&part);
        found.extend(wrong);
        if let Some(node) = node {
            words::check_spaces(&node, &mut found);
            words::check_quotes(&node, &mut found);
            words::check_free(&node, &mut found);
            nodes.push(node);
        }
    }
    if found.is_empty() {
        let root = Node { span: super::Span::default(), value: Value::List(nodes), plain: false };
        return Ok(Beside { source: Source { path, text: text.into() }, root });
    }
    Err(named(found, &text))
}

/// The documents in a text, as JSON; those that are not YAML are left out.
pub fn values(text: &str) -> Vec<serde_json::Value> {
    parts(text).iter().filter_map(|part| yaml::parse(part).0).map(|node| node.to_json()).collect()
}

/// Each document, with blanks in the place of all others, so that every place is that in the file.
fn parts(text: &str) -> Vec<String> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let mark = line.strip_prefix("---").is_some_and(|rest| rest.trim().is_empty() || rest.starts_with([' ', '\t']));
        if mark && at > 0 {
            starts.push(at);
        }
        at += line.len();
    }
    let ends: Vec<_> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    let blank = |text: &str| -> String { text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect() };
    starts.iter().zip(ends).map(|(start, end)| blank(&text[..*start]) + &text[*start..end]).collect()
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
        let names = [
            "../out.yml",
            "link.yml",
            "up/out.yml",
            "./../in/good.yml",
            absolute.to_str().expect("UTF-8"),
            "~/x",
            "",
            "none.yml",
            "up",
        ];
        for name in names {
            assert!(matches!(read(&inside.join("s.yaml"), name), Err(Unread::Name(..))), "{name} is taken");
        }
        for name in ["good.yml", "./good.yml", "alias.yml"] {
            assert!(read(&inside.join("s.yaml"), name).is_ok(), "{name} is not taken");
        }
    }
}
