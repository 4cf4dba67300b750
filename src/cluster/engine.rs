//! What the engine's build makes, the node image and the commands of kind and helm: where it is, and how it comes to be there. The
//! node image can also be pulled, where a release has published it or a person names one.
//!
//! The sources travel inside this binary. They are named by a hash of themselves, so a cached image is used exactly when
//! it was built from the same sources.

mod fetch;
pub mod node_event;
pub mod published;
mod release;
mod sums;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use include_dir::{Dir, DirEntry, include_dir};
use sha2::{Digest as _, Sha256};

pub use self::release::Release;
use super::{
    ClusterError, Progress, Settings, machine,
    own::{self, program},
};
use crate::{
    process::{self, Group},
    redact, settings,
};

/// The image in the node that has curl and a shell.
pub const CURL_IMAGE: &str = "kubewalk.local/curl:1";

/// How long a build that is broken off may take to end its jobs.
const BUILD_ENDS_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

static SOURCES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/engine");

impl Release {
    /// The hash of its image's sources, 16 hex digits, as `engine/build.sh --minor MINOR --hash` computes it: of every file but
    /// `*.md`, what is only for kind and helm, and the folders of versions that are neither this nor the newest, sorted by path,
    /// the line that `sha256sum` prints.
    pub fn hash(self) -> String {
        let others = Release::ALL.into_iter().filter(|other| ![self, Release::NEWEST].contains(other));
        let others: Vec<String> = others.map(|other| format!("{other}/")).collect();
        let other = |path: &str| others.iter().any(|folder| path.starts_with(folder));
        hash_of(|path| {
            !path.ends_with(".md") && !path.starts_with("kind/") && !path.starts_with("helm/") && !other(path)
        })
    }

    /// The folder of the finished image, if it is there.
    pub fn built(self, cache: &Path) -> Option<PathBuf> {
        let dir = cache.join("engine").join(self.hash());
        dir.join("COMPLETE").exists().then_some(dir)
    }

    /// The folder of the image. When it is not there, it is pulled first, if a registry is known to have it, else built; what is
    /// pulled can be nothing but what is known by its digest, and why it could not be pulled is told. The build shows its progress
    /// on standard error, also from inside `cargo test`, and can be interrupted and resumed.
    ///
    /// # Errors
    /// What the build lacked, as its script said it; or that neither may be done.
    pub async fn ensure(
        self,
        settings: &Settings,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<PathBuf, ClusterError> {
        if let Some(dir) = self.checked(&settings.cache)? {
            return Ok(dir);
        }
        if settings.offline {
            return Err(self.missing_offline());
        }
        let cache = own::cache(&settings.cache)?;
        let mut passed = None;
        if let Some(image) = published::image(self, settings) {
            match fetch::fetch(self, &image, &cache, settings, progress).await {
                Ok(()) => return self.checked(&cache)?.ok_or_else(|| ended_without("pull")),
                Err(fault) => {
                    let why = format!("the engine's image {image} was not pulled ({}): {fault}", fault.class());
                    progress(Progress::Note(format!("{why}; so the engine is built here")));
                    passed = Some(why);
                }
            }
        }
        progress(Progress::BuildingEngine { kubernetes: self.minor });
        build(&cache, &["--minor", &self.to_string()])
            .await
            .map_err(|e| ClusterError { log: passed.into_iter().chain(e.log).collect(), ..e })?;
        self.checked(&cache)?.ok_or_else(|| ended_without("build"))
    }

    /// That it is not there, when neither a pull nor a build may make it.
    pub fn missing_offline(self) -> ClusterError {
        let minor = if self == Release::NEWEST { String::new() } else { format!(" --kubernetes {self}") };
        ClusterError::new(
            format!(
                "the engine's node with Kubernetes {self} is not on this machine, and --offline neither pulls nor builds it"
            ),
            format!("run `kubewalk prefetch{minor}` once with a network"),
        )
    }

    /// The folder of the finished image, if it is there: one that no other user could change, and that is as it was built.
    ///
    /// # Errors
    /// Which other users could have changed it, or what is not as it was built.
    pub fn checked(self, cache: &Path) -> Result<Option<PathBuf>, ClusterError> {
        if self.built(cache).is_none() {
            return Ok(None);
        }
        // By the real path of the cache from here on: the other may lead through another user's link.
        let cache = own::cache(cache)?;
        let Some(dir) = self.built(&cache) else { return Ok(None) };
        as_built(&dir, &cache)?;
        Ok(Some(dir))
    }
}

fn ended_without(what: &str) -> ClusterError {
    ClusterError::plain(format!("the engine's {what} ended without an image"))
}

/// What is built may not be built offline.
fn may_build(what: &str, settings: &Settings) -> Result<(), ClusterError> {
    if !settings.offline {
        return Ok(());
    }
    Err(ClusterError::new(
        format!("there is no {what} on the PATH, and --offline builds none"),
        format!("install {what}, or run this once with a network"),
    ))
}

/// The hash of the newest node image's sources.
pub fn hash() -> String {
    Release::NEWEST.hash()
}

/// The same of the kind command: `engine/build.sh --product kind --hash`.
fn kind_hash() -> String {
    hash_of(|path| path.starts_with("kind/go.") || path == "kind/steps.sh")
}

/// The same of the helm command: `engine/build.sh --product helm --hash`.
pub fn helm_hash() -> String {
    hash_of(|path| path.starts_with("helm/go.") || path == "helm/steps.sh")
}

fn hash_of(counts: impl Fn(&str) -> bool) -> String {
    let mut files = Vec::new();
    collect(&SOURCES, &mut files);
    files.retain(|(path, _)| counts(path));
    files.sort();
    let mut all = Sha256::new();
    for (path, content) in files {
        all.update(format!("{}  ./{path}\n", hex(&Sha256::digest(content))));
    }
    hex(&all.finalize())[..16].to_owned()
}

/// The folder of the newest finished image, if it is there.
pub fn built(cache: &Path) -> Option<PathBuf> {
    Release::NEWEST.built(cache)
}

/// As [`Release::ensure`], of the newest.
///
/// # Errors
/// As there.
pub async fn ensure(settings: &Settings, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<PathBuf, ClusterError> {
    Release::NEWEST.ensure(settings, progress).await
}

/// As [`Release::checked`], of the newest.
///
/// # Errors
/// As there.
pub fn checked(cache: &Path) -> Result<Option<PathBuf>, ClusterError> {
    Release::NEWEST.checked(cache)
}

/// The newest of the finished images that are there, for what they all have: the keeper, the image with curl.
///
/// # Errors
/// As [`checked`].
pub fn any_checked(cache: &Path) -> Result<Option<PathBuf>, ClusterError> {
    for release in Release::ALL {
        if let Some(dir) = release.checked(cache)? {
            return Ok(Some(dir));
        }
    }
    Ok(None)
}

/// How many bytes the files of a finished product have.
///
/// # Errors
/// When it cannot be read.
pub fn size(dir: &Path) -> std::io::Result<u64> {
    sums::size(dir)
}

fn as_built(dir: &Path, cache: &Path) -> Result<(), ClusterError> {
    own::trusted(dir).map_err(|e| {
        ClusterError::new(
            format!("the engine in {} is not used, since it would be executed: {e}", dir.display()),
            format!("remove the folder {}; it is built again", cache.display()),
        )
    })?;
    sums::check(dir, cache)
}

/// The pinned kind command, which is built first when it is not there.
///
/// # Errors
/// As [`ensure`].
pub async fn ensure_kind(
    settings: &Settings,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<PathBuf, ClusterError> {
    let cache = own::cache(&settings.cache)?;
    let dir = cache.join("kind").join(kind_hash());
    if !dir.join("COMPLETE").exists() {
        may_build("kind", settings)?;
        progress(Progress::Note("there is no kind on the PATH, so it is built, once".into()));
        build(&cache, &["--product", "kind"]).await?;
    }
    as_built(&dir, &cache)?;
    Ok(dir.join("kind"))
}

/// The pinned helm command, if it has been built.
pub fn built_helm(cache: &Path) -> Option<PathBuf> {
    let dir = cache.join("helm").join(helm_hash());
    dir.join("COMPLETE").exists().then(|| dir.join("helm"))
}

/// The pinned helm command, which is built first when it is not there.
///
/// # Errors
/// As [`ensure`].
pub async fn ensure_helm(
    settings: &Settings,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<PathBuf, ClusterError> {
    let cache = own::cache(&settings.cache)?;
    let dir = cache.join("helm").join(helm_hash());
    if !dir.join("COMPLETE").exists() {
        may_build("helm", settings)?;
        progress(Progress::Note("there is no helm on the PATH, so it is built, once (some minutes)".into()));
        build(&cache, &["--product", "helm"]).await?;
    }
    as_built(&dir, &cache)?;
    Ok(dir.join("helm"))
}

/// So much free memory lets a build take more of it, in MiB.
const ROOMY: u64 = 8 * 1024;

/// How long `go env` may take.
const GO_SAYS_WITHIN: std::time::Duration = std::time::Duration::from_secs(20);

/// Runs the build of one product to its end.
async fn build(cache: &Path, what: &[&str]) -> Result<(), ClusterError> {
    let sources = unpack(cache).map_err(|e| {
        ClusterError::new(
            format!("cannot write the engine's sources below {}: {e}", cache.display()),
            "set KUBEWALK_CACHE to a folder on a disk with 6 GB to spare",
        )
    })?;
    let bash = program::find("bash").map_err(|e| e.into_error("install bash"))?;
    let mut command = tokio::process::Command::new(bash);
    command.env("PATH", program::path());
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
    let mut command = tokio::process::Command::new(go);
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

fn collect(dir: &'static Dir<'static>, into: &mut Vec<(String, &'static [u8])>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect(dir, into),
            DirEntry::File(file) => into.push((file.path().to_string_lossy().replace('\\', "/"), file.contents())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_those_that_the_build_script_computes() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/build.sh");
        let says = |what: &[&str]| {
            let said = std::process::Command::new("bash").arg(&script).args(what).output().expect("bash runs");
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            String::from_utf8_lossy(&said.stdout).trim().to_owned()
        };
        for (product, hash) in [("node", hash()), ("kind", kind_hash()), ("helm", helm_hash())] {
            assert_eq!(says(&["--hash", "--product", product]), hash);
        }
        for release in Release::ALL {
            assert_eq!(says(&["--hash", "--minor", &release.to_string()]), release.hash(), "{release}");
        }
        let minors = Release::ALL.map(|release| release.to_string());
        assert_eq!(says(&["--minors"]).lines().collect::<Vec<_>>(), minors, "newest first, one for each folder");
    }

    #[test]
    fn a_failed_build_speaks_in_its_own_sentence() {
        let e = failure("[ 1/11] go\nengine: Go is missing: install Go 1.26 or newer\n", "exit status: 3");
        assert_eq!(e.message, "Go is missing: install Go 1.26 or newer");
        let e = failure("a\nb\n", "exit status: 1");
        assert_eq!((e.message.as_str(), e.log.len()), ("the engine's build failed (exit status: 1)", 2));
    }
}
