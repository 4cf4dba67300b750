//! The table of steps and versions of Kubernetes, and what is different between them.

use maud::{Markup, html};

use super::words::inline;
use crate::{
    event::ComparedStep,
    report::versions::{alike, paths, sentence},
};

pub(super) fn section(versions: &[&str], steps: &[ComparedStep]) -> Markup {
    html! {
        section aria-labelledby="versions" {
            h2 #versions { "Versions of Kubernetes" }
            @for path in paths(steps) {
                h3 { code { (path) } }
                table {
                    thead { tr { th scope="col" { "step" } @for version in versions { th scope="col" { (version) } } } }
                    tbody {
                        @for step in steps.iter().filter(|step| step.path == path) {
                            tr {
                                th scope="row" { (step.number) ". " (inline(&step.title)) }
                                @for cell in &step.cells {
                                    td {
                                        span role="img" aria-label=(cell.verdict.word()) { (cell.verdict.mark()) }
                                        @if !cell.when.is_empty() { " " span.soft { (cell.when.join(", ")) } }
                                    }
                                }
                            }
                        }
                    }
                }
                (differences(steps, path))
            }
        }
    }
}

fn differences(steps: &[ComparedStep], path: &str) -> Markup {
    let differing: Vec<_> = steps.iter().filter(|step| step.path == path && step.differs()).collect();
    html! {
        @if differing.is_empty() { p { "Each step is the same on all of them." } }
        @else {
            p { "What is different:" }
            ul {
                @for step in differing {
                    li {
                        (inline(&step.title))
                        ul {
                            @for (versions, words) in alike(step) { li { (versions) ": " (inline(&words)) } }
                            @for change in &step.changes { li { (inline(&sentence(change))) ", " (change.link) } }
                        }
                    }
                }
            }
        }
    }
}
