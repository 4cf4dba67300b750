//! `kubewalk list`.

use clap::Args;

use super::{
    Talk,
    select::{self, Selection, Slow},
};
use crate::{exit_code::Exit, plan::Plan, scenario::diagnostic::printable};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    let selected = select::select(&options.selection, Slow::Too, talk.stderr_colors());
    super::complain_colored(&selected.complaints(), talk.stderr_colors());
    let path = |plan: &Plan| printable(&plan.document.source.path.to_string_lossy()).into_owned();
    let width = selected.plans.iter().map(|plan| path(plan).chars().count()).max();
    let mut text = String::new();
    for plan in &selected.plans {
        let path = path(plan);
        let tags =
            if plan.tags.is_empty() { String::new() } else { format!("  [{}]", printable(&plan.tags.join(", "))) };
        let width = width.unwrap_or_default();
        let shape = match plan.shape.words() {
            words if words.is_empty() => String::new(),
            words => format!("  (API server: {})", printable(&words)),
        };
        text.push_str(&format!(
            "{path:width$}  {:2} steps  {}{tags}{shape}\n",
            plan.steps.len(),
            printable(&plan.title)
        ));
    }
    Ok(super::print(&text).worst(selected.verdict()))
}
