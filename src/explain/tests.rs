//! The authorizer's own cases.

mod near;
mod patches;

use rstest::rstest;

use super::{testing::ask, *};

const APP: &str = "system:serviceaccount:a:app";

fn decided(policy: &Policy, question: &str) -> bool {
    matches!(explain(policy, &ask(question)), Verdict::Granted(_))
}

/// A role with these rules for user u, in namespace a or everywhere.
fn only(place: &str, rules: &str) -> Policy {
    let policy = Policy::default().with("ClusterRole r", rules);
    match place {
        "" => policy.bound("ClusterRoleBinding b", "ClusterRole r", "User u"),
        namespace => policy.bound(&format!("RoleBinding {namespace}/b"), "ClusterRole r", "User u"),
    }
}

const PODS: &str = "/api/v1/namespaces/a/pods";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/a/deployments/d";

#[rstest]
// A `*` bound in a namespace reaches neither another one nor the cluster scope.
#[case("a", "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]", &[PODS, DEPLOYMENT, "/api/v1/namespaces/a/pods/p/log"], &["/api/v1/namespaces/b/pods", "/api/v1/pods", "/api/v1/nodes/n", "/healthz"])]
#[case("", "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]", &[PODS, "/api/v1/pods", "/api/v1/nodes/n"], &["/healthz"])]
// A resource is not its subresources, nor the other way round.
#[case("a", "[{apiGroups: [''], resources: [pods], verbs: ['*']}]", &[PODS], &["/api/v1/namespaces/a/pods/p/status", "/api/v1/namespaces/a/podss"])]
#[case("a", "[{apiGroups: [''], resources: [pods/status], verbs: ['*']}]", &["/api/v1/namespaces/a/pods/p/status"], &["/api/v1/namespaces/a/pods/p", "/api/v1/namespaces/a/pods/p/log"])]
#[case("a", "[{apiGroups: ['*'], resources: ['*/scale'], verbs: ['*']}]", &["/apis/apps/v1/namespaces/a/deployments/d/scale"], &[DEPLOYMENT, "/api/v1/namespaces/a/pods/p/status", "/api/v1/namespaces/a/scale/scale/xscale"])]
#[case("a", "[{apiGroups: [''], resources: ['pods/*'], verbs: ['*']}]", &[], &[PODS, "/api/v1/namespaces/a/pods/p/log"])]
#[case("a", "[{apiGroups: [''], resources: ['*/*'], verbs: ['*']}]", &[], &[PODS, "/api/v1/namespaces/a/pods/p/log"])]
// Groups are compared whole.
#[case("a", "[{apiGroups: [''], resources: [deployments], verbs: ['*']}]", &[], &[DEPLOYMENT])]
#[case("a", "[{apiGroups: [apps/v1], resources: [deployments], verbs: ['*']}]", &[], &[DEPLOYMENT])]
#[case("a", "[{apiGroups: [extensions, apps], resources: [x, deployments], verbs: [list, get]}]", &[DEPLOYMENT], &[PODS])]
// Names.
#[case("a", "[{apiGroups: [''], resources: [pods], verbs: ['*'], resourceNames: [p, q]}]", &["/api/v1/namespaces/a/pods/q", "/api/v1/namespaces/a/pods?fieldSelector=metadata.name=p", "/api/v1/namespaces/a/pods?watch=1&fieldSelector=metadata.name%3Dp"], &[PODS, "/api/v1/namespaces/a/pods/r", "/api/v1/namespaces/a/pods?fieldSelector=metadata.name!=p"])]
// Verbs do not imply each other.
#[case("a", "[{apiGroups: [''], resources: [pods], verbs: [get]}]", &["/api/v1/namespaces/a/pods/p"], &[PODS, "/api/v1/namespaces/a/pods?watch=1"])]
#[case("a", "[{apiGroups: [''], resources: [pods], verbs: [LIST]}]", &[], &[PODS])]
// Paths.
#[case("", "[{nonResourceURLs: [/api], verbs: [get]}]", &["/api"], &["/api/", "/apis", "/", "/api/v1"])]
#[case("", "[{nonResourceURLs: ['/api/*'], verbs: [get]}]", &["/api/", "/api/v1"], &["/api", "/apis"])]
#[case("", "[{nonResourceURLs: ['/api*'], verbs: [get]}]", &["/api", "/apis", "/api/v1"], &["/ap"])]
#[case("", "[{nonResourceURLs: ['*'], verbs: ['*']}]", &["/", "/x/y"], &[PODS])]
#[case("", "[{nonResourceURLs: ['/a/**'], verbs: ['*']}]", &["/a/", "/a/b"], &["/a"])]
#[case("", "[{nonResourceURLs: ['/*/b'], verbs: ['*']}]", &["/*/b"], &["/a/b"])]
#[case("a", "[{nonResourceURLs: ['*'], verbs: ['*']}]", &[], &["/", "/healthz"])]
fn what_rules_allow(#[case] place: &str, #[case] rules: &str, #[case] yes: &[&str], #[case] no: &[&str]) {
    let policy = only(place, rules);
    for path in yes {
        assert!(decided(&policy, &format!("u GET {path}")), "{path}");
        assert!(!decided(&policy, &format!("other GET {path}")), "somebody else: {path}");
    }
    for path in no {
        assert!(!decided(&policy, &format!("u GET {path}")), "{path}");
    }
}

#[rstest]
#[case("User u", &["u", "u+g"], &["v", "g", "v+u"])]
#[case("Group g", &["v+g"], &["g", "v"])]
#[case("ServiceAccount app a", &[APP], &["app", "system:serviceaccount:b:app", "system:serviceaccount:a:app:x"])]
#[case("ServiceAccount app", &[APP], &["system:serviceaccount:b:app"])]
#[case("ServiceAccount app A", &[], &[APP])]
#[case("User system:serviceaccount:a:app", &[APP], &["system:serviceaccount:b:app"])]
#[case("Group system:serviceaccounts", &[APP, "system:serviceaccount:b:x"], &["u"])]
#[case("Group system:serviceaccounts:a", &[APP], &["system:serviceaccount:b:app"])]
#[case("Group system:serviceaccount:a", &[], &[APP])]
#[case("Group system:authenticated", &["u", APP], &["system:anonymous"])]
#[case("Group system:unauthenticated", &["system:anonymous"], &["u", APP])]
#[case("User *", &[], &["u"])]
#[case("Robot u", &[], &["u"])]
#[case("User w + User u", &["u", "w"], &["v"])]
fn whom_subjects_name(#[case] subject: &str, #[case] yes: &[&str], #[case] no: &[&str]) {
    let policy = Policy::default().with("Role a/r", "[{apiGroups: [''], resources: [pods], verbs: [list]}]").bound(
        "RoleBinding a/b",
        "Role r",
        subject,
    );
    for who in yes {
        assert!(decided(&policy, &format!("{who} GET {PODS}")), "{who}");
    }
    for who in no {
        assert!(!decided(&policy, &format!("{who} GET {PODS}")), "{who}");
    }
}

#[test]
fn bindings_reach_only_roles_that_exist_where_they_look() {
    let rules = "[{apiGroups: [''], resources: [pods], verbs: [list]}]";
    let policy = Policy::default().with("Role b/r", rules).bound("RoleBinding a/b", "Role r", "User u");
    assert!(!decided(&policy, &format!("u GET {PODS}")), "a Role of another namespace");
    let policy = policy.bound("ClusterRoleBinding c", "ClusterRole gone", "User u").bound(
        "RoleBinding a/c",
        "ClusterRole s",
        "User u",
    );
    assert!(!decided(&policy, &format!("u GET {PODS}")), "roles that do not exist");
    assert!(
        decided(&policy.with("ClusterRole s", rules), &format!("u GET {PODS}")),
        "a dangling binding stands in nobody's way"
    );
    let policy = Policy::default().with("ClusterRole r", rules).bound(
        "ClusterRoleBinding b",
        "ClusterRole r",
        "ServiceAccount app",
    );
    assert!(!decided(&policy, &format!("{APP} GET {PODS}")), "a ServiceAccount of no namespace");
}

#[test]
fn a_grant_says_all_that_is_needed_for_it() {
    let rules =
        "[{apiGroups: [apps], resources: [x], verbs: [get]}, {apiGroups: [''], resources: [pods], verbs: [get, list]}]";
    let policy = Policy::default().with("ClusterRole r", rules).bound(
        "RoleBinding a/b",
        "ClusterRole r",
        "Group system:serviceaccounts:a",
    );
    let question = ask(&format!("{APP} GET {PODS}"));
    let verdict = explain(&policy, &question);
    let Verdict::Granted(grant) = &verdict else { panic!("{verdict:?}") };
    assert_eq!(
        (grant.binding.to_string(), grant.role.to_string(), grant.index),
        ("RoleBinding a/b".into(), "ClusterRole r".into(), 1)
    );
    assert_eq!(
        verdict.lines(&question),
        [
            "RoleBinding a/b gives Group system:serviceaccounts:a, to which ServiceAccount app of namespace a belongs, ClusterRole r in namespace a, whose rule 2 allows get, list on pods"
        ]
    );
}
