//! A kustomization: the files that it is made of, found as kustomize would find them, and the words for `kubectl kustomize`.
//!
//! kustomize fetches what looks like an address, follows bases out of the project, and can start programs. So every kustomization on
//! the way is read here first. What leads out, what is fetched and what is started is refused with its place, and the tool gets a
//! folder that has nothing but the files found here.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

pub(super) use self::origin::part;
pub use self::{names::NAMES, origin::parts};
use self::{
    names::{FIELDS, INNER, KEY, join, shown_of},
    origin::with_origins,
};

use super::{
    render::{Rendering, Tool},
    shared::{Failed, Gathered, is_missing, named, text_of},
};
use crate::scenario::{
    Diagnostic, Severity,
    beside::{self, Beside, MAX_BYTES},
    open::{Root, Unopened},
};

/// What names files or folders of manifests.
const FOLDERS_TOO: [&str; 3] = ["resources", "bases", "components"];

/// What names files only.
const FILES: [&str; 3] = ["crds", "configurations", "patchesStrategicMerge"];

/// What names files by `path` in its elements.
const BY_PATH: [&str; 3] = ["patches", "patchesJson6902", "replacements"];

/// What makes objects of files.
const GENERATORS: [&str; 2] = ["configMapGenerator", "secretGenerator"];

/// What starts something or fetches something, and what to do instead.
const REFUSED: [(&str, &str); 6] = [
    ("helmCharts", "it would start helm and fetch charts; name the chart by `helm:` in a step of its own"),
    (
        "helmChartInflationGenerator",
        "it would start helm and fetch charts; name the chart by `helm:` in a step of its own",
    ),
    ("helmGlobals", "it would start helm and fetch charts; name the chart by `helm:` in a step of its own"),
    ("generators", "plugins and functions are not run; apply what they make from a file"),
    ("transformers", "plugins and functions are not run; use the fields of the kustomization, e.g. `patches`"),
    ("validators", "plugins and functions are not run"),
];

/// How many kustomizations may stand behind each other.
const DEPTH: usize = 32;

/// Finds all that a kustomization is made of.
///
/// # Errors
/// What of it is not there, leads out of the project, would be fetched, or would be started, with its place.
pub fn gather(root: &Root, folder: &Path, name: &str) -> Result<(Rendering, PathBuf), Failed> {
    let found = beside::named(root, folder, name).map_err(|why| named(KEY, why))?;
    let start = text_of(&found.inside).ok_or_else(|| no_text(name))?;
    if !root.is_folder(&found.inside) {
        let parent = Path::new(name).parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.map_or_else(|| ".".to_owned(), |parent| parent.to_string_lossy().into_owned());
        let hint = format!("name the folder of the kustomization: `kustomize: {folder}`");
        return Err(Failed::Named(KEY, format!("`{name}` is no folder"), hint));
    }
    let mut walk = Walk { all: Gathered::new(root, KEY), seen: HashSet::new() };
    walk.kustomization(&start, &found.shown, 0)?;
    let mut files = walk.all.files;
    with_origins(&start, &mut files);
    let place = if start.is_empty() { ".".to_owned() } else { start };
    let shown = format!("kubectl kustomize {}", word(&found.shown.to_string_lossy()));
    let args = vec!["kustomize".to_owned(), place];
    Ok((Rendering { tool: Tool::Kustomize, args, files, shown }, found.shown))
}

/// A word for a shell.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn no_text(name: &str) -> Failed {
    Failed::Named(KEY, format!("`{name}` is in a folder whose name is not UTF-8"), "rename it".into())
}

/// The way through a kustomization and its bases.
struct Walk<'a> {
    all: Gathered<'a>,
    /// The folders that were read.
    seen: HashSet<String>,
}

/// A kustomization that is being read: its folder below the root, and its text.
struct Here<'t> {
    folder: &'t str,
    shown: &'t Path,
    text: &'t Beside,
}

impl Here<'_> {
    fn wrong(&self, pointer: &str, key: bool, message: String, hint: &str) -> Failed {
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            message,
            file: Some(self.text.source.clone()),
            span: Some(self.text.span(pointer, key)),
            label: None,
            second: None,
            hint: Some(hint.to_owned()).filter(|hint| !hint.is_empty()),
            fix: Vec::new(),
            environment: false,
        };
        Failed::Text(KEY, vec![diagnostic])
    }
}

impl Walk<'_> {
    /// Reads the kustomization of a folder, by its real place below the root.
    fn kustomization(&mut self, folder: &str, shown: &Path, depth: usize) -> Result<(), Failed> {
        if !self.seen.insert(folder.to_owned()) {
            return Ok(());
        }
        let mut there = Vec::new();
        for name in NAMES {
            match self.all.root.at(&join(folder, name)) {
                Ok(real) => there.push((name, real)),
                Err(why) if is_missing(&why) => {}
                Err(why) => return Err(named(KEY, beside::unread(&shown.join(name).to_string_lossy(), &why))),
            }
        }
        let place = shown.to_string_lossy();
        let (name, real) = match there.as_slice() {
            [one] => one.clone(),
            [] => {
                let hint = "name a folder with a `kustomization.yaml`; for plain manifests, write `dir`";
                return Err(Failed::Named(KEY, format!("there is no kustomization in `{place}`"), hint.into()));
            }
            [(one, _), (other, _), ..] => {
                let message = format!("`{place}` has two kustomizations: {one} and {other}");
                return Err(Failed::Named(KEY, message, "leave one".into()));
            }
        };
        let path = join(folder, name);
        self.all.add(&path, &real)?;
        let bytes = self.all.files.get(&path).map(Vec::as_slice).unwrap_or_default();
        let text = beside::documents(shown.join(name), bytes).map_err(|why| named(KEY, why))?;
        // Read here as kustomize reads it, or not at all.
        let values = beside::values(&text.source.text);
        let here = Here { folder, shown, text: &text };
        let Some([Value::Object(said)]) = values.as_deref() else {
            return Err(here.wrong("", false, "a kustomization that is not one mapping of YAML".into(), "write one"));
        };
        self.fields(&here, said, depth)
    }

    fn fields(&mut self, here: &Here<'_>, said: &Map<String, Value>, depth: usize) -> Result<(), Failed> {
        for (key, value) in said {
            let at = format!("/0/{key}");
            if let Some((_, hint)) = REFUSED.iter().find(|(word, _)| word.eq_ignore_ascii_case(key)) {
                if value.as_array().is_some_and(Vec::is_empty) {
                    continue;
                }
                return Err(here.wrong(&at, true, format!("`{key}` in a kustomization"), hint));
            }
            let known = FOLDERS_TOO.iter().chain(&FILES).chain(&BY_PATH).chain(&GENERATORS).chain(&FIELDS);
            exactly(here, &at, key, known)?;
            let elements = || value.as_array().into_iter().flatten().enumerate();
            match key.as_str() {
                key if FOLDERS_TOO.contains(&key) => {
                    for (index, name) in elements() {
                        let at = format!("{at}/{index}");
                        let Some(name) = name.as_str() else { continue };
                        self.resource(here, &at, name, depth)?;
                    }
                }
                key if FILES.contains(&key) => {
                    for (index, name) in elements() {
                        // A patch may stand there itself.
                        let Some(name) = name.as_str().filter(|name| !name.contains('\n')) else { continue };
                        if key != "patchesStrategicMerge" || !name.trim_start().starts_with('{') {
                            self.file(here, &format!("{at}/{index}"), name)?;
                        }
                    }
                }
                key if BY_PATH.contains(&key) => {
                    for (index, element) in elements() {
                        let at = format!("{at}/{index}");
                        inner(here, &at, element)?;
                        if let Some(name) = element.get("path").and_then(Value::as_str) {
                            self.file(here, &format!("{at}/path"), name)?;
                        }
                    }
                }
                key if GENERATORS.contains(&key) => {
                    for (index, element) in elements() {
                        self.generator(here, &format!("{at}/{index}"), element)?;
                    }
                }
                "openapi" => {
                    if let Some(name) = value.get("path").and_then(Value::as_str) {
                        self.file(here, &format!("{at}/path"), name)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn generator(&mut self, here: &Here<'_>, at: &str, element: &Value) -> Result<(), Failed> {
        inner(here, at, element)?;
        for key in ["files", "envs"] {
            for (index, name) in element.get(key).and_then(Value::as_array).into_iter().flatten().enumerate() {
                let Some(name) = name.as_str() else { continue };
                let name = if key == "files" { name.split_once('=').map_or(name, |(_, name)| name) } else { name };
                self.file(here, &format!("{at}/{key}/{index}"), name)?;
            }
        }
        if let Some(name) = element.get("env").and_then(Value::as_str) {
            self.file(here, &format!("{at}/env"), name)?;
        }
        Ok(())
    }

    /// A file of manifests, or a folder with a kustomization.
    fn resource(&mut self, here: &Here<'_>, at: &str, name: &str, depth: usize) -> Result<(), Failed> {
        let (path, real) = self.find(here, at, name)?;
        if !self.all.root.is_folder(&real) {
            return self.all.add(&path, &real);
        }
        if depth >= DEPTH {
            return Err(here.wrong(at, false, format!("more than {DEPTH} kustomizations behind each other"), ""));
        }
        // By its real place, where kustomize begins, too; and there for the tool by the name that it is reached by.
        let Some(folder) = text_of(&real) else { return Err(no_text(name)) };
        if folder != path {
            let hint = "name the folder that the link leads to";
            return Err(here.wrong(at, false, format!("`{name}` is a link to a folder"), hint));
        }
        self.kustomization(&folder, &shown_of(here.shown, name), depth + 1)
    }

    fn file(&mut self, here: &Here<'_>, at: &str, name: &str) -> Result<(), Failed> {
        let (path, real) = self.find(here, at, name)?;
        self.all.add(&path, &real)
    }

    /// Where something is that a kustomization names: by its name, and really, both below the root.
    fn find(&self, here: &Here<'_>, at: &str, name: &str) -> Result<(String, PathBuf), Failed> {
        if is_remote(name) {
            let hint = "nothing is fetched: copy it into the project, e.g. by `kustomize localize`, and name the copy";
            return Err(here.wrong(at, false, format!("`{name}` is not in the project but elsewhere"), hint));
        }
        let out = || {
            let hint = "a kustomization may be made of what is in the project of the scenario";
            here.wrong(at, false, format!("`{name}` leads out of the project"), hint)
        };
        if name.starts_with('/') {
            return Err(out());
        }
        let path = folded(here.folder, name).ok_or_else(out)?;
        match self.all.root.at(&path) {
            Ok(real) => Ok((path, real)),
            Err(Unopened::LeadsOut) => Err(out()),
            Err(why @ Unopened::Hidden) => Err(here.wrong(at, false, format!("`{name}`: {why}"), beside::UNHIDDEN)),
            Err(why) if is_missing(&why) => {
                Err(here.wrong(at, false, format!("there is no `{name}` beside this kustomization"), ""))
            }
            Err(why) => Err(named(KEY, beside::unread(name, &why))),
        }
    }
}

/// A key is a field as it is written here. kustomize takes it in any case of letters, so a look at it could miss what kustomize reads.
fn exactly<'w>(here: &Here<'_>, at: &str, key: &str, known: impl Iterator<Item = &'w &'w str>) -> Result<(), Failed> {
    let mut meant = None;
    for word in known {
        if *word == key {
            return Ok(());
        }
        meant = meant.or_else(|| word.eq_ignore_ascii_case(key).then_some(*word));
    }
    let message = match meant {
        Some(meant) => format!("`{key}` is written `{meant}`"),
        None => format!("a kustomization has no field `{key}`"),
    };
    Err(here.wrong(at, true, message, ""))
}

/// The same of the fields of an element that may name a file.
fn inner(here: &Here<'_>, at: &str, element: &Value) -> Result<(), Failed> {
    let keys = element.as_object().into_iter().flat_map(Map::keys);
    keys.into_iter().try_for_each(|key| exactly(here, &format!("{at}/{key}"), key, INNER.iter()))
}

/// Whether kustomize could take a name for something to fetch. Its own rule is wider than an address, and changes.
fn is_remote(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let first = lower.split('/').next().unwrap_or_default();
    lower.contains("://")
        || lower.contains("?ref=")
        || lower.contains("?version=")
        || lower.contains("//")
        || lower.starts_with("git::")
        || lower.starts_with("gh:")
        || lower.contains('@')
        || lower.contains(".git")
        || first.contains(':')
        || ["github.com", "gitlab.com", "bitbucket.org", "dev.azure.com"].contains(&first)
}

/// A name behind a folder, without `.` and `..`; `None` when it leads above the root.
fn folded(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The most that a tool may write.
pub const MOST: usize = MAX_BYTES;

mod names;
mod origin;
#[cfg(test)]
mod tests;
