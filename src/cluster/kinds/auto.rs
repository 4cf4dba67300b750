//! `--cluster auto`: the first kind that works here: k3s where Docker answers and has the image or can get it, else the engine's
//! node in Docker where it is built, else the engine's node without Docker. Each that is passed over says why.

use std::time::Duration;

use super::{k3s, versions::of_the_engine};
use crate::cluster::{
    Cluster, ClusterError, ClusterKind, Daemon, Progress, Settings, StartError, Wanted,
    engine::{Release, published},
};
use crate::stop::Stop;

/// A registry that has said nothing after so long is no reason to wait, when there is another kind.
const FIRST_WORD: Duration = Duration::from_secs(10);

/// The settings of a kind that is passed over when its registry says nothing.
pub(super) fn in_haste(settings: &Settings) -> Settings {
    Settings { first_word: FIRST_WORD, ..settings.clone() }
}

/// Starts the first kind that works.
///
/// # Errors
/// That of the last kind, with what was said about the others, or that the run was stopped.
pub async fn start(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    let mut passed = Vec::new();
    match Daemon::connect(settings.docker_host.as_deref()).await {
        Err(e) => passed.push(format!("no k3s, and no node in Docker: {e}")),
        Ok(_) => {
            if !wanted.shape.is_usual() {
                passed.extend(ClusterKind::K3s.usual_only().map(|why| format!("no k3s: {why}")));
            } else if wanted.untrusted {
                passed.push("no k3s: an untrusted scenario could remove its policies".into());
            } else {
                match k3s::start(wanted, &in_haste(settings), stop, progress).await {
                    Err(StartError::Failed(e)) => passed.push(format!("no k3s: {e}")),
                    other => return other,
                }
            }
            let release = of_the_engine(wanted)?;
            let pulled = !settings.offline && published::image(release, settings).is_some();
            // Where the machine's own user cannot have a builtin one, Docker is the way to a node that is pulled.
            if release.built(&settings.cache).is_some() || pulled && !builtin_works(settings) {
                progress(Progress::Note(passed.concat()));
                match super::docker::start(wanted, settings, stop, progress).await {
                    Err(StartError::Failed(e)) => passed.push(format!("no node in Docker: {e}")),
                    other => return other,
                }
            } else {
                passed.push("no node in Docker: its image is not built yet".into());
            }
        }
    }
    if let Some(last) = passed.last() {
        progress(Progress::Note(format!("{last}; so the cluster is builtin")));
    }
    start_builtin(wanted, settings, stop, progress).await.map_err(|e| match e {
        StartError::Failed(ClusterError { message, remedy, log }) => {
            ClusterError { message, remedy, log: passed.into_iter().chain(log).collect() }.into()
        }
        stopped => stopped,
    })
}

/// Whether a builtin cluster could be started here, as far as that is seen before.
fn builtin_works(settings: &Settings) -> bool {
    super::preflight::builtin(settings, Release::NEWEST).iter().all(|check| check.missing.is_none())
}

/// Starts the engine's node, without Docker.
///
/// # Errors
/// As [`start`](fn@crate::cluster::start).
pub(super) async fn start_builtin(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    #[cfg(target_os = "linux")]
    return super::builtin::start(wanted, settings, stop, progress).await;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (settings, stop, progress);
        Err(super::preflight::not_linux().into())
    }
}
