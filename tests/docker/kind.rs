//! `--cluster kind` for real: the kind command makes clusters from `kind-config.yaml` with a stand-in for kindest/node, and
//! nothing of them stays. `KUBEWALK_KIND_IMAGE` names another image instead, e.g. the published one.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeSet,
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use kubewalk::cluster::{Daemon, Owner, cleanup::kind_clusters::Clusters, sweep};

const WALKTHROUGH: &str = "scenarios/serviceaccount/walkthrough.yaml";

/// How long the keeper may take after a kill.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// How long anything else may take.
const DONE_WITHIN: Duration = Duration::from_secs(400);

/// One cluster at a time; `None` where there is no Docker, which is said past the test harness. `KUBEWALK_DOCKER=required`
/// makes that a failure.
fn turn() -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let answers = Command::new("docker").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if answers.is_ok_and(|status| status.success()) {
        return Some(turn);
    }
    let required = std::env::var("KUBEWALK_DOCKER").is_ok_and(|value| value == "required");
    assert!(!required, "KUBEWALK_DOCKER=required, and Docker does not answer");
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(b"not run: a test of --cluster kind, because Docker does not answer\n");
    None
}

/// The node image: the one that is set, else the stand-in, built and loaded where it is not there.
fn image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        if let Some(image) = std::env::var("KUBEWALK_KIND_IMAGE").ok().filter(|image| !image.is_empty()) {
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

/// A run with a folder for temporary files of its own. Others may use Docker at the same time, so it notes what is its own
/// while it is there.
struct Run {
    child: Child,
    temp: tempfile::TempDir,
    said: tempfile::TempDir,
    clusters: BTreeSet<String>,
    volumes: BTreeSet<String>,
}

impl Run {
    fn start(env: &[(&str, &Path)]) -> Run {
        Run::of(Path::new(WALKTHROUGH), env)
    }

    fn of(scenario: &Path, env: &[(&str, &Path)]) -> Run {
        let (temp, said) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let file = |name: &str| File::create(said.path().join(name)).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
        command.arg("run").arg(scenario).args(["--cluster", "kind", "--color", "never"]);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        command.env("TMPDIR", temp.path()).env("KUBEWALK_STATE", temp.path().join("state"));
        command.env("KUBEWALK_KIND_IMAGE", image()).envs(env.iter().copied());
        let child = command.spawn().expect("kubewalk starts");
        Run { child, temp, said, clusters: BTreeSet::new(), volumes: BTreeSet::new() }
    }

    /// All that it has said so far.
    fn text(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.said.path().join(name)).expect("what it said");
        read("err") + &read("out")
    }

    fn note(&mut self) {
        for entry in std::fs::read_dir(self.temp.path().join("state/runs")).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            self.clusters.extend(name.strip_prefix("kubewalk-run-").map(|run| format!("kubewalk-{run}")));
        }
        for container in self.containers() {
            let format = r#"{{range .Mounts}}{{if eq .Type "volume"}}{{println .Name}}{{end}}{{end}}"#;
            let said = Command::new("docker").args(["inspect", "--format", format, &container]).output();
            let said = String::from_utf8_lossy(&said.expect("docker runs").stdout).into_owned();
            self.volumes.extend(said.split_whitespace().map(str::to_owned));
        }
    }

    fn containers(&self) -> Vec<String> {
        let of = |cluster: &String| {
            let filter = format!("label=io.x-k8s.kind.cluster={cluster}");
            docker(&["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"])
        };
        self.clusters.iter().map(of).flat_map(|said| said.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// What of it is there: containers, volumes, networks, files.
    fn there(&self) -> Vec<String> {
        let mut there: Vec<String> = self.containers().iter().map(|name| format!("container {name}")).collect();
        let of = |what: &str, ours: &BTreeSet<String>| {
            let all = docker(&[what, "ls", "--format", "{{.Name}}"]);
            all.lines().filter(|name| ours.contains(*name)).map(|name| format!("{what} {name}")).collect::<Vec<_>>()
        };
        there.extend(of("network", &self.clusters));
        there.extend(of("volume", &self.volumes));
        let files = std::fs::read_dir(self.temp.path()).expect("the folder").flatten();
        let files = files.filter(|file| file.file_name() != "state");
        let files = files.chain(std::fs::read_dir(self.temp.path().join("state/runs")).into_iter().flatten().flatten());
        there.extend(files.map(|file| format!("file {}", file.path().display())));
        there
    }

    /// Waits until it has gone so far.
    fn until(&mut self, what: &str, so_far: impl Fn(&Run) -> bool) {
        let begun = Instant::now();
        loop {
            self.note();
            if so_far(self) {
                return;
            }
            assert_eq!(self.child.try_wait().expect("a state"), None, "it ended before {what}:\n{}", self.text());
            assert!(begun.elapsed() < DONE_WITHIN, "not {what}:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for its end, and gives its exit code.
    fn exit_code(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            self.note();
            if let Some(status) = self.child.try_wait().expect("a state") {
                return status.code();
            }
            assert!(begun.elapsed() < DONE_WITHIN, "no end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// It had all of what it must leave none of.
    fn had_a_cluster(&self) {
        assert_eq!((self.clusters.len(), self.volumes.len()), (1, 1), "{:?} {:?}", self.clusters, self.volumes);
    }
}

#[test]
fn the_walkthrough_holds_and_nothing_stays() {
    let Some(_turn) = turn() else { return };
    let mut run = Run::start(&[]);
    assert_eq!(run.exit_code(), Some(0), "{}", run.text());
    assert!(run.text().contains("cluster: kind with Kubernetes v1."), "{}", run.text());
    run.had_a_cluster();
    assert_eq!(run.there(), Vec::<String>::new());
}

#[test]
fn a_run_killed_while_kind_is_at_work_leaves_nothing() {
    let Some(_turn) = turn() else { return };
    let mut run = Run::start(&[]);
    run.until("it has a volume", |run| !run.volumes.is_empty());
    run.child.kill().expect("killed");
    run.child.wait().expect("gone");
    run.had_a_cluster();
    let begun = Instant::now();
    while !run.there().is_empty() {
        assert!(begun.elapsed() < GONE_WITHIN, "left behind: {:#?}", run.there());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_run_told_to_stop_while_kind_is_at_work_leaves_nothing() {
    let Some(_turn) = turn() else { return };
    let mut run = Run::start(&[]);
    run.until("it has a volume", |run| !run.volumes.is_empty());
    let pid = rustix::process::Pid::from_raw(run.child.id().cast_signed()).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("told");
    assert_eq!(run.exit_code(), Some(130), "{}", run.text());
    run.had_a_cluster();
    assert_eq!(run.there(), Vec::<String>::new());
}

#[test]
fn a_node_that_dies_is_no_verdict_about_the_scenario() {
    let Some(_turn) = turn() else { return };
    let mut run = Run::start(&[]);
    run.until("the cluster is ready", |run| run.text().contains("cluster: kind with Kubernetes"));
    docker(&["kill", &run.containers()[0]]);
    assert_eq!(run.exit_code(), Some(3), "{}", run.text());
    assert!(run.text().contains("ended by itself (killed"), "{}", run.text());
    run.had_a_cluster();
    assert_eq!(run.there(), Vec::<String>::new());
}

/// The kubelet starts it anew, as a real cluster does.
fn kill_the_api_server(node: &str) {
    let all = docker(&["top", node, "-eo", "pid,args"]);
    let line = all.lines().find(|line| line.contains("kube-apiserver ")).expect("an API server");
    let number = line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("its number");
    let process = rustix::process::Pid::from_raw(number).expect("a number");
    rustix::process::kill_process(process, rustix::process::Signal::KILL).expect("killed");
}

#[test]
fn an_api_server_that_starts_anew_is_waited_for_and_what_it_refuses_meanwhile_does_not_count() {
    let Some(_turn) = turn() else { return };
    let story = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    let text = "\
title: The API server goes away
namespace: default
steps:
  - {title: An account, serviceAccount: reader}
  - {title: A role, role: {name: list-pods, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}}
  - {title: A binding, bind: {role: list-pods, to: [{serviceAccount: reader}]}}
  - title: It comes back
    get: {kind: ConfigMap, name: back}
    timeout: 180s
    expect: {status: 200, within: 150s}
  - title: And then refuses what is granted
    as: {user: system:serviceaccount:default:reader}
    get: {kind: Pod}
    timeout: 180s
    expect: {status: 403, within: 45s}
";
    std::fs::write(story.path(), text).expect("written");
    let mut run = Run::of(story.path(), &[]);
    run.until("a step waits", |run| run.text().contains("✓ 3"));
    let node = run.containers()[0].clone();
    kill_the_api_server(&node);
    let make = ["exec", &node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "create", "configmap", "back"];
    run.until("it is back", |_| Command::new("docker").args(make).output().is_ok_and(|said| said.status.success()));
    run.until("the next step asks", |run| run.text().contains("✓ 4"));
    kill_the_api_server(&node);
    assert_eq!(run.exit_code(), Some(1), "{}", run.text());
    assert!(run.text().contains("expected 403, got 200"), "{}", run.text());
    run.had_a_cluster();
    assert_eq!(run.there(), Vec::<String>::new());
}

#[test]
fn a_config_that_kind_does_not_take_is_said_in_its_words() {
    let Some(_turn) = turn() else { return };
    let config = tempfile::NamedTempFile::new().expect("a file");
    let wrong = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n  colour: red\n";
    std::fs::write(config.path(), wrong).expect("written");
    let mut run = Run::start(&[("KUBEWALK_KIND_CONFIG", config.path())]);
    assert_eq!(run.exit_code(), Some(3), "{}", run.text());
    let sentence = format!("kind does not take {}: unable to decode config", config.path().display());
    assert!(run.text().contains(&sentence) && run.text().contains("colour"), "{}", run.text());
    assert_eq!(run.there(), Vec::<String>::new());
}

#[test]
fn what_a_dead_run_left_is_found_by_its_network_and_removed() {
    let Some(_turn) = turn() else { return };
    let leave = |owner: &Owner| {
        let name = format!("kubewalk-{}", owner.run);
        let mut args =
            vec!["network".to_owned(), "create".into(), "--label".into(), format!("dev.kubewalk.kind={name}")];
        args.extend(owner.labels().into_iter().flat_map(|(key, value)| ["--label".into(), format!("{key}={value}")]));
        args.push(name.clone());
        docker(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let (label, container) = (format!("io.x-k8s.kind.cluster={name}"), format!("{name}-control-plane"));
        let run = ["run", "--detach", "--net", &name, "--label", &label, "--name", &container, "--volume", "/var"];
        docker(&[&run[..], &["--entrypoint", "sleep", image(), "600"]].concat());
        name
    };
    let dead = leave(&Owner { start: "1".into(), ..Owner::new() });
    let alive = leave(&Owner::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let swept = runtime.block_on(async {
        let Daemon { client, at, .. } = Daemon::connect(None).await.expect("Docker answers");
        sweep::sweep(&[Box::new(Clusters { client, at })], false).await
    });
    let there =
        docker(&["ps", "--all", "--format", "{{.Names}}"]) + &docker(&["network", "ls", "--format", "{{.Name}}"]);
    docker(&["rm", "--force", "--volumes", &format!("{alive}-control-plane")]);
    docker(&["network", "rm", &alive]);
    assert!(swept.removed.contains(&format!("kind cluster {dead}")) && swept.kept.is_empty(), "{swept:?}");
    assert!(!swept.removed.contains(&format!("kind cluster {alive}")), "{swept:?}");
    assert_eq!((there.matches(&dead).count(), there.matches(&alive).count()), (0, 2), "{there}");
}
