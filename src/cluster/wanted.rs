//! The cluster that is asked for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ClusterKind;
use crate::{k8s::Version, shape::Shape};

/// The cluster that a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wanted {
    /// Which kind; `None`: the first that works here.
    pub kind: Option<ClusterKind>,
    /// The minor version of Kubernetes, e.g. `1.36`; left out, what the kind has by itself.
    pub kubernetes: Option<Version>,
    /// Whether calls without credentials must be let in as `system:anonymous`, where the kind does not do so by itself.
    pub anonymous: bool,
    /// Whether the scenarios are not trusted, so that the cluster must let no Pod reach its node.
    #[serde(default)]
    pub untrusted: bool,
    /// How its API server is to be other than usual.
    #[serde(default)]
    pub shape: Shape,
    /// With [`ClusterKind::Kubeconfig`]: which cluster.
    #[serde(default)]
    pub existing: Existing,
}

impl From<ClusterKind> for Wanted {
    fn from(kind: ClusterKind) -> Self {
        Wanted { kind: Some(kind), ..Wanted::default() }
    }
}

/// The cluster that exists, as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Existing {
    /// The kubeconfig files, merged as kubectl does it.
    pub files: Vec<PathBuf>,
    /// The context; `None` is the current one, which is only used together with `yes`.
    pub context: Option<String>,
    /// Whether the person said that this cluster is meant, whatever it is.
    pub yes: bool,
    /// The namespaces that the person owns in it: nothing is asked about others, or about the cluster as a whole.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// The image behind the alias `curl`; `None`: ours if a node has it, else a public one.
    pub curl_image: Option<String>,
}

impl Existing {
    /// Whether scenarios may change there what is not their own. A person who names namespaces has said what is meant: then
    /// `yes` is only about which cluster it is.
    pub fn all(&self) -> bool {
        self.yes && self.namespaces.is_empty()
    }
}
