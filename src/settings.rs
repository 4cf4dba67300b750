//! Where things are kept, from the environment: read once, here, for the command line and for `cargo test` alike.

use std::path::PathBuf;

use crate::cluster::{ClusterKind, Settings, Wanted};

/// Folders from `KUBEWALK_CACHE`, else `XDG_CACHE_HOME`, else `HOME`, and the system's folder for temporary files; where Docker
/// is, from `DOCKER_HOST`; `KUBEWALK_K3S_IMAGE`, `KUBEWALK_KIND_CONFIG`, `KUBEWALK_KIND_IMAGE`, and `KUBEWALK_PULL_TIMEOUT` in
/// seconds (10 minutes).
pub fn from_env() -> Settings {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("KUBEWALK_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("kubewalk")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/kubewalk")))
        .unwrap_or_else(|| std::env::temp_dir().join("kubewalk-cache"));
    // The engine's build and the keeper run with other working directories.
    let cache = std::path::absolute(&cache).unwrap_or(cache);
    let temp = std::env::temp_dir();
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let seconds = text("KUBEWALK_PULL_TIMEOUT").and_then(|text| text.trim().parse().ok()).unwrap_or(600);
    Settings {
        cache,
        temp: std::path::absolute(&temp).unwrap_or(temp),
        docker_host: text("DOCKER_HOST"),
        k3s_image: text("KUBEWALK_K3S_IMAGE"),
        kind_config: set("KUBEWALK_KIND_CONFIG"),
        kind_image: text("KUBEWALK_KIND_IMAGE"),
        pull_timeout: std::time::Duration::from_secs(seconds),
    }
}

/// Whether tests run scenarios tagged `slow`, too: `KUBEWALK_TAG=slow`, as for `kubewalk run`.
pub fn slow() -> bool {
    std::env::var("KUBEWALK_TAG").is_ok_and(|tags| tags.split(',').any(|tag| tag.trim() == "slow"))
}

/// The cluster that tests run on: `KUBEWALK_CLUSTER` and `KUBEWALK_KUBERNETES`, as for `kubewalk run`. Anonymous calls are let
/// in, since the first test does not know what the others need.
///
/// # Errors
/// When there is no kind of that name.
pub fn wanted() -> Result<Wanted, String> {
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let word = text("KUBEWALK_CLUSTER").unwrap_or_else(|| ClusterKind::Auto.word().into());
    let kind = ClusterKind::ALL.into_iter().find(|kind| kind.word() == word);
    let kind = kind.ok_or_else(|| {
        let words = ClusterKind::ALL.map(ClusterKind::word).join(", ");
        format!("KUBEWALK_CLUSTER: there is no kind of cluster `{word}`; there are {words}")
    })?;
    Ok(Wanted { kind, kubernetes: text("KUBEWALK_KUBERNETES"), anonymous: true })
}
