//! What the engine's node says of itself, one JSON object a line: to its keeper, or as the log of its container.

use std::path::PathBuf;

use serde::Deserialize;

use crate::{
    cluster::{ClusterError, Progress},
    shape::Shape,
};

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
pub enum NodeEvent {
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
    /// A component has ended by itself before the cluster was ready, and is started again.
    Again {
        /// e.g. `kube-controller-manager`.
        component: String,
        /// e.g. `exit 1`.
        status: String,
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
    /// What a killed keeper had left was removed, but for these.
    Swept {
        /// Its cluster's folder.
        dir: PathBuf,
        /// Normally none.
        #[serde(default)]
        left: Vec<String>,
    },
    /// What is called like a cluster's folder and is not removed.
    Kept {
        /// The folder.
        dir: PathBuf,
        /// Why.
        #[serde(default)]
        message: String,
    },
    /// What a newer engine may say.
    #[serde(other)]
    Other,
}

/// What people read of a component that is started again.
pub fn again(component: &str, status: &str) -> Progress {
    Progress::Note(format!("{component} ended during the start ({status}), and is started again"))
}

/// The error that the death of a component is.
pub fn death(component: &str, status: &str, log: Vec<String>) -> ClusterError {
    let full = log.iter().any(|line| line.contains("inotify") && line.contains("too many open files"));
    let remedy = full.then(|| INOTIFY.to_owned());
    ClusterError { message: format!("{component} of the cluster ended ({status})"), remedy, log }
}

/// The same of a cluster whose scenario asks for another API server than the usual one: when that is what ended, it has
/// looked at what it was given and does not take it.
pub fn refused(shape: &Shape, component: &str, death: ClusterError) -> ClusterError {
    if shape.is_usual() || component != "kube-apiserver" {
        return death;
    }
    refusal(death.log)
}

/// The error that it is when an API server does not take what it was given.
pub fn refusal(log: Vec<String>) -> ClusterError {
    ClusterError { message: REFUSED.to_owned(), remedy: Some("correct what its last words name".into()), log }
}

/// What the API server says last before it ends, without what its log puts around it.
pub fn last_words(log: &[String]) -> Option<String> {
    let told = log.iter().rev().find(|line| line.contains("err=") || line.contains("Error")).or(log.last())?;
    Some(told.split_once("err=").map_or(told.trim(), |(_, words)| words.trim_matches('"')).to_owned())
}

/// What is wrong when an API server does not start with what a scenario asks for.
const REFUSED: &str = "the API server does not start with what `cluster:` asks for";

/// Whether that is what an error says.
pub fn is_refusal(error: &ClusterError) -> bool {
    error.message == REFUSED
}

/// A node takes about 25 of the 128 that a kernel gives one user by default.
const INOTIFY: &str = "too many clusters are running for this machine's limit of inotify instances: wait for one to end, or raise \
     it (sudo sysctl fs.inotify.max_user_instances=1024)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_the_machine_has_a_remedy() {
        let line = "failed complete: fsnotify watcher init: couldn't initialize inotify: too many open files";
        let e = death("kube-proxy", "exit 1", vec![line.into()]);
        assert!(e.remedy.is_some_and(|remedy| remedy.contains("max_user_instances")));
        assert!(death("kube-proxy", "exit 1", vec!["no".into()]).remedy.is_none());
    }
}
