//! Some of what was read: by kind, by name, by label, or what RBAC is made of.

use serde_json::{Map, Value};

/// The kinds of `only: rbac`: who may do something, what, and that both belong together.
pub const RBAC_KINDS: [&str; 5] = ["ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"];

/// What is taken; an empty one takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of these kinds.
    pub kinds: Option<Vec<String>>,
    /// Only of these names; `*` stands for any text.
    pub names: Option<Vec<String>>,
    /// Only with all of these labels.
    pub labels: Vec<Label>,
    /// Only what RBAC is made of.
    pub rbac: bool,
}

/// A condition on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// `key=value`.
    Is(String, String),
    /// `key!=value`.
    IsNot(String, String),
    /// `key`.
    There(String),
    /// `!key`.
    NotThere(String),
}

/// Reads a label selector, as `kubectl -l` takes it, but for `in` and `notin`.
///
/// # Errors
/// The part that is none.
pub fn labels(text: &str) -> Result<Vec<Label>, String> {
    let word = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if !text.is_empty() && text.chars().all(fits) { Ok(text.to_owned()) } else { Err(text.to_owned()) }
    };
    let value = |text: &str| if text.is_empty() { Ok(String::new()) } else { word(text) };
    text.split(',')
        .map(|part| {
            let part = part.trim();
            let read = if let Some((key, is)) = part.split_once("!=") {
                (word(key.trim()), value(is.trim()), true)
            } else if let Some((key, is)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (word(key.trim()), value(is.trim()), false)
            } else {
                return match part.strip_prefix('!') {
                    Some(key) => word(key.trim()).map(Label::NotThere),
                    None => word(part).map(Label::There),
                }
                .map_err(|_| part.to_owned());
            };
            match read {
                (Ok(key), Ok(is), true) => Ok(Label::IsNot(key, is)),
                (Ok(key), Ok(is), false) => Ok(Label::Is(key, is)),
                _ => Err(part.to_owned()),
            }
        })
        .collect()
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
        let label =
            |key: &str| metadata.and_then(|of| of.get("labels")).and_then(|of| of.get(key)).and_then(Value::as_str);
        let labelled = self.labels.iter().all(|wanted| match wanted {
            Label::Is(key, is) => label(key) == Some(is),
            Label::IsNot(key, is) => label(key) != Some(is),
            Label::There(key) => label(key).is_some(),
            Label::NotThere(key) => label(key).is_none(),
        });
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

    #[rstest]
    #[case("app=a", true)]
    #[case("app==a,tier!=x", true)]
    #[case("app!=a", false)]
    #[case("app", true)]
    #[case("!app", false)]
    #[case("!x, app = a", true)]
    fn labels_are_read_as_kubectl_does(#[case] text: &str, #[case] takes: bool) {
        let object = json!({"kind": "Role", "metadata": {"name": "r", "labels": {"app": "a"}}});
        let selection = Selection { labels: labels(text).expect("a selector"), ..Selection::default() };
        assert_eq!(selection.takes(object.as_object().expect("a map")), takes);
    }

    #[test]
    fn what_is_no_selector_is_told() {
        assert_eq!(labels("app in (a, b)"), Err("app in (a".to_owned()));
        assert_eq!(labels("a=b,"), Err(String::new()));
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
