//! The cluster that is asked for, and whether its kind can have it.

use serde::{Deserialize, Serialize};

use super::{ClusterError, ClusterKind, Settings, kinds, kubeconfig};
use crate::shape::Shape;

/// The cluster that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wanted {
    /// Which kind; `None`: the first that works here.
    pub kind: Option<ClusterKind>,
    /// The minor version of Kubernetes, e.g. `1.36`; left out, what the kind has by itself.
    pub kubernetes: Option<String>,
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
    pub existing: kubeconfig::Existing,
}

impl Wanted {
    /// Whether its kind can have it at all; nothing is started to find out.
    ///
    /// # Errors
    /// When a version of Kubernetes is asked for that the kind does not have, or its settings are wrong.
    pub fn check(&self, settings: &Settings) -> Result<(), ClusterError> {
        if self.untrusted {
            untrusted(self.kind)?;
        }
        kinds::check(self, settings)
    }
}

/// Whether a kind can hold scenarios that are not trusted.
pub(super) fn untrusted(kind: Option<ClusterKind>) -> Result<(), ClusterError> {
    let Some((kind, why)) = kind.and_then(|kind| Some((kind, kinds::trusted_only(kind)?))) else { return Ok(()) };
    let message = format!("--untrusted does not go with --cluster {kind}: {why}");
    Err(ClusterError::new(message, "use --cluster builtin or --cluster docker"))
}

impl From<ClusterKind> for Wanted {
    fn from(kind: ClusterKind) -> Self {
        Wanted { kind: Some(kind), ..Wanted::default() }
    }
}
