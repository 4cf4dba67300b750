//! What a kubewalk process and all that it starts leave on this machine: found by a mark in their environment and by a
//! folder for temporary files of their own.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Lets the tests of a program that have whole clusters of their own, or measure moments, run one after the other. The engine is
/// built first if it must be, or the first of them would measure its build.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let settings = kubewalk::settings::from_env();
    runtime.block_on(kubewalk::cluster::engine::ensure(&settings, &mut |_| ())).expect("the engine can be built");
    guard
}

/// Whether Docker's engine was killed on this machine: its socket is left, where nobody answers. `sweep` cannot look there, says so
/// and fails, which is not what the tests here are about.
fn dead_docker() -> bool {
    UnixStream::connect("/var/run/docker.sock").is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
}

/// A place for processes whose traces are looked for.
pub struct Place {
    /// For temporary files, of which there should be none.
    pub temp: tempfile::TempDir,
    /// For all that belongs to clusters.
    pub runtime: tempfile::TempDir,
    clusters: BTreeSet<String>,
}

impl Place {
    pub fn new() -> Place {
        let folder = || tempfile::tempdir().expect("a temporary folder");
        Place { temp: folder(), runtime: folder(), clusters: BTreeSet::new() }
    }

    /// kubewalk with these arguments, in this place.
    pub fn kubewalk(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
        self.settle(&mut command);
        command.args(args).arg("--color=never");
        command
    }

    /// Makes a command one of this place.
    pub fn settle(&self, command: &mut Command) {
        let (key, value) = self.mark();
        command.current_dir(env!("CARGO_MANIFEST_DIR")).env(key, value);
        command.env("TMPDIR", self.temp.path()).env("XDG_RUNTIME_DIR", self.runtime.path());
        command.env("KUBEWALK_STATE", self.state());
        command.env_remove("KUBEWALK_FRESH").env_remove("KUBECONFIG").env_remove("NEXTEST_RUN_ID");
        command.env_remove("KUBEWALK_UNTRUSTED");
        if dead_docker() && std::env::var_os("DOCKER_HOST").is_none() {
            command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    /// Runs kubewalk to its end.
    pub fn run(&mut self, args: &[&str]) -> Said {
        let output = self.kubewalk(args).output().expect("kubewalk starts");
        self.note_clusters();
        Said::from(&output)
    }

    fn mark(&self) -> (&'static str, String) {
        ("KUBEWALK_TEST_MARK", self.temp.path().display().to_string())
    }

    /// Notes the clusters that are there now, whose cgroups are looked for later.
    pub fn note_clusters(&mut self) {
        self.clusters.extend(self.clusters_now());
    }

    /// The base of all that belongs to clusters.
    pub fn state(&self) -> PathBuf {
        self.runtime.path().join("kubewalk")
    }

    /// The nodes' folders are in it.
    pub fn nodes(&self) -> PathBuf {
        self.state().join("nodes")
    }

    /// The clusters that are there now.
    pub fn clusters_now(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.nodes()).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Everything that is there.
    pub fn left(&self) -> Vec<String> {
        let (key, value) = self.mark();
        let mark = format!("{key}={value}");
        let mut left = Vec::new();
        for process in numbers_below("/proc") {
            let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()) {
                let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
                left.push(format!("process {process} {}", name.trim()));
            }
        }
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let ours = |line: &&str| {
            [self.temp.path(), self.runtime.path()].iter().any(|dir| line.contains(&*dir.to_string_lossy()))
        };
        left.extend(mounts.lines().filter(ours).map(|line| format!("mount {line}")));
        let rooms = ["nodes", "runs", "held"].map(|room| self.state().join(room));
        for folder in [self.temp.path().to_owned()].iter().chain(&rooms) {
            let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
            left.extend(files.map(|file| format!("file {}", file.path().display())));
        }
        for cluster in &self.clusters {
            let groups = folders_named(Path::new("/sys/fs/cgroup"), cluster, 3);
            left.extend(groups.into_iter().map(|dir| format!("cgroup {}", dir.display())));
        }
        left
    }

    /// Waits until nothing is left.
    #[track_caller]
    pub fn nothing_left_within(&self, time: Duration) {
        let begun = Instant::now();
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(begun.elapsed() < time, "this is left: {left:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What a process said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<&Output> for Said {
    fn from(output: &Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
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
