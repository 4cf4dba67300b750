//! SARIF 2.1.0, which code scanning and editors read. Source: the OASIS standard "Static Analysis Results Interchange Format
//! (SARIF) Version 2.1.0", sections 3.13 (log), 3.14 (run), 3.27 (result) and 3.30 (region).

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::Finding;
use crate::report::github::in_workspace;

/// Where the schema of this version is found.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What may not stand as it is in the path of a URI (RFC 3986, section 3.3), the slash apart.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':') // before the first `/` it would end a scheme
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// One run of one tool, with one result for each finding.
pub fn render(findings: &[Finding]) -> String {
    let results: Vec<Value> = findings.iter().map(result).collect();
    let rule = |id: &str, text: &str| json!({"id": id, "shortDescription": {"text": text}});
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "columnKind": "unicodeCodePoints",
            "tool": {"driver": {
                "name": "kubewalk",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": [
                    rule("invalid", "A scenario file that cannot be run as it is"),
                    rule("doubtful", "A scenario that may not show what it claims"),
                ],
            }},
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn result(finding: &Finding) -> Value {
    let rule = match finding.level() {
        "error" => ("invalid", 0),
        _ => ("doubtful", 1),
    };
    let uri = in_workspace(&finding.path);
    // With a scheme a path that begins with `/` is a URI; others are relative to the folder that is scanned.
    let scheme = if uri.starts_with('/') { "file://" } else { "" };
    let uri = format!("{scheme}{}", utf8_percent_encode(&uri, NOT_IN_A_PATH));
    let mut physical = json!({"artifactLocation": {"uri": uri}});
    if let Some(range) = finding.range {
        physical["region"] = json!({
            "startLine": range.start.0,
            "startColumn": range.start.1,
            "endLine": range.end.0,
            "endColumn": range.end.1,
        });
    }
    json!({
        "ruleId": rule.0,
        "ruleIndex": rule.1,
        "level": finding.level(),
        "message": {"text": finding.message_and_hint()},
        "locations": [{"physicalLocation": physical}],
    })
}
