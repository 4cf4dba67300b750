//! What holds a cluster, whatever its kind.

use std::path::Path;

use futures::future::BoxFuture;

use super::ClusterError;

/// What holds a cluster of one kind. Dropping it ends the cluster, too, but does not wait for the end.
pub trait Node: std::fmt::Debug + Send + Sync {
    /// Why the cluster is broken, if it is: a component that died, with its last log lines.
    fn died(&self) -> Option<ClusterError>;

    /// Waits until the cluster is broken.
    fn death(&self) -> BoxFuture<'_, ClusterError>;

    /// Ends the cluster and waits until everything of it is removed. One that lives on is given back instead.
    fn end(&self) -> BoxFuture<'_, Ended>;

    /// Whether the cluster outlives this use of it, so that all that was made in it has to be removed.
    fn lives_on(&self) -> bool {
        false
    }

    /// Whether the cluster was there before us, and others use it.
    fn is_foreign(&self) -> bool {
        false
    }

    /// Keeps what the scenario of a file made in a namespace and elsewhere, so that the cluster stays with it after this use.
    /// `None`: it cannot.
    fn keep(&self, _path: &Path, _namespace: &str) -> Option<Stays> {
        None
    }

    /// Notes that the cluster does not count as new any more after this use of it, and why.
    fn spoil(&self, _why: &str) {}

    /// Why it does not count as new any more, if it would live on.
    fn spoilt(&self) -> Option<String> {
        None
    }

    /// Ends the cluster also if it would live on: no run has cleaned it up.
    fn discard(&self) -> BoxFuture<'_, Ended> {
        self.end()
    }
}

/// A cluster that stays with what is kept in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stays {
    /// Its name.
    pub name: String,
    /// How many seconds after its last use it ends.
    pub seconds: u64,
}

/// How a cluster ended.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// What could not be removed; empty when all went well.
    pub left: Vec<String>,
}
