//! The list of admission plugins and feature gates is what the API server that we ship says of itself. Needs the engine, and
//! no cluster.
//!
//! `KUBEWALK_BLESS=1 cargo test --test server_options` writes `src/k8s/server.txt` anew.

use std::{fs, path::Path, process::Command};

use kubewalk::{cluster::engine, k8s::server::Options, settings};

#[test]
fn the_list_is_what_the_server_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let engine = runtime.block_on(engine::ensure(&settings::from_env(), &mut |_| {})).expect("the engine is built");
    let ask = |word: &str| {
        let said = Command::new(engine.join("rootfs/usr/local/bin/kube-apiserver")).arg(word).output();
        String::from_utf8(said.expect("it runs").stdout).expect("text")
    };
    let version = ask("--version").trim().trim_start_matches("Kubernetes ").to_owned();
    let said = Options::of_help(&version, &ask("--help"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/k8s/server.txt");
    if std::env::var_os("KUBEWALK_BLESS").is_some_and(|value| value == "1") {
        fs::write(&file, said.file_contents()).expect("writable");
    }
    let known = fs::read_to_string(&file).expect("readable");
    assert_eq!(
        said.file_contents(),
        known,
        "KUBEWALK_BLESS=1 cargo test --test server_options writes {} anew",
        file.display()
    );
    assert!(said.plugins.contains_key("OwnerReferencesPermissionEnforcement") && said.gates.len() > 100, "{said:?}");
}
