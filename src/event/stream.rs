//! The event stream as it is written and read: JSON lines, each an event and the time at which it came.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Event, Fault, VERSION};
use crate::{
    cluster_kind::ClusterKind,
    k8s::{
        Resource,
        served::{self, TABLE},
        special,
    },
    redact::{credentials, redact},
    text,
};

/// One line of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Milliseconds since the start of the run.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Record {
    /// An event in which every credential is blacked out and every control character escaped, wherever it stands.
    pub fn new(at_ms: u64, event: Event) -> Self {
        let plain = Record { at_ms, event };
        let Ok(mut json) = serde_json::to_value(&plain) else { return unfit(at_ms) };
        if clean(&mut json, "") { serde_json::from_value(json).unwrap_or_else(|_| unfit(at_ms)) } else { plain }
    }

    /// The line, with its newline.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// What stands in the place of an event that cannot be cleaned: nothing of it is told.
fn unfit(at_ms: u64) -> Record {
    let message = "something happened that could not be told without a credential".to_owned();
    Record { at_ms, event: Event::Aborted { path: None, class: Fault::Bug, message, remedy: None, log: vec![] } }
}

/// Whether a text is one of kubewalk's own words, or of Kubernetes', by which reports read an event: no Secret's value changes it, since
/// the event could not be read with another word in its place, and the word says nothing about a Secret.
fn is_own(key: &str, text: &str) -> bool {
    let any = |holds: &dyn Fn(&Resource) -> bool| TABLE.resources.iter().any(holds);
    match key {
        "event" | "is" | "class" | "pointer" | "verdict" => true,
        // Elsewhere it is the name of a user.
        "by" => matches!(text, "undo" | "replay"),
        "kubernetes" | "versions" => {
            let numbers = text.strip_prefix('v').unwrap_or(text);
            numbers.len() <= LONGEST_VERSION && numbers.split('.').all(|part| part.parse::<u16>().is_ok())
        }
        "kind" => <ClusterKind as clap::ValueEnum>::from_str(text, false).is_ok() || any(&|one| one.kind == text),
        // The others have words of the scenario in them.
        "verb" | "verbs" => special::is_verb(text) && !text.contains(':'),
        "resource" | "resources" => any(&|one| one.plural == text),
        "subresource" => any(&|one| one.sub.as_deref() == Some(text)),
        "group" | "apiGroup" | "apiGroups" => served::is_own_group(text),
        "started" => text.parse::<jiff::Timestamp>().is_ok(),
        "sum" => text.strip_prefix("sha256:").is_some_and(|sum| sum.bytes().all(|byte| byte.is_ascii_hexdigit())),
        _ => false,
    }
}

/// The longest number of a version, in letters: `1.37.10`.
const LONGEST_VERSION: usize = 11;

/// Cleans all texts; `true`: there was something to clean.
fn clean(json: &mut Value, key: &str) -> bool {
    match json {
        Value::String(text) if is_own(key, text) => false,
        Value::String(text) => {
            // By its path a report knows a scenario, from the first event on.
            let clean = text::escape(&if key == "path" { credentials(text) } else { redact(text) }, true);
            let changed = clean != *text;
            *text = clean;
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| clean(item, key) | any),
        Value::Object(map) => map.iter_mut().fold(false, |any, (key, item)| clean(item, key) | any),
        _ => false,
    }
}

/// The sum of the lines of a stream so far.
#[derive(Debug, Clone, Default)]
pub struct Seal(Sha256);

impl Seal {
    /// Takes a line, with its newline.
    pub fn take(&mut self, line: &str) {
        self.0.update(line.as_bytes());
    }

    /// `sha256:…`.
    pub fn sum(&self) -> String {
        text::sum(&self.0)
    }

    /// The last line of the stream, with its newline.
    pub fn line(&self, at_ms: u64) -> String {
        Record { at_ms, event: Event::Sealed { sum: self.sum() } }.line()
    }
}

/// A whole stream with its seal.
pub fn sealed(records: &[Record]) -> String {
    let mut seal = Seal::default();
    let mut text = String::new();
    for line in records.iter().map(Record::line) {
        seal.take(&line);
        text.push_str(&line);
    }
    text + &seal.line(records.last().map_or(0, |last| last.at_ms))
}

/// Whether a stream that could be read ends with its seal: [`read`] has compared it.
pub fn is_sealed(text: &str) -> bool {
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    let last = last.and_then(|line| serde_json::from_str::<Record>(line).ok());
    last.is_some_and(|record| matches!(record.event, Event::Sealed { .. }))
}

/// A stream could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// 1 for the first.
    pub line: usize,
    /// In bytes, 1 for the first.
    pub col: usize,
    /// One sentence.
    pub message: String,
}

/// Reads a stream. A last line without its end, as a killed run leaves it, is left out; so are events that a newer
/// kubewalk has in addition.
///
/// # Errors
/// When a line is no event, the first is not that of a run, the version is not ours, or the lines are not those that were sealed.
pub fn read(text: &str) -> Result<Vec<Record>, Unreadable> {
    let mut records: Vec<Record> = Vec::new();
    let (mut seal, mut ended) = (Seal::default(), false);
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        let line = index + 1;
        let wrong = |col: usize, message: String| Unreadable { line, col: col.max(1), message };
        if whole.trim().is_empty() {
            seal.take(whole);
            continue;
        }
        let record = match serde_json::from_str::<Record>(whole) {
            Ok(record) => record,
            Err(_) if !whole.ends_with('\n') && !records.is_empty() => break,
            Err(e) => return Err(wrong(e.column(), format!("this is no event: {e}"))),
        };
        match &record.event {
            Event::RunStarted { version, kubewalk, .. } if *version != VERSION => {
                let message = format!(
                    "these events are of version {version} (kubewalk {kubewalk}), and this kubewalk reads version {VERSION}"
                );
                return Err(wrong(1, message));
            }
            Event::RunStarted { .. } if !records.is_empty() => {
                return Err(wrong(1, "a second run begins here; a report is about one".into()));
            }
            Event::RunStarted { .. } => {}
            _ if records.is_empty() => return Err(wrong(1, "the first event is not `runStarted`".into())),
            Event::Sealed { sum } if *sum != seal.sum() => {
                let message = "a line before this seal was changed after the run wrote it".to_owned();
                return Err(wrong(1, message));
            }
            Event::Sealed { .. } => {
                ended = true;
                continue;
            }
            _ if ended => return Err(wrong(1, "this line was added behind the seal".into())),
            _ => {}
        }
        seal.take(whole);
        if record.event != Event::Unknown {
            records.push(record);
        }
    }
    if records.is_empty() {
        Err(Unreadable { line: 1, col: 1, message: "there is no event".into() })
    } else {
        Ok(records)
    }
}

/// The version of a stream, if the text begins as one does.
pub fn begins(text: &str) -> Option<u32> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    match serde_json::from_str::<Record>(first).ok()?.event {
        Event::RunStarted { version, .. } => Some(version),
        _ => None,
    }
}

/// The JSON Schema of one line.
pub fn schema_json() -> Value {
    let mut generator = schemars::generate::SchemaSettings::draft07().into_generator();
    let mut schema = generator.root_schema_for::<Record>().to_value();
    schema["title"] = format!("kubewalk's event stream, version {VERSION}: one line").into();
    schema
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const START: &str =
        r#"{"atMs":0,"event":"runStarted","version":1,"kubewalk":"0.1.0","scenarios":1,"started":"","selected":[]}"#;

    #[test]
    fn a_credential_does_not_get_into_a_record() {
        let message = "sent Bearer abcdef0123456789abcdef to".to_owned();
        let event = Event::Aborted {
            path: None,
            class: Fault::Unknown,
            message,
            remedy: None,
            log: vec!["token: abcdef.0123456789abcdef".into()],
        };
        let line = Record::new(7, event).line();
        assert!(
            !line.contains("0123456789")
                && line.contains("«redacted token»")
                && line.starts_with(r#"{"atMs":7,"event""#),
            "{line}"
        );
        let text = format!("{START}\n{line}");
        assert_eq!(read(&text).expect("records")[1].line(), line);
    }

    #[test]
    fn a_secret_that_is_one_of_our_own_words_changes_no_event_and_lets_none_through() {
        for word in ["stepFinished", "failed", "scenarios", "stepStarted"] {
            crate::redact::register_value("word", word.as_bytes());
        }
        crate::redact::register_value("word", b"our-0wn-words");
        let event = Event::StepStarted {
            path: "scenarios/a.yaml".into(),
            number: 1,
            title: "it says our-0wn-words".into(),
            say: None,
            predict: None,
        };
        let line = Record::new(1, event).line();
        assert!(line.contains(r#""event":"stepStarted","path":"scenarios/a.yaml""#), "{line}");
        assert!(line.contains("«redacted value»") && !line.contains("0wn"), "{line}");
    }

    #[test]
    fn no_secret_that_is_a_version_or_a_word_of_kubernetes_takes_an_event_apart() {
        // What is registered is of the whole process, so these are words that no other test has.
        for word in ["9.87", "v9.87.6", "devicetaintrules", "DeviceTaintRule"] {
            crate::redact::register_value("word", word.as_bytes());
        }
        let lines = [
            r#"{"atMs":1,"event":"versionStarted","kubernetes":"9.87"}"#,
            r#"{"atMs":1,"event":"clusterReady","kind":"builtin","kubernetes":"v9.87.6","elapsedMs":1}"#,
        ];
        for line in lines {
            let record: Record = serde_json::from_str(line).expect("a record");
            assert_eq!(Record::new(record.at_ms, record.event).line().trim_end(), line);
        }
        let asked =
            r#"{"user":"v9.87.6","call":{"verb":"list","resource":"devicetaintrules"},"kind":"DeviceTaintRule"}"#;
        let mut json: Value = serde_json::from_str(asked).expect("JSON");
        assert!(clean(&mut json, ""));
        assert_eq!((&json["call"]["resource"], &json["kind"]), (&"devicetaintrules".into(), &"DeviceTaintRule".into()));
        assert_eq!(json["user"], crate::redact::VALUE, "elsewhere it is a text like others");
    }

    #[rstest]
    #[case("by", "undo", "jane")]
    #[case("kubernetes", "v1.37.0", "v1.37.0-s3cret")]
    #[case("versions", "1.37", "1.37.s3cret")]
    #[case("kind", "builtin", "s3cret")]
    #[case("kind", "Role", "s3cret")]
    #[case("verbs", "list", "impersonate:s3cret")]
    #[case("resources", "pods", "s3cret")]
    #[case("subresource", "log", "s3cret")]
    #[case("apiGroups", "apps", "s3cret.example.com")]
    #[case("started", "2026-12-01T00:00:00Z", "s3cret")]
    #[case("sum", "sha256:0a", "sha256:s3cret")]
    #[case("verdict", "differs", "")]
    #[case("class", "status", "")]
    fn only_what_is_a_word_of_its_field_is_left(#[case] key: &str, #[case] own: &str, #[case] other: &str) {
        assert!(is_own(key, own) && (other.is_empty() || !is_own(key, other)));
    }

    #[test]
    fn what_a_killed_run_leaves_can_be_read() {
        let text = format!("{START}\n{{\"atMs\":1,\"event\":\"cleanUp\",\"tookMs\":1,\"left\":[\"a");
        assert_eq!(read(&text).expect("records").len(), 1);
        let newer = format!("{START}\n{{\"atMs\":1,\"event\":\"landed\",\"on\":\"Mars\"}}\n");
        assert_eq!(read(&newer).expect("records").len(), 1);
    }

    #[test]
    fn a_sealed_stream_that_is_changed_by_one_byte_is_refused() {
        let event = Event::ClusterPhase { name: "answer 200".into(), elapsed_ms: 1 };
        let start = serde_json::from_str(START).expect("a record");
        let text = sealed(&[start, Record::new(1, event)]);
        assert!(is_sealed(&text) && read(&text).expect("records").len() == 2, "{text}");
        // When the seal was written is no part of what it is about.
        let seal = text.find(r#"{"atMs":1,"event":"sealed""#).expect("the seal") + r#"{"atMs":1"#.len();
        for at in (1..seal - r#"{"atMs":1"#.len()).chain(seal..text.len() - 1) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).expect("text");
            // A seal that is none any more is missing, which is another matter than one that is wrong.
            assert!(read(&changed).is_err() || !is_sealed(&changed), "{changed}");
        }
        let longer =
            format!("{text}{}", Record::new(2, Event::ClusterPhase { name: "x".into(), elapsed_ms: 2 }).line());
        assert_eq!(read(&longer).expect_err("an error").message, "this line was added behind the seal");
        let without: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
        assert!(!is_sealed(&without) && read(&without).is_ok());
    }

    #[rstest]
    #[case("".into(), 1, "there is no event")]
    #[case("no\n".into(), 1, "this is no event")]
    #[case(START.replace("\"version\":1", "\"version\":9"), 1, "this kubewalk reads version 1")]
    #[case(format!("{START}\n{START}\n"), 2, "a second run begins here")]
    #[case(format!("{START}\nno\n{START}\n"), 2, "this is no event")]
    #[case("{\"atMs\":1,\"event\":\"clusterPhase\",\"name\":\"a\",\"elapsedMs\":1}\n".into(), 1, "the first event is not")]
    fn what_is_no_stream_is_said(#[case] text: String, #[case] line: usize, #[case] words: &str) {
        let wrong = read(&text).expect_err("an error");
        assert_eq!(wrong.line, line);
        assert!(wrong.message.contains(words), "{}", wrong.message);
    }
}
