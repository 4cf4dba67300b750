//! Who asks, and what the verbs take that ask as an identity: `as`, `request`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{duration::Lifetime, verbs::Method};

/// Who asks: a word, or a map that says who. Left out: kubewalk's own administrator.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum As {
    /// `serviceaccount/NAME` or `serviceaccount/NAMESPACE/NAME` (with a real token of it, which lives for minutes and is
    /// never shown), or `anonymous` (no credential at all).
    Word(String),
    /// A user whom the administrator impersonates, or a token.
    Full(AsFull),
}

/// Exactly one of `user`, `token` and `text`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AsFull {
    /// The name of a user whom the administrator impersonates.
    #[serde(default)]
    pub user: Option<String>,
    /// The groups of that user; the server adds `system:authenticated`. A ServiceAccount that is given some is in no others.
    #[serde(default)]
    pub groups: Vec<String>,
    /// A token that an earlier step saved: `'{saved.NAME}'`.
    #[serde(default)]
    pub token: Option<String>,
    /// A bearer text that is no real token, to see it refused (401).
    #[serde(default)]
    pub text: Option<String>,
}

/// A request to the API server from outside the cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Request {
    /// The HTTP method. Left out: GET, or POST with a `body`.
    #[serde(default)]
    pub method: Option<Method>,
    /// The path with its query; it begins with `/`. `{namespace}` becomes the scenario's namespace.
    pub path: String,
    /// The body: JSON, or a text that is sent as it is.
    #[serde(default)]
    pub body: Option<Value>,
    /// The body's `Content-Type`. Left out: `application/json`, and for PATCH `application/merge-patch+json`, or
    /// `application/json-patch+json` if the body is a list.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Further request headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Asks the server for whom it takes the caller (a SelfSubjectReview). It takes no keys: `whoami: {}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Whoami {}

/// A token of a ServiceAccount.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TokenRequest {
    /// The account: `NAME`, or `NAMESPACE/NAME`.
    pub service_account: String,
    /// How long the token shall live, `10m` at least. Left out: an hour.
    #[serde(default)]
    pub duration: Option<Lifetime>,
    /// For whom the token is. Left out: the API server.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The object with which the token dies.
    #[serde(default)]
    pub bound_to: Option<BoundTo>,
    /// Takes the token that Kubernetes puts into a Secret, instead of asking for a new one.
    #[serde(default)]
    pub from: Option<FromSecret>,
}

/// An object with which a token dies.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BoundTo {
    /// Of which kind.
    pub kind: BoundKind,
    /// Its name.
    pub name: String,
}

/// The kinds that a token can be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "Kubernetes' own words")]
pub enum BoundKind {
    Pod,
    Secret,
    Node,
}

/// A Secret of type `kubernetes.io/service-account-token`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FromSecret {
    /// Its name, in the account's namespace.
    pub secret: String,
}

/// A change of one object.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Patch {
    /// The kind, e.g. `Pod`.
    pub kind: String,
    /// The apiVersion. Left out: the one that Kubernetes' own kinds have.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The name.
    pub name: String,
    /// The namespace, if it is not the scenario's own.
    #[serde(default)]
    pub namespace: Option<String>,
    /// A part with rights of its own, e.g. `scale` or `status`.
    #[serde(default)]
    pub subresource: Option<String>,
    /// How the change is written. Left out: `strategic`, and `merge` for kinds that are not Kubernetes' own.
    #[serde(default, rename = "type")]
    pub how: Option<PatchType>,
    /// The change: a part of the object, or for `json` a list of operations.
    pub body: Value,
}

/// The ways to write a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PatchType {
    /// A part that is merged; lists are replaced (RFC 7386).
    Merge,
    /// A list of operations (RFC 6902).
    Json,
    /// A part that is merged; lists of Kubernetes' own kinds are merged by their keys.
    Strategic,
}
