//! The manifests of a project as its people ship them: a file, a folder, a kustomization, a chart; unchanged, from where they are.
//!
//! What is read here are files inside the project's root ([`crate::scenario::open::Root`]). A kustomization and a chart are gathered
//! into a [`Rendering`]: all files that they are made of, and the words for the tool. Nothing here starts a program: who may is
//! installed as a [`Render`].

pub mod chart;
pub mod directory;
pub mod kustomize;
pub mod render;
pub mod select;
pub mod written;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::render::{Render, Rendering, Tool, Trouble};
use crate::scenario::{
    beside::{self, Beside, Unread},
    open::{Root, Unopened},
};

/// Where manifests are, as a step names them from the scenario's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(String),
    /// All files of manifests in a folder, those below it not.
    Dir(String),
    /// A folder with a kustomization.
    Kustomize(String),
    /// A chart.
    Helm(Chart),
}

/// A chart, and how it is to be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Its folder.
    pub chart: String,
    /// The files with values, of which a later one is stronger.
    pub values: Vec<String>,
    /// The name of the release; left out, the chart's folder's.
    pub release: Option<String>,
    /// The release's namespace; left out, the scenario's.
    pub namespace: Option<String>,
}

/// What was read: documents with their places, and the command that makes them of the project's files.
#[derive(Debug)]
pub struct Loaded {
    /// One for each file, or for each template that rendered something.
    pub parts: Vec<Arc<Beside>>,
    /// The command, when a tool has rendered them.
    pub by: Option<String>,
    /// What was named, from the working directory.
    pub path: PathBuf,
    /// All files that were read.
    pub read: Vec<PathBuf>,
}

/// Why there are no manifests.
#[derive(Debug)]
pub enum Failed {
    /// What is named cannot be used: the key that names it, a message, and what to do.
    Named(&'static str, String, String),
    /// A file of the project is not what it should be.
    Text(&'static str, Vec<crate::scenario::Diagnostic>),
    /// The tool refuses it, in its own words.
    Refused(&'static str, String, String),
    /// Nothing is wrong with it, as far as that is known: it was not rendered. Why, and what renders it.
    NotRendered(&'static str, String, String),
    /// The machine lacks what renders it: what, and what to do.
    Environment(&'static str, String, String),
}

impl Origin {
    /// The key that names it.
    pub fn key(&self) -> &'static str {
        match self {
            Origin::File(_) => "file",
            Origin::Dir(_) => "dir",
            Origin::Kustomize(_) => "kustomize",
            Origin::Helm(_) => "helm",
        }
    }
}

/// The namespace that a chart is rendered for when it goes into the scenario's own, whose name is new in each run. What was rendered
/// is kept by its content, so it gets this one, and the real one afterwards.
const STAND_IN: &str = "kubewalk-own-namespace";

/// Reads what a scenario names; `namespace` is the scenario's own.
///
/// # Errors
/// See [`Failed`].
pub fn load(scenario: &Path, origin: &Origin, namespace: &str) -> Result<Loaded, Failed> {
    let folder = beside::folder(scenario);
    let root = Root::around(folder).map_err(|e| named(origin.key(), beside::unread(".", &e.into())))?;
    let files = |all: &BTreeMap<String, Vec<u8>>| all.keys().map(|name| root.join(name)).collect();
    match origin {
        Origin::File(name) => {
            let found = beside::read(scenario, name).map_err(|why| named("file", why))?;
            let path = found.source.path.clone();
            Ok(Loaded { parts: vec![Arc::new(found)], by: None, read: vec![path.clone()], path })
        }
        Origin::Dir(name) => directory::load(&root, folder, name),
        Origin::Kustomize(name) => {
            let (rendering, path) = kustomize::gather(&root, folder, name)?;
            let text = rendered("kustomize", &rendering)?;
            let parts = kustomize::parts(&text, &path, &rendering)?;
            Ok(Loaded { parts, by: Some(rendering.shown), path, read: files(&rendering.files) })
        }
        Origin::Helm(wanted) => {
            let own = wanted.namespace.as_deref().unwrap_or(STAND_IN);
            let (rendering, path) = chart::gather(&root, folder, wanted, own)?;
            let real = wanted.namespace.as_deref().unwrap_or(namespace);
            let text = rendered("helm", &rendering).map_err(|failed| match failed {
                Failed::Refused(key, words, shown) => {
                    Failed::Refused(key, words.replace(STAND_IN, real), shown.replace(STAND_IN, real))
                }
                failed => failed,
            })?;
            let text = text.replace(STAND_IN, real);
            let parts = chart::parts(&text, &path)?;
            Ok(Loaded { parts, by: Some(rendering.shown.replace(STAND_IN, real)), path, read: files(&rendering.files) })
        }
    }
}

fn rendered(key: &'static str, rendering: &Rendering) -> Result<String, Failed> {
    render::render(rendering).map_err(|trouble| match trouble {
        Trouble::Refused(words) => Failed::Refused(
            key,
            format!("{} refuses it: {}", rendering.tool.word(), said(&words)),
            rendering.shown.clone(),
        ),
        Trouble::NotStarted { why, remedy } => Failed::NotRendered(key, why, remedy),
        Trouble::Environment { why, remedy } => Failed::Environment(key, why, remedy),
    })
}

/// The first lines of what a tool says, in one.
fn said(words: &str) -> String {
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).take(6).collect();
    let text = lines.join("; ");
    let text = text.trim_start_matches("error: ").trim_start_matches("Error: ");
    match text.char_indices().nth(1200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Why a named file is not read.
fn named(key: &'static str, why: Unread) -> Failed {
    match why {
        Unread::Name(message, hint) => Failed::Named(key, message, hint.to_owned()),
        Unread::Text(found) => Failed::Text(key, found),
    }
}

/// The files that something is made of, each read once, with an end to how many and how big.
struct Gathered<'a> {
    root: &'a Root,
    key: &'static str,
    files: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

/// The most files of a kustomization or a chart.
const MOST_FILES: usize = 2000;

/// The most bytes of all of them.
const MOST_BYTES: usize = 32 << 20;

impl<'a> Gathered<'a> {
    fn new(root: &'a Root, key: &'static str) -> Self {
        Gathered { root, key, files: BTreeMap::new(), bytes: 0 }
    }

    /// Reads a file by where it really is, and keeps it under the name by which it is reached.
    fn add(&mut self, name: &str, real: &Path) -> Result<(), Failed> {
        if self.files.contains_key(name) {
            return Ok(());
        }
        if self.files.len() >= MOST_FILES || self.bytes >= MOST_BYTES {
            let message = format!("it has more than {MOST_FILES} files or {} MiB", MOST_BYTES >> 20);
            return Err(Failed::Named(
                self.key,
                message,
                "make it smaller, or apply what it renders from a file".into(),
            ));
        }
        let bytes = self.root.read(real, beside::MAX_BYTES as u64);
        let bytes = bytes.map_err(|why| named(self.key, beside::unread(name, &why)))?;
        self.bytes += bytes.len();
        crate::redact::secrets::learn(&bytes);
        self.files.insert(name.to_owned(), bytes);
        Ok(())
    }
}

/// A path below the root as text, with `/`.
fn text_of(inside: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = inside.components().map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/"))
}

/// Whether something is not there.
fn is_missing(why: &Unopened) -> bool {
    matches!(why, Unopened::Cannot(e) if e.kind() == std::io::ErrorKind::NotFound)
}
