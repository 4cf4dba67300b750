//! What is said of the nearest misses, and that the patch grants the call.

use rstest::rstest;

use super::{APP, DEPLOYMENT, PODS, decided, only};
use crate::explain::{Element, Policy, Verdict, evaluate, explain, testing::ask};

const LOG: &str = "/api/v1/namespaces/a/pods/p/log";

#[rstest]
// Slips of C15.
#[case(
    LOG,
    "{apiGroups: [''], resources: [pods/logs], verbs: [get]}",
    Element::Subresource,
    "is about pods/logs; the call is about pods/log (the subresource is `log`, not `logs`)"
)]
#[case(
    LOG,
    "{apiGroups: [''], resources: [pods], verbs: [get]}",
    Element::Subresource,
    "is about pods; the call is about pods/log (pods does not include its subresources; `pods/log` must be named)"
)]
#[case(
    LOG,
    "{apiGroups: [''], resources: ['pods/*'], verbs: [get]}",
    Element::Subresource,
    "(`pods/*` is no wildcard; only `*` and `*/NAME` are)"
)]
#[case(
    LOG,
    "{apiGroups: [''], resources: [log], verbs: [get]}",
    Element::Subresource,
    "(a subresource is written with its resource: `pods/log`)"
)]
#[case(
    PODS,
    "{apiGroups: [''], resources: [pods/log], verbs: [list]}",
    Element::Subresource,
    "(`pods/log` is only the subresource; `pods` must be named)"
)]
#[case(
    PODS,
    "{apiGroups: [core], resources: [pods], verbs: [list]}",
    Element::ApiGroup,
    "is about API group \"core\"; the call is about pods of API group \"\" (the core group is written \"\")"
)]
#[case(
    PODS,
    "{apiGroups: [v1], resources: [pods], verbs: [list]}",
    Element::ApiGroup,
    "(the core group is written \"\")"
)]
#[case(
    PODS,
    "{apiGroups: [''], resources: [pod], verbs: [list]}",
    Element::Resource,
    "(resources are named in plural: `pods`)"
)]
#[case(
    PODS,
    "{apiGroups: [''], resources: [Pods], verbs: [list]}",
    Element::Resource,
    "(resources are written in lower case)"
)]
#[case(
    PODS,
    "{apiGroups: [''], resources: [po], verbs: [list]}",
    Element::Resource,
    "(`po` is kubectl's short name; RBAC knows only `pods`)"
)]
#[case(
    PODS,
    "{apiGroups: [''], resources: [secrets], verbs: [list]}",
    Element::Resource,
    "is about secrets; the call is about pods"
)]
#[case(
    DEPLOYMENT,
    "{apiGroups: [apps], resources: [deployments.apps], verbs: [get]}",
    Element::Resource,
    "(the group stands under apiGroups: `deployments`)"
)]
#[case(
    DEPLOYMENT,
    "{apiGroups: [apps], resources: [apps/deployments], verbs: [get]}",
    Element::Resource,
    "(the group stands under apiGroups: `deployments`)"
)]
#[case(
    DEPLOYMENT,
    "{apiGroups: [apps/v1], resources: [deployments], verbs: [get]}",
    Element::ApiGroup,
    "(without the version)"
)]
#[case(
    DEPLOYMENT,
    "{apiGroups: [''], resources: [deployments], verbs: [get]}",
    Element::ApiGroup,
    "(\"\" is the core group, to which deployments of apps do not belong)"
)]
#[case(
    "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies",
    "{apiGroups: [networking.k8s.io], resources: [networkpolicy], verbs: [list]}",
    Element::Resource,
    "in plural: `networkpolicies`"
)]
#[case(
    PODS,
    "{apiGroups: [''], resources: [pods], verbs: [get]}",
    Element::Verb,
    "allows get on pods, but not list (get is one object by its name; list is all of them)"
)]
#[case(
    PODS,
    "{apiGroups: [''], resources: [pods], verbs: [read]}",
    Element::Verb,
    "(`read` is no verb of Kubernetes; that is get, list, watch)"
)]
#[case(
    PODS,
    "{apiGroups: [''], resources: [pods], verbs: [List]}",
    Element::Verb,
    "(`List`: verbs are written in lower case)"
)]
#[case(
    "/api/v1/namespaces/a/pods/p",
    "{apiGroups: [''], resources: [pods], verbs: [get], resourceNames: [q]}",
    Element::Name,
    "is limited to the names q; the call is about p"
)]
#[case(
    PODS,
    "{apiGroups: [''], resources: [pods], verbs: [list], resourceNames: [q]}",
    Element::Name,
    "the call names no object (a list is allowed by names only with fieldSelector=metadata.name=NAME)"
)]
// Two at once, when nothing is nearer.
#[case(
    DEPLOYMENT,
    "{apiGroups: [''], resources: [apps/deployments], verbs: [get]}",
    Element::ApiGroup,
    "; and it is about apps/deployments; the call is about deployments (the group"
)]
fn what_a_rule_lacks(#[case] path: &str, #[case] rule: &str, #[case] element: Element, #[case] words: &str) {
    let policy = Policy::default()
        .with("Role a/r", &format!("[{rule}]"))
        .bound("RoleBinding a/b", "Role r", "ServiceAccount app a")
        .with("Role a/far", "[{apiGroups: [batch], resources: [jobs], verbs: [delete]}]")
        .bound("RoleBinding a/far", "Role far", "ServiceAccount app a");
    let question = ask(&format!("{APP} GET {path}"));
    let Verdict::Denied { misses, patch } = explain(&policy, &question) else { panic!("granted") };
    assert_eq!(misses.len(), 1, "{misses:#?}");
    assert_eq!(misses[0].lacks[0], element);
    let sentence = &misses[0].sentence;
    assert!(
        sentence.starts_with("rule 1 of Role a/r, bound by RoleBinding a/b, ") && sentence.contains(words),
        "{sentence}"
    );
    assert_eq!(patch.adds_to, Some(misses[0].role.clone()));
    assert!(evaluate::grant(&policy.patched(&patch), &question).is_some(), "{patch:?}");
}

const LIST: &str = "[{apiGroups: [''], resources: [pods], verbs: [list]}]";

#[rstest]
#[case::namespace(
    "ServiceAccount app b",
    Element::SubjectNamespace,
    "RoleBinding a/b names ServiceAccount app of namespace b; the call is made by app of namespace a"
)]
#[case::upper("ServiceAccount app A", Element::SubjectNamespace, "(namespaces are written in lower case)")]
#[case::name(
    "ServiceAccount apps a",
    Element::SubjectName,
    "names ServiceAccount apps of namespace a; the call is made by app of namespace a"
)]
#[case::user(
    "User app",
    Element::SubjectKind,
    "names User app; the call is made by ServiceAccount app of namespace a (kind: ServiceAccount)"
)]
#[case::user_with_namespace("User a:app", Element::SubjectKind, "(kind: ServiceAccount)")]
#[case::group(
    "Group system:serviceaccount:a",
    Element::SubjectName,
    "(the group of its ServiceAccounts is system:serviceaccounts:a)"
)]
#[case::others(
    "User ann",
    Element::SubjectName,
    "names User ann; the call is made by ServiceAccount app of namespace a"
)]
fn whom_a_binding_names_instead(#[case] subject: &str, #[case] element: Element, #[case] words: &str) {
    let policy = Policy::default().with("Role a/r", LIST).bound("RoleBinding a/b", "Role r", subject);
    near(&policy, element, words);
}

/// The API server gives an account its own groups only where it is impersonated without any.
#[rstest]
#[case("Group system:serviceaccounts:a")]
#[case("Group system:serviceaccounts")]
fn an_account_with_groups_is_in_no_others(#[case] subject: &str) {
    let policy = Policy::default().with("Role a/r", LIST).bound("RoleBinding a/b", "Role r", subject);
    assert!(evaluate::grant(&policy, &ask(&format!("{APP} GET {PODS}"))).is_some());
    let question = ask(&format!("{APP}+dev GET {PODS}"));
    let Verdict::Denied { misses, .. } = explain(&policy, &question) else { panic!("granted") };
    assert!(misses[0].sentence.contains("(an account that is impersonated with groups has no others)"), "{misses:#?}");
}

fn near(policy: &Policy, element: Element, words: &str) {
    let question = ask(&format!("{APP} GET {PODS}"));
    let Verdict::Denied { misses, patch } = explain(policy, &question) else { panic!("granted") };
    assert_eq!(misses[0].lacks, [element], "{misses:#?}");
    assert!(misses[0].sentence.contains(words), "{}", misses[0].sentence);
    assert!(evaluate::grant(&policy.clone().patched(&patch), &question).is_some(), "{patch:?}");
}

#[rstest]
#[case::elsewhere(
    "Role b/r",
    "RoleBinding b/b",
    "Role r",
    Element::Namespace,
    "RoleBinding b/b gives ServiceAccount app of namespace a Role b/r, but in namespace b only; the call is about namespace a"
)]
#[case::cluster_role_elsewhere(
    "ClusterRole r",
    "RoleBinding b/b",
    "ClusterRole r",
    Element::Namespace,
    "in namespace b only"
)]
#[case::role_elsewhere(
    "Role b/r",
    "RoleBinding a/b",
    "Role r",
    Element::Role,
    "RoleBinding a/b names Role a/r, which does not exist; there is a Role b/r, but a RoleBinding reaches only Roles of its own namespace"
)]
#[case::kind(
    "ClusterRole r",
    "RoleBinding a/b",
    "Role r",
    Element::Role,
    "there is a ClusterRole r, for which roleRef.kind must be ClusterRole"
)]
#[case::other_kind(
    "Role a/r",
    "RoleBinding a/b",
    "ClusterRole r",
    Element::Role,
    "there is a Role a/r, for which roleRef.kind must be Role"
)]
#[case::misspelt("Role a/readers", "RoleBinding a/b", "Role reader", Element::Role, "did it mean Role readers?")]
#[case::absent(
    "ClusterRole other",
    "RoleBinding a/b",
    "Role r",
    Element::Binding,
    "ClusterRole other would grant it, but no RoleBinding in namespace a and no ClusterRoleBinding gives it to anybody"
)]
fn where_a_binding_looks(
    #[case] role: &str,
    #[case] binding: &str,
    #[case] names: &str,
    #[case] element: Element,
    #[case] words: &str,
) {
    let policy = Policy::default().with(role, LIST).bound(binding, names, "ServiceAccount app a");
    near(&policy, element, words);
}

#[test]
fn nothing_near_is_said_too_and_the_patch_is_whole() {
    let policy = Policy::default().with("Role a/list-pods", "[]");
    let question = ask(&format!("{APP} GET {PODS}"));
    let lines = explain(&policy, &question).lines(&question);
    assert_eq!(lines[0], "no binding gives ServiceAccount app of namespace a anything like it");
    assert_eq!(
        lines[1],
        "this would grant just that:
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: list-pods-2, namespace: a}
rules:
  - {apiGroups: [\"\"], resources: [pods], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: list-pods-2-app, namespace: a}
roleRef: {kind: Role, name: list-pods-2, apiGroup: rbac.authorization.k8s.io}
subjects:
  - {kind: ServiceAccount, name: app, namespace: a}"
    );
}

#[test]
fn what_others_have_too_is_not_widened() {
    let rules = "[{apiGroups: [''], resources: [pods], verbs: [get]}]";
    let policy =
        Policy::default().with("Role a/r", rules).bound("RoleBinding a/b", "Role r", "ServiceAccount app + User ann");
    let question = ask(&format!("{APP} GET {PODS}"));
    let Verdict::Denied { misses, patch } = explain(&policy, &question) else { panic!("granted") };
    assert_eq!((misses[0].lacks.as_slice(), patch.adds_to.as_ref()), (&[Element::Verb][..], None));
    assert!(!decided(&policy.patched(&patch), &format!("ann GET {PODS}")));
}

#[test]
fn an_aggregated_role_is_what_it_is_now() {
    let mut policy = Policy::default().bound("RoleBinding a/b", "ClusterRole agg", "ServiceAccount app");
    policy.add("ClusterRole", serde_json::json!({"metadata": {"name": "agg"}, "aggregationRule": {}, "rules": null}));
    near(
        &policy,
        Element::Rules,
        "gives ServiceAccount app of namespace a ClusterRole agg, which has no rules: it is aggregated",
    );
}

#[test]
fn paths_have_slips_of_their_own() {
    for (rule, path, words) in [
        ("/healthz", "/healthz/", "(a slash at the end makes it another path)"),
        ("/foo/*", "/foo", "(/foo/* is all below /foo, but not /foo itself)"),
        ("/foo", "/foo/bar", "(/foo is just this one path; /foo/* is all below it)"),
    ] {
        let policy = only("", &format!("[{{nonResourceURLs: ['{rule}'], verbs: [get]}}]"));
        let question = ask(&format!("u GET {path}"));
        let Verdict::Denied { misses, patch } = explain(&policy, &question) else { panic!("granted") };
        assert!(misses[0].lacks == [Element::Path] && misses[0].sentence.ends_with(words), "{misses:?}");
        assert!(evaluate::grant(&policy.patched(&patch), &question).is_some());
    }
    let policy = only("a", "[{nonResourceURLs: [/healthz], verbs: [get]}]");
    let Verdict::Denied { misses, .. } = explain(&policy, &ask("u GET /healthz")) else { panic!("granted") };
    assert!(misses[0].sentence.contains("for which only a ClusterRoleBinding counts"), "{misses:?}");
}
