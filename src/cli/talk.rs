//! How a command talks: in colours or not, much or little.

use clap::{Args, ValueEnum};

use crate::{
    color::{colors_are_forced, colors_by_environment},
    output::{stderr_is_a_terminal, stdout_is_a_terminal},
    report::terminal::Verbosity,
    settings,
};

/// How it talks.
#[derive(Debug, Clone, Copy, Args)]
pub struct Talk {
    /// Colours: on a terminal, always, or never (`NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `FORCE_COLOR` are honoured).
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, env = "KUBEWALK_COLOR")]
    pub color: Color,
    /// Says less: only what failed, and the summary.
    #[arg(short, long, global = true, conflicts_with = "verbose", env = "KUBEWALK_QUIET")]
    pub quiet: bool,
    /// Says more: each step with the kubectl or curl line that does the same; twice, also with what came back.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, value_parser = settings::count, env = "KUBEWALK_VERBOSE")]
    pub verbose: u8,
    /// Whether standard output is for something else than what a run shows.
    #[arg(skip)]
    pub aside: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
/// When to colour.
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Talk {
    /// Whether to colour what goes to a stream that is, or is not, a terminal.
    fn colors(self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => colors_are_forced() || terminal && colors_by_environment(),
        }
    }

    /// How much a run shows.
    pub fn verbosity(self) -> Verbosity {
        match self {
            Talk { quiet: true, .. } => Verbosity::Quiet,
            Talk { verbose: 1, .. } => Verbosity::Verbose,
            Talk { verbose: 2.., .. } => Verbosity::Answers,
            _ => Verbosity::Normal,
        }
    }

    /// Whether to colour standard output.
    pub fn stdout_colors(self) -> bool {
        self.colors(stdout_is_a_terminal())
    }

    /// Whether to colour standard error.
    pub fn stderr_colors(self) -> bool {
        self.colors(stderr_is_a_terminal())
    }
}
