//! RBAC's refusal, taken apart: who asked for what.
//!
//! The server makes the text of `User %q cannot %s resource %q in API group %q in the namespace %q` (or `at the cluster
//! scope`, or `cannot %s path %q`), writes `&`, `<` and `>` in it as in HTML, and puts the resource and the name in front of it.

use std::fmt::Write;

use crate::{k8s::resource_name, plan::Request};

/// Who was refused what, as the server's message says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Who the server took the caller for.
    pub user: String,
    /// What the caller wanted to do, e.g. `list`.
    pub verb: String,
    /// With what.
    pub what: What,
    /// What the authorizer added after its text, e.g. `RBAC: role.rbac.authorization.k8s.io "x" not found`; often empty.
    pub reason: String,
}

/// What the caller wanted to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Objects.
    Resource {
        /// The plural, and a subresource after a slash: `pods/log`.
        resource: String,
        /// `""` for the core group.
        group: String,
        /// `None`: at the cluster scope.
        namespace: Option<String>,
        /// `None`: a collection.
        name: Option<String>,
    },
    /// A path that is no object.
    Path(String),
}

/// What stands before and after `forbidden: ` in a message.
pub(super) struct Head<'a> {
    /// `pods`, `roles.rbac.authorization.k8s.io`; `None` in `forbidden: …`.
    pub kind: Option<&'a str>,
    /// The name after it.
    pub name: Option<String>,
    /// The rest.
    pub rest: &'a str,
}

/// Takes `pods "x" is forbidden: …` or `forbidden: …` apart; `None` for any other beginning.
pub(super) fn head(message: &str) -> Option<Head<'_>> {
    if let Some(rest) = message.strip_prefix("forbidden: ") {
        return Some(Head { kind: None, name: None, rest });
    }
    let end = message.find(|c: char| !(c.is_ascii_alphanumeric() || ".-_/".contains(c)))?;
    let (kind, mut rest) = message.split_at(end);
    let mut name = None;
    if rest.starts_with(" \"") {
        let (found, after) = quoted(&rest[1..])?;
        (name, rest) = (Some(found), after);
    }
    let rest = rest.strip_prefix(" is forbidden:")?;
    Some(Head { kind: Some(kind), name, rest: rest.strip_prefix(' ').unwrap_or(rest) })
}

impl Refused {
    /// Reads the message of a refusal by the authorizer; `None` if the text begins in any other way, or if its head names
    /// something else than its body.
    pub fn parse(message: &str) -> Option<Self> {
        let head = head(message)?;
        let (user, rest) = sanitized(head.rest.strip_prefix("User ")?)?;
        let (verb, rest) = rest.strip_prefix(" cannot ")?.split_once(' ')?;
        let (what, rest) = if let Some(path) = rest.strip_prefix("path ") {
            let (path, rest) = sanitized(path)?;
            if head.kind.is_some() {
                return None;
            }
            (What::Path(path), rest)
        } else {
            let (resource, rest) = sanitized(rest.strip_prefix("resource ")?)?;
            let (group, rest) = sanitized(rest.strip_prefix(" in API group ")?)?;
            let (namespace, rest) = match rest.strip_prefix(" at the cluster scope") {
                Some(rest) => (None, rest),
                None => {
                    let (namespace, rest) = sanitized(rest.strip_prefix(" in the namespace ")?)?;
                    (Some(namespace), rest)
                }
            };
            let plural = resource.split('/').next()?;
            let dotted = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
            if head.kind != Some(&dotted) {
                return None;
            }
            (What::Resource { resource, group, namespace, name: head.name }, rest)
        };
        let reason = match rest {
            "" => String::new(),
            _ => rest.strip_prefix(':')?.trim().to_owned(),
        };
        Some(Self { user, verb: unsanitized(verb), what, reason })
    }

    /// The request that was refused, as the authorizer was asked.
    pub fn request(&self) -> Request {
        let verb = self.verb.clone();
        match &self.what {
            What::Path(path) => Request::Path { verb, path: path.clone() },
            What::Resource { resource, group, namespace, name } => {
                let (resource, subresource) = resource_name::split(resource);
                Request::Resource {
                    verb,
                    group: group.clone(),
                    resource: resource.to_owned(),
                    subresource: subresource.map(str::to_owned),
                    namespace: namespace.clone(),
                    name: name.clone(),
                }
            }
        }
    }

    /// What was refused, in words: `list pods in namespace "a"`.
    pub fn describe(&self) -> String {
        let mut words = self.verb.clone();
        let _ = match &self.what {
            What::Path(path) => write!(words, " path {path}"),
            What::Resource { resource, group, namespace, name } => {
                let group = if group.is_empty() { String::new() } else { format!(" of API group {group}") };
                let name = name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
                match namespace {
                    Some(namespace) => write!(words, " {resource}{name}{group} in namespace \"{namespace}\""),
                    None => write!(words, " {resource}{name}{group} at the cluster scope"),
                }
            }
        };
        words
    }

    /// The rule that would grant just this, and where it belongs.
    pub fn grant(&self) -> String {
        let verb = yaml_scalar(&self.verb);
        match &self.what {
            What::Path(path) => format!(
                "a ClusterRole and a ClusterRoleBinding would grant just this: \
                 rules: [{{nonResourceURLs: [{}], verbs: [{verb}]}}]",
                yaml_scalar(path)
            ),
            What::Resource { resource, group, namespace, .. } => {
                let rule = format!(
                    "rules: [{{apiGroups: [{}], resources: [{}], verbs: [{verb}]}}]",
                    yaml_scalar(group),
                    yaml_scalar(resource)
                );
                match namespace {
                    Some(namespace) => {
                        format!("a Role in namespace \"{namespace}\" and a RoleBinding would grant just this: {rule}")
                    }
                    None => format!("a ClusterRole and a ClusterRoleBinding would grant just this: {rule}"),
                }
            }
        }
    }
}

/// Whether a text is nothing but the words that every refusal has, whichever server made it about whichever caller.
pub fn is_bare_denial(text: &str) -> bool {
    const WORDS: [&str; 15] = [
        "http/1.1",
        "http/2",
        "error",
        "from",
        "server",
        "is",
        "forbidden",
        // As patterns spell it for both: `[Ff]orbidden`, `orbidden`.
        "orbidden",
        "ff",
        "i",
        "403",
        "code",
        "reason",
        "status",
        "response",
    ];
    let lower = text.to_lowercase();
    let words: Vec<_> = lower
        .split(|c: char| !(c.is_ascii_alphanumeric() || "/.".contains(c)))
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().any(|word| matches!(*word, "403" | "forbidden" | "orbidden"))
        && words.iter().all(|word| WORDS.contains(word))
}

/// A scalar inside a YAML flow list.
pub(crate) fn yaml_scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "./-".contains(c))
        && !matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// The same of a text in which the API server has written `&`, `<` and `>` as in HTML.
fn sanitized(text: &str) -> Option<(String, &str)> {
    quoted(text).map(|(found, rest)| (unsanitized(&found), rest))
}

fn unsanitized(text: &str) -> String {
    // The ampersand last, so that nothing is undone twice.
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Reads a text that Go quoted; gives it and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut found = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((found, &inner[at + 1..])),
            '\\' => match characters.next()?.1 {
                escaped @ ('"' | '\\') => found.push(escaped),
                other => found.extend(['\\', other]),
            },
            other => found.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::plan::Request;

    const PODS: &str = r#"pods is forbidden: User "system:serviceaccount:a:s" cannot list resource "pods" in API group "" in the namespace "a""#;

    #[rstest]
    #[case(PODS, "list pods in namespace \"a\"", r#"a Role in namespace "a" and a RoleBinding would grant just this: rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]"#)]
    #[case(r#"nodes "n1" is forbidden: User "x" cannot get resource "nodes" in API group "" at the cluster scope"#,
        "get nodes \"n1\" at the cluster scope", r#"a ClusterRole and a ClusterRoleBinding would grant just this: rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]"#)]
    #[case(r#"deployments.apps "d" is forbidden: User "x" cannot patch resource "deployments/scale" in API group "apps" in the namespace "a""#,
        "patch deployments/scale \"d\" of API group apps in namespace \"a\"", r#"a Role in namespace "a" and a RoleBinding would grant just this: rules: [{apiGroups: [apps], resources: [deployments/scale], verbs: [patch]}]"#)]
    #[case(r#"forbidden: User "system:anonymous" cannot get path "/api""#, "get path /api",
        r#"a ClusterRole and a ClusterRoleBinding would grant just this: rules: [{nonResourceURLs: ["/api"], verbs: [get]}]"#)]
    #[case(r#"pods is forbidden: User "u" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "a""#,
        "impersonate-on:user-info:list pods in namespace \"a\"", r#"a Role in namespace "a" and a RoleBinding would grant just this: rules: [{apiGroups: [""], resources: [pods], verbs: ["impersonate-on:user-info:list"]}]"#)]
    fn reads_and_grants(#[case] message: &str, #[case] words: &str, #[case] grant: &str) {
        let refused = Refused::parse(message).unwrap();
        assert_eq!((refused.describe().as_str(), refused.grant().as_str()), (words, grant));
    }

    #[rstest]
    #[case(
        ": RBAC: role.rbac.authorization.k8s.io \"x\" not found",
        "RBAC: role.rbac.authorization.k8s.io \"x\" not found"
    )]
    #[case(
        ": no relationship found between node 'x' and this object",
        "no relationship found between node 'x' and this object"
    )]
    #[case("", "")]
    fn reads_what_is_added(#[case] added: &str, #[case] reason: &str) {
        assert_eq!(Refused::parse(&format!("{PODS}{added}")).unwrap().reason, reason);
    }

    #[test]
    fn reads_quotes_in_names() {
        let refused = Refused::parse(r#"forbidden: User "a\"b\\c" cannot get path "/x""#).unwrap();
        assert_eq!(refused.user, r#"a"b\c"#);
    }

    #[rstest]
    #[case("R&D")]
    #[case("<a>")]
    #[case("&amp;lt;&lt;")]
    #[case("a&\"<b>\\")]
    fn the_refusal_of_a_request_is_read_as_what_was_asked(#[case] word: &str) {
        let path = format!("/{word}");
        let asked = Request::Path { verb: "get".into(), path: path.clone() };
        let refused = Refused::parse(&asked.denial(word)).expect("a refusal");
        assert_eq!((refused.user.as_str(), refused.what), (word, What::Path(path)));
        let asked = Request::Resource {
            verb: word.replace(['"', '\\'], ""),
            group: word.into(),
            resource: "widgets".into(),
            subresource: Some(word.into()),
            namespace: Some(word.into()),
            name: Some(word.into()),
        };
        // The head has the group without quotes, so that no server's is like this.
        let text = asked.denial("u").replace(&format!("widgets.{word} "), "widgets ");
        assert_eq!(head(&text).and_then(|head| head.name).as_deref(), Some(word));
    }

    #[rstest]
    #[case::webhook(r#"admission webhook "v" denied the request: pods is forbidden: User "u" cannot list resource "pods" in API group "" in the namespace "a""#)]
    #[case::head_differs(
        r#"secrets is forbidden: User "u" cannot list resource "pods" in API group "" in the namespace "a""#
    )]
    #[case::path_with_head(r#"pods is forbidden: User "u" cannot get path "/api""#)]
    #[case::more_after_it(r#"forbidden: User "u" cannot get path "/api" and so on"#)]
    #[case::cut(r#"pods is forbidden: User "u" cannot list resource "po"#)]
    #[case::empty("")]
    fn nothing_else_passes(#[case] message: &str) {
        assert_eq!(Refused::parse(message), None);
    }
}
