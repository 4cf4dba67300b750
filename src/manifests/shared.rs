//! What all kinds of origins share: what is named, what was read, and why not.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

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
    /// The templates of a chart that have hooks, of which nothing is rendered.
    pub hooks: Vec<String>,
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

/// Why a named file is not read.
pub(super) fn named(key: &'static str, why: Unread) -> Failed {
    match why {
        Unread::Name(message, hint) => Failed::Named(key, message, hint.to_owned()),
        Unread::Text(found) => Failed::Text(key, found),
    }
}

/// The files that something is made of, each read once, with an end to how many and how big.
pub(super) struct Gathered<'a> {
    pub root: &'a Root,
    key: &'static str,
    pub files: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

/// The most files of a kustomization or a chart.
const MOST_FILES: usize = 2000;

/// The most bytes of all of them.
const MOST_BYTES: usize = 32 << 20;

impl<'a> Gathered<'a> {
    pub(super) fn new(root: &'a Root, key: &'static str) -> Self {
        Gathered { root, key, files: BTreeMap::new(), bytes: 0 }
    }

    /// Reads a file by where it really is, and keeps it under the name by which it is reached.
    pub(super) fn add(&mut self, name: &str, real: &Path) -> Result<(), Failed> {
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
pub(super) fn text_of(inside: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = inside.components().map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/"))
}

/// Whether something is not there.
pub(super) fn is_missing(why: &Unopened) -> bool {
    matches!(why, Unopened::Cannot(e) if e.kind() == std::io::ErrorKind::NotFound)
}
