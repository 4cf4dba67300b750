//! A run is killed at a call of its own, the first, the second, and so on: at each request to Docker, and at each message to the
//! API server. What the next `kubewalk sweep` leaves is nothing. The cluster is a real one; the Docker before it is a fake, which
//! counts, and which removes a container when the line breaks that holds it, as the node does. On a warm cluster, which nothing
//! stands before, the points are the events of the run.
//!
//! All points take some minutes; `KUBEWALK_KILL_POINTS=all` walks them, and otherwise some are tried.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "the figures, shown with --nocapture")]

#[path = "../common/existing.rs"]
mod existing;
#[path = "../common/fake_daemon.rs"]
mod fake_daemon;
#[path = "../common/traces.rs"]
mod traces;

use std::{
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fake_daemon::{FakeDaemon, OnCall, Published, Script};
use kubewalk::{steps::api, testing};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use traces::{Place, Said};

/// A namespace, what is in it, something outside of it, and a Pod that calls.
const STORY: &str = "title: Killed\nsteps:\n  \
    - {title: An account, serviceAccount: sa}\n  \
    - {title: A rule for all namespaces, clusterRole: {name: kw-killed, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}}\n  \
    - {title: The account gets it, bind: {clusterRole: kw-killed, to: [{serviceAccount: sa}]}}\n  \
    - {title: A Pod, pod: {name: p, image: curl, serviceAccount: sa}}\n  \
    - title: It may list Pods\n    curl: {in: p, url: 'https://kubernetes.default/api/v1/namespaces/{namespace}/pods', token: mounted}\n    \
    expect: {status: 200, within: 2s}\n";

/// The calls of one run, and the one at which it is killed.
struct Calls {
    made: AtomicUsize,
    at: usize,
    victim: Mutex<Victim>,
}

/// Whose calls they are.
enum Victim {
    NotStarted,
    Lives(Pid),
    Over,
}

impl Calls {
    fn until(at: usize) -> Arc<Calls> {
        Arc::new(Calls { made: AtomicUsize::new(0), at, victim: Mutex::new(Victim::NotStarted) })
    }

    fn on_call(self: &Arc<Self>) -> OnCall {
        let calls = Arc::clone(self);
        Arc::new(move || calls.one())
    }

    fn victim(&self) -> MutexGuard<'_, Victim> {
        self.victim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one(&self) {
        if matches!(*self.victim(), Victim::Over) || self.made.fetch_add(1, Ordering::SeqCst) + 1 != self.at {
            return;
        }
        // The first call may come before its caller's number is noted.
        loop {
            match *self.victim() {
                Victim::NotStarted => {}
                Victim::Lives(pid) => {
                    let _ = kill_process(pid, Signal::KILL);
                    return;
                }
                Victim::Over => return,
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Runs it, and gives whether it was killed; else it has held.
    fn kill(&self, command: &mut Command) -> bool {
        let child = command.spawn().expect("it starts");
        *self.victim() = Victim::Lives(Pid::from_raw(child.id().cast_signed()).expect("a process id"));
        let output = child.wait_with_output().expect("it ends");
        *self.victim() = Victim::Over;
        let killed = output.status.signal() == Some(9);
        assert!(killed || output.status.code() == Some(0), "{:#?}", Said::from(&output));
        killed
    }
}

/// The points to try: all, or each of so many.
fn points(each_of: usize) -> impl Iterator<Item = usize> {
    let all = std::env::var("KUBEWALK_KILL_POINTS").is_ok_and(|word| word == "all");
    (1..).step_by(if all { 1 } else { each_of })
}

fn story(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("killed.yaml");
    std::fs::write(&path, STORY).expect("written");
    path
}

fn sweep(command: &mut Command) {
    let said = Said::from(&command.output().expect("it starts"));
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// Two of the tests make the ClusterRole of the same name, and one has clusters of its own.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What of the story is in the cluster; with `going`, also what goes.
fn there(going: bool) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let paths = ["/api/v1/namespaces", "/apis/rbac.authorization.k8s.io/v1/clusterroles"];
    let lists: Vec<Value> = runtime.block_on(async {
        let client = testing::shared().client().await.expect("a client");
        let mut lists = Vec::new();
        for path in paths {
            lists.push(api::get(&client, path).await.expect("an answer").json.expect("a list"));
        }
        lists
    });
    let items = lists.iter().flat_map(|list| list["items"].as_array().expect("items"));
    let items = items.filter(|item| going || item["metadata"]["deletionTimestamp"].is_null());
    let names = items.filter_map(|item| item["metadata"]["name"].as_str()).filter(|name| name.starts_with("kw-killed"));
    names.map(str::to_owned).collect()
}

/// Waits until all of it has gone for good.
fn gone_for_good() {
    let begun = Instant::now();
    while !there(true).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", there(true));
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn in_docker() {
    let _alone = alone();
    let (cluster, files, place) = (existing::text_and_port(), tempfile::tempdir().expect("a folder"), Place::new());
    let story = story(&files);
    let mut tried = 0;
    for at in points(10) {
        let calls = Calls::until(at);
        // Every other container is frozen, so that it does not end by itself.
        let holds = tried % 2 == 0;
        let script =
            Script { cluster: Some(cluster.clone()), holds, on_call: Some(calls.on_call()), ..Script::default() };
        let docker = FakeDaemon::start(script);
        let host = format!("unix://{}", docker.socket.display());
        let mut command = place.kubewalk(&["run", "--cluster", "k3s", "--fresh"]);
        let killed = calls.kill(command.arg(&story).env("DOCKER_HOST", &host));
        sweep(place.kubewalk(&["sweep"]).env("DOCKER_HOST", &host));
        assert_eq!(docker.containers(), Vec::<String>::new(), "killed at call {at}");
        place.nothing_left_within(Duration::from_secs(5));
        // In a cluster that goes with its container, nothing is removed; this one stays.
        remove_all();
        if !killed {
            println!("in Docker: {} calls; killed at {tried} of them: nothing left", calls.made.load(Ordering::SeqCst));
            break;
        }
        tried += 1;
    }
    assert!(tried >= 5, "only {tried} points");
    gone_for_good();
}

/// What a real container would have taken with it.
fn remove_all() {
    let names = there(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = testing::shared().client().await.expect("a client");
        for name in names {
            let path = match name.as_str() {
                "kw-killed" => "/apis/rbac.authorization.k8s.io/v1/clusterroles/kw-killed".to_owned(),
                name => format!("/api/v1/namespaces/{name}"),
            };
            let _ = api::send(&client, http::Method::DELETE, &path, None, Vec::new()).await;
        }
    });
}

#[test]
fn in_a_cluster_that_exists() {
    let _alone = alone();
    let ((text, port), files, place) =
        (existing::text_and_port(), tempfile::tempdir().expect("a folder"), Place::new());
    let story = story(&files);
    let config = kube::config::Kubeconfig::from_yaml(&text).expect("a kubeconfig");
    let context = config.current_context.expect("a context");
    let mut tried = 0;
    for at in points(10) {
        let calls = Calls::until(at);
        let published = Published::to(port, Some(calls.on_call()));
        let path = files.path().join("kubeconfig");
        std::fs::write(&path, text.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", published.port)))
            .expect("written");
        let with = |verb: &str| {
            let mut command = place.kubewalk(&[verb, "--cluster", "kubeconfig", "--context", &context]);
            command.env("KUBECONFIG", &path);
            command
        };
        let killed = calls.kill(with("run").arg(&story));
        sweep(&mut with("sweep"));
        assert_eq!(there(false), Vec::<String>::new(), "killed at call {at}");
        place.nothing_left_within(Duration::from_secs(5));
        if !killed {
            let made = calls.made.load(Ordering::SeqCst);
            println!("in a cluster that exists: {made} calls; killed at {tried} of them: nothing left");
            break;
        }
        tried += 1;
    }
    assert!(tried >= 3, "only {tried} points");
    gone_for_good();
}

#[test]
fn on_a_warm_cluster() {
    let _alone = alone();
    let files = tempfile::tempdir().expect("a folder");
    let (story, events) = (story(&files), files.path().join("events"));
    let happened = || std::fs::read_to_string(&events).map_or(0, |text| text.lines().count());
    let mut tried = 0;
    for at in points(4) {
        let mut place = Place::new();
        let up = place.run(&["cluster", "up", "--cluster", "builtin", "--ttl", "5m"]);
        assert_eq!(up.code, Some(0), "{up:?}");
        let _ = std::fs::remove_file(&events);
        let mut command = place.kubewalk(&["run", "--cluster", "builtin"]);
        command.arg("--report").arg(format!("events={}", events.display())).arg(&story).stdout(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        while happened() < at && child.try_wait().expect("asked").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let over = child.try_wait().expect("asked").is_some();
        let _ = child.kill();
        let ended = child.wait_with_output().expect("it ends");
        let down = place.run(&["cluster", "down", "--all"]);
        assert_eq!(down.code, Some(0), "killed at event {at}: {down:?}");
        place.nothing_left_within(Duration::from_secs(10));
        if over {
            assert_eq!(ended.status.code(), Some(0), "{:#?}", Said::from(&ended));
            println!("on a warm cluster: {} events; killed at {tried} of them: nothing left", happened());
            break;
        }
        tried += 1;
    }
    assert!(tried >= 3, "only {tried} points");
}
