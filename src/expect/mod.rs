//! What an answer must look like: pure functions over captured data.
//!
//! [`judge()`] compares an [`Answer`] with an expectation and gives every [`Mismatch`]. What an HTTP answer means is
//! decided in [`deny`], and what makes a 403 count in [`truth`].

mod absence;
pub mod can;
pub mod curl;
pub mod deny;
pub mod doors;
pub mod hidden;
mod hints;
pub mod json;
pub mod judge;
pub mod jwt;
mod one_line;
mod parts;
pub mod path;
pub mod pattern;
pub mod printed;
mod process;
pub mod query;
pub mod refused;
pub mod review;
pub mod status;
pub mod text;
pub mod truth;

pub use deny::{Denial, Stranger, Verdict, classify};
pub use judge::{judge, summary};
pub use refused::Refused;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::redact::show;

/// What came back from the API server or a Pod, whole and taken apart.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The API server's answers to questions about rights.
    Reviews(Vec<can::Reviewed>),
    /// The API server's answer to a request of kubewalk's own (apply, create, get, delete, wait, pod …).
    Api(Http),
    /// curl ran in the Pod and got an HTTP answer (curl's exit code 0).
    Curl(Http),
    /// curl ran in the Pod and got none, or not a whole one.
    CurlFailed {
        /// curl's exit code, never 0.
        exit_code: i32,
        /// What curl said.
        stderr: String,
    },
    /// A command ran in the Pod.
    Exec {
        /// Its exit code.
        exit_code: i32,
        /// Its standard output.
        stdout: Vec<u8>,
        /// Its standard error.
        stderr: Vec<u8>,
    },
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Http {
    /// The status, 100 to 599.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: Option<String>,
    /// The texts of `Warning` headers.
    pub warnings: Vec<String>,
    /// The whole body.
    pub body: Vec<u8>,
    /// The body as JSON, if it is.
    pub json: Option<Value>,
    /// When the server asks to come again (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// How long the call took.
    pub took: Duration,
}

/// What a call to the API server means: who makes it, and how RBAC would refuse it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// The user name that the server must see, e.g. `system:serviceaccount:a:reader`.
    pub user: String,
    /// The beginning of RBAC's message, if it refused exactly this call of this user.
    pub denial: String,
}

/// Whether a text is nothing but the words that every refusal has, whoever made it about whomever.
pub fn is_bare_denial(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "http/1.1",
        "http/2",
        "error",
        "from",
        "server",
        "is",
        "forbidden",
        "403",
        "code",
        "reason",
        "status",
        "response",
    ];
    let lower = text.to_lowercase();
    let words: Vec<_> = lower
        .split(|c: char| !(c.is_ascii_alphanumeric() || "/.".contains(c)))
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().any(|word| matches!(*word, "403" | "forbidden")) && words.iter().all(|word| WORDS.contains(word))
}

/// One expectation that does not hold. All texts are redacted and harmless for a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mismatch {
    /// JSON pointer from the step to the expectation, e.g. `/expect/status`; empty for one that is not written down.
    pub pointer: String,
    /// One sentence without a period: `expected 403, got 200`.
    pub message: String,
    /// What should have come.
    pub expected: String,
    /// What came.
    pub got: String,
    /// What the server said.
    pub server_words: Option<String>,
    /// What to do, or where to look.
    pub hint: Option<String>,
    /// Of which kind it is.
    pub class: Class,
}

/// Kinds of mismatches, for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// Another status than expected, without more to say about it.
    Status,
    /// A refusal was expected and the call was allowed.
    Allowed,
    /// Success was expected and the call was refused.
    Refused,
    /// Refused, but by somebody else.
    OtherDenier,
    /// Refused, but as somebody else.
    WrongIdentity,
    /// Refused, but for another request.
    OtherRequest,
    /// The server does not know the caller (401).
    Unauthenticated,
    /// No answer came.
    NotReached,
    /// The answer is not the API server's.
    NotKubernetes,
    /// The server or the cluster has a problem (429, 5xx).
    Server,
    /// `reason`.
    Reason,
    /// `message`.
    Message,
    /// `json`.
    Json,
    /// `object`.
    Object,
    /// `path`.
    Path,
    /// `exitCode`.
    ExitCode,
    /// `stdout`.
    Stdout,
    /// `stderr`.
    Stderr,
    /// `warning` and `noWarning`.
    Warning,
    /// `absent` and `empty`.
    Absence,
    /// `tokenReview`.
    TokenReview,
    /// `save`.
    Save,
    /// A denial of what does not exist.
    NotThere,
}

impl Class {
    /// The word that reports have for it, e.g. `wrongIdentity`.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(ToOwned::to_owned)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
