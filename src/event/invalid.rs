//! What is wrong with a file, as an event.

use super::Event;
use crate::{
    redact,
    scenario::{
        Diagnostic,
        diagnostic::{self, Source},
    },
};

impl Event {
    /// That a file is invalid, with every credential in the words blacked out; `source` is the scenario's, where the diagnostic names no
    /// file of its own.
    pub fn invalid(found: &Diagnostic, source: &Source) -> Self {
        let source = found.file.as_ref().unwrap_or(source);
        let (line, col) = found.span.map_or((1, 1), |span| diagnostic::line_col(source, span.start));
        Event::Invalid {
            path: source.path.display().to_string(),
            line,
            col,
            message: redact::masked(&found.message).into_owned(),
            hint: found.hint.as_deref().map(|hint| redact::masked(hint).into_owned()),
        }
    }
}
