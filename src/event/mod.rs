//! What happens in a run, as plain data. Terminal, JUnit, JSON and the others only read events, so they cannot disagree.
//!
//! All texts of Pods and servers inside are redacted and escaped before they come here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    expect::Mismatch,
    scenario::{Source, Span},
};

pub mod compared;
pub mod exchange;
pub mod fault;
pub mod place;
pub mod rbac;
pub mod secrets;
pub mod stream;

mod invalid;

pub use compared::{ComparedCell, ComparedStep, ComparedVerdict, KnownChange};
pub use exchange::{Excerpt, RequestRecord, ResponseRecord};
pub use fault::Fault;
pub use place::Place;
pub use stream::Record;

/// The version of these events. It grows when a field changes its meaning or goes; new fields and new events do not count.
pub const VERSION: u32 = 1;

/// The reason of a step that a class did not come to.
pub const ENDED: &str = "the class ended before it";

/// The reason of a step that a class has left out begins so.
pub const LEFT_OUT: &str = "left out in class";

/// The reason of a step begins so that only a part of the scenario was asked for and comes before that step, or after it.
pub const OF_NO_PART: [&str; 2] = ["it only asks, and comes before step ", "it comes after step "];

/// Whether the person who ran the scenario has left a step out: neither the scenario itself by `when`, nor a step before that did not hold.
pub fn was_left_out(reason: &str) -> bool {
    reason == ENDED || reason.starts_with(LEFT_OUT) || OF_NO_PART.iter().any(|begins| reason.starts_with(begins))
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The first event.
    RunStarted {
        /// [`VERSION`].
        version: u32,
        /// kubewalk's own version.
        kubewalk: String,
        /// How many scenarios are to run.
        scenarios: usize,
        /// When, in UTC, e.g. `2026-11-25T21:04:15Z`.
        #[serde(default)]
        started: String,
        /// The scenarios that are to run, in the order of their files.
        #[serde(default)]
        selected: Vec<Selected>,
        /// The words of the command line without which a scenario would be run elsewhere or otherwise, e.g. `--untrusted`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        options: Vec<String>,
    },
    /// A scenario file is not valid, so that nothing is started.
    Invalid {
        /// The file, as the user named it.
        path: String,
        /// 1 for the first.
        line: usize,
        /// In characters, 1 for the first.
        col: usize,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The run is on several versions of Kubernetes, and what follows is of this one, until another begins.
    VersionStarted {
        /// The minor version, e.g. `1.20`.
        kubernetes: String,
    },
    /// A part of making the cluster begins. Only in streams of former versions.
    ClusterPhase {
        /// e.g. `pulling rancher/k3s:v1.36.2-k3s1`.
        name: String,
        /// Since the start of the run.
        elapsed_ms: u64,
    },
    /// Scenarios can run.
    ClusterReady {
        /// e.g. `k3s`.
        kind: String,
        /// e.g. `v1.36.2`.
        kubernetes: String,
        /// How its API server is other than usual, in words; empty when it is not.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        shape: String,
        /// Since the start of the run.
        elapsed_ms: u64,
    },
    /// The run, or a scenario, cannot go on: there is no cluster, or it broke.
    Aborted {
        /// The file of the scenario that cannot; `None`: the whole run.
        #[serde(default)]
        path: Option<String>,
        /// Of which kind it is.
        #[serde(default)]
        class: Fault,
        /// One sentence.
        message: String,
        /// What to do.
        remedy: Option<String>,
        /// The last log lines of the component at fault.
        log: Vec<String>,
    },
    /// A scenario that the environment kept from an answer is run again: what was told of its steps no longer counts.
    ScenarioAgain {
        /// The file, as the user named it.
        path: String,
        /// 2 for the first time that it is run again.
        attempt: usize,
        /// How many times it is run at most.
        of: usize,
    },
    /// A scenario begins.
    ScenarioStarted {
        /// The file, as the user named it.
        path: String,
        /// Its claim.
        title: String,
        /// Narration.
        say: Option<String>,
        /// The line of its claim, 1 for the first.
        #[serde(default)]
        line: usize,
        /// Where it happens.
        namespace: String,
        /// How many steps it has.
        steps: usize,
        /// The sum of its file and of the files that it names, `sha256:…`; empty in a stream of an older kubewalk.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        sum: String,
    },
    /// A step begins.
    StepStarted {
        /// The scenario's file.
        path: String,
        /// 1 for the first.
        number: usize,
        /// Its claim.
        title: String,
        /// Narration.
        say: Option<String>,
        /// A question that a class is asked before it sees the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        predict: Option<String>,
    },
    /// A step has ended, or will not run.
    StepFinished(Box<StepFinished>),
    /// A class has gone back: what was told of this step and of those after it no longer counts, and the cluster is as it was before
    /// it.
    Rewound(Rewound),
    /// A scenario has ended; what it made is still there.
    ScenarioFinished {
        /// The file.
        path: String,
        /// Its claim.
        title: String,
        /// Steps that held.
        held: usize,
        /// Steps that failed.
        failed: usize,
        /// Steps that could not be carried out.
        broken: usize,
        /// Steps that did not run.
        skipped: usize,
        /// How long it took.
        took_ms: u64,
    },
    /// What a scenario made stays on its cluster, so that a person can look at it.
    Kept {
        /// The scenario's file.
        path: String,
        /// The scenario's namespace.
        namespace: String,
        /// The cluster's name.
        cluster: String,
        /// How many seconds after its last use the cluster ends.
        seconds: u64,
    },
    /// What a scenario made is removed.
    CleanUp {
        /// The scenario's file; `None` for the cluster itself.
        path: Option<String>,
        /// How long it took.
        took_ms: u64,
        /// What could not be removed, and why.
        left: Vec<String>,
    },
    /// The run was on several versions of Kubernetes: each step on each of them.
    Compared {
        /// The minor versions, in the order of the run.
        versions: Vec<String>,
        /// The steps, in the order of the files.
        steps: Vec<ComparedStep>,
    },
    /// The last event. All numbers are steps.
    RunFinished {
        /// That held.
        held: usize,
        /// That failed.
        failed: usize,
        /// That could not be carried out.
        broken: usize,
        /// That did not run.
        skipped: usize,
        /// How long everything took.
        took_ms: u64,
        /// kubewalk's exit code.
        exit_code: u8,
    },
    /// The line behind the last event: what was written before it. It is no signature, as any program can make a sum.
    Sealed {
        /// `sha256:…` of all lines before this one.
        sum: String,
    },
    /// One that this kubewalk does not know: a newer one wrote it.
    #[serde(other, skip_serializing)]
    #[schemars(skip)]
    Unknown,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepFinished {
    /// The scenario's file.
    pub path: String,
    /// 1 for the first.
    pub number: usize,
    /// Its claim.
    pub title: String,
    /// Line of the step in the file, 1 for the first.
    pub line: usize,
    /// Column of the step in the file, 1 for the first.
    pub col: usize,
    /// How long it took.
    pub took_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The same as kubectl and curl lines that a person can paste.
    pub equivalent: String,
    /// The answer in a few words, e.g. `403 Forbidden as system:anonymous`.
    pub summary: String,
    /// The API server's warnings.
    pub warnings: Vec<String>,
    /// The claims that it shows, e.g. `S1.20`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<String>,
    /// The conditions of those of its expectations that counted on this cluster, e.g. `with Kubernetes <1.24`; empty when it
    /// expects the same everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<String>,
    /// The step's lines in the file.
    #[serde(default)]
    pub yaml: String,
    /// What was asked.
    #[serde(default)]
    pub asked: Vec<RequestRecord>,
    /// What came back, the last time.
    #[serde(default)]
    pub answered: Option<ResponseRecord>,
    /// How many times it was asked (`within`); 0: never.
    #[serde(default)]
    pub attempts: usize,
    /// What it has shown of RBAC; the diagram is drawn from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rbac: Vec<rbac::Rbac>,
    /// Which binding and rule granted the call, or that none did, when that was looked up: in a class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

/// How a class has gone back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rewound {
    /// The scenario's file.
    pub path: String,
    /// The number of the step that comes next, 1 for the first.
    pub to: usize,
    /// How the cluster became what it was.
    pub by: RewoundBy,
    /// Where the scenario is now.
    pub namespace: String,
    /// How long it took.
    pub took_ms: u64,
    /// What cannot be undone, and why a replay was needed, each in a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<String>,
}

/// How a cluster became what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RewoundBy {
    /// What had been made was deleted, and what had been changed or deleted was restored.
    Undo,
    /// All that the scenario had made was removed, and the steps before were run again.
    Replay,
}

/// A scenario that is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selected {
    /// The file, as the user named it.
    pub path: String,
    /// Its claim.
    pub title: String,
    /// The line of its claim, 1 for the first.
    pub line: usize,
    /// How many steps it has.
    pub steps: usize,
    /// How its API server is to be other than usual, in words; empty when it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shape: String,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// Everything was as expected.
    Held,
    /// Something was not.
    Failed {
        /// All of it.
        failures: Vec<Failure>,
    },
    /// It could not be carried out; this says nothing about the claim.
    Broken {
        /// Of which kind it is.
        class: Fault,
        /// What happened.
        message: String,
        /// What to do.
        remedy: Option<String>,
    },
    /// It was not tried.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// An expectation that does not hold, and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What is wrong.
    #[serde(flatten)]
    pub mismatch: Mismatch,
    /// Where the expectation stands in the file.
    #[serde(flatten)]
    pub place: Place,
    /// Why RBAC allowed or refused the call, if that is what surprises and it could be found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

impl Failure {
    /// A mismatch with its place.
    pub fn new(mismatch: Mismatch, source: &Source, span: Span) -> Self {
        Self { mismatch, place: Place::from_span(source, span), why: vec![] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, start: usize, end: usize) -> Place {
        Place::from_span(&Source { path: "a.yaml".into(), text: text.into() }, Span { start, end })
    }

    #[test]
    fn a_place_has_its_line() {
        let found = place("title: ä\nsteps:\n  - x: 403\r\n", 22, 25);
        assert_eq!((found.line, found.col, found.excerpt.as_str(), found.start, found.end), (3, 6, "  - x: 403", 5, 8));
    }

    #[test]
    fn a_long_value_ends_with_its_line() {
        let found = place("a:\n  b: 1\n  c: 2\n", 5, 16);
        assert_eq!((found.excerpt.as_str(), found.start, found.end), ("  b: 1", 2, 6));
        let beyond = place("a: b", 400, 500);
        assert_eq!((beyond.line, beyond.start, beyond.end), (1, 4, 4));
    }

    #[test]
    fn nothing_secret_or_harmful_in_it() {
        let found = place("token: abcdef.0123456789abcdef \x1b[0m", 7, 12);
        assert_eq!(found.excerpt, "token: «redacted token» \\u{1b}[0m");
        assert_eq!((found.start, found.end), (0, found.excerpt.len()));
    }

    #[test]
    fn events_are_tagged() {
        let line = r#"{"event":"scenarioFinished","path":"a","title":"b","held":1,"failed":0,"broken":0,"skipped":0,"tookMs":5}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), line);
        assert_eq!(serde_json::from_str::<Event>(r#"{"event":"landed","on":"Mars"}"#).unwrap(), Event::Unknown);
    }
}
