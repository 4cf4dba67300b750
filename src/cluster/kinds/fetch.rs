//! What a cluster of a kind is started from: made to be on this machine, and nothing is started.

use super::{auto, docker, fetched::Fetched, k3s, kind, versions};
use crate::{
    cluster::{ClusterError, ClusterKind, Daemon, Progress, Settings, StartError, Wanted, engine},
    stop::{Stop, unless_stopped},
};

/// Makes it be here.
///
/// # Errors
/// What the machine, the registry or the build lacks, or that it was stopped.
pub async fn fetch(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Fetched, StartError> {
    let kind = match wanted.kind {
        Some(kind) => kind,
        // As `auto` goes: first k3s, if Docker answers and its image can be had.
        None if Daemon::connect(settings.docker_host.as_deref()).await.is_ok() => {
            match k3s::fetch(wanted, &auto::in_haste(settings), stop, progress).await {
                Err(StartError::Failed(e)) => {
                    progress(Progress::Note(format!("no k3s: {e}; so the engine's node it is")))
                }
                other => return other,
            }
            ClusterKind::Builtin
        }
        None => ClusterKind::Builtin,
    };
    match kind {
        ClusterKind::Builtin => of_the_engine(wanted, settings, stop, progress).await,
        ClusterKind::Docker => docker::fetch(wanted, settings, stop, progress).await,
        ClusterKind::K3s => k3s::fetch(wanted, settings, stop, progress).await,
        ClusterKind::Kind => kind::fetch(wanted, settings, stop, progress).await,
        ClusterKind::Kubeconfig => Err(ClusterError::plain("a cluster that exists needs nothing from here").into()),
    }
}

async fn of_the_engine(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Fetched, StartError> {
    let release = versions::of_the_engine(wanted)?;
    let dir = unless_stopped(stop, release.ensure(settings, progress)).await.map_err(StartError::Stopped)??;
    Ok(Fetched { what: "the engine's node".into(), bytes: engine::size(&dir).ok() })
}
