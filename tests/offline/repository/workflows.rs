//! The workflows: what they use is pinned, and what they run is here.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::{files, root, script, text};

/// The files with steps of GitHub's.
fn workflows() -> Vec<String> {
    let mut found: Vec<String> = files().into_iter().filter(|file| file.starts_with(".github/workflows/")).collect();
    found.push("action.yml".to_owned());
    found
}

#[test]
fn every_action_is_pinned_to_a_commit_and_has_one_version() {
    let line = Regex::new(r"uses: +([^@\s]+)@(\S+)( # v\d+\.\d+\.\d+)?").expect("a pattern");
    let mut pins: BTreeMap<String, (String, String)> = BTreeMap::new();
    for file in workflows() {
        for (number, found) in text(&file).lines().enumerate().filter(|(_, line)| line.contains("uses:")) {
            let place = format!("{file}:{}", number + 1);
            let parts = line.captures(found).unwrap_or_else(|| panic!("{place}: {found}"));
            let (name, commit, version) = (&parts[1], &parts[2], parts.get(3).map_or("", |version| version.as_str()));
            assert!(
                commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()),
                "{place}: {name} is not pinned"
            );
            assert!(!version.is_empty(), "{place}: which version of {name} is it?");
            let pin = (commit.to_owned(), version.to_owned());
            let first = pins.entry(name.to_owned()).or_insert_with(|| pin.clone());
            assert_eq!(*first, pin, "{place}: {name} is used in two versions");
        }
    }
    assert!(pins.len() >= 5, "{pins:?}");
}

/// The jobs of a workflow with their steps.
fn jobs(file: &str) -> Vec<(String, Vec<Value>)> {
    let workflow: Value = serde_saphyr::from_str(&text(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let jobs = workflow["jobs"].as_object().expect("jobs").clone();
    jobs.into_iter().map(|(name, job)| (name, job["steps"].as_array().expect("steps").clone())).collect()
}

/// A step's commands can be run here: one line, of a script that is there.
#[test]
fn every_command_is_a_script_of_the_repository() {
    let programs = ["cargo", "git", "gh"];
    for file in ["ci", "release"].map(|name| format!(".github/workflows/{name}.yml")) {
        for (job, steps) in jobs(&file) {
            for run in steps.iter().filter_map(|step| step["run"].as_str()) {
                assert!(!run.contains('\n'), "{file}, {job}: more than one line: {run}");
                let program = run.split_whitespace().next().unwrap_or_default();
                assert!(programs.contains(&program) || root().join(program).is_file(), "{file}, {job}: {run}");
                if !programs.contains(&program) {
                    assert!(program.starts_with(".ci/") || program.starts_with("scripts/"), "{file}, {job}: {run}");
                }
            }
        }
    }
}

/// A runner has not the distribution that the lock files are for: what is released is built by the script that knows that.
#[test]
fn what_is_released_is_built_with_the_packages_of_the_lock_file() {
    let builds =
        |file: &&String| file.starts_with("scripts/release-") && text(file).contains("engine/build.sh --cache");
    let files = files();
    let by_themselves: Vec<_> = files.iter().filter(builds).collect();
    assert!(by_themselves.is_empty(), "{by_themselves:?}");
    let locked: Vec<_> = files
        .iter()
        .filter(|file| file.starts_with("scripts/") || file.starts_with(".ci/") || file.starts_with(".github/"))
        .filter(|file| text(file).lines().any(|line| line.contains("build.sh") && line.contains("--locked")))
        .collect();
    assert!(locked.is_empty(), "{locked:?}");
}

/// `scripts/job` runs what the workflow runs.
#[test]
fn a_job_can_be_run_here() {
    for (job, steps) in jobs(".github/workflows/ci.yml") {
        let runs: Vec<String> =
            steps.iter().filter_map(|step| step["run"].as_str()).map(|run| format!("$ {run}")).collect();
        assert!(!runs.is_empty(), "{job} runs nothing");
        assert_eq!(script("scripts/job", &["--list", &job]), runs.join("\n"), "{job}");
    }
}

/// Who sends a pull request executes code on the runner: no job of that workflow has a secret or a token that can write.
#[test]
fn pull_requests_get_nothing() {
    let workflow: Value = serde_saphyr::from_str(&text(".github/workflows/ci.yml")).expect("YAML");
    assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}));
    for (name, job) in workflow["jobs"].as_object().expect("jobs") {
        assert!(job["permissions"].is_null(), "{name}");
        assert!(job["timeout-minutes"].is_u64(), "{name} has no limit of time");
    }
    let text = text(".github/workflows/ci.yml");
    assert!(!text.contains("secrets.") && !text.contains("github.token") && !text.contains("pull_request_target"));
    assert_eq!(text.matches("actions/checkout@").count(), text.matches("persist-credentials: false").count());
}

/// The published versions of k3s that are tried are all that `--kubernetes` knows.
#[test]
fn every_version_of_k3s_is_tried() {
    let known = Regex::new(r#""v(1\.\d+)\.\d+-k3s\d+"[,\]]"#).expect("a pattern");
    let source = text("src/cluster/kinds/versions.rs");
    let known: Vec<String> = known.captures_iter(&source).map(|found| found[1].to_owned()).collect();
    let workflow: Value = serde_saphyr::from_str(&text(".github/workflows/ci.yml")).expect("YAML");
    let tried: Vec<String> =
        serde_json::from_value(workflow["jobs"]["k3s"]["strategy"]["matrix"]["kubernetes"].clone()).expect("a list");
    assert!(!known.is_empty());
    assert_eq!(tried, known);
}

/// And those of kind, beside that of its config.
#[test]
fn every_version_of_kind_is_tried() {
    let known = Regex::new(r#""kindest/node:v(1\.\d+)\.\d+"[,\]]"#).expect("a pattern");
    let source = text("src/cluster/kinds/versions.rs");
    let known = known.captures_iter(&source).map(|found| found[1].to_owned());
    let known: Vec<String> = std::iter::once(String::new()).chain(known).collect();
    let workflow: Value = serde_saphyr::from_str(&text(".github/workflows/ci.yml")).expect("YAML");
    let tried: Vec<String> =
        serde_json::from_value(workflow["jobs"]["kind"]["strategy"]["matrix"]["kubernetes"].clone()).expect("a list");
    assert!(known.len() > 1);
    assert_eq!(tried, known);
}
