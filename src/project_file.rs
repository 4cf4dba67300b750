//! `kubewalk.toml`, the project's own settings: what a command line left unsaid, after the environment.
//!
//! A person who can change the project can change this file, also by a pull request. So nothing in it widens what a run may
//! do: it chooses no cluster that exists, writes and reads nothing outside of the project, and says of trust only that there
//! is none.

use std::path::{Component, Path, PathBuf};

use toml_edit::{Document, Item, TableLike, Value};

use crate::scenario::{Diagnostic, Severity, Source, Span};

/// The file's name.
pub const NAME: &str = "kubewalk.toml";

/// The most that it may hold, in bytes.
pub const MOST: u64 = 64 << 10;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Paths in the project.
    Paths,
    /// A path in the project.
    Path,
    /// Texts.
    Texts,
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// `true`.
    True,
    /// Reports, with paths in the project.
    Reports,
    /// Secrets, from the environment or from files in the project.
    Secrets,
}

/// A key, and the argument of the command line that it stands for.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As it is written.
    pub word: &'static str,
    /// The argument's id.
    pub argument: &'static str,
    takes: Takes,
}

const fn key(word: &'static str, argument: &'static str, takes: Takes) -> Key {
    Key { word, argument, takes }
}

/// All keys, in the order in which they are shown.
pub const KEYS: [Key; 15] = [
    key("paths", "paths", Takes::Paths),
    key("claims", "claims", Takes::Path),
    key("cluster", "cluster", Takes::Text),
    key("kubernetes", "kubernetes", Takes::Text),
    key("untrusted", "untrusted", Takes::True),
    key("jobs", "jobs", Takes::Number),
    key("tags", "tag", Takes::Texts),
    key("expr", "expression", Takes::Text),
    key("reports", "report", Takes::Reports),
    key("secrets", "secret", Takes::Secrets),
    key("budget", "budget", Takes::Text),
    key("cleanup-budget", "cleanup_budget", Takes::Text),
    key("retry-environment", "retry_environment", Takes::Number),
    key("fail-on-flaky", "fail_on_flaky", Takes::Switch),
    key("fail-fast", "fail_fast", Takes::Switch),
];

/// Options that are said on the command line or in the environment only.
const NOT_HERE: [&str; 8] =
    ["context", "namespace", "yes-this-cluster", "curl-image", "kubeconfig", "keep", "cache", "state"];

/// The table of profiles.
const PROFILE: &str = "profile";

/// A value that the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The argument that it is for.
    pub argument: &'static str,
    /// As the command line would say it; several for a list.
    pub values: Vec<String>,
    /// The line, 1 for the first.
    pub line: usize,
    /// Where each value stands.
    pub spans: Vec<Span>,
    /// The profile in which it stands, if it is one.
    pub profile: Option<String>,
}

/// What the file says for a profile.
#[derive(Debug, Clone)]
pub struct ProjectFile {
    /// Its name and text.
    pub source: Source,
    /// The values, those of the profile in the place of the others.
    pub settings: Vec<Setting>,
}

/// Reads the file of a project.
///
/// # Errors
/// All that is wrong with it.
pub fn read(root: &Path, source: Source, profile: Option<&str>) -> Result<ProjectFile, (Source, Vec<Diagnostic>)> {
    let text = source.text.to_string();
    let document = match Document::parse(text.as_str()) {
        Ok(document) => document,
        Err(e) => {
            let span = e.span().map(|range| Span { start: range.start, end: range.end.max(range.start + 1) });
            let message = e.message().lines().next().unwrap_or("this is not TOML").to_owned();
            return Err((source, vec![found(&message, span, None, None)]));
        }
    };
    let mut reader = Reader { root, source: &source, wrong: vec![] };
    let mut settings = reader.table(document.as_table(), None);
    let mut profiles = vec![];
    if let Some(item) = document.get(PROFILE) {
        match item.as_table_like() {
            Some(all) => {
                for (name, item) in all.iter() {
                    profiles.push(name.to_owned());
                    let span = span(item.span());
                    match item.as_table_like() {
                        Some(table) => {
                            let of_profile = reader.table(table, Some(name));
                            if profile == Some(name) {
                                settings.retain(|old| of_profile.iter().all(|new| new.argument != old.argument));
                                settings.extend(of_profile);
                            }
                        }
                        None => reader.say("a profile is a table", span, None, Some("e.g. `[profile.ci]`")),
                    }
                }
            }
            None => reader.say("profiles are tables", span(item.span()), None, Some("e.g. `[profile.ci]`")),
        }
    }
    if let Some(name) = profile.filter(|name| !profiles.iter().any(|known| known == name)) {
        let hint = match profiles.is_empty() {
            true => format!("write it: `[profile.{name}]`"),
            false => format!("there are: {}", profiles.join(", ")),
        };
        reader.say(&format!("there is no profile `{name}` in it"), None, None, Some(&hint));
    }
    let wrong = std::mem::take(&mut reader.wrong);
    match wrong.is_empty() {
        true => Ok(ProjectFile { source, settings }),
        false => Err((source, wrong)),
    }
}

struct Reader<'a> {
    root: &'a Path,
    source: &'a Source,
    wrong: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn say(&mut self, message: &str, span: Option<Span>, label: Option<&str>, hint: Option<&str>) {
        self.wrong.push(found(message, span, label, hint));
    }

    /// The settings of the file's top or of a profile.
    fn table(&mut self, table: &dyn TableLike, profile: Option<&str>) -> Vec<Setting> {
        let mut settings = vec![];
        for (word, item) in table.iter() {
            if word == PROFILE && profile.is_none() {
                continue;
            }
            let at = table.key(word).and_then(|key| span(key.span())).or(span(item.span()));
            let Some(key) = KEYS.iter().find(|key| key.word == word) else {
                self.unknown(word, at);
                continue;
            };
            let Some((values, spans)) = self.values(*key, item) else { continue };
            let line = at.map_or(1, |at| 1 + self.source.text[..at.start].matches('\n').count());
            settings.push(Setting { argument: key.argument, values, line, spans, profile: profile.map(str::to_owned) });
        }
        settings
    }

    fn unknown(&mut self, word: &str, at: Option<Span>) {
        if NOT_HERE.contains(&word) {
            let hint = "whoever can change the project can change this file; say it on the command line, or in the environment";
            return self.say(&format!("`{word}` cannot be said here"), at, None, Some(hint));
        }
        let near = KEYS.iter().max_by(|a, b| strsim::jaro(a.word, word).total_cmp(&strsim::jaro(b.word, word)));
        let hint = match near.filter(|near| strsim::jaro(near.word, word) > 0.75) {
            Some(near) => format!("did you mean `{}`?", near.word),
            None => format!("the keys are {}, and `[profile.NAME]`", KEYS.map(|key| key.word).join(", ")),
        };
        self.say(&format!("unknown key `{word}`"), at, None, Some(&hint));
    }

    /// The values of a key, with their places; `None` when something is wrong, which has been said.
    fn values(&mut self, key: Key, item: &Item) -> Option<(Vec<String>, Vec<Span>)> {
        let whole = span(item.span());
        let list = matches!(key.takes, Takes::Paths | Takes::Texts | Takes::Reports | Takes::Secrets);
        let items: Vec<&Value> = match item.as_value() {
            Some(Value::Array(array)) if list => array.iter().collect(),
            Some(value) => vec![value],
            None => vec![],
        };
        let (mut values, mut spans) = (vec![], vec![]);
        let before = self.wrong.len();
        if item.as_value().is_none() {
            self.say(&format!("`{}` takes {}", key.word, wants(key.takes)), whole, None, None);
        }
        for value in items {
            let at = span(value.span()).or(whole);
            let text = match (key.takes, value) {
                (Takes::Number, Value::Integer(number)) if *number.value() >= 0 => number.value().to_string(),
                (Takes::Switch, Value::Boolean(switch)) => switch.value().to_string(),
                (Takes::True, Value::Boolean(switch)) if *switch.value() => "true".to_owned(),
                (Takes::True, Value::Boolean(_)) => {
                    let hint = "leave it out: scenarios are trusted unless the command line, the environment or this file says that they are not";
                    self.say(&format!("`{}` is `true` or left out", key.word), at, None, Some(hint));
                    continue;
                }
                (Takes::Number | Takes::Switch | Takes::True, _) => {
                    self.say(&format!("`{}` takes {}", key.word, wants(key.takes)), at, None, None);
                    continue;
                }
                (_, Value::String(text)) => text.value().clone(),
                _ => {
                    self.say(&format!("`{}` takes {}", key.word, wants(key.takes)), at, None, None);
                    continue;
                }
            };
            if let Err((message, hint)) = self.allowed(key, &text) {
                self.say(&message, at, None, Some(hint));
                continue;
            }
            let path = matches!(key.takes, Takes::Path | Takes::Paths);
            values.push(if path { self.shown(&text) } else { self.placed(key, &text) });
            spans.push(at.unwrap_or_default());
        }
        (self.wrong.len() == before).then_some((values, spans))
    }

    /// Whether a value widens nothing.
    fn allowed(&self, key: Key, text: &str) -> Result<(), (String, &'static str)> {
        const INSIDE: &str =
            "name a place in the project, from its folder, without `..` and without folders that begin with a dot";
        let inside = |path: &str| {
            let plain = Path::new(path).components().all(|part| match part {
                Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
                Component::CurDir => true,
                _ => false,
            });
            match plain && !path.is_empty() && self.stays(Path::new(path)) {
                true => Ok(()),
                false => Err((format!("`{path}` is no place in the project"), INSIDE)),
            }
        };
        // The command line parts such a text at its commas, and what stands behind one would be looked at by nobody.
        if matches!(key.takes, Takes::Reports | Takes::Secrets | Takes::Texts) && text.contains(',') {
            let message = format!("`{text}` has a comma, which parts one value from the next");
            return Err((message, "write each as a text of its own: `[\"…\", \"…\"]`"));
        }
        match key.takes {
            Takes::Path | Takes::Paths => inside(text),
            Takes::Reports => text.split_once('=').map_or(Ok(()), |(_, path)| inside(path)),
            Takes::Secrets => match text.split_once('=').map_or("", |(_, from)| from) {
                from if from.starts_with("env:") => Ok(()),
                from if from.starts_with('@') => inside(&from[1..]),
                _ => Err((
                    "a secret is `NAME=env:VARIABLE` or `NAME=@FILE`".into(),
                    "its value stands in no file of the project",
                )),
            },
            Takes::Text if key.word == "cluster" && text == "kubeconfig" => Err((
                "a cluster that exists cannot be chosen here".into(),
                "say `--cluster kubeconfig --context NAME` on the command line, where whoever changes the project cannot",
            )),
            _ => Ok(()),
        }
    }

    /// Whether what is there of a path is in the project, also by its links.
    fn stays(&self, path: &Path) -> bool {
        let whole = self.root.join(path);
        let there = whole.ancestors().find(|part| part.symlink_metadata().is_ok());
        there.is_some_and(|there| there.canonicalize().is_ok_and(|real| real.starts_with(self.root)))
    }

    /// A path of the project as seen from the working directory.
    fn shown(&self, path: &str) -> String {
        let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
        let clean: PathBuf = Path::new(path).components().filter(|part| *part != Component::CurDir).collect();
        let up = here.strip_prefix(self.root).map_or(0, |below| below.components().count());
        let shown: PathBuf = match here.starts_with(self.root) {
            true => std::iter::repeat_n("..", up).collect::<PathBuf>().join(&clean),
            false => self.root.join(&clean),
        };
        let shown = shown.to_string_lossy().into_owned();
        if shown.is_empty() { ".".into() } else { shown }
    }

    /// A value with the path in it as seen from the working directory.
    fn placed(&self, key: Key, text: &str) -> String {
        match (key.takes, text.split_once('=')) {
            (Takes::Reports, Some((kind, path))) => format!("{kind}={}", self.shown(path)),
            (Takes::Secrets, Some((name, from))) if from.starts_with('@') => {
                format!("{name}=@{}", self.shown(&from[1..]))
            }
            _ => text.to_owned(),
        }
    }
}

fn wants(takes: Takes) -> &'static str {
    match takes {
        Takes::Paths => "a list of paths",
        Takes::Path => "a path",
        Takes::Texts => "a list of texts",
        Takes::Text => "a text",
        Takes::Number => "a whole number",
        Takes::Switch => "`true` or `false`",
        Takes::True => "`true`",
        Takes::Reports => "a list of reports, e.g. `[\"junit=out/junit.xml\"]`",
        Takes::Secrets => "a list of secrets, e.g. `[\"token=env:TOKEN\"]`",
    }
}

fn span(range: Option<std::ops::Range<usize>>) -> Option<Span> {
    range.map(|range| Span { start: range.start, end: range.end })
}

/// Something that is wrong with the file.
pub fn found(message: &str, span: Option<Span>, label: Option<&str>, hint: Option<&str>) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        message: message.to_owned(),
        file: None,
        span,
        label: label.map(str::to_owned),
        second: None,
        hint: hint.map(str::to_owned),
        fix: vec![],
        environment: false,
    }
}

#[cfg(test)]
mod tests;
