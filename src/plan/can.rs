//! Questions about rights: who, what, and the answer that is expected.

use serde_json::{Value, json};

use super::Request;
use crate::k8s::{served, usernames};

/// The most questions of one step.
pub const MOST_CELLS: usize = 2000;

/// The questions of a step.
#[derive(Debug, Clone)]
pub struct Can {
    /// All of them, none twice.
    pub cells: Vec<Cell>,
    /// How many are confirmed by a real request.
    pub sample: usize,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Where the expected answer stands, as a JSON pointer from the step: `/can/asked/0`.
    pub pointer: String,
    /// About whom.
    pub who: Who,
    /// What is asked.
    pub request: Request,
    /// The expected answer.
    pub allowed: bool,
    /// What is known of what it is about.
    pub api: Api,
    /// Whether its line says that what is denied need not exist.
    pub on_purpose: bool,
}

/// What is known of the resource that a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Api {
    /// It is served.
    Served {
        /// In this version.
        version: String,
        /// Whether its objects are in namespaces.
        namespaced: bool,
    },
    /// It is a path, or only authorizers know it.
    Other,
    /// Only the cluster knows.
    Unsure,
}

/// A subject as an authorizer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Who {
    /// As the scenario says it: `serviceaccount/reader`, `anonymous`, `user ann`.
    pub words: String,
    /// The user name; empty when the question is about any member of the groups.
    pub user: String,
    /// All groups, those that the API server gives included.
    pub groups: Vec<String>,
}

impl Who {
    /// By what it is told from others.
    pub fn key(&self) -> &str {
        if self.user.is_empty() { &self.words } else { &self.user }
    }

    /// Whether the scenario names it as a ServiceAccount, and not as a user who need not exist anywhere.
    pub fn is_account(&self) -> bool {
        self.words.starts_with("serviceaccount/")
    }

    /// Whether its groups are others than those that the API server gives.
    pub fn has_other_groups(&self) -> bool {
        let given = given(&self.user);
        self.groups.len() != given.len() || self.groups.iter().any(|group| !given.contains(group))
    }
}

impl Cell {
    /// Whether it is about something in this namespace.
    pub fn is_in(&self, place: &str) -> bool {
        matches!(&self.request, Request::Resource { namespace: Some(namespace), .. } if namespace == place)
    }

    /// Whether it is the question of another, whatever their answers.
    pub fn is_about(&self, other: &Cell) -> bool {
        self.who == other.who && self.request == other.request
    }

    /// The ServiceAccount that it is about, however it is named: an authorizer never looks whether it is there.
    pub fn account(&self) -> Option<(&str, &str)> {
        usernames::account(&self.who.user)
    }

    /// e.g. `serviceaccount/reader: list pods in namespace a`.
    pub fn describe(&self) -> String {
        format!("{}: {}", self.who.words, question(&self.request))
    }

    /// The method and path of a harmless request that is authorized by the same question; `None` if there is none.
    pub fn proof(&self) -> Option<(&'static str, String)> {
        // Nobody can ask as a group alone.
        match &self.request {
            _ if self.who.user.is_empty() => None,
            Request::Path { verb, path } if verb == "get" && !path.contains('*') => Some(("GET", path.clone())),
            Request::Path { .. } => None,
            Request::Resource { verb, group, resource, subresource, namespace, name } => {
                if [group, resource].iter().any(|word| word.contains('*')) {
                    return None;
                }
                // These open connections or hand out credentials; nothing about that is a dry run.
                let sub = subresource.as_deref();
                if matches!(sub, Some("exec" | "attach" | "portforward" | "proxy" | "token" | "*")) {
                    return None;
                }
                let method = match (verb.as_str(), name) {
                    ("get", Some(_)) | ("list" | "watch", None) => "GET",
                    ("create", None) if sub.is_none() => "POST",
                    ("create", Some(_)) if sub.is_some() => "POST",
                    ("update", Some(_)) => "PUT",
                    ("patch", Some(_)) => "PATCH",
                    ("delete", Some(_)) | ("deletecollection", None) => "DELETE",
                    _ => return None,
                };
                // Of an API that only the cluster knows, too, there may be such a request.
                let (version, namespaced) = match &self.api {
                    Api::Served { version, namespaced } => (version.as_str(), *namespaced),
                    Api::Unsure => ("", true),
                    Api::Other => return None,
                };
                // A Namespace is in itself for the authorizer, but not in the path.
                let namespace = namespace.as_ref().filter(|_| namespaced);
                if namespaced && namespace.is_none() && !matches!(verb.as_str(), "list" | "watch") {
                    return None;
                }
                let mut path = served::root(group, version);
                for part in namespace.map(|ns| ["namespaces", ns.as_str()]).into_iter().flatten() {
                    path = format!("{path}/{part}");
                }
                for part in [Some(resource), name.as_ref(), subresource.as_ref()].into_iter().flatten() {
                    path = format!("{path}/{part}");
                }
                path += match verb.as_str() {
                    "get" => "",
                    "list" => "?limit=1",
                    "watch" => "?watch=true&timeoutSeconds=1",
                    _ => "?dryRun=All",
                };
                Some((method, path))
            }
        }
    }
}

/// The groups that the API server gives to a user of this name of whom none is said.
pub fn given(user: &str) -> Vec<String> {
    usernames::groups(user, [])
}

/// e.g. `list pods in namespace a`, `get /metrics`.
pub fn question(request: &Request) -> String {
    match request {
        Request::Path { verb, path } => format!("{verb} {path}"),
        Request::Resource { verb, group, resource, subresource, namespace, name } => {
            let mut text = format!("{verb} {resource}");
            if let Some(subresource) = subresource {
                text = format!("{text}/{subresource}");
            }
            if !group.is_empty() {
                text = format!("{text} of {group}");
            }
            if let Some(name) = name {
                text = format!("{text} named {name}");
            }
            match namespace {
                Some(namespace) => format!("{text} in namespace {namespace}"),
                None => text,
            }
        }
    }
}

impl Cell {
    /// The SubjectAccessReview that asks it.
    pub fn review(&self) -> Value {
        let mut spec = json!({});
        if !self.who.user.is_empty() {
            spec["user"] = self.who.user.as_str().into();
        }
        spec["groups"] = json!(self.who.groups);
        let (key, attributes) = self.request.attributes();
        spec[key] = attributes;
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
    }

    /// Whether `kubectl auth can-i`, which asks as whom it is about, may ask at all.
    pub fn may_ask(&self) -> bool {
        let asks = |group: &String| group == "system:authenticated" || group == "system:masters";
        !self.who.user.is_empty() && self.who.groups.iter().any(asks)
    }
}

/// The kubectl lines that ask the same.
pub fn lines(can: &Can) -> Vec<Vec<String>> {
    can.cells.iter().map(line).collect()
}

fn line(cell: &Cell) -> Vec<String> {
    let mut words: Vec<String> = ["kubectl", "auth", "can-i"].map(str::to_owned).to_vec();
    match &cell.request {
        Request::Path { verb, path } => words.extend([verb.clone(), path.clone()]),
        Request::Resource { verb, group, resource, subresource, namespace, name } => {
            let mut what = if group.is_empty() { resource.clone() } else { format!("{resource}.{group}") };
            if let Some(name) = name {
                what = format!("{what}/{name}");
            }
            words.extend([verb.clone(), what]);
            words.extend(subresource.as_ref().map(|sub| format!("--subresource={sub}")));
            match namespace {
                Some(namespace) => words.extend(["-n".to_owned(), namespace.clone()]),
                None => words.push("-A".to_owned()),
            }
        }
    }
    if !cell.who.user.is_empty() {
        words.push(format!("--as={}", cell.who.user));
    }
    let groups = cell.who.groups.iter().filter(|_| cell.who.has_other_groups());
    words.extend(groups.map(|group| format!("--as-group={group}")));
    words
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::k8s::{Apis, Served};

    fn cell(verb: &str, resource: &str, sub: Option<&str>, namespace: Option<&str>, name: Option<&str>) -> Cell {
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        let own = |word: Option<&str>| word.map(str::to_owned);
        let api = match Apis::of_scenario(vec![], vec![]).resource(verb, group, resource, None) {
            Served::Resource(own) => Api::Served { version: own.version.clone(), namespaced: own.namespaced },
            _ => Api::Other,
        };
        Cell {
            pointer: "/can".into(),
            who: Who { words: "w".into(), user: "u".into(), groups: vec![] },
            request: Request::Resource {
                verb: verb.into(),
                group: group.into(),
                resource: resource.into(),
                subresource: own(sub),
                namespace: own(namespace),
                name: own(name),
            },
            allowed: true,
            api,
            on_purpose: false,
        }
    }

    #[rstest]
    #[case(cell("list", "pods", None, Some("a"), None), Some(("GET", "/api/v1/namespaces/a/pods?limit=1")))]
    #[case(cell("list", "pods", None, None, None), Some(("GET", "/api/v1/pods?limit=1")))]
    #[case(cell("get", "pods", Some("log"), Some("a"), Some("p")), Some(("GET", "/api/v1/namespaces/a/pods/p/log")))]
    #[case(cell("create", "deployments.apps", None, Some("a"), None),
        Some(("POST", "/apis/apps/v1/namespaces/a/deployments?dryRun=All")))]
    #[case(cell("get", "namespaces", None, Some("a"), Some("a")), Some(("GET", "/api/v1/namespaces/a")))]
    #[case::no_single_object(cell("get", "pods", None, Some("a"), None), None)]
    #[case::would_connect(cell("create", "pods", Some("exec"), Some("a"), Some("p")), None)]
    #[case::all(cell("list", "*", None, Some("a"), None), None)]
    #[case::no_request_is_this_verb(cell("escalate", "roles.rbac.authorization.k8s.io", None, Some("a"), None), None)]
    fn harmless_requests(#[case] cell: Cell, #[case] proof: Option<(&'static str, &str)>) {
        assert_eq!(cell.proof(), proof.map(|(method, path)| (method, path.to_owned())));
    }

    /// What the real request asks of the authorizer must be the question, or it would prove another one.
    #[rstest]
    #[case(cell("list", "pods", None, Some("a"), None))]
    #[case(cell("watch", "pods", None, None, None))]
    #[case(cell("get", "pods", Some("log"), Some("a"), Some("p")))]
    #[case(cell("patch", "deployments.apps", Some("scale"), Some("a"), Some("d")))]
    #[case(cell("get", "namespaces", None, Some("a"), Some("a")))]
    #[case(cell("deletecollection", "secrets", None, Some("a"), None))]
    #[case(cell("delete", "nodes", None, None, Some("n")))]
    fn the_request_asks_the_same(#[case] cell: Cell) {
        let (method, path) = cell.proof().expect("a request");
        assert_eq!(Request::from_http(method, &path), cell.request);
    }
}
