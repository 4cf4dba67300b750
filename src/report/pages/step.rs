//! What a page tells of a step, in each format the same.

use serde_json::Value;

use crate::{
    event::{Excerpt, Outcome, StepFinished},
    manifests::written,
    report::story::{Step, Verdict},
};

/// The most lines of an answer that a page has.
const LINES: usize = 28;

/// A step.
pub(super) struct Told<'a> {
    pub number: usize,
    pub title: &'a str,
    pub say: Option<&'a str>,
    /// The manifests that it sends, as YAML.
    pub manifests: Vec<String>,
    /// The same by hand.
    pub lines: &'a str,
    /// What came back.
    pub answer: String,
    /// The sign, and the answer in a few words.
    pub verdict: (Verdict, String),
}

impl<'a> Told<'a> {
    pub fn from_step(step: &Step<'a>) -> Self {
        let finished = step.finished;
        Told {
            number: finished.number,
            title: &finished.title,
            say: step.say,
            manifests: manifests(finished),
            lines: &finished.equivalent,
            answer: answer(finished),
            verdict: verdict(finished),
        }
    }
}

fn verdict(finished: &StepFinished) -> (Verdict, String) {
    let summary = &finished.summary;
    match &finished.outcome {
        Outcome::Held if summary.is_empty() => (Verdict::Held, "as expected".into()),
        Outcome::Held => (Verdict::Held, summary.clone()),
        Outcome::Failed { failures } => {
            let all: Vec<&str> = failures.iter().map(|failure| failure.mismatch.message.as_str()).collect();
            (Verdict::Failed, format!("NOT as expected: {}", all.join("; ")))
        }
        Outcome::Broken { message, .. } => (Verdict::Broken, format!("could not be carried out: {message}")),
        Outcome::Skipped { reason } => (Verdict::Skipped, format!("not run: {reason}")),
    }
}

/// What is applied or created, as people write it.
fn manifests(finished: &StepFinished) -> Vec<String> {
    let sent = |what: &str| ["apply ", "create "].iter().any(|word| what.starts_with(word));
    let bodies = finished.asked.iter().filter(|asked| sent(&asked.what)).filter_map(|asked| asked.body.as_ref());
    bodies
        .map(|body| match serde_json::from_str::<Value>(&body.text) {
            Ok(manifest) if !body.cut => written::document(&manifest).trim_end().to_owned(),
            _ => excerpt(body),
        })
        .collect()
}

fn answer(finished: &StepFinished) -> String {
    let Some(answered) = &finished.answered else { return String::new() };
    let mut parts: Vec<String> = Vec::new();
    parts.extend(finished.warnings.iter().map(|warning| format!("Warning: {warning}")));
    parts.extend([&answered.body, &answered.stderr].into_iter().flatten().map(excerpt));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// The beginning of a text. Where it was cut, the cut may be elsewhere in the next run, so the last lines before it are left
/// out.
fn excerpt(excerpt: &Excerpt) -> String {
    let mut lines: Vec<&str> = excerpt.text.lines().collect();
    if excerpt.cut {
        lines.truncate(lines.len().saturating_sub(2));
    }
    let more = excerpt.cut || lines.len() > LINES;
    lines.truncate(LINES);
    let mut text = lines.join("\n");
    if more {
        text.push_str("\n… (more is left out)");
    }
    text
}
