//! Where things are kept, from the environment, for the command line and for `cargo test` alike, and how the variables of the command line are
//! read. Variables of others are read where they mean something: Docker's in `where_docker_is`, Go's in the engine's build, those of
//! terminals in `color`.

pub mod project;
pub mod secret;

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use clap::ValueEnum as _;
use hyper_util::client::proxy::matcher::Matcher;

use crate::{
    cluster::{Settings, Wanted, engine::published, own},
    cluster_kind::{Choice, ClusterKind},
    duration,
    k8s::version::{NoVersion, Version},
    run_limits::RunLimits,
    scenario::diagnostic,
};

/// The variable of `--fresh`.
pub const FRESH: &str = "KUBEWALK_FRESH";

/// The variable of `--tag`.
pub const TAG: &str = "KUBEWALK_TAG";

/// Variables of times in seconds.
const SECONDS: [&str; 2] = ["KUBEWALK_PULL_TIMEOUT", "KUBEWALK_START_TIMEOUT"];

/// How the variables of a command line are read, here and in tests: one that is empty counts as not set, and a switch is off by
/// `0`, `false`, `no`, `off` and the like, and on by everything else.
pub fn variables(command: clap::Command) -> clap::Command {
    let empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|argument| match argument.get_env() {
        Some(name) if empty(name) => argument.env(None::<&str>),
        Some(_) if matches!(argument.get_action(), clap::ArgAction::SetTrue) => {
            argument.value_parser(clap::builder::FalseyValueParser::new())
        }
        _ => argument,
    });
    command.mut_subcommands(variables)
}

/// A tag, without the blanks around it.
///
/// # Errors
/// None; the command line wants the type.
pub fn tag(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.trim().to_owned())
}

/// How many times a switch is said; its variable says a number, or is on or off as that of any other switch.
///
/// # Errors
/// None; the command line wants the type.
pub fn count(text: &str) -> Result<u8, std::convert::Infallible> {
    let off = ["", "n", "no", "f", "false", "off", "0"];
    let word = text.trim().to_lowercase();
    Ok(if off.contains(&word.as_str()) { 0 } else { word.parse().unwrap_or(1) })
}

/// A minor version, as Kubernetes writes it.
///
/// # Errors
/// That it is none.
pub fn minor(text: &str) -> Result<Version, NoVersion> {
    let version: Version = text.strip_prefix('v').unwrap_or(text).parse()?;
    if version.major == 1 { Ok(version) } else { Err(NoVersion) }
}

/// The variables that tests read, with the grammar of the command line.
#[derive(Debug, clap::Parser)]
struct OfTests {
    #[arg(long, env = FRESH)]
    fresh: bool,
    #[arg(long, env = "KUBEWALK_UNTRUSTED")]
    untrusted: bool,
    #[arg(long, env = TAG, value_delimiter = ',', value_parser = tag)]
    tag: Vec<String>,
}

/// The time limits and retries of a run.
#[derive(Debug, clap::Parser)]
struct LimitsOfTests {
    #[command(flatten)]
    limits: RunLimits,
}

/// The same for those that can be wrong.
#[derive(Debug, clap::Parser)]
struct KindOfTests {
    #[arg(long, env = "KUBEWALK_CLUSTER", default_value = "auto", value_parser = kind)]
    cluster: Choice,
    #[arg(long, env = "KUBEWALK_KUBERNETES", value_parser = one_minor)]
    kubernetes: Option<Version>,
}

/// The version that tests run on. `kubewalk run` takes several in the same variable.
fn one_minor(text: &str) -> Result<Version, String> {
    if text.contains(',') {
        return Err("tests run on one version of Kubernetes; `kubewalk run` compares several".into());
    }
    minor(text).map_err(|e| e.to_string())
}

fn kind(word: &str) -> Result<Choice, String> {
    let words = ClusterKind::ALL.map(ClusterKind::word).join(", ");
    Choice::from_str(word, false).map_err(|_| format!("there is no such kind of cluster; there are auto, {words}"))
}

/// Reads variables alone: there is no command line of ours in a test program.
///
/// # Errors
/// What is wrong with one of them, or with the project's file.
pub fn read<T: clap::Parser>() -> Result<T, String> {
    let mut command = variables(T::command());
    let profile = variable_text(project::PROFILE);
    let file = project::read(profile.as_deref(), &command);
    if let Some(file) = file.map_err(|(source, wrong)| diagnostic::render(&wrong, &source, false))? {
        command = project::below(command, &file);
    }
    let found = command.try_get_matches_from(["cargo-test"]).and_then(|found| T::from_arg_matches(&found));
    found.map_err(|e| e.to_string().trim_start_matches("error: ").lines().next().unwrap_or_default().to_owned())
}

/// What is wrong with the variables that no command line has, one sentence each.
pub fn wrong() -> Vec<String> {
    let wrong = |name: &&str| variable_text(name).is_some_and(|value| seconds(&value).is_none());
    let memory = "KUBEWALK_NODE_MEMORY";
    let of_memory = variable_text(memory).is_some_and(|value| bytes(&value).is_none());
    let memory = of_memory.then(|| format!("{memory} is an amount of memory, such as 4Gi"));
    let of_engine = variable_text(published::VARIABLE).and_then(|value| published::wrong(&value));
    SECONDS
        .iter()
        .filter(|name| wrong(name))
        .map(|name| format!("{name} is a number of seconds, such as 300"))
        .chain(memory)
        .chain(of_engine)
        .collect()
}

fn variable_text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// A number of seconds, or a time with its unit; more than nothing.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| duration::read(text)).filter(|time| !time.is_zero())
}

/// The cache from `KUBEWALK_CACHE`, else `XDG_CACHE_HOME`, else the home folder, and never in a folder that others share; a folder
/// for what belongs to clusters, see `base`; where Docker is, from `DOCKER_HOST`;
/// `KUBEWALK_K3S_IMAGE`, `KUBEWALK_KIND_CONFIG`, `KUBEWALK_KIND_IMAGE`, `KUBEWALK_ENGINE_IMAGE`, `KUBEWALK_OFFLINE`, `KUBEWALK_NODE_MEMORY`; and in seconds `KUBEWALK_PULL_TIMEOUT` (10 minutes) and
/// `KUBEWALK_START_TIMEOUT` (2 to 3 minutes, by the kind of cluster).
pub fn from_env() -> Settings {
    let cache = set("KUBEWALK_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("kubewalk")))
        .or_else(|| home().map(|dir| dir.join(".cache/kubewalk")))
        // The code that needs it says that there is none.
        .unwrap_or_default();
    // The engine's build and the keeper run with other working directories.
    let cache = std::path::absolute(&cache).unwrap_or(cache);
    let base = base(&cache);
    let seconds = |name: &str| seconds(&variable_text(name)?);
    let left_out = Settings::in_folders(cache, base);
    Settings {
        docker_host: variable_text("DOCKER_HOST"),
        k3s_image: variable_text("KUBEWALK_K3S_IMAGE"),
        kind_config: set("KUBEWALK_KIND_CONFIG"),
        kind_image: variable_text("KUBEWALK_KIND_IMAGE"),
        engine_image: variable_text(published::VARIABLE),
        offline: is_offline(),
        pull_timeout: seconds(SECONDS[0]).unwrap_or(left_out.pull_timeout),
        node_memory: variable_text("KUBEWALK_NODE_MEMORY").and_then(|text| bytes(&text)),
        start_timeout: seconds(SECONDS[1]),
        ..left_out
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
/// `kubewalk` in `XDG_RUNTIME_DIR`, when that is this user's alone (under `sudo -E` it is another user's); else `run` in the
/// cache, or where that is another user's, `kubewalk/run` in this user's folder for state. It is looked at again, and made,
/// by the code that uses it.
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
        && runtime.metadata().is_ok_and(|about| about.uid() == user.as_raw())
    {
        return runtime.join("kubewalk");
    }
    // A cache that another user has made, root for example, is only read.
    let foreign = |dir: &Path| dir.metadata().is_ok_and(|about| about.uid() != user.as_raw());
    let own = home().map(|home| home.join(".cache/kubewalk"));
    let of_state =
        || set("XDG_STATE_HOME").filter(|dir| dir.is_absolute()).or(home().map(|home| home.join(".local/state")));
    match own {
        _ if !foreign(cache) => cache.join("run"),
        Some(own) if own != cache && !foreign(&own) => own.join("run"),
        // Root has made that one, too, on behalf of this user.
        _ => of_state().map_or_else(|| cache.join("run"), |state| state.join("kubewalk/run")),
    }
}

/// The user who called sudo: root's files may be theirs.
pub fn invoker() -> Option<u32> {
    std::env::var("SUDO_UID").ok()?.parse().ok()
}

/// Whether a user is one whose files are this process's own: root, the user that it acts as, or under sudo its caller.
pub fn is_own_user(user: u32) -> bool {
    let me = rustix::process::geteuid();
    user == 0 || user == me.as_raw() || me.is_root() && invoker() == Some(user)
}

/// The group of the user who called sudo.
pub fn invoker_group() -> Option<u32> {
    std::env::var("SUDO_GID").ok()?.parse().ok()
}

/// The folders of a person in which programs keep what they like to keep, as far as they are set: `HOME` and those of XDG.
pub fn homes() -> impl Iterator<Item = (&'static str, PathBuf)> {
    ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"].into_iter().filter_map(|name| Some((name, set(name)?)))
}

/// The proxies that the environment names for what is elsewhere: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, or in
/// small letters, as curl reads them.
pub fn proxies() -> Matcher {
    Matcher::from_env()
}

/// The variable of `--offline`.
pub const OFFLINE: &str = "KUBEWALK_OFFLINE";

/// Whether `--offline` was said on the command line.
static OFFLINE_SAID: AtomicBool = AtomicBool::new(false);

/// Notes that it was.
pub fn say_offline() {
    OFFLINE_SAID.store(true, Ordering::Relaxed);
}

/// Whether nothing may be pulled or built: `--offline`, or its variable, which is on by whatever is not off.
pub fn is_offline() -> bool {
    OFFLINE_SAID.load(Ordering::Relaxed)
        || variable_text(OFFLINE).is_some_and(|value| count(&value).is_ok_and(|times| times > 0))
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
    read::<OfTests>().is_ok_and(|read| read.fresh)
}

/// Whether the scenarios that tests run are not trusted: `KUBEWALK_UNTRUSTED=1`, as for `kubewalk run`.
pub fn untrusted() -> bool {
    // What cannot be read may have said so.
    read::<OfTests>().map_or(true, |read| read.untrusted)
}

/// Whether tests fail when no cluster can be started: unless `KUBEWALK_REQUIRE=0`.
pub fn required() -> bool {
    variable_text("KUBEWALK_REQUIRE").is_none_or(|value| count(&value).is_ok_and(|times| times > 0))
}

/// The time limits and retries of a run of tests: `KUBEWALK_BUDGET`, `KUBEWALK_CLEANUP_BUDGET`, `KUBEWALK_RETRY_ENVIRONMENT` and
/// `KUBEWALK_FAIL_ON_FLAKY`, as for `kubewalk run`.
///
/// # Errors
/// What is wrong with one of them.
pub fn run_limits() -> Result<RunLimits, String> {
    read::<LimitsOfTests>().map(|read| read.limits)
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

/// Where a GitHub runner has checked the project out, from which GitHub reads the paths in annotations: `GITHUB_WORKSPACE`.
pub fn github_workspace() -> Option<PathBuf> {
    set("GITHUB_WORKSPACE").filter(|path| path.is_absolute())
}

/// Whether tests run scenarios tagged `slow`, too: `KUBEWALK_TAG=slow`, as for `kubewalk run`.
pub fn slow() -> bool {
    read::<OfTests>().is_ok_and(|read| read.tag.iter().any(|tag| tag == "slow"))
}

/// The cluster that tests run on: `KUBEWALK_CLUSTER` and `KUBEWALK_KUBERNETES`, as for `kubewalk run`. Anonymous calls are let
/// in, since the first test does not know what the others need.
///
/// # Errors
/// When there is no kind of that name, or it is one that exists: tests do not ask whether that one is meant.
pub fn wanted() -> Result<Wanted, String> {
    if let Some(wrong) = wrong().first() {
        return Err(wrong.clone());
    }
    let KindOfTests { cluster, kubernetes } = read()?;
    let kind = cluster.kind();
    if kind == Some(ClusterKind::Kubeconfig) {
        return Err("KUBEWALK_CLUSTER: tests do not run in a cluster that exists; `kubewalk run` does".into());
    }
    Ok(Wanted { kind, kubernetes, anonymous: true, untrusted: untrusted(), ..Wanted::default() })
}

/// Whether there is a trace of a Docker: it is named, or one of its usual sockets is there, whether it answers or not.
pub fn docker_may_be_here() -> bool {
    let below = |variable: &str, name: &str| Some(PathBuf::from(std::env::var_os(variable)?).join(name));
    let sockets = [
        Some(PathBuf::from("/var/run/docker.sock")),
        below("XDG_RUNTIME_DIR", "docker.sock"),
        below("XDG_RUNTIME_DIR", "podman/podman.sock"),
        Some(PathBuf::from("/run/podman/podman.sock")),
        below("HOME", ".docker/run/docker.sock"),
        below("HOME", ".docker/desktop/docker.sock"),
    ];
    let absent = |path: &PathBuf| {
        std::fs::symlink_metadata(path)
            .is_err_and(|e| matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory))
    };
    variable_text("DOCKER_HOST").is_some() || !sockets.iter().flatten().all(absent)
}

/// The kubeconfig files that kubectl would use: those of `KUBECONFIG`, else `~/.kube/config`.
pub fn kubeconfig_files() -> Vec<PathBuf> {
    match std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
        Some(list) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config")).into_iter().collect(),
    }
}

/// Docker's own file with logins, of `DOCKER_CONFIG` or the home folder.
pub fn docker_config() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = folder("DOCKER_CONFIG").or_else(|| folder("HOME").map(|home| home.join(".docker")))?;
    Some(folder.join("config.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_say_why_they_do_not_compare_versions() {
        assert_eq!(one_minor("1.34"), Ok(Version::new(1, 34)));
        assert_eq!(one_minor("v1.20"), Ok(Version::new(1, 20)));
        let several = one_minor("1.20,1.34").expect_err("refused");
        assert_eq!(several, "tests run on one version of Kubernetes; `kubewalk run` compares several");
        assert!(one_minor("2.0").is_err() && one_minor("new").is_err());
    }
}
