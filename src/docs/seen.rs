//! `docs/seen.tsv`: which step held on which version of Kubernetes, noted from runs.

use std::collections::BTreeMap;

use crate::{
    event::{Event, Outcome, Record},
    k8s::{Version, version::NoVersion},
};

use super::shown::Shown;

/// How a step ended on a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// Everything was as expected.
    Held,
    /// It is not for this version.
    Skipped,
    /// Something was not as expected, or it could not be carried out.
    Bad,
}

/// A step, by the file and the words of its claim as they are written there: numbers and lines change with every edit.
type Key = (String, String);

/// What runs have seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    of: BTreeMap<Version, BTreeMap<Key, Ended>>,
}

const HEAD: &str = "# Which step held on which version of Kubernetes: the version, how it ended, the file, the claim.\n\
                    # Noted from runs by `KUBEWALK_BLESS=1 KUBEWALK_VERSIONS=all cargo test --test versions`.\n";

impl Seen {
    /// Reads the file.
    ///
    /// # Errors
    /// The line that is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut seen = Seen::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let wrong = || format!("docs/seen.tsv: `{line}` is no version, end, file and claim with tabs between");
            let mut words = line.splitn(4, '\t');
            let mut next = || words.next().ok_or_else(wrong);
            let version: Result<Version, NoVersion> = next()?.parse();
            let ended = match next()? {
                "held" => Ended::Held,
                "skipped" => Ended::Skipped,
                _ => return Err(wrong()),
            };
            let key = (next()?.to_owned(), next()?.to_owned());
            seen.of.entry(version.map_err(|_| wrong())?).or_default().insert(key, ended);
        }
        Ok(seen)
    }

    /// The text of the file.
    pub fn file_contents(&self) -> String {
        let mut text = HEAD.to_owned();
        for (version, steps) in &self.of {
            for ((path, title), ended) in steps {
                let word = match ended {
                    Ended::Held => "held",
                    Ended::Skipped => "skipped",
                    // Nothing is noted of a run that did not hold.
                    Ended::Bad => continue,
                };
                text += &format!("{version}\t{word}\t{path}\t{title}\n");
            }
        }
        text
    }

    /// Notes what came of a run on one version. Of steps that say the same, the worst counts.
    pub fn take(&mut self, version: Version, records: &[Record], shown: &[Shown]) {
        let steps = self.of.entry(version).or_default();
        for step in records.iter().filter_map(|record| match &record.event {
            Event::StepFinished(step) => Some(step),
            _ => None,
        }) {
            let own = shown.iter().find(|own| own.path == step.path && own.number == step.number);
            let Some(own) = own else { continue };
            let ended = match step.outcome {
                Outcome::Held => Ended::Held,
                Outcome::Skipped { .. } => Ended::Skipped,
                Outcome::Failed { .. } | Outcome::Broken { .. } => Ended::Bad,
            };
            let known = steps.entry((own.path.clone(), own.title.clone())).or_insert(ended);
            *known = ended.max(*known);
        }
    }

    /// The versions of which something is known, oldest first.
    pub fn versions(&self) -> Vec<Version> {
        self.of.keys().copied().collect()
    }

    /// Whether a step held on a version.
    pub fn held(&self, version: Version, step: &Shown) -> bool {
        let key = (step.path.clone(), step.title.clone());
        self.of.get(&version).and_then(|steps| steps.get(&key)) == Some(&Ended::Held)
    }

    /// Steps that are noted and are not there any more.
    pub fn strays(&self, shown: &[Shown]) -> Vec<String> {
        let keys = self.of.values().flat_map(BTreeMap::keys);
        let gone = keys.filter(|(path, title)| !shown.iter().any(|own| own.path == *path && own.title == *title));
        let mut gone: Vec<_> = gone.map(|(path, title)| format!("{path}: `{title}`")).collect();
        gone.sort();
        gone.dedup();
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text =
            format!("{HEAD}1.20\theld\tscenarios/a.yaml\tA claim: b\n1.37\tskipped\tscenarios/a.yaml\tA claim: b\n");
        let seen = Seen::read(&text).expect("it is right");
        assert_eq!(seen.file_contents(), text);
        assert_eq!(seen.versions(), [Version::new(1, 20), Version::new(1, 37)]);
        for wrong in ["1.20\theld\ta", "1.20\tgood\ta\tb", "x\theld\ta\tb"] {
            assert!(Seen::read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seen.strays(&[]), ["scenarios/a.yaml: `A claim: b`"]);
    }
}
