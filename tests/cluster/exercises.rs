//! The exercises fail as they are given, each at one step and by its claim, and hold as they are solved; a solution differs from its
//! exercise by no expectation.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::{fs, path::Path, time::Duration};

use serde_json::Value;
use traces::Place;

/// The exercises, by their names.
fn names() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/exercises");
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut names: Vec<String> = entries
        .filter(|path| path.is_file())
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    names
}

#[test]
fn each_fails_as_given_and_holds_as_solved() {
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("json");
    let paths: Vec<String> = (names().iter())
        .flat_map(|name| ["", "solutions/"].map(|inside| format!("scenarios/exercises/{inside}{name}")))
        .collect();
    let to = format!("json={}", report.display());
    let mut words: Vec<&str> = vec!["run", "--cluster", "builtin", "--report", &to];
    words.extend(paths.iter().map(String::as_str));
    let run = place.run(&words);
    assert_eq!(run.code, Some(1), "{run:?}");
    let read: Value = serde_json::from_str(&fs::read_to_string(&report).expect("the report")).expect("JSON");
    let mut wrong = Vec::new();
    let stories = read["scenarios"].as_array().expect("scenarios");
    assert_eq!(stories.len(), paths.len());
    for story in stories {
        let path = story["path"].as_str().expect("a path");
        let wanted = if path.contains("/solutions/") { "held" } else { "failed" };
        let ends: Vec<&str> = story["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .filter_map(|step| step["outcome"]["is"].as_str())
            .collect();
        let failed = ends.iter().filter(|end| **end != "held").collect::<Vec<_>>();
        // A claim that fails, and not a step that could not be carried out.
        let as_wanted = match wanted {
            "held" => failed.is_empty(),
            _ => failed.first().is_some_and(|end| **end == "failed"),
        };
        if story["verdict"] != wanted || !as_wanted {
            wrong.push(format!("{path} should have {wanted}: {ends:?} {}", story["reason"]));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), run.stdout);
    place.nothing_left_within(Duration::from_secs(10));
}

/// Lines that begin with these say what must come of a step.
fn expectations(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| line.starts_with("expect:") || line.contains("allowed:")).collect()
}

#[test]
fn a_solution_changes_no_expectation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/exercises");
    for name in names() {
        let given = fs::read_to_string(root.join(&name)).expect("an exercise");
        let solved = fs::read_to_string(root.join("solutions").join(&name)).expect("its solution");
        assert_eq!(expectations(&given), expectations(&solved), "{name}");
        let changed = given.lines().zip(solved.lines()).skip(2).filter(|(a, b)| a != b).count();
        assert_eq!(given.lines().count(), solved.lines().count(), "{name}");
        assert!((1..=3).contains(&changed), "{name}: {changed} lines are others");
    }
}

#[test]
fn they_are_run_only_when_they_are_meant() {
    let list = |words: &[&str]| {
        let place = Place::new();
        let output = place.kubewalk(words).output().expect("kubewalk starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = list(&["run", "scenarios/exercises"]);
    assert_eq!(code, Some(4), "{said}");
}
