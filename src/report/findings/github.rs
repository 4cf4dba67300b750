//! Workflow commands of GitHub: one annotation for each finding, at its line.

use std::fmt::Write as _;

use super::Finding;
use crate::{
    redact::show,
    report::{
        github::{data, in_workspace, property},
        words::defuse,
    },
};

/// The most annotations of each level that GitHub shows for a step; more would be dropped without a word.
const ANNOTATIONS: usize = 10;

/// `::error …` and `::warning …` lines, and how many more there are.
pub fn render(findings: &[Finding]) -> String {
    let mut text = String::new();
    for level in ["error", "warning"] {
        let all: Vec<&Finding> = findings.iter().filter(|finding| finding.level() == level).collect();
        for finding in all.iter().take(ANNOTATIONS) {
            let path = in_workspace(&finding.path);
            let place = finding.range.map_or_else(String::new, |range| {
                let ((line, col), (end_line, end_col)) = (range.start, range.end);
                // GitHub takes an end column only within one line, and means the last character.
                let end = if line == end_line && end_col > col {
                    format!(",endColumn={}", end_col - 1)
                } else {
                    String::new()
                };
                format!(",line={line},col={col}{end}")
            });
            let message = data(&defuse(&show::block(&finding.message_and_hint(), show::BODY)));
            let _ = writeln!(text, "::{level} file={}{place},title=kubewalk check::{message}", property(&path));
        }
        if let Some(more @ 1..) = all.len().checked_sub(ANNOTATIONS) {
            let _ = writeln!(
                text,
                "::notice title=kubewalk check::{more} more {level}s than the ten that GitHub shows; the log has all"
            );
        }
    }
    text
}
