//! What the API server is asked by a step: paths, and the requests that the authorizer sees.

use crate::scenario::verbs::Method;
pub use crate::text::percent_encoded as escape;

use super::{Action, Change, Kind, Object, Request, Target, TokenCall};

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

impl Action {
    /// Whether it changes nothing, so that it may be asked again. A GET by which a program is run or reached does more than
    /// read.
    pub fn only_reads(&self) -> bool {
        let connects = |request: &Request| {
            matches!(request, Request::Resource { subresource: Some(part), .. }
                if matches!(part.as_str(), "exec" | "attach" | "portforward" | "proxy"))
        };
        let reads = |method: Method| matches!(method, Method::Get | Method::Head | Method::Options);
        let method = match self {
            Action::Get(_) | Action::Wait(..) | Action::Can(_) | Action::Whoami => return true,
            Action::Curl(curl) => curl.method,
            Action::Request(call) => call.method,
            _ => return false,
        };
        reads(method) && !self.requests().iter().any(connects)
    }
}

impl Object {
    fn path(&self, named: bool) -> Option<String> {
        self.kind.plural.as_ref()?;
        let namespace = self.namespace.as_deref().filter(|_| self.kind.namespaced);
        Some(path(&self.kind, namespace, named.then_some(&self.name)))
    }
}

/// The path and the query of a URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?', '#']).map_or("/", |at| &rest[at..])
}

impl Action {
    /// The requests that the authorizer sees, in order: it may refuse each of them. Empty for kinds whose plural only the
    /// cluster knows, and for what is not asked of the API server.
    pub fn requests(&self) -> Vec<Request> {
        match self {
            Action::Curl(call) => call.request.clone().into_iter().collect(),
            _ => self.paths().iter().map(|(method, path)| Request::from_http(method, path)).collect(),
        }
    }

    /// The methods and paths of the same requests.
    pub fn paths(&self) -> Vec<(&'static str, String)> {
        let target = |method: &'static str, target: &Target| {
            let known = target.kind.plural.is_some();
            known.then(|| (method, target.path(&target.kind))).into_iter().collect()
        };
        let made = |object: &Object| Some(("POST", object.path(false)?));
        match self {
            Action::Curl(call) => {
                let is_api = call.request.is_some();
                is_api.then(|| (call.method.word(), path_of(&call.url).to_owned())).into_iter().collect()
            }
            Action::Request(call) => vec![(call.method.word(), call.path.clone())],
            Action::Get(object) => target("GET", object),
            Action::Delete(object) => target("DELETE", object),
            // An object that is not there yet needs `create`, too.
            Action::Apply(objects) => (objects.iter())
                .filter_map(|one| one.path(true))
                .flat_map(|path| [("PATCH", path.clone()), ("POST", path)])
                .collect(),
            Action::Create(objects) => objects.iter().filter_map(made).collect(),
            Action::Pod(one) => made(one).into_iter().collect(),
            Action::Can(_) | Action::Kubectl(_) | Action::Wait(..) | Action::Exec(_) => vec![],
            Action::Whoami => vec![("POST", WHOAMI.to_owned())],
            Action::Token(call) => vec![(if call.secret.is_some() { "GET" } else { "POST" }, call.path())],
            Action::Patch(change) => {
                let kind = &change.target.kind;
                kind.plural.as_ref().map(|_| ("PATCH", change.path(kind))).into_iter().collect()
            }
        }
    }

    /// The kinds that it is about.
    pub fn kinds_mut(&mut self) -> Vec<&mut Kind> {
        match self {
            Action::Apply(objects) | Action::Create(objects) => {
                objects.iter_mut().map(|object| &mut object.kind).collect()
            }
            Action::Pod(object) => vec![&mut object.kind],
            Action::Get(target) | Action::Delete(target) | Action::Wait(target, _) => vec![&mut target.kind],
            Action::Patch(change) => vec![&mut change.target.kind],
            Action::Can(_)
            | Action::Kubectl(_)
            | Action::Curl(_)
            | Action::Exec(_)
            | Action::Request(_)
            | Action::Whoami
            | Action::Token(_) => vec![],
        }
    }
}
