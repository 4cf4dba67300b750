//! How the build runs: its sources are written below the cache, it gets of the environment what it needs, and its words are passed on.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;

use super::sources::{SOURCES, collect, hash_of};
use crate::{
    cluster::{
        ClusterError, machine,
        own::{self, program},
    },
    process::{self, Group},
    redact, settings,
};

/// How long a build that is broken off may take to end its jobs.
const BUILD_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// Variables of the person's environment that the build gets: how the network is reached, and what Go goes by.
const PASSED_ON: [&str; 38] = [
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "NETRC",
    "HOME",
    "USER",
    "LOGNAME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "GOAUTH",
    "GOCACHE",
    "GOENV",
    "GOFIPS140",
    "GOGC",
    "GOINSECURE",
    "GOMAXPROCS",
    "GOMEMLIMIT",
    "GOMODCACHE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOPATH",
    "GOPRIVATE",
    "GOPROXY",
    "GOROOT",
    "GOSUMDB",
    "GOTELEMETRY",
    "GOTMPDIR",
    "GOTOOLCHAIN",
    "GOVCS",
    "KUBEWALK_ENGINE_LOCKED",
    "SUDO_UID",
];

/// So much free memory lets a build take more of it, in MiB.
const ROOMY: u64 = 8 * 1024;

/// How long `go env` may take.
const GO_SAYS_WITHIN: Duration = Duration::from_secs(20);

/// Runs the build of one product to its end.
pub(super) async fn build(cache: &Path, what: &[&str]) -> Result<(), ClusterError> {
    let sources = unpack(cache).map_err(|e| {
        ClusterError::new(
            format!("cannot write the engine's sources below {}: {e}", cache.display()),
            "set KUBEWALK_CACHE to a folder on a disk with 6 GB to spare",
        )
    })?;
    let bash = program::find("bash").map_err(|e| e.into_error("install bash"))?;
    let mut command = Command::new(bash);
    // What it starts reads many a variable, and executes what some of them name.
    command.env_clear().env("PATH", program::path()).env("LC_ALL", "C");
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    own_folders_of_go().await?;
    // Go executes and links what it keeps there.
    let temporary = own::trusted_folder(&cache.join("tmp"));
    command.env("TMPDIR", temporary.map_err(|e| ClusterError::plain(format!("cannot build the engine: {e}")))?);
    command.arg(sources.join("build.sh")).arg("--cache").arg(cache).args(what);
    command.env("KUBEWALK_STARTER", std::process::id().to_string());
    // The compiler of Go collects its garbage less often, which spares a tenth of its work and takes memory. The output is the same.
    if std::env::var_os("GOGC").is_none() && machine::available().is_some_and(|mib| mib > ROOMY) {
        command.env("GOGC", "400");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // The script ends its own jobs on TERM; a KILL would leave a compiler running.
    let started = Group::start(&mut command).map(|group| group.with_patience(BUILD_ENDS_WITHIN));
    let group = started
        .map_err(|e| ClusterError::new(format!("cannot start bash for the engine's build: {e}"), "install bash"))?;
    watch(group).await
}

/// Go's settings and what it keeps become part of what is executed, so others must not have written them.
async fn own_folders_of_go() -> Result<(), ClusterError> {
    const FOLDERS: [&str; 5] = ["GOENV", "GOCACHE", "GOMODCACHE", "GOROOT", "GOTMPDIR"];
    let own = |name: &str, folder: &Path| match own::nobody_elses(folder) {
        Err(e) if folder.is_absolute() => Err(ClusterError::new(
            format!("nothing is built with {name}={}, since what comes of it is executed: {e}", folder.display()),
            format!("set {name} to a place of your own"),
        )),
        _ => Ok(()),
    };
    // First, because each command of Go writes there.
    for (name, folder) in settings::homes() {
        own(name, &folder)?;
    }
    let go = match program::find("go") {
        Ok(go) => go,
        // The build says what it lacks.
        Err(program::Missing::NotThere(_)) => return Ok(()),
        Err(foreign) => return Err(foreign.into_error("")),
    };
    let mut command = Command::new(go);
    command
        .args(["env", "-json"])
        .args(FOLDERS)
        .env("PATH", program::path())
        .env("GOTOOLCHAIN", "local")
        .current_dir("/");
    // What Go itself objects to, the build tells with its own words.
    let Ok(output) = process::output(&mut command, None, GO_SAYS_WITHIN, 1 << 20).await else { return Ok(()) };
    let said: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    for (name, folder) in &said {
        own(name, Path::new(folder.as_str().unwrap_or_default()))?;
    }
    Ok(())
}

/// Passes a build's words on to standard error as they come, past a test harness that captures, and keeps the last.
async fn watch(mut build: Group) -> Result<(), ClusterError> {
    use tokio::io::AsyncReadExt as _;
    let mut stderr = build.child().stderr.take().expect("standard error is piped");
    let mut last = Vec::new();
    let mut chunk = [0_u8; 4096];
    // A proxy's password may stand in a download's address.
    let mut words = redact::Stream::default();
    let show = |text: String| {
        let _ = std::io::stderr().write_all(redact::outlet::plain(&text).as_bytes());
    };
    loop {
        match stderr.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(n) => {
                show(words.push(&chunk[..n]));
                last.extend_from_slice(&chunk[..n]);
                let excess = last.len().saturating_sub(16 * 1024);
                last.drain(..excess);
            }
        }
    }
    show(words.end());
    match build.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failure(&String::from_utf8_lossy(&last), &status.to_string())),
        Err(e) => Err(ClusterError::plain(format!("lost the engine's build: {e}"))),
    }
}

/// The build's own sentence (`engine: …`), or its last lines.
fn failure(said: &str, status: &str) -> ClusterError {
    let sentence = said.lines().rev().find_map(|line| line.strip_prefix("engine: "));
    let lines: Vec<String> = said.lines().map(str::to_owned).collect();
    let tail = lines[lines.len().saturating_sub(20)..].to_vec();
    match sentence {
        Some(sentence) => ClusterError { message: sentence.to_owned(), remedy: None, log: vec![] },
        None => ClusterError { message: format!("the engine's build failed ({status})"), remedy: None, log: tail },
    }
}

/// Writes the sources below the cache, beside and then renamed, so that no half of them is ever used.
fn unpack(cache: &Path) -> std::io::Result<PathBuf> {
    let name = hash_of(|_| true);
    let dir = cache.join("sources").join(&name);
    own::trusted_folder(&cache.join("sources")).map_err(std::io::Error::other)?;
    if dir.exists() {
        if whole(&dir) {
            return Ok(dir);
        }
        std::fs::remove_dir_all(&dir)?;
    }
    let beside = cache.join("sources").join(format!(".{name}-{}", std::process::id()));
    std::fs::create_dir_all(&beside)?;
    SOURCES.extract(&beside)?;
    match std::fs::rename(&beside, &dir) {
        Err(_) if dir.exists() => std::fs::remove_dir_all(&beside)?,
        other => other?,
    }
    Ok(dir)
}

/// Whether a folder has just the sources of this binary, and no other user can change them.
fn whole(dir: &Path) -> bool {
    let mut files = Vec::new();
    collect(&SOURCES, &mut files);
    files.iter().all(|(path, content)| {
        let file = dir.join(path);
        own::trusted(&file).is_ok_and(|real| real == file) && std::fs::read(&file).is_ok_and(|there| there == *content)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_build_speaks_in_its_own_sentence() {
        let e = failure("[ 1/11] go\nengine: Go is missing: install Go 1.26 or newer\n", "exit status: 3");
        assert_eq!(e.message, "Go is missing: install Go 1.26 or newer");
        let e = failure("a\nb\n", "exit status: 1");
        assert_eq!((e.message.as_str(), e.log.len()), ("the engine's build failed (exit status: 1)", 2));
    }
}
