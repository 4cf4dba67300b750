//! One HTML page without scripts and without anything from elsewhere: a timeline, and each step with what was asked, what
//! came back, what that means, and how to do it by hand.

mod step;
mod versions;
pub(super) mod words;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::words::{class, inline, mark, narration, verdict_of};
use super::{
    diagram::{Diagram, LEGEND, Style},
    story::{Run, Story, Verdict},
    trouble::Trouble,
};
use crate::{duration::took, event::Record};

/// Nothing is loaded, and nothing runs, even if something got around the escaping.
pub(super) const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The style sheet of all pages.
pub(super) const STYLE: &str = include_str!("style.css");

/// The page.
pub fn render(records: &[Record]) -> String {
    let run = Run::from_records(records);
    let words = run.sentence();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "kubewalk: " (words) }
                // The browser would ask a server for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) (PreEscaped(Diagram::CSS)) }
            }
            body {
                a.skip href="#steps" { "Skip to the steps" }
                (head(&run, &words))
                nav aria-labelledby="timeline" { (timeline(&run)) }
                @if let Some(steps) = run.compared { (versions::section(&run.versions, steps)) }
                main id="steps" {
                    @for trouble in &run.troubles { (outside(trouble)) }
                    @for (index, story) in run.scenarios.iter().enumerate() { (scenario(index, story)) }
                }
                footer { "Made by kubewalk " (run.kubewalk) " from the events of this run. Credentials are blacked out." }
            }
        }
    };
    page.into_string() + "\n"
}

fn head(run: &Run<'_>, words: &str) -> Markup {
    let good = run.exit_code == Some(0);
    html! {
        header {
            h1 { "kubewalk" }
            p.verdict.(if good { "held" } else { "failed" }) { (mark(if good { Verdict::Held } else { Verdict::Failed })) " " (words) }
            p.soft {
                @if !run.started.is_empty() { time datetime=(run.started) { (run.started) } ", " }
                (took(run.took_ms))
                @if let Some(cluster) = run.cluster { ", cluster " (cluster.kind) " with Kubernetes " (run.kubernetes()) }
                @if let Some(code) = run.exit_code { ", exit code " (code) }
            }
            @if let Some(first) = run.scenarios.iter().position(|story| story.verdict == Verdict::Failed) {
                p { a href={ "#s" (first) } { "To the first that failed" } }
            }
        }
    }
}

/// One bar a scenario, with its steps in it. The bars are for the eye; the words beside them say the same.
fn timeline(run: &Run<'_>) -> Markup {
    let whole = run.took_ms.max(1);
    html! {
        h2 #timeline { "Timeline" }
        ol.timeline {
            @for (index, story) in run.scenarios.iter().enumerate() {
                li {
                    span {
                        (mark(story.verdict)) " " a href={ "#s" (index) } { (inline(&story.heading())) } " "
                        span.soft {
                            @if let Some(begun) = story.begun_ms {
                                "from " (took(begun)) ", took " (took(story.took_ms))
                            } @else { "not run" }
                        }
                    }
                    span.bar aria-hidden="true" {
                        @for step in story.steps.iter().filter(|step| step.finished.took_ms > 0) {
                            i.(class(verdict_of(&step.finished.outcome)))
                                style={ "left:" (percent(step.begun_ms, whole)) "%;width:" (percent(step.finished.took_ms, whole)) "%" } {}
                        }
                    }
                }
            }
            li aria-hidden="true" { span {} span.scale.soft { span { "0" } span { (took(whole / 2)) } span { (took(whole)) } } }
        }
    }
}

/// With one digit after the point.
fn percent(part: u64, whole: u64) -> String {
    let tenths = (part.saturating_mul(1000) / whole).min(1000);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn outside(trouble: &Trouble) -> Markup {
    html! {
        section.trouble.broken {
            h2 { (mark(Verdict::Broken)) " " (trouble.message) }
            @if let Some((path, line, col)) = &trouble.place { p.soft { code { (path) ":" (line) ":" (col) } } }
            @if !trouble.more.is_empty() { pre tabindex="0" { (trouble.more.join("\n")) } }
        }
    }
}

fn scenario(index: usize, story: &Story<'_>) -> Markup {
    html! {
        section.story.(class(story.verdict)) aria-labelledby={ "s" (index) } {
            h2 id={ "s" (index) } { (mark(story.verdict)) " " (inline(&story.heading())) }
            p.soft {
                code { (story.path) ":" (story.line) }
                @if !story.namespace.is_empty() { ", namespace " code { (story.namespace) } }
                @if !story.shape.is_empty() { ", API server: " (story.shape) }
                ", " (took(story.took_ms))
            }
            @if !story.reason.is_empty() { p { strong { (story.reason) } } }
            @if let Some(say) = story.say { (narration(say)) }
            @for trouble in &story.troubles {
                div.failure.broken { p { strong { (trouble.message) } } @if !trouble.more.is_empty() { pre tabindex="0" { (trouble.more.join("\n")) } } }
            }
            @for (index, earlier) in story.earlier.iter().enumerate() {
                div.failure.broken {
                    p { strong { "Attempt " (index + 1) ": " (earlier.reason) } }
                    @for trouble in &earlier.troubles { @if !trouble.more.is_empty() { pre tabindex="0" { (trouble.more.join("\n")) } } }
                }
            }
            (diagram(index, story))
            @if !story.steps.is_empty() {
                ol.steps { @for step in &story.steps { li { (step::step(story, step)) } } }
            }
        }
    }
}

/// Who may do what at the end, and what calls have shown of it; the same in words, folded.
fn diagram(index: usize, story: &Story<'_>) -> Markup {
    let picture = Diagram::from_steps(story.steps.iter().map(|step| step.finished));
    html! {
        @if !picture.is_empty() {
            figure.diagram {
                (picture.drawn(&format!("s{index}"), Style::Page))
                figcaption.soft { (LEGEND) "." }
                details {
                    summary { "The picture in words" }
                    ul { @for sentence in picture.sentences() { li { (sentence) "." } } }
                }
            }
        }
    }
}
