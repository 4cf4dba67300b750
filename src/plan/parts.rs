//! What the verbs are about: objects, targets, calls.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::Value;

use super::{
    kinds::Kind,
    place::Place,
    request::{Identity, Request},
};
use crate::scenario::{calls::PatchType, verbs::Method};

/// A call of kubectl.
#[derive(Debug, Clone)]
pub struct Kubectl {
    /// All arguments.
    pub args: Vec<String>,
    /// How many of them, at the beginning, the scenario does not say.
    pub added: usize,
    /// The scenario's own namespace, if it has one.
    pub own: Option<String>,
    /// Standard input.
    pub stdin: Option<String>,
    /// Whether the step claims that the API server refuses it.
    pub denied: bool,
    /// What it makes outside of the scenario's namespace, as far as that can be told: it is removed afterwards.
    pub makes: Vec<Object>,
}

impl Kubectl {
    /// Where it runs in a cluster of our own.
    pub fn in_node(&self) -> crate::k8s::kubectl::Place<'static> {
        use crate::k8s::kubectl::Place;
        if self.denied { Place::Refusing } else { Place::Node }
    }
}

/// A manifest, and where it goes.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; `None` for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name (empty with generateName).
    pub name: String,
    /// The manifest as it is sent, namespace and subjects filled in.
    pub manifest: Value,
    /// The file beside the scenario that it is from.
    pub file: Option<FromFile>,
}

/// Where a manifest is from that does not stand in the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromFile {
    /// The file.
    pub path: PathBuf,
    /// Whether placeholders in it are filled in.
    pub fill: bool,
    /// The namespace of what names none in it.
    pub namespace: String,
    /// The command that renders it, if it is no manifest itself.
    pub by: Option<String>,
    /// Whether only some of its objects are meant.
    pub some: bool,
    /// All files that it was made of.
    pub read: Arc<[PathBuf]>,
}

/// An object or a list of objects that is read.
#[derive(Debug, Clone)]
pub struct Target {
    /// The kind.
    pub kind: Kind,
    /// The namespace; `None` for cluster-wide kinds and for lists over all namespaces.
    pub namespace: Option<String>,
    /// The name; `None` for a list.
    pub name: Option<String>,
    /// For a list.
    pub label_selector: Option<String>,
    /// For a list.
    pub field_selector: Option<String>,
}

/// A call by curl inside a Pod.
#[derive(Debug, Clone)]
pub struct Curl {
    /// Where it runs.
    pub place: Place,
    /// The URL, `{namespace}` replaced.
    pub url: String,
    /// The method.
    pub method: Method,
    /// Sends the Pod's mounted token.
    pub mounted_token: bool,
    /// `--insecure`.
    pub insecure: bool,
    /// `--cacert` with the mounted certificate.
    pub cacert: bool,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// JSON body, as text.
    pub body: Option<String>,
    /// Who the API server must take the caller for.
    pub identity: Identity,
    /// What the API server must understand; `None` when the URL is not the API server's, or not known yet.
    pub request: Option<Request>,
    /// Whether the host is a saved value, which is only known when the step runs.
    pub late: bool,
    /// The name of a saved token that is sent.
    pub saved_token: Option<String>,
}

impl Curl {
    /// The path of the URL, and its query.
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("/", |at| &rest[at..])
    }
}

/// A command inside a Pod.
#[derive(Debug, Clone)]
pub struct Exec {
    /// Where it runs.
    pub place: Place,
    /// The Pod's ServiceAccount, as whom a call from inside is made.
    pub identity: Identity,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Standard input.
    pub stdin: Option<String>,
}

/// A request from outside the cluster.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path and its query, `{namespace}` replaced.
    pub path: String,
    /// The body as it is sent.
    pub body: Option<String>,
    /// The body's type.
    pub content_type: Option<String>,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
}

/// A token of a ServiceAccount.
#[derive(Debug, Clone, Default)]
pub struct TokenCall {
    /// The account's namespace.
    pub namespace: String,
    /// The account.
    pub account: String,
    /// `spec.expirationSeconds`.
    pub seconds: Option<u64>,
    /// `spec.audiences`.
    pub audiences: Vec<String>,
    /// `spec.boundObjectRef`: kind and name.
    pub bound_to: Option<(String, String)>,
    /// The Secret that has the token.
    pub secret: Option<String>,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The object.
    pub target: Target,
    /// A part of it.
    pub subresource: Option<String>,
    /// How the change is written.
    pub how: PatchType,
    /// The change.
    pub body: Value,
}
