//! `kubewalk check`.

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
    super::complain_colored(&selected.complaints(), talk.stderr_colors());
    let mut text = String::new();
    if talk.verbose {
        for plan in &selected.plans {
            for note in &plan.notes {
                let (line, _) = crate::scenario::diagnostic::line_col(&plan.document.source, note.span.start);
                text.push_str(&format!("{}:{line}: note: {}\n", plan.document.source.path.display(), note.text));
            }
        }
    }
    let steps: usize = selected.plans.iter().map(|plan| plan.steps.len()).sum();
    let good = selected.plans.len();
    text.push_str(&format!("{good} scenarios with {steps} steps are good, {} are not\n", selected.invalid));
    let printed = super::print(if talk.quiet { "" } else { &text });
    Ok(printed.worst(selected.verdict()))
}
