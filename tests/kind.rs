//! `--cluster kind` for real: the kind command makes clusters from `kind-config.yaml` with a stand-in for kindest/node, and
//! nothing of them stays. `KUBEWALK_KIND_IMAGE` names another image instead, e.g. the published one.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use kubewalk::cluster::{Daemon, Owner, kind, sweep};

const WALKTHROUGH: &str = "scenarios/serviceaccount/walkthrough.yaml";

/// How long the keeper may take after a kill.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// Docker to oneself, and what was in it before: two cores make one cluster at a time, and what one test leaves must not be
/// taken for another's.
struct Docker {
    _turn: MutexGuard<'static, ()>,
    image: String,
    temp: tempfile::TempDir,
    before: BTreeSet<String>,
}

impl Docker {
    /// `None` where there is no Docker, which is said past the test harness; `KUBEWALK_DOCKER=required` makes that a failure.
    fn take() -> Option<Docker> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = Command::new("docker").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !answers.is_ok_and(|status| status.success()) {
            use std::io::Write as _;
            let required = std::env::var("KUBEWALK_DOCKER").is_ok_and(|value| value == "required");
            assert!(!required, "KUBEWALK_DOCKER=required, and Docker does not answer");
            let _ = std::io::stderr().write_all(b"not run: a test of --cluster kind, because Docker does not answer\n");
            return None;
        }
        let image = image().to_owned();
        let temp = tempfile::tempdir().expect("a temporary folder");
        Some(Docker { _turn: turn, image, temp, before: things() })
    }

    fn kubewalk(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
        command.args(args).args(["--cluster", "kind", "--color", "never"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.env("TMPDIR", self.temp.path()).env("KUBEWALK_KIND_IMAGE", &self.image).stdin(Stdio::null());
        command
    }

    /// What is there now and was not there before: containers, volumes, networks, files.
    fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = things().difference(&self.before).cloned().collect();
        let files = std::fs::read_dir(self.temp.path()).expect("the folder").flatten();
        left.extend(files.map(|file| format!("file {}", file.path().display())));
        left
    }

    fn nothing_left_within(&self, time: Duration) {
        let begun = Instant::now();
        while !self.left().is_empty() {
            assert!(begun.elapsed() < time, "left behind: {:#?}", self.left());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// The node image: the one that is set, else the stand-in, built and loaded where it is not there.
fn image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        if let Ok(image) = std::env::var("KUBEWALK_KIND_IMAGE") {
            return image;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kind-stand-in");
        let said = Command::new(script).stderr(Stdio::inherit()).output().expect("the script runs");
        assert!(said.status.success(), "there is no stand-in image: {}", said.status);
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    })
}

fn docker(args: &[&str]) -> String {
    let said = Command::new("docker").args(args).output().expect("docker runs");
    assert!(said.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).into_owned()
}

/// All of kind's containers, all volumes, all networks.
fn things() -> BTreeSet<String> {
    let of = |what: &'static str, args: &[&str]| {
        docker(args).lines().map(|line| format!("{what} {line}")).collect::<Vec<_>>()
    };
    let containers =
        of("container", &["ps", "--all", "--filter", "label=io.x-k8s.kind.cluster", "--format", "{{.Names}}"]);
    let networks = of("network", &["network", "ls", "--format", "{{.Name}}"]);
    let volumes = of("volume", &["volume", "ls", "--format", "{{.Name}}"]);
    containers.into_iter().chain(networks).chain(volumes).collect()
}

fn text(said: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr))
}

/// Waits until a run has a container of its own, and gives its name.
fn first_container(docker: &Docker, run: &mut Child) -> String {
    let begun = Instant::now();
    loop {
        if let Some(new) = things().difference(&docker.before).find(|thing| thing.starts_with("container ")) {
            return new["container ".len()..].to_owned();
        }
        assert_eq!(run.try_wait().expect("a state"), None, "the run ended before it had a container");
        assert!(begun.elapsed() < Duration::from_secs(120), "no container");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_walkthrough_holds_and_nothing_stays() {
    let Some(docker) = Docker::take() else { return };
    let said = docker.kubewalk(&["run", WALKTHROUGH]).output().expect("kubewalk runs");
    assert_eq!(said.status.code(), Some(0), "{}", text(&said));
    assert!(String::from_utf8_lossy(&said.stderr).contains("kind"), "{}", text(&said));
    assert_eq!(docker.left(), Vec::<String>::new());
}

#[test]
fn a_killed_run_leaves_nothing() {
    let Some(docker) = Docker::take() else { return };
    let mut run = docker.kubewalk(&["run", WALKTHROUGH, "--quiet"]).spawn().expect("kubewalk runs");
    first_container(&docker, &mut run);
    run.kill().expect("killed");
    run.wait().expect("gone");
    docker.nothing_left_within(GONE_WITHIN);
}

#[test]
fn a_node_that_dies_is_no_verdict_about_the_scenario() {
    let Some(docker) = Docker::take() else { return };
    let mut command = docker.kubewalk(&["run", WALKTHROUGH]);
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kubewalk runs");
    let mut stderr = BufReader::new(run.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains("kubewalk: dns after") {
        assert_ne!(stderr.read_line(&mut said).expect("a line"), 0, "{said}");
    }
    self::docker(&["kill", &first_container(&docker, &mut run)]);
    stderr.read_to_string(&mut said).expect("the rest");
    let output = run.wait_with_output().expect("an end");
    said += &text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("ended by itself (exit code 137)"), "{said}");
    assert_eq!(docker.left(), Vec::<String>::new());
}

#[test]
fn a_config_that_kind_does_not_take_is_said_in_its_words() {
    let Some(docker) = Docker::take() else { return };
    let config = tempfile::NamedTempFile::new().expect("a file");
    let wrong = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n  colour: red\n";
    std::fs::write(config.path(), wrong).expect("written");
    let mut command = docker.kubewalk(&["run", WALKTHROUGH]);
    let said = command.env("KUBEWALK_KIND_CONFIG", config.path()).output().expect("kubewalk runs");
    assert_eq!(said.status.code(), Some(3), "{}", text(&said));
    let sentence = format!("kind does not take {}: unable to decode config", config.path().display());
    assert!(text(&said).contains(&sentence) && text(&said).contains("field colour not found"), "{}", text(&said));
    assert_eq!(docker.left(), Vec::<String>::new());
}

#[test]
fn what_a_dead_run_left_is_found_by_its_network_and_removed() {
    let Some(docker) = Docker::take() else { return };
    let leave = |owner: &Owner| {
        let name = format!("kubewalk-{}", owner.run);
        let mut args =
            vec!["network".to_owned(), "create".into(), "--label".into(), format!("dev.kubewalk.kind={name}")];
        args.extend(
            owner.labels().into_iter().flat_map(|(key, value)| ["--label".to_owned(), format!("{key}={value}")]),
        );
        args.push(name.clone());
        self::docker(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let label = format!("io.x-k8s.kind.cluster={name}");
        let container = format!("{name}-control-plane");
        self::docker(&[
            "run",
            "--detach",
            "--net",
            &name,
            "--label",
            &label,
            "--name",
            &container,
            "--volume",
            "/var",
            "--entrypoint",
            "sleep",
            &docker.image,
            "600",
        ]);
        name
    };
    let dead = leave(&Owner { start: "1".into(), ..Owner::new() });
    let alive = leave(&Owner::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let swept = runtime.block_on(async {
        let client = Daemon::connect(None).await.expect("Docker answers").client;
        sweep::sweep(&[Box::new(kind::Clusters { client })], false).await
    });
    assert_eq!(swept, sweep::Swept { removed: vec![format!("kind cluster {dead}")], kept: vec![] });
    let left = docker.left();
    assert!(!left.iter().any(|thing| thing.contains(&dead)), "{left:?}");
    assert_eq!(left.iter().filter(|thing| thing.contains(&alive)).count(), 2, "{left:?}");
    self::docker(&["rm", "--force", "--volumes", &format!("{alive}-control-plane")]);
    self::docker(&["network", "rm", &alive]);
    assert_eq!(docker.left(), Vec::<String>::new());
}
