//! The kinds of cluster, one file each, and what is different about each: how it starts, and whether it can be what is wanted.
//!
//! All give the same thing: a kubeconfig, facts, and an end.

pub mod auto;
#[cfg(target_os = "linux")]
pub mod builtin;
#[cfg(feature = "docker")]
mod curl;
#[cfg(feature = "docker")]
pub mod docker;
mod fetch;
mod fetched;
#[cfg(feature = "docker")]
pub mod k3s;
#[cfg(feature = "docker")]
pub mod kind;
pub mod kubeconfig;
pub mod preflight;
pub mod versions;
#[cfg(not(feature = "docker"))]
mod without_docker;

pub use fetch::fetch;
pub use fetched::Fetched;

#[cfg(not(feature = "docker"))]
use self::{without_docker as docker, without_docker as k3s, without_docker as kind};
use super::{Cluster, ClusterError, ClusterKind, Progress, Settings, StartError, Wanted};
use crate::stop::Stop;

/// Starts a cluster of the kind that is wanted, or of the first that works here.
///
/// # Errors
/// As [`start`](fn@crate::cluster::start).
pub(super) async fn start(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    match wanted.kind {
        None => auto::start(wanted, settings, stop, progress).await,
        Some(ClusterKind::Builtin) => auto::start_builtin(wanted, settings, stop, progress).await,
        Some(ClusterKind::Docker) => docker::start(wanted, settings, stop, progress).await,
        Some(ClusterKind::K3s) => k3s::start(wanted, settings, stop, progress).await,
        Some(ClusterKind::Kind) => kind::start(wanted, settings, stop, progress).await,
        Some(ClusterKind::Kubeconfig) => kubeconfig::connect(wanted, settings, stop).await,
    }
}

/// Whether a kind has the version of Kubernetes that is wanted, and its settings are right; nothing is started to find out.
///
/// # Errors
/// What it lacks.
pub(super) fn check(wanted: &Wanted, settings: &Settings) -> Result<(), ClusterError> {
    match wanted.kind {
        Some(ClusterKind::Builtin) => versions::of_the_engine(wanted).map(drop),
        Some(ClusterKind::Docker) => docker::check(wanted, settings),
        Some(ClusterKind::K3s) => k3s::check(wanted, settings),
        Some(ClusterKind::Kind) => kind::check(wanted, settings),
        Some(ClusterKind::Kubeconfig) => versions::of_an_existing(wanted),
        None => versions::of_any(wanted, settings),
    }
}

/// Why a kind cannot hold scenarios that are not trusted, if it cannot. They are administrators of their cluster, so only a
/// policy that is no object of its API holds them. An API server reads one from its own files since 1.37, and only in nodes that
/// are ours.
pub(super) fn trusted_only(kind: ClusterKind) -> Option<&'static str> {
    match kind {
        ClusterKind::Builtin | ClusterKind::Docker => None,
        ClusterKind::K3s | ClusterKind::Kind => Some(
            "an administrator of such a cluster, as every scenario is, could remove the policy that keeps Pods from its node",
        ),
        ClusterKind::Kubeconfig => Some(
            "in a cluster that exists a scenario asks with your rights, and could remove any policy that you may make",
        ),
    }
}
