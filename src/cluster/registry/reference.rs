//! Where an image is, and which one it must be: `HOST[:PORT]/NAME@sha256:DIGEST`.

use std::fmt;

use ring::digest::Digest;

use crate::cluster::access::is_own;

/// The name of an image with the digest of its manifest. A tag would be whatever its registry says today, so it is not enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry, with its port if it has one.
    pub host: String,
    /// The name in it.
    pub name: String,
    /// The SHA-256 of the manifest, 64 hex digits.
    pub digest: String,
}

/// Where Docker Hub's images are.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

impl Reference {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((name, digest)) = text.split_once('@') else {
            return Err("has no digest: it must end in `@sha256:` and 64 hex digits, since a tag can be moved".into());
        };
        let digest = digest
            .strip_prefix("sha256:")
            .filter(|hex| is_digest(hex))
            .ok_or("has a digest that is none: `sha256:` and 64 hex digits in small letters")?;
        let (host, name) = name
            .split_once('/')
            .filter(|(host, _)| is_host(host))
            .ok_or("names no registry: it begins with a host, e.g. `registry.example/team/engine@sha256:…`")?;
        // A tag beside a digest says nothing more.
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        let part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
                && part.as_bytes()[0].is_ascii_alphanumeric()
        };
        if !name.split('/').all(part) || name.len() > 255 {
            return Err("has a name that no registry takes: small letters, digits, `.`, `_`, `-` and `/`".into());
        }
        let host = if host == HUB.0 { HUB.1 } else { host };
        Ok(Reference { host: host.to_owned(), name: name.to_owned(), digest: digest.to_owned() })
    }

    /// `http` for a registry of this machine, and `https` for all others.
    pub fn scheme(&self) -> &'static str {
        if is_loopback(&self.host) { "http" } else { "https" }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@sha256:{}", self.host, self.name, self.digest)
    }
}

/// Whether a host, with or without a port, is this machine itself.
pub(super) fn is_loopback(host: &str) -> bool {
    is_own(host) || host.rsplit_once(':').is_some_and(|(host, port)| port.parse::<u16>().is_ok() && is_own(host))
}

/// 64 hex digits.
pub(super) fn is_digest(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A sum as hex digits.
pub(super) fn hex(digest: Digest) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As for Docker: the first part is a host when it looks like one.
fn is_host(host: &str) -> bool {
    let looks = host.contains(['.', ':']) || host == "localhost";
    looks && host.parse::<http::uri::Authority>().is_ok_and(|at| !at.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[rstest]
    #[case("registry.example/team/engine", "registry.example", "team/engine", "https")]
    #[case("localhost:5000/engine:1", "localhost:5000", "engine", "http")]
    #[case("127.0.0.1:5000/engine", "127.0.0.1:5000", "engine", "http")]
    #[case("[::1]:5000/engine", "[::1]:5000", "engine", "http")]
    #[case("localhost.example/engine", "localhost.example", "engine", "https")]
    #[case("10.0.0.7:5000/engine", "10.0.0.7:5000", "engine", "https")]
    #[case("docker.io/me/engine", "registry-1.docker.io", "me/engine", "https")]
    fn it_is_read(#[case] text: &str, #[case] host: &str, #[case] name: &str, #[case] scheme: &str) {
        let read = Reference::parse(&format!("{text}@sha256:{DIGEST}")).expect("a reference");
        assert_eq!((read.host.as_str(), read.name.as_str(), read.scheme()), (host, name, scheme));
    }

    #[rstest]
    #[case("registry.example/engine:1.37", "has no digest")]
    #[case("registry.example/engine@sha256:12", "has a digest that is none")]
    #[case("registry.example/engine@sha512:ba78", "has a digest that is none")]
    #[case("team/engine@sha256:D", "names no registry")]
    #[case("me:secret@registry.example/engine@sha256:D", "has a digest that is none")]
    #[case("registry.example/../engine@sha256:D", "has a name that no registry takes")]
    #[case("registry.example/Engine@sha256:D", "has a name that no registry takes")]
    #[case("registry.example/engine?x=y@sha256:D", "has a name that no registry takes")]
    fn what_is_wrong_is_said(#[case] text: &str, #[case] why: &str) {
        let e = Reference::parse(&text.replace("sha256:D", &format!("sha256:{DIGEST}"))).expect_err("it is wrong");
        assert!(e.starts_with(why), "{text}: {e}");
    }
}
