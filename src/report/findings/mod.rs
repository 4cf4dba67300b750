//! Reports of `kubewalk check`: what is wrong with scenario files, for CI servers and editors. Pure functions of a list.

pub mod github;
pub mod json;
pub mod sarif;

use crate::{
    redact,
    scenario::{
        Diagnostic, Source,
        diagnostic::{Placed, Severity},
    },
};

/// One thing that is wrong with a scenario file, or with a manifest that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Error or warning.
    pub severity: Severity,
    /// The file, as the user named it.
    pub path: String,
    /// Where in it; `None` when the file could not be read.
    pub range: Option<Range>,
    /// One sentence without a period.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A part of a file. Lines and columns count from 1, columns count characters, and the end is one past the last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Line and column of the first character.
    pub start: (usize, usize),
    /// Line and column behind the last one.
    pub end: (usize, usize),
}

impl Finding {
    /// A diagnostic of a file, with every credential in its texts blacked out.
    pub fn from_diagnostic(diagnostic: &Diagnostic, source: &Source) -> Finding {
        let Placed { path, range, message } = diagnostic.placed(source);
        let range = range.map(|(start, end)| Range { start, end });
        Finding {
            severity: diagnostic.severity,
            path,
            range,
            message: redact::masked(&message).into_owned(),
            hint: diagnostic.hint.as_deref().map(|hint| redact::masked(hint).into_owned()),
        }
    }

    /// A file or a folder that cannot be read.
    pub fn unreadable(path: String, why: &std::io::Error) -> Finding {
        Finding { severity: Severity::Error, path, range: None, message: format!("cannot be read: {why}"), hint: None }
    }

    /// `error` or `warning`, the words that GitHub, SARIF and this project's own JSON have in common.
    fn level(&self) -> &'static str {
        match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }

    /// The message, and below it what to do.
    fn message_and_hint(&self) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("\nhelp: {hint}")).unwrap_or_default();
        format!("{}{hint}", self.message)
    }
}

#[cfg(test)]
mod tests;
