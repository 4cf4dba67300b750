//! API servers other than the usual one, components that end while a cluster comes up, and warm clusters of other work: on real
//! clusters.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use traces::{Place, Said, alone};

const SOON: Duration = Duration::from_secs(20);
const SMALL: &str = "scenarios/rbac/one-role.yaml";
const OWNERS: &str = "scenarios/cluster/block-owner-deletion.yaml";

/// A folder with scenarios of these texts, and their paths.
fn scenarios(texts: &[(&str, &str)]) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |(name, text): &(&str, &str)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    };
    let paths = texts.iter().map(write).collect();
    (folder, paths)
}

const ACCOUNT: &str = "steps:\n  - title: An account\n    serviceAccount: reader\n";

/// What was told of the clusters that were ready: the shape of each.
fn ready(events: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(events).expect("events");
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let ready = events.filter(|event| event["event"] == "clusterReady");
    ready.map(|event| event["shape"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn each_server_is_started_once_and_nothing_of_it_is_left() {
    let _alone = alone();
    let mut place = Place::new();
    let off = format!("title: b\ncluster: {{apiServer: {{priorityAndFairness: false}}}}\n{ACCOUNT}");
    let pull = format!("title: a\ncluster: {{admission: {{enable: [AlwaysPullImages]}}}}\n{ACCOUNT}");
    let usual = format!("title: c\n{ACCOUNT}");
    let (folder, _) =
        scenarios(&[("a.yaml", &pull), ("b.yaml", &off), ("c.yaml", &usual), ("d.yaml", &off), ("e.yaml", &pull)]);
    let events = folder.path().join("events");
    let report = format!("events={}", events.display());
    let path = folder.path().to_string_lossy();
    let said = place.run(&["run", &path, "--cluster", "builtin", "--report", &report]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("5 steps held"), "{said:?}");
    assert_eq!(ready(&events), ["", "with AlwaysPullImages", "priority and fairness off"]);
    assert!(said.stderr.contains("(API server: with AlwaysPullImages) is ready"), "{said:?}");
    place.nothing_left_within(SOON);
    let said = place.run(&["list", &path]);
    assert!(said.stdout.contains("b  (API server: priority and fairness off)"), "{said:?}");
}

#[test]
fn a_server_that_does_not_start_is_the_scenario_s_fault_and_the_others_run() {
    let _alone = alone();
    let mut place = Place::new();
    let config = "PodSecurity: {apiVersion: pod-security.admission.config.k8s.io/v1, kind: PodSecurityConfiguration, \
                  defaults: {enforce: nonsense}}";
    let bad = format!("title: bad\ncluster: {{admission: {{config: {{{config}}}}}}}\n{ACCOUNT}");
    let good = format!("title: good\ncluster: {{admission: {{enable: [NamespaceExists]}}}}\n{ACCOUNT}");
    let (folder, paths) = scenarios(&[("a-bad.yaml", &bad), ("b-good.yaml", &good)]);
    let said = place.run(&["run", &folder.path().to_string_lossy(), "--cluster", "builtin"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let named = bad.lines().nth(1).and_then(|line| line.find("PodSecurity")).expect("it stands there") + 1;
    let place_of_it = format!("--> {}:2:{named}\n", paths[0]);
    for words in
        ["the API server does not start with what `cluster:` asks for", &place_of_it, "must be one of privileged"]
    {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert!(said.stdout.contains("1 step held, 0 failed, 1 not run"), "{said:?}");
    let said = place.run(&["cluster", "up", "--cluster", "builtin", "--like", &paths[0]]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("must be one of privileged"), "{said:?}");
    place.nothing_left_within(SOON);
}

#[test]
fn where_the_server_cannot_be_other_the_scenario_is_skipped_and_nothing_is_green() {
    let mut place = Place::new();
    let said = place.run(&["run", OWNERS, "--cluster", "k3s"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.stdout.contains("k3s has its own settings for its API server"), "{said:?}");
    assert!(said.stdout.contains("0 steps held, 0 failed, 9 not run"), "{said:?}");
    assert!(said.stderr.contains("no scenario that was chosen can run on this kind of cluster"), "{said:?}");
    place.nothing_left_within(SOON);
}

/// kubectl in the node of the only cluster, for what no scenario may do.
fn kubectl(place: &Place, args: &[&str], stdin: &str) -> Said {
    use std::io::Write as _;
    let dir = place.nodes().join(place.clusters_now().first().expect("a cluster"));
    let engine = kubewalk::cluster::engine::built(&kubewalk::settings::from_env().cache).expect("it is built");
    let mut command = Command::new(engine.join("supervisor"));
    command.args(["keeper", "exec", "--dir"]).arg(dir).args(["--", "kubectl"]).args(args);
    let pipe = std::process::Stdio::piped;
    let mut child = command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(stdin.as_bytes()).expect("written");
    Said::from(&child.wait_with_output().expect("it ends"))
}

#[test]
fn an_untrusted_cluster_of_another_server_keeps_its_policies() {
    let _alone = alone();
    let mut place = Place::new();
    // A configuration of another plugin goes into the same file as the policies.
    let text = format!(
        "title: t\ncluster:\n  admission:\n    enable: [PodNodeSelector]\n    config: {{PodNodeSelector: \
         {{podNodeSelectorPluginConfig: {{clusterDefaultNodeSelector: kubernetes.io/os=linux}}}}}}\n{ACCOUNT}"
    );
    let (_folder, paths) = scenarios(&[("a.yaml", &text)]);
    let said = place.run(&["cluster", "up", "--cluster", "builtin", "--untrusted", "--like", &paths[0]]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let pod = |privileged: bool| {
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {{\"name\": \"p{privileged}\"}}, \"spec\": {{\"containers\": \
             [{{\"name\": \"c\", \"image\": \"x\", \"securityContext\": {{\"privileged\": {privileged}}}}}]}}}}"
        )
    };
    let refused = kubectl(&place, &["create", "--filename", "-"], &pod(true));
    assert!(refused.stderr.contains("an untrusted run has no Pod with privileged"), "{refused:?}");
    let made = kubectl(&place, &["create", "--filename", "-", "--output=jsonpath={.spec.nodeSelector}"], &pod(false));
    assert_eq!(made.stdout, "{\"kubernetes.io/os\":\"linux\"}", "{made:?}");
    let said = place.run(&["cluster", "down"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    place.nothing_left_within(SOON);
}

#[test]
fn a_warm_cluster_is_for_the_server_and_the_work_for_which_it_was_started() {
    let _alone = alone();
    let mut place = Place::new();
    let said = place.run(&["cluster", "up", "--cluster", "builtin", "--like", OWNERS]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let name = said.stdout.trim().to_owned();
    let used = format!("the warm cluster {name} is used");
    let (one, both) =
        (place.run(&["run", OWNERS, "--cluster", "builtin"]), ["run", OWNERS, SMALL, "--cluster", "builtin"]);
    assert_eq!(one.code, Some(0), "{one:?}");
    assert!(one.stderr.contains(&used), "{one:?}");
    let both = place.run(&both);
    assert_eq!(both.code, Some(0), "{both:?}");
    assert!(both.stderr.contains(&used) && both.stderr.matches("is ready").count() == 2, "{both:?}");

    // Another checkout, with the same program and the same folder for clusters.
    let other = tempfile::tempdir().expect("a folder");
    std::fs::write(other.path().join("kubewalk.toml"), "").expect("written");
    std::fs::copy(OWNERS, other.path().join("a.yaml")).expect("copied");
    let elsewhere = |place: &Place, args: &[&str]| {
        let mut command = place.kubewalk(args);
        Said::from(&command.current_dir(other.path()).output().expect("it starts"))
    };
    let said = elsewhere(&place, &["run", "a.yaml", "--cluster", "builtin"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let why = format!("the warm cluster {name} belongs to the work in {}", env!("CARGO_MANIFEST_DIR"));
    assert!(!said.stderr.contains(&used) && said.stderr.contains(&why), "{said:?}");
    let said = elsewhere(&place, &["cluster", "down", "--all"]);
    assert_eq!((said.code, said.stderr.contains(&name)), (Some(0), false), "{said:?}");
    let listed = elsewhere(&place, &["cluster", "list"]);
    let for_what = format!("for {}", env!("CARGO_MANIFEST_DIR"));
    assert!(listed.stdout.contains(&name) && listed.stdout.contains(&for_what), "{listed:?}");
    let own = place.run(&["cluster", "list"]);
    assert!(own.stdout.contains("API server: with OwnerReferencesPermissionEnforcement"), "{own:?}");
    assert!(!own.stdout.contains(&for_what), "{own:?}");
    let said = place.run(&["cluster", "down", "--all"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    place.nothing_left_within(SOON);
}

#[test]
fn two_runs_at_once_never_meet_on_a_warm_cluster() {
    let _alone = alone();
    let mut place = Place::new();
    let said = place.run(&["cluster", "up", "--cluster", "builtin"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let start = || place.kubewalk(&["run", SMALL, "--cluster", "builtin"]).spawn().expect("it starts");
    let both: Vec<Child> = vec![start(), start()];
    let both: Vec<Said> = both.into_iter().map(|run| Said::from(&run.wait_with_output().expect("it ends"))).collect();
    place.note_clusters();
    assert!(both.iter().all(|said| said.code == Some(0)), "{both:?}");
    let used = both.iter().filter(|said| said.stderr.contains(" is used")).count();
    let others = both.iter().filter(|said| said.stderr.contains("is in use; a new cluster is started")).count();
    // The second may come when the first has given it back.
    assert!((used, others) == (1, 1) || (used, others) == (2, 0), "{both:?}");
    let said = place.run(&["cluster", "down", "--all"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    place.nothing_left_within(SOON);
}

/// The components of a node that run now, each with its process.
fn components(node: &str) -> Vec<(String, i32)> {
    let read =
        |process: i32, file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = numbers.filter(|process| read(*process, "cgroup").contains(node));
    let named = ours.filter_map(|process| {
        let line = read(process, "cmdline");
        let program = line.split('\0').next().and_then(|path| path.strip_prefix("/usr/local/bin/"))?;
        Some((program.to_owned(), process))
    });
    named.collect()
}

fn signal(process: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(process) {
        let _ = kill_process(pid, signal);
    }
}

#[test]
fn what_ends_while_the_cluster_comes_up_is_started_again() {
    let _alone = alone();
    let mut place = Place::new();
    let mut run = place.kubewalk(&["run", SMALL, "--cluster", "builtin"]).spawn().expect("it starts");
    // Each is killed as soon as it is there; none of them has done anything by then.
    let all = [
        "containerd",
        "coredns",
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
        "kubelet",
    ];
    let mut killed = BTreeSet::new();
    let begun = Instant::now();
    while killed.len() < all.len() && run.try_wait().expect("a child").is_none() && begun.elapsed() < SOON * 3 {
        for node in place.clusters_now() {
            for (name, process) in components(&node) {
                if all.contains(&name.as_str()) && killed.insert(name) {
                    signal(process, Signal::KILL);
                }
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    place.note_clusters();
    let said = Said::from(&run.wait_with_output().expect("it ends"));
    assert_eq!(killed.iter().map(String::as_str).collect::<Vec<_>>(), all, "{said:?}");
    assert_eq!(said.code, Some(0), "{said:?}");
    for name in all {
        let words = format!("{name} ended during the start (signal SIGKILL), and is started again");
        assert!(said.stderr.contains(&words), "{words}: {said:?}");
    }
    place.nothing_left_within(SOON);
}

#[test]
fn a_server_that_stands_still_for_a_while_is_waited_for() {
    let _alone = alone();
    let mut place = Place::new();
    let mut run = place.kubewalk(&["run", SMALL, "--cluster", "builtin"]).spawn().expect("it starts");
    let begun = Instant::now();
    let found = |place: &Place| -> Option<i32> {
        let all = place.clusters_now().into_iter().flat_map(|node| components(&node));
        all.into_iter().find(|(name, _)| name == "kube-apiserver").map(|(_, process)| process)
    };
    let process = loop {
        if let Some(process) = found(&place) {
            break process;
        }
        assert!(run.try_wait().expect("a child").is_none() && begun.elapsed() < SOON, "it has no API server");
        std::thread::sleep(Duration::from_millis(5));
    };
    // Longer than one answer is waited for.
    std::thread::sleep(Duration::from_millis(1500));
    signal(process, Signal::STOP);
    std::thread::sleep(Duration::from_secs(7));
    signal(process, Signal::CONT);
    place.note_clusters();
    let said = Said::from(&run.wait_with_output().expect("it ends"));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("6 steps held"), "{said:?}");
    place.nothing_left_within(SOON);
}

#[test]
fn a_death_after_the_start_is_the_environment_s_fault_as_ever() {
    let _alone = alone();
    let mut place = Place::new();
    let said = place.run(&["cluster", "up", "--cluster", "builtin"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let node = place.clusters_now().pop_first().expect("a node");
    let scheduler = components(&node).into_iter().find(|(name, _)| name == "kube-scheduler").expect("it runs").1;
    signal(scheduler, Signal::KILL);
    let begun = Instant::now();
    let broken = |place: &mut Place| place.run(&["cluster", "list"]).stdout.contains("broken");
    while !broken(&mut place) {
        // A broken one ends by itself soon.
        if place.clusters_now().is_empty() {
            break;
        }
        assert!(begun.elapsed() < SOON, "it is not told");
    }
    place.run(&["cluster", "down", "--all"]);
    place.nothing_left_within(SOON);
}

/// Whether Docker lets somebody in is another question.
const NO_DOCKER: &str = "unix:///nowhere/docker.sock";

/// The program as somebody without rights could start it.
fn for_others(folder: &Path) -> PathBuf {
    let program = folder.join("kubewalk");
    std::fs::copy(env!("CARGO_BIN_EXE_kubewalk"), &program).expect("copied");
    program
}

#[test]
fn a_cache_made_under_sudo_is_its_caller_s() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    let all = tempfile::tempdir_in("/var/tmp").expect("a folder");
    std::fs::set_permissions(all.path(), std::fs::Permissions::from_mode(0o755)).expect("changed");
    let (home, program) = (all.path().join("home"), for_others(all.path()));
    std::fs::create_dir(&home).expect("made");
    let user = 48_731;
    chown(&home, Some(user), Some(user)).expect("given");
    let sudo = |args: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(args)
            .env_clear()
            .env("HOME", &home)
            .env("PATH", "/usr/bin:/bin")
            .env("DOCKER_HOST", NO_DOCKER)
            .current_dir("/");
        command.env("SUDO_UID", user.to_string()).env("SUDO_GID", user.to_string());
        Said::from(&command.output().expect("it starts"))
    };
    let plain = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups", "--"]).arg(&program);
        command
            .args(args)
            .env_clear()
            .env("HOME", &home)
            .env("PATH", "/usr/bin:/bin")
            .env("DOCKER_HOST", NO_DOCKER)
            .current_dir("/");
        Said::from(&command.output().expect("it starts"))
    };
    // What looks at the cache makes it.
    let cache = home.join(".cache/kubewalk");
    let said = sudo(&["doctor"]);
    assert!(cache.exists(), "{said:?}");
    for folder in [home.join(".cache"), cache.clone()] {
        assert_eq!(folder.metadata().expect("it is there").uid(), user, "{}", folder.display());
    }
    let said = plain(&["doctor"]);
    assert!(!said.stdout.contains("Permission denied") && !said.stderr.contains("Permission denied"), "{said:?}");

    // One that an earlier kubewalk has made, which is root's to the bone.
    std::fs::remove_dir_all(home.join(".cache")).expect("removed");
    std::fs::create_dir_all(cache.join("engine")).expect("made");
    let said = plain(&["doctor"]);
    assert!(!said.stdout.contains("Permission denied"), "{said:?}");
    let said = plain(&["cluster", "list"]);
    assert_eq!(said.code, Some(0), "{said:?}");

    // What is written for the caller: a scenario, a report, and the folders of both.
    let project = home.join("project");
    std::fs::create_dir(&project).expect("made");
    std::fs::write(project.join("kubewalk.toml"), "").expect("written");
    std::fs::write(project.join("manifest.yaml"), "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}\n")
        .expect("written");
    for made in [project.clone(), project.join("kubewalk.toml"), project.join("manifest.yaml")] {
        chown(&made, Some(user), Some(user)).expect("given");
    }
    let at = |name: &str| project.join(name).to_string_lossy().into_owned();
    let report = format!("json={}", at("out/findings.json"));
    for args in [
        vec!["init", "--from", &at("manifest.yaml"), "--name", &at("stories/first.yaml")],
        vec!["check", &at("stories/first.yaml"), "--report", &report],
    ] {
        let said = sudo(&args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
    }
    for made in ["stories", "stories/first.yaml", "out", "out/findings.json"] {
        assert_eq!(std::fs::metadata(at(made)).expect(made).uid(), user, "{made}");
    }
    let said = plain(&["check", &at("stories/first.yaml"), "--report", &report]);
    assert_eq!(said.code, Some(0), "{said:?}");

    // A folder of root's stays root's, whoever calls.
    let roots = all.path().join("roots");
    std::fs::create_dir(&roots).expect("made");
    let mut command = Command::new(&program);
    command
        .arg("doctor")
        .env_clear()
        .env("HOME", &home)
        .env("PATH", "/usr/bin:/bin")
        .env("DOCKER_HOST", NO_DOCKER)
        .current_dir("/");
    command
        .env("SUDO_UID", user.to_string())
        .env("SUDO_GID", user.to_string())
        .env("KUBEWALK_CACHE", roots.join("cache"));
    let _ = command.output().expect("it starts");
    assert!(roots.join("cache").metadata().is_ok_and(|about| about.uid() == 0), "it is given away");
}
