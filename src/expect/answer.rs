//! What came back from the API server or a Pod.

use std::time::Duration;

use serde_json::Value;

use crate::plan::Request;

/// What came back from the API server or a Pod, whole and taken apart.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The API server's answers to questions about rights.
    Reviews(Vec<Reviewed>),
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
    /// What is known of who answered, beside what the body says.
    pub origin: Origin,
}

/// Who is known to have answered, whatever the body says, or does not: after HEAD there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// Only the body tells.
    #[default]
    Unknown,
    /// An API server.
    ApiServer {
        /// Whether the call only reads, and nothing behind the API server: admission sees no such call, so that only the
        /// authorizer can have refused it.
        only_reads: bool,
    },
    /// The API server, of whose answer kubectl tells in words in which its own cannot be found.
    Kubectl,
}

impl Origin {
    /// Headers that API servers send with every answer, and no other server sends. Audit IDs came with 1.23 (before, only with an audit
    /// policy), those of Priority and Fairness with 1.20; both are there before authorization.
    const HEADERS: [&str; 2] = ["audit-id", "x-kubernetes-pf-flowschema-uid"];

    /// Tells by the headers of an answer.
    pub fn of_head(has: impl Fn(&str) -> bool) -> Self {
        if Self::HEADERS.into_iter().any(has) { Self::ApiServer { only_reads: false } } else { Self::Unknown }
    }
}

impl Http {
    /// An answer that is put together of a status and an object; without one, its body is empty.
    pub fn with_object(status: u16, object: Option<Value>) -> Self {
        Self {
            status,
            content_type: Some("application/json".into()),
            warnings: vec![],
            body: object.as_ref().map(|object| object.to_string().into_bytes()).unwrap_or_default(),
            json: object,
            retry_after: None,
            origin: Origin::Unknown,
        }
    }
}

/// What a call to the API server means: who makes it, and how RBAC would refuse it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntendedCall {
    /// The user name that the server must see, e.g. `system:serviceaccount:a:reader`.
    pub user: String,
    /// The beginning of RBAC's message, if it refused exactly this call of this user.
    pub denial: String,
}

/// A question and its answer.
#[derive(Debug, Clone)]
pub struct Reviewed {
    /// Where the expected answer stands, as a JSON pointer from the step: `/can/asked/0`.
    pub pointer: String,
    /// The question: `serviceaccount/reader: list pods in namespace a`.
    pub words: String,
    /// What was asked about.
    pub request: Request,
    /// The expected answer.
    pub expected: bool,
    /// The API server's answer.
    pub allowed: bool,
    /// Its words for it; RBAC has some only for a yes, and for what is broken.
    pub reason: String,
    /// A real request of the same meaning, if the answer is confirmed by one.
    pub real: Option<RealRequest>,
}

/// A real request as the identity of the question.
#[derive(Debug, Clone)]
pub struct RealRequest {
    /// e.g. `GET /api/v1/namespaces/a/pods`.
    pub request: String,
    /// The answer.
    pub http: Http,
    /// How RBAC would refuse it.
    pub meant: IntendedCall,
}
