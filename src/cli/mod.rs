//! The command line: the only place that prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the room that prints")]

/// Says a line on standard error, as `eprintln!` does, without credentials.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::complain(&(format!($($text)*) + "\n")) };
}

mod check;
mod cluster;
mod docs;
mod doctor;
mod explain;
mod jobs;
mod list;
mod new;
mod outlet;
mod progress;
mod report;
mod rounds;
mod run;
mod schema;
mod secret;
mod select;
mod signals;
mod sweep;
mod time;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{exit_code::Exit, report::terminal::Verbosity};

/// Runs scenarios about ServiceAccounts and RBAC step by step on a real, throw-away Kubernetes cluster.
#[derive(Debug, Parser)]
#[command(name = "kubewalk", version, propagate_version = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    talk: Talk,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 all held, 1 an expectation failed, 2 usage or scenario invalid, 3 environment, 4 nothing selected,
5 flaky and --fail-on-flaky, 6 only clean-up failed, 7 a report could not be written, 70 bug in kubewalk, 124 the budget
of the run is spent, 128+n ended by signal n.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs scenarios on a cluster that it starts, and removes it afterwards.
    Run(run::Options),
    /// Reads and plans scenarios and says all that is wrong; needs no cluster.
    Check(check::Options),
    /// Lists scenarios: file, number of steps, title.
    List(list::Options),
    /// Says what this machine offers for a cluster, and what is missing.
    Doctor,
    /// Prints the JSON Schema of a scenario, for editors, or of the event stream.
    Schema(schema::Options),
    /// Says which binding and rule allow a call on a cluster, or what is nearest and what would allow it.
    Explain(explain::Options),
    /// Writes a first scenario to change, and says where it is.
    New(new::Options),
    /// Removes what runs that were killed have left: only what is ours, and only of runs that are dead for sure.
    Sweep(sweep::Options),
    /// Warm clusters: started ahead, and used by one run after the other.
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Makes reports of a run's event stream, the same as the run would have made; or shows the run again.
    Report(report::Options),
    /// Prints a page of kubewalk's own documentation, made of its sources.
    #[command(hide = true, subcommand)]
    Docs(docs::Page),
}

/// How it talks.
#[derive(Debug, Clone, Copy, Args)]
struct Talk {
    /// Colours: on a terminal, always, or never (`NO_COLOR` is honoured).
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, env = "KUBEWALK_COLOR")]
    color: Color,
    /// Says less: only what failed, and the summary.
    #[arg(short, long, global = true, conflicts_with = "verbose", env = "KUBEWALK_QUIET")]
    quiet: bool,
    /// Says more: each step with the kubectl or curl line that does the same.
    #[arg(short, long, global = true, env = "KUBEWALK_VERBOSE")]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Talk {
    /// Whether to colour what goes to a stream that is, or is not, a terminal.
    fn colors(self, terminal: bool) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        }
    }

    fn verbosity(self) -> Verbosity {
        match self {
            Talk { quiet: true, .. } => Verbosity::Quiet,
            Talk { verbose: true, .. } => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }

    fn stdout_colors(self) -> bool {
        self.colors(std::io::stdout().is_terminal())
    }

    fn stderr_colors(self) -> bool {
        self.colors(std::io::stderr().is_terminal())
    }
}

/// Parses the arguments, runs the command, and gives its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            // Help and version are answers, not errors.
            return if e.use_stderr() { Exit::Invalid.into() } else { Exit::Held.into() };
        }
    };
    std::panic::set_hook(Box::new(|panic| complain(&crate::redact::panic_text(panic))));
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match &cli.command {
        Command::Run(options) => run::main(options, cli.talk),
        Command::Check(options) => check::main(options, cli.talk),
        Command::List(options) => list::main(options, cli.talk),
        Command::Doctor => doctor::main(),
        Command::Schema(options) => schema::main(options),
        Command::Explain(options) => explain::main(options),
        Command::New(options) => new::main(options),
        Command::Sweep(options) => sweep::main(options),
        Command::Report(options) => report::main(options, cli.talk),
        Command::Docs(page) => docs::main(page),
        Command::Cluster(command) => cluster::main(command, cli.talk),
    }));
    match done {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(e)) => {
            tell!("error: {e:#}");
            Exit::Environment.into()
        }
        Err(_) => {
            tell!("error: this is a bug in kubewalk; the lines above say where it happened");
            Exit::Bug.into()
        }
    }
}

/// The columns of the terminal, or a width that reads well in a log.
fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(110, |size| usize::from(size.ws_col))
}

/// Says something on standard error, without credentials. A terminal that has gone is no reason to panic.
fn complain(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().lock().write_all(crate::redact::redact(text).as_bytes());
}

/// Prints data; a reader that has gone (a closed pipe) is no reason to panic.
fn print(text: &str) -> Exit {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(crate::redact::redact(text).as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Exit::Held,
        Err(_) => Exit::Report,
    }
}
