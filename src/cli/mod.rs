//! The command line. It prints by [`output`] alone.

/// Prints a line on standard error, through the filter of [`output`].
macro_rules! eprint_line {
    ($($text:tt)*) => { $crate::output::eprint(&(format!($($text)*) + "\n")) };
}

mod again;
mod check;
mod class;
mod cluster;
mod cluster_choice;
mod cluster_source;
mod config;
mod coverage;
mod demo;
mod docs;
mod doctor;
mod environment;
mod existing_cluster;
mod explain;
mod explained;
mod expression;
mod history;
mod init;
mod inside;
mod list;
mod look;
mod manual;
mod new;
mod pages;
mod prefetch;
mod progress;
mod rendering;
mod report;
mod report_writer;
mod run;
mod schema;
mod screen;
mod secret;
mod select;
mod shard;
mod shell;
mod signals;
mod sweep;
mod talk;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::talk::Talk;
use crate::{
    cluster::{ClusterError, engine::Release, limits},
    exit_code::Exit,
    output::{self, eprint},
    redact::show,
    scenario::diagnostic,
    settings, where_docker_is,
};

/// Runs scenarios about ServiceAccounts and RBAC step by step on a real, throw-away Kubernetes cluster.
#[derive(Debug, Parser)]
#[command(name = "kubewalk", version, propagate_version = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    talk: Talk,
    /// The profile of kubewalk.toml by which to go, e.g. `ci`.
    #[arg(long, global = true, value_name = "NAME", env = settings::project::PROFILE)]
    profile: Option<String>,
    /// Pulls and builds nothing: what is not on this machine is an error that says what is missing.
    #[arg(long, global = true, env = settings::OFFLINE)]
    offline: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 all held, 1 an expectation failed, 2 usage or scenario invalid, 3 environment, 4 nothing selected,
5 flaky and --fail-on-flaky, 6 only clean-up failed, 7 a report could not be written, 70 bug in kubewalk, 124 the budget
of the run is spent, 128+n ended by signal n.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs scenarios on a cluster that it starts, and removes it afterwards. A scenario can do what root can; `check` is safe for
    /// any file, and --untrusted narrows a run.
    Run(Box<run::Options>),
    /// Runs scenarios, and again what was changed as soon as it is saved, on a cluster that stays between.
    Watch(watch::Options),
    /// Presents a scenario step by step to a class: narration, what one would type, the answer, and back again. On a terminal, or with
    /// --browser as a page on this machine.
    Demo(Box<demo::Options>),
    /// Reads and plans scenarios and says all that is wrong; needs no cluster. A scenario can do what root can; `check` is safe for
    /// any file.
    Check(check::Options),
    /// Prints a page of your own claims, e.g. the controls of a benchmark, and of the steps that show each; needs no cluster.
    Coverage(coverage::Options),
    /// Lists scenarios: file, number of steps, title.
    List(list::Options),
    /// Shows what a run would go by, and where each value is from: the command line, a variable, kubewalk.toml, or the default.
    Config(Box<run::Options>),
    /// Says what this machine offers for a cluster, and what is missing.
    Doctor(doctor::Options),
    /// Makes all that a cluster is started from be on this machine: pulls or builds it, says from where, how much and how long, and
    /// measures a first start.
    Prefetch(prefetch::Options),
    /// Prints the JSON Schema of a scenario, for editors, or of the event stream.
    Schema(schema::Options),
    /// Says which binding and rule allow a call on a cluster, or what is nearest and what would allow it.
    Explain(explain::Options),
    /// Writes a first scenario to change, and says where it is.
    New(new::Options),
    /// Writes a first scenario for manifests, a kustomization or a chart: each right of each account, and one thing next to it that
    /// is denied. It overwrites nothing.
    Init(init::Options),
    /// Opens a shell, or runs a command, where a scenario was that `run --keep` has kept: with KUBECONFIG, its namespace, and kubectl.
    Shell(shell::Options),
    /// Removes what runs that were killed have left: only what is ours, and only of runs that are dead for sure.
    Sweep(sweep::Options),
    /// Warm clusters: started ahead, and used by one run after the other.
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Makes reports of a run's event stream, the same as the run would have made; or shows the run again.
    Report(report::Options),
    /// Makes a page for readers of scenarios, from a run that held: narration, manifests, lines for kubectl and curl, and the real
    /// answers. Or compares one with a new run.
    Docs(Box<docs::Options>),
    /// Prints what a shell needs to complete this command line: `source <(kubewalk completions bash)`.
    Completions(manual::Shell),
    /// Prints the manual page of kubewalk or of one of its commands, or writes all of them into a folder.
    Man(manual::Options),
}

impl Command {
    /// Whether it may speak to Docker.
    fn speaks_to_docker(&self) -> bool {
        matches!(
            self,
            Command::Run(_)
                | Command::Watch(_)
                | Command::Demo(_)
                | Command::Docs(_)
                | Command::Doctor(_)
                | Command::Prefetch(_)
                | Command::Sweep(_)
                | Command::Cluster(_)
        )
    }

    /// Takes what a line to run one scenario again must say.
    fn run_again_by(&mut self, words: Vec<String>) {
        let choice = match self {
            Command::Run(options) => &mut options.choice,
            Command::Watch(options) => &mut options.choice,
            Command::Demo(options) => &mut options.choice,
            Command::Docs(options) => &mut options.made.run.choice,
            _ => return,
        };
        choice.again = words;
    }

    /// Whether it goes by the project's file.
    fn goes_by_the_file(&self) -> bool {
        match self {
            Command::Run(_) | Command::Watch(_) | Command::Demo(_) | Command::Check(_) | Command::List(_) => true,
            Command::Config(_) | Command::Coverage(_) | Command::Docs(_) | Command::Prefetch(_) => true,
            Command::Doctor(options) => options.class,
            Command::Cluster(command) => command.starts(),
            _ => false,
        }
    }

    /// What it needs of the machine before it begins.
    fn needs(&self) -> Result<(), ClusterError> {
        limits::memory()?;
        match self {
            Command::Run(_)
            | Command::Watch(_)
            | Command::Demo(_)
            | Command::Docs(_)
            | Command::Doctor(_)
            | Command::Prefetch(_)
            | Command::Explain(_)
            | Command::Shell(_)
            | Command::Sweep(_)
            | Command::Cluster(_) => {
                limits::files(limits::FILES)?;
                limits::threads(limits::THREADS)
            }
            _ => limits::threads(limits::FEW_THREADS),
        }
    }
}

/// The command line with its variables.
fn command() -> clap::Command {
    let command = settings::variables(Cli::command()).long_version(version());
    match plugin() {
        Some(name) => command.bin_name(name),
        None => command,
    }
}

/// What `--version` says: the version, the commit that it was built from, and the engines that it carries, newest first.
fn version() -> String {
    let commit = option_env!("KUBEWALK_COMMIT").unwrap_or("unknown");
    let engines = Release::ALL.map(|release| format!("\nengine: Kubernetes {release}, {}", release.hash())).concat();
    format!("{}\ncommit: {commit}{engines}", env!("CARGO_PKG_VERSION"))
}

/// `kubectl walk`, when kubectl has called this program by the name of a plugin (`kubectl-walk`).
fn plugin() -> Option<String> {
    let called = std::env::args_os().next()?;
    let name = std::path::Path::new(&called).file_stem()?.to_str()?.strip_prefix("kubectl-")?;
    // A word of ours alone: the name of a file could hold anything.
    (name == "walk").then(|| "kubectl walk".to_owned())
}

/// Parses the arguments, runs the command, and gives its exit code. `closed`: the program was started without a standard
/// output, which the program itself must have looked at before Rust's runtime puts `/dev/null` there.
pub fn main(closed: bool) -> ExitCode {
    output::note_closed(closed);
    std::panic::set_hook(Box::new(|panic| eprint(&show::panic_message(panic))));
    // First: also an error of the command line may be too long for a file.
    limits::raise();
    signals::survive_a_file_limit();
    let (mut cli, mut found) = match parse(command()) {
        Ok(parsed) => parsed,
        Err(e) => return output::usage(&e.format(&mut command())).into(),
    };
    let mut file = None;
    if cli.command.goes_by_the_file() {
        let mut whole = command();
        whole.build();
        let run = whole.find_subcommand("run").cloned().unwrap_or_default();
        file = match settings::project::read(cli.profile.as_deref(), &run) {
            Ok(file) => file,
            Err((source, wrong)) => {
                let colors = cli.talk.stderr_colors();
                output::eprint_colored(&diagnostic::render(&wrong, &source, colors), colors);
                return Exit::Invalid.into();
            }
        };
        if let Some(file) = &file {
            (cli, found) = match parse(settings::project::below(command(), file)) {
                Ok(parsed) => parsed,
                Err(e) => return output::usage(&e.format(&mut command())).into(),
            };
        }
    }
    if let Some((_, found)) = found.subcommand() {
        cli.command.run_again_by(again::options(found));
    }
    if cfg!(feature = "docker") && cli.command.speaks_to_docker() {
        if closed {
            output::stays_closed();
        }
        where_docker_is::enter();
    }
    if let Err(e) = cli.command.needs() {
        eprint_line!("error: {}\n  = help: {}", e.message, e.remedy.unwrap_or_default());
        return Exit::Environment.into();
    }
    if cli.offline {
        settings::say_offline();
    }
    let wrong = settings::wrong();
    if !wrong.is_empty() {
        wrong.iter().for_each(|wrong| eprint_line!("error: {wrong}"));
        return Exit::Invalid.into();
    }
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match &cli.command {
        Command::Run(options) => run::main(options, cli.talk),
        Command::Watch(options) => watch::main(options, cli.talk),
        Command::Demo(options) => demo::main(options, cli.talk),
        Command::Check(options) => check::main(options, cli.talk),
        Command::Coverage(options) => coverage::main(options, cli.talk),
        Command::List(options) => list::main(options, cli.talk),
        Command::Config(_) => {
            let whole = command();
            let of = (found.subcommand_matches("config"), whole.find_subcommand("config"));
            Ok(match of {
                (Some(found), Some(command)) => config::main(found, command, file.as_ref()),
                _ => Exit::Bug,
            })
        }
        Command::Doctor(options) => doctor::main(options, cli.talk),
        Command::Prefetch(options) => prefetch::main(options, cli.talk),
        Command::Schema(options) => schema::main(options),
        Command::Explain(options) => explain::main(options),
        Command::New(options) => new::main(options),
        Command::Init(options) => init::main(options, cli.talk),
        Command::Shell(options) => shell::main(options),
        Command::Sweep(options) => sweep::main(options),
        Command::Report(options) => report::main(options, cli.talk),
        Command::Docs(options) => docs::main(options, cli.talk),
        Command::Cluster(command) => cluster::main(command, cli.talk),
        Command::Completions(shell) => manual::completions(shell, command()),
        Command::Man(options) => manual::main(options, command()),
    }));
    match done {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(e)) => {
            eprint_line!("error: {}", in_one_sentence(&e));
            Exit::Environment.into()
        }
        Err(_) => {
            eprint_line!("error: this is a bug in kubewalk; the lines above say where it happened");
            Exit::Bug.into()
        }
    }
}

/// The command line, read.
fn parse(command: clap::Command) -> Result<(Cli, clap::ArgMatches), clap::Error> {
    let found = command.try_get_matches()?;
    Ok((Cli::from_arg_matches(&found)?, found))
}

/// An error and its causes. Many libraries put the cause's words into their own, so what was said is not said again.
fn in_one_sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if sentence.is_empty() {
            sentence = cause;
        } else if !sentence.contains(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All arguments with a variable, each with the words that lead to its command.
    fn with_variables() -> Vec<(Vec<String>, clap::Arg)> {
        fn collect(command: &clap::Command, words: &[String], into: &mut Vec<(Vec<String>, clap::Arg)>) {
            let arguments = command.get_arguments().filter(|argument| argument.get_env().is_some());
            into.extend(arguments.map(|argument| (words.to_vec(), argument.clone())));
            for sub in command.get_subcommands() {
                collect(sub, &[words, &[sub.get_name().to_owned()]].concat(), into);
            }
        }
        let mut all = vec![];
        collect(&command(), &[], &mut all);
        all
    }

    #[test]
    fn every_switch_reads_its_variable_alike() {
        let switches: Vec<_> = with_variables()
            .into_iter()
            .filter(|(_, argument)| matches!(argument.get_action(), clap::ArgAction::SetTrue))
            .collect();
        assert!(switches.len() >= 5, "{switches:?}");
        for (words, switch) in switches {
            for (value, on) in [
                ("1", true),
                ("true", true),
                ("yes", true),
                ("on", true),
                ("x", true),
                ("0", false),
                ("false", false),
                ("no", false),
                ("off", false),
                ("", false),
            ] {
                let read = switch.get_value_parser().clone();
                let command = clap::Command::new("x")
                    .arg(clap::Arg::new("switch").action(clap::ArgAction::Set).value_parser(read));
                let found = command.try_get_matches_from(["x", value]);
                let read = found.map(|found| found.get_one::<bool>("switch").copied());
                assert!(matches!(read, Ok(Some(read)) if read == on), "{words:?} {} {value}", switch.get_id());
            }
        }
    }

    /// One that plans scenarios and is not among those would run as trusted what the project's file calls untrusted.
    #[test]
    fn each_command_that_takes_scenarios_goes_by_the_projects_file() {
        fn walk(command: &clap::Command, found: &mut Vec<String>) {
            if command.get_arguments().any(|argument| argument.get_id() == "untrusted") {
                found.push(command.get_name().to_owned());
            }
            command.get_subcommands().for_each(|sub| walk(sub, found));
        }
        let mut found = Vec::new();
        walk(&command(), &mut found);
        let without: Vec<_> =
            found.iter().filter(|name| !settings::project::COMMANDS.contains(&name.as_str())).collect();
        assert!(found.len() > 5 && without.is_empty(), "{without:?} of {found:?}");
        for words in [&["docs", "a"][..], &["coverage", "a"], &["cluster", "up"]] {
            let words = std::iter::once(&"kubewalk").chain(words);
            let cli = Cli::try_parse_from(words.clone()).unwrap_or_else(|e| panic!("{e}"));
            assert!(cli.command.goes_by_the_file(), "{:?}", words.collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_list_takes_commas_from_its_variable() {
        for (words, argument) in with_variables() {
            if matches!(argument.get_action(), clap::ArgAction::Append) {
                assert_eq!(argument.get_value_delimiter(), Some(','), "{words:?} {}", argument.get_id());
            }
        }
    }

    #[test]
    fn a_cause_is_said_once() {
        let inner = anyhow::anyhow!("no such file");
        let error = inner.context("cannot read it: no such file").context("unusable");
        assert_eq!(in_one_sentence(&error), "unusable: cannot read it: no such file");
        assert_eq!(in_one_sentence(&anyhow::anyhow!("b").context("a")), "a: b");
    }
}
