//! The page that says what holds each verdict: what it names is there.

use super::{root, text};

const PAGE: &str = "docs/truth.md";

/// How many kinds of faults there were.
const KINDS: usize = 37;

/// The rows: a number, and what its tests are called.
fn rows() -> Vec<(String, Vec<String>)> {
    let page = text(PAGE);
    let rows = page.lines().filter(|line| line.starts_with("| K"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let tests = cells.last().expect("a cell").split('`').skip(1).step_by(2).map(str::to_owned);
        (cells[0].trim().to_owned(), tests.collect())
    })
    .collect()
}

/// Whether a function of this name in a file is a test.
fn is_test(source: &str, name: &str) -> bool {
    let Some(at) = source.find(&format!("fn {name}(")) else { return false };
    // Behind what stands between it and the item before: attributes, and the values of a table.
    let before = &source[..at];
    let attributes = before.rfind("\n}\n").max(before.rfind(";\n\n")).map_or(before, |end| &before[end..]);
    ["#[test]", "#[rstest]", "#[tokio::test"].iter().any(|word| attributes.contains(word))
}

#[test]
fn every_kind_of_fault_is_held_by_tests_that_are_there() {
    let rows = rows();
    let numbers: Vec<String> = rows.iter().map(|(number, _)| number.clone()).collect();
    assert_eq!(numbers, (1..=KINDS).map(|number| format!("K{number}")).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (number, tests) in rows {
        if tests.is_empty() {
            wrong.push(format!("{number} names no test"));
        }
        for test in tests {
            let there = match test.split_once("::") {
                Some((file, name)) => root().join(file).is_file() && is_test(&text(file), name),
                None => root().join(&test).is_file(),
            };
            if !there {
                wrong.push(format!("{number}: there is no {test}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{PAGE}:\n{}", wrong.join("\n"));
}
