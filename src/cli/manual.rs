//! `kubewalk completions` and `kubewalk man`: both are made of the command line itself, so neither can differ from it.

use std::{io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::{destination::Destination, exit_code::Exit, output::print};

#[derive(Debug, Args)]
pub struct Shell {
    /// Whose.
    #[arg(value_enum, value_name = "SHELL")]
    shell: clap_complete::Shell,
}

/// Prints the completions of a shell.
pub fn completions(shell: &Shell, command: clap::Command) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell.shell, &mut plain(command), "kubewalk", &mut text);
    Ok(print(&String::from_utf8(text).context("completions that are no text")?))
}

#[derive(Debug, Args)]
pub struct Options {
    /// The command, e.g. `run` or `cluster up`; left out: kubewalk itself.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Writes the pages of all commands into this folder instead: `kubewalk.1`, `kubewalk-run.1` …
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    all: Option<PathBuf>,
}

/// Prints a manual page, or writes all.
pub fn main(options: &Options, command: clap::Command) -> anyhow::Result<Exit> {
    let mut root = plain(command);
    root.build();
    if let Some(folder) = &options.all {
        for (name, command) in pages(&root) {
            let path = folder.join(format!("{name}.1"));
            let page = page(&name, &command)?;
            let written = Destination::find(&path).and_then(|to| to.replace(&page));
            written.with_context(|| format!("cannot write {}", path.display()))?;
        }
        return Ok(Exit::Held);
    }
    let wanted = std::iter::once("kubewalk").chain(options.command.iter().map(String::as_str));
    let wanted = wanted.collect::<Vec<_>>().join("-");
    match pages(&root).into_iter().find(|(name, _)| *name == wanted) {
        Some((name, command)) => Ok(print(&page(&name, &command)?)),
        None => {
            let known: Vec<String> = pages(&root).into_iter().map(|(name, _)| name.replace('-', " ")).collect();
            eprint_line!("error: there is no such command; the pages are {}", known.join(", "));
            Ok(Exit::Invalid)
        }
    }
}

/// The command line without what this machine's environment sets, which is no part of a manual.
fn plain(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| argument.hide_env_values(true)).bin_name("kubewalk")
}

/// All commands that are not hidden, by the names of their pages.
fn pages(root: &clap::Command) -> Vec<(String, clap::Command)> {
    fn collect(name: &str, command: &clap::Command, into: &mut Vec<(String, clap::Command)>) {
        into.push((name.to_owned(), command.clone()));
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
            collect(&format!("{name}-{}", sub.get_name()), sub, into);
        }
    }
    let mut all = vec![];
    collect("kubewalk", root, &mut all);
    all
}

/// One page.
///
/// # Errors
/// When it is no text.
fn page(name: &str, command: &clap::Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    let command = command.clone().name(name.to_owned()).display_name(name.to_owned());
    clap_mangen::Man::new(command).render(&mut page)?;
    page.flush()?;
    String::from_utf8(page).context("a page that is no text")
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_command_has_a_page_that_names_its_options() {
        let mut root = plain(crate::cli::command());
        root.build();
        let all = pages(&root);
        assert!(
            all.iter().any(|(name, _)| name == "kubewalk-cluster-up"),
            "{:?}",
            all.iter().map(|a| &a.0).collect::<Vec<_>>()
        );
        assert!(!all.iter().any(|(name, _)| name.contains("docs-") || name.contains("help")));
        let (name, command) = all.iter().find(|(name, _)| name == "kubewalk-run").expect("run");
        let page = page(name, command).expect("a page");
        assert!(page.contains(".TH kubewalk-run 1") && page.contains("cleanup\\-budget"), "{page}");
    }

    #[test]
    fn each_shell_has_completions_that_know_the_commands() {
        for &shell in clap_complete::Shell::value_variants() {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut plain(crate::cli::command()), "kubewalk", &mut text);
            let text = String::from_utf8(text).expect("text");
            assert!(text.contains("doctor") && text.contains("deny-warnings"), "{shell}");
        }
    }
}
