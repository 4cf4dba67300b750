//! What an answer must look like: pure functions over captured data.

use std::time::Duration;

use serde_json::Value;

/// What came back from the API server or a Pod, whole and taken apart.
#[derive(Debug, Clone)]
pub enum Answer {
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
    /// How long the call took.
    pub took: Duration,
}
