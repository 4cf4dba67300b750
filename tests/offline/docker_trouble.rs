//! What is said, with exit code 3, when Docker is not as it should be, as far as it is not one of the faults of
//! `tests/cluster/faults/docker_daemon.rs`. No Docker is needed: sockets of our own, and for what no real Docker can be made to show, a
//! fake daemon that follows a script.
#![cfg(unix)]

#[path = "../common/fake_daemon.rs"]
mod fake_daemon;

use std::{os::unix::net::UnixListener, path::Path, process::Command};

use fake_daemon::{FakeDaemon, Pull};

const SMALL: &str = "scenarios/rbac/one-role.yaml";

/// kubewalk with this Docker, and without a developer's settings.
fn kubewalk(kind: &str, socket: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KUBEWALK_") {
            command.env_remove(name);
        }
    }
    command.args(["run", "--cluster", kind, SMALL]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    command
}

#[test]
fn a_socket_that_nobody_listens_at() {
    let dir = tempfile::tempdir().expect("a folder");
    let socket = dir.path().join("docker.sock");
    drop(UnixListener::bind(&socket).expect("a socket"));
    let said = kubewalk("docker", &socket).output().expect("it starts");
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(3), "{text}");
    assert!(text.contains("Docker is not running") && text.contains("start it (sudo systemctl start docker"), "{text}");
}

#[test]
fn auto_goes_on_to_the_next_kind_and_says_why() {
    let cache = tempfile::tempdir().expect("a folder");
    let fake = FakeDaemon::pulling(Pull::Refused(429, "toomanyrequests: slow down"));
    let mut command = kubewalk("auto", &fake.socket);
    // Of the last kind, too, something is missing, so that nothing starts.
    command.env("KUBEWALK_CACHE", cache.path()).env("PATH", "/nowhere");
    let said = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    for part in ["no k3s: the registry of rancher/k3s:v1.", "rate limit", "not built yet; so the cluster is builtin"] {
        assert!(said.contains(part), "{said}");
    }
    let absent = cache.path().join("docker.sock");
    let mut command = kubewalk("auto", &absent);
    command.env("KUBEWALK_CACHE", cache.path()).env("PATH", "/nowhere");
    let said = String::from_utf8_lossy(&command.output().expect("it starts").stderr).into_owned();
    assert!(
        said.contains("there is no Docker here: no socket") && said.contains("so the cluster is builtin"),
        "{said}"
    );
}

/// A home with a context, as `docker context create` writes it: its folder is the SHA-256 of its name.
fn home_with_context(name: &str, host: &str) -> tempfile::TempDir {
    use sha2::{Digest as _, Sha256};
    let home = tempfile::tempdir().expect("a folder");
    let id: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
    let meta = home.path().join(".docker/contexts/meta").join(id);
    std::fs::create_dir_all(&meta).expect("a folder");
    let text = format!(
        r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
    );
    std::fs::write(meta.join("meta.json"), text).expect("written");
    std::fs::write(home.path().join(".docker/config.json"), format!(r#"{{"currentContext":"{name}"}}"#))
        .expect("written");
    home
}

#[test]
fn the_context_of_docker_chooses_the_docker() {
    let fake = FakeDaemon::pulling(Pull::Refused(429, "toomanyrequests: slow down"));
    let home = home_with_context("mine", &format!("unix://{}", fake.socket.display()));
    let asked = |change: &dyn Fn(&mut Command)| {
        let mut command = kubewalk("k3s", Path::new("/unused"));
        command.env_remove("DOCKER_HOST").env_remove("DOCKER_CONTEXT").env_remove("DOCKER_CONFIG");
        // The socket of another Docker, if there is one, is not what was chosen.
        command.env("HOME", home.path()).env("KUBEWALK_CACHE", home.path().join("cache"));
        change(&mut command);
        let said = command.output().expect("it starts");
        (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    let (code, text) = asked(&|_| {});
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("gives no more images for now"), "the fake of the context `mine` was asked: {text}");
    let (code, text) = asked(&|command| {
        command.env("DOCKER_CONTEXT", "gone");
    });
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("the Docker context `gone`, which DOCKER_CONTEXT chooses, is not there"), "{text}");
    let (_, text) = asked(&|command| {
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    });
    assert!(text.contains("no socket /nowhere/docker.sock"), "the variable is stronger: {text}");
}

/// A program that begins anew sees a standard output that is closed as the first one did.
#[test]
fn a_closed_output_is_told_with_a_context_too() {
    let fake = FakeDaemon::pulling(Pull::Refused(429, "toomanyrequests: slow down"));
    let home = home_with_context("mine", &format!("unix://{}", fake.socket.display()));
    let line = format!("exec {} doctor >&-", env!("CARGO_BIN_EXE_kubewalk"));
    let mut command = Command::new("sh");
    command.args(["-c", &line]).env_remove("DOCKER_HOST").env_remove("DOCKER_CONTEXT").env_remove("DOCKER_CONFIG");
    command.env("HOME", home.path()).env("KUBEWALK_CACHE", home.path().join("cache"));
    let said = command.output().expect("it starts");
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(7), "{text}");
    assert!(text.contains("it was closed before the start"), "{text}");
}
