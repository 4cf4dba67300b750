//! What is said, with exit code 3, when Docker is not as it should be. No Docker is needed: sockets of our own, and for what no
//! real Docker can be made to show, a fake daemon that follows a script.
#![cfg(unix)]

#[path = "docker/fake_daemon.rs"]
mod fake_daemon;

use std::{
    os::unix::{fs::PermissionsExt as _, net::UnixListener, process::CommandExt as _},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use fake_daemon::{FakeDaemon, Pull};
use rstest::rstest;

const SMALL: &str = "scenarios/rbac/one-role.yaml";

/// kubewalk with this Docker, and without a developer's settings.
fn kubewalk(program: &Path, kind: &str, socket: &Path) -> Command {
    with(program, kind, socket, &Path::new(env!("CARGO_MANIFEST_DIR")).join(SMALL))
}

fn with(program: &Path, kind: &str, socket: &Path, scenario: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KUBEWALK_") {
            command.env_remove(name);
        }
    }
    command.args(["run", "--cluster", kind]).arg(scenario).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    command
}

fn this() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kubewalk"))
}

/// Exit code 3, a sentence, and a remedy. Gives all that was said.
fn lacks(command: &mut Command, sentence: &str, remedy: &str) -> String {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(sentence) && said.contains(remedy), "{said}");
    said
}

#[rstest]
#[case("docker")]
#[case("k3s")]
fn no_docker(#[case] kind: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    let socket = dir.path().join("docker.sock");
    lacks(&mut kubewalk(this(), kind, &socket), "there is no Docker here: no socket", "start Docker, say where it is");
}

#[test]
fn a_socket_that_nobody_listens_at() {
    let dir = tempfile::tempdir().expect("a folder");
    let socket = dir.path().join("docker.sock");
    drop(UnixListener::bind(&socket).expect("a socket"));
    lacks(&mut kubewalk(this(), "docker", &socket), "Docker is not running", "start it (sudo systemctl start docker");
}

#[test]
fn a_socket_that_this_user_may_not_use() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    // Whoever is not root may not reach the folder that the program was built in.
    let program = dir.path().join("kubewalk");
    std::fs::copy(this(), &program).expect("it can be copied");
    let scenario = dir.path().join("one-role.yaml");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(SMALL), &scenario).expect("it can be copied");
    let socket = dir.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    let mut command = with(&program, "docker", &socket, &scenario);
    command.current_dir(dir.path());
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    } else {
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).expect("it is ours");
    }
    lacks(&mut command, "does not let this user in", "sudo usermod -aG docker");
}

#[test]
fn a_daemon_that_says_nothing() {
    let fake = FakeDaemon::silent();
    let begun = Instant::now();
    lacks(&mut kubewalk(this(), "docker", &fake.socket), "has not answered for 5 s", "restart Docker");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn a_registry_that_gives_no_more() {
    let limit = "toomanyrequests: You have reached your pull rate limit. retry-after: 90s";
    let fake = FakeDaemon::pulling(Pull::Refused(429, limit));
    lacks(&mut kubewalk(this(), "k3s", &fake.socket), "rate limit; it says: try again after 90s", "docker login");
    let fake = FakeDaemon::pulling(Pull::Broken(limit));
    lacks(&mut kubewalk(this(), "k3s", &fake.socket), "rate limit; it says: try again after 90s", "docker login");
}

#[test]
fn a_disk_of_docker_that_is_full() {
    let fake = FakeDaemon::pulling(Pull::Broken("write /var/lib/docker/tmp/x: no space left on device"));
    lacks(&mut kubewalk(this(), "k3s", &fake.socket), "Docker's disk is full", "docker system prune");
}

#[test]
fn a_pull_that_stands_still() {
    let fake = FakeDaemon::pulling(Pull::Stuck { done: 3 << 20, total: 70 << 20 });
    let mut command = kubewalk(this(), "k3s", &fake.socket);
    command.env("KUBEWALK_PULL_TIMEOUT", "2");
    let said = lacks(&mut command, "was given up after 2 s: 3 of 70 MB have come", "KUBEWALK_PULL_TIMEOUT");
    assert!(said.contains("kubewalk: pulling rancher/k3s:v1."), "{said}");
}

#[test]
fn auto_goes_on_to_the_next_kind_and_says_why() {
    let cache = tempfile::tempdir().expect("a folder");
    let fake = FakeDaemon::pulling(Pull::Refused(429, "toomanyrequests: slow down"));
    let mut command = kubewalk(this(), "auto", &fake.socket);
    // Of the last kind, too, something is missing, so that nothing starts.
    command.env("KUBEWALK_CACHE", cache.path()).env("PATH", "/nowhere");
    let said = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    for part in ["no k3s: the registry of rancher/k3s:v1.", "rate limit", "not built yet; so the cluster is builtin"] {
        assert!(said.contains(part), "{said}");
    }
    let absent = cache.path().join("docker.sock");
    let mut command = kubewalk(this(), "auto", &absent);
    command.env("KUBEWALK_CACHE", cache.path()).env("PATH", "/nowhere");
    let said = String::from_utf8_lossy(&command.output().expect("it starts").stderr).into_owned();
    assert!(
        said.contains("there is no Docker here: no socket") && said.contains("so the cluster is builtin"),
        "{said}"
    );
}
