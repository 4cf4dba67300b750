//! What is in the repository beside the sources, and what users are given: names that every system can check out, one place for the
//! repository's address, the features of the crate, workflows whose actions are pinned and whose commands are scripts, a release's
//! archives and what package managers are told of them, the action and the template, whose steps are run as a job of a user runs them,
//! and the guides.
#![cfg(target_os = "linux")]

#[path = "repository/features.rs"]
mod features;
#[path = "repository/given.rs"]
mod given;
#[path = "repository/guides.rs"]
mod guides;
#[path = "repository/names.rs"]
mod names;
#[path = "repository/release.rs"]
mod release;
#[path = "repository/truth.rs"]
mod truth;
#[path = "repository/workflows.rs"]
mod workflows;

use std::{path::Path, process::Command};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository.
fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The files of the repository: those that are tracked, and those that could be.
fn files() -> Vec<String> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(root()).output().expect("git starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are UTF-8");
    let files: Vec<String> =
        text.split_terminator('\0').map(str::to_owned).filter(|file| root().join(file).exists()).collect();
    assert!(files.len() > 1000, "{}", files.len());
    files
}

/// What a script of the repository says on standard output; it must succeed.
fn script(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(root().join(name)).args(arguments).output().unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
}
