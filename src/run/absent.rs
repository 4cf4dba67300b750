//! What a request must find before a denial of it says anything: its namespace, who it is made for, and the object that it names.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::{
    k8s::{Resource, served, usernames},
    plan::Request,
    steps::{Context, StepError, api},
};

/// How many requests are made at a time.
const AT_A_TIME: usize = 8;

/// Something that must be there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Namespace(String),
    /// Of a namespace, by name.
    Account(String, String),
    /// Any other object.
    Object {
        /// Where its API is, e.g. `/apis/apps/v1`.
        root: String,
        resource: String,
        /// `None`: it is cluster-wide.
        namespace: Option<String>,
        name: String,
    },
}

impl Subject {
    /// The ServiceAccount that a user is, if it is one.
    pub(super) fn user(user: &str) -> Option<Self> {
        usernames::account(user).map(|(namespace, name)| Subject::Account(namespace.to_owned(), name.to_owned()))
    }

    /// The namespace in which a request looks; that of a Namespace itself is its name.
    pub(super) fn place(request: &Request) -> Option<Self> {
        match request {
            Request::Resource { namespace, resource, group, .. } if !(group.is_empty() && resource == "namespaces") => {
                namespace.clone().map(Subject::Namespace)
            }
            _ => None,
        }
    }

    /// The object that a request to this path names.
    pub(super) fn at_path(method: &str, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split(['?', '#']).next()?.trim_matches('/').split('/').collect();
        let (group, version) = match *segments.as_slice() {
            ["api", version, _, ..] => ("", version),
            ["apis", group, version, _, ..] => (group, version),
            _ => return None,
        };
        let request = Request::from_http(method, path);
        let namespaced = matches!(&request, Request::Resource { namespace, .. } if namespace.is_some());
        Self::named(&request, &served::root(group, version), namespaced)
    }

    /// The object that a question about a resource names.
    pub(super) fn of_resource(request: &Request, own: &Resource) -> Option<Self> {
        Self::named(request, &own.root(), own.namespaced)
    }

    /// The object that a request names, unless it is one that the request makes.
    fn named(request: &Request, root: &str, namespaced: bool) -> Option<Self> {
        let Request::Resource { verb, group, resource, subresource, namespace, name: Some(name) } = request else {
            return None;
        };
        let makes = verb == "create" && subresource.is_none();
        // Of all namespaces the object may be in any.
        let anywhere = matches!(verb.as_str(), "list" | "watch") && namespace.is_none();
        if makes || anywhere || name.contains('*') {
            return None;
        }
        if group.is_empty() && resource == "namespaces" {
            return Some(Subject::Namespace(name.clone()));
        }
        // `https:web:443`, `web:http`: what is reached through the API server.
        let mut name = name.as_str();
        if subresource.as_deref() == Some("proxy") {
            let parts: Vec<&str> = name.split(':').collect();
            name = parts[usize::from(parts.len() == 3)];
        }
        let namespace = namespace.clone().filter(|_| namespaced);
        match &namespace {
            // It is in one, and which one is not said.
            None if namespaced => None,
            Some(namespace) if group.is_empty() && resource == "serviceaccounts" => {
                Some(Subject::Account(namespace.clone(), name.to_owned()))
            }
            _ => Some(Subject::Object {
                root: root.to_owned(),
                resource: resource.clone(),
                namespace,
                name: name.to_owned(),
            }),
        }
    }

    fn path(&self) -> String {
        let object = |root: &str, namespace: Option<&str>, resource: &str, name: &str| {
            let place = namespace.map(|namespace| format!("/namespaces/{}", api::escape(namespace)));
            format!("{root}{}/{resource}/{}", place.unwrap_or_default(), api::escape(name))
        };
        match self {
            Subject::Namespace(name) => object("/api/v1", None, "namespaces", name),
            Subject::Account(namespace, name) => object("/api/v1", Some(namespace), "serviceaccounts", name),
            Subject::Object { root, resource, namespace, name } => object(root, namespace.as_deref(), resource, name),
        }
    }

    /// That it is not there.
    pub(super) fn describe_absence(&self) -> String {
        match self {
            Subject::Namespace(name) => format!("there is no namespace `{name}`"),
            Subject::Account(namespace, name) => {
                format!("there is no ServiceAccount `{name}` in namespace `{namespace}`")
            }
            Subject::Object { resource, namespace: Some(namespace), name, .. } => {
                format!("there is no `{name}` among the {resource} of namespace `{namespace}`")
            }
            Subject::Object { resource, namespace: None, name, .. } => {
                format!("there is no `{name}` among the {resource}")
            }
        }
    }
}

/// Which of these do not exist, each asked for once; what the administrator may not see, may be there.
pub(super) async fn absent(mut subjects: Vec<Subject>, context: &Context) -> Result<BTreeSet<Subject>, StepError> {
    subjects.sort();
    subjects.dedup();
    let mut absent = BTreeSet::new();
    for some in subjects.chunks(AT_A_TIME) {
        let answers = join_all(some.iter().map(|subject| async { api::get(&context.client, &subject.path()).await }));
        for (subject, answer) in some.iter().zip(answers.await) {
            let http = answer?;
            match api::busy(&http) {
                Some(busy) => return Err(busy),
                None if http.status == 404 => absent.insert(subject.clone()),
                None => false,
            };
        }
    }
    Ok(absent)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("GET", "/api/v1/namespaces/a/pods/p", Some("/api/v1/namespaces/a/pods/p"))]
    #[case("GET", "/api/v1/namespaces/a/pods/p/log?container=c", Some("/api/v1/namespaces/a/pods/p"))]
    #[case("POST", "/api/v1/namespaces/a/pods/p/eviction", Some("/api/v1/namespaces/a/pods/p"))]
    #[case("POST", "/api/v1/namespaces/a/serviceaccounts/s/token", Some("/api/v1/namespaces/a/serviceaccounts/s"))]
    #[case("PUT", "/apis/apps/v1/namespaces/a/deployments/d/scale", Some("/apis/apps/v1/namespaces/a/deployments/d"))]
    #[case("DELETE", "/apis/storage.k8s.io/v1/storageclasses/s", Some("/apis/storage.k8s.io/v1/storageclasses/s"))]
    #[case("GET", "/api/v1/namespaces/a/services/https:web:443/proxy/x", Some("/api/v1/namespaces/a/services/web"))]
    #[case("GET", "/api/v1/namespaces/a/pods/web:80/proxy", Some("/api/v1/namespaces/a/pods/web"))]
    #[case("GET", "/api/v1/nodes/n/proxy/metrics", Some("/api/v1/nodes/n"))]
    #[case("GET", "/api/v1/namespaces/a", Some("/api/v1/namespaces/a"))]
    #[case("PUT", "/api/v1/namespaces/a/finalize", Some("/api/v1/namespaces/a"))]
    #[case::one_of_a_list(
        "GET",
        "/api/v1/namespaces/a/pods?fieldSelector=metadata.name=p",
        Some("/api/v1/namespaces/a/pods/p")
    )]
    #[case::one_of_all_namespaces("GET", "/api/v1/pods?fieldSelector=metadata.name=p", None)]
    #[case("GET", "/api/v1/namespaces/a/pods", None)]
    #[case("POST", "/api/v1/namespaces/a/pods", None)]
    #[case("GET", "/metrics", None)]
    #[case("GET", "/api/v1", None)]
    fn the_object_that_a_path_names(#[case] method: &str, #[case] path: &str, #[case] object: Option<&str>) {
        assert_eq!(Subject::at_path(method, path).map(|subject| subject.path()).as_deref(), object);
    }
}
