//! What Kubernetes has changed of what tutorials of ServiceAccounts and RBAC say: since when, and by which proposal or pull request.

use super::Version;

/// A change that a reader of an old text meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// In a few words.
    pub what: &'static str,
    /// The claims of `docs/claims.yaml` that are about it.
    pub rows: &'static [&'static str],
    /// The first minor version in which it is so by itself.
    pub since: Version,
    /// How it was before.
    pub then: &'static str,
    /// How it is.
    pub now: &'static str,
    /// The proposal (KEP) or the pull request.
    pub by: &'static str,
    /// Where to read about it.
    pub link: &'static str,
}

/// All of them, in the order of their versions.
pub const CHANGES: [Change; 9] = [
    Change {
        what: "selfLink",
        rows: &["S1.35"],
        since: Version::new(1, 20),
        then: "every object and list carries its own path as `selfLink`",
        now: "the field is not set",
        by: "KEP-1164",
        link: "https://kep.k8s.io/1164",
    },
    Change {
        what: "the volume of the token",
        rows: &["S1.17"],
        since: Version::new(1, 21),
        then: "the token Secret is mounted as a Secret volume",
        now: "a projected volume joins a token that the kubelet asks for, the certificate and the namespace",
        by: "KEP-1205",
        link: "https://kep.k8s.io/1205",
    },
    Change {
        what: "the claims of the mounted token",
        rows: &["S1.15", "S1.15b"],
        since: Version::new(1, 21),
        then: "five flat claims and `sub`, with neither an end nor an audience",
        now: "an audience, an end, and the Pod that it belongs to",
        by: "KEP-1205",
        link: "https://kep.k8s.io/1205",
    },
    Change {
        what: "rbac.authorization.k8s.io/v1beta1",
        rows: &["S1.30"],
        since: Version::new(1, 22),
        then: "Roles and bindings can be written in `v1beta1`, with a warning since 1.19",
        now: "the API server has `v1` alone",
        by: "removed API versions",
        link: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/#rbac-resources-v122",
    },
    Change {
        what: "a token Secret for each account",
        rows: &["S1.10", "S1.11", "S2.11"],
        since: Version::new(1, 24),
        then: "each ServiceAccount gets a Secret with a token by itself",
        now: "none is made; a Secret is filled for an account only when somebody makes it",
        by: "KEP-2799",
        link: "https://kep.k8s.io/2799",
    },
    Change {
        what: "the role `edit` and tokens",
        rows: &["F4"],
        since: Version::new(1, 25),
        then: "who has `edit` may not ask for a token of an account",
        now: "who has `edit` may ask for a token of every account of the namespace",
        by: "the role's rules",
        link: "https://github.com/kubernetes/kubernetes/blob/v1.25.0/plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go",
    },
    Change {
        what: "singularName",
        rows: &["S1.26"],
        since: Version::new(1, 27),
        then: "discovery leaves the singular name of Kubernetes' own resources empty",
        now: "discovery names it, e.g. `binding`",
        by: "pull request 113542",
        link: "https://github.com/kubernetes/kubernetes/pull/113542",
    },
    Change {
        what: "the Node and an id in a token",
        rows: &["S2.1"],
        since: Version::new(1, 30),
        then: "a token names the Pod that it belongs to",
        now: "it names the Node, too, and has an id of its own",
        by: "KEP-4193",
        link: "https://kep.k8s.io/4193",
    },
    Change {
        what: "exec over GET",
        rows: &["F17"],
        since: Version::new(1, 35),
        then: "`get` on pods/exec is enough for a client that uses WebSockets",
        now: "`create` is needed, too",
        by: "KEP-4006",
        link: "https://github.com/kubernetes/kubernetes/pull/134577",
    },
];

/// Those that are about one of these claims and lie between two versions: later than the first, not later than the last.
pub fn between(rows: &[String], first: Version, last: Version) -> Vec<&'static Change> {
    let about = |change: &&Change| change.rows.iter().any(|row| rows.iter().any(|own| own == row));
    // A version of ours can be set as it was before, as the node of 1.20 with `selfLink` is.
    CHANGES.iter().filter(about).filter(|change| first <= change.since && change.since <= last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_in_order_and_each_can_be_read_about() {
        assert!(CHANGES.is_sorted_by_key(|change| change.since));
        assert!(CHANGES.iter().all(|change| change.link.starts_with("https://") && !change.rows.is_empty()));
    }

    #[test]
    fn only_what_lies_between_two_versions_explains_their_difference() {
        let of = |rows: &[&str], first, last| {
            let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
            between(&rows, first, last).into_iter().map(|change| change.by).collect::<Vec<_>>()
        };
        assert_eq!(of(&["S1.10"], Version::new(1, 20), Version::new(1, 37)), ["KEP-2799"]);
        assert_eq!(of(&["S1.10", "S1.35"], Version::new(1, 20), Version::new(1, 34)), ["KEP-1164", "KEP-2799"]);
        assert!(of(&["S1.10"], Version::new(1, 34), Version::new(1, 37)).is_empty());
        assert!(of(&["S1.20"], Version::new(1, 20), Version::new(1, 37)).is_empty());
    }
}
