//! The schemas of a chart's values (`values.schema.json`): helm follows what they refer to, also to files of this machine and to other
//! hosts, so one that refers outside of itself is refused.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::shared::Failed;
use crate::scenario::{Diagnostic, Severity, Source, Span};

const KEY: &str = "helm";

/// The name of such a file, in the chart's folder and in those of the charts in it.
const NAME: &str = "values.schema.json";

/// Keywords by which a schema refers to another.
const REFERS: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// The most that is unpacked of a packed chart, in bytes, and how deep one may be in another.
const MOST: u64 = 32 << 20;
const DEPTH: usize = 4;

/// The size of a block of a tar archive, in bytes.
const BLOCK: usize = 512;

/// Looks at the schemas among a chart's files, and in the packed charts among them. `shown` is what the chart's folder is called.
///
/// # Errors
/// The first place that refers elsewhere; a schema or a packed chart that cannot be read.
pub(super) fn check(files: &BTreeMap<String, Vec<u8>>, chart: &str, shown: &Path) -> Result<(), Failed> {
    for (name, bytes) in files {
        let path = shown.join(name.strip_prefix(chart).unwrap_or(name).trim_start_matches('/'));
        if is_schema(name) {
            schema(bytes, path)?;
        } else if is_packed(name) {
            packed(bytes, &path, DEPTH)?;
        }
    }
    Ok(())
}

fn is_schema(name: &str) -> bool {
    // helm takes both for the end of a folder's name.
    name.rsplit(['/', '\\']).next() == Some(NAME)
}

fn is_packed(name: &str) -> bool {
    [".tgz", ".tar.gz"].iter().any(|end| name.ends_with(end))
}

fn schema(bytes: &[u8], path: PathBuf) -> Result<(), Failed> {
    let text = String::from_utf8_lossy(bytes);
    let refused = |message: String, start: usize, length: usize, hint: &str| {
        let source = Source { path: path.clone(), text: text.as_ref().into() };
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            message,
            file: Some(source),
            span: Some(Span { start, end: start + length }),
            label: None,
            second: None,
            hint: Some(hint.to_owned()),
            fix: Vec::new(),
            environment: false,
        };
        Err(Failed::Text(KEY, vec![diagnostic]))
    };
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(e) => {
            let line: usize = text.lines().take(e.line().saturating_sub(1)).map(|line| line.len() + 1).sum();
            let at = crate::text::floor(&text, (line + e.column().saturating_sub(1)).min(text.len()));
            return refused(format!("this is no JSON: {e}"), at, 0, "mend the chart's schema");
        }
    };
    let Some((key, to)) = outside(&value) else { return Ok(()) };
    // As it is written, which may be by escapes.
    let written = Value::from(to).to_string();
    let (start, length) = text.find(&written).map_or((0, 0), |at| (at, written.len()));
    let message = format!("the schema's `{key}` leads out of it: `{to}`");
    refused(
        message,
        start,
        length,
        "helm would read that: put what it refers to below `$defs`, and write `#/$defs/NAME`",
    )
}

/// The first reference of a schema that does not stay in it: the keyword, and where it leads.
fn outside(value: &Value) -> Option<(&str, &str)> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, value)| match value {
            Value::String(to) if REFERS.contains(&key.as_str()) && !to.starts_with('#') => {
                Some((key.as_str(), to.as_str()))
            }
            Value::String(to) if key == "$schema" && !is_drafts(to) => Some((key.as_str(), to.as_str())),
            value => outside(value),
        }),
        Value::Array(items) => items.iter().find_map(outside),
        _ => None,
    }
}

/// Whether it is the address of a draft of JSON Schema, which helm has in it.
fn is_drafts(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).unwrap_or_default();
    rest.strip_prefix("json-schema.org/").is_some_and(|rest| {
        let rest = rest.trim_end_matches('#').strip_suffix("/schema");
        rest.is_some_and(|draft| draft.starts_with("draft") && !draft.contains(".."))
            || address.trim_end_matches('#').ends_with("json-schema.org/schema")
    })
}

/// Looks at the schemas in a packed chart.
fn packed(bytes: &[u8], path: &Path, depth: usize) -> Result<(), Failed> {
    let name = path.display();
    let refused = |message: String| {
        Err(Failed::Named(KEY, message, "unpack it: `helm pull --untar`, or `tar -xzf` in its folder".to_owned()))
    };
    let mut tar = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(MOST + 1).read_to_end(&mut tar);
    if read.is_err() || tar.len() as u64 > MOST || depth == 0 {
        return refused(format!("`{name}` cannot be looked into: it is no packed chart of at most {} MiB", MOST >> 20));
    }
    let Some(entries) = entries(&tar) else {
        return refused(format!("`{name}` cannot be looked into: it is no tar archive in the plain form"));
    };
    for (entry, content) in entries {
        if is_packed(&entry) {
            packed(content, &path.join(&entry), depth - 1)?;
        } else if is_schema(&entry) {
            schema(content, path.join(&entry))?;
        }
    }
    Ok(())
}

/// The files of a tar archive, in the form that helm and tar write: names in their headers, sizes as octal digits. `None`: it is another one,
/// in which another reader may see other files.
fn entries(tar: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let mut found = Vec::new();
    let mut rest = tar;
    while rest.len() >= BLOCK && rest[..BLOCK].iter().any(|byte| *byte != 0) {
        let header = &rest[..BLOCK];
        let field = |from: usize, to: usize| {
            let field = &header[from..to];
            std::str::from_utf8(&field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())]).ok()
        };
        let size = usize::from_str_radix(field(124, 136)?.trim(), 8).ok()?;
        let content = rest.get(BLOCK..BLOCK.checked_add(size)?)?;
        let name = field(0, 100)?;
        // Only the newer form has a prefix.
        let prefix = if header[257..].starts_with(b"ustar\0") { field(345, 500)? } else { "" };
        match header[156] {
            b'0' | 0 => {
                found.push((if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }, content))
            }
            b'5' => {}
            // What is said of all files, or of the next one, must not be its name or size.
            b'g' | b'x'
                if !["path=", "size=", "GNU.sparse"]
                    .iter()
                    .any(|key| String::from_utf8_lossy(content).contains(key)) => {}
            _ => return None,
        }
        rest = rest.get(BLOCK + size.next_multiple_of(BLOCK)..).unwrap_or_default();
    }
    Some(found)
}

#[cfg(test)]
#[path = "schema/tests.rs"]
mod tests;
