//! An error that says what to write instead.

use super::{Diagnostic, Severity, Span};

/// An error at a place, with a hint if there is one.
pub(super) fn error(message: &str, span: Span, hint: &str) -> Diagnostic {
    Diagnostic {
        file: None,
        severity: Severity::Error,
        message: message.to_owned(),
        span: Some(span),
        label: None,
        second: None,
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
        fix: Vec::new(),
        environment: false,
    }
}
