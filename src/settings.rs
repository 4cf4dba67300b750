//! Where things are kept, from the environment: read once, here, for the command line and for `cargo test` alike.

use std::path::{Path, PathBuf};

use crate::cluster::{ClusterKind, Settings, Wanted, own};

/// The cache from `KUBEWALK_CACHE`, else `XDG_CACHE_HOME`, else the home folder, and never in a folder that others share; a folder
/// for what belongs to clusters, see [`base`]; where Docker is, from `DOCKER_HOST`;
/// `KUBEWALK_K3S_IMAGE`, `KUBEWALK_KIND_CONFIG`, `KUBEWALK_KIND_IMAGE`, `KUBEWALK_NODE_MEMORY`; and in seconds `KUBEWALK_PULL_TIMEOUT` (10 minutes) and
/// `KUBEWALK_START_TIMEOUT` (2 to 3 minutes, by the kind of cluster).
pub fn from_env() -> Settings {
    let cache = set("KUBEWALK_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("kubewalk")))
        .or_else(|| home().map(|dir| dir.join(".cache/kubewalk")))
        // Whoever needs it says that there is none.
        .unwrap_or_default();
    // The engine's build and the keeper run with other working directories.
    let cache = std::path::absolute(&cache).unwrap_or(cache);
    let base = base(&cache);
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let seconds = |name: &str| text(name)?.trim().parse().ok().map(std::time::Duration::from_secs);
    Settings {
        cache,
        base,
        docker_host: text("DOCKER_HOST"),
        k3s_image: text("KUBEWALK_K3S_IMAGE"),
        kind_config: set("KUBEWALK_KIND_CONFIG"),
        kind_image: text("KUBEWALK_KIND_IMAGE"),
        pull_timeout: seconds("KUBEWALK_PULL_TIMEOUT").unwrap_or(std::time::Duration::from_secs(600)),
        node_memory: text("KUBEWALK_NODE_MEMORY").and_then(|text| bytes(&text)),
        start_timeout: seconds("KUBEWALK_START_TIMEOUT"),
    }
}

fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The home folder: `HOME`, else what the system knows of this user.
fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|dir| dir.is_absolute())
}

/// The folder for what belongs to clusters and goes with them: `KUBEWALK_STATE`; else `/run/kubewalk` for root, and for others
/// `kubewalk` in `XDG_RUNTIME_DIR`, when that is this user's alone (under `sudo -E` it is somebody else's); else `run` in the
/// cache. It is looked at again, and made, by who uses it.
fn base(cache: &Path) -> PathBuf {
    if let Some(base) = set("KUBEWALK_STATE") {
        return std::path::absolute(&base).unwrap_or(base);
    }
    let user = rustix::process::geteuid();
    if user.is_root() {
        let run = Path::new("/run");
        if own::trusted(run).is_ok() && rustix::fs::access(run, rustix::fs::Access::WRITE_OK).is_ok() {
            return run.join("kubewalk");
        }
    } else if let Some(runtime) = set("XDG_RUNTIME_DIR")
        && let Ok(runtime) = own::trusted(&runtime)
        && runtime.metadata().is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == user.as_raw())
    {
        return runtime.join("kubewalk");
    }
    cache.join("run")
}

/// Who called sudo: root's files may be theirs.
pub fn invoker() -> Option<u32> {
    std::env::var("SUDO_UID").ok()?.parse().ok()
}

/// Where programs are looked for.
pub fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// A number of bytes: `4Gi`, `900Mi`, `4000000000`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().trim_end_matches('B');
    let units = [("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let unit = units.into_iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let (number, shift) = unit.unwrap_or((text, 0));
    number.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Whether warm clusters are to be left alone: `KUBEWALK_FRESH=1`, as for `kubewalk run`.
pub fn fresh() -> bool {
    std::env::var("KUBEWALK_FRESH").is_ok_and(|value| !matches!(value.trim(), "" | "0" | "false" | "no"))
}

/// Whether the scenarios that tests run are not trusted: `KUBEWALK_UNTRUSTED=1`, as for `kubewalk run`.
pub fn untrusted() -> bool {
    use clap::builder::{FalseyValueParser, TypedValueParser as _};
    // The same reader as that of the command line; it takes any text.
    let read = |text: &std::ffi::OsStr| FalseyValueParser::new().parse_ref(&clap::Command::new("kubewalk"), None, text);
    std::env::var_os("KUBEWALK_UNTRUSTED").is_some_and(|text| read(&text).unwrap_or(true))
}

/// The id of the run of cargo-nextest that this process is one test of.
pub fn nextest_run() -> Option<String> {
    let id = std::env::var("NEXTEST_RUN_ID").ok()?;
    (!id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')).then_some(id)
}

/// The variable that tells a process which folder's cluster it is to hold.
pub const HOLD: &str = "KUBEWALK_INTERNAL_HOLD";

/// The folder of the cluster that this process is to hold, when it was started for that.
pub fn hold() -> Option<PathBuf> {
    std::env::var_os(HOLD).map(PathBuf::from)
}

/// The number or the title of the step in which a run is to panic, so that tests see what comes of a bug:
/// `KUBEWALK_PANIC_IN_STEP`, in debug builds only.
#[cfg(debug_assertions)]
pub fn panic_in_step() -> Option<String> {
    std::env::var("KUBEWALK_PANIC_IN_STEP").ok()
}

/// Whether tests run scenarios tagged `slow`, too: `KUBEWALK_TAG=slow`, as for `kubewalk run`.
pub fn slow() -> bool {
    std::env::var("KUBEWALK_TAG").is_ok_and(|tags| tags.split(',').any(|tag| tag.trim() == "slow"))
}

/// The cluster that tests run on: `KUBEWALK_CLUSTER` and `KUBEWALK_KUBERNETES`, as for `kubewalk run`. Anonymous calls are let
/// in, since the first test does not know what the others need.
///
/// # Errors
/// When there is no kind of that name, or it is one that exists: tests do not ask whether that one is meant.
pub fn wanted() -> Result<Wanted, String> {
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let word = text("KUBEWALK_CLUSTER").unwrap_or_else(|| ClusterKind::Auto.word().into());
    let kind = ClusterKind::ALL.into_iter().find(|kind| kind.word() == word);
    let kind = kind.ok_or_else(|| {
        let words = ClusterKind::ALL.map(ClusterKind::word).join(", ");
        format!("KUBEWALK_CLUSTER: there is no kind of cluster `{word}`; there are {words}")
    })?;
    if kind == ClusterKind::Kubeconfig {
        return Err("KUBEWALK_CLUSTER: tests do not run in a cluster that exists; `kubewalk run` does".into());
    }
    let kubernetes = text("KUBEWALK_KUBERNETES");
    Ok(Wanted { kind, kubernetes, anonymous: true, untrusted: untrusted(), ..Wanted::default() })
}

/// The kubeconfig files that kubectl would use: those of `KUBECONFIG`, else `~/.kube/config`.
pub fn kubeconfig_files() -> Vec<PathBuf> {
    match std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
        Some(list) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config")).into_iter().collect(),
    }
}
