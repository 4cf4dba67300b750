//! How each scenario of a project ended the last time, for `--failed`.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    cluster::{own, whose::Whose},
    event::Record,
    report::story::{Run, Verdict},
    scenario::open,
};

/// The most that is read of it, in bytes.
const MOST: u64 = 16 << 20;

/// What is known of the scenarios of a project.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// Whether it held, by the file, from the project's folder.
    held: BTreeMap<PathBuf, bool>,
}

impl History {
    /// That of the project that is worked on here; `None`: nothing is known of it.
    pub fn here(cache: &Path) -> Option<History> {
        let cache = own::cache(cache).ok()?;
        let file = own::trusted(&cache.join("history").join(name())).ok()?;
        serde_json::from_slice(&open::read_real(&file, MOST).ok()?).ok()
    }

    /// Whether a scenario did not hold the last time that it was run.
    pub fn failed(&self, path: &Path) -> bool {
        self.held.get(&known(path)) == Some(&false)
    }

    /// Takes in what came of a run. What it did not come to is known as before.
    pub fn take(&mut self, records: &[Record]) {
        for story in Run::of(records).scenarios {
            let held = match story.verdict {
                Verdict::Held | Verdict::Flaky | Verdict::Skipped => true,
                Verdict::Failed | Verdict::Broken => false,
                Verdict::NotRun => continue,
            };
            self.held.insert(known(Path::new(story.path)), held);
        }
    }

    /// Keeps it. A cache that cannot be written is no reason to fail.
    pub fn keep(&self, cache: &Path) {
        let keep = || -> Result<(), Box<dyn std::error::Error>> {
            let folder = own::trusted_folder(&own::cache(cache)?.join("history"))?;
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.persist(folder.join(name()))?;
            Ok(())
        };
        let _ = keep();
    }
}

/// The name of a project's file: who works on what.
fn name() -> String {
    let here = serde_json::to_vec(&Whose::here()).unwrap_or_default();
    let sum = Sha256::digest(here);
    sum.iter().take(16).fold(String::new(), |name, byte| format!("{name}{byte:02x}")) + ".json"
}

/// A scenario's file from the project's folder.
fn known(path: &Path) -> PathBuf {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real.strip_prefix(Whose::here().project).map_or_else(|_| real.clone(), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn ended(path: &str, failed: usize) -> [Record; 2] {
        let (path, title) = (path.to_owned(), "t".to_owned());
        let started = Event::ScenarioStarted {
            path: path.clone(),
            title: title.clone(),
            say: None,
            line: 1,
            namespace: "n".into(),
            steps: 1,
            sum: String::new(),
        };
        let ended =
            Event::ScenarioFinished { path, title, held: 1 - failed, failed, broken: 0, skipped: 0, took_ms: 1 };
        [Record::new(0, started), Record::new(1, ended)]
    }

    #[test]
    fn what_a_run_did_not_come_to_is_known_as_before() {
        let mut history = History::default();
        let first = Record::new(
            0,
            Event::RunStarted {
                version: 1,
                kubewalk: "k".into(),
                scenarios: 0,
                started: String::new(),
                selected: vec![],
            },
        );
        history.held.insert("b.yaml".into(), false);
        history.held.insert("c.yaml".into(), true);
        let records: Vec<_> = std::iter::once(first).chain(ended("a.yaml", 0)).collect();
        history.take(&records);
        let known: Vec<_> =
            history.held.iter().map(|(path, held)| (path.to_str().unwrap_or_default(), *held)).collect();
        assert_eq!(known, [("a.yaml", true), ("b.yaml", false), ("c.yaml", true)]);
        assert!(history.failed(Path::new("b.yaml")) && !history.failed(Path::new("a.yaml")));
        assert!(!history.failed(Path::new("never-run.yaml")));
    }
}
