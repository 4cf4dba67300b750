//! How each scenario of a project ended the last times: for `--failed`, and to say which of them are flaky.

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
    text,
};

/// The most that is read of it, in bytes.
const MOST: u64 = 16 << 20;

/// As many runs of a scenario are known.
const RUNS: usize = 20;

/// Of as many scenarios.
const SCENARIOS: usize = 20_000;

/// What is known of the scenarios of a project.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// Whether it held, by the file, from the project's folder.
    held: BTreeMap<PathBuf, bool>,
    /// How it ended the last times, a letter for each, the last one behind.
    #[serde(default)]
    runs: BTreeMap<PathBuf, String>,
}

/// The last runs of a scenario, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// How many are known.
    pub runs: usize,
    /// In how many of them it held only when it was run again.
    pub flaky: usize,
    /// In how many of them it did not hold.
    pub failed: usize,
}

impl Last {
    /// e.g. `flaky in 3 of its last 10 runs here`; `None` when it was not.
    pub fn describe_flakiness(self) -> Option<String> {
        let Last { runs, flaky, .. } = self;
        let of = if runs == 1 { "its last run".to_owned() } else { format!("{flaky} of its last {runs} runs") };
        (flaky > 0).then(|| format!("flaky in {of} here"))
    }
}

const FLAKY: char = 'y';

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

    /// How a scenario ended the last times; `None`: it was not run here.
    pub fn last(&self, path: &Path) -> Option<Last> {
        let letters = self.runs.get(&known(path))?;
        let count = |wanted: &[char]| letters.chars().filter(|letter| wanted.contains(letter)).count();
        Some(Last { runs: letters.chars().count(), flaky: count(&[FLAKY]), failed: count(&['f', 'b']) })
    }

    /// Takes in what came of a run. What it did not come to is known as before. Gives the files that were flaky in it.
    pub fn take(&mut self, records: &[Record]) -> Vec<PathBuf> {
        let mut flaky = Vec::new();
        // On several versions of Kubernetes a scenario held if it held on each.
        let mut ended: BTreeMap<&str, Verdict> = BTreeMap::new();
        for story in Run::from_records(records).scenarios {
            let before = ended.entry(story.path).or_insert(story.verdict);
            if weight(story.verdict) > weight(*before) {
                *before = story.verdict;
            }
        }
        for (path, verdict) in ended {
            let path = text::file_named(path);
            let path = Path::new(&*path);
            self.note(known(path), verdict);
            if verdict == Verdict::Flaky {
                flaky.push(path.to_owned());
            }
        }
        if self.runs.len() > SCENARIOS {
            let project = Whose::here().project;
            let is_there = |path: &PathBuf| project.join(path).is_file();
            self.runs.retain(|path, _| is_there(path));
            self.held.retain(|path, _| is_there(path));
        }
        while self.runs.len() > SCENARIOS {
            self.runs.pop_last();
        }
        flaky
    }

    fn note(&mut self, path: PathBuf, verdict: Verdict) {
        let (held, letter) = match verdict {
            Verdict::Held => (true, Some('h')),
            Verdict::Flaky => (true, Some(FLAKY)),
            // Nothing of it was run.
            Verdict::Skipped => (true, None),
            Verdict::Failed => (false, Some('f')),
            Verdict::Broken => (false, Some('b')),
            Verdict::NotRun | Verdict::Part => return,
        };
        if let Some(letter) = letter {
            let letters = self.runs.entry(path.clone()).or_default();
            letters.push(letter);
            while letters.chars().count() > RUNS {
                letters.remove(0);
            }
        }
        self.held.insert(path, held);
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

/// Which of two ends of a scenario is to be remembered: the greater.
fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Skipped => 0,
        Verdict::Held => 1,
        // Not known on one version, and so not held on all.
        Verdict::NotRun | Verdict::Part => 2,
        Verdict::Flaky => 3,
        Verdict::Broken => 4,
        Verdict::Failed => 5,
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
            steps: 0,
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
                options: vec![],
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

    #[test]
    fn of_the_last_runs_it_is_known_how_many_were_flaky() {
        let mut history = History::default();
        let path = Path::new("never-there.yaml");
        assert_eq!(history.last(path), None);
        history.note(path.to_owned(), Verdict::Flaky);
        assert_eq!(
            history.last(path).and_then(Last::describe_flakiness).as_deref(),
            Some("flaky in its last run here")
        );
        for verdict in [
            Verdict::Held,
            Verdict::Failed,
            Verdict::Broken,
            Verdict::Skipped,
            Verdict::Part,
            Verdict::NotRun,
            Verdict::Flaky,
        ] {
            history.note(path.to_owned(), verdict);
        }
        let last = history.last(path).expect("it is known");
        assert_eq!(last, Last { runs: 5, flaky: 2, failed: 2 });
        assert_eq!(last.describe_flakiness().as_deref(), Some("flaky in 2 of its last 5 runs here"));
        for _ in 0..RUNS {
            history.note(path.to_owned(), Verdict::Held);
        }
        assert_eq!(history.last(path), Some(Last { runs: RUNS, flaky: 0, failed: 0 }));
        assert_eq!(history.last(path).and_then(Last::describe_flakiness), None);
        // A file of before knows no runs.
        let old: History = serde_json::from_str(r#"{"held": {"a.yaml": false}}"#).expect("a history");
        assert!(old.failed(Path::new("a.yaml")) && old.last(Path::new("a.yaml")).is_none());
    }
}
