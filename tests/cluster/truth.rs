//! A scenario that says something false fails, and the report says where and why. On a real cluster.

use std::path::Path;

use kubewalk::testing;

const WALKTHROUGH: &str = "scenarios/serviceaccount/walkthrough.yaml";

fn walkthrough() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(WALKTHROUGH)).expect("the walkthrough is there")
}

/// Runs a changed walkthrough that must fail with exit code 1, and gives its report.
fn refuted(text: &str) -> String {
    let (ended, report) = testing::run_text(WALKTHROUGH, text);
    assert_eq!(ended.exit.code(), 1, "{report}");
    assert_eq!(ended.failed, 1, "{report}");
    report
}

#[test]
fn every_expected_code_of_the_walkthrough_is_needed() {
    let text = walkthrough();
    let mut changed = 0;
    for (index, line) in text.lines().enumerate() {
        let (from, to) = match line {
            line if line.contains("status: 403") => ("403", "200"),
            line if line.contains("status: 200") => ("200", "403"),
            _ => continue,
        };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[index] = line.replacen(&format!("status: {from}"), &format!("status: {to}"), 1);
        let report = refuted(&lines.join("\n"));
        let place = format!("{WALKTHROUGH}:{}:", index + 1);
        assert!(report.contains(&place), "the report does not name {place}\n{report}");
        assert!(report.contains(&format!("expected {to}, got {from}")), "{report}");
        // Why it was refused, or which rule allowed it.
        let why = if to == "200" { "would grant just that:" } else { ", whose rule " };
        let granted = report.contains("= why: ") && (report.contains(why) || report.contains("the whole of"));
        assert!(granted || report.contains("401"), "the report does not say why\n{report}");
        changed += 1;
    }
    assert!(changed >= 8, "only {changed} codes were changed");
}

/// The steps of a scenario as they are written, the head of the file first.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.starts_with("  - title:") {
            blocks.push(String::new());
        }
        blocks.last_mut().expect("there is one").push_str(line);
    }
    blocks
}

#[test]
fn without_any_one_grant_a_step_of_the_walkthrough_fails() {
    let blocks = blocks(&walkthrough());
    let grants: Vec<usize> = (blocks.iter().enumerate())
        .filter(|(_, block)| ["kind: Role\n", "kind: RoleBinding\n"].iter().any(|kind| block.contains(kind)))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(grants.len(), 2, "a Role and its binding");
    for grant in grants {
        let kept: String =
            blocks.iter().enumerate().filter(|(index, _)| *index != grant).map(|(_, block)| block.as_str()).collect();
        let report = refuted(&kept);
        assert!(report.contains("expected 200, got 403"), "without this step:\n{}\n{report}", blocks[grant]);
        // Without the Role its rule is missing; without the binding only that, and the Role is named.
        let proposed = if blocks[grant].contains("kind: Role\n") {
            "resources: [pods]"
        } else {
            "Role default/list-pods would grant it"
        };
        assert!(report.contains(proposed), "the report proposes what is missing\n{report}");
    }
}
