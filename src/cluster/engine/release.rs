//! The minor versions of Kubernetes of which the engine has a node image.

use std::fmt;

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
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.minor.fmt(f)
    }
}
