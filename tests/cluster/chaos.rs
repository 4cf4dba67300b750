//! Runs of all kinds with faults of chance: no verdict is wrong, and nothing is left. `scripts/chaos` runs many of them.
//!
//! On real clusters. The seed is said, and makes the same faults again; what they meet is up to the machine.
#![cfg(target_os = "linux")]

#[path = "chaos/shot.rs"]
mod shot;
#[path = "../common/traces.rs"]
mod traces;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use shot::{Fault, Shot};
use traces::{Place, Said};

/// No run may take longer, whatever happens to it.
const LONGEST: Duration = Duration::from_secs(240);

/// After the end of a run, so much time until nothing may be left.
const GONE_WITHIN: Duration = Duration::from_secs(10);

#[test]
#[ignore = "takes long; scripts/chaos calls it"]
fn no_verdict_is_wrong_and_nothing_is_left() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let runs = number("KUBEWALK_CHAOS_RUNS").unwrap_or(10);
    let seed = number("KUBEWALK_CHAOS_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    say(&format!("{runs} runs from seed {seed}"));
    let mut table: BTreeMap<String, BTreeMap<i32, usize>> = BTreeMap::new();
    let mut problems = Vec::new();
    for run in 0..runs {
        let shot = Shot::of(seed + run);
        let ended = play(&shot);
        say(&format!("seed {}: {shot}: exit {}{}", seed + run, ended.code, ended.remark()));
        *table.entry(shot.fault.to_string()).or_default().entry(ended.code).or_default() += 1;
        problems.extend(ended.problem.map(|problem| format!("seed {}: {shot}: {problem}", seed + run)));
    }
    for (fault, codes) in &table {
        let codes: Vec<_> = codes.iter().map(|(code, count)| format!("{count} x exit {code}")).collect();
        say(&format!("{fault:28} {}", codes.join(", ")));
    }
    say(&format!("{} of {runs} runs ended wrongly or left something", problems.len()));
    assert!(problems.is_empty(), "{problems:#?}");
}

/// How a run ended, and what is wrong with that.
struct Ended {
    code: i32,
    problem: Option<String>,
    /// Whether the fault found what it was meant for.
    met: bool,
    swept: bool,
}

impl Ended {
    fn remark(&self) -> String {
        let met = if self.met { "" } else { ", the run was over before" };
        let swept = if self.swept { ", swept" } else { "" };
        let problem = self.problem.as_ref().map(|problem| format!(", WRONG: {problem}"));
        format!("{met}{swept}{}", problem.unwrap_or_default())
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "chaos: {line}");
}

/// The place of a run, and that of the cluster that it finds there.
struct Given {
    run: Place,
    theirs: Option<Place>,
    files: tempfile::TempDir,
    /// The kubeconfig of the other's cluster.
    kubeconfig: PathBuf,
}

impl Given {
    fn new(shot: &Shot) -> Given {
        let mut given = Given {
            run: Place::new(),
            theirs: None,
            files: tempfile::tempdir().expect("a folder"),
            kubeconfig: PathBuf::new(),
        };
        let up = ["cluster", "up", "--cluster", "builtin", "--ttl", "10m"];
        if shot.place == shot::Place::Warm {
            assert_eq!(given.run.run(&up).code, Some(0), "a warm cluster");
        }
        if shot.place == shot::Place::Kubeconfig {
            let mut theirs = Place::new();
            assert_eq!(theirs.run(&up).code, Some(0), "a cluster of somebody else");
            given.kubeconfig = theirs.run(&["cluster", "kubeconfig"]).stdout.trim().into();
            given.theirs = Some(theirs);
        }
        given
    }

    fn context(&self) -> String {
        let text = fs::read_to_string(&self.kubeconfig).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("current-context: "));
        line.unwrap_or_default().trim_matches('"').to_owned()
    }

    fn command(&self, shot: &Shot) -> Command {
        let scenario = self.files.path().join("story.yaml");
        fs::write(&scenario, &shot.text).expect("written");
        let context = self.context();
        let mut args = vec!["run"];
        if shot.place == shot::Place::Kubeconfig {
            args.extend(["--cluster", "kubeconfig", "--context", &context]);
        } else {
            args.extend(["--cluster", "builtin"]);
        }
        let mut command = self.run.kubewalk(&args);
        command.arg(&scenario).env("KUBECONFIG", &self.kubeconfig);
        let reports =
            if shot.fault == Fault::Full { PathBuf::from("/dev/full") } else { self.files.path().join("report") };
        for kind in ["events", "junit"] {
            let end = if shot.fault == Fault::Full { String::new() } else { format!(".{kind}") };
            command.arg("--report").arg(format!("{kind}={}{end}", reports.display()));
        }
        let file = |name: &str| File::create(self.files.path().join(name)).expect("a file");
        command.stdout(file("stdout")).stderr(file("stderr"));
        command
    }

    fn said(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.files.path().join(name)).unwrap_or_default();
        read("stderr") + &read("stdout")
    }

    /// The folder in which the node's own is.
    fn nodes(&self) -> PathBuf {
        self.theirs.as_ref().unwrap_or(&self.run).nodes()
    }
}

fn play(shot: &Shot) -> Ended {
    let mut given = Given::new(shot);
    let mut child = given.command(shot).spawn().expect("kubewalk starts");
    let begun = Instant::now();
    let met = hurt(shot, &mut child, &mut given, begun);
    let code = loop {
        given.run.note_clusters();
        if let Some(status) = child.try_wait().expect("a child") {
            use std::os::unix::process::ExitStatusExt as _;
            break status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
        }
        if begun.elapsed() > LONGEST {
            child.kill().expect("killed");
            child.wait().expect("waited for");
            break -1;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut ended = Ended { code, problem: None, met, swept: false };
    ended.problem = shot.wrong(code).map(|why| format!("exit {code}: {why}\n{}", given.said()));
    let left = left(shot, given, &mut ended);
    ended.problem = ended.problem.or(left);
    ended
}

/// Does what is to be done to the run; `false`: it was over before.
fn hurt(shot: &Shot, child: &mut Child, given: &mut Given, begun: Instant) -> bool {
    let run = Pid::from_raw(child.id().cast_signed()).expect("a pid");
    let goes_on = |child: &mut Child| child.try_wait().expect("a child").is_none() && begun.elapsed() < LONGEST;
    let program = match shot.fault {
        Fault::None | Fault::Full => return true,
        Fault::Signal(_) | Fault::Pause => None,
        Fault::Kill(name) | Fault::Freeze(name) => loop {
            given.run.note_clusters();
            if let Some(pid) = program(name, &given.nodes()) {
                break Some(pid);
            }
            if !goes_on(child) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        },
    };
    let from = Instant::now();
    while from.elapsed() < shot.after {
        given.run.note_clusters();
        if !goes_on(child) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let target = program.unwrap_or(run);
    match shot.fault {
        Fault::Signal(signal) => kill_process(run, signal).is_ok(),
        Fault::Kill(_) => kill_process(target, Signal::KILL).is_ok(),
        _ => {
            let stopped = kill_process(target, Signal::STOP).is_ok();
            std::thread::sleep(shot.pause);
            stopped && kill_process(target, Signal::CONT).is_ok()
        }
    }
}

/// The process of a program in the node whose folder is in `temp`, known by its cgroup.
fn program(name: &str, temp: &Path) -> Option<Pid> {
    let clusters: Vec<String> =
        fs::read_dir(temp).ok()?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let processes =
        fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = |pid: &i32| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let line = read("cmdline");
        line.split('\0').next().is_some_and(|program| program == format!("/usr/local/bin/{name}"))
            && clusters
                .iter()
                .any(|cluster| cluster.starts_with("kubewalk-") && read("cgroup").contains(cluster.as_str()))
    };
    processes.into_iter().find(ours).and_then(Pid::from_raw)
}

/// What stays of the run, of what it may not leave.
fn left(shot: &Shot, mut given: Given, ended: &mut Ended) -> Option<String> {
    let killed = shot.fault == Fault::Signal(Signal::KILL);
    let mut problem = None;
    if let Some(mut theirs) = given.theirs.take() {
        // One whose programs were hurt may not be able to tell; then it goes, with all that is in it.
        if !matches!(shot.fault, Fault::Kill(_) | Fault::Freeze(_)) {
            problem = given.left_in(&theirs, killed);
            ended.swept = killed;
        }
        let down = theirs.run(&["cluster", "down", "--all"]);
        theirs.note_clusters();
        let stays = gone(&theirs).err().map(|left| format!("of their cluster this is left: {left:#?} ({down:?})"));
        problem = problem.or(stays);
    }
    if shot.place == shot::Place::Warm {
        given.run.run(&["cluster", "down", "--all"]);
    }
    if gone(&given.run).is_ok() {
        return problem;
    }
    // What only a later run can remove.
    let swept = given.run.run(&["sweep"]);
    ended.swept = true;
    let stays = gone(&given.run).err().map(|left| format!("this is left, also after a sweep: {left:#?} ({swept:?})"));
    let unasked = (!killed).then(|| format!("it was not killed and left something: {swept:?}"));
    problem.or(stays).or(unasked)
}

impl Given {
    /// What is left of scenarios in the cluster of somebody else, after a sweep if the run was killed.
    fn left_in(&self, theirs: &Place, killed: bool) -> Option<String> {
        if killed {
            let context = self.context();
            let mut sweep = self.run.kubewalk(&["sweep", "--cluster", "kubeconfig", "--context", &context]);
            let said = Said::from(&sweep.env("KUBECONFIG", &self.kubeconfig).output().expect("kubewalk starts"));
            if said.code != Some(0) {
                return Some(format!("the sweep failed: {said:?}"));
            }
        }
        let cache = kubewalk::settings::from_env().cache;
        let engine = kubewalk::cluster::engine::built(&cache).expect("it is built");
        let dir = theirs.nodes().join(theirs.clusters_now().first().expect("a cluster"));
        let mut command = Command::new(engine.join("supervisor"));
        command.args(["keeper", "exec", "--dir"]).arg(dir).args(["--", "kubectl", "get", "namespaces", "--no-headers"]);
        let said = Said::from(&command.output().expect("it starts"));
        if said.code != Some(0) {
            return Some(format!("their cluster does not answer: {said:?}"));
        }
        let stays = |line: &&str| line.starts_with("kw-") && !line.contains("Terminating");
        let stays: Vec<&str> = said.stdout.lines().filter(stays).collect();
        (!stays.is_empty()).then(|| format!("in their cluster this is left: {stays:?}"))
    }
}

fn gone(place: &Place) -> Result<(), Vec<String>> {
    let begun = Instant::now();
    loop {
        let left = place.left();
        if left.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > GONE_WITHIN {
            return Err(left);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
