//! See `tests/docker/attacks.rs`.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    fake_daemon::{FakeDaemon, Flood, Pull, Script},
    page::Attack,
    traces::{Place, Said},
};

const SMALL: &str = "scenarios/rbac/one-role.yaml";

/// Until a run by a fake has ended and cleaned up.
const SOON: Duration = Duration::from_secs(40);

#[test]
fn attack_a08b_a_fake_docker_daemon_whose_answers_have_no_end() {
    let cluster = || Some(("no kubeconfig".to_owned(), 1));
    let ready = || Script { cluster: cluster(), ..Script::default() };
    let much = "an answer has more than";
    let floods = [
        ("GET /version", Flood::Json, ready(), much),
        ("/version", Flood::Refusal, ready(), much),
        ("/json?filters", Flood::Json, ready(), "k3s was not ready after"),
        ("GET /networks", Flood::Json, ready(), much),
        ("GET /images/", Flood::Json, ready(), much),
        ("GET /images/", Flood::Refusal, ready(), much),
        ("POST /images/create", Flood::Json, Script { pull: Some(Pull::Broken("")), ..Script::default() }, much),
        (
            "POST /images/create",
            Flood::Lines,
            Script { pull: Some(Pull::Broken("")), ..Script::default() },
            "more than 1024 layers",
        ),
        ("POST /containers/create", Flood::Json, ready(), much),
        ("POST /containers/create", Flood::Refusal, ready(), much),
        ("GET /containers/0", Flood::Json, ready(), much),
        ("POST /exec/", Flood::Frame, ready(), "k3s was not ready after"),
        ("POST /exec/", Flood::Frames, ready(), "k3s was not ready after"),
        ("/logs", Flood::Frame, ready(), "none of Docker's: an answer has more than"),
        ("/logs", Flood::Frames, ready(), "k3s was not ready after"),
        ("/logs", Flood::Log, ready(), "floods its log: 4096 lines"),
    ];
    for (words, flood, script, expected) in floods {
        let place = Place::new();
        let docker = FakeDaemon::start(Script { flood: Some((words, flood)), ..script });
        let mut command = Command::new("prlimit");
        place.settle(&mut command);
        command.args(["--as=3221225472", "--", env!("CARGO_BIN_EXE_kubewalk"), "run", "--cluster", "k3s", SMALL]);
        command.env("DOCKER_HOST", format!("unix://{}", docker.socket.display())).env("KUBEWALK_START_TIMEOUT", "5");
        let begun = Instant::now();
        let said = Said::from(&command.output().expect("prlimit starts"));
        assert_eq!(said.code, Some(3), "{words} {flood:?}: {said:?}");
        assert!((said.stdout.clone() + &said.stderr).contains(expected), "{words} {flood:?}: {said:?}");
        assert!(begun.elapsed() < Duration::from_secs(120), "{words} {flood:?}: {:?}", begun.elapsed());
        docker.script(|script| script.flood = None);
        place.nothing_left_within(SOON);
    }
    let tried = "a fake Docker daemon whose answers have no end: version, lists, inspection, pull, creation, logs, the output of commands, with 3 GiB of address space";
    let seen = "each ends with exit code 3: `Docker at … is not to be believed: an answer has more than 64 MiB`; of a stream nothing longer is kept than 2 MiB";
    Attack::new("A08b", tried, file!()).held(seen);
}

/// A program that starts another, notes both, and stays.
const FAMILY: &str = "trap '' TERM INT HUP; (trap '' TERM INT HUP; exec sleep 600) & echo $$ $! > {DIR}/pids.new; mv {DIR}/pids.new {DIR}/pids";

/// A folder with a program of that name.
fn program(folder: &Path, name: &str, script: &str) -> PathBuf {
    let path = folder.join(name);
    let text = format!("#!/bin/sh\n{}\n", script.replace("{DIR}", &folder.display().to_string()));
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("changed");
    path
}

/// Which of the processes that a program noted live.
fn alive(folder: &Path) -> Vec<String> {
    let pids = std::fs::read_to_string(folder.join("pids")).expect("pids");
    let lives = |pid: &&str| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    };
    pids.split_whitespace().filter(lives).map(str::to_owned).collect()
}

/// Starts a command, and interrupts it when the program is there.
fn interrupted(mut command: Command, folder: &Path) -> Said {
    let child = command.spawn().expect("kubewalk starts");
    let begun = Instant::now();
    while !folder.join("pids").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the program was not started");
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a number");
    kill_process(pid, Signal::INT).expect("it lives");
    Said::from(&child.wait_with_output().expect("waited for"))
}

#[test]
fn attack_a06b_a_plugin_of_the_kubeconfig_that_hangs_or_leaves_a_child() {
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let at = folder.path();
    let answer = r#"{"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {"token": "very-secret-of-the-plugin"}}"#;
    let write = |script: &str| {
        let plugin = program(at, "plugin", script);
        let _ = std::fs::remove_file(at.join("pids"));
        let text = format!(
            "{{apiVersion: v1, kind: Config, clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:1'}}}}], contexts: [{{name: it, context: {{cluster: c, user: u}}}}], \
             users: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1beta1, command: '{}', interactiveMode: IfAvailable}}}}}}], current-context: it}}",
            plugin.display()
        );
        std::fs::write(at.join("config"), text).expect("written");
    };
    let config = at.join("config").display().to_string();
    let calls: [&[&str]; 3] = [
        &["run", "--cluster", "kubeconfig", "--context", "it", SMALL],
        &["sweep", "--cluster", "kubeconfig", "--context", "it"],
        &["explain", "--kubeconfig", &config, "--as", "serviceaccount/a/b", "list", "pods"],
    ];
    let command = |args: &[&str]| {
        let mut command = place.kubewalk(args);
        command.env("KUBECONFIG", at.join("config"));
        command
    };
    // One that stays: the run is interrupted.
    write(&format!("{FAMILY}; wait; sleep 600"));
    let said = interrupted(command(calls[0]), at);
    assert_eq!((said.code, alive(at)), (Some(130), vec![]), "{said:?}");
    // And at its deadline.
    std::fs::remove_file(at.join("pids")).expect("removed");
    let said = Said::from(&command(calls[0]).output().expect("kubewalk starts"));
    assert_eq!((said.code, alive(at)), (Some(3), vec![]), "{said:?}");
    assert!(said.stderr.contains("did not end within 30 s, and was ended with all that it had started"), "{said:?}");
    // One that answers, fails or floods, and leaves a child that holds its output open.
    for (ends, words) in [
        (format!("echo '{answer}'"), ""),
        (format!("echo '{answer}'; exit 1"), "plugin failed (exit status: 1)"),
        ("exec cat /dev/zero".to_owned(), "plugin wrote more than 1024 KiB"),
    ] {
        for args in calls {
            write(&format!("{FAMILY}; {ends}"));
            let begun = Instant::now();
            let said = Said::from(&command(args).output().expect("kubewalk starts"));
            let all = said.stdout.clone() + &said.stderr;
            assert_eq!((said.code, alive(at)), (Some(3), vec![]), "{args:?}: {said:?}");
            assert!(all.contains(words) && !all.contains("very-secret"), "{args:?}: {said:?}");
            assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
        }
    }
    assert_eq!(place.left(), Vec::<String>::new());
    let tried = "a credential plugin of the kubeconfig (`exec:`) that ignores signals and hangs, floods, or answers and leaves a child: run, sweep, explain";
    let seen = "kubewalk starts it itself, as a group that ends as a whole: at Ctrl-C, after 30 s, with its answer. Exit code 3 names the plugin; kubectl never starts it.";
    Attack::new("A06b", tried, file!()).held(seen);
}

#[test]
fn attack_a06c_a_credential_helper_of_docker_that_hangs_or_leaves_a_child() {
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let at = folder.path();
    let docker = FakeDaemon::pulling(Pull::Refused(404, "manifest unknown"));
    std::fs::write(at.join("config.json"), r#"{"credsStore": "it"}"#).expect("written");
    let command = || {
        let mut command = place.kubewalk(&["run", "--cluster", "k3s", SMALL]);
        let path = format!("{}:{}", at.display(), std::env::var("PATH").unwrap_or_default());
        command.env("DOCKER_HOST", format!("unix://{}", docker.socket.display()));
        command.env("DOCKER_CONFIG", at).env("PATH", path).env_remove("KUBEWALK_K3S_IMAGE");
        command
    };
    program(at, "docker-credential-it", &format!("{FAMILY}; wait; sleep 600"));
    let said = interrupted(command(), at);
    assert_eq!((said.code, alive(at)), (Some(130), vec![]), "{said:?}");
    for (ends, words) in [
        (r#"read -r server; echo "{\"Username\": \"u\", \"Secret\": \"very-secret-of-the-helper\"}""#, ""),
        ("echo no keyring >&2; exit 1", "docker-credential-it failed (exit status: 1): no keyring; rancher/k3s:"),
        ("exec cat /dev/zero", "docker-credential-it wrote more than 1024 KiB, and was ended; rancher/k3s:"),
        ("echo credentials not found in native keychain; exit 1", ""),
    ] {
        std::fs::remove_file(at.join("pids")).expect("removed");
        program(at, "docker-credential-it", &format!("{FAMILY}; {ends}"));
        let said = Said::from(&command().output().expect("kubewalk starts"));
        let all = said.stdout.clone() + &said.stderr;
        assert_eq!((said.code, alive(at)), (Some(3), vec![]), "{said:?}");
        assert!(all.contains("there is no image rancher/k3s:") && all.contains(words), "{ends}: {said:?}");
        assert!(
            !all.contains("very-secret") && all.contains("without a login") != words.is_empty(),
            "{ends}: {said:?}"
        );
    }
    place.nothing_left_within(SOON);
    let tried = "a credential helper of `docker login` that ignores signals and hangs, floods, fails, or answers and leaves a child (fake Docker)";
    let seen = "kubewalk starts it itself, as a group that ends as a whole; a helper that gives nothing is told, and the image is pulled without a login.";
    Attack::new("A06c", tried, file!()).held(seen);
}
