//! What a cluster of a kind is started from: made to be on this machine, and nothing is started.

use super::{auto, curl, docker, kind, versions};
use crate::{
    cluster::{
        ClusterError, ClusterKind, Daemon, Progress, Settings, StartError, Wanted, engine, images, images::Patience,
    },
    stop::{Stop, unless_stopped},
};

/// What is here now.
#[derive(Debug)]
pub struct Fetched {
    /// In words.
    pub what: String,
    /// How many bytes its files have, where that is known.
    pub bytes: Option<u64>,
}

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
    let patience = Patience::of(settings);
    let kind = match wanted.kind {
        Some(kind) => kind,
        // As `auto` goes: first k3s, if Docker answers and its image can be had.
        None if Daemon::connect(settings.docker_host.as_deref()).await.is_ok() => {
            let patience = Patience { first: auto::FIRST_WORD, ..patience };
            match of_k3s(wanted, settings, patience, stop, progress).await {
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
        ClusterKind::Docker => {
            let daemon = Daemon::connect(settings.docker_host.as_deref()).await?;
            let release = versions::of_the_engine(wanted)?;
            docker::node_image(&daemon, release, settings, stop, progress).await?;
            let bytes = release.built(&settings.cache).and_then(|dir| engine::size(&dir).ok());
            Ok(Fetched { what: "the engine's node in Docker".into(), bytes })
        }
        ClusterKind::K3s => of_k3s(wanted, settings, patience, stop, progress).await,
        ClusterKind::Kind => {
            kind::fetch(wanted, settings, stop, progress).await.map(|what| Fetched { what, bytes: None })
        }
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

async fn of_k3s(
    wanted: &Wanted,
    settings: &Settings,
    patience: Patience,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Fetched, StartError> {
    let image = versions::k3s_image(wanted, settings)?;
    let daemon = Daemon::connect(settings.docker_host.as_deref()).await?;
    images::ensure(&daemon, &image, patience, stop, progress).await?;
    curl::image(&daemon, settings, patience, stop, progress).await?;
    Ok(Fetched { what: format!("the image {image}"), bytes: None })
}
