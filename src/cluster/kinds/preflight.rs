//! What a cluster needs of this machine, asked before anything is started. `doctor` prints the same answers.

use std::time::{Duration, Instant};

use super::versions;
use crate::cluster::{
    ClusterError, Daemon, Settings, Wanted,
    engine::{self, Release, published},
    images, limits,
    own::{self, Room, program},
};
use crate::{process, settings};

/// One question to the machine, and its answer.
#[derive(Debug, Clone)]
pub struct Check {
    /// What is asked.
    pub name: &'static str,
    /// What is so.
    pub found: String,
    /// Whether it is about something that need not be fetched or built any more, such as an image.
    pub is_here: bool,
    /// What is missing and what to do; `None` when all is well.
    pub missing: Option<ClusterError>,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Check { name, found: found.into(), is_here: false, missing: None }
    }

    fn here(name: &'static str, found: impl Into<String>) -> Self {
        Check { is_here: true, ..Check::good(name, found) }
    }

    fn bad(name: &'static str, missing: ClusterError) -> Self {
        Check { name, found: missing.message.clone(), is_here: false, missing: Some(missing) }
    }
}

/// The builtin cluster on something that is not Linux.
pub fn not_linux() -> ClusterError {
    ClusterError::new(
        format!("the builtin cluster needs Linux, and this is {}", std::env::consts::OS),
        "run kubewalk on a Linux machine or virtual machine",
    )
}

/// What the builtin cluster needs.
pub fn builtin(settings: &Settings, release: Release) -> Vec<Check> {
    let mut checks = vec![linux(), root(), limits(), cache(settings)];
    match release.checked(&settings.cache) {
        Ok(Some(dir)) => checks.push(Check::here("engine", format!("built, in {}", dir.display()))),
        Err(e) => checks.push(Check::bad("engine", e)),
        Ok(None) => match without_a_build(release, settings) {
            Some(check) => checks.push(check),
            None => checks.extend([
                Check::good("engine", format!("not built yet; will be, below {}", settings.cache.display())),
                tool("go", "version", "install Go 1.26 or newer"),
                tool("gcc", "--version", "install gcc (Debian: apt-get install gcc libc6-dev)"),
                tool("apt-get", "--version", "use Debian or Ubuntu: the node's user land comes from their packages"),
            ]),
        },
    }
    checks.push(state(settings));
    checks
}

/// What is said of an engine that is not here, unless it is to be built: what a build needs is looked at when it comes to that.
fn without_a_build(release: Release, settings: &Settings) -> Option<Check> {
    if settings.offline {
        return Some(Check::bad("engine", release.missing_offline()));
    }
    let image = published::image(release, settings)?;
    Some(Check::good("engine", format!("not here yet; will be pulled from {image}")))
}

/// Of which other versions of Kubernetes the engine has a node, and which of them are built.
pub fn others(settings: &Settings) -> String {
    let others = Release::ALL.into_iter().filter(|release| *release != Release::NEWEST);
    let said = others.map(|release| match release.built(&settings.cache) {
        Some(_) => format!("{release} is built"),
        None => format!("{release} is not built yet"),
    });
    said.collect::<Vec<_>>().join(", ")
}

/// What the clusters in Docker need, each with its name.
pub async fn docker(settings: &Settings) -> Vec<(&'static str, Vec<Check>)> {
    let (of_k3s, of_docker, answers) = match Daemon::connect(settings.docker_host.as_deref()).await {
        Ok(daemon) => {
            let answers = || Check::good("docker", format!("{} answers", daemon.version));
            (vec![answers(), k3s_image(settings, &daemon).await], vec![answers(), node_image(settings)], answers())
        }
        Err(e) => {
            (vec![Check::bad("docker", e.clone())], vec![Check::bad("docker", e.clone())], Check::bad("docker", e))
        }
    };
    let of_kind = vec![answers, tool("docker", "--version", "install Docker's command line, which kind calls"), kind()];
    vec![
        ("k3s (rancher/k3s in Docker)", of_k3s),
        ("docker (the engine's node in Docker)", of_docker),
        ("kind (kindest/node in Docker)", of_kind),
    ]
}

/// The kind command: one of the machine, or one that is built.
fn kind() -> Check {
    match program::find("kind") {
        Ok(own) => Check::good("kind", own.display().to_string()),
        Err(program::Missing::NotThere(_)) => match program::find("go") {
            Ok(_) => Check::good("kind", "not on the PATH; a pinned one is built once, and kept in the cache"),
            Err(missing) => Check::bad("kind", missing.into_error("install kind, or Go to build it once")),
        },
        Err(foreign) => Check::bad("kind", foreign.into_error("install kind")),
    }
}

/// What `--cluster auto` takes here, and why.
pub fn auto(kinds: &[(&str, Vec<Check>)]) -> String {
    let of = |word: &str| kinds.iter().find(|(kind, _)| kind.starts_with(word)).map_or(&[][..], |(_, checks)| checks);
    let is_here = |word: &str, name: &str| of(word).iter().any(|check| check.name == name && check.is_here);
    let answers = of("k3s").first().is_some_and(|check| check.missing.is_none());
    let built = is_here("docker", "engine");
    let next = if built { "docker, whose node is built" } else { "builtin, as no node is built for Docker" };
    match (answers, is_here("k3s", "image")) {
        (false, _) if cfg!(not(feature = "docker")) => "takes builtin: this build has no Docker".into(),
        (false, _) => "takes builtin: Docker does not answer".into(),
        (true, true) => "takes k3s: Docker answers, and its image is here".into(),
        (true, false) => format!("takes k3s if its image can be pulled, else {next}"),
    }
}

async fn k3s_image(settings: &Settings, daemon: &Daemon) -> Check {
    let image = match versions::k3s_image(&Wanted::default(), settings) {
        Ok(image) => image,
        Err(e) => return Check::bad("image", e),
    };
    match images::here(daemon, &image).await {
        Ok(true) => Check::here("image", format!("{image} is here")),
        Ok(false) => Check::good("image", format!("{image} is not here; will be pulled from its registry")),
        Err(e) => Check::bad("image", e),
    }
}

fn node_image(settings: &Settings) -> Check {
    match engine::checked(&settings.cache) {
        Ok(Some(dir)) => Check::here("engine", format!("built, in {}", dir.display())),
        Err(e) => Check::bad("engine", e),
        Ok(None) => without_a_build(Release::NEWEST, settings)
            .unwrap_or_else(|| Check::good("engine", "not built yet; that needs what the builtin cluster needs")),
    }
}

/// The first thing that is missing.
///
/// # Errors
/// That thing, in one sentence with a remedy.
pub fn require(checks: Vec<Check>) -> Result<(), ClusterError> {
    checks.into_iter().find_map(|check| check.missing).map_or(Ok(()), Err)
}

fn linux() -> Check {
    if cfg!(target_os = "linux") { Check::good("system", "Linux") } else { Check::bad("system", not_linux()) }
}

fn root() -> Check {
    #[cfg(unix)]
    let root = rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    let root = false;
    if root {
        Check::good("user", "root")
    } else {
        Check::bad(
            "user",
            ClusterError::new(
                "the builtin cluster needs root, to make namespaces and cgroups for its node",
                "run the same command with sudo -E, keeping PATH: sudo -E env \"PATH=$PATH\" …",
            ),
        )
    }
}

fn limits() -> Check {
    match limits::of_a_node() {
        Ok(()) => Check::good("limits", "enough open files, sizes of files, and memory for each program"),
        Err(missing) => Check::bad("limits", missing),
    }
}

fn tool(name: &'static str, ask: &str, remedy: &str) -> Check {
    let program = match program::find(name) {
        Ok(program) => program,
        Err(missing) => return Check::bad(name, missing.into_error(remedy)),
    };
    let mut command = std::process::Command::new(program);
    // Some write into the home folder whatever they are asked; into another user's nothing is written.
    for (name, folder) in settings::homes() {
        if own::nobody_elses(&folder).is_err() {
            command.env_remove(name);
        }
    }
    command.arg(ask);
    match output_of(command) {
        Ok(said) if said.status.success() => {
            let text = String::from_utf8_lossy(&said.stdout);
            Check::good(name, text.lines().next().unwrap_or_default().to_owned())
        }
        Ok(said) => Check::bad(name, ClusterError::new(format!("{name} does not work: {}", said.status), remedy)),
        Err(e) => Check::bad(name, ClusterError::new(format!("{name} {e}"), remedy)),
    }
}

/// How long a tool may take to say what it is, and how much it may write.
const SAYS_WITHIN: Duration = Duration::from_secs(20);
const MOST_WORDS: usize = 64 << 10;

/// What a tool writes.
fn output_of(command: std::process::Command) -> Result<process::Output, process::Failed> {
    let work = || async { process::output(&mut command.into(), None, SAYS_WITHIN, MOST_WORDS).await };
    process::on_own_thread(work).map_err(process::Failed::Lost)?
}

/// The folder for what belongs to clusters: whether it is ours, and can be written.
fn state(settings: &Settings) -> Check {
    const NAME: &str = "folder for clusters";
    let remedy = "free some space there, or set KUBEWALK_STATE to a folder of your own that can be written";
    let written = Room::make(&settings.notes()).and_then(|room| {
        let probe = room.write("probe", &[0; 64]);
        probe.and_then(|()| room.remove("probe", Instant::now() + Duration::from_secs(1))).map_err(|e| {
            ClusterError::new(format!("cannot write to the folder {}: {e}", settings.base.display()), remedy)
        })
    });
    match written {
        Ok(()) => Check::good(NAME, settings.base.display().to_string()),
        Err(e) => Check::bad(NAME, e),
    }
}

/// The cache: whether what is executed from it is ours.
fn cache(settings: &Settings) -> Check {
    match own::cache(&settings.cache) {
        Ok(dir) => Check::good("cache", dir.display().to_string()),
        Err(e) => Check::bad("cache", e),
    }
}
