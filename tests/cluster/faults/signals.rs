//! Faults 1 to 4, and 7 to 9: signals, a terminal that closes, and a bug of our own.

use std::{
    io::{BufRead as _, BufReader},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags},
    process::Signal,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

use crate::{
    Files, SOON, end,
    fake_api::{FakeApi, Reply},
    fake_daemon::{FakeDaemon, Script},
    page::Fault,
    run_in, said, send,
    traces::Place,
};

const SMALL: &str = "scenarios/rbac/one-role.yaml";

/// A step that ends only with the run, behind one that holds.
const ENDLESS: &str = "  - {title: It answers, request: {path: /readyz}}\n  \
                       - {title: No answer comes, request: {path: /slow}, timeout: 100s}\n";

fn slow() -> FakeApi {
    FakeApi::start(|asked| asked.is("GET", "/slow").then_some(Reply::Silence))
}

/// A server that answers `/slow` once it is told to.
fn gated() -> (FakeApi, Arc<AtomicBool>) {
    let go = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&go);
    let api = FakeApi::start(move |asked| {
        while asked.is("GET", "/slow") && !told.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        asked.is("GET", "/slow").then(|| Reply::json(200, &serde_json::json!({})))
    });
    (api, go)
}

fn k3s(place: &Place, docker: &FakeDaemon) -> std::process::Command {
    let mut command = place.kubewalk(&["run", "--cluster", "k3s", SMALL]);
    command.env("DOCKER_HOST", format!("unix://{}", docker.socket.display()));
    command
}

#[test]
fn fault_01_ctrl_c_while_the_cluster_starts() {
    let mut fault = Fault::new(1, "Ctrl-C while the cluster starts", "fake Docker", file!());
    let (place, docker) = (Place::new(), FakeDaemon::start(Script::default()));
    let child = k3s(&place, &docker).spawn().expect("it starts");
    docker.until(1, "/logs");
    assert_eq!(docker.containers().len(), 1);
    let begun = Instant::now();
    send(&child, Signal::INT);
    fault.saw(&end(child), 130, "everything that was started is removed");
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    assert_eq!(docker.containers(), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_02_ctrl_c_in_a_step() {
    let mut fault = Fault::new(2, "Ctrl-C in a step", "fake API server", file!());
    let (place, files, api) = (Place::new(), Files::new(), slow());
    let scenario = files.scenario("endless", ENDLESS);
    let report = files.path().join("junit.xml");
    let reports = format!("junit={}", report.display());
    let mut command = run_in(&place, &api.kubeconfig(files.path()), "fake", &["--report", &reports]);
    let child = command.arg(&scenario).spawn().expect("it starts");
    api.until(|asked| asked.is("GET", "/slow"));
    send(&child, Signal::INT);
    fault.saw(&end(child), 130, "stopped by signal 2");
    let xml = std::fs::read_to_string(report).expect("a report");
    assert!(!xml.contains("<failure") && xml.contains("type=\"interrupted\""), "{xml}");
    fault.line(130, &xml, "the run was stopped in step 2");
    assert_eq!(api.namespaces(), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_03_ctrl_c_twice_while_the_clean_up_is_blocked() {
    let mut fault = Fault::new(3, "Ctrl-C twice, while Docker does not remove the cluster", "fake Docker", file!());
    let (place, docker) = (Place::new(), FakeDaemon::start(Script { keeps: true, ..Script::default() }));
    let child = k3s(&place, &docker).spawn().expect("it starts");
    docker.until(1, "/logs");
    send(&child, Signal::INT);
    docker.until(1, "DELETE ");
    let begun = Instant::now();
    send(&child, Signal::INT);
    fault.saw(&end(child), 130, "kubewalk sweep");
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    // What it says is right: this removes what is left.
    let there = docker.containers();
    assert_eq!(there.len(), 1);
    docker.script(|script| script.keeps = false);
    let mut sweep = place.kubewalk(&["sweep"]);
    let swept = said(sweep.env("DOCKER_HOST", format!("unix://{}", docker.socket.display())));
    fault.saw(&swept, 0, &format!("removed container {}", there[0]));
    assert_eq!(docker.containers(), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_04_what_a_cancelled_job_gets() {
    let mut fault =
        Fault::new(4, "INT, then TERM while it cleans up, as a cancelled job gets them", "fake API server", file!());
    let (place, files) = (Place::new(), Files::new());
    let api = FakeApi::start(|asked| {
        if asked.is("GET", "/slow") {
            return Some(Reply::Silence);
        }
        // The removal of the namespace takes a while, and then it is gone.
        (asked.method == "DELETE").then(|| std::thread::sleep(Duration::from_millis(500)));
        None
    });
    let scenario = files.scenario("endless", ENDLESS);
    let mut command = run_in(&place, &api.kubeconfig(files.path()), "fake", &[]);
    let child = command.arg(&scenario).spawn().expect("it starts");
    api.until(|asked| asked.is("GET", "/slow"));
    let begun = Instant::now();
    send(&child, Signal::INT);
    api.until(|asked| asked.method == "DELETE");
    send(&child, Signal::TERM);
    fault.saw(&end(child), 130, "stopped by signal 2");
    assert!(begun.elapsed() < Duration::from_millis(7500), "{:?}", begun.elapsed());
    assert_eq!(api.namespaces(), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "the failpoint is in debug builds only")]
fn fault_07_a_bug_of_our_own_in_a_step() {
    let mut fault = Fault::new(7, "a panic in a step, while another scenario runs", "fake API server", file!());
    let (place, files, api) = (Place::new(), Files::new(), FakeApi::start(|_| None));
    let kubeconfig = api.kubeconfig(files.path());
    let report = files.path().join("junit.xml");
    let reports = format!("junit={}", report.display());
    let folder = files.path().join("scenarios");
    std::fs::create_dir(&folder).expect("a folder");
    let step = "  - {title: It answers, request: {path: /readyz}}\n";
    let panics =
        files.scenario("scenarios/panics", &format!("{step}  - {{title: A bug, request: {{path: /readyz}}}}\n"));
    let sound = files.scenario("scenarios/sound", step);
    let mut command = run_in(&place, &kubeconfig, "fake", &["--report", &reports]);
    // A failpoint, which only a debug build has.
    command.env("KUBEWALK_PANIC_IN_STEP", "2").args([&panics, &sound]);
    let said = said(&mut command);
    fault.saw(&said, 70, "this is a bug in kubewalk");
    let xml = std::fs::read_to_string(report).expect("a report");
    assert!(xml.contains("errors=\"1\"") && xml.contains("failures=\"0\"") && xml.contains("name=\"sound\""), "{xml}");
    assert_eq!(api.namespaces(), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_08_the_terminal_closes_or_nobody_reads() {
    let mut fault =
        Fault::new(8, "the terminal is closed; standard output is closed (`| head -1`)", "fake API server", file!());
    let (place, files, api) = (Place::new(), Files::new(), slow());
    let kubeconfig = api.kubeconfig(files.path());
    let report = files.path().join("junit.xml");
    let reports = format!("junit={}", report.display());
    let endless = files.scenario("endless", ENDLESS);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("a terminal");
    let name = ptsname(&terminal, Vec::new()).expect("its name");
    let open =
        || rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).expect("opened");
    let run = run_in(&place, &kubeconfig, "fake", &["--report", &reports]);
    // A process of our own session would not lose its terminal.
    let mut command = std::process::Command::new("setsid");
    place.settle(&mut command);
    command.arg("--ctty").arg(run.get_program()).args(run.get_args()).arg(&endless).env("KUBECONFIG", &kubeconfig);
    let child = command.stdin(open()).stdout(open()).stderr(open()).spawn().expect("setsid of util-linux");
    drop(command);
    api.until(|asked| asked.is("GET", "/slow"));
    drop(terminal);
    let ended = end(child);
    assert_eq!(ended.code, Some(129));
    fault.line(129, &std::fs::read_to_string(report).expect("a report"), "the run was stopped in step 2");
    assert_eq!(api.namespaces(), Vec::<String>::new());

    // Whoever reads goes after the first line; only then does the second step get its answer.
    let (api, go) = gated();
    let mut command = run_in(&place, &api.kubeconfig(files.path()), "fake", &[]);
    let mut child = command.arg(&endless).spawn().expect("it starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    assert!(!first.is_empty());
    go.store(true, Ordering::Relaxed);
    let ended = end(child);
    fault.saw(&ended, 7, "standard output");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    assert_eq!(api.namespaces(), Vec::<String>::new());
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_09_a_run_that_is_stopped_for_a_while() {
    let mut fault =
        Fault::new(9, "stopped for longer than a step may take, then continued", "fake API server", file!());
    let (place, files, (api, go)) = (Place::new(), Files::new(), gated());
    let steps = "  - {title: The answer comes in time, request: {path: /slow}, expect: {status: 200}, timeout: 3s}\n";
    let scenario = files.scenario("stopped", steps);
    let mut command = run_in(&place, &api.kubeconfig(files.path()), "fake", &[]);
    let child = command.arg(scenario).spawn().expect("it starts");
    api.until(|asked| asked.is("GET", "/slow"));
    send(&child, Signal::STOP);
    std::thread::sleep(Duration::from_secs(5));
    send(&child, Signal::CONT);
    // Once it runs again, a false end would be there before the answer.
    std::thread::sleep(Duration::from_millis(300));
    go.store(true, Ordering::Relaxed);
    fault.saw(&end(child), 0, "1 step held");
    fault.nothing_left(&place, SOON);
}
