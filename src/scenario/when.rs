//! `when`: on which clusters a step, or an expectation, holds.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::cluster_kind::ClusterKind;

/// All that is said must be true of the cluster.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct When {
    /// The versions of Kubernetes, e.g. `>=1.24` or `>=1.24, <1.35`.
    #[serde(default)]
    pub kubernetes: Option<Versions>,
    /// The kinds of cluster, e.g. `[builtin, kind]`.
    #[serde(default)]
    pub cluster: Option<Vec<ClusterKind>>,
    /// What the cluster must have.
    #[serde(default)]
    pub feature: Option<Vec<Feature>>,
}

/// Comparisons with a MAJOR.MINOR version, all of which must hold, with commas between: `>=1.24, <1.35`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Versions(
    #[schemars(regex(pattern = r"^\s*(>=|<=|>|<|=)\s*[0-9]+\.[0-9]+\s*(,\s*(>=|<=|>|<|=)\s*[0-9]+\.[0-9]+\s*)*$"))]
    pub String,
);

/// Something that not every cluster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Feature {
    /// A node on which Pods run.
    Pods,
    /// Calls without credentials are `system:anonymous` (403), not refused outright (401).
    Anonymous,
}
