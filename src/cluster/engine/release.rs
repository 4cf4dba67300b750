//! The minor versions of Kubernetes of which the engine has a node image.

use std::fmt;

use super::sources::SOURCES;
use crate::k8s::Version;

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
    pub fn for_minor(minor: Option<Version>) -> Option<Release> {
        match minor {
            None => Some(Release::NEWEST),
            Some(minor) => Release::ALL.into_iter().find(|release| release.minor == minor),
        }
    }

    /// The release of Kubernetes of a minor version, e.g. `v1.37.2`: what the engine pins, else the first one of that version.
    pub fn kubernetes_of(minor: Option<Version>) -> String {
        let minor = minor.unwrap_or(Release::NEWEST.minor);
        let pins = SOURCES.get_file(format!("{minor}/go.mod")).and_then(|file| file.contents_utf8());
        let pinned =
            pins.into_iter().flat_map(str::lines).find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "));
        let version = pinned.and_then(|version| version.split_whitespace().next());
        version.map_or_else(|| format!("v{minor}.0"), str::to_owned)
    }

    /// Their minor versions in words: `1.37, 1.34, 1.20`.
    pub fn list() -> String {
        Release::ALL.map(|release| release.to_string()).join(", ")
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.minor.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_of_each_version_is_what_the_engine_pins() {
        for release in Release::ALL {
            let whole = Release::kubernetes_of(Some(release.minor));
            assert_eq!(Version::of_release(&whole), Some(release.minor), "{whole}");
            assert!(!whole.ends_with(".0"), "none of ours is the first of its version: {whole}");
        }
        assert_eq!(Release::kubernetes_of(None), Release::kubernetes_of(Some(Release::NEWEST.minor)));
        assert_eq!(Release::kubernetes_of(Some(Version::new(1, 30))), "v1.30.0");
    }
}
