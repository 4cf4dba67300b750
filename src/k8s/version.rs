//! Versions of Kubernetes. Of each the major and the minor count: that is what features, images and comparisons go by.
//!
//! Not those of Semantic Versioning: a server calls itself `1.31+`, and to `semver` a `v1.37.0-rc.1` is no `>=1.24`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `1.37`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Version {
    /// The 1 of `1.37`.
    pub major: u32,
    /// The 37 of `1.37`.
    pub minor: u32,
}

/// A text that is no `MAJOR.MINOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a minor version looks like 1.36")]
pub struct NoVersion;

impl Version {
    /// Of these numbers.
    pub const fn new(major: u32, minor: u32) -> Self {
        Version { major, minor }
    }

    /// Of a release or of what an API server says: `v1.37.2`, `v1.36.1-k3s1`, `1.31+`.
    pub fn of_release(text: &str) -> Option<Self> {
        let mut parts = text.trim_start_matches('v').split('.');
        let (major, minor) = (parts.next()?, parts.next()?);
        let minor = &minor[..minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len())];
        Some(Version { major: number(major)?, minor: number(minor)? })
    }
}

/// A number of digits alone: `u32` would also take a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let (major, minor) = text.split_once('.').ok_or(NoVersion)?;
        let (Some(major), Some(minor)) = (number(major), number(minor)) else { return Err(NoVersion) };
        Ok(Version { major, minor })
    }
}

impl TryFrom<String> for Version {
    type Error = NoVersion;

    fn try_from(text: String) -> Result<Self, NoVersion> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("v1.37.2", Some((1, 37)))]
    #[case("v1.36.2+k3s1", Some((1, 36)))]
    #[case("v1.36.1-k3s1", Some((1, 36)))]
    #[case("1.31+", Some((1, 31)))]
    #[case("v2.0.0-alpha.1", Some((2, 0)))]
    #[case("v1", None)]
    #[case("v1.x", None)]
    #[case("unknown", None)]
    fn what_servers_and_releases_say(#[case] text: &str, #[case] version: Option<(u32, u32)>) {
        assert_eq!(Version::of_release(text), version.map(|(major, minor)| Version::new(major, minor)));
    }

    #[rstest]
    #[case("1.37", true)]
    #[case("v1.37", false)]
    #[case("1.37.2", false)]
    #[case("1.+37", false)]
    #[case("1.", false)]
    #[case("1", false)]
    fn what_people_write(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(text.parse::<Version>().is_ok(), is_one);
    }

    #[test]
    fn numbers_and_not_texts_are_compared() {
        assert!(Version::new(1, 9) < Version::new(1, 37) && Version::new(1, 99) < Version::new(2, 0));
        assert_eq!(serde_json::to_string(&Version::new(1, 37)).expect("JSON"), r#""1.37""#);
        assert!(serde_json::from_str::<Version>(r#""1.37.2""#).is_err());
    }
}
