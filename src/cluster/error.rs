//! What a cluster's start and use can fail with.

use serde::{Deserialize, Serialize};

use crate::stop::Why;

/// The environment did not let a cluster start, or broke it.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct ClusterError {
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The last log lines of the component at fault.
    pub log: Vec<String>,
}

impl ClusterError {
    /// An error with what to do about it.
    pub fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        ClusterError { message: message.into(), remedy: Some(remedy.into()), log: vec![] }
    }

    /// An error for which no remedy is known.
    pub fn plain(message: impl Into<String>) -> Self {
        ClusterError { message: message.into(), remedy: None, log: vec![] }
    }
}

/// Why there is no cluster.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    /// The environment lacks something.
    #[error(transparent)]
    Failed(#[from] ClusterError),
    /// The run was told to stop, and everything was removed again.
    #[error("stopped by {0}")]
    Stopped(Why),
}
