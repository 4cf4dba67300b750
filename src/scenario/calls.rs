//! Who asks, and what the verbs take that ask as somebody: `as`, `request`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::verbs::Method;

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
    /// The groups of that user; the server adds `system:authenticated`.
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
