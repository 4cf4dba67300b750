//! Names that Kubernetes accepts.

use super::Kind;
use crate::k8s::{Version, object::article};

/// What is wrong with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadName {
    /// One sentence in lower case without a period.
    pub message: String,
    /// What would be accepted, if anything of the name is left.
    pub suggestion: Option<String>,
}

/// A rule of the API server for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// DNS-1123 subdomain: most kinds.
    Subdomain { limit: usize },
    /// DNS-1123 label.
    Label,
    /// DNS-1035 label: it begins with a letter.
    Label1035,
    /// Anything that can stand between two slashes of a URL.
    PathSegment,
}

/// The last version whose Services have names that begin with a letter, unless [`RELAXED`] is on.
pub const LAST_STRICT: Version = Version::new(1, 35);

/// The feature gate by which a Service may be called like any label: alpha in 1.34, on since 1.36.
pub const RELAXED: &str = "RelaxedServiceNameValidation";

fn rule(kind: &Kind, strict: bool) -> Rule {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Service") if strict => Rule::Label1035,
        ("", "Namespace" | "Service") => Rule::Label,
        ("rbac.authorization.k8s.io", _)
        | ("networking.k8s.io", "IPAddress")
        | ("apiregistration.k8s.io", "APIService")
        | ("certificates.k8s.io", "ClusterTrustBundle" | "CertificateSigningRequest") => Rule::PathSegment,
        ("batch", "CronJob") => Rule::Subdomain { limit: 52 },
        _ => Rule::Subdomain { limit: 253 },
    }
}

/// Checks a name by the rule that its kind has in the newest version.
///
/// # Errors
/// With the first thing that is wrong and, where possible, a name that would be accepted.
pub fn check(kind: &Kind, name: &str) -> Result<(), BadName> {
    check_by(kind, name, false)
}

/// The same; `strict`: by the rule of the versions up to [`LAST_STRICT`].
///
/// # Errors
/// As [`check`].
pub fn check_by(kind: &Kind, name: &str, strict: bool) -> Result<(), BadName> {
    let rule = rule(kind, strict);
    let Some(wrong) = wrong(rule, name) else {
        return Ok(());
    };
    let suggestion = suggest(rule, name);
    Err(BadName {
        message: format!("`{name}` is no name for {} {}: {wrong}", article(&kind.kind), kind.kind),
        suggestion: (suggestion != name && self::wrong(rule, &suggestion).is_none()).then_some(suggestion),
    })
}

/// Whether a text can be a segment of a URL's path, as the names of RBAC's objects must.
pub fn is_path_segment(name: &str) -> bool {
    wrong(Rule::PathSegment, name).is_none()
}

fn wrong(rule: Rule, name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".into());
    }
    let at = |found: Option<(usize, char)>, words: &str| {
        found.map(|(at, c)| format!("`{c}` at character {} {words}", at + 1))
    };
    if rule == Rule::PathSegment {
        return match name {
            "." | ".." => Some("it means a folder in a path".into()),
            _ => at(
                name.chars().enumerate().find(|(_, c)| matches!(c, '/' | '%')),
                "is not allowed (it would end the segment of a path)",
            ),
        };
    }
    let (limit, dots) = match rule {
        Rule::Subdomain { limit } => (limit, true),
        _ => (63, false),
    };
    let words = if dots {
        "is not allowed (lower-case letters, digits, `-` and `.` are)"
    } else {
        "is not allowed (lower-case letters, digits and `-` are)"
    };
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (dots && c == '.');
    if let Some(wrong) = at(name.chars().enumerate().find(|(_, c)| !allowed(*c)), words) {
        return Some(wrong);
    }
    // All is ASCII from here on.
    let mut start = 0;
    for part in name.split('.') {
        if part.is_empty() {
            let place = start.max(1);
            return Some(format!("`.` at character {place} has no letter or digit on both sides"));
        }
        if part.starts_with('-') {
            return Some(format!("`-` at character {} begins a part of it", start + 1));
        }
        if part.ends_with('-') {
            return Some(format!("`-` at character {} ends a part of it", start + part.len()));
        }
        start += part.len() + 1;
    }
    if rule == Rule::Label1035 && name.starts_with(|c: char| c.is_ascii_digit()) {
        return at(name.chars().enumerate().next(), "begins it (before Kubernetes 1.36 a letter must)");
    }
    (name.len() > limit).then(|| format!("it has {} characters, at most {limit} are allowed", name.len()))
}

fn suggest(rule: Rule, name: &str) -> String {
    if rule == Rule::PathSegment {
        return name.replace(['/', '%'], "-");
    }
    match rule {
        Rule::Subdomain { limit } => {
            let parts: Vec<_> = name.split('.').map(|part| dns_label(part, limit)).collect();
            let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            let mut name = parts.join(".");
            name.truncate(limit);
            name.trim_end_matches(['-', '.']).to_owned()
        }
        Rule::Label1035 => dns_label(name, 63).trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned(),
        _ => dns_label(name, 63),
    }
}

/// The nearest DNS-1123 label of a text, at most `limit` characters; empty if nothing of it is left.
pub fn dns_label(text: &str, limit: usize) -> String {
    let mut label = String::new();
    let mut before: Option<char> = None;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            // demoSa -> demo-sa
            if c.is_ascii_uppercase() && before.is_some_and(|b| b.is_ascii_lowercase()) {
                label.push('-');
            }
            label.push(c.to_ascii_lowercase());
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
        before = Some(c);
    }
    label.truncate(limit);
    label.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::kinds::find;
    use rstest::rstest;

    #[rstest]
    #[case("ServiceAccount", "demo-sa")]
    #[case("ServiceAccount", "a.b-1.c")]
    #[case("Pod", "1st")]
    #[case("RoleBinding", "list-pods_demo-sa")]
    #[case("ClusterRole", "system:my Role")]
    #[case("Role", "...")]
    #[case("Service", "web-1")]
    #[case("Namespace", "team-a")]
    fn accepts(#[case] kind: &str, #[case] name: &str) {
        assert_eq!(check(&find(kind, None).unwrap(), name), Ok(()));
    }

    #[rstest]
    #[case(
        "ServiceAccount",
        "Demo_SA",
        "`D` at character 1 is not allowed (lower-case letters, digits, `-` and `.` are)",
        Some("demo-sa")
    )]
    #[case(
        "ServiceAccount",
        "demoSa",
        "`S` at character 5 is not allowed (lower-case letters, digits, `-` and `.` are)",
        Some("demo-sa")
    )]
    #[case("Pod", "web-", "`-` at character 4 ends a part of it", Some("web"))]
    #[case("Pod", "a..b", "`.` at character 2 has no letter or digit on both sides", Some("a.b"))]
    #[case("Pod", ".a", "`.` at character 1 has no letter or digit on both sides", Some("a"))]
    #[case("Pod", "a.-b", "`-` at character 3 begins a part of it", Some("a.b"))]
    #[case(
        "Pod",
        "café",
        "`é` at character 4 is not allowed (lower-case letters, digits, `-` and `.` are)",
        Some("caf")
    )]
    #[case("Pod", "", "it is empty", None)]
    #[case(
        "Namespace",
        "a.b",
        "`.` at character 2 is not allowed (lower-case letters, digits and `-` are)",
        Some("a-b")
    )]
    #[case("Role", "a/b", "`/` at character 2 is not allowed (it would end the segment of a path)", Some("a-b"))]
    #[case("Role", "..", "it means a folder in a path", None)]
    fn refuses(#[case] kind: &str, #[case] name: &str, #[case] wrong: &str, #[case] suggestion: Option<&str>) {
        let bad = check(&find(kind, None).unwrap(), name).unwrap_err();
        assert_eq!(bad.message, format!("`{name}` is no name for a {kind}: {wrong}"));
        assert_eq!(bad.suggestion.as_deref(), suggestion);
    }

    #[test]
    fn a_service_begins_with_a_letter_up_to_1_35() {
        let service = find("Service", None).unwrap();
        assert_eq!(check(&service, "1web"), Ok(()));
        let bad = check_by(&service, "1web", true).unwrap_err();
        assert!(
            bad.message.ends_with("`1` at character 1 begins it (before Kubernetes 1.36 a letter must)"),
            "{bad:?}"
        );
        assert_eq!(bad.suggestion.as_deref(), Some("web"));
        assert!(check(&service, "a.b").is_err() && check(&service, "web-").is_err());
        assert_eq!(check_by(&find("Pod", None).unwrap(), "1st", true), Ok(()));
    }

    #[rstest]
    #[case("APIService", "v1.")]
    #[case("APIService", "v1beta1.metrics.k8s.io")]
    #[case("CertificateSigningRequest", "DevUser_csr")]
    #[case("ClusterRole", "system:node")]
    fn takes(#[case] kind: &str, #[case] name: &str) {
        assert_eq!(check(&find(kind, None).unwrap(), name), Ok(()));
    }

    #[rstest]
    #[case("Namespace", 63)]
    #[case("ConfigMap", 253)]
    #[case("CronJob", 52)]
    fn limits(#[case] kind: &str, #[case] limit: usize) {
        let kind = find(kind, None).unwrap();
        assert_eq!(check(&kind, &"a".repeat(limit)), Ok(()));
        let bad = check(&kind, &"a".repeat(limit + 1)).unwrap_err();
        assert!(bad.message.ends_with(&format!("at most {limit} are allowed")), "{}", bad.message);
        assert_eq!(bad.suggestion, Some("a".repeat(limit)));
    }

    #[rstest]
    #[case("Using a ServiceAccount", 40, "using-a-service-account")]
    #[case("__x__", 40, "x")]
    #[case("abc-def", 4, "abc")]
    #[case("äöü", 40, "")]
    fn labels(#[case] text: &str, #[case] limit: usize, #[case] label: &str) {
        assert_eq!(dns_label(text, limit), label);
    }
}
