//! One step of the page.

use maud::{Markup, html};

use super::words::{inline, mark, narration, verdict_of};
use crate::{
    duration::took,
    event::{Excerpt, Failure, Outcome, Place, RequestRecord, ResponseRecord, StepFinished},
    report::{
        story::{Step, Story},
        words::{argument, options_in_words, speaker},
    },
    text,
};

/// A step: its claim on one line, and all the rest folded below it; open when it did not hold.
pub(super) fn step(story: &Story<'_>, step: &Step<'_>) -> Markup {
    let finished = step.finished;
    let verdict = verdict_of(&finished.outcome);
    let claim = html! { (mark(verdict)) " " (finished.number) " " (inline(&finished.title)) };
    if let Outcome::Skipped { reason } = &finished.outcome {
        return html! { p.notrun { (claim) " " span.soft { "not run: " (reason) } } };
    }
    html! {
        details open[finished.outcome != Outcome::Held] {
            summary {
                (claim) " "
                span.soft { @if !finished.summary.is_empty() { (finished.summary) ", " } (took(finished.took_ms)) }
            }
            div.inside {
                @if let Some(say) = step.say { (narration(say)) }
                (outcome(story, finished))
                h3 { "Request" }
                @for asked in &finished.asked { (request(asked)) }
                @if let Some(answered) = &finished.answered { (answer(finished, answered)) }
                @if !finished.equivalent.is_empty() {
                    h3 { "The same by hand" }
                    pre tabindex="0" { (finished.equivalent) }
                }
                @if !finished.yaml.is_empty() {
                    h3 { "In the scenario" }
                    p.soft { code { (story.path) ":" (finished.line) } }
                    pre tabindex="0" { (finished.yaml) }
                }
            }
        }
    }
}

fn outcome(story: &Story<'_>, finished: &StepFinished) -> Markup {
    html! {
        h3 { "Verdict" }
        @match &finished.outcome {
            Outcome::Held => p { "Everything was as expected" @if !finished.summary.is_empty() { ": " (finished.summary) } "." },
            Outcome::Failed { failures } => {
                @for one in failures { (failure(story.path, one)) }
                p { "Run just this: " code {
                    "kubewalk run " (argument(story.path)) (options_in_words(&story.again_options()))
                } }
            },
            Outcome::Broken { class, message, remedy } => div.failure.broken {
                p { strong { (class) ": " } (message) }
                p { "The step could not be carried out; this says nothing about its claim." }
                @if let Some(remedy) = remedy { p { "What to do: " (remedy) } }
            },
            Outcome::Skipped { reason } => p { "Not run: " (reason) },
        }
        @if finished.attempts > 1 { p.soft { "Asked " (finished.attempts) " times, until it was so or the time was over." } }
        @for warning in &finished.warnings { p { "The server warns: " (warning) } }
    }
}

fn failure(path: &str, failure: &Failure) -> Markup {
    let Failure { mismatch, place, why } = failure;
    html! {
        div.failure.failed {
            p { strong { (mismatch.message) } }
            p.soft { code { (place.file.as_deref().unwrap_or(path)) ":" (place.line) ":" (place.col) } }
            pre { (excerpt(place)) }
            dl {
                dt { "expected" } dd { (mismatch.expected) }
                dt { "got" } dd { (mismatch.got) }
                @if let Some(words) = &mismatch.server_words { dt { (speaker(mismatch.class)) } dd { (words) } }
                @for reason in why { dt { "why" } dd { (reason) } }
                @if let Some(hint) = &mismatch.hint { dt { "hint" } dd { (hint) } }
            }
        }
    }
}

fn excerpt(place: &Place) -> Markup {
    let text = &place.excerpt;
    let end = text::floor(text, place.end);
    let start = text::floor(text, place.start).min(end);
    html! { (&text[..start]) mark { (&text[start..end]) } (&text[end..]) }
}

fn request(asked: &RequestRecord) -> Markup {
    html! {
        p { code { (asked.what) } }
        dl {
            @if let Some(by) = &asked.by { dt { "as" } dd { (by) } }
            @if let Some(place) = &asked.place { dt { "in Pod" } dd { (place) } }
            @for header in &asked.headers { dt { "header" } dd { (header) } }
        }
        @if let Some(body) = &asked.body { (excerpt_markup(body)) }
    }
}

fn answer(finished: &StepFinished, answered: &ResponseRecord) -> Markup {
    html! {
        h3 { "Answer" }
        @if !finished.summary.is_empty() { p { (finished.summary) } }
        dl {
            @if let Some(status) = answered.status { dt { "status" } dd { (status) } }
            @if let Some(code) = answered.exit_code { dt { "exit code" } dd { (code) } }
            @for header in &answered.headers { dt { "header" } dd { (header) } }
        }
        @if let Some(body) = &answered.body { (excerpt_markup(body)) }
        @if let Some(stderr) = &answered.stderr { p.soft { "On standard error:" } (excerpt_markup(stderr)) }
    }
}

fn excerpt_markup(excerpt: &Excerpt) -> Markup {
    html! { pre tabindex="0" { (excerpt.shown()) } }
}
