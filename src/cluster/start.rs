//! The start of a cluster: of the kind that is wanted, or of the first that works here.

use super::{Cluster, ClusterError, ClusterKind, Progress, Settings, StartError, Wanted, kinds, limits};
use crate::stop::Stop;

/// Starts a cluster and waits until a Pod can be created in it and resolve `kubernetes`.
///
/// # Errors
/// What the environment lacks, in one sentence with a remedy, or that `stop` was asked for; nothing stays behind then.
pub async fn start(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    limits::files(limits::FILES)?;
    trust(wanted)?;
    if !wanted.shape.is_usual()
        && let Some(why) = wanted.kind.and_then(ClusterKind::usual_only)
    {
        return Err(ClusterError::new(why, "use --cluster builtin, docker or kind").into());
    }
    kinds::start(wanted, settings, stop, progress).await
}

/// Whether the kind that is wanted can be had at all; nothing is started to find out.
///
/// # Errors
/// When a version of Kubernetes is asked for that the kind does not have, its settings are wrong, or it cannot hold what is not
/// trusted.
pub fn check(wanted: &Wanted, settings: &Settings) -> Result<(), ClusterError> {
    trust(wanted)?;
    kinds::check(wanted, settings)
}

/// Whether the kind can hold scenarios that are not trusted, if they are not.
fn trust(wanted: &Wanted) -> Result<(), ClusterError> {
    let kind = wanted.kind.filter(|_| wanted.untrusted);
    let Some((kind, why)) = kind.and_then(|kind| Some((kind, kinds::trusted_only(kind)?))) else { return Ok(()) };
    let message = format!("--untrusted does not go with --cluster {kind}: {why}");
    Err(ClusterError::new(message, "use --cluster builtin or --cluster docker"))
}
