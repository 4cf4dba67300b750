//! See `tests/docker/attacks.rs`.

use std::process::Command;

use kubewalk::steps::api;
use serde_json::json;

use crate::{
    machine::{SOON, engine},
    page::Attack,
    stranger::Stranger,
    traces::Place,
};

#[test]
fn attack_a23b_another_user_calls_the_api_server_of_a_cluster_that_lets_everybody_in() {
    engine();
    let (mut place, stranger) = (Place::new(), Stranger::new());
    let up = place.run(&["cluster", "up", "--cluster", "builtin", "--ttl", "10m"]);
    assert_eq!(up.code, Some(0), "{up:?}");
    let path = place.run(&["cluster", "kubeconfig"]).stdout;
    let kubeconfig = kube::config::Kubeconfig::read_from(path.trim()).expect("a kubeconfig");
    let server = kubeconfig.clusters[0].cluster.as_ref().and_then(|it| it.server.clone()).expect("a server");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let made = runtime.block_on(async {
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.expect("a config");
        let client = kube::Client::try_from(config).expect("a client");
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "all"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}]});
        let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
        let kind = Some("application/json");
        api::send(&client, http::Method::POST, path, kind, binding.to_string().into_bytes()).await.expect("an answer")
    });
    assert_eq!(made.status, 201);
    let call = |server: &str, more: &str| {
        format!(
            "curl -sk {more} --max-time 10 -o /dev/null -w '%{{http_code}}' {server}/api/v1/namespaces/kube-system/secrets || true"
        )
    };
    let by_root = |call: &str| {
        let said = Command::new("sh").args(["-c", call]).output().expect("a shell");
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    // A binding takes some milliseconds to have an effect.
    let begun = std::time::Instant::now();
    while by_root(&call(&server, "")) != "200" {
        assert!(begun.elapsed() < SOON, "everybody may do everything");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let mapped = server.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    for (server, more) in [(server.as_str(), ""), (server.as_str(), "--http1.1"), (mapped.as_str(), "")] {
        assert_eq!(stranger.shell(&call(server, more)), "000", "{server} {more}");
    }
    assert_eq!(by_root(&call(&server, "")), "200");
    let down = place.run(&["cluster", "down"]);
    assert_eq!(down.code, Some(0), "{down:?}");
    place.nothing_left_within(SOON);
    let tried = "a scenario gives all rights to `system:anonymous`, and another user of the machine calls the port on 127.0.0.1";
    let seen = "`builtin` carries connections of root and of the person behind sudo only, told by the kernel's tables; all others are closed";
    Attack::new("A23b", tried, file!()).held(seen);
}
