//! Calls that act as another identity, by the headers `Impersonate-…`: what the API server asks the authorizer about the
//! caller before it asks anything about whom the caller acts as.
//!
//! Sources: `apiserver/pkg/endpoints/filters/impersonation/{impersonation,mode}.go`. Since 1.36 a right may be limited to some calls
//! (KEP-5284), and the refusal speaks of that one or of the older `impersonate`, whichever the server has tried last.

use std::collections::BTreeMap;

use super::Request;
use crate::k8s::usernames;

/// The group in which identities are resources.
const AUTHENTICATION: &str = "authentication.k8s.io";

/// What of the identity is asked about: resource, subresource, namespace, name.
type Part = (&'static str, Option<String>, Option<String>, String);

/// What may be refused to the caller when `asked` is called with these headers; `None`: it acts as itself.
pub fn requests(headers: &BTreeMap<String, String>, asked: &[Request]) -> Option<Vec<Request>> {
    let find = |name: &str| headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let user = find("Impersonate-User")?;
    let account = usernames::account(user);
    let node = user.strip_prefix("system:node:");
    let whole = |plural, name: &str| (plural, None, None, name.to_owned());
    let mut legacy: Vec<Part> = vec![match account {
        Some((namespace, name)) => ("serviceaccounts", None, Some(namespace.to_owned()), name.to_owned()),
        None => whole("users", user),
    }];
    let mut own: Vec<Part> = match node {
        Some(node) => vec![whole("nodes", node)],
        None => legacy.clone(),
    };
    let mut more: Vec<(&'static str, Part)> = Vec::new();
    more.extend(find("Impersonate-Group").map(|group| ("", whole("groups", group))));
    more.extend(find("Impersonate-Uid").map(|uid| (AUTHENTICATION, whole("uids", uid))));
    for (key, value) in headers {
        let lower = key.to_ascii_lowercase();
        if let Some(key) = lower.strip_prefix("impersonate-extra-") {
            more.push((AUTHENTICATION, ("userextras", Some(key.to_owned()), None, value.clone())));
        }
    }
    own.extend(more.iter().map(|(_, part)| part.clone()));
    let one = |verb: &str, group: &str, (plural, sub, namespace, name): Part| Request::Resource {
        verb: verb.to_owned(),
        group: group.to_owned(),
        resource: plural.to_owned(),
        subresource: sub,
        namespace,
        name: Some(name),
    };
    let mut all: Vec<Request> = legacy.drain(..).map(|part| one("impersonate", "", part)).collect();
    all.extend(more.into_iter().map(|(group, part)| one("impersonate", group, part)));
    let modes: &[&str] = match (account, node) {
        (Some(_), _) => &["serviceaccount"],
        (None, Some(_)) => &["arbitrary-node", "associated-node"],
        (None, None) => &["user-info"],
    };
    for mode in modes {
        all.extend(own.iter().map(|part| one(&format!("impersonate:{mode}"), AUTHENTICATION, part.clone())));
        all.extend(asked.iter().map(|request| {
            let mut request = request.clone();
            let (Request::Resource { verb, .. } | Request::Path { verb, .. }) = &mut request;
            *verb = format!("impersonate-on:{mode}:{verb}");
            request
        }));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denials(headers: &[(&str, &str)]) -> Vec<String> {
        let headers = headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let asked = [Request::from_http("GET", "/api/v1/namespaces/a/pods")];
        requests(&headers, &asked).unwrap_or_default().iter().map(|request| request.denial("me")).collect()
    }

    #[test]
    fn the_refusals_are_the_servers() {
        assert_eq!(
            denials(&[("Impersonate-User", "ann"), ("impersonate-group", "dev"), ("Impersonate-Extra-Scopes", "view")]),
            [
                r#"users "ann" is forbidden: User "me" cannot impersonate resource "users" in API group "" at the cluster scope"#,
                r#"groups "dev" is forbidden: User "me" cannot impersonate resource "groups" in API group "" at the cluster scope"#,
                r#"userextras.authentication.k8s.io "view" is forbidden: User "me" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope"#,
                r#"users.authentication.k8s.io "ann" is forbidden: User "me" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope"#,
                r#"groups.authentication.k8s.io "dev" is forbidden: User "me" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope"#,
                r#"userextras.authentication.k8s.io "view" is forbidden: User "me" cannot impersonate:user-info resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope"#,
                r#"pods is forbidden: User "me" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "a""#,
            ]
        );
        let account = denials(&[("Impersonate-User", "system:serviceaccount:a:b")]);
        assert!(account[0].starts_with(r#"serviceaccounts "b" is forbidden: User "me" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "a""#), "{account:?}");
        assert!(denials(&[("Accept", "x")]).is_empty() && denials(&[("Impersonate-Group", "g")]).is_empty());
    }
}
