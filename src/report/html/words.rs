//! Words and signs of the page.

use maud::{Markup, html};

use crate::{event::Outcome, report::story::Verdict};

/// A word for the style sheet.
pub(in crate::report) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Flaky => "flaky",
        Verdict::Failed => "failed",
        Verdict::Broken => "broken",
        Verdict::Skipped => "skipped",
        Verdict::Part => "part",
        Verdict::NotRun => "notRun",
    }
}

/// A sign, and the word for it that a screen reader says.
pub(in crate::report) fn mark(verdict: Verdict) -> Markup {
    let (sign, word) = match verdict {
        Verdict::Held => ("✓", "held"),
        Verdict::Flaky => ("↻", "held only when it was run again"),
        Verdict::Failed => ("✗", "failed"),
        Verdict::Broken => ("!", "could not be carried out"),
        Verdict::Skipped => ("–", "skipped"),
        Verdict::Part => ("–", "only a part was run"),
        Verdict::NotRun => ("–", "not run"),
    };
    html! { span.mark.(class(verdict)) role="img" aria-label=(word) { (sign) } }
}

pub(in crate::report) fn verdict_of(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Held => Verdict::Held,
        Outcome::Failed { .. } => Verdict::Failed,
        Outcome::Broken { .. } => Verdict::Broken,
        Outcome::Skipped { .. } => Verdict::Skipped,
    }
}

/// Paragraphs.
pub(in crate::report) fn narration(say: &str) -> Markup {
    html! {
        @for paragraph in say.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            p { (inline(paragraph.trim())) }
        }
    }
}

/// What stands between backticks as code.
pub(in crate::report) fn inline(text: &str) -> Markup {
    html! {
        @let parts: Vec<&str> = text.split('`').collect();
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 0 { (part) }
            // One that has no other is itself.
            @else if index + 1 == parts.len() { "`" (part) }
            @else { code { (part) } }
        }
    }
}
