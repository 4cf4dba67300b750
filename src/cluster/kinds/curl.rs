//! The image that the alias `curl` stands for, in nodes that are not the engine's.

use crate::{
    cluster::{
        ClusterError, Daemon, Progress, Settings, StartError,
        engine::{self, CURL_IMAGE},
        images::{self, Patience},
    },
    stop::Stop,
};

/// For Pods, where the engine's own image with curl is not built: the one of curl's authors.
const CURL_FROM_REGISTRY: &str = "docker.io/curlimages/curl:8.16.0";

/// That image and its archive: the engine's own where it is built, else the one of curl's
/// authors. A node gets it before its first Pod, so that no Pod depends on a registry.
pub(super) async fn image(
    daemon: &Daemon,
    settings: &Settings,
    patience: Patience,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(String, Vec<u8>), StartError> {
    if let Some(engine) = engine::any_checked(&settings.cache)? {
        let path = engine.join("images/curl.tar");
        let archive = std::fs::read(&path).map_err(|e| {
            ClusterError::new(format!("cannot read {}: {e}", path.display()), "remove the engine's folder")
        })?;
        return Ok((CURL_IMAGE.to_owned(), archive));
    }
    images::ensure(daemon, CURL_FROM_REGISTRY, patience, stop, progress).await?;
    Ok((CURL_FROM_REGISTRY.to_owned(), images::export(daemon, CURL_FROM_REGISTRY).await?))
}
