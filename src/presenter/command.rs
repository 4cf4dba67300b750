//! What the person who leads a class can say.

use serde::Deserialize;

/// A command to a class.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Command {
    /// Goes on: narrates, asks, runs, or moves to the next step.
    Next,
    /// Makes everything what it was before the last step.
    Back,
    /// Goes to before a step, forwards by running those between.
    Goto {
        /// Its number, 1 for the first.
        to: usize,
    },
    /// Undoes the last step and runs it again.
    Retry,
    /// Leaves the step out. It does not count as held.
    Skip,
    /// Stops the clock, or lets it go on.
    Pause,
    /// Opens a shell on the cluster.
    Shell,
    /// Shows who asks what, and what was made so far.
    Hint,
    /// Shows why the answer was what it was.
    Explain,
    /// Shows who may do what, as far as the class has seen, in words.
    Who,
    /// Shows how long all took.
    Time,
    /// What the class expects to come.
    Guess {
        /// In its own words; empty: the class said nothing.
        text: String,
    },
    /// Ends the class, when it is said twice or all is over.
    Quit,
}

/// The keys of both faces, each with what it does.
pub const KEYS: [(&str, &str, Command); 11] = [
    ("space", "next", Command::Next),
    ("b", "back", Command::Back),
    ("r", "retry", Command::Retry),
    ("s", "skip", Command::Skip),
    ("!", "shell", Command::Shell),
    ("h", "hint", Command::Hint),
    ("e", "why", Command::Explain),
    ("d", "who", Command::Who),
    ("t", "time", Command::Time),
    ("q", "quit", Command::Quit),
    ("p", "pause", Command::Pause),
];

/// The command of a key that is a character.
pub fn of_key(key: char) -> Option<Command> {
    let name = match key {
        ' ' | 'n' => "space".to_owned(),
        other => other.to_string(),
    };
    KEYS.iter().find(|(key, ..)| *key == name).map(|(.., command)| command.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_from_a_page() {
        let read = |text: &str| serde_json::from_str::<Command>(text).ok();
        assert_eq!(read(r#"{"do":"next"}"#), Some(Command::Next));
        assert_eq!(read(r#"{"do":"goto","to":3}"#), Some(Command::Goto { to: 3 }));
        assert_eq!(read(r#"{"do":"guess","text":"403"}"#), Some(Command::Guess { text: "403".into() }));
        assert_eq!(read(r#"{"do":"rm"}"#), None);
    }

    #[test]
    fn each_key_does_one_thing() {
        assert_eq!(
            (of_key(' '), of_key('n'), of_key('!')),
            (Some(Command::Next), Some(Command::Next), Some(Command::Shell))
        );
        assert_eq!(of_key('x'), None);
    }
}
