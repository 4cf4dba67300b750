//! What the tests of attacks saw: the table of `SECURITY.md`. Each test fails when its row is not what it saw now;
//! `KUBEWALK_BLESS=1 cargo test --test attacks` writes the rows anew.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::rows::plain;

const BEGIN: &str = "<!-- attacks: written by tests/docker/attacks.rs; KUBEWALK_BLESS=1 cargo test --test attacks -->";
const END: &str = "<!-- /attacks -->";
const HEAD: &str = "| # | tried | what came of it | test |\n|---|---|---|---|";

/// One attack, by its number and a letter where a number has several: `A04`, `A04b`.
pub struct Attack {
    number: &'static str,
    tried: &'static str,
    file: &'static str,
}

impl Attack {
    /// What is tried, in our words, and the file of the test (`file!()`).
    pub fn new(number: &'static str, tried: &'static str, file: &'static str) -> Self {
        Attack { number, tried, file }
    }

    /// Nothing came of it but this, in our words or as kubewalk said it: compares it with the page, or writes it there.
    #[track_caller]
    pub fn held(self, seen: &str) {
        let name = Path::new(self.file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let cell = |text: &str| text.replace('|', "\\|");
        let row =
            format!("| {} | {} | {} | [{name}]({}) |", self.number, cell(self.tried), cell(&plain(seen)), self.file);
        if std::env::var_os("KUBEWALK_BLESS").is_some_and(|word| word == "1") {
            return bless(self.number, &row);
        }
        let page = std::fs::read_to_string(path()).unwrap_or_default();
        let there = page.lines().find(|line| number(line) == Some(self.number)).unwrap_or("no row");
        assert!(there == row, "SECURITY.md has\n{there}\nand this was seen:\n{row}\n(KUBEWALK_BLESS=1 writes it)");
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md")
}

/// The number of a row: `A04b`.
fn number(line: &str) -> Option<&str> {
    let word = line.strip_prefix("| ")?.split(' ').next()?;
    (word.len() >= 3 && word.starts_with(['A', 'K']) && word[1..3].bytes().all(|b| b.is_ascii_digit())).then_some(word)
}

/// Puts a row into the page; tests that run side by side take turns.
fn bless(of: &str, row: &str) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let page = std::fs::read_to_string(path()).unwrap_or_else(|_| format!("# Security\n\n{BEGIN}\n{END}\n"));
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the table");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    let others = table.lines().filter(|line| number(line).is_some_and(|number| number != of));
    let mut rows: Vec<&str> = others.chain([row]).collect();
    rows.sort_by_key(|line| number(line));
    let page = format!("{before}{BEGIN}\n{HEAD}\n{}\n{END}{after}", rows.join("\n"));
    std::fs::write(path(), page).expect("written");
}

#[test]
fn every_row_has_its_test_and_every_test_its_row() {
    let page = std::fs::read_to_string(path()).expect("SECURITY.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for row in page.lines().filter(|line| number(line).is_some()) {
        let file = row.rsplit("](").next().and_then(|rest| rest.split(')').next()).expect("a link");
        let source = on_one_line(&std::fs::read_to_string(root.join(file)).expect(file));
        let number = number(row).expect("a number");
        assert!(source.contains(&format!("Attack::new(\"{number}\"")), "{file} does not try {number}");
    }
    for entry in std::fs::read_dir(root.join("tests/docker/attacks")).expect("a folder").flatten() {
        let source = on_one_line(&std::fs::read_to_string(entry.path()).expect("a file"));
        for part in source.split("Attack::new(\"").skip(1).filter(|part| part.starts_with(['A', 'K'])) {
            let of = part.split('"').next().expect("a number");
            assert!(page.lines().any(|line| number(line) == Some(of)), "SECURITY.md has no row {of}");
        }
    }
}

/// A long call begins its first argument on a line of its own.
fn on_one_line(source: &str) -> String {
    source.replace("Attack::new(\n", "Attack::new(").replace("Attack::new(        ", "Attack::new(")
}
