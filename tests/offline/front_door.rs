//! What the crate's page on docs.rs shows: an example that holds, one stable module, and nothing of the rooms behind it.
//! No cluster.

use std::path::Path;

use kubewalk::{
    plan::{self, Names, Trust},
    scenario,
};

/// The source of the library's root.
fn root() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("src/lib.rs")
}

/// The scenario in the page's second example is what a newcomer pastes first, so `check` has nothing to say about it. That
/// the Rust around it compiles is shown by the tests of documentation.
#[test]
fn the_scenario_of_the_front_page_is_accepted_without_a_warning() {
    let page = root();
    let lines: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let begins =
        lines.iter().position(|line| line.trim_start().starts_with("title: ")).expect("a scenario in the page");
    let text: Vec<&str> = lines[begins..].iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let text = text.split(|line| line.starts_with('"')).next().expect("its end").join("\n");
    let document = scenario::read(Path::new("reader.yaml"), text.as_bytes()).expect("a scenario without a slip");
    let plan = plan::plan_for(document, &Names::random(), Trust::Full).expect("a plan");
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    assert_eq!(plan.steps.len(), 5);
}

/// A module that is public and not hidden is a promise to those who depend on this crate.
#[test]
fn one_module_is_promised_and_the_others_are_hidden() {
    let page = root();
    let lines: Vec<&str> = page.lines().collect();
    let shown: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter(|&(at, line)| line.starts_with("pub ") && lines[at - 1] != "#[doc(hidden)]")
        .map(|(_, &line)| line)
        .collect();
    assert_eq!(shown, ["pub mod testing;"]);
}
