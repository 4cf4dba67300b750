//! What everybody who uses a cluster that exists would feel is not made there, by whatever verb. On a fake API server, which tells what
//! came to it.

use rstest::rstest;
use serde_json::json;

use crate::{
    Files,
    fake_api::{Asked, FakeApi, Reply},
    run_in, said,
    traces::{Place, Said},
};

const RBAC: &str = "apiVersion: rbac.authorization.k8s.io/v1";

/// Runs these steps; what was said, the requests that changed something, and which of them are about cluster-wide objects but Namespaces.
fn run(steps: &str, args: &[&str]) -> (Said, Vec<String>) {
    let (place, files) = (Place::new(), Files::new());
    let api = FakeApi::start(|asked: &Asked| {
        asked
            .is("GET", "/saved")
            .then(|| Reply::json(200, &json!({"group": "system:masters", "dots": "../../../nodes"})))
    });
    let scenario = files.scenario("claim", steps);
    let said = said(run_in(&place, &api.kubeconfig(files.path()), "fake", args).arg(scenario));
    let changed = |asked: &Asked| matches!(asked.method.as_str(), "POST" | "PUT" | "PATCH");
    let wide = |asked: &Asked| !asked.path.contains("/namespaces") && !asked.path.contains("reviews");
    let all = api.asked().into_iter().filter(|asked| changed(asked) && wide(asked));
    (said, all.map(|asked| format!("{} {}", asked.method, asked.path)).collect())
}

#[rstest]
#[case(
    "create: {apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: a}, webhooks: []}",
    "a ValidatingWebhookConfiguration"
)]
#[case(
    "apply: {apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /x}}}",
    "a PersistentVolume"
)]
#[case(
    "request: {path: /apis/apiregistration.k8s.io/v1/apiservices, body: {apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.x.y}}}",
    "an APIService"
)]
#[case("request: {path: '/api/v1/%6eodes', body: {apiVersion: v1, kind: Node, metadata: {name: a}}}", "a Node")]
#[case("patch: {kind: Node, name: a, body: {metadata: {labels: {team: ours}}}}", "a Node")]
#[case(
    "bind: {name: a, clusterRole: view, to: [{group: 'system:authenticated'}], clusterWide: true}",
    "rights in all namespaces for `system:authenticated`"
)]
#[case(
    "apply: {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a, labels: {rbac.authorization.k8s.io/aggregate-to-view: 'true'}}, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}",
    "rules that become a part of the ClusterRole `view`"
)]
#[case("kubectl: {args: [label, node, a, x=y]}", "`kubectl label` does more than read")]
fn what_everybody_would_feel_is_refused_at_its_line(#[case] step: &str, #[case] what: &str) {
    let steps = format!("  - title: It is made\n    {step}\n");
    let (said, made) = run(&steps, &[]);
    assert_eq!((said.code, made), (Some(2), vec![]), "{said:?}");
    assert!(said.stderr.contains(what) && said.stderr.contains(".yaml:"), "{}", said.stderr);
    assert!(
        said.stderr.contains("nothing was started") && said.stderr.contains("--yes-this-cluster"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_person_may_say_that_all_may_be_touched() {
    let steps = format!(
        "  - title: It is made\n    create: {{{RBAC}, kind: ClusterRoleBinding, metadata: {{name: a}}, \
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}, \
         subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:authenticated'}}]}}\n    expect: {{status: 201}}\n"
    );
    let (refused, made) = run(&steps, &[]);
    assert_eq!((refused.code, made), (Some(2), vec![]), "{refused:?}");
    let (said, made) = run(&steps, &["--yes-this-cluster"]);
    assert!(
        said.code == Some(0) && made.iter().any(|asked| asked.contains("/clusterrolebindings")),
        "{said:?} {made:?}"
    );
}

#[test]
fn a_saved_value_brings_nothing_past_it() {
    let steps = format!(
        "  - {{title: It is read, request: {{path: /saved}}, save: {{group: $.group, dots: $.dots}}}}\n  - title: It is made\n    create: {{{RBAC}, kind: ClusterRoleBinding, \
         metadata: {{name: a}}, roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}, \
         subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: Group, name: '{{saved.group}}'}}]}}\n"
    );
    let (said, made) = run(&steps, &[]);
    assert_eq!((said.code, made), (Some(3), vec![]), "{said:?}");
    assert!(said.stdout.contains("nothing was sent: it would change the cluster for all who use it"), "{said:?}");
    let steps = "  - {title: It is read, request: {path: /saved}, save: {dots: $.dots}}\n  \
                 - {title: It leads elsewhere, request: {path: '/api/v1/namespaces/{namespace}/{saved.dots}'}}\n";
    let (said, _) = run(steps, &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.contains("a saved value makes `..` a part of it"), "{said:?}");
}
