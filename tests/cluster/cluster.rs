//! What every cluster gives, on a real one.

use std::os::unix::fs::PermissionsExt as _;

use kubewalk::{steps::api, testing};

#[test]
fn the_kubeconfig_is_private_and_leads_to_the_cluster() {
    let cluster = testing::shared();
    let path = cluster.kubeconfig();
    let mode = |path: &std::path::Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(path), 0o600);
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let version = runtime.block_on(async {
        let client = cluster.client().await.expect("a client");
        api::get(&client, "/version").await.expect("an answer")
    });
    let version = version.json.expect("JSON")["gitVersion"].as_str().expect("a version").to_owned();
    assert_eq!(version, cluster.facts().kubernetes);
}

#[test]
fn the_end_of_one_cluster_leaves_another_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let shared = testing::shared();
    runtime.block_on(async {
        let settings = kubewalk::settings::from_env();
        let never = kubewalk::stop::Stop::never();
        let kind = kubewalk::cluster::ClusterKind::Builtin.into();
        let second = kubewalk::cluster::start(&kind, &settings, &never, &mut |_| ()).await;
        let second = second.expect("a second cluster");
        assert_ne!(second.kubeconfig(), shared.kubeconfig());
        let folder = second.kubeconfig().parent().expect("a folder").to_owned();
        assert_eq!(second.end().await.left, Vec::<String>::new());
        assert!(!folder.exists());
        let client = shared.client().await.expect("a client");
        assert_eq!(api::get(&client, "/readyz").await.expect("an answer").status, 200);
        assert!(shared.broken().is_none());
    });
}

/// In order: a policy against everybody's new namespaces, and a scenario that needs one as soon as the first is over.
#[test]
fn what_a_scenario_forbids_everybody_the_next_may_do() {
    let policy = "\
title: Nobody makes namespaces
steps:
  - title: A policy
    kubectl:
      args: [create, -f, '-']
      stdin: |
        apiVersion: admissionregistration.k8s.io/v1
        kind: ValidatingAdmissionPolicy
        metadata: {name: no-more}
        spec:
          matchConstraints:
            resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [namespaces]}]
          validations: [{expression: 'false', message: there are enough of them}]
        ---
        apiVersion: admissionregistration.k8s.io/v1
        kind: ValidatingAdmissionPolicyBinding
        metadata: {name: no-more}
        spec: {policyName: no-more, validationActions: [Deny]}
  - title: It has an effect
    kubectl: {args: [create, namespace, x, --dry-run=server]}
    expect: {exitCode: 1, stderr: {contains: there are enough}, within: 20s}
";
    for (name, text) in [
        ("first.yaml", policy),
        ("second.yaml", "title: A namespace\nsteps: [{title: An account, serviceAccount: reader}]"),
    ] {
        let (ended, report) = testing::run_text(name, text);
        assert_eq!(ended.exit.code(), 0, "{report}");
    }
}
