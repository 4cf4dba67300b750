//! Greens for the wrong reason, and reds that are nobody's fault: each is tried on a real cluster.

use kubewalk::{run::Ended, testing};

/// Runs steps, and gives the exit code and the report.
fn played(name: &str, steps: &str) -> (i32, Ended, String) {
    let name = format!("scenarios/{name}.yaml");
    let (ended, report) = testing::run_text(&name, &format!("title: {name}\nsteps:\n{steps}"));
    (ended.exit.code().into(), ended, report)
}

/// All steps hold.
fn holds(name: &str, steps: &str) {
    let (code, _, report) = played(name, steps);
    assert_eq!(code, 0, "{report}");
}

/// The last step fails, and the report says so in these words.
fn fails(name: &str, steps: &str, words: &[&str]) {
    let (code, ended, report) = played(name, steps);
    assert_eq!((code, ended.failed), (1, 1), "{report}");
    words.iter().for_each(|words| assert!(report.contains(words), "no {words:?} in\n{report}"));
}

/// Nothing is known about the last step, for this reason.
fn breaks(name: &str, steps: &str, words: &[&str]) {
    let (code, ended, report) = played(name, steps);
    assert_eq!((code, ended.broken), (3, 1), "{report}");
    words.iter().for_each(|words| assert!(report.contains(words), "no {words:?} in\n{report}"));
}

#[test]
fn placeholders_are_filled_in_commands_patches_selectors_names_and_bindings() {
    holds(
        "placeholders-everywhere",
        r#"
  - {title: a, serviceAccount: 'of-{namespace}'}
  - {title: b, role: {name: 'of-{namespace}', rules: [{apiGroups: [''], resources: [configmaps], resourceNames: ['c-{namespace}'], verbs: [get]}]}}
  - {title: c, bind: {name: 'of-{namespace}', role: 'of-{namespace}', to: [{serviceAccount: 'of-{namespace}'}]}}
  - {title: d, pod: {name: 'p-{namespace}', image: curl, serviceAccount: 'of-{namespace}', labels: {in: '{namespace}'}}}
  - title: e
    create: {apiVersion: v1, kind: ConfigMap, metadata: {name: 'c-{namespace}', labels: {in: '{namespace}'}}, data: {literally: '{{namespace}}', shell: '${x}'}}
    save: {uid: $.metadata.uid}
  - title: f
    patch: {kind: ConfigMap, name: 'c-{namespace}', body: {data: {patched: 'in {namespace}', uid: '{saved.uid}'}}}
    expect: {object: {data: {patched: 'in {namespace}', literally: '{{namespace}}'}}}
  - title: g
    get: {kind: ConfigMap, labelSelector: 'in={namespace}'}
    expect: {path: [{at: $.items, count: 1}, {at: '$.items[0].data.literally', equals: '{{namespace}}'}]}
  - title: h
    get: {kind: ConfigMap, name: 'c-{namespace}'}
    as: 'serviceaccount/of-{namespace}'
    expect: {status: 200, within: 2s}
  - title: i
    exec: {in: 'p-{namespace}', command: [sh, -c, 'cat; namespace=other; echo {namespace} ${namespace} {{namespace}}'], stdin: 'stdin {namespace} '}
    expect: {stdout: 'stdin {namespace} {namespace} other {{namespace}}'}
  - title: j
    wait: {kind: ConfigMap, name: 'c-{namespace}', for: {object: {metadata: {namespace: '{namespace}'}}}}
  - title: k
    kubectl: {args: [get, configmap, 'c-{namespace}', -o, 'jsonpath={.metadata.labels.in}']}
    expect: {stdout: '{namespace}'}
  - {title: l, token: {serviceAccount: 'of-{namespace}', boundTo: {kind: Pod, name: 'p-{namespace}'}}}
  - {title: m, delete: {kind: ConfigMap, name: 'c-{namespace}'}}
"#,
    );
}

/// A namespace with a grant to jane. A Pod that ends slowly holds it while it is deleted.
fn dying(then: &str) -> String {
    format!(
        r#"
  - {{title: a, create: {{apiVersion: v1, kind: Namespace, metadata: {{name: 'dying-{{namespace}}'}}}}}}
  - title: b
    create:
      apiVersion: v1
      kind: Pod
      metadata: {{name: slow, namespace: 'dying-{{namespace}}'}}
      spec: {{terminationGracePeriodSeconds: 8, containers: [{{name: main, image: curl, imagePullPolicy: IfNotPresent, command: [sleep, infinity]}}]}}
  - {{title: b2, wait: {{kind: Pod, name: slow, namespace: 'dying-{{namespace}}', for: {{condition: Ready}}}}}}
  - title: c
    create:
      - {{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: r, namespace: 'dying-{{namespace}}'}}, rules: [{{apiGroups: [''], resources: [pods], verbs: [list]}}]}}
      - {{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: r, namespace: 'dying-{{namespace}}'}}, roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}, subjects: [{{kind: User, name: jane}}]}}
  - title: d
    as: {{user: jane}}
    get: {{kind: Pod, namespace: 'dying-{{namespace}}'}}
    expect: {{status: 200, within: 2s}}
  - {{title: e, kubectl: {{args: [delete, namespace, 'dying-{{namespace}}', --wait=false]}}}}
  - title: f
{then}
"#
    )
}

#[test]
fn no_denial_counts_in_a_namespace_that_is_being_deleted() {
    // By the time of the denial it may even be gone.
    let words = ["Namespace dying-", ": a denial meanwhile says nothing about rights"];
    std::thread::scope(|scope| {
        for (name, then) in [
            (
                "get",
                "    as: {user: jane}\n    get: {kind: Pod, namespace: 'dying-{namespace}'}\n    expect: {status: 403, within: 40s}",
            ),
            (
                "reason",
                "    as: {user: jane}\n    request: {path: '/api/v1/namespaces/dying-{namespace}/pods'}\n    expect: {reason: Forbidden, within: 40s}",
            ),
            (
                "can",
                "    can: {who: {user: jane}, verb: list, resource: pods, namespace: 'dying-{namespace}', allowed: false}\n    expect: {within: 40s}",
            ),
            (
                "kubectl",
                "    kubectl: {args: [get, pods, -n, 'dying-{namespace}', '--as=jane']}\n    expect: {exitCode: 1, stderr: {contains: 'User \"jane\" cannot list resource \"pods\"'}, within: 40s}",
            ),
        ] {
            scope.spawn(move || breaks(&format!("dying-{name}"), &dying(then), &words));
        }
    });
}

#[test]
fn a_denial_that_comes_second_is_none() {
    const GRANTED: &str = "
  - {title: a, role: {name: r, rules: [{apiGroups: [''], resources: [configmaps], verbs: [create, delete, patch]}]}}
  - {title: b, bind: {role: r, to: [{user: jane}]}}
  - {title: c, serviceAccount: me}
  - {title: d, bind: {name: mine, role: r, to: [{serviceAccount: me}]}}
  - {title: e, can: {who: [{user: jane}, serviceaccount/me], verb: create, resource: configmaps, allowed: true}, expect: {within: 2s}}
";
    let made = "this attempt made ConfigMap made in namespace";
    for (name, step, words) in [
        (
            "create",
            "as: {user: jane}\n    create: {apiVersion: v1, kind: ConfigMap, metadata: {name: made}}\n    expect: {status: 403, within: 5s}",
            made,
        ),
        (
            "conflict",
            "create: {apiVersion: v1, kind: ConfigMap, metadata: {name: made}}\n    expect: {status: 409, within: 5s}",
            made,
        ),
        (
            "request",
            "as: {user: jane}\n    request: {method: POST, path: '/api/v1/namespaces/{namespace}/configmaps', body: {apiVersion: v1, kind: ConfigMap, metadata: {name: made}}}\n    expect: {status: 403, within: 5s}",
            made,
        ),
        (
            "kubectl",
            "kubectl: {args: [create, configmap, made, '--as=jane']}\n    expect: {exitCode: 1, stderr: {contains: 'User \"jane\" cannot create resource \"configmaps\"'}, within: 5s}",
            "it was carried out",
        ),
    ] {
        fails(
            &format!("second-{name}"),
            &format!("{GRANTED}  - title: f\n    {step}\n"),
            &[words, "so it was not repeated"],
        );
    }
    let curl = "  - {title: f, pod: {name: p, image: curl, serviceAccount: me}}\n  - title: g\n    curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/configmaps', token: mounted, body: {apiVersion: v1, kind: ConfigMap, metadata: {name: made}}}\n    expect: {status: 403, within: 5s}\n";
    fails("second-curl", &format!("{GRANTED}{curl}"), &[made]);
}

#[test]
fn a_disruption_budget_is_no_denial_and_no_trouble() {
    const KEPT: &str = "
  - {title: a, pod: {name: p, image: curl, labels: {app: web}}}
  - {title: b, apply: {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}}
  - {title: c, wait: {kind: PodDisruptionBudget, name: b, for: {object: {status: {currentHealthy: 1}}}}}
  - title: d
    request: {method: POST, path: '/api/v1/namespaces/{namespace}/pods/p/eviction', body: {apiVersion: policy/v1, kind: Eviction, metadata: {name: p, namespace: '{namespace}'}}}
";
    holds("budget-kept", &format!("{KEPT}    expect: {{status: 429, reason: TooManyRequests}}\n"));
    let words = ["expected 403, got 429", "authorization let the call pass, and a PodDisruptionBudget keeps the Pod"];
    fails(
        "budget-claimed",
        &format!("{KEPT}    as: {{user: jane, groups: ['system:masters']}}\n    expect: {{status: 403}}\n"),
        &words,
    );
}

#[test]
fn a_slip_in_a_manifest_is_the_scenarios_fault() {
    for (name, manifest, words) in [
        ("field", "kind: ConfigMap, metadata: {name: c}, dataa: {a: b}", ".dataa: field not declared in schema"),
        ("number", "kind: ConfigMap, metadata: {name: c}, data: {a: 1}", ".data.a: expected string"),
        ("label", "kind: ConfigMap, metadata: {name: c, labels: {a: 1}}", ".metadata.labels.a: expected string"),
        (
            "replicas",
            "kind: ReplicationController, metadata: {name: c}, spec: {replicas: '3'}",
            ".spec.replicas: expected numeric",
        ),
    ] {
        // What `check` knows by itself is meant here.
        let step = format!("  - {{title: a, apply: {{apiVersion: v1, {manifest}}}}} # on purpose\n");
        fails(&format!("slip-{name}"), &step, &["the manifest does not fit its kind", words]);
    }
}

#[test]
fn a_field_that_a_kind_lacks_is_refused_by_every_verb_that_sends_objects() {
    const KIND: &str = "
  - title: a
    apply:
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: stricts.soon.kubewalk.example}
      spec:
        group: soon.kubewalk.example
        scope: Namespaced
        names: {plural: stricts, singular: strict, kind: Strict}
        versions:
          - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: string}}}}}}}
";
    let custom = "{apiVersion: soon.kubewalk.example/v1, kind: Strict, metadata: {name: s}, spec: {b: x}}";
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, dataa: {a: b}}";
    for verb in ["create", "apply"] {
        // What `check` knows by itself is meant here.
        for (name, before, object, words) in [
            ("custom", KIND, custom, ["spec.b", ""]),
            ("own", "", map, ["dataa", "the manifest does not fit its kind"]),
        ] {
            let step = format!("{before}  - {{title: z, {verb}: {object}}} # on purpose\n");
            fails(&format!("strict-{verb}-{name}"), &step, &words);
        }
    }
    let there = "  - {title: m, create: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}}\n";
    for (name, change) in [
        ("merge", "type: merge, body: {dataa: {a: b}}"),
        ("strategic", "body: {dataa: {a: b}}"),
        ("json", "type: json, body: [{op: add, path: /dataa, value: {a: b}}]"),
    ] {
        let step = format!("{there}  - {{title: z, patch: {{kind: ConfigMap, name: c, {change}}}}} # on purpose\n");
        let words = ["the manifest does not fit its kind: unknown field", "dataa", "mend the name of the field"];
        fails(&format!("strict-patch-{name}"), &step, &words);
    }
    // What is sent as it is written the server takes, and warns.
    let path = "/api/v1/namespaces/{namespace}/configmaps";
    let dropped =
        ["the server dropped `dataa`, which the kind does not have", "expect it: `warning: {contains: unknown field}`"];
    for (name, request) in [
        ("post", format!("method: POST, path: '{path}', body: {map}")),
        ("put", format!("method: PUT, path: '{path}/c', body: {map}")),
        ("patch", format!("method: PATCH, path: '{path}/c', body: {{dataa: {{a: b}}}}")),
    ] {
        let there = if name == "post" { "" } else { there };
        let step = |more: &str| format!("{there}  - {{title: z, request: {{{request}}}{more}}} # on purpose\n");
        fails(&format!("strict-request-{name}"), &step(""), &dropped);
        holds(&format!("warned-request-{name}"), &step(", expect: {warning: 'unknown field \"dataa\"'}"));
    }
    let ignored =
        format!("  - {{title: z, request: {{path: '{path}?fieldValidation=Ignore', body: {map}}}}} # on purpose\n");
    holds("strict-request-ignored", &ignored);
    let patch = "kubectl: {args: [patch, configmap, c, --type=merge, -p, '{\"dataa\": {}}']}";
    fails("strict-kubectl-patch", &format!("{there}  - {{title: z, {patch}}}\n"), &dropped[..1]);
    holds(
        "warned-kubectl-patch",
        &format!("{there}  - {{title: z, {patch}, expect: {{stderr: {{contains: unknown field}}}}}}\n"),
    );
}

#[test]
fn a_field_of_a_kind_that_keeps_all_is_taken() {
    holds(
        "keeps-all",
        "
  - title: a
    apply:
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: keepers.soon.kubewalk.example}
      spec:
        group: soon.kubewalk.example
        scope: Namespaced
        names: {plural: keepers, singular: keeper, kind: Keeper}
        versions:
          - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
  - {title: b, create: {apiVersion: soon.kubewalk.example/v1, kind: Keeper, metadata: {name: k}, some: {a: b}}}
  - {title: c, patch: {apiVersion: soon.kubewalk.example/v1, kind: Keeper, name: k, body: {other: {a: b}}}, expect: {object: {some: {a: b}, other: {a: b}}}}
  - {title: d, patch: {apiVersion: soon.kubewalk.example/v1, kind: Keeper, name: k, type: json, body: [{op: add, path: /third, value: 3}]}, expect: {object: {third: 3}}}
  - {title: e, request: {method: PATCH, path: '/apis/soon.kubewalk.example/v1/namespaces/{namespace}/keepers/k', body: {fourth: 4}}, expect: {status: 200, noWarning: true}}
",
    );
}

#[test]
fn a_success_of_kubectl_is_told_with_its_binding() {
    let step = |args: &str, expect: &str| {
        format!(
            "{ACCOUNT}  - title: z\n    as: serviceaccount/me\n    kubectl: {{args: [{args}]}}\n    expect: {expect}\n"
        )
    };
    let allowed =
        ["expected 403, and kubectl has succeeded", "the call was allowed", "gives ServiceAccount", "allows list"];
    // The grant takes a moment.
    let granted = "  - {title: y, can: {who: serviceaccount/me, verb: list, resource: configmaps, allowed: true}, expect: {within: 2s}}\n";
    let steps = step("get, configmaps", "{status: 403}").replace("  - title: z", &format!("{granted}  - title: z"));
    fails("kubectl-allowed", &steps, &allowed);
    let found =
        "  - {title: z, kubectl: {args: [get, configmap, kube-root-ca.crt]}, expect: {status: 404, within: 100ms}}\n";
    fails("kubectl-found", found, &["expected 404, and kubectl has succeeded", "exit code 0: the call was allowed"]);
    // Whatever the verb is.
    let map = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}"#;
    for (name, resource, verbs, args, stdin, words) in [
        ("apply", "configmaps", "get, create", "apply, -f, '-'", map, "allows get, create"),
        ("create", "configmaps", "create", "create, configmap, c", "", "allows create"),
        ("token", "serviceaccounts/token", "create", "create, token, me", "", "allows create"),
        ("label", "serviceaccounts", "get, patch", "label, sa, me, a=b", "", "allows get, patch"),
        ("delete", "serviceaccounts", "delete", "delete, sa, default, '--wait=false'", "", "allows delete"),
        ("run", "pods", "create", "run, q, --image=curl", "", "allows create"),
    ] {
        let (plural, part) = resource
            .split_once('/')
            .map_or((resource, String::new()), |(plural, part)| (plural, format!(", subresource: {part}")));
        let asked = verbs.rsplit(' ').next().expect("a verb");
        let steps = format!(
            "{ACCOUNT}  - {{title: r, role: {{name: granted, rules: [{{apiGroups: [''], resources: [{resource}], verbs: [{verbs}]}}]}}}}\n  \
             - {{title: b, bind: {{role: granted, to: [{{serviceAccount: me}}]}}}}\n  \
             - {{title: y, can: {{who: serviceaccount/me, verb: {asked}, resource: {plural}{part}, allowed: true}}, expect: {{within: 5s}}}}\n  \
             - title: z\n    as: serviceaccount/me\n    kubectl: {{args: [{args}]{}}}\n    expect: {{status: 403}}\n",
            if stdin.is_empty() { String::new() } else { format!(", stdin: '{stdin}'") },
        );
        fails(&format!("kubectl-allowed-{name}"), &steps, &["the call was allowed", "Role", words]);
    }
    let pod = "  - {title: a, pod: {name: p, image: curl}}\n  - {title: z, exec: {in: p, command: ['true']}, expect: {status: 403}}\n";
    fails("exec-says-nothing", pod, &["expected 403, and the command has succeeded", "a refusal must be seen"]);
}

#[test]
fn a_question_needs_no_name_and_what_is_sent_to_a_part_goes_there() {
    let review = "apiVersion: authorization.k8s.io/v1";
    holds(
        "asked-by-create",
        &format!(
            "{ACCOUNT}  - {{title: y, can: {{who: serviceaccount/me, verb: list, resource: configmaps, allowed: true}}, expect: {{within: 2s}}}}
  - title: one
    create: {{{review}, kind: SubjectAccessReview, spec: {{user: 'system:serviceaccount:{{namespace}}:me', resourceAttributes: {{namespace: '{{namespace}}', verb: list, resource: configmaps}}}}}}
    expect: {{status: 201, object: {{status: {{allowed: true}}}}}}
  - title: its own
    as: serviceaccount/me
    create: {{{review}, kind: SelfSubjectAccessReview, spec: {{resourceAttributes: {{namespace: '{{namespace}}', verb: list, resource: secrets}}}}}}
    expect: {{object: {{status: {{allowed: false}}}}}}
  - title: two
    as: serviceaccount/me
    create:
      - {{{review}, kind: SelfSubjectAccessReview, spec: {{resourceAttributes: {{namespace: '{{namespace}}', verb: list, resource: secrets}}}}}}
      - {{{review}, kind: SelfSubjectAccessReview, metadata: {{}}, spec: {{resourceAttributes: {{namespace: '{{namespace}}', verb: get, resource: secrets}}}}}}
  - title: in its namespace
    create: {{{review}, kind: LocalSubjectAccessReview, spec: {{user: jane, resourceAttributes: {{namespace: '{{namespace}}', verb: list, resource: pods}}}}}}
    expect: {{object: {{status: {{allowed: false}}}}}}
  - {{title: all, create: {{{review}, kind: SelfSubjectRulesReview, spec: {{namespace: '{{namespace}}'}}}}, expect: {{path: [{{at: $.status.resourceRules, absent: false}}]}}}}
  - {{title: who, as: serviceaccount/me, create: {{apiVersion: authentication.k8s.io/v1, kind: SelfSubjectReview}}, expect: {{path: [{{at: $.status.userInfo.username, equals: 'system:serviceaccount:{{namespace}}:me'}}]}}}}
  - {{title: token, create: {{apiVersion: authentication.k8s.io/v1, kind: TokenReview, spec: {{token: nobodys}}}}, expect: {{path: [{{at: $.status.error, matches: .}}]}}}}
  - {{title: pod, pod: {{name: p, image: curl}}}}
  - {{title: refused, as: serviceaccount/me, create: {{apiVersion: policy/v1, kind: Eviction, metadata: {{name: p}}}}, expect: {{status: 403, message: {{contains: 'create resource \"pods/eviction\"'}}}}}}
  - {{title: evicted, create: {{apiVersion: policy/v1, kind: Eviction, metadata: {{name: p}}, deleteOptions: {{gracePeriodSeconds: 0}}}}, expect: {{status: 201}}}}
  - {{title: gone, get: {{kind: Pod, name: p}}, expect: {{absent: true, within: 10s}}}}
"
        ),
    );
    // To what nobody serves the answer is no.
    let review = format!(
        "{{{review}, kind: SelfSubjectAccessReview, spec: {{resourceAttributes: {{group: nobody.example, verb: list, resource: podz}}}}}}"
    );
    let step = format!(
        "{ACCOUNT}  - {{title: z, as: serviceaccount/me, create: {review}, expect: {{object: {{status: {{allowed: false}}}}}}}}\n"
    );
    fails("asked-of-nothing", &step, &["denied, but there is nothing to be denied"]);
}

#[test]
fn a_refusal_of_what_would_not_end_is_seen() {
    const POD: &str = "  - {title: p, pod: {name: p, image: curl}}\n";
    for (name, args) in
        [("forward", "port-forward, p, '18080:80'"), ("attach", "attach, p"), ("watch", "get, pods, --watch")]
    {
        let step = |who: &str| {
            format!("{ACCOUNT}{POD}  - {{title: z, {who}kubectl: {{args: [{args}]}}, expect: {{status: 403}}}}\n")
        };
        holds(&format!("refused-{name}"), &step("as: serviceaccount/me, "));
        fails(
            &format!("goes-on-{name}"),
            &step(""),
            &["expected a refusal, and kubectl goes on: the call was allowed", "was ended"],
        );
    }
}

#[test]
fn all_that_have_a_label_are_deleted_by_one_request() {
    let map = |name: &str, app: &str| {
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, labels: {{app: {app}}}}}}}")
    };
    let maps = format!("  - {{title: m, create: [{}, {}, {}]}}\n", map("a", "web"), map("b", "web"), map("c", "other"));
    let delete = "delete: {kind: ConfigMap, labelSelector: app=web}";
    holds(
        "deleted-by-label",
        &format!(
            "{ACCOUNT}{maps}
  - {{title: no, as: serviceaccount/me, {delete}, expect: {{status: 403, message: {{contains: cannot deletecollection resource}}}}}}
  - {{title: yes, {delete}, expect: {{status: 200}}}}
  - {{title: gone, get: {{kind: ConfigMap, labelSelector: app=web}}, expect: {{empty: true}}}}
  - {{title: left, get: {{kind: ConfigMap, name: c}}}}
  - {{title: anew, create: {}}}
  - {{title: pod, pod: {{name: p, image: curl, labels: {{app: web}}}}}}
  - {{title: waits, delete: {{kind: Pod, labelSelector: app=web}}}}
  - {{title: none, get: {{kind: Pod}}, expect: {{empty: true}}}}
",
            map("a", "web")
        ),
    );
    fails(
        "allowed-by-label",
        &format!("{maps}  - {{title: z, {delete}, expect: {{status: 403}}}}\n"),
        &["expected 403, got 200"],
    );
}

#[test]
fn a_group_is_asked_about_without_a_user() {
    const BOUND: &str = "
  - {title: r, role: {name: r, rules: [{apiGroups: [''], resources: [configmaps], verbs: [list]}]}}
  - {title: b, bind: {role: r, to: [{group: devs}, {group: 'system:serviceaccounts:{namespace}'}]}}
";
    holds(
        "of-a-group",
        &format!(
            "{BOUND}
  - {{title: y, can: {{who: [{{group: devs}}, {{group: 'system:serviceaccounts:{{namespace}}'}}], verb: list, resource: configmaps, allowed: true}}, expect: {{within: 2s}}}}
  - {{title: z, can: {{who: {{group: devs}}, verb: [get, list], resource: secrets, allowed: false}}}}
"
        ),
    );
    let step = format!(
        "{BOUND}  - {{title: z, can: {{who: {{group: devs}}, verb: list, resource: secrets, allowed: true}}}}\n"
    );
    fails("of-a-group-denied", &step, &["group devs: list secrets in namespace", "kind: Group, name: devs"]);
}

#[test]
fn an_account_is_looked_up_however_it_is_named() {
    let who = "{user: 'system:serviceaccount:{namespace}:somebody-else'}";
    let can = |comment: &str| {
        format!(
            "{ACCOUNT}  - title: z\n    can: {{who: {who}, verb: list, resource: secrets, allowed: false}}{comment}\n"
        )
    };
    fails("looked-up", &can(""), &["there is nothing to be denied", "somebody-else"]);
    holds("meant-as-nobody", &can(" # on purpose"));
    let line = "kubectl: {args: [get, secrets, '--as=system:serviceaccount:{namespace}:somebody-else']}, expect: {exitCode: 1}";
    fails(
        "looked-up-by-exit-code",
        &format!("{ACCOUNT}  - {{title: z, {line}}}\n"),
        &["there is nothing to be denied", "somebody-else"],
    );
    holds(
        "exit-code-of-a-slip",
        &format!(
            "{ACCOUNT}  - {{title: z, as: serviceaccount/me, kubectl: {{args: [get, secrets]}}, expect: {{exitCode: 1}}}}\n"
        ),
    );
}

#[test]
fn an_account_that_is_being_deleted_is_asked_about_in_vain() {
    let steps = "
  - {title: a, create: {apiVersion: v1, kind: ServiceAccount, metadata: {name: going, finalizers: [example.com/hold]}}}
  - {title: d, kubectl: {args: [delete, serviceaccount, going, --wait=false]}}
  - {title: z, can: {who: serviceaccount/going, verb: list, resource: pods, allowed: false}}
";
    let (code, ended, report) = played("account-going", steps);
    assert_eq!((code, ended.broken), (3, 1), "{report}");
    assert!(
        report.contains("ServiceAccount going in namespace ") && report.contains("held by: example.com/hold"),
        "{report}"
    );
}

#[test]
fn a_refusal_that_a_command_prints_is_about_somebody() {
    const POD: &str = "  - {title: a, pod: {name: p, image: curl}}\n  - title: b\n    exec: {in: p, command: [curl, -sk, 'https://kubernetes.default/api']}\n";
    fails(
        "printed-by-nobody",
        &format!("{POD}    expect: {{json: {{code: 403}}}}\n"),
        &["made as system:anonymous, not as system:serviceaccount:"],
    );
    holds(
        "printed-and-named",
        &format!(
            "{POD}    expect: {{json: {{code: 403}}, path: [{{at: $.message, matches: 'User \"system:anonymous\" cannot get path'}}]}}\n"
        ),
    );
}

#[test]
fn a_kind_may_be_used_right_after_its_definition() {
    const DEFINED: &str = "
  - title: a
    apply:
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: gadgets.soon.kubewalk.example}
      spec:
        group: soon.kubewalk.example
        scope: Namespaced
        names: {plural: gadgets, singular: gadget, kind: Gadget}
        versions:
          - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
  - {title: b, get: {apiVersion: soon.kubewalk.example/v1, kind: Gadget}}
  - {title: c, delete: {kind: CustomResourceDefinition, name: gadgets.soon.kubewalk.example}}
";
    for round in 0..3 {
        holds(&format!("soon-{round}"), DEFINED);
    }
}

const ACCOUNT: &str = "  - {title: a, serviceAccount: me}\n  - {title: r, role: {name: r, rules: [{apiGroups: [''], resources: [configmaps], verbs: [list, create]}]}}\n  - {title: b, bind: {role: r, to: [{serviceAccount: me}]}}\n";
const TOKEN: &str = "  - {title: t, token: {serviceAccount: me}, save: {t: token}}\n  - {title: u, as: {token: '{saved.t}'}, get: {kind: ConfigMap}, expect: {status: 200, within: 5s}}\n";
const MOUNTED: &str = "  - {title: t, pod: {name: p, image: curl, serviceAccount: me}}\n  - {title: u, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/configmaps', token: mounted}, expect: {status: 200, within: 5s}}\n";
const ANEW: &str = "  - {title: n, apply: {apiVersion: v1, kind: ServiceAccount, metadata: {name: me}}}\n";
const BY_KUBECTL: &str = "  - {title: d, kubectl: {args: [delete, serviceaccount, me]}}\n";
const DELETE: &str = "  - {title: d, delete: {kind: ServiceAccount, name: me}}\n";

#[test]
fn what_a_dead_token_gets_at_once_is_not_taken_for_an_answer() {
    let died = "this token died with ServiceAccount me, which was deleted";
    let list = "  - {title: z, as: {token: '{saved.t}'}, get: {kind: ConfigMap}, expect: {status: 200}}\n";
    fails("dead-saved", &format!("{ACCOUNT}{TOKEN}{DELETE}{list}"), &["got 401", died]);
    fails("dead-anew", &format!("{ACCOUNT}{TOKEN}{BY_KUBECTL}{ANEW}{list}"), &["got 401", died, "the one made anew"]);
    // What writes is held back, too: nothing is made.
    let make = "  - {title: z, as: {token: '{saved.t}'}, create: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}, expect: {status: 201}}\n";
    fails("dead-writes", &format!("{ACCOUNT}{TOKEN}{DELETE}{make}"), &["got 401", died]);
    let mounted = "  - {title: z, curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/configmaps', token: mounted}, expect: {status: 200}}\n";
    fails("dead-mounted", &format!("{ACCOUNT}{MOUNTED}{BY_KUBECTL}{ANEW}{mounted}"), &["got 401", died]);
    // A denial by RBAC alike: the account is not even known.
    let denied = "  - {title: g, delete: {kind: RoleBinding, name: r_me}}\n  - {title: z, as: {token: '{saved.t}'}, get: {kind: ConfigMap}, expect: {status: 403, within: 2s}}\n";
    fails("dead-denied", &format!("{ACCOUNT}{TOKEN}{DELETE}{ANEW}{denied}"), &["expected 403, got 401", died]);
}

#[test]
fn the_end_of_a_token_is_waited_for() {
    let ends = |name: &str, begin: &str, delete: &str| {
        let end = "  - {title: z, as: {token: '{saved.t}'}, request: {path: /api}, expect: {status: 401}}\n";
        holds(
            name,
            &format!(
                "{ACCOUNT}{begin}  - {{title: x, as: {{token: '{{saved.t}}'}}, request: {{path: /api}}, expect: {{status: 200}}}}\n{delete}{end}"
            ),
        );
    };
    ends("ends-account", TOKEN, DELETE);
    let secret = "{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token, metadata: {name: s, annotations: {kubernetes.io/service-account.name: me}}}";
    let from = format!(
        "  - {{title: s, create: {secret}}}\n  - {{title: t, token: {{serviceAccount: me, from: {{secret: s}}}}, save: {{t: token}}}}\n"
    );
    ends("ends-secret", &from, "  - {title: d, delete: {kind: Secret, name: s}}\n");
    let bound = "  - {title: p, pod: {name: p, image: curl, serviceAccount: me}}\n  - {title: t, token: {serviceAccount: me, boundTo: {kind: Pod, name: p}}, save: {t: token}}\n";
    ends("ends-pod", bound, "  - {title: d, kubectl: {args: [delete, pod, p, --now]}}\n");
    // The account is made anew: who asks as it has a new token.
    let anew = "  - {title: z, as: serviceaccount/me, get: {kind: ConfigMap}, expect: {status: 200, within: 5s}}\n";
    let first = "  - {title: f, as: serviceaccount/me, get: {kind: ConfigMap}, expect: {status: 200, within: 5s}}\n";
    holds("ends-not", &format!("{ACCOUNT}{first}{BY_KUBECTL}{ANEW}{anew}"));
}

#[test]
fn a_kind_that_nothing_serves_is_the_scenarios_fault() {
    for verb in [
        "apply: {M}",
        "create: {M}",
        "get: {K}",
        "delete: {K}",
        "wait: {K, for: {condition: Ready}}",
        "patch: {K, body: {a: b}}",
    ] {
        let verb = verb
            .replace('M', "apiVersion: none.example/v1, kind: Gadget, metadata: {name: g}")
            .replace('K', "apiVersion: none.example/v1, kind: Gadget, name: g");
        fails(
            "not-served",
            &format!("  - title: z\n    {verb}\n"),
            &["the cluster does not serve Gadget of none.example/v1", "CustomResourceDefinition"],
        );
    }
}

#[test]
fn what_has_no_end_is_the_scenarios_fault_by_every_verb() {
    let path = "/api/v1/namespaces/{namespace}/configmaps?watch=true";
    let words = ["timeoutSeconds=5"];
    fails(
        "endless-request",
        &format!("  - {{title: z, timeout: 4s, request: {{path: '{path}'}}, expect: {{status: 200}}}}\n"),
        &words,
    );
    fails(
        "endless-kubectl",
        &format!("  - {{title: z, timeout: 4s, kubectl: {{args: [get, --raw, '{path}']}}}}\n"),
        &words,
    );
    let pod = "  - {title: a, pod: {name: p, image: curl}}\n";
    fails(
        "endless-exec",
        &format!("{pod}  - {{title: z, timeout: 4s, exec: {{in: p, command: [sh, -c, 'sleep 60 # watch=true']}}}}\n"),
        &words,
    );
    let may = "  - {title: r, role: {name: r, rules: [{apiGroups: [''], resources: [configmaps], verbs: [list, watch]}]}}\n  - {title: b, bind: {role: r, to: [{serviceAccount: default}]}}\n";
    fails(
        "endless-curl",
        &format!(
            "{may}{pod}  - {{title: z, timeout: 5s, curl: {{in: p, url: 'https://kubernetes.default{path}', token: mounted}}, expect: {{status: 200}}}}\n"
        ),
        &words,
    );
}

#[test]
fn a_body_of_900_kb_goes_by_every_verb() {
    let body =
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: big}}, data: {{a: {}}}}}", "x".repeat(900_000));
    let steps = "  - {title: a, serviceAccount: me}\n  - {title: p, pod: {name: p, image: curl, serviceAccount: me}}\n  - {title: t, token: {serviceAccount: me}, save: {t: token}}\n";
    let url = "https://kubernetes.default/api/v1/namespaces/{namespace}/configmaps";
    for (name, how) in [("mounted", "token: mounted"), ("saved", "token: {saved: t}"), ("none", "insecure: true")] {
        holds(
            &format!("big-{name}"),
            &format!(
                "{steps}  - {{title: z, curl: {{in: p, url: '{url}', {how}, method: POST, body: {body}}}, expect: {{status: 403}}}}\n"
            ),
        );
    }
}

#[test]
fn of_several_objects_the_refused_one_is_shown() {
    let steps = "  - title: z\n    apply:\n      - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n      - apiVersion: v1\n        kind: List\n        items:\n          - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n          - {apiVersion: v1, kind: Service, metadata: {name: s}, spec: {}}\n";
    fails("caret-in-list", steps, &["caret-in-list.yaml:10:", "spec.ports: Required value"]);
}

/// Some of kubectl's commands have a `--user` of their own, which is a subject and not who asks.
#[test]
fn kubectl_asks_as_who_is_meant_also_where_its_words_name_a_user() {
    let who = "
  - {title: a, serviceAccount: nobody}
  - {title: b, serviceAccount: boss}
  - {title: c, bind: {name: boss, clusterRole: admin, to: [{serviceAccount: boss}]}}
  - {title: d, bind: {name: there, clusterRole: view, to: [{serviceAccount: nobody}]}}
";
    let refused = [
        (
            "serviceaccount/nobody",
            "[create, rolebinding, q, --clusterrole=view, '--serviceaccount={namespace}:nobody']",
        ),
        ("serviceaccount/nobody", "[create, clusterrolebinding, 'q-{namespace}', --clusterrole=view, --user=jane]"),
        ("serviceaccount/nobody", "[set, subject, rolebinding/there, '--serviceaccount={namespace}:boss']"),
        ("anonymous", "[create, rolebinding, q, --clusterrole=view, --user=jane]"),
        ("{user: jane}", "[create, rolebinding, q, --clusterrole=view, --user=jane]"),
    ];
    let steps = refused.iter().enumerate().map(|(index, (caller, args))| {
        format!("  - {{title: r{index}, as: {caller}, kubectl: {{args: {args}}}, expect: {{status: 403}}}}\n")
    });
    let allowed = "
  - title: f
    as: serviceaccount/boss
    kubectl: {args: [create, rolebinding, q, --clusterrole=view, '--serviceaccount={namespace}:nobody', --user=jane]}
    expect: {exitCode: 0}
  - title: g
    get: {kind: RoleBinding, name: q}
    expect:
      path:
        - {at: '$.subjects[*].name', count: 2}
        - {at: '$.subjects[?@.kind==''User''].name', equals: jane}
";
    holds("whose-user", &(who.to_owned() + &steps.collect::<String>() + allowed));
}
