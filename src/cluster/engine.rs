//! What the engine's build makes, the node image and the commands of kind and helm: where it is, and how it comes to be there. The
//! node image can also be pulled, where a release has published it or a person names one.
//!
//! The sources travel inside this binary. They are named by a hash of themselves, so a cached image is used exactly when
//! it was built from the same sources.

mod build;
mod fetch;
pub mod node_event;
pub mod published;
mod release;
mod sources;
mod sums;

use std::path::{Path, PathBuf};

pub use self::release::Release;
use self::{build::build, sources::hash_of};
use super::{ClusterError, Progress, Settings, own};

/// The image in the node that has curl and a shell.
pub const CURL_IMAGE: &str = "kubewalk.local/curl:1";

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
}
