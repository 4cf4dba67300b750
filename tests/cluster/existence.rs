//! What the run asks of the cluster before a denial counts: whether there is anything to be denied. On a real cluster.

use kubewalk::testing;
use rstest::rstest;

const ACCOUNT: &str = "  - title: An account\n    serviceAccount: reader\n";

/// Runs a scenario of an account and these steps; gives its exit code and its report.
fn run(steps: &str) -> (u8, String) {
    let text = format!("title: t\nsteps:\n{ACCOUNT}{steps}");
    let (ended, report) = testing::run_text("tests/existence.yaml", &text);
    (ended.exit.code(), report)
}

/// Steps of which the last fails, and what is said of it.
#[rstest]
#[case::a_group_that_nobody_serves(
    "  - title: t\n    as: serviceaccount/reader\n    request: {path: /apis/nobody.example.org/v1/things}\n    expect: {status: 403}\n",
    "there is no API group `nobody.example.org`"
)]
#[case::the_reason_alone(
    "  - title: t\n    as: serviceaccount/reader\n    request: {path: /apis/nobody.example.org/v1/things}\n    expect: {reason: Forbidden, within: 2s}\n",
    "there is no API group `nobody.example.org`"
)]
#[case::a_namespace(
    "  - title: t\n    as: serviceaccount/reader\n    request: {path: /api/v1/namespaces/no-such-place/pods}\n    expect: {status: 403}\n",
    "there is no namespace `no-such-place`"
)]
#[case::an_account_of_another_namespace(
    "  - title: t\n    as: {user: 'system:serviceaccount:kube-system:nobody-at-all'}\n    get: {kind: Pod}\n    expect: {status: 403}\n",
    "there is no ServiceAccount `nobody-at-all` in namespace `kube-system`"
)]
#[case::a_question_about_a_custom_kind(
    "  - title: t\n    can: {who: serviceaccount/reader, verb: list, resource: things.nobody.example.org, allowed: false}\n",
    "`things.nobody.example.org` is not installed on this cluster"
)]
#[case::a_question_about_an_account(
    "  - title: t\n    can: {who: serviceaccount/kube-system/nobody-at-all, verb: list, resource: pods, allowed: false}\n",
    "there is no ServiceAccount `nobody-at-all` in namespace `kube-system`"
)]
#[case::a_table(
    "  - title: t\n    can:\n      who: serviceaccount/reader\n      default: denied\n      asked: [{verb: list, resource: [pods, things.nobody.example.org]}]\n",
    "`things.nobody.example.org` is not installed on this cluster"
)]
#[case::what_kubectl_prints(
    "  - title: t\n    as: serviceaccount/reader\n    kubectl: {args: [get, pods, -n, no-such-place]}\n    expect: {status: 403}\n",
    "there is no namespace `no-such-place`"
)]
#[case::for_whom_kubectl_asks(
    "  - title: t\n    kubectl: {args: [get, pods, '--as=system:serviceaccount:{namespace}:nobody-at-all']}\n    expect: {status: 403}\n",
    "there is no ServiceAccount `nobody-at-all`"
)]
#[case::for_whom_kubectl_asks_by_its_words(
    "  - title: t\n    kubectl: {args: [--as, 'system:serviceaccount:kube-system:nobody-at-all', get, pods]}\n    expect: {exitCode: 1, stderr: {contains: 'cannot list resource \"pods\" in API group \"\"'}}\n",
    "there is no ServiceAccount `nobody-at-all` in namespace `kube-system`"
)]
#[case::a_review_by_kubectl(
    "  - title: t\n    kubectl:\n      args: [create, -f, '-', -o, 'jsonpath={.status.allowed}']\n      stdin: |\n        {apiVersion: authorization.k8s.io/v1, kind: SubjectAccessReview, spec: {user: jane, resourceAttributes: {namespace: '{namespace}', verb: list, group: nobody.example.org, resource: things}}}\n    expect: {stdout: 'false'}\n",
    "`things.nobody.example.org` is not installed on this cluster"
)]
#[case::what_a_command_prints_whatever_is_said_of_it(
    "  - title: p\n    pod: {name: p, image: curl, serviceAccount: reader}\n  - title: t\n    exec:\n      in: p\n      command: [sh, -c, 'curl -sk -H \"Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\" https://kubernetes.default/api/v1/namespaces/{namespace}/pod']\n    expect: {path: [{at: $.status, equals: Failure}]}\n",
    "there is no resource `pod`"
)]
#[case::what_is_saved_meanwhile(
    "  - title: saved\n    get: {kind: Namespace, name: default}\n    save: {word: $.kind}\n  - title: t\n    as: serviceaccount/reader\n    request: {path: '/api/v1/namespaces/default/{saved.word}'}\n    expect: {status: 403}\n",
    "`v1` has no resource `Namespace`"
)]
#[case::the_account_of_a_token(
    "  - title: t\n    as: serviceaccount/reader\n    token: {serviceAccount: nobody-at-all}\n    expect: {status: 403}\n",
    "there is no ServiceAccount `nobody-at-all` in namespace"
)]
#[case::the_account_of_a_token_by_its_path(
    "  - title: t\n    as: serviceaccount/reader\n    request: {method: POST, path: '/api/v1/namespaces/{namespace}/serviceaccounts/nobody-at-all/token', body: {}}\n    expect: {status: 403}\n",
    "there is no ServiceAccount `nobody-at-all` in namespace"
)]
#[case::the_account_of_a_token_by_kubectl(
    "  - title: t\n    as: serviceaccount/reader\n    kubectl: {args: [create, token, nobody-at-all]}\n    expect: {exitCode: 1, stderr: {contains: 'cannot create resource \"serviceaccounts/token\"'}}\n",
    "there is no ServiceAccount `nobody-at-all` in namespace"
)]
#[case::a_question_about_the_account_of_a_token(
    "  - title: t\n    can: {who: serviceaccount/reader, verb: create, resource: serviceaccounts, subresource: token, name: nobody-at-all, allowed: false}\n",
    "there is no ServiceAccount `nobody-at-all` in namespace"
)]
#[case::a_question_about_whom_to_act_as(
    "  - title: t\n    can: {who: serviceaccount/reader, verb: impersonate, resource: serviceaccounts, name: nobody-at-all, allowed: false}\n",
    "there is no ServiceAccount `nobody-at-all` in namespace"
)]
#[case::an_object_to_get(
    "  - title: t\n    as: serviceaccount/reader\n    get: {kind: Secret, name: nothing-at-all}\n    expect: {status: 403}\n",
    "there is no `nothing-at-all` among the secrets of namespace"
)]
#[case::an_object_to_delete(
    "  - title: t\n    as: serviceaccount/reader\n    delete: {kind: Deployment, name: nothing-at-all}\n    expect: {reason: Forbidden}\n",
    "there is no `nothing-at-all` among the deployments of namespace"
)]
#[case::an_object_to_patch(
    "  - title: t\n    as: serviceaccount/reader\n    patch: {kind: ClusterRole, name: nothing-at-all, body: {rules: []}}\n    expect: {status: 403}\n",
    "there is no `nothing-at-all` among the clusterroles"
)]
#[case::a_part_of_an_object(
    "  - title: t\n    as: serviceaccount/reader\n    request: {path: '/api/v1/namespaces/{namespace}/pods/nothing-at-all/log'}\n    expect: {status: 403}\n",
    "there is no `nothing-at-all` among the pods of namespace"
)]
#[case::an_object_to_update(
    "  - title: t\n    as: serviceaccount/reader\n    request: {method: PUT, path: /apis/scheduling.k8s.io/v1/priorityclasses/nothing-at-all, body: {}}\n    expect: {status: 403}\n",
    "there is no `nothing-at-all` among the priorityclasses"
)]
#[case::an_object_by_kubectl(
    "  - title: t\n    as: serviceaccount/reader\n    kubectl: {args: [scale, deployment, nothing-at-all, --replicas=0]}\n    expect: {status: 403}\n",
    "there is no `nothing-at-all` among the deployments of namespace"
)]
#[case::a_path_by_kubectl_and_its_words(
    "  - title: t\n    as: serviceaccount/reader\n    kubectl: {args: [get, --raw, '/api/v1/namespaces/{namespace}/secrets/nothing-at-all']}\n    expect: {exitCode: 1, stderr: {contains: forbidden}}\n",
    "there is no `nothing-at-all` among the secrets of namespace"
)]
fn a_denial_of_nothing_does_not_hold(#[case] steps: &str, #[case] said: &str) {
    let (code, report) = run(steps);
    assert_eq!(code, 1, "{report}");
    assert!(report.contains("denied, but there is nothing to be denied") && report.contains(said), "{report}");
    assert!(report.contains("# on purpose"), "what to do if it is meant\n{report}");
}

#[test]
fn from_a_pod_alike() {
    let (code, report) =
        run("  - title: p\n    pod: {name: p, image: curl, serviceAccount: reader}\n  - title: t\n    \
         curl: {in: p, url: 'https://kubernetes.default/apis/nobody.example.org/v1/things', token: mounted}\n    \
         expect: {status: 403}\n");
    assert_eq!(code, 1, "{report}");
    assert!(report.contains("there is no API group `nobody.example.org`"), "{report}");
}

/// What is meant, and what can be said although it is not there.
#[rstest]
#[case::on_purpose(
    "  - title: t\n    as: serviceaccount/reader\n    request: {path: /apis/nobody.example.org/v1/things} # on purpose\n    expect: {status: 403}\n"
)]
#[case::a_question_on_purpose(
    "  - title: t\n    can: {who: serviceaccount/reader, verb: list, resource: things.nobody.example.org, allowed: false} # on purpose\n"
)]
#[case::for_whom_kubectl_asks(
    "  - title: t\n    kubectl: {args: [get, pods, '--as=system:serviceaccount:{namespace}:reader']}\n    expect: {status: 403}\n"
)]
#[case::for_nobody_on_purpose(
    "  - title: t\n    kubectl:\n      args:\n        - get\n        - pods\n        - --as=system:serviceaccount:{namespace}:nobody-at-all # on purpose\n    expect: {status: 403}\n"
)]
#[case::an_object_on_purpose(
    "  - title: t\n    as: serviceaccount/reader\n    get:\n      kind: Secret\n      name: nothing-at-all # on purpose\n    expect: {status: 403}\n"
)]
#[case::what_is_applied_need_not_be_there(
    "  - title: t\n    as: serviceaccount/reader\n    apply: {apiVersion: v1, kind: ConfigMap, metadata: {name: new}}\n    expect: {status: 403}\n  - title: by kubectl\n    as: serviceaccount/reader\n    kubectl: {args: [apply, -f, '-'], stdin: '{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}'}\n    expect: {status: 403}\n"
)]
#[case::a_question_about_what_will_be_there(
    "  - title: t\n    can: {who: serviceaccount/reader, verb: get, resource: secrets, name: later, allowed: false}\n"
)]
#[case::a_kind_that_is_not_installed(
    "  - title: t\n    get: {kind: Thing, apiVersion: nobody.example.org/v1, name: x}\n    expect: {status: 404}\n"
)]
#[case::what_only_authorizers_know(
    "  - title: r\n    clusterRole:\n      name: kw-existence\n      rules:\n        - {apiGroups: [''], resources: [users], resourceNames: [ann], verbs: [impersonate]}\n        - {apiGroups: [certificates.k8s.io], resources: [signers], resourceNames: [example.com/one], verbs: [approve]}\n        - {apiGroups: [''], resources: [vault], verbs: [request-serviceaccounts-token-audience]}\n  - title: b\n    bind: {clusterRole: kw-existence, to: [{serviceAccount: reader}], clusterWide: true}\n  - title: t\n    can:\n      who: serviceaccount/reader\n      default: denied\n      asked:\n        - {verb: impersonate, resource: [users, groups], name: [ann, bob]}\n        - {verb: [approve, sign], resource: signers.certificates.k8s.io, name: [example.com/one, example.com/two]}\n        - {verb: request-serviceaccounts-token-audience, resource: [vault, other], name: reader}\n        - {verb: get, resource: nodes, subresource: [stats, metrics]}\n      allowed:\n        - {verb: impersonate, resource: users, name: ann}\n        - {verb: approve, resource: signers.certificates.k8s.io, name: example.com/one}\n        - {verb: request-serviceaccounts-token-audience, resource: vault, name: reader}\n    expect: {within: 5s}\n"
)]
fn what_holds(#[case] steps: &str) {
    let (code, report) = run(steps);
    assert_eq!(code, 0, "{report}");
}

/// A RoleBinding does not reach the objects of a cluster-wide custom kind, whoever says of which scope they are.
#[rstest]
#[case::the_scenario_says_so("apply:\n      {crd}")]
#[case::only_the_cluster_says_so("kubectl:\n      args: ['--v=0', apply, -f, '-']\n      stdin: |\n        {crd}")]
fn the_scope_of_a_custom_kind(#[case] made: &str) {
    let name = if made.starts_with("apply") { "gadgets" } else { "widgets" };
    let crd = format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: {name}.kw-scope.example}}, \
         spec: {{group: kw-scope.example, scope: Cluster, names: {{plural: {name}, singular: {name}x, kind: {name}X, listKind: \
         {name}List}}, versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]}}}}"
    )
    .replace("kind: gadgetsX", "kind: Gadget")
    .replace("kind: widgetsX", "kind: Widget");
    let made = made.replace("{crd}", &crd);
    let steps = format!(
        "  - title: kind\n    {made}\n  - title: wait\n    wait: {{kind: CustomResourceDefinition, name: \
         {name}.kw-scope.example, for: {{condition: Established}}}}\n  - title: served\n    request: {{path: \
         /apis/kw-scope.example/v1/{name}}}\n    expect: {{status: 200, within: 10s}}\n  - title: role\n    clusterRole: {{name: \
         kw-scope-{name}, rules: [{{apiGroups: [kw-scope.example], resources: [{name}], verbs: [list]}}]}}\n  - title: bind\n    \
         bind: {{clusterRole: kw-scope-{name}, to: [{{serviceAccount: reader}}]}}\n  - title: In its namespace it grants nothing\n    \
         can: {{who: serviceaccount/reader, verb: list, resource: {name}.kw-scope.example, allowed: false, sample: 1}}\n  - title: \
         everywhere\n    bind: {{clusterRole: kw-scope-{name}, name: everywhere-{name}, to: [{{serviceAccount: reader}}], clusterWide: \
         true}}\n  - title: Now it does\n    can: {{who: serviceaccount/reader, verb: list, resource: {name}.kw-scope.example, \
         allowed: true, sample: 1}}\n    expect: {{within: 5s}}\n"
    );
    let (code, report) = run(&steps);
    assert_eq!(code, 0, "{report}");
    if !made.starts_with("apply") {
        let _ = run(&format!(
            "  - title: end\n    delete: {{kind: CustomResourceDefinition, name: {name}.kw-scope.example}}\n"
        ));
    }
}
