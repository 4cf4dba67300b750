//! A page as Markdown, as GitHub and mdBook read it.

use std::fmt::Write as _;

use super::{
    page::{Page, footer},
    step::Told,
};
use crate::report::{
    diagram::{Diagram, LEGEND},
    story::{Story, Verdict},
};

pub(super) fn render(page: &Page<'_>) -> String {
    let mut text = format!("# {}\n", prose(page.title));
    if let Some(stamp) = &page.stamp {
        text.push_str("\n> **This run did not hold.** What is below is what happened, and not what is true.\n>\n");
        for line in &stamp.0 {
            let _ = writeln!(text, "> - {}", prose(line));
        }
    }
    let many = page.run.scenarios.len() > 1;
    for story in &page.run.scenarios {
        scenario(&mut text, story, many);
    }
    text.push_str("\n---\n\n");
    for line in footer(page) {
        let _ = writeln!(text, "{}<br>", prose(&line));
    }
    text
}

fn scenario(text: &mut String, story: &Story<'_>, many: bool) {
    let level = if many { "###" } else { "##" };
    if many {
        let _ = writeln!(text, "\n## {}", prose(story.title));
    }
    paragraphs(text, story.say);
    if !story.namespace.is_empty() && story.namespace != "default" {
        let _ = writeln!(text, "\nIt all happens in the namespace {}.", code(story.namespace));
    }
    for step in &story.steps {
        told(text, &Told::from_step(step), level);
    }
    let picture = Diagram::from_steps(story.steps.iter().map(|step| step.finished));
    if !picture.is_empty() {
        let _ =
            write!(text, "\n{level} Who may do what at the end\n\n```mermaid\n{}```\n\n{LEGEND}.\n", picture.mermaid());
        text.push_str("\n<details><summary>The picture in words</summary>\n\n");
        for sentence in picture.sentences() {
            let _ = writeln!(text, "- {}.", prose(&sentence));
        }
        text.push_str("\n</details>\n");
    }
}

fn told(text: &mut String, step: &Told<'_>, level: &str) {
    let _ = writeln!(text, "\n{level} {}. {}", step.number, prose(step.title));
    paragraphs(text, step.say);
    for manifest in &step.manifests {
        fenced(text, "yaml", manifest);
    }
    if !step.lines.is_empty() && step.verdict.0 != Verdict::Skipped {
        text.push_str("\nBy hand:\n");
        fenced(text, "sh", step.lines);
    }
    if !step.answer.is_empty() {
        text.push_str("\nThe answer:\n");
        fenced(text, "text", &step.answer);
    }
    let _ = writeln!(text, "\n{} {}", sign(step.verdict.0), prose(&step.verdict.1));
}

fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held | Verdict::Flaky => "✓",
        Verdict::Failed => "✗",
        Verdict::Broken => "!",
        Verdict::Skipped | Verdict::Part | Verdict::NotRun => "–",
    }
}

fn paragraphs(text: &mut String, say: Option<&str>) {
    for paragraph in say.unwrap_or_default().split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let _ = writeln!(text, "\n{}", prose(paragraph.trim()));
    }
}

/// A block between fences that are longer than any in it.
fn fenced(text: &mut String, word: &str, block: &str) {
    let fence = "`".repeat(longest(block, '`').max(2) + 1);
    let _ = write!(text, "\n{fence}{word}\n{}\n{fence}\n", block.trim_end_matches('\n'));
}

fn longest(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

/// A text in which only what stands between backticks has a meaning.
fn prose(text: &str) -> String {
    // What begins a list, a rule or a heading elsewhere begins a sentence here.
    let ordered = text.trim_start_matches(|c: char| c.is_ascii_digit());
    if text.starts_with(['-', '+', '=']) {
        return format!("\\{}", spans(text));
    }
    if ordered.len() < text.len() && ordered.starts_with(['.', ')']) {
        return format!("{}\\{}", &text[..text.len() - ordered.len()], spans(ordered));
    }
    spans(text)
}

/// The parts of a text, in and out of backticks.
fn spans(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick without its other one is a sign like others.
    let pairs = parts.len() % 2 == 1;
    let mut done = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 && !pairs {
            done.push_str(if index + 1 == parts.len() { "\\`" } else { "" });
        }
        let inside = index % 2 == 1 && (pairs || index + 1 < parts.len());
        if inside { done.push_str(&code(part)) } else { done.push_str(&plain(part)) }
    }
    done
}

fn code(text: &str) -> String {
    if text.is_empty() || text.contains('`') { plain(text) } else { format!("`{}`", text.replace('\n', " ")) }
}

/// Every sign that Markdown or HTML could read is escaped.
fn plain(text: &str) -> String {
    text.chars().fold(String::new(), |mut done, c| {
        match c {
            '<' => done.push_str("&lt;"),
            '>' => done.push_str("&gt;"),
            '&' => done.push_str("&amp;"),
            '\n' => done.push(' '),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => {
                done.push('\\');
                done.push(c);
            }
            _ => done.push(c),
        }
        done
    })
}
