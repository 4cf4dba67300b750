//! Why an image was not pulled.

use std::{io, time::Duration};

/// Why an image was not pulled: its class, for programs, and a sentence.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No connection: no network, no such host, no server listens, or no trust in its certificate.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The registry, or where it leads to.
        host: String,
        /// The innermost reason.
        why: String,
    },
    /// Nothing came for a while.
    #[error("{host} said nothing for {} s", .after.as_secs())]
    Silent {
        /// The registry, or where it leads to.
        host: String,
        /// How long it was waited.
        after: Duration,
    },
    /// All its time was spent.
    #[error("it was not here after {} s, which is all that KUBEWALK_PULL_TIMEOUT gives; {} of {} MB had come", .after.as_secs(), .done >> 20, .total >> 20)]
    Slow {
        /// How long it had.
        after: Duration,
        /// Bytes that had come.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// 401 or 403.
    #[error("{host} refuses {what} ({status}){why}")]
    Refused {
        /// Who refuses.
        host: String,
        /// What was asked for.
        what: String,
        /// The status of the answer.
        status: u16,
        /// What could be done, or nothing.
        why: &'static str,
    },
    /// 404.
    #[error("{host} does not have {what} (404)")]
    Missing {
        /// Who does not have it.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// Another status.
    #[error("{host} answered {status} when asked for {what}")]
    Answer {
        /// Who answered.
        host: String,
        /// What was asked for.
        what: String,
        /// The status.
        status: u16,
    },
    /// It is something else than an image of ours.
    #[error("{what} is of the type `{found}`, which is not one of an image of gzipped layers")]
    MediaType {
        /// What.
        what: String,
        /// The type that it has.
        found: String,
    },
    /// Other bytes than those that were meant.
    #[error("what came as {what} has the sum sha256:{found}")]
    Digest {
        /// What it should have been.
        what: String,
        /// The sum of what came.
        found: String,
    },
    /// More or fewer bytes than the manifest says.
    #[error("{what} should have {expected} bytes, and {found} are offered")]
    Size {
        /// What.
        what: String,
        /// As the manifest says.
        expected: u64,
        /// As the registry says.
        found: u64,
    },
    /// The stream ended early, each time.
    #[error("{what} broke off after {have} of {of} bytes: {why}")]
    Cut {
        /// What.
        what: String,
        /// Bytes that had come.
        have: u64,
        /// Bytes in all.
        of: u64,
        /// How it ended.
        why: String,
    },
    /// It is more than an engine ever is.
    #[error("{what} is larger than any engine: more than {most} {unit}")]
    TooMuch {
        /// What.
        what: String,
        /// The most that is taken.
        most: u64,
        /// Of what.
        unit: &'static str,
    },
    /// It cannot be understood.
    #[error("{what} cannot be read: {why}")]
    Malformed {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// It has nothing for this machine.
    #[error("the image has nothing for {wanted}, only for {}", .there.join(", "))]
    Platform {
        /// This machine's, e.g. `linux/arm64`.
        wanted: String,
        /// Those that it has.
        there: Vec<String>,
    },
    /// It is another engine.
    #[error("it is the engine {found}, and this kubewalk is made for {wanted}")]
    OtherEngine {
        /// The hash that it names.
        found: String,
        /// The hash of the one that is wanted.
        wanted: String,
    },
    /// A layer has what no layer of ours has: a way out of its folder, a link to a file, a device.
    #[error("a layer is not unpacked: {0}")]
    Unsafe(String),
    /// What was unpacked is not what its own list says.
    #[error("what was unpacked is not the engine: {0}")]
    Contents(String),
    /// It cannot be written.
    #[error("cannot write below {place}: {error}")]
    Disk {
        /// The folder.
        place: String,
        /// The system's own word.
        error: io::Error,
    },
    /// A proxy that cannot be used.
    #[error("the proxy for {host} is of the kind `{scheme}`, and only `http` is known")]
    Proxy {
        /// For whom it is.
        host: String,
        /// How its address begins.
        scheme: String,
    },
}

impl Fault {
    /// One word for programs and for tables.
    pub fn class(&self) -> &'static str {
        match self {
            Fault::Unreachable { .. } => "unreachable",
            Fault::Silent { .. } => "silent",
            Fault::Slow { .. } => "slow",
            Fault::Refused { .. } => "refused",
            Fault::Missing { .. } => "missing",
            Fault::Answer { .. } => "answer",
            Fault::MediaType { .. } => "media-type",
            Fault::Digest { .. } => "digest",
            Fault::Size { .. } => "size",
            Fault::Cut { .. } => "cut",
            Fault::TooMuch { .. } => "too-much",
            Fault::Malformed { .. } => "malformed",
            Fault::Platform { .. } => "platform",
            Fault::OtherEngine { .. } => "other-engine",
            Fault::Unsafe(_) => "unsafe",
            Fault::Contents(_) => "contents",
            Fault::Disk { error, .. } if error.kind() == io::ErrorKind::StorageFull => "disk-full",
            Fault::Disk { .. } => "disk",
            Fault::Proxy { .. } => "proxy",
        }
    }

    /// Whether the same request can end otherwise a moment later. A wrong sum, a refusal, or a registry that was waited for long
    /// enough stays what it is.
    pub(super) fn passes(&self) -> bool {
        match self {
            Fault::Unreachable { .. } | Fault::Cut { .. } => true,
            Fault::Answer { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }
}

/// The innermost cause of an error, which is what a person can use.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes: Vec<String> =
        std::iter::successors(Some(error), |error| error.source()).map(|e| e.to_string()).collect();
    causes.dedup();
    causes.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_pass_is_tried_again() {
        let answer = |status| Fault::Answer { host: "r".into(), what: "w".into(), status };
        assert!(answer(503).passes() && answer(429).passes() && !answer(400).passes());
        let full = Fault::Disk { place: "/c".into(), error: io::Error::from(io::ErrorKind::StorageFull) };
        assert_eq!((full.class(), full.passes()), ("disk-full", false));
        let digest = Fault::Digest { what: "w".into(), found: "f".into() };
        assert!(!digest.passes());
    }
}
