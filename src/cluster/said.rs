//! What the engine's node says of itself, one JSON object a line: to its keeper, or as the log of its container.

use std::path::PathBuf;

use serde::Deserialize;

use super::ClusterError;

/// What is said once the cluster can be used.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// The API server's version.
    pub kubernetes: String,
    /// The administrator's kubeconfig; only from a keeper.
    #[serde(default)]
    pub kubeconfig: PathBuf,
    /// The cluster's folder; only from a keeper.
    #[serde(default)]
    pub dir: PathBuf,
}

/// One line.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Said {
    /// A part of the start is over.
    Phase {
        /// e.g. `api-ready`.
        name: String,
        /// Since the start began.
        ms: u64,
    },
    /// The cluster can be used.
    Ready(Ready),
    /// A component has ended by itself.
    Died {
        /// e.g. `kube-apiserver`.
        component: String,
        /// e.g. `signal SIGKILL`.
        status: String,
        /// Its last lines.
        #[serde(default)]
        log: Vec<String>,
    },
    /// The cluster could not be started.
    Failed {
        /// One sentence.
        message: String,
        /// What to do about it.
        #[serde(default)]
        remedy: Option<String>,
        /// The last lines of the component at fault.
        #[serde(default)]
        log: Vec<String>,
    },
    /// All was removed, but for these.
    Ended {
        /// Normally none.
        #[serde(default)]
        left: Vec<String>,
    },
    /// What a newer engine may say.
    #[serde(other)]
    Other,
}

/// The error that the death of a component is.
pub fn death(component: &str, status: &str, log: Vec<String>) -> ClusterError {
    ClusterError { message: format!("{component} of the cluster ended ({status})"), remedy: None, log }
}
