//! Scenarios of a few steps, and what a shell must say to the lines of their last step.

/// Stands before every story's steps.
pub const HEAD: &str = "  - {title: an account, serviceAccount: reader}\n";

const POD: &str = "  - {title: a Pod, pod: {name: p, image: curl, serviceAccount: reader}}\n";
const SAVED: &str = "  - {title: t, token: {serviceAccount: reader}, save: {old: token}}\n";
const WEB: &str = "  - {title: a Deployment, apply: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: reader, terminationGracePeriodSeconds: 1, containers: [{name: main, image: curl, imagePullPolicy: IfNotPresent, command: [sleep, infinity]}]}}}}}\n  - {title: it runs, wait: {kind: Deployment, name: web, for: {condition: Available}}}\n";
/// `reader` may change ConfigMaps, and not read them.
const BLIND: &str = "  - {title: a role, role: {name: blind, rules: [{apiGroups: [''], resources: [configmaps], verbs: [patch]}]}}\n  - {title: its binding, bind: {role: blind, to: [{serviceAccount: reader}]}}\n  - {title: it has an effect, can: {who: serviceaccount/reader, verb: patch, resource: configmaps, allowed: true}, expect: {within: 5s}}\n";
const MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: \"it's\\n| kubectl\"}}";

/// The steps of a story.
pub fn written(steps: &str) -> String {
    // Too long for an argument of what goes into a Pod, and short enough to be printed as a whole.
    let big = MAP.replace("it's", &format!("it's{}", "\\\"x".repeat(9_000)));
    steps
        .replace("BLIND", BLIND)
        .replace("BIGMAP", &big)
        .replace("SAVED", SAVED)
        .replace("POD", POD)
        .replace("WEB", WEB)
        .replace("MAP", MAP)
}

/// A name, steps, and what the shell says to the lines of the last: a part of it, or behind `=` all of it. Those whose name begins
/// with `held` hold, and of all others the last step fails.
pub const STORIES: &[(&str, &str, &str)] = &[
    ("get", "  - {title: x, as: serviceaccount/reader, get: {kind: Pod}}", "cannot list resource \"pods\""),
    ("create", "  - {title: x, as: serviceaccount/reader, create: MAP}", "cannot create resource \"configmaps\""),
    ("apply", "  - {title: x, as: {user: jane}, apply: MAP}", "cannot patch resource \"configmaps\""),
    (
        "delete",
        "  - {title: m, apply: MAP}\n  - {title: x, as: {user: jane}, delete: {kind: ConfigMap, name: c}}",
        "cannot delete resource",
    ),
    (
        "patch",
        "  - {title: m, apply: MAP}\n  - {title: x, as: {user: jane}, patch: {kind: ConfigMap, name: c, body: {data: {a: b}}}}",
        "cannot ",
    ),
    (
        "saved",
        "  - {title: t, token: {serviceAccount: reader}, save: {old: token}}\n  - {title: x, as: {token: '{saved.old}'}, get: {kind: Secret}}",
        "User \"system:serviceaccount:NS:reader\" cannot list resource \"secrets\"",
    ),
    (
        "request",
        "  - {title: x, as: anonymous, request: {path: '/api/v1/namespaces/{namespace}/pods'}}",
        "cannot list resource \"pods\"",
    ),
    (
        "post",
        "  - {title: x, as: {user: jane}, request: {path: '/api/v1/namespaces/{namespace}/configmaps', body: MAP}}",
        "cannot create resource",
    ),
    (
        "can",
        "  - {title: x, can: {who: serviceaccount/reader, verb: [get, list], resource: pods, allowed: true}}",
        "=no\nno",
    ),
    (
        "curl",
        "POD  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted}}",
        "cannot list resource \\\"pods\\\"",
    ),
    (
        "curl-saved",
        "POD  - {title: t, token: {serviceAccount: reader}, save: {old: token}}\n  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: {saved: old}}}",
        "cannot list resource \\\"pods\\\"",
    ),
    ("exec", "POD  - {title: x, exec: {in: p, command: [sh, -c, \"echo a\\nexit 3\"]}}", "exit code 3"),
    (
        "kubectl",
        "  - {title: x, as: serviceaccount/reader, kubectl: {args: [get, secrets]}}",
        "cannot list resource \"secrets\"",
    ),
    // Who asks.
    ("text", "  - {title: x, as: {text: garbage}, request: {path: /api}}", "nauthorized"),
    ("anonymous", "  - {title: x, as: anonymous, get: {kind: Pod}}", "User \"system:anonymous\" cannot list"),
    ("groups", "  - {title: x, as: {user: jane, groups: [devs]}, whoami: {}, expect: {object: {a: b}}}", "devs"),
    (
        "saved-request",
        "SAVED  - {title: x, as: {token: '{saved.old}'}, request: {method: PATCH, path: '/api/v1/namespaces/{namespace}/configmaps/c', body: {data: {a: b}}}}",
        "cannot patch resource",
    ),
    (
        "saved-kubectl",
        "SAVED  - {title: x, as: {token: '{saved.old}'}, kubectl: {args: [get, secrets]}}",
        "User \"system:serviceaccount:NS:reader\" cannot list",
    ),
    // Requests by each method.
    (
        "put",
        "  - {title: m, apply: MAP}\n  - {title: x, as: {user: jane}, request: {method: PUT, path: '/api/v1/namespaces/{namespace}/configmaps/c', body: MAP}}",
        "cannot update resource",
    ),
    (
        "delete-raw",
        "  - {title: x, as: {user: jane}, request: {method: DELETE, path: '/api/v1/namespaces/{namespace}/configmaps/c'}}",
        "cannot delete resource",
    ),
    (
        "patch-raw",
        "  - {title: x, as: {user: jane}, request: {method: PATCH, path: '/api/v1/namespaces/{namespace}/configmaps/c', body: {data: {a: b}}}}",
        "cannot patch resource",
    ),
    (
        "head",
        "  - {title: x, as: {user: jane}, request: {method: HEAD, path: '/api/v1/namespaces/{namespace}/configmaps'}}",
        "403 Forbidden",
    ),
    (
        "options",
        "  - {title: x, as: {user: jane}, request: {method: OPTIONS, path: '/api/v1/namespaces/{namespace}/configmaps'}}",
        "orbidden",
    ),
    (
        "headers",
        "  - {title: x, as: {user: jane}, request: {path: '/api/v1/namespaces/{namespace}/pods', headers: {Accept: application/json}}}",
        "cannot list resource",
    ),
    // What kubectl asks about objects.
    (
        "list-everywhere",
        "  - {title: x, as: {user: jane}, get: {kind: Pod, namespace: '*', labelSelector: 'a in (b, c)'}}",
        "cannot list resource \"pods\" in API group \"\" at the cluster scope",
    ),
    (
        "field-selector",
        "  - {title: x, as: {user: jane}, get: {kind: Secret, fieldSelector: metadata.name=a}}",
        "cannot list resource \"secrets\"",
    ),
    (
        "patch-json",
        "  - {title: m, apply: MAP}\n  - {title: x, patch: {kind: ConfigMap, name: c, type: json, body: [{op: test, path: /data/a, value: none}]}}",
        "The request is invalid",
    ),
    // What kubectl's own command would only warn of, and what it would not get to.
    (
        "patch-strict",
        "  - {title: m, apply: MAP}\n  - {title: x, patch: {kind: ConfigMap, name: c, body: {dataa: {a: b}}}} # on purpose",
        "strict decoding error",
    ),
    (
        "patch-strict-as",
        "BLINDSAVED  - {title: m, apply: MAP}\n  - {title: x, as: {token: '{saved.old}'}, patch: {kind: ConfigMap, name: c, type: json, body: [{op: add, path: /dataa, value: {a: b}}]}} # on purpose",
        "strict decoding error",
    ),
    (
        "patch-blind",
        "BLIND  - {title: m, apply: MAP}\n  - {title: x, as: serviceaccount/reader, patch: {kind: ConfigMap, name: c, body: {data: {a: b}}}, expect: {status: 403}}",
        "\"kind\": \"ConfigMap\"",
    ),
    (
        "patch-sub",
        "  - {title: x, as: {user: jane}, patch: {kind: Deployment, name: web, subresource: scale, body: {spec: {replicas: 1}}}}",
        "deployments",
    ),
    (
        "create-many",
        "  - {title: x, as: {user: jane}, create: [MAP, {apiVersion: v1, kind: Secret, metadata: {name: s}}]}",
        "cannot create resource \"configmaps\"",
    ),
    ("wait-exists", "  - {title: x, wait: {kind: Service, name: c, for: exists}, timeout: 2s}", "timed out"),
    (
        "wait-deleted",
        "  - {title: m, apply: {apiVersion: v1, kind: ConfigMap, metadata: {name: c, finalizers: [example.com/x]}}}\n  - {title: d, kubectl: {args: [delete, configmap, c, --wait=false]}}\n  - {title: x, wait: {kind: ConfigMap, name: c, for: deleted}, timeout: 2s}",
        "timed out",
    ),
    (
        "wait-condition",
        "POD  - {title: x, wait: {kind: Pod, name: p, for: {condition: DisruptionTarget}}, timeout: 2s}",
        "timed out",
    ),
    // Questions.
    ("can-url", "  - {title: x, can: {who: serviceaccount/reader, verb: get, url: /metrics, allowed: true}}", "=no"),
    (
        "can-part",
        "  - {title: x, can: {who: {user: jane, groups: [devs]}, verb: get, resource: pods, subresource: log, name: p, namespace: '*', allowed: true}}",
        "=no",
    ),
    (
        "can-group",
        "  - {title: x, can: {who: anonymous, verb: get, resource: deployments.apps, allowed: true}}",
        "=false",
    ),
    // Tokens.
    (
        "token-as",
        "  - {title: x, as: {user: jane}, token: {serviceAccount: reader, duration: 20m, audiences: [vault]}}",
        "serviceaccounts/token",
    ),
    (
        "token-bound",
        "POD  - {title: x, as: {user: jane}, token: {serviceAccount: reader, boundTo: {kind: Pod, name: p}}}",
        "serviceaccounts/token",
    ),
    (
        "token-secret",
        "  - {title: s, create: {apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token, metadata: {name: s, annotations: {kubernetes.io/service-account.name: reader}}}}\n  - {title: x, as: {user: jane}, token: {serviceAccount: reader, from: {secret: s}}}",
        "cannot get resource \"secrets\"",
    ),
    // From Pods.
    (
        "curl-plain",
        "POD  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api', insecure: true}}",
        "system:anonymous",
    ),
    (
        "curl-body",
        "POD  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/configmaps', token: mounted, method: POST, headers: {X-A: \"it's\"}, body: MAP}}",
        "cannot create resource",
    ),
    (
        "curl-head",
        "POD  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted, method: HEAD}}",
        "403",
    ),
    (
        "curl-guest",
        "  - {title: q, create: {apiVersion: v1, kind: Pod, metadata: {name: q}, spec: {serviceAccountName: reader, containers: [{name: app, image: 'kubewalk.local/pause:1', imagePullPolicy: Never}]}}}\n  - {title: w, wait: {kind: Pod, name: q, for: {condition: Ready}}}\n  - {title: x, curl: {in: q, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted}, expect: {status: 200}}",
        "cannot list resource",
    ),
    (
        "exec-stdin",
        "POD  - {title: x, exec: {in: p, container: main, command: [sh, -c, 'cat; exit 4'], stdin: \"it's\\nhere\\n\"}}",
        "exit code 4",
    ),
    (
        "kubectl-stdin",
        "  - {title: x, as: {user: jane}, kubectl: {args: [create, -f, '-'], stdin: '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"c\"}}'}}",
        "cannot create resource",
    ),
    (
        "wait",
        "  - {title: m, apply: MAP}\n  - {title: x, wait: {kind: ConfigMap, name: c, for: {object: {data: {a: z}}}}, timeout: 2s}",
        "timed out",
    ),
    // Long bodies.
    (
        "patch-long",
        "  - {title: m, apply: MAP}\n  - {title: x, as: {user: jane}, patch: {kind: ConfigMap, name: c, body: BIGMAP}}",
        "cannot ",
    ),
    (
        "curl-long",
        "POD  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/configmaps', token: mounted, method: POST, body: BIGMAP}}",
        "cannot create resource",
    ),
    (
        "curl-long-saved",
        "PODSAVED  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/configmaps', token: {saved: old}, method: POST, body: BIGMAP}}",
        "system:serviceaccount:NS:reader\\\" cannot create resource",
    ),
    (
        "curl-long-plain",
        "POD  - {title: x, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/configmaps', insecure: true, method: POST, body: BIGMAP}}",
        "system:anonymous",
    ),
    (
        "curl-long-guest",
        "  - {title: q, create: {apiVersion: v1, kind: Pod, metadata: {name: q}, spec: {serviceAccountName: reader, containers: [{name: app, image: 'kubewalk.local/pause:1', imagePullPolicy: Never}]}}}\n  - {title: w, wait: {kind: Pod, name: q, for: {condition: Ready}}}\n  - {title: x, curl: {in: q, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/configmaps', token: mounted, method: POST, body: BIGMAP}}",
        "cannot create resource",
    ),
    // What is looked for when the step runs.
    (
        "curl-owner",
        "WEB  - {title: x, curl: {in: deployment/web, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted}, expect: {status: 200}}",
        "cannot list resource",
    ),
    (
        "curl-labels",
        "WEB  - {title: x, curl: {in: {labels: {app: web}}, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted}, expect: {status: 200}}",
        "cannot list resource",
    ),
    (
        "curl-labels-saved",
        "WEBSAVED  - {title: x, curl: {in: {labels: {app: web}}, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: {saved: old}}, expect: {status: 200}}",
        "cannot list resource",
    ),
    (
        "exec-labels",
        "WEB  - {title: x, exec: {in: {labels: {app: web}}, command: [sh, -c, 'cat; exit 6'], stdin: hello}}",
        "exit code 6",
    ),
    (
        "curl-saved-pod",
        "POD  - {title: s, get: {kind: Pod, name: p}, save: {pod: $.metadata.name}}\n  - {title: x, curl: {in: '{saved.pod}', url: 'https://kubernetes.default/api', token: mounted}, expect: {status: 403}}",
        "APIVersions",
    ),
    ("exec-owner", "WEB  - {title: x, exec: {in: deployment/web, command: [sh, -c, 'exit 5']}}", "exit code 5"),
    // Files: short ones stand in the line, of long ones the name.
    (
        "file",
        "  - {title: x, as: {user: jane}, apply: {file: manifests/short.yml}}",
        "cannot patch resource \"configmaps\"",
    ),
    (
        "file-long",
        "  - {title: x, as: {user: jane}, apply: {file: manifests/long.yml}}",
        "cannot patch resource \"configmaps\"",
    ),
    (
        "file-in-part",
        "  - {title: x, as: {user: jane}, create: {file: manifests/long.yml, select: {kind: Secret}}}",
        "cannot create resource \"secrets\"",
    ),
    (
        "kustomized",
        "  - {title: x, as: {user: jane}, apply: {kustomize: manifests/layer}}",
        "cannot patch resource \"configmaps\"",
    ),
    // What holds is printed with `-v`, and does the same.
    (
        "held",
        "  - {title: x, as: {user: jane}, get: {kind: Pod}, expect: {status: 403}} # on purpose",
        "cannot list resource",
    ),
    ("held-whoami", "  - {title: x, as: serviceaccount/reader, whoami: {}}", "system:serviceaccount:NS:reader"),
    (
        "held-delete",
        "  - {title: m, apply: MAP}\n  - {title: x, delete: {kind: ConfigMap, name: c}}",
        "configmap \"c\" deleted",
    ),
    ("held-pod", "  - {title: x, pod: {name: q, image: curl, serviceAccount: reader}}", "pod/q condition met"),
    ("held-account", "  - {title: x, serviceAccount: other}", "serviceaccount/other serverside-applied"),
    (
        "held-role",
        "  - {title: x, role: {name: r, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}}",
        "role.rbac.authorization.k8s.io/r serverside-applied",
    ),
    (
        "held-cluster-role",
        "  - {title: x, clusterRole: {name: kw-reproduced, rules: [{nonResourceURLs: [/metrics], verbs: [get]}]}}",
        "clusterrole.rbac.authorization.k8s.io/kw-reproduced serverside-applied",
    ),
    (
        "held-binding",
        "  - {title: r, role: {name: r, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}}\n  - {title: x, bind: {role: r, to: [{serviceAccount: reader}]}}",
        "rolebinding.rbac.authorization.k8s.io/r_reader serverside-applied",
    ),
    (
        "held-can",
        "  - {title: x, can: {who: serviceaccount/reader, verb: list, resource: pods, allowed: false}}",
        "=no",
    ),
    ("held-token", "  - {title: x, token: {serviceAccount: reader, duration: 10m}}", "eyJ"),
    (
        "held-bind",
        "  - {title: r, role: {name: r, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}}\n  - {title: b, bind: {role: r, to: [{serviceAccount: reader}]}}\n  - {title: x, as: serviceaccount/reader, get: {kind: Pod}, expect: {status: 200, within: 3s}}",
        "\"kind\": \"List\"",
    ),
];
