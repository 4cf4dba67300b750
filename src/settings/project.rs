//! What the project's own file says, put below the environment: an argument that is said neither on the command line nor by its variable
//! takes it in the place of its default.

use std::path::{Path, PathBuf};

use crate::{
    project_file::{self, MOST, NAME, ProjectFile, Setting, found},
    scenario::{Diagnostic, Source, open},
};

/// The variable of `--profile`.
pub const PROFILE: &str = "KUBEWALK_PROFILE";

/// The commands that go by the file; of them, those that make reports.
pub(crate) const COMMANDS: [&str; 9] = ["run", "watch", "demo", "docs", "config", "check", "coverage", "list", "up"];
const REPORTING: [&str; 2] = ["run", "config"];

/// All that is wrong with the file, and its text.
pub type Wrong = (Source, Vec<Diagnostic>);

/// What the file of this project says for a profile; `None`: there is none.
///
/// # Errors
/// All that is wrong with it, each value looked at as the argument of `command` that it is for.
pub fn read(profile: Option<&str>, command: &clap::Command) -> Result<Option<ProjectFile>, Wrong> {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    let root = open::project(&here).filter(|root| open::marks(root, NAME));
    let Some(root) = root else {
        let source = Source { path: NAME.into(), text: "".into() };
        return match profile {
            None => Ok(None),
            Some(name) => {
                let message = format!("there is no {NAME} here, so there is no profile `{name}`");
                Err((source, vec![found(&message, None, None, None)]))
            }
        };
    };
    let path = shown(&here, &root);
    let bytes = open::read_real(&root.join(NAME), MOST).map_err(|e| e.to_string());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".into()));
    let text = text.map_err(|why| {
        let source = Source { path: path.clone(), text: "".into() };
        (source, vec![found(&format!("it cannot be read: {why}"), None, None, None)])
    })?;
    crate::redact::secrets::learn(text.as_bytes());
    let file = project_file::read(&root, Source { path, text: text.into() }, profile)?;
    let wrong: Vec<_> = file.settings.iter().flat_map(|setting| unfit(setting, command)).collect();
    if wrong.is_empty() { Ok(Some(file)) } else { Err((file.source, wrong)) }
}

/// The file's name as seen from the working directory.
fn shown(here: &Path, root: &Path) -> PathBuf {
    let up = here.strip_prefix(root).map_or(0, |below| below.components().count());
    std::iter::repeat_n("..", up).collect::<PathBuf>().join(NAME)
}

/// What an argument does not take of a setting.
fn unfit(setting: &Setting, command: &clap::Command) -> Vec<Diagnostic> {
    let argument = command.get_arguments().find(|argument| argument.get_id() == setting.argument);
    let Some(argument) = argument else { return vec![] };
    let look = |value: &String| {
        let one = clap::Arg::new("value").value_parser(argument.get_value_parser().clone()).allow_hyphen_values(true);
        let name = clap::Command::new("x").no_binary_name(true).arg(one);
        name.try_get_matches_from([value]).err().map(|e| e.render().to_string())
    };
    let said = setting.values.iter().zip(&setting.spans).filter_map(|(value, span)| Some((look(value)?, *span)));
    said.map(|(said, span)| {
        let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let message = lines.next().unwrap_or_default().trim_start_matches("error: ").replace(" for '[value]'", "");
        let hint =
            lines.next().filter(|line| line.starts_with('[')).map(|line| line.trim_matches(['[', ']']).to_owned());
        found(&message, Some(span), None, hint.as_deref())
    })
    .collect()
}

/// The command line with what the file says in the place of its defaults.
#[must_use]
pub fn below(command: clap::Command, file: &ProjectFile) -> clap::Command {
    fn walk(command: clap::Command, file: &ProjectFile, goes_by_it: bool) -> clap::Command {
        let name = command.get_name().to_owned();
        let goes_by_it = goes_by_it || COMMANDS.contains(&name.as_str());
        let reports = !COMMANDS.contains(&name.as_str()) || REPORTING.contains(&name.as_str());
        let command = command.mut_args(|argument| {
            let setting = file.settings.iter().find(|setting| argument.get_id() == setting.argument);
            match setting.filter(|_| goes_by_it && (reports || argument.get_id() != "report")) {
                Some(setting) => argument.default_values(&setting.values),
                None => argument,
            }
        });
        command.mut_subcommands(|sub| walk(sub, file, false))
    }
    // A command without others is that of tests.
    let alone = command.get_subcommands().next().is_none();
    walk(command, file, alone)
}
