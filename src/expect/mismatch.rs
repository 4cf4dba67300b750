//! What is told of an expectation that does not hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl Mismatch {
    /// One that says it all by what is expected and what came.
    pub fn new(pointer: impl Into<String>, class: Class, expected: impl Into<String>, got: impl Into<String>) -> Self {
        let (expected, got) = (expected.into(), got.into());
        let message = format!("expected {expected}, got {got}");
        Self { pointer: pointer.into(), message, expected, got, server_words: None, hint: None, class }
    }
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
    /// Refused, but by another server or program.
    OtherDenier,
    /// Refused, but as another caller.
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
