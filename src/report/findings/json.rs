//! One JSON document, for editors and scripts.

use serde_json::{Value, json};

use super::Finding;

/// The version of the form below; it changes when a key changes its meaning or goes.
const VERSION: u32 = 1;

/// `{version, scenarios, invalid, errors, warnings, findings: [{level, path, range, message, help}]}`. A range has `start` and
/// `end` with `line` and `column`, all from 1; columns count characters, and the end is one past the last one.
pub fn render(findings: &[Finding], valid: usize, invalid: usize) -> String {
    let count = |level| findings.iter().filter(|finding| finding.level() == level).count();
    let all: Vec<Value> = findings.iter().map(finding).collect();
    let document = json!({
        "version": VERSION,
        "kubewalk": env!("CARGO_PKG_VERSION"),
        "scenarios": valid,
        "invalid": invalid,
        "errors": count("error"),
        "warnings": count("warning"),
        "findings": all,
    });
    format!("{document:#}\n")
}

fn finding(finding: &Finding) -> Value {
    let place = |(line, column): (usize, usize)| json!({"line": line, "column": column});
    json!({
        "level": finding.level(),
        "path": finding.path,
        "range": finding.range.map(|range| json!({"start": place(range.start), "end": place(range.end)})),
        "message": finding.message,
        "help": finding.hint,
    })
}
