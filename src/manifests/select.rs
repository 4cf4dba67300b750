//! Some of what was read: by kind, by name, by label, or what RBAC is made of.

use serde_json::{Map, Value};

use crate::k8s::selector::Selector;

/// The kinds of `only: rbac`: who may do something, what, and that both belong together.
pub const RBAC_KINDS: [&str; 5] = ["ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"];

/// What is taken; an empty one takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of these kinds.
    pub kinds: Option<Vec<String>>,
    /// Only of these names; `*` stands for any text.
    pub names: Option<Vec<String>>,
    /// Only with labels that this takes.
    pub labels: Selector,
    /// Only what RBAC is made of.
    pub rbac: bool,
}

impl Selection {
    /// Whether it takes everything.
    pub fn is_all(&self) -> bool {
        *self == Selection::default()
    }

    /// Whether a manifest is taken.
    pub fn takes(&self, manifest: &Map<String, Value>) -> bool {
        let metadata = manifest.get("metadata");
        let text = |of: Option<&Value>, key: &str| {
            of.and_then(|of| of.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let kind = manifest.get("kind").and_then(Value::as_str).unwrap_or_default();
        let name = match text(metadata, "name") {
            name if name.is_empty() => text(metadata, "generateName"),
            name => name,
        };
        let labelled = self.labels.takes(metadata.and_then(|of| of.get("labels")).unwrap_or(&Value::Null));
        let of_kind = |kinds: &Vec<String>| kinds.iter().any(|wanted| wanted.eq_ignore_ascii_case(kind));
        (!self.rbac || is_rbac(manifest))
            && self.kinds.as_ref().is_none_or(of_kind)
            && self.names.as_ref().is_none_or(|names| names.iter().any(|wanted| fits(wanted, &name)))
            && labelled
    }
}

/// Whether RBAC is made of it.
pub fn is_rbac(manifest: &Map<String, Value>) -> bool {
    let text = |key: &str| manifest.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("kind") {
        "ServiceAccount" => text("apiVersion") == "v1",
        kind => RBAC_KINDS.contains(&kind) && text("apiVersion").starts_with("rbac.authorization.k8s.io/"),
    }
}

/// Whether a name fits a pattern in which `*` stands for any text.
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("app", "app", true)]
    #[case("app", "app-2", false)]
    #[case("*", "", true)]
    #[case("app-*", "app-2", true)]
    #[case("*-role", "a-role", true)]
    #[case("a*b*c", "a1b2c", true)]
    #[case("a*b*c", "acb", false)]
    #[case("ab*ba", "aba", false)]
    fn a_star_is_any_text(#[case] pattern: &str, #[case] name: &str, #[case] is: bool) {
        assert_eq!(fits(pattern, name), is);
    }

    #[test]
    fn what_has_labels_is_taken_by_them() {
        let object = json!({"kind": "Role", "metadata": {"name": "r", "labels": {"app": "a"}}});
        let takes = |text: &str| {
            let labels = Selector::read(text).expect("a selector");
            Selection { labels, ..Selection::default() }.takes(object.as_object().expect("a map"))
        };
        assert!(takes("app in (a, b)") && takes("app,!x") && !takes("app notin (a)"));
    }

    #[test]
    fn only_what_rbac_is_made_of() {
        let selection = Selection { rbac: true, ..Selection::default() };
        let takes = |version: &str, kind: &str| {
            selection.takes(json!({"apiVersion": version, "kind": kind}).as_object().expect("a map"))
        };
        assert!(takes("v1", "ServiceAccount") && takes("rbac.authorization.k8s.io/v1", "RoleBinding"));
        assert!(!takes("v1", "Secret") && !takes("authorization.openshift.io/v1", "Role"));
        assert!(!takes("v1", "Namespace"));
    }
}
