//! The transcripts of `docs/guides`: each line behind a `$` is run, and what is printed is what the page shows.
#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use regex::Regex;

/// What differs from run to run: times, and the names of namespaces and clusters.
static DIFFERS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b\d+(\.\d+)? m?s\b|\b(kw-chart|warm)-[a-z0-9]{5}\b").expect("a pattern"));

fn plain(line: &str) -> String {
    DIFFERS.replace_all(line.trim_end(), "~").into_owned()
}

/// The blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// The commands of a block, each with the lines that it prints; `…` stands for any lines.
fn commands(block: &str) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => all.push((command.to_owned(), Vec::new())),
            None => all.last_mut().expect("a command comes first").1.push(plain(line)),
        }
    }
    all
}

/// Whether the lines are those of a page, in their order.
fn is_shown(printed: &[String], shown: &[String]) -> bool {
    match shown {
        [] => printed.is_empty(),
        [any] if any == "…" => true,
        [any, rest @ ..] if any == "…" => (0..=printed.len()).any(|at| is_shown(&printed[at..], rest)),
        [line, rest @ ..] => printed.first() == Some(line) && is_shown(&printed[1..], rest),
    }
}

#[test]
fn the_chart_is_tested_as_the_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/guides/chart.md")).expect("the page");
    let place = tempfile::tempdir().expect("a folder");
    let work: PathBuf = place.path().join("work");
    let bin = place.path().join("bin");
    fs::create_dir_all(&work).expect("a folder");
    fs::create_dir_all(&bin).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_kubewalk"), bin.join("kubewalk")).expect("a link");
    let copied = Command::new("cp").arg("-r").arg(root.join("examples/chart")).arg(&work).status();
    assert!(copied.expect("cp starts").success());
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a PATH"));
    let mut run = 0;
    for (command, shown) in blocks(&page, "console").iter().flat_map(|block| commands(block)) {
        let mut shell = Command::new("sh");
        // Both streams as one, as a terminal shows them; how a cluster starts is not told.
        let line = format!("({command}) 2>&1 | grep -v -e 'kubewalk: [a-z-]* after ' -e 'warm cluster'");
        shell.args(["-c", &line]).current_dir(&work).env("PATH", &path);
        shell.env("KUBEWALK_CLUSTER", "builtin").env("KUBEWALK_FRESH", "1").env("NO_COLOR", "1");
        let output = shell.output().expect("sh starts");
        let printed: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(plain).collect();
        // An empty line at the end belongs to the terminal.
        let trimmed = |lines: &[String]| {
            let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
            lines[..end].to_vec()
        };
        assert!(
            is_shown(&trimmed(&printed), &trimmed(&shown)),
            "$ {command}\n--- the page has\n{}\n--- and this was printed\n{}",
            shown.join("\n"),
            printed.join("\n")
        );
        run += 1;
    }
    assert_eq!(run, 9);
    // The excerpt is what was written.
    let story = fs::read_to_string(work.join("scenarios/chart.yaml")).expect("the story");
    for excerpt in blocks(&page, "yaml") {
        assert!(story.contains(&excerpt), "{story}");
    }
}
