//! What the API server is asked by a step: paths, and the requests that the authorizer sees.

pub use crate::text::percent_encoded as escape;

use std::collections::BTreeMap;

use super::{Call, Change, Kind, Object, Target, TokenCall};
use crate::{
    k8s::special,
    scenario::{calls::PatchType, verbs::Method},
};

/// A field that the kind does not have is refused, as by kubectl, and not dropped.
pub const STRICT: &str = "fieldValidation=Strict";

/// The path of a collection, or of an object when it is named.
pub fn path(kind: &Kind, namespace: Option<&str>, name: Option<&str>) -> String {
    let root = if kind.group.is_empty() {
        format!("/api/{}", kind.version)
    } else {
        format!("/apis/{}/{}", kind.group, kind.version)
    };
    let plural = kind.plural.as_deref().unwrap_or_default();
    let place = namespace.map(|ns| format!("/namespaces/{}", escape(ns))).unwrap_or_default();
    let name = name.map(|name| format!("/{}", escape(name))).unwrap_or_default();
    if let Some((whole, part)) = plural.split_once('/') {
        // Those that have such a part are of the core group.
        return format!("/api/v1{place}/{whole}{name}/{part}");
    }
    format!("{root}{place}/{plural}{name}")
}

/// Where one asks who one is.
pub const WHOAMI: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

impl TokenCall {
    /// Where the token is asked for, or the Secret that has it.
    pub fn path(&self) -> String {
        let namespace = escape(&self.namespace);
        match &self.secret {
            Some(secret) => format!("/api/v1/namespaces/{namespace}/secrets/{}", escape(secret)),
            None => format!("/api/v1/namespaces/{namespace}/serviceaccounts/{}/token", escape(&self.account)),
        }
    }
}

impl Change {
    /// Its path, of the kind with its plural.
    pub fn path(&self, kind: &Kind) -> String {
        let path = self.target.path(kind);
        match &self.subresource {
            Some(subresource) => format!("{path}/{}", escape(subresource)),
            None => path,
        }
    }

    /// The `Content-Type` of the change.
    pub fn content_type(&self) -> &'static str {
        match self.how {
            PatchType::Merge => "application/merge-patch+json",
            PatchType::Json => "application/json-patch+json",
            PatchType::Strategic => "application/strategic-merge-patch+json",
        }
    }

    /// The request, of a kind whose plural is known.
    pub(super) fn as_call(&self) -> Call {
        Call {
            method: Method::Patch,
            path: format!("{}?{STRICT}", self.path(&self.target.kind)),
            body: Some(self.body.to_string()),
            content_type: Some(self.content_type().to_owned()),
            headers: BTreeMap::new(),
        }
    }
}

impl Target {
    /// Its path, of the kind with its plural.
    pub fn path(&self, kind: &Kind) -> String {
        let namespace = self.namespace.as_deref().filter(|_| kind.namespaced);
        let path = path(kind, namespace, self.name.as_deref());
        let selectors = [("labelSelector", &self.label_selector), ("fieldSelector", &self.field_selector)];
        let query: Vec<String> = selectors
            .into_iter()
            .filter_map(|(key, value)| value.as_deref().map(|value| format!("{key}={}", escape(value))))
            .collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }
}

impl Object {
    /// Its path, or that of its collection; nothing for a kind whose plural only the cluster knows.
    pub(in crate::plan) fn path(&self, named: bool) -> Option<String> {
        self.kind.plural.as_ref()?;
        let namespace = self.namespace.as_deref().filter(|_| self.kind.namespaced);
        let named = named || self.kind.is_part();
        Some(path(&self.kind, namespace, named.then_some(&self.name)))
    }

    /// Whether the API server keeps it; what is not kept is a question, or a request of a part of another object.
    pub fn is_kept(&self) -> bool {
        let asks = |plural: &String| special::only_asks(&self.kind.group, plural);
        !self.kind.is_part() && !self.kind.plural.as_ref().is_some_and(asks)
    }
}

/// The path and the query of a URL.
pub(super) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?', '#']).map_or("/", |at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, plural: &str) -> Kind {
        Kind {
            group: group.into(),
            version: "v1".into(),
            kind: "X".into(),
            plural: Some(plural.into()),
            namespaced: true,
        }
    }

    #[test]
    fn what_is_sent_to_a_part_goes_there() {
        let eviction = kind("policy", "pods/eviction");
        assert_eq!(path(&eviction, Some("a"), Some("p")), "/api/v1/namespaces/a/pods/p/eviction");
        let object =
            |kind| Object { kind, namespace: None, name: "x".into(), manifest: Default::default(), file: None };
        assert!(!object(eviction).is_kept() && object(kind("policy", "poddisruptionbudgets")).is_kept());
        assert!(!object(kind("authorization.k8s.io", "subjectaccessreviews")).is_kept());
    }

    #[test]
    fn paths_are_the_api_servers() {
        assert_eq!(path(&kind("", "pods"), Some("default"), Some("a")), "/api/v1/namespaces/default/pods/a");
        assert_eq!(path(&kind("", "nodes"), None, None), "/api/v1/nodes");
        let roles = kind("rbac.authorization.k8s.io", "roles");
        assert_eq!(
            path(&roles, Some("a"), Some("list-pods_demo:sa")),
            "/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/list-pods_demo%3Asa"
        );
    }
}
