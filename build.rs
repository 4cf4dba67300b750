//! The engine's sources travel inside the binary; a new file among them must compile it anew. So must a new commit, which
//! `--version` names.

use std::{path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=engine");
    println!("cargo:rerun-if-env-changed=KUBEWALK_COMMIT");
    if let Some(commit) = std::env::var("KUBEWALK_COMMIT").ok().or_else(packaged).or_else(checked_out) {
        println!("cargo:rustc-env=KUBEWALK_COMMIT={commit}");
    }
}

/// The commit of a package from a registry, which `cargo package` notes.
fn packaged() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, after) = text.split_once("\"sha1\"")?;
    let commit = after.split('"').nth(1)?;
    commit.chars().all(|c| c.is_ascii_hexdigit()).then(|| commit.chars().take(12).collect())
}

/// The commit that is checked out here.
fn checked_out() -> Option<String> {
    if !Path::new(".git").exists() {
        return None; // a folder above may be another project's
    }
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let said = Command::new("git").args(arguments).output().ok().filter(|said| said.status.success())?;
    Some(String::from_utf8(said.stdout).ok()?.trim().to_owned())
}
