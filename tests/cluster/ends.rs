//! However a run ends, nothing of it stays: process, mount, cgroup, interface, temporary file. On real clusters.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "the figures, shown with --nocapture")]

#[path = "../common/traces.rs"]
mod traces;

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use traces::alone;

const WALKTHROUGH: &str = "scenarios/serviceaccount/walkthrough.yaml";

/// After a kill, so much time until nothing may be left.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// A run with a folder for temporary files of its own, and a mark in its environment by which its helpers are known.
struct Run {
    child: Child,
    temp: tempfile::TempDir,
    /// Has its events.
    told: tempfile::TempDir,
    mark: String,
    clusters: BTreeSet<String>,
}

/// A moment of a run.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So many milliseconds after its start.
    Millis(u64),
    /// When so many steps are finished.
    Steps(usize),
}

impl Run {
    fn start(scenario: &str) -> Run {
        let (temp, told) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let mark = format!("KUBEWALK_TEST_MARK={}", temp.path().display());
        let (key, value) = mark.split_once('=').expect("a variable");
        let child = Command::new(env!("CARGO_BIN_EXE_kubewalk"))
            .args(["run", scenario, "--cluster", "builtin", "--color", "never", "--report"])
            .arg(format!("events={}", told.path().join("events").display()))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("TMPDIR", temp.path())
            .env("KUBEWALK_STATE", temp.path().join("state"))
            .env(key, value)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubewalk starts");
        Run { child, mark, temp, told, clusters: BTreeSet::new() }
    }

    /// Lets it run up to a moment, which must come before its end.
    fn go_on_until(&mut self, moment: Moment) {
        match moment {
            Moment::Millis(millis) => self.go_on_for(Duration::from_millis(millis)),
            Moment::Steps(steps) => {
                while self.steps() < steps && self.child.try_wait().expect("it can be asked").is_none() {
                    self.go_on_for(Duration::from_millis(5));
                }
            }
        }
        assert!(self.child.try_wait().expect("it can be asked").is_none(), "the run was over before {moment:?}");
    }

    /// How many steps are finished.
    fn steps(&self) -> usize {
        let events = std::fs::read_to_string(self.told.path().join("events")).unwrap_or_default();
        events.matches(r#""event":"stepFinished""#).count()
    }

    /// Lets it run for a while, and notes the clusters that it makes meanwhile.
    fn go_on_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.note_clusters();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn note_clusters(&mut self) {
        let entries = std::fs::read_dir(self.temp.path().join("state/nodes")).into_iter().flatten().flatten();
        self.clusters.extend(entries.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process id");
        let _ = kill_process(pid, signal);
    }

    /// Everything of this run that is still there.
    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for process in numbers_below("/proc") {
            let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|entry| entry == self.mark.as_bytes()) {
                let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
                left.push(format!("process {process} {}", name.trim()));
            }
        }
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let temp = self.temp.path().to_string_lossy().into_owned();
        left.extend(mounts.lines().filter(|line| line.contains(&temp)).map(|line| format!("mount {line}")));
        for folder in ["", "state/nodes", "state/runs", "state/held"] {
            let files = std::fs::read_dir(self.temp.path().join(folder)).into_iter().flatten().flatten();
            let files = files.filter(|file| file.file_name() != "state");
            left.extend(files.map(|file| format!("file {}", file.path().display())));
        }
        for cluster in &self.clusters {
            left.extend(
                folders_named(Path::new("/sys/fs/cgroup"), cluster, 3)
                    .into_iter()
                    .map(|dir| format!("cgroup {}", dir.display())),
            );
        }
        left
    }

    /// Waits until nothing is left, or says what is.
    fn nothing_left_within(&self, time: Duration) -> Result<Duration, Vec<String>> {
        let begun = Instant::now();
        loop {
            let left = self.left();
            if left.is_empty() {
                return Ok(begun.elapsed());
            }
            if begun.elapsed() > time {
                return Err(left);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn numbers_below(dir: &str) -> Vec<u32> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn folders_named(below: &Path, name: &str, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name().to_string_lossy().contains(name) {
            found.push(entry.path());
        } else if depth > 0 {
            found.extend(folders_named(&entry.path(), name, depth - 1));
        }
    }
    found
}

fn interfaces() -> BTreeSet<String> {
    let entries = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Interfaces that were not there before. Those of others (a container that ends) may go meanwhile.
fn interfaces_since(before: &BTreeSet<String>) -> Vec<String> {
    interfaces().difference(before).cloned().collect()
}

#[test]
fn after_a_kill_at_any_moment_nothing_is_left() {
    let _alone = alone();
    let before = interfaces();
    let mut clusters = 0;
    // Dense where the keeper sets up, then through the cluster's start, a Pod's start, and the calls.
    let set_up = (0..8).map(|point| Moment::Millis(20 + point * 25));
    let start = (1..7).map(|point| Moment::Millis(200 + point * 300));
    let steps = [1, 4, 8, 12, 16, 20].map(Moment::Steps);
    for after in set_up.chain(start).chain(steps) {
        let mut run = Run::start(WALKTHROUGH);
        run.go_on_until(after);
        run.send(Signal::KILL);
        let status = run.child.wait().expect("it can be waited for");
        run.note_clusters();
        clusters += run.clusters.len();
        match run.nothing_left_within(GONE_WITHIN) {
            Ok(time) => println!("killed after {after:?} ({status}): nothing left after {time:?}"),
            Err(left) => panic!("killed after {after:?} ({status}), and this is left: {left:#?}"),
        }
    }
    assert!(clusters >= 12, "only {clusters} runs had begun to make a cluster");
    assert_eq!(interfaces_since(&before), Vec::<String>::new());
}

#[test]
fn a_signal_in_any_phase_ends_the_run_with_its_code_and_nothing_stays() {
    let _alone = alone();
    let before = interfaces();
    let points = [
        (Signal::INT, 130, Moment::Millis(60)),
        (Signal::INT, 130, Moment::Millis(700)),
        (Signal::TERM, 143, Moment::Millis(1500)),
        (Signal::INT, 130, Moment::Steps(1)),
        (Signal::HUP, 129, Moment::Steps(15)),
    ];
    for (signal, code, after) in points {
        let mut run = Run::start(WALKTHROUGH);
        run.go_on_until(after);
        run.send(signal);
        let status = run.child.wait().expect("it can be waited for");
        // Before the first line of `main`, a signal ends a process by itself; a shell shows the same number then.
        let said = status.code().or(status.signal().map(|signal| 128 + signal));
        assert_eq!(said, Some(code), "after {after:?}");
        let left = run.left();
        assert!(left.is_empty(), "after {after:?} this is left: {left:#?}");
    }
    assert_eq!(interfaces_since(&before), Vec::<String>::new());
}

#[test]
fn two_runs_side_by_side_do_not_meet() {
    let _alone = alone();
    let mut runs = [Run::start("scenarios/serviceaccount"), Run::start("scenarios/serviceaccount")];
    for run in &mut runs {
        while run.child.try_wait().expect("it can be asked").is_none() {
            run.go_on_for(Duration::from_millis(20));
        }
        let status = run.child.wait().expect("it can be waited for");
        let mut said = String::new();
        use std::io::Read as _;
        for stream in [
            run.child.stdout.take().map(|s| Box::new(s) as Box<dyn std::io::Read>),
            run.child.stderr.take().map(|s| Box::new(s) as Box<dyn std::io::Read>),
        ] {
            let _ = stream.expect("it is piped").read_to_string(&mut said);
        }
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(run.left().is_empty(), "{:#?}", run.left());
    }
    let [left, right] = &runs;
    assert!(left.clusters.is_disjoint(&right.clusters));
}
