use std::path::Path;

use super::*;
use crate::plan::{Names, plan};

fn planned(text: &str) -> Plan {
    let document = crate::scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
    plan(document, &Names::random()).expect("a plan")
}

fn needed(plan: &Plan) -> Vec<String> {
    rights(plan)
        .iter()
        .map(|(_, right)| right_in_words(right))
        .map(|text| text.replace(&plan.namespace, "OWN"))
        .collect()
}

const STORY: &str = "
title: A story
steps:
  - {title: An account, serviceAccount: reader}
  - {title: A Pod, pod: {name: client, image: curl, serviceAccount: reader}}
  - title: It is refused
    curl: {in: client, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted}
    expect: {status: 403}
  - title: The account is refused from outside
    as: serviceaccount/reader
    get: {kind: Pod}
    expect: {status: 403}
";

#[test]
fn a_story_needs_what_its_steps_do_and_not_what_others_ask() {
    let needed = needed(&planned(STORY));
    let expected = [
        "create namespaces",
        "delete namespaces OWN",
        "get serviceaccounts default in namespace OWN",
        "watch serviceaccounts default in namespace OWN",
        "get configmaps kube-root-ca.crt in namespace OWN",
        "watch configmaps kube-root-ca.crt in namespace OWN",
        "patch serviceaccounts reader in namespace OWN",
        "create serviceaccounts reader in namespace OWN",
        "create pods in namespace OWN",
        "get pods client in namespace OWN",
        "watch pods client in namespace OWN",
        "get pods/exec client in namespace OWN",
        "create pods/exec client in namespace OWN",
        "create serviceaccounts/token reader in namespace OWN",
    ];
    assert_eq!(needed, expected);
}

/// As the API server asks: an account is asked about by its namespace and name.
#[test]
fn whom_one_speaks_for_is_a_right_whoever_says_it() {
    let story = "
title: A story
steps:
  - {title: An account, serviceAccount: reader}
  - {title: By kubectl, kubectl: {args: [get, pods, '--as=system:serviceaccount:{namespace}:reader']}, expect: {status: 403}}
  - {title: A user, kubectl: {args: [get, pods, --as=jane, --as-group=devs]}, expect: {status: 403}}
  - {title: By the step, as: {user: 'system:serviceaccount:{namespace}:reader', groups: [all]}, whoami: {}}
";
    let needed = needed(&planned(story));
    let expected = [
        "impersonate serviceaccounts reader in namespace OWN",
        "impersonate users jane",
        "impersonate groups devs",
        "impersonate groups all",
    ];
    let found: Vec<_> = needed.iter().filter(|right| right.starts_with("impersonate")).collect();
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_story_in_its_own_namespace_touches_nothing_of_others() {
    assert_eq!(touches(&planned(STORY), &[]), vec![]);
    assert_eq!(makes_cluster_wide(&planned(STORY)), vec![]);
}

#[test]
fn what_it_would_touch_is_said_with_its_step() {
    let plan = planned(
        "
title: A story
steps:
  - title: Made by the story itself
    apply:
      - {apiVersion: v1, kind: Namespace, metadata: {name: mine}}
      - {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: mine}}
  - title: Somebody else's
    request:
      method: POST
      path: /api/v1/namespaces/kube-system/configmaps
      body: {metadata: {name: a}}
  - {title: A node goes, delete: {kind: Node, name: n}}
  - {title: Its own goes, delete: {kind: Namespace, name: mine}}
  - {title: Reading is free, get: {kind: Node}}
  - {title: kubectl reads, kubectl: {args: [get, pods]}}
  - {title: kubectl does anything, kubectl: {args: [delete, ns, --all]}}
",
    );
    let touched: Vec<_> = touches(&plan, &[]).into_iter().map(|(pointer, what)| format!("{pointer} {what}")).collect();
    let expected = [
        "/steps/1 would create configmaps in the namespace kube-system",
        "/steps/2 would delete nodes n",
        "/steps/6 calls kubectl, whose effect nobody foresees",
    ];
    assert_eq!(touched, expected);
    let made: Vec<_> =
        makes_cluster_wide(&plan).into_iter().map(|(kind, name)| format!("{} {name}", kind.kind)).collect();
    assert_eq!(made, ["Namespace mine"]);
    assert!(needed(&plan).contains(&"delete namespaces mine in namespace mine".to_owned()), "{:?}", needed(&plan));
}

/// What leads on from the API server changes what is behind it, also by a GET; and an address may be the API server's.
#[test]
fn what_leads_into_programs_of_others_is_no_reading() {
    let plan = planned(
        "
title: A story
steps:
  - {title: A Pod of its own, pod: {name: client, image: curl}}
  - {title: A command in it, exec: {in: client, command: [ls]}}
  - {title: By its own path, request: {path: '/api/v1/namespaces/{namespace}/pods/client/proxy/'}}
  - {title: Its log, request: {path: /api/v1/namespaces/kube-system/pods/dns/log}}
  - {title: Another Pod, exec: {in: pod/kube-system/dns, command: [ls]}}
  - {title: Any Pod of a workload, exec: {in: deployment/kube-system/dns, command: [ls]}}
  - {title: By a GET, request: {path: '/api/v1/namespaces/kube-system/pods/dns/exec?command=ls'}}
  - {title: In other letters, request: {path: '/api/v1/namespaces/kube-system/pods/dns/ex%65c?command=ls'}}
  - {title: A program behind a Service, request: {path: /api/v1/namespaces/kube-system/services/dns/proxy/metrics}}
  - {title: A kubelet, request: {path: /api/v1/nodes/n/proxy/run/a/b/c}}
  - title: By the server's address
    curl: {in: client, url: 'https://10.96.0.1/api/v1/namespaces/kube-system/configmaps/a', method: DELETE, token: mounted, insecure: true}
  - title: A program that is not the API server
    curl: {in: client, url: 'https://10.96.0.9/v1/things', method: POST, insecure: true}
",
    );
    let touched: Vec<_> = touches(&plan, &[]).into_iter().map(|(pointer, what)| format!("{pointer} {what}")).collect();
    let expected = [
        "/steps/4 would run a command in a Pod of the namespace kube-system, which the scenario does not make",
        "/steps/5 would run a command in a Pod of the namespace kube-system, which the scenario does not make",
        "/steps/6 would get pods/exec in the namespace kube-system",
        "/steps/7 would get pods/exec in the namespace kube-system",
        "/steps/8 would get services/proxy in the namespace kube-system",
        "/steps/9 would get nodes/proxy n",
        "/steps/10 would delete configmaps in the namespace kube-system",
    ];
    assert_eq!(touched, expected);
}

/// A kind of which it makes one is not its own: the others of it belong to other users.
#[test]
fn all_of_a_cluster_wide_kind_is_not_its_own() {
    let plan = planned(
        "
title: A story
steps:
  - {title: A role of its own, clusterRole: {name: mine, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}}
  - {title: Its own goes, request: {method: DELETE, path: /apis/rbac.authorization.k8s.io/v1/clusterroles/mine}}
  - {title: All go, request: {method: DELETE, path: /apis/rbac.authorization.k8s.io/v1/clusterroles}}
  - {title: Some go, request: {method: DELETE, path: '/apis/rbac.authorization.k8s.io/v1/clusterroles?labelSelector=a%3Db'}}
  - title: Another is made, whose name nobody has
    request: {method: POST, path: /apis/rbac.authorization.k8s.io/v1/clusterroles, body: {metadata: {name: other}}}
",
    );
    let touched: Vec<_> = touches(&plan, &[]).into_iter().map(|(pointer, what)| format!("{pointer} {what}")).collect();
    assert_eq!(
        touched,
        ["/steps/2 would deletecollection clusterroles", "/steps/3 would deletecollection clusterroles"]
    );
}

#[test]
fn a_shared_namespace_is_not_its_own() {
    let plan = planned("{title: A, namespace: default, steps: [{title: An account, serviceAccount: a}]}");
    assert_eq!(touches(&plan, &[])[0], (String::new(), "uses the namespace default, which is not its own".to_owned()));
    assert!(touches(&plan, &[]).len() > 1);
}

/// A denial by RBAC needs no right, however it is claimed; what is refused later, or is not found, has been authorized.
#[test]
fn only_what_authorization_refuses_needs_no_right() {
    let of = |expect: &str| {
        let text = format!("title: t\nsteps: [{{title: t, get: {{kind: Secret, name: s}}, expect: {expect}}}]");
        needed(&planned(&text)).iter().any(|right| right == "get secrets s in namespace OWN")
    };
    assert!(of("{absent: true}") && of("{status: 404}") && of("{status: 403, by: admission}") && of("{status: 200}"));
    assert!(!of("{status: 403}") && !of("{reason: Forbidden}") && !of("{status: 401}"));
}

fn in_team_a(text: &str) -> Plan {
    let mut plan = planned(text);
    plan.in_existing(Some("team-a")).expect("a plan");
    plan
}

#[test]
fn who_owns_a_namespace_needs_nothing_else() {
    let plan = in_team_a(STORY);
    assert_eq!(touches(&plan, &["team-a".to_owned()]), vec![]);
    assert_eq!(touches(&plan, &[])[0].1, "uses the namespace team-a, which is not its own");
    for (_, right) in rights(&plan) {
        let inside = matches!(&right, Request::Resource { namespace: Some(namespace), .. } if namespace == "team-a");
        assert!(inside, "{}", right_in_words(&right));
    }
}

#[test]
fn what_others_have_in_a_named_namespace_is_not_touched() {
    let plan = in_team_a(
        "
title: A story
steps:
  - {title: It makes one, create: {apiVersion: v1, kind: ConfigMap, metadata: {name: own}}}
  - {title: It deletes its own, delete: {kind: ConfigMap, name: own}}
  - {title: It deletes theirs, request: {method: DELETE, path: '/api/v1/namespaces/{namespace}/configmaps/theirs'}}
  - {title: It deletes all, request: {method: DELETE, path: '/api/v1/namespaces/{namespace}/configmaps'}}
  - {title: It evicts, request: {method: POST, path: '/api/v1/namespaces/{namespace}/pods/x/eviction', body: {}}}
",
    );
    let found = touches(&plan, &["team-a".to_owned()]);
    let found: Vec<_> = found.into_iter().map(|(at, what)| format!("{at} {what}")).collect();
    let not = "in the namespace team-a, which the scenario does not make";
    assert_eq!(
        found,
        [
            format!("/steps/2 would delete configmaps theirs {not}"),
            format!("/steps/3 would deletecollection configmaps {not}"),
            format!("/steps/4 would create pods x {not}"),
        ]
    );
}

#[test]
fn questions_about_the_namespace_are_asked_in_it() {
    let ask = |namespace: &str| {
        let text = format!(
            "title: A story\nsteps:\n  - {{title: An account, serviceAccount: a}}\n  - title: It may not\n    can: {{who: \
             serviceaccount/a, verb: list, resource: pods, namespace: '{namespace}', allowed: false}}\n"
        );
        let needed: Vec<_> = rights(&in_team_a(&text))
            .into_iter()
            .map(|(at, right)| format!("{at} {}", right_in_words(&right)))
            .collect();
        needed.into_iter().filter(|line| line.contains("reviews")).collect::<Vec<_>>()
    };
    let local = "/steps/1 create localsubjectaccessreviews.authorization.k8s.io in namespace team-a";
    assert_eq!(ask("{namespace}"), [local]);
    assert_eq!(ask("kube-system"), ["/steps/1 create subjectaccessreviews.authorization.k8s.io"]);
}

/// A question is not kept, so nothing of it is deleted; an eviction deletes a Pod, whose ever it is.
#[test]
fn what_is_not_kept_is_not_removed_and_an_eviction_touches_its_pod() {
    let story = "
title: A story
namespace: theirs
steps:
  - {title: A question, create: {apiVersion: authorization.k8s.io/v1, kind: SelfSubjectAccessReview, spec: {resourceAttributes: {verb: list, resource: pods}}}}
  - {title: An eviction, create: {apiVersion: policy/v1, kind: Eviction, metadata: {name: db}}}
  - {title: By labels, delete: {kind: ConfigMap, labelSelector: app=web}}
";
    let mut plan = planned(story);
    plan.fresh_namespace = false;
    let needed = needed(&plan);
    for right in [
        "create selfsubjectaccessreviews.authorization.k8s.io",
        "create pods/eviction db in namespace OWN",
        "deletecollection configmaps in namespace OWN",
        "list configmaps in namespace OWN",
    ] {
        assert!(needed.iter().any(|one| one == right), "{right}: {needed:?}");
    }
    assert!(!needed.iter().any(|one| one.starts_with("delete ") && !one.contains("kubewalk-turn")), "{needed:?}");
    let touched: Vec<_> = touches(&plan, &["theirs".to_owned()]).into_iter().map(|(_, what)| what).collect();
    assert_eq!(
        touched,
        [
            "would create pods db in the namespace theirs, which the scenario does not make",
            "would deletecollection configmaps in the namespace theirs, which the scenario does not make",
        ]
    );
    let own = planned(&story.replace("namespace: theirs\n", ""));
    assert_eq!(touches(&own, &[]), []);
    assert!(!own.alone && own.holds.is_empty(), "{:?}", own.holds);
}
