//! Of which kind a fault is that kept a step, a scenario or the run from an answer.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Of which kind a fault is: nothing is known about a claim then. Reports have it as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// The cluster did not start, or broke.
    Cluster,
    /// The scenario's namespace was refused, or not ready in time.
    Namespace,
    /// No scenario was selected.
    NothingSelected,
    /// The time that the run was given is spent.
    Budget,
    /// A bug of kubewalk.
    Bug,
    /// kubectl could not be run.
    Kubectl,
    /// What was filled into a command makes another one of it.
    Argument,
    /// A name belongs to another run.
    Taken,
    /// The API server was not reached.
    Unreachable,
    /// The API server refused what kubewalk itself must be able to do.
    Refused,
    /// A command in a Pod could not be run to its end.
    Exec,
    /// What was waited for did not come.
    Wait,
    /// The cluster does not serve the kind.
    NotServed,
    /// An answer was longer than any that is read.
    TooMuch,
    /// The node could not make a Pod.
    Node,
    /// What a denial was about is being deleted.
    Going,
    /// The API server was away in a step that cannot be tried again.
    Away,
    /// The API server had trouble (429, 5xx).
    Server,
    /// One that this version does not know: it is in another version's events.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Fault {
    /// The word that reports have for it, e.g. `notServed`.
    pub fn word(self) -> &'static str {
        match self {
            Fault::Cluster => "cluster",
            Fault::Namespace => "namespace",
            Fault::NothingSelected => "nothingSelected",
            Fault::Budget => "budget",
            Fault::Bug => "bug",
            Fault::Kubectl => "kubectl",
            Fault::Argument => "argument",
            Fault::Taken => "taken",
            Fault::Unreachable => "unreachable",
            Fault::Refused => "refused",
            Fault::Exec => "exec",
            Fault::Wait => "wait",
            Fault::NotServed => "notServed",
            Fault::TooMuch => "tooMuch",
            Fault::Node => "node",
            Fault::Going => "going",
            Fault::Away => "away",
            Fault::Server => "server",
            Fault::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_word_is_what_events_have() {
        let schema = schemars::schema_for!(Fault).to_value();
        let known: Vec<&str> =
            schema["oneOf"].as_array().into_iter().flatten().filter_map(|one| one["const"].as_str()).collect();
        assert!(known.len() > 15, "{schema}");
        for word in known {
            let fault: Fault = serde_json::from_value(word.into()).expect("known");
            assert_eq!((fault.word(), serde_json::to_value(fault).expect("a word")), (word, word.into()));
        }
        assert_eq!(serde_json::from_str::<Fault>("\"ofTomorrow\"").expect("known"), Fault::Unknown);
    }
}
