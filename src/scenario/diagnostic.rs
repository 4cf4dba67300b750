//! Errors that point at the line.

use std::{path::PathBuf, sync::Arc};

/// A file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As the user named it.
    pub path: PathBuf,
    /// Its text.
    pub text: Arc<str>,
}

/// Bytes `start..end` of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is started.
    Error,
    /// The scenario can run.
    Warning,
}

/// One thing that is wrong with a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One sentence without a period, in lower case: `unknown key `staus``.
    pub message: String,
    /// Where; `None` when the file could not be read at all.
    pub span: Option<Span>,
    /// A few words beside the caret.
    pub label: Option<String>,
    /// A second place, e.g. the first of two equal keys, with its label.
    pub second: Option<(Span, String)>,
    /// What to do.
    pub hint: Option<String>,
}
