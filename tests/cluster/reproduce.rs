//! The lines to reproduce reproduce: each that a run prints is given to a shell, on another real cluster, in the order of the steps,
//! and the last comes to the same end as the step did.
//!
//! The stories run on a cluster of their own, and the lines on one on which no scenario runs: that a shell works in it is no
//! business of any run, and nothing but the test ends it.

#[path = "reproduce/stories.rs"]
mod stories;
#[path = "../common/traces.rs"]
mod traces;

use std::{collections::BTreeSet, fs, io::Write as _, path::Path, process::Command, time::Duration};

use kubewalk::scenario::Verb;
use serde_json::Value;
use stories::{HEAD, STORIES, written};
use traces::{Place, Said};

/// What stands between the lines of the steps before, and those of the last.
const LAST: &str = "----- the last step";

/// The value of a key of an event.
fn of<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or_default()
}

/// Writes the stories and what they name.
fn write(folder: &Path) {
    for (name, steps, _) in STORIES {
        let text = format!("title: {name}\nsteps:\n{HEAD}{}\n", written(steps));
        fs::write(folder.join(format!("{name}.yaml")), text).expect("writable");
    }
    let map = |name: &str, length: usize| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: {}}}\n", "x".repeat(length))
    };
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
    // A folder of this name has no scenarios.
    let manifests = folder.join("manifests");
    let layer = manifests.join("layer");
    fs::create_dir_all(&layer).expect("made");
    fs::write(manifests.join("short.yml"), map("short", 9)).expect("writable");
    fs::write(manifests.join("long.yml"), map("long", 20_000) + secret).expect("writable");
    fs::write(layer.join("kustomization.yaml"), "resources: [map.yaml]\n").expect("writable");
    fs::write(layer.join("map.yaml"), map("layered", 20_000)).expect("writable");
}

/// The lines of a story's steps in a namespace that is made first.
fn script(events: &[&Value]) -> String {
    let started = events.iter().find(|event| of(event, "event") == "scenarioStarted").expect("it began");
    let namespace = of(started, "namespace");
    // A new namespace has its first account a moment later.
    let mut script = format!(
        "exec 2>&1\nset -e\nkubectl create namespace {namespace}\n\
         until kubectl get sa default -n {namespace} >/dev/null 2>&1; do sleep 0.1; done\n"
    );
    let steps: Vec<_> = events.iter().filter(|event| of(event, "event") == "stepFinished").collect();
    let (last, before) = steps.split_last().expect("a step");
    before.iter().for_each(|step| script += &format!("{}\n", of(step, "equivalent")));
    script += &format!("set +e\necho '{LAST}'\n{}\n", of(last, "equivalent"));
    script
}

/// What is wrong with the lines of a story.
fn wrong(name: &str, said: &str, events: &[&Value], run: &Said, config: &str) -> Option<String> {
    let finished: Vec<_> = events.iter().filter(|event| of(event, "event") == "stepFinished").collect();
    let (last, before) = finished.split_last()?;
    let ends = if name.starts_with("held") { "held" } else { "failed" };
    let as_meant = before.iter().all(|step| of(&step["outcome"], "is") == "held") && of(&last["outcome"], "is") == ends;
    if !as_meant {
        let ends: Vec<_> = finished.iter().map(|step| step["outcome"].to_string()).collect();
        return Some(format!("{name}: its last step should be {ends:?}: {}", ends.join("\n")));
    }
    // What a person reads is the same, and can be pasted with its indentation.
    let printed: Vec<_> = run.stdout.lines().map(str::trim).collect();
    let unsaid = of(last, "equivalent").lines().find(|line| !printed.iter().any(|told| told.ends_with(line)));
    if let Some(line) = unsaid {
        return Some(format!("{name}: `{line}` is not printed"));
    }
    let script = script(events);
    // As an argument it could be too long.
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(script.as_bytes()).expect("written");
    let output = Command::new("bash").arg(file.path()).env("KUBECONFIG", config).output().expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let namespace = of(events.iter().find(|event| of(event, "event") == "scenarioStarted")?, "namespace");
    let expected = said.replace("NS", namespace);
    let comes = match (text.split_once(LAST), expected.strip_prefix('=')) {
        (None, _) => false,
        (Some((_, text)), Some(whole)) => text.trim() == whole,
        (Some((_, text)), None) => text.contains(&expected),
    };
    (!comes).then(|| format!("{name}: `{expected}` is not said\n{script}\n{text}"))
}

#[test]
fn every_line_to_reproduce_comes_to_the_same_end() {
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path());
    let events = folder.path().join("events");
    let report = format!("events={}", events.display());
    let run = place.run(&["run", &folder.path().to_string_lossy(), "--cluster", "builtin", "-v", "--report", &report]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let events = fs::read_to_string(&events).expect("events");
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();

    let up = place.run(&["cluster", "up", "--cluster", "builtin"]);
    assert_eq!(up.code, Some(0), "{up:?}");
    let config = place.run(&["cluster", "kubeconfig"]);
    let wrong: Vec<_> = (STORIES.iter())
        .filter_map(|(name, _, said)| {
            let own = |event: &&Value| of(event, "path").ends_with(&format!("/{name}.yaml"));
            wrong(name, said, &events.iter().filter(own).collect::<Vec<_>>(), &run, config.stdout.trim())
        })
        .collect();
    let down = place.run(&["cluster", "down", "--all"]);
    assert_eq!(down.code, Some(0), "{down:?}");
    assert!(wrong.is_empty(), "{} of {} stories:\n{}", wrong.len(), STORIES.len(), wrong.join("\n\n"));
    place.nothing_left_within(Duration::from_secs(10));
}

#[test]
fn every_verb_has_a_story() {
    let names = kubewalk::plan::Names { suffix: "test0".into() };
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path());
    let tried: BTreeSet<Verb> = (STORIES.iter())
        .map(|(name, ..)| {
            let path = folder.path().join(format!("{name}.yaml"));
            let plan = kubewalk::plan::load(&path, &names, kubewalk::plan::Trust::Full);
            plan.unwrap_or_else(|(_, found)| {
                panic!("{name}: {:?}", found.iter().map(|one| &one.message).collect::<Vec<_>>())
            })
            .steps
            .last()
            .expect("a step")
            .verb
        })
        .collect();
    assert_eq!(tried, Verb::ALL.iter().copied().collect());
}
