//! A page as one HTML file: no script, nothing from elsewhere, each step can be folded, for the screen and for paper.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    page::{Page, footer},
    step::Told,
};
use crate::report::{
    diagram::{Diagram, LEGEND, Style},
    html::{
        POLICY, STYLE,
        words::{class, inline, mark, narration},
    },
    story::{Story, Verdict},
};

pub(super) fn render(page: &Page<'_>) -> String {
    let many = page.run.scenarios.len() > 1;
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (page.title) }
                // The browser would ask a server for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) (PreEscaped(Diagram::CSS)) (PreEscaped(include_str!("page.css"))) }
            }
            body.page {
                a.skip href="#steps" { "Skip to the steps" }
                header { h1 { (inline(page.title)) } }
                @if let Some(stamp) = &page.stamp {
                    section.trouble.failed {
                        p { strong { "This run did not hold." } " What is below is what happened, and not what is true." }
                        ul { @for line in &stamp.0 { li { (line) } } }
                    }
                }
                main id="steps" { @for (index, story) in page.run.scenarios.iter().enumerate() { (scenario(index, story, many)) } }
                footer { @for line in footer(page) { p { (line) } } }
            }
        }
    };
    // All texts are escaped, so that these are tags; a file of one line is nothing that a reader compares.
    let text = whole.into_string();
    [
        "<style", "<body", "<section", "<details", "<pre", "<h3", "<figure", "<svg", "<footer", "<p", "<g ", "<path",
        "<li",
    ]
    .iter()
    .fold(text, |text, tag| text.replace(tag, &format!("\n{tag}")))
        + "\n"
}

fn scenario(index: usize, story: &Story<'_>, many: bool) -> Markup {
    let picture = Diagram::from_steps(story.steps.iter().map(|step| step.finished));
    html! {
        section.story {
            @if many { h2 { (inline(story.title)) } }
            @if let Some(say) = story.say { (narration(say)) }
            @if !story.namespace.is_empty() && story.namespace != "default" {
                p { "It all happens in the namespace " code { (story.namespace) } "." }
            }
            @for step in &story.steps { (told(&Told::from_step(step))) }
            @if !picture.is_empty() {
                figure {
                    (picture.drawn(&format!("s{index}"), Style::Page))
                    figcaption.soft { "Who may do what at the end. " (LEGEND) "." }
                    details { summary { "The picture in words" } ul { @for sentence in picture.sentences() { li { (sentence) "." } } } }
                }
            }
        }
    }
}

fn told(step: &Told<'_>) -> Markup {
    let (verdict, words) = &step.verdict;
    html! {
        details.step open {
            summary { span.number { (step.number) } " " (inline(step.title)) }
            @if let Some(say) = step.say { (narration(say)) }
            @for manifest in &step.manifests { pre tabindex="0" { (manifest) } }
            @if !step.lines.is_empty() && *verdict != Verdict::Skipped { h3 { "By hand" } pre tabindex="0" { (step.lines) } }
            @if !step.answer.is_empty() { h3 { "The answer" } pre tabindex="0" { (step.answer) } }
            p.outcome.(class(*verdict)) { (mark(*verdict)) " " (words) }
        }
    }
}
