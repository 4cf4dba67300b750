//! One run on several versions of Kubernetes: which step held where, and what is different.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A step, on each of the versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedStep {
    /// The scenario's file.
    pub path: String,
    /// 1 for the first.
    pub number: usize,
    /// Its claim.
    pub title: String,
    /// Line of the step in the file, 1 for the first.
    pub line: usize,
    /// One for each version, in the order of the run.
    pub cells: Vec<ComparedCell>,
    /// What Kubernetes has changed between them, as far as that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<KnownChange>,
}

/// A step on one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedCell {
    /// The minor version, e.g. `1.20`.
    pub kubernetes: String,
    /// How it ended.
    pub verdict: ComparedVerdict,
    /// The conditions of what was expected there, e.g. `with Kubernetes <1.24`; empty when it is the same everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<String>,
    /// Why it did not hold, in one sentence; empty when it did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// How a step ended on a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ComparedVerdict {
    /// Everything was as expected there.
    Held,
    /// An expectation failed.
    Failed,
    /// It could not be carried out.
    Broken,
    /// It is not for this version, or an earlier step did not hold.
    Skipped,
    /// The run did not come to it.
    NotRun,
}

/// Something that Kubernetes has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnownChange {
    /// In a few words.
    pub what: String,
    /// The first minor version in which it is so by itself.
    pub since: String,
    /// How it was before.
    pub then: String,
    /// How it is.
    pub now: String,
    /// The proposal (KEP) or the pull request.
    pub by: String,
    /// Where to read about it.
    pub link: String,
}

impl ComparedStep {
    /// Whether it is not the same on all versions: it ended in another way, or something else was expected.
    pub fn differs(&self) -> bool {
        let same = |a: &ComparedCell, b: &ComparedCell| a.verdict == b.verdict && a.when == b.when;
        self.cells.windows(2).any(|pair| !same(&pair[0], &pair[1]))
    }
}

impl ComparedCell {
    /// What is to be said of it in a sentence: `held, as is expected with Kubernetes <1.24`.
    pub fn describe(&self) -> String {
        let word = self.verdict.word();
        match (self.when.is_empty(), self.reason.is_empty()) {
            (_, false) => format!("{word}: {}", self.reason),
            (false, true) => format!("{word}, as is expected {}", self.when.join(" and ")),
            (true, true) => word.to_owned(),
        }
    }
}

impl ComparedVerdict {
    /// In a word or two.
    pub fn word(self) -> &'static str {
        match self {
            ComparedVerdict::Held => "held",
            ComparedVerdict::Failed => "failed",
            ComparedVerdict::Broken => "could not be carried out",
            ComparedVerdict::Skipped => "not run",
            ComparedVerdict::NotRun => "the run did not come to it",
        }
    }

    /// In one sign.
    pub fn mark(self) -> &'static str {
        match self {
            ComparedVerdict::Held => "✓",
            ComparedVerdict::Failed => "✗",
            ComparedVerdict::Broken => "!",
            ComparedVerdict::Skipped | ComparedVerdict::NotRun => "-",
        }
    }
}
