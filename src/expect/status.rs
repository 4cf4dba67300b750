//! The API server's `Status` object inside an answer.

use serde_json::Value;

use super::Http;
use crate::redact::show;

/// Reasons of a Status and the code that the API server sends with each.
pub const REASONS: &[(&str, u16)] = &[
    ("BadRequest", 400),
    ("Unauthorized", 401),
    ("Forbidden", 403),
    ("NotFound", 404),
    ("MethodNotAllowed", 405),
    ("NotAcceptable", 406),
    ("AlreadyExists", 409),
    ("Conflict", 409),
    ("Gone", 410),
    ("Expired", 410),
    ("RequestEntityTooLarge", 413),
    ("UnsupportedMediaType", 415),
    ("Invalid", 422),
    ("TooManyRequests", 429),
    ("InternalError", 500),
    ("ServerTimeout", 500),
    ("ServiceUnavailable", 503),
    ("Timeout", 504),
];

/// A `Status` object, `apiVersion: v1`.
#[derive(Debug, Clone, Copy)]
pub struct Status<'a> {
    /// Whether `status` is `Failure`.
    pub failure: bool,
    /// `code`.
    pub code: Option<u64>,
    /// `reason`, or an empty text.
    pub reason: &'a str,
    /// `message`, or an empty text.
    pub message: &'a str,
    details: Option<&'a Value>,
}

impl<'a> Status<'a> {
    /// The `Status` that a body is, if it is one.
    pub fn in_answer(http: &'a Http) -> Option<Self> {
        let json = http.json.as_ref()?;
        let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default();
        (text("kind") == "Status" && text("apiVersion") == "v1").then(|| Self {
            failure: text("status") == "Failure",
            code: json.get("code").and_then(Value::as_u64),
            reason: text("reason"),
            message: text("message"),
            details: json.get("details"),
        })
    }

    /// A text of `details`, or an empty one.
    pub fn detail(&self, key: &str) -> &'a str {
        self.details.and_then(|details| details.get(key)).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether `details.causes` has one of this reason.
    pub fn has_cause(&self, reason: &str) -> bool {
        self.details.and_then(|details| details.get("causes")).and_then(Value::as_array).is_some_and(|causes| {
            causes.iter().any(|cause| cause.get("reason").and_then(Value::as_str) == Some(reason))
        })
    }
}

/// A status code with its reason phrase: `403 Forbidden`.
pub fn status_text(code: u16) -> String {
    match http::StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason()) {
        Some(reason) => format!("{code} {reason}"),
        None => code.to_string(),
    }
}

/// What the server says for a person to read: the message of its `Status`, else the beginning of the body.
pub fn server_words(http: &Http) -> Option<String> {
    let body = String::from_utf8_lossy(&http.body);
    let said = match Status::in_answer(http) {
        Some(status) if !status.message.is_empty() => status.message,
        _ => body.trim_end(),
    };
    (!said.is_empty()).then(|| show::block(said, show::BODY))
}
