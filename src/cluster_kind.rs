//! The kinds of cluster: one list for the command line, the scenario language, reports and the files of warm clusters.

use std::fmt;

use clap::{ValueEnum, builder::PossibleValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of cluster, as `--cluster` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum ClusterKind {
    /// The engine's own node: no Docker, no image registry; needs Linux and root.
    Builtin,
    /// The same node in Docker.
    Docker,
    /// `rancher/k3s` in Docker.
    K3s,
    /// `kindest/node` in Docker, as kind makes it.
    Kind,
    /// A cluster that exists already.
    Kubeconfig,
}

impl ClusterKind {
    /// All of them.
    pub const ALL: [ClusterKind; 5] =
        [ClusterKind::Builtin, ClusterKind::Docker, ClusterKind::K3s, ClusterKind::Kind, ClusterKind::Kubeconfig];

    /// Why its API server cannot be other than usual, if it cannot.
    pub fn usual_only(self) -> Option<&'static str> {
        match self {
            ClusterKind::Builtin | ClusterKind::Docker | ClusterKind::Kind => None,
            ClusterKind::K3s => Some("k3s has its own settings for its API server, and takes none of `cluster:`"),
            ClusterKind::Kubeconfig => Some("the API server of a cluster that exists cannot be given other settings"),
        }
    }

    /// Its word on the command line, in scenarios and in reports.
    pub fn word(self) -> &'static str {
        match self {
            ClusterKind::Builtin => "builtin",
            ClusterKind::Docker => "docker",
            ClusterKind::K3s => "k3s",
            ClusterKind::Kind => "kind",
            ClusterKind::Kubeconfig => "kubeconfig",
        }
    }
}

impl fmt::Display for ClusterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What `--cluster` takes: a kind, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The first kind that works here.
    #[default]
    Auto,
    /// This kind.
    Of(ClusterKind),
}

impl Choice {
    /// The kind that is named; `None`: the first that works.
    pub fn kind(self) -> Option<ClusterKind> {
        match self {
            Choice::Auto => None,
            Choice::Of(kind) => Some(kind),
        }
    }
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Choice::Auto,
            Choice::Of(ClusterKind::Builtin),
            Choice::Of(ClusterKind::Docker),
            Choice::Of(ClusterKind::K3s),
            Choice::Of(ClusterKind::Kind),
            Choice::Of(ClusterKind::Kubeconfig),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Choice::Auto => Some(PossibleValue::new("auto").help("The first kind that works here")),
            Choice::Of(kind) => kind.to_possible_value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outlet_has_the_same_word_for_a_kind() {
        for kind in ClusterKind::ALL {
            assert_eq!(kind.to_string(), kind.word());
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.word());
            assert_eq!(<ClusterKind as ValueEnum>::from_str(kind.word(), false), Ok(kind));
            assert_eq!(Choice::from_str(kind.word(), false), Ok(Choice::Of(kind)));
        }
        assert_eq!(Choice::value_variants().len(), ClusterKind::ALL.len() + 1);
        assert_eq!(Choice::from_str("auto", false).map(Choice::kind), Ok(None));
        assert!(serde_json::from_str::<ClusterKind>("\"auto\"").is_err());
    }
}
