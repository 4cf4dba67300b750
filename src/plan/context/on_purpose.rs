//! Warnings about what is meant so: a line with the comment `# on purpose` is not warned about.

use crate::scenario::{Diagnostic, Severity, Source, Span};

const COMMENT: &str = "# on purpose";

/// Whether this is a warning, and its line says that it is meant so. No author can mean an error. `source` is the scenario;
/// what is found in a file beside it is looked for there.
pub fn is_meant(source: &Source, diagnostic: &Diagnostic) -> bool {
    let Some(span) = diagnostic.span.filter(|_| diagnostic.severity == Severity::Warning) else {
        return false;
    };
    is_said(&diagnostic.file.as_ref().unwrap_or(source).text, span)
}

/// Whether the line on which something begins says that it is on purpose.
pub(in crate::plan) fn is_said(text: &str, span: Span) -> bool {
    let end = text.get(span.start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| span.start + at);
    let Some(before) = text.get(..end) else { return false };
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.rfind(COMMENT).is_some_and(|at| line[..at].ends_with([' ', '\t']) && !line[at..].contains(['\'', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Span;

    #[test]
    fn only_a_warning_on_a_line_that_says_so() {
        let text = "a: 1 # on purpose: to show it\nb: ' # on purpose'\nc: 3\n";
        let source = Source { path: "x.yaml".into(), text: text.into() };
        let at = |severity, start| Diagnostic {
            severity,
            file: None,
            message: String::new(),
            span: Some(Span { start, end: start + 1 }),
            label: None,
            second: None,
            hint: None,
            fix: Vec::new(),
            environment: false,
        };
        let place = |word: &str| text.find(word).expect("it is there");
        assert!(is_meant(&source, &at(Severity::Warning, place("1"))));
        assert!(!is_meant(&source, &at(Severity::Error, place("1"))));
        assert!(!is_meant(&source, &at(Severity::Warning, place("b:"))));
        assert!(!is_meant(&source, &at(Severity::Warning, place("3"))));
    }
}
