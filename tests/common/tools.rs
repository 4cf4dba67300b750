//! Docker's own command line, as an independent witness; and runs of kubewalk, each with a folder for temporary files of its own.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

const KUBEWALK: &str = env!("CARGO_BIN_EXE_kubewalk");

/// Whether a Docker answers. Where none does, that is said past the test harness, or is a failure.
pub fn docker() -> bool {
    static DOCKER: OnceLock<Result<(), String>> = OnceLock::new();
    let docker = DOCKER.get_or_init(|| {
        let said = Command::new("docker").arg("version").output();
        match said {
            Ok(said) if said.status.success() => Ok(()),
            Ok(said) => Err(text(&said.stderr).trim().lines().last().unwrap_or_default().to_owned()),
            Err(e) => Err(format!("docker: {e}")),
        }
    });
    match docker {
        Ok(()) => true,
        Err(why) if std::env::var("KUBEWALK_DOCKER").is_ok_and(|value| value == "required") => {
            panic!("KUBEWALK_DOCKER=required, but no Docker answers here: {why}")
        }
        Err(why) => {
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            let said = format!("kubewalk: {name} not run: no Docker answers here ({why}); .ci/docker starts one\n");
            let _ = std::io::stderr().write_all(said.as_bytes());
            false
        }
    }
}

/// What docker says to this, on both streams.
pub fn dockers(args: &[&str]) -> String {
    let said = Command::new("docker").args(args).output().expect("docker starts");
    text(&said.stdout) + &text(&said.stderr)
}

/// Freezes a container as soon as it runs: one that is only made cannot be, and would end by itself.
pub fn pause(name: &str) {
    until("the container to freeze", Duration::from_secs(20), || {
        Command::new("docker").args(["pause", name]).output().expect("docker starts").status.success()
    });
}

/// The names of all containers, running or not.
pub fn containers() -> String {
    dockers(&["ps", "-a", "--format", "{{.Names}}"])
}

/// The k3s stand-in, made of the node image, which is loaded first.
pub fn stand_in() -> String {
    static IMAGE: OnceLock<String> = OnceLock::new();
    let make = || {
        let settings = kubewalk::settings::from_env();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            use kubewalk::cluster::{Daemon, engine, images};
            let never = kubewalk::stop::Stop::never();
            let engine = engine::ensure(&settings, &mut |_| ()).await.expect("the engine can be built");
            let daemon = Daemon::connect(settings.docker_host.as_deref()).await.expect("Docker answers");
            let loaded =
                images::load_node(&daemon, (engine::Release::NEWEST, &engine), &settings.notes(), &never, &mut |_| ())
                    .await;
            loaded.expect("the node image can be loaded");
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker/k3s-stand-in/build");
        let node = format!("kubewalk.local/node:{}", kubewalk::cluster::engine::hash());
        let said = Command::new("bash").arg(script).arg(node).output().expect("bash starts");
        assert!(said.status.success(), "{}", text(&said.stderr));
        text(&said.stdout).trim().to_owned()
    };
    IMAGE.get_or_init(make).clone()
}

/// A run, and its folder for temporary files.
pub struct Run {
    child: Child,
    /// What it leaves there stays to be seen.
    pub temp: tempfile::TempDir,
    output: File,
    /// Held while it lives, unless its test is alone.
    _beside: Option<File>,
}

/// No run of another test while it is there. Each run sweeps at its start what dead ones have left in Docker, so a test of
/// what becomes of a container without its run could otherwise be answered by a test beside it.
pub struct Alone {
    _turn: File,
}

/// Waits until no other test of this file, in this process or (under nextest) in another, has a run.
pub fn alone() -> Alone {
    let turn = turn();
    turn.lock().expect("it can be locked");
    Alone { _turn: turn }
}

fn turn() -> File {
    File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("docker-turn")).expect("a file")
}

impl Alone {
    /// Starts kubewalk.
    pub fn start(&self, args: &[&str]) -> Run {
        Run::begin(Path::new(KUBEWALK), args, &[], None)
    }
}

/// How a run ended.
pub struct Finished {
    /// `None` after a signal.
    pub code: Option<i32>,
    /// Both streams.
    pub said: String,
    /// What was left in its folder.
    pub files: Vec<String>,
    temp: tempfile::TempDir,
}

impl Run {
    /// Starts kubewalk.
    pub fn start(args: &[&str], env: &[(&str, &str)]) -> Run {
        Run::program(Path::new(KUBEWALK), args, env)
    }

    /// Starts a program with the stand-in as the image of k3s.
    pub fn program(program: &Path, args: &[&str], env: &[(&str, &str)]) -> Run {
        let beside = turn();
        beside.lock_shared().expect("it can be locked");
        Run::begin(program, args, env, Some(beside))
    }

    fn begin(program: &Path, args: &[&str], env: &[(&str, &str)], beside: Option<File>) -> Run {
        let temp = tempfile::tempdir().expect("a folder");
        let output = tempfile::tempfile().expect("a file");
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KUBEWALK_") && name != "KUBEWALK_CACHE" {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("TMPDIR", temp.path())
            .env("KUBEWALK_STATE", temp.path().join("state"))
            .env_remove("NEXTEST_RUN_ID");
        command.env("KUBEWALK_K3S_IMAGE", stand_in()).env("NO_COLOR", "1").envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("a file"));
        let child = command.stderr(output.try_clone().expect("a file")).spawn().expect("it starts");
        Run { child, temp, output, _beside: beside }
    }

    /// The name of its container, once there is one.
    pub fn container(&self, within: Duration) -> String {
        let mut name = None;
        until("a container", within, || {
            let mine = format!("label=dev.kubewalk.pid={}", self.child.id());
            let said = dockers(&["ps", "-a", "--filter", &mine, "--format", "{{.Names}}"]);
            name = said.lines().next().map(str::to_owned);
            name.is_some()
        });
        name.expect("a name")
    }

    /// Sends a signal.
    pub fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process id");
        kill_process(pid, signal).expect("it can be sent");
    }

    /// What is in its folder now.
    pub fn files(&self) -> Vec<String> {
        names(&runs(&self.temp))
    }

    /// Waits for its end.
    pub fn end(mut self) -> Finished {
        use std::io::{Read as _, Seek as _};
        let status = self.child.wait().expect("it can be waited for");
        let mut said = Vec::new();
        self.output.rewind().and_then(|()| self.output.read_to_end(&mut said)).expect("it can be read");
        Finished { code: status.code(), said: text(&said), files: names(&runs(&self.temp)), temp: self.temp }
    }
}

/// Where a run has its private folder.
pub fn runs(temp: &tempfile::TempDir) -> std::path::PathBuf {
    temp.path().join("state/runs")
}

impl Finished {
    /// What is in its folder now.
    pub fn now(&self) -> Vec<String> {
        names(&runs(&self.temp))
    }
}

/// Waits until something is so.
pub fn until(what: &str, within: Duration, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < within, "waited {within:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
