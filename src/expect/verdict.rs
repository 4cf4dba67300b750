//! Who says no, and in which sense: an HTTP answer classified by the beginning of its message and its `details`, never by
//! a phrase that it contains.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Http,
    answer::Origin,
    plain_refusal::PlainRefusal,
    refused::{self, Refused, What},
    status::Status,
};
use crate::{redact::show, scenario::expect::DeniedBy};

/// What an HTTP answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx.
    Allowed,
    /// A part of the API server refused.
    Denied(Denial),
    /// 403, and nothing that came says who refused.
    Unsaid,
    /// 401: the API server does not know the caller.
    Unauthenticated,
    /// 404: nothing there. Authorization comes first, so the call was allowed.
    NotFound,
    /// 409: allowed, but in conflict with what is stored.
    Conflict,
    /// 422, and 400: allowed, but what was sent is wrong.
    Invalid,
    /// 429 and 5xx that only a call which authorization has let pass can get; why, in words.
    After(&'static str),
    /// 429: the server asks to come back later.
    TooManyRequests,
    /// 5xx.
    ServerError,
    /// Another answer of the API server, e.g. 405.
    Other,
    /// Not the API server's answer.
    NotKubernetes(ForeignResponse),
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// By whom.
    pub by: DeniedBy,
    /// Its name (of the webhook, the policy, the quota, the level), or its text.
    pub detail: String,
    /// RBAC's refusal, taken apart; an answer without a body has none.
    pub refused: Option<Refused>,
}

/// An answer that is not the API server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForeignResponse {
    /// A page for people, e.g. of a proxy; its title.
    Html(Option<String>),
    /// The plain text in which a kubelet refuses, or another server that asks the API server about its callers.
    PlainRefusal(PlainRefusal),
    /// `http://` was spoken to an `https://` port.
    HttpToHttps,
    /// No body at all, as after HEAD.
    Empty,
    /// JSON that is no `Status`; its kind if it says one.
    Json(Option<String>),
    /// A `Status` that contradicts the HTTP status.
    OtherStatus(String),
    /// Any other text.
    Text,
}

/// How RBAC's escalation check begins, after its head.
static ESCALATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"^user "(?:[^"\\]|\\.)*" \(groups=\[[^\]]*\]\) is attempting to grant RBAC permissions not currently held"#,
    )
    .expect("a pattern that the tests compile")
});

/// How a ValidatingAdmissionPolicy denies, after the head.
static POLICY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ValidatingAdmissionPolicy '([^']*)' with binding '([^']*)' denied request").expect("as above")
});

/// Classifies an answer.
pub fn classify(http: &Http) -> Verdict {
    if (200..300).contains(&http.status) {
        return Verdict::Allowed;
    }
    let Some(status) = Status::in_answer(http) else {
        return without_words(http).unwrap_or_else(|| without_status(http));
    };
    if !status.failure || status.code != Some(u64::from(http.status)) {
        let said = format!("status {:?}, code {}", if status.failure { "Failure" } else { "Success" }, code(&status));
        return Verdict::NotKubernetes(ForeignResponse::OtherStatus(said));
    }
    if let Some(denial) = denial(http.status, &status) {
        return Verdict::Denied(denial);
    }
    if let Some(why) = after_authorization(http.status, &status) {
        return Verdict::After(why);
    }
    match http.status {
        401 if status.reason == "Unauthorized" => Verdict::Unauthenticated,
        404 => Verdict::NotFound,
        409 => Verdict::Conflict,
        400 | 422 => Verdict::Invalid,
        429 => Verdict::TooManyRequests,
        500.. => Verdict::ServerError,
        _ => Verdict::Other,
    }
}

/// Why a 400, a 429 or a 5xx is not a server's trouble: authorization comes first, and what refused or failed comes after it.
fn after_authorization(http_status: u16, status: &Status<'_>) -> Option<&'static str> {
    let message = status.message.strip_prefix("Internal error occurred: ").unwrap_or(status.message);
    match http_status {
        // The eviction of a Pod. An overloaded server gives no such cause.
        429 if status.has_cause("DisruptionBudget") => Some("a PodDisruptionBudget keeps the Pod"),
        500 if message.starts_with("This pod has more than one PodDisruptionBudget") => {
            Some("more than one PodDisruptionBudget is about the Pod")
        }
        500.. if message.starts_with("failed calling webhook ") => Some("an admission webhook could not be asked"),
        500.. if message.starts_with("conversion webhook for ") => Some("a conversion webhook failed"),
        // A POST or PUT, and a PATCH; server-side apply calls a slip in the manifest an error of its own.
        400 | 422 if message.contains("strict decoding error: ") => Some(NOT_OF_THE_KIND),
        500 if message.starts_with("failed to create typed patch object (") => Some(NOT_OF_THE_KIND),
        500 if UNTYPED.is_match(message) => Some(NOT_OF_THE_KIND),
        _ => None,
    }
}

/// What the API server says of a manifest with a 400, and of one that is applied with a 500.
pub(super) const NOT_OF_THE_KIND: &str = "the manifest does not fit its kind";

/// How structured-merge-diff says that a value is not of its kind: `.spec.replicas: expected numeric (int or float), got string`,
/// `.spec.foo: field not declared in schema`.
static UNTYPED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:errors:\s*)?\.[A-Za-z][^\n]*: (?:expected [a-z]+[^\n]*, got |field not declared in schema)")
        .expect("as above")
});

fn code(status: &Status<'_>) -> String {
    status.code.map_or_else(|| "none".to_owned(), |code| code.to_string())
}

/// An answer of the API server that has no words of its own, as after HEAD: its status says all that there is. Authorization comes
/// first, and admission never sees a call that only reads; what else refuses is behind the API server.
fn without_words(http: &Http) -> Option<Verdict> {
    match (http.origin, http.status) {
        (Origin::Kubectl, 403) => Some(Verdict::Unsaid),
        (Origin::Unknown | Origin::Kubectl, _) => None,
        (Origin::ApiServer { .. }, _) if !http.body.is_empty() => None,
        (Origin::ApiServer { only_reads: false }, 403) => Some(Verdict::Unsaid),
        (Origin::ApiServer { only_reads: false }, _) => None,
        (Origin::ApiServer { only_reads: true }, status) => Some(match status {
            401 => Verdict::Unauthenticated,
            403 => Verdict::Denied(Denial { by: DeniedBy::Rbac, detail: String::new(), refused: None }),
            404 => Verdict::NotFound,
            429 => Verdict::TooManyRequests,
            500.. => Verdict::ServerError,
            _ => Verdict::Other,
        }),
    }
}

/// Answers that are no `Status`. The API server itself says some things in plain text.
fn without_status(http: &Http) -> Verdict {
    let body = String::from_utf8_lossy(&http.body);
    let body = body.trim();
    if is_html(http) {
        return Verdict::NotKubernetes(ForeignResponse::Html(title(body)));
    }
    match http.status {
        404 if body == "404 page not found" => Verdict::NotFound,
        429 if body.starts_with("Too many requests") => Verdict::TooManyRequests,
        500.. if !body.is_empty() && http.json.is_none() => Verdict::ServerError,
        _ => Verdict::NotKubernetes(if let Some(refusal) = PlainRefusal::parse(http.status, body) {
            ForeignResponse::PlainRefusal(refusal)
        } else if body.starts_with("Client sent an HTTP request to an HTTPS server") {
            ForeignResponse::HttpToHttps
        } else if body.is_empty() {
            ForeignResponse::Empty
        } else if let Some(json) = &http.json {
            ForeignResponse::Json(json.get("kind").and_then(|kind| kind.as_str()).map(str::to_owned))
        } else {
            ForeignResponse::Text
        }),
    }
}

/// Whether the body is a page for people.
pub fn is_html(http: &Http) -> bool {
    if http.json.is_some() {
        return false;
    }
    let typed = http.content_type.as_deref().is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
    let start = String::from_utf8_lossy(&http.body[..http.body.len().min(64)]).trim_start().to_ascii_lowercase();
    typed || start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower[start..].find("</title>")?;
    Some(show::line(html.get(start..end)?.trim(), 80))
}

/// Who refuses, if a failure is a refusal at all.
fn denial(http_status: u16, status: &Status<'_>) -> Option<Denial> {
    let message = status.message;
    let found = |by, detail: &str| Some(Denial { by, detail: detail.to_owned(), refused: None });
    if let Some((by, name)) = chooses_its_code(message) {
        return found(by, name);
    }
    let head = refused::head(message);
    let rest = head.as_ref().map_or("", |head| head.rest);
    if http_status != 403 {
        return None;
    }
    if status.has_cause("NamespaceTerminating") {
        return found(DeniedBy::NamespaceTerminating, rest);
    }
    if status.reason != "Forbidden" || head.is_none() {
        return found(DeniedBy::Admission, message);
    }
    if let Some(refused) = Refused::parse(message) {
        return if details_match(status, &refused.what) {
            Some(Denial { by: DeniedBy::Rbac, detail: refused.describe(), refused: Some(refused) })
        } else {
            found(DeniedBy::Admission, "somebody who uses RBAC's words, but whose `details` are about something else")
        };
    }
    if ESCALATION.is_match(rest)
        || rest.starts_with("must have cluster-admin privileges to use the aggregationRule")
        || rest.starts_with("must have cluster-admin privileges to use an aggregationRule")
    {
        return found(
            DeniedBy::Escalation,
            rest.rsplit_once("currently held:").map_or(rest, |(_, rules)| rules.trim()),
        );
    }
    if let Some(level) = rest.strip_prefix("violates PodSecurity \"") {
        return found(DeniedBy::PodSecurity, level.split('"').next().unwrap_or_default());
    }
    if let Some(quota) = rest.strip_prefix("exceeded quota: ").or_else(|| rest.strip_prefix("failed quota: ")) {
        return found(DeniedBy::Quota, quota.split([',', ':']).next().unwrap_or_default());
    }
    found(DeniedBy::Admission, rest)
}

/// A webhook or a policy that speaks in a message, and its name. They choose their code themselves; what follows the colon are their
/// own words, whatever they say.
pub(super) fn chooses_its_code(message: &str) -> Option<(DeniedBy, &str)> {
    if let Some(rest) = message.strip_prefix("admission webhook \"")
        && let Some((name, rest)) = rest.split_once('"')
        && rest.starts_with(" denied the request")
    {
        return Some((DeniedBy::Webhook, name));
    }
    // kubectl leaves out the head of what is invalid.
    let rest = refused::head(message).map_or(message, |head| head.rest);
    let policy = POLICY.captures(rest)?.get(1)?;
    Some((DeniedBy::Policy, policy.as_str()))
}

/// RBAC's message and its `details` are made of the same request.
fn details_match(status: &Status<'_>, what: &What) -> bool {
    let details = [status.detail("kind"), status.detail("group"), status.detail("name")];
    match what {
        What::Path(_) => details == ["", "", ""],
        What::Resource { resource, group, name, .. } => {
            details == [resource.split('/').next().unwrap_or_default(), group, name.as_deref().unwrap_or_default()]
        }
    }
}

impl Denial {
    /// Who refused, with its name, but without its text.
    pub fn short(&self) -> String {
        match self.by {
            DeniedBy::Escalation | DeniedBy::Admission => self.by.title().into(),
            _ => self.describe(),
        }
    }

    /// Who refused, with the name: `the admission webhook "v.example"`.
    pub fn describe(&self) -> String {
        let detail = show::line(&self.detail, show::VALUE);
        match self.by {
            DeniedBy::Rbac => "RBAC".into(),
            DeniedBy::Escalation => {
                format!("RBAC's protection against escalation, missing {detail}")
            }
            DeniedBy::Admission if detail.is_empty() => "admission, which gives no reason".into(),
            DeniedBy::Admission => format!("admission ({detail})"),
            DeniedBy::PodSecurity => format!("Pod Security admission, level \"{detail}\""),
            DeniedBy::Quota => format!("the ResourceQuota \"{detail}\""),
            DeniedBy::Policy => format!("the ValidatingAdmissionPolicy \"{detail}\""),
            DeniedBy::Webhook => format!("the admission webhook \"{detail}\""),
            by
            @ (DeniedBy::NamespaceTerminating | DeniedBy::Kubelet | DeniedBy::KubeRbacProxy | DeniedBy::Endpoint) => {
                by.title().into()
            }
        }
    }
}

impl ForeignResponse {
    /// What it is, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Html(Some(title)) => {
                format!("an HTML page (\"{title}\"), as proxies and gateways send it")
            }
            Self::Html(None) => "an HTML page, as proxies and gateways send it".into(),
            Self::PlainRefusal(refusal) => {
                format!(
                    "a refusal in plain text by {} (to user {})",
                    refusal.speaker(),
                    show::line(&refusal.user, show::VALUE)
                )
            }
            Self::HttpToHttps => "a complaint that http:// was spoken to an https:// port".into(),
            Self::Empty => "an empty body".into(),
            Self::Json(Some(kind)) => {
                format!("JSON of kind {}, not a Status", show::line(kind, 80))
            }
            Self::Json(None) => "JSON, but not a Kubernetes Status".into(),
            Self::OtherStatus(said) => {
                format!("a Status that contradicts the HTTP status ({said})")
            }
            Self::Text => "plain text, not a Kubernetes Status".into(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Html(_) => {
                Some("something between the Pod and the API server answered; look at the URL and at proxies")
            }
            Self::PlainRefusal(refusal) => Some(refusal.hint()),
            Self::HttpToHttps => Some("write https:// instead of http://"),
            Self::Empty => Some("an answer without a body (as HEAD gets) proves nothing; use GET"),
            Self::Json(_) | Self::OtherStatus(_) | Self::Text => {
                Some("whoever answered is not the API server; look at the URL and at proxies")
            }
        }
    }
}
