//! `in`: from which Pod a call is made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A Pod: by its name, by the workload that owns it, or by labels. Of several Pods the first by name that runs is taken, and the
/// step says which.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum In {
    /// `NAME` or `NAMESPACE/NAME`: a Pod that an earlier step makes. `KIND/NAME` or `KIND/NAMESPACE/NAME` with `deployment`,
    /// `statefulset`, `daemonset`, `replicaset`, `job` or `cronjob`: a Pod of that workload. `pod/NAME`: any Pod, also one that
    /// something else makes.
    Word(String),
    /// A Pod that has these labels.
    Labels(InLabels),
}

/// The labels of a Pod.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InLabels {
    /// All of them, each with its value.
    pub labels: BTreeMap<String, String>,
    /// The namespace, if it is not the scenario's own.
    #[serde(default)]
    pub namespace: Option<String>,
}
