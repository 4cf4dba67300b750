//! The habits of a runner, on a real cluster that stays warm: what failed is run again, one failure is enough, and a save is followed by
//! its verdict.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use traces::{Place, Said, alone};

fn story(title: &str, holds: bool) -> String {
    let expect = if holds { ", expect: {status: 403}" } else { "" };
    format!(
        "title: {title}\nsteps:\n  - {{title: an account, serviceAccount: reader}}\n  \
         - {{title: reads Pods of {title}, as: serviceaccount/reader, get: {{kind: Pod}}{expect}}}\n"
    )
}

#[test]
fn what_failed_is_run_again_and_a_save_is_followed_by_its_verdict() {
    let _alone = alone();
    let mut place = Place::new();
    let project = tempfile::tempdir().expect("a folder");
    let at = |name: &str| project.path().join(name);
    fs::create_dir(at("scenarios")).expect("a folder");
    fs::write(at("kubewalk.toml"), "cluster = 'builtin'\njobs = 1\n").expect("written");
    for (name, holds) in [("a", true), ("b", false), ("c", false), ("d", true)] {
        fs::write(at(&format!("scenarios/{name}.yaml")), story(name, holds)).expect("written");
    }
    let command = |place: &Place, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
        place.settle(&mut command);
        command.current_dir(project.path()).args(args).arg("--color=never");
        command
    };
    let run = |place: &mut Place, args: &[&str]| {
        let said = Said::from(&command(place, args).output().expect("kubewalk starts"));
        place.note_clusters();
        said
    };
    let up = run(&mut place, &["cluster", "up", "--ttl", "10m"]);
    assert_eq!(up.code, Some(0), "{up:?}");
    let all = run(&mut place, &["run", "-q"]);
    assert_eq!(all.code, Some(1), "{all:?}");
    let (_, end) = all.stdout.split_once("6 steps held, 2 failed").expect("the sum");
    let names: Vec<_> = end.lines().skip(1).collect();
    assert_eq!(
        names,
        ["  ✗ scenarios/b.yaml:4  2 reads Pods of b", "  ✗ scenarios/c.yaml:4  2 reads Pods of c"],
        "{end}"
    );
    let first = run(&mut place, &["run", "--fail-fast"]);
    assert_eq!(first.code, Some(1), "{first:?}");
    assert!(first.stdout.contains("3 steps held, 1 failed, 4 not run"), "{}", first.stdout);
    let failed = run(&mut place, &["run", "--failed"]);
    assert!(failed.stdout.contains("2 steps held, 2 failed, 0 not run"), "{}", failed.stdout);
    fs::write(at("scenarios/b.yaml"), story("b", true)).expect("written");
    let failed = run(&mut place, &["run", "--failed", "-vv"]);
    assert!(failed.stdout.contains("3 steps held, 1 failed, 0 not run"), "{}", failed.stdout);
    assert!(failed.stdout.contains("      < 403\n") && failed.stdout.contains("\"reason\":"), "{}", failed.stdout);
    let failed = run(&mut place, &["run", "--failed"]);
    assert!(failed.stdout.contains("1 step held, 1 failed, 0 not run"), "{}", failed.stdout);
    let halves: Vec<_> = ["1/2", "2/2"].iter().map(|half| run(&mut place, &["run", "--shard", half])).collect();
    for name in ["a", "b", "c", "d"] {
        let told = |said: &&Said| said.stdout.contains(&format!("scenarios/{name}.yaml, namespace"));
        assert_eq!(halves.iter().filter(told).count(), 1, "{name}: {halves:?}");
    }
    // A save, and its verdict.
    let mut watch = command(&place, &["watch"]).stdout(Stdio::piped()).spawn().expect("kubewalk starts");
    let lines = BufReader::new(watch.stdout.take().expect("piped")).lines();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tell.send(line))));
    let until = |word: &str| {
        let mut seen = vec![];
        loop {
            let line = told.recv_timeout(Duration::from_secs(120)).unwrap_or_else(|e| panic!("{word}: {e}\n{seen:#?}"));
            seen.push(line.clone());
            if line.contains(word) {
                return seen.join("\n");
            }
        }
    };
    until("7 steps held, 1 failed");
    fs::write(at("scenarios/c.yaml"), story("c", true)).expect("written");
    let seen = until("2 steps held, 0 failed");
    assert!(seen.contains("scenarios/c.yaml") && !seen.contains("scenarios/b.yaml"), "{seen}");
    fs::write(at("scenarios/c.yaml"), "title: c\nsteps: [\n").expect("written");
    fs::write(at("scenarios/new.yaml"), story("new", true)).expect("written");
    let seen = until("2 steps held, 0 failed");
    assert!(seen.contains("scenarios/new.yaml"), "{seen}");
    let pid = Pid::from_raw(watch.id().cast_signed()).expect("a pid");
    kill_process(pid, Signal::INT).expect("it runs");
    assert_eq!(watch.wait().expect("an end").code(), Some(130));
    let down = run(&mut place, &["cluster", "down"]);
    assert_eq!(down.code, Some(0), "the warm cluster was given back: {down:?}");
    place.nothing_left_within(Duration::from_secs(20));
}
