//! `kubewalk list`.

use clap::Args;

use super::{
    Talk,
    select::{self, Selection, Slow},
};
use crate::exit_code::Exit;

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    let selected = select::select(&options.selection, Slow::Too, talk.stderr_colors());
    super::complain(&selected.complaints());
    let width = selected.plans.iter().map(|plan| plan.document.source.path.to_string_lossy().chars().count()).max();
    let mut text = String::new();
    for plan in &selected.plans {
        let path = plan.document.source.path.to_string_lossy();
        let tags = if plan.tags.is_empty() { String::new() } else { format!("  [{}]", plan.tags.join(", ")) };
        let width = width.unwrap_or_default();
        text.push_str(&format!("{path:width$}  {:2} steps  {}{tags}\n", plan.steps.len(), plan.title));
    }
    Ok(super::print(&text).worst(selected.verdict()))
}
