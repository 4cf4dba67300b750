//! `kubewalk list`.

use clap::{Args, ValueEnum};
use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use super::{
    history::{History, Last},
    rendering,
    select::{self, Selection, Slow},
    talk::Talk,
};
use crate::{
    exit_code::Exit,
    output::{eprint_colored, print},
    plan::{Plan, Step},
    scenario::diagnostic::{self, printable},
    settings,
    text::named,
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
    /// A table to read, or one JSON document: path, title, tags, rows and steps of each scenario.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    rendering::install(false, None);
    let selected = select::select(&options.selection, Slow::Too, talk.stderr_colors());
    eprint_colored(&selected.complaints(), talk.stderr_colors());
    let history = History::here(&settings::from_env().cache).unwrap_or_default();
    let last = |plan: &Plan| history.last(&plan.document.source.path);
    if options.format == Format::Json {
        let all: Vec<_> = selected.plans.iter().map(|plan| scenario(plan, last(plan))).collect();
        return Ok(print(&format!("{:#}\n", json!(all))).worst(selected.verdict()));
    }
    let path = |plan: &Plan| named(&plan.document.source.path.to_string_lossy()).into_owned();
    let width = selected.plans.iter().map(|plan| path(plan).width()).max();
    let mut text = String::new();
    for plan in &selected.plans {
        let path = padded(path(plan), width.unwrap_or_default());
        let tags =
            if plan.tags.is_empty() { String::new() } else { format!("  [{}]", printable(&plan.tags.join(", "))) };
        let shape = match plan.shape.describe() {
            words if words.is_empty() => String::new(),
            words => format!("  (API server: {})", printable(&words)),
        };
        let flaky =
            last(plan).and_then(Last::describe_flakiness).map(|words| format!("  ({words})")).unwrap_or_default();
        let (steps, title) = (plan.steps.len(), printable(&plan.title));
        text.push_str(&format!("{path}  {steps:2} steps  {title}{tags}{shape}{flaky}\n"));
    }
    Ok(print(&text).worst(selected.verdict()))
}

/// A text with blanks behind it up to a width in columns, of which some characters take two and some none.
fn padded(text: String, width: usize) -> String {
    let blanks = width.saturating_sub(text.width());
    text + &" ".repeat(blanks)
}

/// A scenario as data.
fn scenario(plan: &Plan, last: Option<Last>) -> serde_json::Value {
    let line = |step: &Step| diagnostic::line_col(&plan.document.source, plan.document.span(&step.pointer).start).0;
    let steps: Vec<_> = plan
        .steps
        .iter()
        .zip(&plan.document.scenario.steps)
        .map(|(step, said)| {
            let refs: Vec<_> = said.refs.iter().map(|id| &id.0).collect();
            json!({"title": step.title, "line": line(step), "verb": step.verb, "rows": step.rows, "refs": refs})
        })
        .collect();
    json!({
        "path": plan.document.source.path.display().to_string(),
        "title": plan.title,
        "tags": plan.tags,
        "refs": plan.document.scenario.refs.iter().map(|id| &id.0).collect::<Vec<_>>(),
        "steps": steps,
        "last": last.map(|last| json!({"runs": last.runs, "flaky": last.flaky, "failed": last.failed})),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        for text in ["abcd", "日本", "e\u{301}a", ""] {
            assert_eq!(padded(text.to_owned(), 6).width(), 6, "{text}");
        }
    }
}
