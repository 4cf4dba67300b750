//! The guides: each file that they show is written, each command that they show is run, in an empty folder, and says what they say.
//!
//! A block of YAML whose first line is a comment with a path is that file. In a block of a console, a line after `$ ` is a command, and
//! the lines below it stand in its output, in their order; each may be a part of a line. Its exit code is 0, unless the last of them is
//! `exit code N`.

use std::{path::Path, process::Command};

use super::{files, root, text};

/// Runs what a guide shows, and gives how many commands there were.
fn follow(page: &str) -> usize {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("kubewalk.toml"), "").expect("written"); // a project of its own
    let (mut commands, mut block): (usize, Option<(&str, Vec<&str>)>) = (0, None);
    let text = text(page);
    for line in text.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(kind)) => block = Some((kind, vec![])),
            (Some((kind, lines)), Some(_)) => {
                match *kind {
                    "yaml" => write(dir.path(), lines, page),
                    "console" => commands += run(dir.path(), lines, page),
                    _ => {}
                }
                block = None;
            }
            (Some((_, lines)), None) => lines.push(line),
            (None, None) => {}
        }
    }
    commands
}

fn write(dir: &Path, lines: &[&str], page: &str) {
    let name = lines[0].strip_prefix("# ").unwrap_or_else(|| panic!("{page}: a block without the name of its file"));
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, lines.join("\n") + "\n").expect("written");
}

fn run(dir: &Path, lines: &[&str], page: &str) -> usize {
    let mut commands: Vec<(&str, Vec<&str>)> = vec![];
    for line in lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command, vec![])),
            (None, Some((_, said))) => said.push(line),
            (None, None) => panic!("{page}: {line} belongs to no command"),
        }
    }
    for (line, mut expected) in commands.iter().cloned() {
        let code = expected.last().and_then(|line| line.strip_prefix("exit code ")?.parse::<i32>().ok());
        if code.is_some() {
            expected.pop();
        }
        let program = Path::new(env!("CARGO_BIN_EXE_kubewalk")).parent().expect("a folder");
        let mut command = Command::new("bash");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KUBEWALK_")) {
            if name != "KUBEWALK_CACHE" {
                command.env_remove(name);
            }
        }
        let path = format!("{}:{}", program.display(), std::env::var("PATH").expect("a PATH"));
        command.args(["-c", line]).current_dir(dir).env("PATH", path).env("KUBEWALK_CLUSTER", "builtin");
        let output = command.output().expect("bash starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code.unwrap_or(0)), "{page}: {line}\n{said}");
        let mut rest = said.as_str();
        for expected in expected.iter().filter(|line| !line.is_empty()) {
            let found = rest.find(expected).unwrap_or_else(|| panic!("{page}: {line}: not said: {expected}\n{said}"));
            rest = &rest[found + expected.len()..];
        }
    }
    commands.len()
}

/// The guides that are followed here.
const GUIDES: [&str; 5] = ["ci", "first-hour", "from-chainsaw", "from-kuttl", "teaching"];

#[test]
fn what_the_guides_show_is_so() {
    for guide in GUIDES {
        assert!(follow(&format!("docs/guides/{guide}.md")) > 0, "{guide} shows no command");
    }
}

/// A guide is followed here, or another test names it.
#[test]
fn every_guide_is_followed() {
    let (files, mut nobody) = (files(), vec![]);
    for page in files.iter().filter(|file| file.starts_with("docs/guides/") && file.ends_with(".md")) {
        let here = GUIDES.iter().any(|guide| *page == format!("docs/guides/{guide}.md"));
        let tests = files.iter().filter(|file| file.starts_with("tests/") && file.ends_with(".rs"));
        if !here && !tests.clone().any(|file| text(file).contains(page.as_str())) {
            nobody.push(page);
        }
    }
    assert!(nobody.is_empty(), "no test follows {nobody:?}");
}

/// Who opens the book finds every page of it.
#[test]
fn every_page_is_in_the_book() {
    let summary = text("docs/SUMMARY.md");
    for page in files().iter().filter_map(|file| file.strip_prefix("docs/")).filter(|page| page.ends_with(".md")) {
        assert!(page == "SUMMARY.md" || summary.contains(&format!("({page})")), "docs/SUMMARY.md does not name {page}");
    }
    assert!(root().join("book.toml").is_file());
}
