//! The minor versions of Kubernetes of which the engine has a node image.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{as_built, build, hash_of, own};
use crate::{
    cluster::{ClusterError, Progress},
    k8s::Version,
};

/// One of them. All that differs between them on this side is said here; what differs in the node, in `engine/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// Its minor version, which is the name of its folder in `engine/`.
    pub minor: Version,
    /// Whether its API server reads admission policies from files, which hold even an administrator.
    pub policy_files: bool,
}

impl Release {
    /// What runs when nothing else is asked for; the others are built of its parts.
    pub const NEWEST: Release = Release { minor: Version::new(1, 37), policy_files: true };

    /// All of them, newest first.
    pub const ALL: [Release; 3] = [
        Release::NEWEST,
        Release { minor: Version::new(1, 34), policy_files: false },
        Release { minor: Version::new(1, 20), policy_files: false },
    ];

    /// That of a minor version, or the newest where none is said.
    pub fn of(minor: Option<Version>) -> Option<Release> {
        match minor {
            None => Some(Release::NEWEST),
            Some(minor) => Release::ALL.into_iter().find(|release| release.minor == minor),
        }
    }

    /// Their minor versions in words: `1.37, 1.34, 1.20`.
    pub fn list() -> String {
        Release::ALL.map(|release| release.to_string()).join(", ")
    }

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

    /// The folder of the image, which is built first when it is not there. The build shows its progress on standard error,
    /// also from inside `cargo test`, and can be interrupted and resumed.
    ///
    /// # Errors
    /// What the build lacked, as its script said it.
    pub async fn ensure(
        self,
        cache: &Path,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<PathBuf, ClusterError> {
        if let Some(dir) = self.checked(cache)? {
            return Ok(dir);
        }
        progress(Progress::BuildingEngine { kubernetes: self.minor });
        build(&own::cache(cache)?, &["--minor", &self.to_string()]).await?;
        self.checked(cache)?.ok_or_else(|| ClusterError::plain("the engine's build ended without an image"))
    }

    /// The folder of the finished image, if it is there: one that nobody else could have changed, and that is as it was built.
    ///
    /// # Errors
    /// Who else could have changed it, or what is not as it was built.
    pub fn checked(self, cache: &Path) -> Result<Option<PathBuf>, ClusterError> {
        if self.built(cache).is_none() {
            return Ok(None);
        }
        // By the real path of the cache from here on: the other may lead through somebody's link.
        let cache = own::cache(cache)?;
        let Some(dir) = self.built(&cache) else { return Ok(None) };
        as_built(&dir, &cache)?;
        Ok(Some(dir))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.minor.fmt(f)
    }
}
