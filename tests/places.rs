//! Calls from Pods that the scenario does not name, and to hosts that it does not know before. On a real cluster.

use kubewalk::testing;
use rstest::rstest;

/// An account, its Pod, a Deployment that never runs, and the address of the node.
const BEFORE: &str = "\
title: t
steps:
  - title: An account
    serviceAccount: web
  - title: A Pod
    pod: {name: client, image: curl, serviceAccount: web, labels: {app: client}}
  - title: A Deployment whose image is nowhere
    apply:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            serviceAccountName: web
            containers: [{name: app, image: 'kubewalk.local/none:1', imagePullPolicy: Never, command: [sleep, infinity]}]
  - title: kubectl, after which nobody knows what there is
    kubectl: {args: [get, pods, -o, name]}
  - title: A node
    get: {kind: Node}
    save: {node: \"$.items[0].status.addresses[?@.type == 'InternalIP'].address\", name: '$.items[0].metadata.name'}
  - title: What was looked up
    exec: {in: client, command: [printf, '203.0.113.7 https://kubernetes.default nothing']}
    save: {all: stdout}
  - title: A foreign address
    exec: {in: client, command: [printf, '203.0.113.7']}
    save: {foreign: stdout}
  - title: A whole URL
    exec: {in: client, command: [printf, 'https://kubernetes.default/api']}
    save: {url: stdout}
  - title: No URL
    exec: {in: client, command: [printf, 'kubernetes']}
    save: {word: stdout}
";

/// Runs these steps after the others; gives the exit code and the report.
fn run(steps: &str) -> (u8, String) {
    // What nobody uses is warned about only.
    let (ended, report) = testing::run_text("tests/places.yaml", &format!("{BEFORE}{steps}"));
    (ended.exit.code(), report)
}

#[rstest]
#[case::a_deployment_that_does_not_run(
    "  - title: t\n    exec: {in: deployment/web, command: ['true']}\n",
    "no Pod of deployment/web runs",
    "waits with ErrImageNeverPull"
)]
#[case::a_pod_that_is_not_there(
    "  - title: t\n    exec: {in: pod/cleint, command: ['true']}\n",
    "there is no Pod `cleint`",
    "did you mean `client`?"
)]
#[case::a_deployment_that_is_not_there(
    "  - title: t\n    exec: {in: deployment/wep, command: ['true']}\n",
    "there is no Deployment `wep`",
    "did you mean `web`?"
)]
#[case::labels_that_no_pod_has(
    "  - title: t\n    exec: {in: {labels: {app: nobody}}, command: ['true']}\n",
    "no Pod of labels app=nobody runs",
    "client has app=client"
)]
#[case::no_kubelet(
    "  - title: one\n    curl: {in: client, url: 'https://{saved.node}:10251/metrics', token: mounted, insecure: true}\n    expect: {status: 403, by: kubelet} # on purpose\n",
    "is no kubelet of this cluster",
    "10250"
)]
#[case::a_kubelet_is_no_proxy(
    "  - title: one\n    curl: {in: client, url: 'https://{saved.node}:10250/metrics', token: mounted, insecure: true}\n    expect: {status: 403, by: kube-rbac-proxy} # on purpose\n",
    "is a kubelet",
    "by: kubelet"
)]
#[case::a_token_to_a_foreign_host(
    "  - title: one\n    curl: {in: client, url: 'https://{saved.foreign}/', token: mounted, insecure: true}\n    expect: {status: 200}\n",
    "no node, Service or Pod of this cluster",
    "write the host into the URL"
)]
#[case::no_url(
    "  - title: one\n    curl: {in: client, url: '{saved.word}', token: mounted}\n    expect: {status: 200}\n",
    "the URL is not absolute",
    "the call was not made"
)]
#[case::anonymous_is_somebody_else_to_rbac(
    "  - title: one\n    curl: {in: client, url: '{saved.url}/v1/pods'}\n    expect: {status: 200}\n",
    "expected 200, got 403",
    "system:anonymous"
)]
fn a_call_that_cannot_be_made_fails_with_its_reason(#[case] step: &str, #[case] said: &str, #[case] more: &str) {
    let (code, report) = run(step);
    assert_eq!(code, 1, "{report}");
    let flat = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(said) && flat.contains(more), "{report}");
}

#[rstest]
#[case::by_a_name_that_was_looked_up(
    "  - title: l\n    get: {kind: Pod, labelSelector: app=client}\n    save: {pod: '$.items[0].metadata.name'}\n  - title: t\n    \
     exec: {in: '{saved.pod}', command: [hostname]}\n    expect: {stdout: client}\n"
)]
#[case::as_kubectl_prints_it(
    "  - title: l\n    kubectl: {args: [get, pods, -l, app=client, -o, name]}\n    save: {pod: stdout}\n  - title: t\n    \
     exec: {in: '{saved.pod}', command: [hostname]}\n    expect: {stdout: client}\n"
)]
#[case::a_url_that_was_looked_up(
    "  - title: t\n    curl: {in: client, url: '{saved.url}', token: mounted}\n    expect: {status: 200, json: {kind: APIVersions}}\n"
)]
#[case::the_denial_at_a_url_that_was_looked_up(
    "  - title: t\n    curl: {in: client, url: '{saved.url}/v1/nodes', token: mounted}\n    \
     expect: {status: 403, message: nodes is forbidden} # on purpose\n"
)]
fn a_call_by_what_was_looked_up_holds(#[case] steps: &str) {
    let (code, report) = run(steps);
    assert_eq!(code, 0, "{report}");
}
