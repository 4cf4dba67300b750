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
  - title: A foreign address
    exec: {in: client, command: [printf, '203.0.113.7']}
    save: {foreign: stdout}
  - title: A whole URL
    exec: {in: client, command: [printf, 'https://kubernetes.default/api']}
    save: {url: stdout}
  - title: No URL
    exec: {in: client, command: [printf, 'kubernetes']}
    save: {word: stdout}
  - title: Its kubelet has said what keeps the Deployment's Pod
    get: {kind: Pod, labelSelector: app=web}
    expect: {path: [{at: '$.items[0].status.containerStatuses[0].state.waiting.reason', equals: ErrImageNeverPull}], within: 30s}
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
#[case::a_path_that_the_kubelet_has_not(
    "  - title: one\n    curl: {in: client, url: 'https://{saved.node}:10250/metricz', token: mounted, insecure: true}\n    expect: {status: 403, by: kubelet} # on purpose\n",
    // Of what is not there a kubelet asks nobody.
    "expected 403 by a kubelet, got 404",
    "404 page not found"
)]
#[case::a_saved_value_that_leads_to_another_path(
    "  - title: up\n    exec: {in: client, command: [printf, '../../../api']}\n    save: {up: stdout}\n  - title: one\n    curl: {in: client, url: 'https://kubernetes.default/api/v1/{saved.up}', token: mounted}\n    expect: {status: 200}\n",
    "`.` or `..` as a part of the path",
    "the call was not made"
)]
#[case::who_the_kubelet_refuses(
    "  - title: one\n    curl: {in: client, url: 'https://{saved.node}:10250/metrics', token: mounted, insecure: true}\n    expect: {status: 200}\n",
    "by a kubelet: system:serviceaccount:",
    "resources: [nodes/metrics], verbs: [get]"
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

/// Pods under Pod Security `restricted`, with a user of the Pod's or of the container's own, and one without a token; and one of a
/// generated name.
const RESTRICTED: &str = r"
title: t
steps:
  - title: An account
    when: {cluster: [builtin, docker]}
    serviceAccount: web
  - title: The namespace is restricted
    when: {cluster: [builtin, docker]}
    kubectl: {args: [label, ns, '{namespace}', pod-security.kubernetes.io/enforce=restricted]}
  - title: A Pod that keeps to it, with a user of its own
    when: {cluster: [builtin, docker]}
    create:
      apiVersion: v1
      kind: Pod
      metadata: {name: strict, labels: {app: strict}}
      spec:
        serviceAccountName: web
        securityContext: {runAsNonRoot: true, runAsUser: 4711, fsGroup: 99, seccompProfile: {type: RuntimeDefault}}
        containers:
          - name: app
            image: kubewalk.local/pause:1
            imagePullPolicy: Never
            securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
  - title: It calls
    when: {cluster: [builtin, docker]}
    curl: {in: strict, url: https://kubernetes.default/api, token: mounted}
    expect: {status: 200, within: 20s}
  - title: Container users
    when: {cluster: [builtin, docker]}
    create:
      apiVersion: v1
      kind: Pod
      metadata: {name: strict2}
      spec:
        serviceAccountName: web
        containers:
          - name: app
            image: kubewalk.local/pause:1
            imagePullPolicy: Never
            securityContext: {runAsNonRoot: true, runAsUser: 4711, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}
  - title: It calls, too
    when: {cluster: [builtin, docker]}
    curl: {in: strict2, url: https://kubernetes.default/api, token: mounted}
    expect: {status: 200, within: 20s}
  - title: A Pod without a token
    when: {cluster: [builtin, docker]}
    create:
      apiVersion: v1
      kind: Pod
      metadata: {name: mute}
      spec:
        serviceAccountName: web
        automountServiceAccountToken: false
        containers:
          - name: app
            image: kubewalk.local/pause:1
            imagePullPolicy: Never
            securityContext: {runAsNonRoot: true, runAsUser: 4711, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}
  - title: It is anonymous
    when: {cluster: [builtin, docker]}
    curl: {in: mute, url: https://kubernetes.default/api, insecure: true}
    expect: {status: 403, within: 20s} # on purpose
  - title: An expectation of no curl holds without a guest
    when: {cluster: [builtin, docker]}
    curl: {in: strict, url: https://kubernetes.default/api, insecure: true}
    expect: {exitCode: 127}
  - title: A Pod of a generated name
    when: {cluster: [builtin, docker]}
    create:
      apiVersion: v1
      kind: Pod
      metadata: {generateName: made-up-}
      spec:
        serviceAccountName: web
        containers:
          - name: app
            image: kubewalk.local/pause:1
            imagePullPolicy: Never
            securityContext: {runAsNonRoot: true, runAsUser: 4711, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}
    save: {made: $.metadata.name}
  - title: It calls by the name that it was given
    when: {cluster: [builtin, docker]}
    curl: {in: '{saved.made}', url: https://kubernetes.default/api, token: mounted}
    expect: {status: 200, within: 20s}
";

#[test]
fn a_pod_that_keeps_to_the_strictest_level_calls_with_its_own_token() {
    let (ended, report) = testing::run_text("tests/places.yaml", RESTRICTED);
    assert_eq!(ended.exit.code(), 0, "{report}");
}
