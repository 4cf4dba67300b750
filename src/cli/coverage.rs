//! `kubewalk coverage`: the page of claims of one's own.

use clap::Args;

use super::{
    rendering,
    select::{self, Selection, Slow},
    talk::Talk,
};
use crate::{
    claims::{self, page},
    exit_code::Exit,
    output::{eprint_colored, print},
    scenario::diagnostic,
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
    /// Exit code 1 when a claim is shown by nothing and the file does not say why.
    #[arg(long, env = "KUBEWALK_REQUIRE_ALL", value_parser = clap::builder::FalseyValueParser::new())]
    require_all: bool,
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    if options.selection.claims.is_none() {
        eprint_line!(
            "error: there is no file of claims\n  = help: say `--claims FILE`, or `claims = \"FILE\"` in kubewalk.toml; it holds e.g. \
             `claims: [{{id: CIS-5.1.3, claim: No role of ours has a wildcard.}}]`"
        );
        return Ok(Exit::Invalid);
    }
    rendering::install(false, None);
    let colors = talk.stderr_colors();
    let selected = select::select(&options.selection, Slow::Too, colors);
    eprint_colored(&selected.complaints(), colors);
    let exit = selected.verdict();
    let Some(file) = selected.claims.as_ref().filter(|_| exit == Exit::Held) else { return Ok(exit) };
    let shown: Vec<_> = selected.plans.iter().flat_map(|plan| claims::shown(&plan.document)).collect();
    let wrong = claims::shown_after_all(file, &shown);
    if !wrong.is_empty() {
        eprint_colored(&diagnostic::render(&wrong, &file.source, colors), colors);
        return Ok(Exit::Invalid);
    }
    let printed = print(&page::render(file, &shown));
    let open = if options.require_all { claims::open(file, &shown) } else { vec![] };
    if open.is_empty() {
        return Ok(printed);
    }
    eprint_colored(&diagnostic::render(&open, &file.source, colors), colors);
    Ok(printed.worst(Exit::Failed))
}
