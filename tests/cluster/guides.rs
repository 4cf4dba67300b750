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
    LazyLock::new(|| Regex::new(r"\b\d+(\.\d+)? ?m?s\b|\b(kw-[a-z]+|warm)-[a-z0-9]{5}\b").expect("a pattern"));

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

/// Runs all commands of a page, as it is written, beside or in a copy of an example. Gives how many there were, and the folder.
fn followed(page: &str, example: &str, place: &Path) -> (usize, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let work: PathBuf = place.join("work");
    let bin = place.join("bin");
    fs::create_dir_all(&work).expect("a folder");
    fs::create_dir_all(&bin).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_kubewalk"), bin.join("kubewalk")).expect("a link");
    let copied = Command::new("cp").arg("-r").arg(root.join("examples").join(example)).arg(&work).status();
    assert!(copied.expect("cp starts").success());
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a PATH"));
    let mut run = 0;
    let fences: Vec<&str> = page.split("```").collect();
    for block in fences.iter().skip(1).step_by(2) {
        let (language, block) = block.split_once('\n').expect("a language");
        // A block that begins with a comment with a name is that file.
        let first = block.lines().next().and_then(|line| line.strip_prefix("# ").or(line.strip_prefix("// ")));
        if let (Some(name), "toml" | "rust") = (first, language) {
            let file = work.join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, block).expect("written");
        }
        let commands = if language == "console" { commands(block) } else { vec![] };
        run += commands.len();
        commands.iter().for_each(|command| runs(command, &work, &path));
    }
    (run, work)
}

/// Runs a command of a page, and compares what it prints with what the page shows.
fn runs((command, shown): &(String, Vec<String>), work: &Path, path: &str) {
    let mut shell = Command::new("sh");
    // Both streams as one, as a terminal shows them; how a cluster starts is not told.
    let line = format!("({command}) 2>&1 | grep -v -e 'kubewalk: [a-z-]* after ' -e 'warm cluster'");
    shell.args(["-c", &line]).current_dir(work).env("PATH", path);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        // What cargo tells this test is not meant for another cargo.
        if name.starts_with("CARGO_") && name != "CARGO_HOME" || name == "OUT_DIR" {
            shell.env_remove(name);
        }
    }
    shell.env("KUBEWALK_CLUSTER", "builtin").env("KUBEWALK_FRESH", "1").env("NO_COLOR", "1");
    let output = shell.output().expect("sh starts");
    let printed: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(plain).collect();
    // An empty line at the end belongs to the terminal.
    let trimmed = |lines: &[String]| {
        let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        lines[..end].to_vec()
    };
    assert!(
        is_shown(&trimmed(&printed), &trimmed(shown)),
        "$ {command}\n--- the page has\n{}\n--- and this was printed\n{}",
        shown.join("\n"),
        printed.join("\n")
    );
}

fn page(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(name)).expect("the page")
}

#[test]
fn claims_of_ones_own_are_shown_as_the_page_says() {
    let (page, place) = (page("docs/guides/claims.md"), tempfile::tempdir().expect("a folder"));
    let (run, work) = followed(&page, "claims/.", place.path());
    assert_eq!(run, 8);
    // The excerpts are of the example's files.
    let files = ["claims.yaml", "scenarios/deployer.yaml", "kubewalk.toml"];
    let files = files.map(|name| fs::read_to_string(work.join(name)).expect("a file"));
    for excerpt in blocks(&page, "yaml").into_iter().chain(blocks(&page, "toml")) {
        assert!(files.iter().any(|file| file.contains(&excerpt)), "{excerpt}");
    }
}

#[test]
fn the_chart_is_tested_as_the_page_says() {
    let (page, place) = (page("docs/guides/chart.md"), tempfile::tempdir().expect("a folder"));
    // As long as no registry has kubewalk, and without a network: this one, and what it is built of as it was built for this test.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_BIN_EXE_kubewalk")).ancestors().nth(2).expect("the folder of all that is built");
    let config = format!(
        "[net]\noffline = true\n[build]\ntarget-dir = {target:?}\n[profile.dev]\ndebug = 'line-tables-only'\n\
         [patch.crates-io]\nkubewalk = {{ path = {root:?} }}\n"
    );
    fs::create_dir(place.path().join(".cargo")).expect("a folder");
    fs::write(place.path().join(".cargo/config.toml"), config).expect("written");
    fs::create_dir(place.path().join("work")).expect("a folder");
    fs::copy(root.join("Cargo.lock"), place.path().join("work/Cargo.lock")).expect("copied");
    let (run, work) = followed(&page, "chart", place.path());
    assert_eq!(run, 11);
    // The excerpt is what was written.
    let story = fs::read_to_string(work.join("scenarios/chart.yaml")).expect("the story");
    for excerpt in blocks(&page, "yaml") {
        assert!(story.contains(&excerpt), "{story}");
    }
}
