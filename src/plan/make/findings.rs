//! All that is wrong, each with its place.

use crate::scenario::{Diagnostic, Document, Severity};

/// A diagnostic and the JSON pointer of its place.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// Where, as a pointer.
    #[cfg_attr(not(test), allow(dead_code, reason = "tests look at it"))]
    pub pointer: String,
    /// What.
    pub diagnostic: Diagnostic,
}

/// Collects findings.
pub(super) struct Findings<'a> {
    document: &'a Document,
    list: Vec<Finding>,
}

/// A finding that is being described.
pub(super) struct Said<'f> {
    document: &'f Document,
    finding: &'f mut Finding,
}

impl<'a> Findings<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self { document, list: Vec::new() }
    }

    pub(super) fn document(&self) -> &'a Document {
        self.document
    }

    /// How many errors there are so far.
    pub(super) fn errors(&self) -> usize {
        let severities = self.list.iter().map(|found| found.diagnostic.severity);
        severities.filter(|severity| *severity == Severity::Error).count()
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        self.list
    }

    /// An error at a value.
    pub(super) fn error(&mut self, pointer: &str, message: impl Into<String>) -> Said<'_> {
        self.add(Severity::Error, pointer, message.into())
    }

    /// A warning at a value.
    pub(super) fn warn(&mut self, pointer: &str, message: impl Into<String>) -> Said<'_> {
        self.add(Severity::Warning, pointer, message.into())
    }

    fn add(&mut self, severity: Severity, pointer: &str, message: String) -> Said<'_> {
        self.list.push(Finding {
            pointer: pointer.into(),
            diagnostic: Diagnostic {
                severity,
                message,
                span: Some(self.document.span(pointer)),
                label: None,
                second: None,
                hint: None,
            },
        });
        let last = self.list.len() - 1;
        Said { document: self.document, finding: &mut self.list[last] }
    }
}

impl Said<'_> {
    /// Points at the key, not at the value.
    pub(super) fn at_key(self) -> Self {
        self.finding.diagnostic.span = Some(self.document.key_span(&self.finding.pointer));
        self
    }

    /// A few words beside the caret.
    pub(super) fn label(self, label: impl Into<String>) -> Self {
        self.finding.diagnostic.label = Some(label.into());
        self
    }

    /// What to do.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        self.finding.diagnostic.hint = Some(hint.into());
        self
    }

    /// What to do, if anything can be said.
    pub(super) fn hint_if(self, hint: Option<String>) -> Self {
        self.finding.diagnostic.hint = hint;
        self
    }

    /// A second place: a value.
    pub(super) fn second(self, pointer: &str, label: impl Into<String>) -> Self {
        let span = self.document.span(pointer);
        self.finding.diagnostic.second = Some((span, label.into()));
        self
    }

    /// A second place: a key.
    pub(super) fn second_key(self, pointer: &str, label: impl Into<String>) -> Self {
        let span = self.document.key_span(pointer);
        self.finding.diagnostic.second = Some((span, label.into()));
        self
    }
}
