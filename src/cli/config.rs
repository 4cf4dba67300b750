//! `kubewalk config`: what a run would go by, and where each value is from.

use clap::{ArgMatches, parser::ValueSource};

use crate::{
    exit_code::Exit,
    project_file::{KEYS, ProjectFile},
    redact::show,
};

/// Shows each setting: its value, and whether the command line, a variable, the project's file or none of them said it.
pub fn main(found: &ArgMatches, command: &clap::Command, file: Option<&ProjectFile>) -> Exit {
    let mut rows = vec![];
    for key in KEYS {
        let argument = command.get_arguments().find(|argument| argument.get_id() == key.argument);
        let values = found.get_raw(key.argument).into_iter().flatten().map(|value| value.to_string_lossy());
        // Of a secret, its name.
        let secret = key.argument == "secret";
        let values = values.map(|value| if secret { name_of(&value) } else { value.into_owned() });
        let value = values.collect::<Vec<_>>().join(", ");
        let from = match found.value_source(key.argument) {
            Some(ValueSource::CommandLine) => "command line".to_owned(),
            Some(ValueSource::EnvVariable) => {
                let variable = argument.and_then(clap::Arg::get_env).unwrap_or_default();
                format!("variable {}", variable.to_string_lossy())
            }
            _ => {
                let setting = file.and_then(|file| file.settings.iter().find(|one| one.argument == key.argument));
                match (file, setting) {
                    (Some(file), Some(setting)) => {
                        let profile = setting.profile.as_ref().map(|name| format!(" (profile {name})"));
                        let path = file.source.path.display();
                        format!("{path}:{}{}", setting.line, profile.unwrap_or_default())
                    }
                    _ => "default".to_owned(),
                }
            }
        };
        rows.push((key.word, if value.is_empty() { "-".to_owned() } else { value }, from));
    }
    let width = rows.iter().map(|(_, value, _)| value.chars().count()).max().unwrap_or_default().min(60);
    let lines = rows.iter().map(|(word, value, from)| {
        let (value, from) = (show::line(value, show::BODY), show::line(from, show::BODY));
        format!("{word:<18} {value:<width$}  {from}\n")
    });
    crate::output::print(&lines.collect::<String>())
}

fn name_of(secret: &str) -> String {
    secret.split_once('=').map_or_else(|| "?".to_owned(), |(name, _)| name.to_owned())
}
