//! What is wrong with a file, as an event.

use super::Event;
use crate::{
    redact,
    scenario::{
        Diagnostic,
        diagnostic::{Placed, Source},
    },
    text,
};

impl Event {
    /// That a file is invalid, with every credential in the words blacked out; `source` is the scenario's, where the diagnostic names no
    /// file of its own.
    pub fn invalid(found: &Diagnostic, source: &Source) -> Self {
        let Placed { path, range, message } = found.placed(source);
        let (line, col) = range.map_or((1, 1), |(start, _)| start);
        let message = redact::masked(&message).into_owned();
        let hint = found.hint.as_deref().map(|hint| redact::masked(hint).into_owned());
        let path = text::named(&path).into_owned();
        Event::Invalid { path, line, col, message, hint }
    }
}
