//! Rows of pages that tests write: what was seen, without what differs from run to run.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::LazyLock;

use regex::Regex;

/// A text in a table, as code.
pub fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    format!("{fence}{}{fence}", text.replace('|', "\\|"))
}

/// A line without what differs from run to run.
pub fn plain(line: &str) -> String {
    static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let rules = [
            // A fast machine needs milliseconds.
            (r"\bin [0-9.]+ (?:min|ms|s)\b(?: [0-9.]+ s\b)?", "in N s"),
            (r"[0-9.]+ (ms|s|KiB|MB)\b", "N $1"),
            (r"\bafter [0-9.]+(s|ms)\b", "after N $1"),
            (r"(/[\w.-]+)*/\.tmp\w+", "…"),
            (r"\.kubewalk-report-\w+", ".kubewalk-report-…"),
            (r"^\|[ ^]*", ""),
            (r"\b[0-9]+ (milliseconds|bytes)\b", "N $1"),
            (r"\bkw-([a-z0-9-]+)-[a-z0-9]{5}\b", "kw-$1-…"),
            (r"\bkubewalk-(run-)?[0-9a-f]{8,}\b", "kubewalk-$1…"),
            (r"127\.0\.0\.1:[0-9]+", "127.0.0.1:…"),
            (r"\b(process|pid) [0-9]+", "$1 N"),
            (r"v1\.[0-9]+\.[0-9]+", "v1.N"),
        ];
        rules.into_iter().map(|(rule, with)| (Regex::new(rule).expect("a pattern"), with)).collect()
    });
    let mut line = line.trim().to_owned();
    for (rule, with) in RULES.iter() {
        line = rule.replace_all(&line, *with).into_owned();
    }
    line
}
