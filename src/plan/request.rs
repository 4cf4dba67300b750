//! What the API server understands by a method and a path, and the words in which RBAC refuses it.

use serde_json::{Value, json};

use crate::k8s::{paths::decoded, special, usernames};

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// No known user: `system:anonymous`.
    Anonymous,
    /// A ServiceAccount.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A user that is no ServiceAccount.
    User {
        /// The name.
        name: String,
        /// The groups, without those that the server adds.
        groups: Vec<String>,
    },
}

impl Identity {
    /// Whether it is known whose it is: the account of a Pod that nothing in the scenario makes shows when the step runs.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::ServiceAccount { name, .. } if name.is_empty())
    }

    /// All its groups, those that the server adds included.
    pub fn groups(&self) -> Vec<String> {
        let said = match self {
            Self::User { groups, .. } => groups.clone(),
            Self::Anonymous | Self::ServiceAccount { .. } => vec![],
        };
        usernames::groups(&self.username(), said)
    }

    /// The user name by which the API server knows it.
    pub fn username(&self) -> String {
        match self {
            Self::Anonymous => "system:anonymous".into(),
            Self::ServiceAccount { namespace, name } => usernames::username(namespace, name),
            Self::User { name, .. } => name.clone(),
        }
    }
}

/// What is asked of the authorizer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// A resource.
    Resource {
        /// get, list, watch, create, update, patch, delete, deletecollection.
        verb: String,
        /// `""` for the core group.
        group: String,
        /// Plural.
        resource: String,
        /// e.g. `log`.
        subresource: Option<String>,
        /// `None`: at the cluster scope.
        namespace: Option<String>,
        /// `None` for a collection.
        name: Option<String>,
    },
    /// A path that is no resource, e.g. `/api`.
    Path {
        /// The method in lower case.
        verb: String,
        /// The path.
        path: String,
    },
}

/// `details` of the Status by which RBAC refuses a request; `""` stands for a key that is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The API group.
    pub group: String,
    /// The resource (the plural, despite the name that the field has).
    pub kind: String,
    /// The object's name.
    pub name: String,
}

impl Request {
    /// How a SubjectAccessReview's `spec` and its kin say it: the key, and what is behind it. What a request does not have is left out.
    pub fn attributes(&self) -> (&'static str, Value) {
        match self {
            Request::Path { verb, path } => ("nonResourceAttributes", json!({"verb": verb, "path": path})),
            Request::Resource { verb, group, resource, subresource, namespace, name } => {
                let mut asked = json!({"verb": verb, "group": group, "resource": resource});
                for (key, value) in [("subresource", subresource), ("namespace", namespace), ("name", name)] {
                    if let Some(value) = value {
                        asked[key] = json!(value);
                    }
                }
                ("resourceAttributes", asked)
            }
        }
    }

    /// Reads a method and the path of a URL with its query, as the API server's `RequestInfoFactory` does
    /// (`staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`).
    pub fn from_http(method: &str, path_and_query: &str) -> Self {
        let path_and_query = path_and_query.split('#').next().unwrap_or_default();
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let path = if path.is_empty() { "/".into() } else { decoded(path).into_owned() };
        Self::resource(method, &path, query).unwrap_or_else(|| Self::Path { verb: method.to_lowercase(), path })
    }

    fn resource(method: &str, path: &str, query: &str) -> Option<Self> {
        let all: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, mut parts) = match all.as_slice() {
            ["api", _version, rest @ ..] => ("", rest),
            ["apis", group, _version, rest @ ..] => (*group, rest),
            _ => return None,
        };
        let mut verb = special::verb_of(method);
        match parts {
            [] => return None,
            // The server answers 400 or 404 to these.
            ["watch" | "proxy"] => return None,
            [special @ ("watch" | "proxy"), rest @ ..] => {
                verb = special;
                parts = rest;
            }
            _ => {}
        }
        let mut namespace = None;
        if let ["namespaces", name, rest @ ..] = parts {
            namespace = Some(*name);
            // `status` and `finalize` belong to the Namespace itself.
            if !matches!(rest, [] | ["status" | "finalize", ..]) {
                parts = rest;
            }
        }
        let resource = parts[0];
        let mut name = parts.get(1).map(|name| (*name).to_owned());
        let subresource = parts.get(2).filter(|_| verb != "proxy");
        if name.is_none() && verb == "get" {
            verb = if watches(query) { "watch" } else { "list" };
            name = selected_name(query);
        }
        if name.is_none() && verb == "delete" {
            verb = "deletecollection";
        }
        Some(Self::Resource {
            verb: verb.into(),
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.map(|part| (*part).to_owned()),
            namespace: namespace.map(Into::into),
            name,
        })
    }

    /// The beginning of the message in which RBAC refuses the request; the server may append a reason to it.
    pub fn denial(&self, user: &str) -> String {
        let user = quote(user);
        match self {
            Self::Path { verb, path } => {
                format!("forbidden: {}", sanitize(&format!("User {user} cannot {verb} path {}", quote(path))))
            }
            Self::Resource { verb, group, resource, subresource, namespace, name } => {
                let mut head = resource.clone();
                if !group.is_empty() {
                    head = format!("{head}.{group}");
                }
                if let Some(name) = name {
                    head = format!("{head} {}", quote(name));
                }
                let full = match subresource {
                    Some(subresource) => format!("{resource}/{subresource}"),
                    None => resource.clone(),
                };
                let place = match namespace {
                    Some(namespace) => format!("in the namespace {}", quote(namespace)),
                    None => "at the cluster scope".into(),
                };
                let denial = format!(
                    "User {user} cannot {verb} resource {} in API group {} {place}",
                    quote(&full),
                    quote(group),
                );
                format!("{head} is forbidden: {}", sanitize(&denial))
            }
        }
    }

    /// `details` of the Status in which RBAC refuses the request.
    pub fn details(&self) -> Details {
        match self {
            Self::Path { .. } => Details::default(),
            Self::Resource { group, resource, name, .. } => {
                Details { group: group.clone(), kind: resource.clone(), name: name.clone().unwrap_or_default() }
            }
        }
    }
}

/// Go's `%q`, for what can stand in names and paths.
fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The server writes HTML's own characters as entities in these messages.
fn sanitize(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The value of a parameter of a query.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let read = |text: &str| decoded(&text.replace('+', " ")).into_owned();
        (read(key) == name).then(|| read(value))
    })
}

fn watches(query: &str) -> bool {
    parameter(query, "watch").is_some_and(|value| !matches!(value.to_lowercase().as_str(), "false" | "0"))
}

/// The name that a field selector `metadata.name=NAME` asks for.
fn selected_name(query: &str) -> Option<String> {
    let selector = parameter(query, "fieldSelector")?;
    let name = selector.split(',').find_map(|term| {
        let (field, value) = term.split_once('=')?;
        (field == "metadata.name").then(|| value.strip_prefix('=').unwrap_or(value).to_owned())
    })?;
    super::names::is_path_segment(&name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DEFAULT: &str = "system:serviceaccount:default:default";

    #[rstest]
    // M1, M3, M4, M5 of facts/serviceaccount.md
    #[case("GET", "/api", "system:anonymous", r#"forbidden: User "system:anonymous" cannot get path "/api""#)]
    #[case("GET", "/api/v1/namespaces/default/pods/", DEFAULT, r#"pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" in the namespace "default""#)]
    #[case(
        "GET",
        "/api/v1/nodes/n1",
        "u",
        r#"nodes "n1" is forbidden: User "u" cannot get resource "nodes" in API group "" at the cluster scope"#
    )]
    #[case(
        "GET",
        "/api/v1/namespaces/a/pods/x/log",
        "u",
        r#"pods "x" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "a""#
    )]
    #[case("POST", "/apis/apps/v1/namespaces/a/deployments", "u", r#"deployments.apps is forbidden: User "u" cannot create resource "deployments" in API group "apps" in the namespace "a""#)]
    #[case("PATCH", "/apis/apps/v1/namespaces/a/deployments/d/scale", "u", r#"deployments.apps "d" is forbidden: User "u" cannot patch resource "deployments/scale" in API group "apps" in the namespace "a""#)]
    // paths
    #[case("GET", "/", "u", r#"forbidden: User "u" cannot get path "/""#)]
    #[case("GET", "", "u", r#"forbidden: User "u" cannot get path "/""#)]
    #[case("GET", "/api/v1", "u", r#"forbidden: User "u" cannot get path "/api/v1""#)]
    #[case("GET", "/api/v1/", "u", r#"forbidden: User "u" cannot get path "/api/v1/""#)]
    #[case("GET", "/apis/apps/v1?timeout=32s", "u", r#"forbidden: User "u" cannot get path "/apis/apps/v1""#)]
    #[case("HEAD", "/metrics", "u", r#"forbidden: User "u" cannot head path "/metrics""#)]
    #[case("POST", "/a%20%3Cb%22", "u", r#"forbidden: User "u" cannot post path "/a &lt;b\"""#)]
    // namespaces
    #[case(
        "GET",
        "/api/v1/namespaces",
        "u",
        r#"namespaces is forbidden: User "u" cannot list resource "namespaces" in API group "" at the cluster scope"#
    )]
    #[case("GET", "/api/v1/namespaces/a", "u", r#"namespaces "a" is forbidden: User "u" cannot get resource "namespaces" in API group "" in the namespace "a""#)]
    #[case("PUT", "/api/v1/namespaces/a/finalize", "u", r#"namespaces "a" is forbidden: User "u" cannot update resource "namespaces/finalize" in API group "" in the namespace "a""#)]
    // verbs
    #[case(
        "GET",
        "/api/v1/pods",
        "u",
        r#"pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope"#
    )]
    #[case(
        "GET",
        "/api/v1/pods?watch=true",
        "u",
        r#"pods is forbidden: User "u" cannot watch resource "pods" in API group "" at the cluster scope"#
    )]
    #[case(
        "GET",
        "/api/v1/pods?watch=0",
        "u",
        r#"pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope"#
    )]
    #[case(
        "GET",
        "/api/v1/watch/namespaces/a/pods",
        "u",
        r#"pods is forbidden: User "u" cannot watch resource "pods" in API group "" in the namespace "a""#
    )]
    #[case(
        "DELETE",
        "/api/v1/namespaces/a/pods",
        "u",
        r#"pods is forbidden: User "u" cannot deletecollection resource "pods" in API group "" in the namespace "a""#
    )]
    #[case(
        "DELETE",
        "/api/v1/namespaces/a/pods/p",
        "u",
        r#"pods "p" is forbidden: User "u" cannot delete resource "pods" in API group "" in the namespace "a""#
    )]
    // A list of one name is asked with that name.
    #[case(
        "GET",
        "/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Ds",
        "u",
        r#"secrets "s" is forbidden: User "u" cannot list resource "secrets" in API group "" in the namespace "a""#
    )]
    #[case(
        "GET",
        "/api/v1/secrets?watch=1&fieldSelector=metadata.name==s,type=x",
        "u",
        r#"secrets "s" is forbidden: User "u" cannot watch resource "secrets" in API group "" at the cluster scope"#
    )]
    #[case("GET", "/api/v1/namespaces/a/services/https:web:443/proxy/x/y", "u", r#"services "https:web:443" is forbidden: User "u" cannot get resource "services/proxy" in API group "" in the namespace "a""#)]
    fn denials(#[case] method: &str, #[case] path: &str, #[case] user: &str, #[case] text: &str) {
        assert_eq!(Request::from_http(method, path).denial(user), text);
    }

    #[test]
    fn details_are_those_of_the_status() {
        let details = Request::from_http("GET", "/apis/apps/v1/namespaces/a/deployments/d/scale").details();
        assert_eq!((&*details.group, &*details.kind, &*details.name), ("apps", "deployments", "d"));
        assert_eq!(Request::from_http("GET", "/healthz").details(), Details::default());
    }

    #[test]
    fn user_names() {
        assert_eq!(Identity::Anonymous.username(), "system:anonymous");
        let account = Identity::ServiceAccount { namespace: "default".into(), name: "default".into() };
        assert_eq!(account.username(), DEFAULT);
    }
}
