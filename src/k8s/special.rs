//! What authorizers are asked for although no API server serves it: the names of identities, signers, audiences, and the
//! subresources of the kubelet.
//!
//! Sources in Kubernetes: `apiserver/pkg/endpoints/filters/impersonation`, `pkg/kubelet/server/auth.go`,
//! `plugin/pkg/admission/{certificates,gc,noderestriction,resource}`, `pkg/registry/rbac/escalation_check.go`.

use super::{served::is_own_group, well_known::RBAC};

/// Verbs of HTTP requests about resources.
pub const REQUEST_VERBS: [&str; 8] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// Verbs of requests about paths that are no resources.
pub const PATH_VERBS: &[&str] = &["get", "head", "post", "put", "patch", "delete", "options"];

/// All verbs that something in Kubernetes asks for, about resources.
pub const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "bind",
    "escalate",
    "impersonate",
    "use",
    "approve",
    "sign",
    "attest",
    AUDIENCE,
    "unsafe-delete-ignore-read-errors",
];

/// The verb for tokens that a node asks for: the resource is the audience, the name the ServiceAccount's.
pub const AUDIENCE: &str = "request-serviceaccounts-token-audience";

/// The group in which identities are resources.
const AUTHENTICATION: &str = "authentication.k8s.io";

/// The group of certificates and their signers.
const CERTIFICATES: &str = "certificates.k8s.io";

/// What the kubelet asks about calls to its own port, and the API server about none.
const KUBELET: [&str; 9] = ["checkpoint", "configz", "healthz", "log", "metrics", "pods", "spec", "stats", "statusz"];

/// The verb that the API server gives a method about one object; none for others than these.
pub fn verb_of(method: &str) -> &'static str {
    match method {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}

/// Whether what is posted to a resource is a question, and not stored: a review of rights or of an identity.
pub fn only_asks(group: &str, plural: &str) -> bool {
    matches!(group, "authorization.k8s.io" | AUTHENTICATION) && plural.ends_with("reviews")
}

/// Whether a verb is one that something asks for; verbs with a colon are made of others.
pub fn is_verb(verb: &str) -> bool {
    VERBS.contains(&verb)
        || verb.starts_with("impersonate:")
        || verb.starts_with("impersonate-on:")
        || ["associated-node:", "arbitrary-node:"]
            .iter()
            .any(|node| verb.strip_prefix(node).is_some_and(|rest| REQUEST_VERBS.contains(&rest)))
}

/// What a verb that is none of a request is asked about: groups and plurals. `None`: other verbs, which are not looked at here.
///
/// `use` was asked about PodSecurityPolicies, which are gone; other servers may ask for it about their own.
pub fn asked_of(verb: &str) -> Option<&'static [(&'static str, &'static str)]> {
    const ROLES: &[(&str, &str)] = &[(RBAC, "roles"), (RBAC, "clusterroles")];
    const SIGNERS: &[(&str, &str)] = &[(CERTIFICATES, "signers")];
    match verb {
        "bind" | "escalate" => Some(ROLES),
        "impersonate" => Some(&[
            ("", "users"),
            ("", "groups"),
            ("", "serviceaccounts"),
            (AUTHENTICATION, "uids"),
            (AUTHENTICATION, "userextras"),
        ]),
        "approve" | "sign" => Some(SIGNERS),
        "attest" => Some(&[(CERTIFICATES, "signers"), (AUTHENTICATION, "admissionReviewAPIGroups")]),
        "use" => Some(&[]),
        _ => None,
    }
}

/// The group in which an identity or a signer is asked about, by a rule that has only these verbs.
pub fn group_of(verbs: &[&str], plural: &str) -> Option<&'static str> {
    match plural {
        "userextras" | "uids" if verbs.iter().any(|verb| verb.starts_with("impersonate")) => Some(AUTHENTICATION),
        "users" | "groups" if verbs == ["impersonate"] => Some(""),
        "signers" if verbs.iter().any(|verb| matches!(*verb, "approve" | "sign" | "attest")) => Some(CERTIFICATES),
        _ => None,
    }
}

/// Whether a verb that is none of a request may be asked about a resource. What the servers of other groups ask is not known.
pub fn may_be_asked(verb: &str, group: &str, plural: &str) -> bool {
    let any = group.contains('*') || plural.contains('*') || !is_own_group(group);
    any || asked_of(verb).is_none_or(|known| known.contains(&(group, plural)))
}

/// A resource of which only authorizers know, if it is one, for this verb (`*`: for any): whether it is in namespaces.
pub fn resource(verb: &str, group: &str, plural: &str) -> Option<bool> {
    let verbs = |known: &[&str]| verb == "*" || known.contains(&verb);
    match (group, plural) {
        ("", "users" | "groups") if verbs(&["impersonate"]) => Some(false),
        (AUTHENTICATION, "uids" | "userextras") if verbs(&["impersonate"]) => Some(false),
        (AUTHENTICATION, "users" | "groups" | "uids" | "userextras" | "nodes")
            if verb == "*" || verb.starts_with("impersonate:") =>
        {
            Some(false)
        }
        (AUTHENTICATION, "serviceaccounts") if verb == "*" || verb.starts_with("impersonate:") => Some(true),
        (AUTHENTICATION, "admissionReviewAPIGroups") if verbs(&["attest"]) => Some(false),
        (CERTIFICATES, "signers") if verbs(&["approve", "sign", "attest"]) => Some(false),
        // Any audience is a resource.
        ("", _) if verb == AUDIENCE => Some(true),
        _ => None,
    }
}

/// Whether only authorizers know this subresource of a resource that is served.
pub fn subresource(group: &str, plural: &str, sub: &str) -> bool {
    // The plugin OwnerReferencesPermissionEnforcement asks whether an owner may be blocked.
    sub == "finalizers" || subresources(group, plural).contains(&sub)
}

/// The subresources of a resource of which only authorizers know.
pub fn subresources(group: &str, plural: &str) -> &'static [&'static str] {
    match (group, plural) {
        ("", "nodes") => &KUBELET,
        ("resource.k8s.io", "resourceclaims") => &["binding", "driver"],
        _ => &[],
    }
}

/// The verbs that the resources of this name, of which only authorizers know, are asked for.
pub fn verbs_of(group: &str, plural: &str) -> &'static [&'static str] {
    match (group, plural) {
        ("", "users" | "groups") | (AUTHENTICATION, "uids" | "userextras") => &["impersonate"],
        (CERTIFICATES, "signers") => &["approve", "sign", "attest"],
        (AUTHENTICATION, "admissionReviewAPIGroups") => &["attest"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("impersonate", "", "users", Some(false))]
    #[case("list", "", "users", None)]
    #[case("impersonate", AUTHENTICATION, "userextras", Some(false))]
    #[case("impersonate:user-info", AUTHENTICATION, "users", Some(false))]
    #[case("impersonate:serviceaccount", AUTHENTICATION, "serviceaccounts", Some(true))]
    #[case("approve", "certificates.k8s.io", "signers", Some(false))]
    #[case("get", "certificates.k8s.io", "signers", None)]
    #[case(AUDIENCE, "", "vault", Some(true))]
    #[case("list", "", "vault", None)]
    fn what_only_authorizers_know(
        #[case] verb: &str,
        #[case] group: &str,
        #[case] plural: &str,
        #[case] namespaced: Option<bool>,
    ) {
        assert_eq!(resource(verb, group, plural), namespaced);
    }

    #[rstest]
    #[case("", "nodes", "stats", true)]
    #[case("", "pods", "stats", false)]
    #[case("batch", "jobs", "finalizers", true)]
    #[case("example.dev", "widgets", "finalizers", true)]
    fn subresources_of_theirs(#[case] group: &str, #[case] plural: &str, #[case] sub: &str, #[case] known: bool) {
        assert_eq!(subresource(group, plural, sub), known);
    }

    #[rstest]
    #[case("bind", RBAC, "clusterroles", true)]
    #[case("bind", RBAC, "rolebindings", false)]
    #[case("escalate", "", "pods", false)]
    #[case("impersonate", "", "serviceaccounts", true)]
    #[case("impersonate", "", "pods", false)]
    #[case("approve", CERTIFICATES, "signers", true)]
    #[case("approve", CERTIFICATES, "certificatesigningrequests", false)]
    #[case("use", "", "pods", false)]
    #[case::of_other_servers("use", "security.openshift.io", "securitycontextconstraints", true)]
    #[case::of_other_servers("bind", "apis.kcp.io", "apiexports", true)]
    #[case::any("bind", "*", "*", true)]
    #[case::others("impersonate-on:user-info:list", "", "pods", true)]
    #[case::others("frobnicate", "", "pods", true)]
    fn what_special_verbs_are_asked_about(
        #[case] verb: &str,
        #[case] group: &str,
        #[case] plural: &str,
        #[case] may: bool,
    ) {
        assert_eq!(may_be_asked(verb, group, plural), may);
    }

    #[test]
    fn reviews_only_ask() {
        assert!(only_asks("authorization.k8s.io", "selfsubjectaccessreviews"));
        assert!(only_asks(AUTHENTICATION, "tokenreviews"));
        assert!(!only_asks("example.dev", "bookreviews") && !only_asks("", "pods"));
    }

    #[test]
    fn verbs_made_of_others() {
        assert!(is_verb("impersonate-on:user-info:list") && is_verb("associated-node:update") && is_verb("use"));
        assert!(!is_verb("lst") && !is_verb("associated-node:lst"));
    }
}
