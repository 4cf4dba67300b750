//! What a tool has to render, and who renders it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, OnceLock, PoisonError},
};

use sha2::{Digest as _, Sha256};

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `kubectl kustomize`.
    Kustomize,
    /// `helm template`.
    Helm,
}

impl Tool {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Tool::Kustomize => "kustomize",
            Tool::Helm => "helm",
        }
    }
}

/// All that a tool needs: it sees these files and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// Which.
    pub tool: Tool,
    /// Its words.
    pub args: Vec<String>,
    /// The files, by their names below the folder that it works in.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The command that does the same in the project.
    pub shown: String,
}

impl Rendering {
    /// The name of what comes of it: the same for the same files, words and tool (`by`).
    pub fn key(&self, by: &str) -> String {
        let mut all = Sha256::new();
        let mut add = |bytes: &[u8]| {
            all.update((bytes.len() as u64).to_be_bytes());
            all.update(bytes);
        };
        add(self.tool.word().as_bytes());
        add(by.as_bytes());
        self.args.iter().for_each(|word| add(word.as_bytes()));
        for (name, bytes) in &self.files {
            add(name.as_bytes());
            add(bytes);
        }
        all.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Why there is nothing rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The tool's own words about the files.
    Refused(String),
    /// It was not started, on purpose.
    NotStarted {
        /// In one sentence.
        why: String,
        /// What renders it.
        remedy: String,
    },
    /// The machine lacks something.
    Environment {
        /// In one sentence.
        why: String,
        /// What to do.
        remedy: String,
    },
}

/// Code that can render, or knows what was rendered.
pub trait Render: Send + Sync {
    /// Renders.
    ///
    /// # Errors
    /// See [`Trouble`].
    fn render(&self, what: &Rendering) -> Result<String, Trouble>;

    /// The release of Kubernetes for which charts are rendered, e.g. `v1.37.2`.
    fn kubernetes(&self) -> String;
}

static RENDERER: OnceLock<Box<dyn Render>> = OnceLock::new();

/// What this process has rendered, or could not.
static KNOWN: Mutex<Option<HashMap<String, Result<String, Trouble>>>> = Mutex::new(None);

/// Says who renders in this process. The first one stays.
pub fn install(renderer: Box<dyn Render>) {
    let _ = RENDERER.set(renderer);
}

/// The release of Kubernetes for which charts are rendered, if anything renders here.
pub fn kubernetes() -> Option<String> {
    RENDERER.get().map(|renderer| renderer.kubernetes())
}

/// Renders, once for the same files.
///
/// # Errors
/// See [`Trouble`].
pub fn render(what: &Rendering) -> Result<String, Trouble> {
    let Some(renderer) = RENDERER.get() else {
        let why = format!("nobody here renders with {}", what.tool.word());
        return Err(Trouble::NotStarted { why, remedy: "`kubewalk run` does".into() });
    };
    let key = what.key("");
    // Held while it renders: what two scenarios need is rendered once.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().entry(key).or_insert_with(|| renderer.render(what)).clone()
}

/// Lets what the machine lacked be tried again: it may have it now.
pub fn forget_troubles() {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.iter_mut().for_each(|known| known.retain(|_, one| !matches!(one, Err(Trouble::Environment { .. }))));
}
