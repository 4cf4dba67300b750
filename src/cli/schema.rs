//! `kubewalk schema`.

use clap::{Args, ValueEnum};

use crate::{claims, event::stream, exit_code::Exit, output::print, scenario};

#[derive(Debug, Args)]
pub struct Options {
    /// Of what.
    #[arg(value_enum, value_name = "WHAT", default_value_t = What::Scenario)]
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A scenario file.
    Scenario,
    /// A line of the event stream.
    Events,
    /// A file of claims of your own.
    Claims,
}

pub fn main(options: &Options) -> anyhow::Result<Exit> {
    let schema = match options.what {
        What::Scenario => scenario::schema_json(),
        What::Events => stream::schema_json(),
        What::Claims => claims::schema_json(),
    };
    Ok(print(&format!("{schema:#}\n")))
}
