//! What an answer must look like.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{duration::Duration, when::When};

/// Everything that is said must hold.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expect {
    /// In a list of expectations: the clusters on which this one must hold. Left out: all.
    #[serde(default)]
    pub when: Option<When>,
    /// The HTTP status of the answer. A `403` holds only when the answer is a Kubernetes `Status` of reason Forbidden, made
    /// by RBAC, about the identity and the request of this step (see `by`). With `exec` and `kubectl`: of the failure that the
    /// command prints, as a `Status` in JSON or in kubectl's words.
    #[serde(default)]
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// `reason` of the `Status` object, e.g. `Forbidden`, `AlreadyExists`.
    #[serde(default)]
    pub reason: Option<String>,
    /// The beginning of the `Status` object's message (servers append to it), or a rule for it.
    #[serde(default)]
    pub message: Option<Text>,
    /// Who denied, when `status` is 403. Left out: `rbac`.
    #[serde(default)]
    pub by: Option<DeniedBy>,
    /// A part that the JSON of the answer (a body, or a command's standard output) must contain: objects may have more
    /// keys, lists must have as many elements.
    #[serde(default)]
    pub json: Option<Value>,
    /// A part that the object must contain: for `apply create get wait pod serviceAccount role clusterRole bind`.
    #[serde(default)]
    pub object: Option<Value>,
    /// What is found at JSON paths of the answer or object.
    #[serde(default)]
    pub path: Vec<AtPath>,
    /// The exit code of the command, or of curl (left out with curl: 0).
    #[serde(default)]
    #[schemars(range(min = 0, max = 255))]
    pub exit_code: Option<i32>,
    /// The command's standard output, or with `curl` and `request` the body as text; or a rule for it. Newlines at its end do
    /// not count.
    #[serde(default)]
    pub stdout: Option<Text>,
    /// The command's standard error, or a rule for it; newlines at its end do not count.
    #[serde(default)]
    pub stderr: Option<Text>,
    /// Repeats the question until the answer is as expected, for at most this long (`2s`). For what takes effect a
    /// moment later; a denial must then hold three times in a row.
    #[serde(default)]
    pub within: Option<Duration>,
    /// The text of one of the answer's warnings (header `Warning: 299`), or a rule for it.
    #[serde(default)]
    pub warning: Option<Text>,
    /// `true`: the answer has no warning. `false`: it has one.
    #[serde(default)]
    pub no_warning: Option<bool>,
    /// `true`: the object that `get` names does not exist (404 about this object). `false`: it does.
    #[serde(default)]
    pub absent: Option<bool>,
    /// `true`: the list that `get` asks for has no element. `false`: it has some.
    #[serde(default)]
    pub empty: Option<bool>,
    /// What the server says about the token (a TokenReview by the administrator), with `token` and `whoami`.
    #[serde(default)]
    pub token_review: Option<TokenReview>,
}

/// What a TokenReview says.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TokenReview {
    /// Whether the token is good, for one of the audiences that are asked for.
    #[serde(default)]
    pub authenticated: Option<bool>,
    /// The user name.
    #[serde(default)]
    pub username: Option<String>,
    /// All groups, in any order.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// All audiences for which it is good, of those that are asked for.
    #[serde(default)]
    pub audiences: Option<Vec<String>>,
    /// The error, or a rule for it.
    #[serde(default)]
    pub error: Option<Text>,
    /// The audiences to ask for. Left out: the API server's. (A list of one's own is not answered from the server's memory of
    /// good tokens.)
    #[serde(default)]
    pub asked_audiences: Vec<String>,
}

/// Who says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeniedBy {
    /// The RBAC authorizer.
    Rbac,
    /// RBAC's protection against escalation: granting more than one has.
    Escalation,
    /// A built-in admission plugin, e.g. one that does not find the ServiceAccount.
    Admission,
    /// Pod Security admission.
    PodSecurity,
    /// A ResourceQuota.
    Quota,
    /// A ValidatingAdmissionPolicy.
    Policy,
    /// An admission webhook.
    Webhook,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// A kubelet, of a call to its own port (`https://NODE:10250/metrics`), in plain text. With `curl` only.
    Kubelet,
    /// A kube-rbac-proxy before what is called, in plain text. With `curl` only.
    #[serde(rename = "kube-rbac-proxy")]
    KubeRbacProxy,
    /// The server that is called, e.g. a metrics endpoint that asks the API server by itself: any 403 that is neither the API
    /// server's nor in the words of the two above. What it says must be expected, too, by `stdout`. With `curl` only.
    Endpoint,
}

impl DeniedBy {
    /// As a scenario says it: `by: podSecurity`.
    pub fn word(self) -> &'static str {
        match self {
            DeniedBy::Rbac => "rbac",
            DeniedBy::Escalation => "escalation",
            DeniedBy::Admission => "admission",
            DeniedBy::PodSecurity => "podSecurity",
            DeniedBy::Quota => "quota",
            DeniedBy::Policy => "policy",
            DeniedBy::Webhook => "webhook",
            DeniedBy::NamespaceTerminating => "namespaceTerminating",
            DeniedBy::Kubelet => "kubelet",
            DeniedBy::KubeRbacProxy => "kube-rbac-proxy",
            DeniedBy::Endpoint => "endpoint",
        }
    }

    /// In a sentence: `a ResourceQuota`.
    pub fn title(self) -> &'static str {
        match self {
            DeniedBy::Rbac => "RBAC",
            DeniedBy::Escalation => "RBAC's protection against escalation",
            DeniedBy::Admission => "admission",
            DeniedBy::PodSecurity => "Pod Security admission",
            DeniedBy::Quota => "a ResourceQuota",
            DeniedBy::Policy => "a ValidatingAdmissionPolicy",
            DeniedBy::Webhook => "an admission webhook",
            DeniedBy::NamespaceTerminating => "a namespace that is being deleted",
            DeniedBy::Kubelet => "a kubelet",
            DeniedBy::KubeRbacProxy => "kube-rbac-proxy",
            DeniedBy::Endpoint => "the server that is called",
        }
    }
}

/// A text, or a rule for a text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Text {
    /// The text itself.
    Is(String),
    /// A rule.
    Rule(TextRule),
}

/// A rule for a text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TextRule {
    /// Equal to this.
    Equals(String),
    /// Begins with this.
    StartsWith(String),
    /// Contains this.
    Contains(String),
    /// Does not contain this.
    Lacks(String),
    /// Matches this regular expression somewhere.
    Matches(String),
}

/// What is found at a JSON path.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AtPath {
    /// The path (RFC 9535), e.g. `$.items[0].metadata.name`. Exactly one of the keys below says what is found there.
    pub at: String,
    /// One value is found, and it contains this.
    #[serde(default)]
    pub equals: Option<Value>,
    /// One string is found, and it matches this regular expression.
    #[serde(default)]
    pub matches: Option<String>,
    /// One of the values that are found contains this.
    #[serde(default)]
    pub contains: Option<Value>,
    /// So many values are found.
    #[serde(default)]
    pub count: Option<usize>,
    /// `true`: nothing is found. `false`: something is.
    #[serde(default)]
    pub absent: Option<bool>,
}

impl AtPath {
    /// The texts that are compared with what is found.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let values = self.equals.iter().chain(&self.contains).filter_map(Value::as_str);
        values.chain(self.matches.as_deref())
    }
}

/// One expectation, or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Expects {
    /// Several: all whose `when` holds must hold, and on every cluster there must be one.
    Many(#[schemars(length(min = 1))] Vec<Expect>),
    /// One.
    One(Box<Expect>),
}

impl Expects {
    /// All of them, in the order of the file, each with its JSON pointer from the step.
    pub fn items(&self) -> Vec<(String, &Expect)> {
        match self {
            Self::One(expect) => vec![("/expect".to_owned(), &**expect)],
            Self::Many(list) => {
                list.iter().enumerate().map(|(index, expect)| (format!("/expect/{index}"), expect)).collect()
            }
        }
    }
}

/// Makes [`ExpectKey`] and [`Expect::keys`] of one table. A field of `Expect` that is not in the table does not compile.
macro_rules! keys {
    ($($variant:ident = $key:literal in $field:ident: $there:expr),* $(,)?) => {
        /// What is expected of an answer. It is matched without `_`, so that the compiler names the place when a key is added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is described where it is read: in `Expect`")]
        pub enum ExpectKey {
            $($variant),*
        }

        impl ExpectKey {
            /// As it is written, e.g. `exitCode`.
            pub const fn key(self) -> &'static str {
                match self {
                    $(ExpectKey::$variant => $key),*
                }
            }
        }

        impl Expect {
            /// The keys that are there, in the order of the language.
            pub fn keys(&self) -> Vec<ExpectKey> {
                let Expect { when: _, $($field),* } = self;
                let all = [$((ExpectKey::$variant, $there)),*];
                all.into_iter().filter_map(|(key, there)| there.then_some(key)).collect()
            }
        }
    };
}

keys! {
    Status = "status" in status: status.is_some(),
    Reason = "reason" in reason: reason.is_some(),
    Message = "message" in message: message.is_some(),
    By = "by" in by: by.is_some(),
    Json = "json" in json: json.is_some(),
    Object = "object" in object: object.is_some(),
    Path = "path" in path: !path.is_empty(),
    ExitCode = "exitCode" in exit_code: exit_code.is_some(),
    Stdout = "stdout" in stdout: stdout.is_some(),
    Stderr = "stderr" in stderr: stderr.is_some(),
    Within = "within" in within: within.is_some(),
    Warning = "warning" in warning: warning.is_some(),
    NoWarning = "noWarning" in no_warning: no_warning.is_some(),
    Absent = "absent" in absent: absent.is_some(),
    Empty = "empty" in empty: empty.is_some(),
    TokenReview = "tokenReview" in token_review: token_review.is_some(),
}

impl fmt::Display for ExpectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
