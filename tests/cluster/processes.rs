//! The cluster of `cargo test` and of nextest: one for all tests, and gone with the last process, however that ends. On real
//! clusters.
//!
//! This program is called as those two call it. For nextest, a shell of that name calls one process a test; the real one
//! is tried by `scripts/try-nextest`.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use kubewalk::testing;
use rustix::process::{Pid, Signal, kill_process};
use traces::{Place, Said, alone};

const ONE_ROLE: &str = "scenarios/rbac/one-role.yaml";

#[test]
fn a_story() {
    testing::run(ONE_ROLE);
}

#[test]
fn a_story_in_a_shared_namespace() {
    testing::run("scenarios/serviceaccount/walkthrough.yaml");
}

/// Fails when it is told to, so that a panic is seen from outside.
#[test]
fn a_story_that_may_be_false() {
    let text = std::fs::read_to_string(ONE_ROLE).expect("a scenario");
    let false_one = std::env::var_os("KUBEWALK_TEST_FALSE").is_some();
    let text = if false_one { text.replacen("status: 403", "status: 200", 1) } else { text };
    let (ended, report) = testing::run_text(ONE_ROLE, &text);
    assert_eq!(ended.exit.code(), 0, "{report}");
}

fn program() -> PathBuf {
    std::env::current_exe().expect("our own program")
}

/// The stories in one process, as `cargo test` calls them.
fn cargo_test(place: &Place) -> Command {
    let mut command = Command::new(program());
    place.settle(&mut command);
    command.args(["a_story", "--nocapture"]);
    command
}

/// Each story in a process of its own, all at once, as nextest calls them; prints the exit code of each, and lives until its
/// standard input ends.
fn nextest(place: &Place, run: &str) -> Command {
    let shell = place.runtime.path().join("cargo-nextest");
    std::fs::copy("/bin/sh", &shell).expect("copied");
    let script = "stories='a_story a_story_in_a_shared_namespace a_story_that_may_be_false'; \
                  for s in $stories; do \"$0\" --exact $s --nocapture >/dev/null 2>&1 & eval p_$s=$!; done; \
                  for s in $stories; do eval wait \\$p_$s; echo \"$s $?\"; done; read end || true";
    let mut command = Command::new(shell);
    place.settle(&mut command);
    command.stdin(Stdio::null()).args(["-c", script]).arg(program()).env("NEXTEST_RUN_ID", run).env("NEXTEST", "1");
    command
}

/// Waits until a cluster is being made.
fn until_there_is_a_cluster(place: &mut Place) {
    let begun = Instant::now();
    while !place.clusters_now().iter().any(|name| name.starts_with("kubewalk-")) {
        assert!(begun.elapsed() < Duration::from_secs(30), "no cluster is made");
        std::thread::sleep(Duration::from_millis(10));
    }
    place.note_clusters();
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id().cast_signed()).expect("a pid"), signal).expect("sent");
}

#[test]
fn a_test_process_takes_its_cluster_with_it() {
    let _alone = alone();
    // At its end, and when a test has panicked.
    for story in ["true", "false"] {
        let mut place = Place::new();
        let mut command = cargo_test(&place);
        if story == "false" {
            command.env("KUBEWALK_TEST_FALSE", "1");
        }
        let child = command.spawn().expect("it starts");
        until_there_is_a_cluster(&mut place);
        let said = Said::from(&child.wait_with_output().expect("waited for"));
        assert_eq!(said.code, Some(if story == "true" { 0 } else { 101 }), "{said:?}");
        assert_eq!(place.clusters_now().len().min(1), place.clusters_now().len(), "more than one cluster");
        place.nothing_left_within(Duration::from_secs(5));
    }
    // Ctrl-C, an end from outside, and a kill, while the cluster starts and when it has started.
    for (signal, after) in [(Signal::INT, 0), (Signal::TERM, 2500), (Signal::HUP, 6000), (Signal::KILL, 5000)] {
        let mut place = Place::new();
        let mut child = cargo_test(&place).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        until_there_is_a_cluster(&mut place);
        std::thread::sleep(Duration::from_millis(after));
        send(&child, signal);
        child.wait().expect("waited for");
        place.nothing_left_within(Duration::from_secs(5));
    }
}

#[test]
fn a_list_of_tests_starts_nothing() {
    let _alone = alone();
    let place = Place::new();
    let output = cargo_test(&place).arg("--list").env("NEXTEST_RUN_ID", "list").output().expect("it starts");
    let said = Said::from(&output);
    assert!(said.code == Some(0) && said.stdout.contains("a_story: test"), "{said:?}");
    assert_eq!(place.left(), Vec::<String>::new());
}

#[test]
fn processes_of_one_run_share_a_cluster_that_ends_with_the_run() {
    let _alone = alone();
    let mut place = Place::new();
    let mut child = nextest(&place, "one").env("KUBEWALK_TEST_FALSE", "1").spawn().expect("it starts");
    let mut seen = std::collections::BTreeSet::new();
    while child.try_wait().expect("asked").is_none() {
        seen.extend(place.clusters_now().into_iter().filter(|name| name.starts_with("kubewalk-")));
        std::thread::sleep(Duration::from_millis(20));
    }
    place.note_clusters();
    let said = Said::from(&child.wait_with_output().expect("waited for"));
    let mut lines: Vec<_> = said.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a_story 0", "a_story_in_a_shared_namespace 0", "a_story_that_may_be_false 101"], "{said:?}");
    assert_eq!(seen.len(), 1, "{seen:?}");
    place.nothing_left_within(Duration::from_secs(10));
}

/// After a minute, a test harness says that a test is slow, and the holder is in a test; nobody may have to listen.
#[test]
fn the_holder_of_a_shared_cluster_can_go_on_talking() {
    let _alone = alone();
    let place = Place::new();
    let mut child = nextest(&place, "talks").stdin(Stdio::piped()).spawn().expect("it starts");
    let state = place.state().join("held/nextest-talks/state.json");
    let holder = || serde_json::from_slice::<serde_json::Value>(&std::fs::read(&state).ok()?).ok()?["holder"].as_i64();
    let hears = || std::fs::read_link(format!("/proc/{}/fd/1", holder()?)).ok();
    let begun = Instant::now();
    while hears().is_none_or(|who| who != Path::new("/dev/null")) {
        assert!(begun.elapsed() < Duration::from_secs(60), "holder {:?} talks to {:?}", holder(), hears());
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(child.stdin.take());
    let said = Said::from(&child.wait_with_output().expect("waited for"));
    assert_eq!(said.code, Some(0), "{said:?}");
    place.nothing_left_within(Duration::from_secs(10));
}

#[test]
fn a_run_that_is_killed_takes_its_shared_cluster_with_it() {
    let _alone = alone();
    for after in [0, 1500, 7000] {
        let mut place = Place::new();
        // On a fast machine the last kill comes after the tests; the run itself has not ended even then.
        let child = nextest(&place, "killed").stdin(Stdio::piped()).spawn().expect("it starts");
        until_there_is_a_cluster(&mut place);
        std::thread::sleep(Duration::from_millis(after));
        send(&child, Signal::KILL);
        // The tests themselves are not killed with it: they end by themselves, and the cluster after them.
        let said = Said::from(&child.wait_with_output().expect("waited for"));
        assert_eq!(said.code, None);
        place.nothing_left_within(Duration::from_secs(60));
    }
}
