//! All that is wrong, each with its place.

use std::{collections::HashSet, sync::Arc};

use crate::{
    plan::context::on_purpose,
    scenario::{Diagnostic, Document, Severity, Source, Span, beside::Beside, diagnostic::line_col, fix::Edit},
};

/// As many errors of one file are told; no author reads more, and each takes its time to find the words for.
const MAX_ERRORS: usize = 50;

/// As many warnings of one file are told.
const MAX_WARNINGS: usize = 200;

/// Leaves the first ones, and says how many more there are.
pub(in crate::plan) fn cut(diagnostics: &mut Vec<Diagnostic>) {
    for (severity, most, what) in [(Severity::Error, MAX_ERRORS, "error"), (Severity::Warning, MAX_WARNINGS, "warning")]
    {
        let mut seen = 0;
        diagnostics.retain(|diagnostic| {
            seen += usize::from(diagnostic.severity == severity);
            diagnostic.severity != severity || seen <= most
        });
        let more = seen.saturating_sub(most);
        if more > 0 {
            let message = format!("and {more} more {what}{} in this file", if more == 1 { "" } else { "s" });
            let rest = Diagnostic {
                severity,
                message,
                file: None,
                span: None,
                label: None,
                second: None,
                hint: None,
                fix: vec![],
                environment: false,
            };
            diagnostics.push(rest);
        }
    }
}

/// A diagnostic and the JSON pointer of its place.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Finding {
    /// Where, as a pointer.
    pub pointer: String,
    /// What.
    pub diagnostic: Diagnostic,
}

/// Collects findings.
pub(in crate::plan) struct Findings<'a> {
    document: &'a Document,
    files: Vec<(String, Arc<Beside>)>,
    list: Vec<Finding>,
    errors: usize,
}

/// A finding that is being described.
pub(in crate::plan) struct Said<'f> {
    places: Places<'f>,
    finding: &'f mut Finding,
}

/// Where pointers lead: into the scenario, or into a file that it names.
#[derive(Clone, Copy)]
struct Places<'f> {
    document: &'f Document,
    files: &'f [(String, Arc<Beside>)],
}

impl Places<'_> {
    fn locate(self, pointer: &str, key: bool) -> (Option<Source>, Span) {
        for (prefix, beside) in self.files {
            if let Some(rest) = pointer.strip_prefix(prefix.as_str()).filter(|rest| rest.starts_with('/')) {
                return (Some(beside.source.clone()), beside.span(rest, key));
            }
        }
        (None, if key { self.document.key_span(pointer) } else { self.document.span(pointer) })
    }
}

impl<'a> Findings<'a> {
    pub(in crate::plan) fn new(document: &'a Document) -> Self {
        Self { document, files: Vec::new(), list: Vec::new(), errors: 0 }
    }

    /// Whether one of the lines of these values says that it is on purpose. Then what is there is not an error.
    pub(in crate::plan) fn on_purpose(&self, pointers: &[&str]) -> bool {
        let places = Places { document: self.document, files: &self.files };
        pointers.iter().any(|pointer| {
            let (file, span) = places.locate(pointer, false);
            let (key_file, key) = places.locate(pointer, true);
            [(file, span), (key_file, key)].iter().any(|(file, span)| {
                let source = file.as_ref().unwrap_or(&self.document.source);
                on_purpose::is_said(&source.text, *span)
            })
        })
    }

    pub(in crate::plan) fn document(&self) -> &'a Document {
        self.document
    }

    /// How many findings there are so far.
    pub(in crate::plan) fn len(&self) -> usize {
        self.list.len()
    }

    /// Leaves the first ones.
    pub(in crate::plan) fn forget_after(&mut self, first: usize) {
        self.list.truncate(first);
        let error = |found: &&Finding| found.diagnostic.severity == Severity::Error;
        self.errors = self.list.iter().filter(error).count();
    }

    /// The others than the first ones, which are told elsewhere.
    pub(in crate::plan) fn take_after(&mut self, first: usize) -> Vec<Finding> {
        let taken = self.list[first.min(self.list.len())..].to_vec();
        self.forget_after(first);
        taken
    }

    /// Where there is a finding already.
    pub(in crate::plan) fn places(&self) -> HashSet<String> {
        self.list.iter().map(|found| found.pointer.clone()).collect()
    }

    /// How many errors there are so far.
    pub(in crate::plan) fn errors(&self) -> usize {
        self.errors
    }

    /// All that was found, and the files.
    pub(in crate::plan) fn into_parts(self) -> (Vec<Finding>, Vec<(String, Arc<Beside>)>) {
        (self.list, self.files)
    }

    /// An error at a value.
    pub(in crate::plan) fn error(&mut self, pointer: &str, message: impl Into<String>) -> Said<'_> {
        self.add(Severity::Error, pointer, message.into())
    }

    /// A warning at a value.
    pub(in crate::plan) fn warn(&mut self, pointer: &str, message: impl Into<String>) -> Said<'_> {
        self.add(Severity::Warning, pointer, message.into())
    }

    /// From here on, what is below this pointer stands in a file.
    pub(in crate::plan) fn graft(&mut self, pointer: &str, beside: Arc<Beside>) {
        self.files.push((pointer.to_owned(), beside));
    }

    /// What is wrong with the text of a file that stands for a value.
    pub(in crate::plan) fn foreign(&mut self, pointer: &str, found: Vec<Diagnostic>) {
        self.errors += found.iter().filter(|found| found.severity == Severity::Error).count();
        self.list.extend(found.into_iter().map(|diagnostic| Finding { pointer: pointer.into(), diagnostic }));
    }

    fn add(&mut self, severity: Severity, pointer: &str, message: String) -> Said<'_> {
        let places = Places { document: self.document, files: &self.files };
        let (file, span) = places.locate(pointer, false);
        self.errors += usize::from(severity == Severity::Error);
        self.list.push(Finding {
            pointer: pointer.into(),
            diagnostic: Diagnostic {
                file,
                severity,
                message,
                span: Some(span),
                label: None,
                second: None,
                hint: None,
                fix: Vec::new(),
                environment: false,
            },
        });
        let last = self.list.len() - 1;
        Said { places, finding: &mut self.list[last] }
    }
}

impl Said<'_> {
    /// Points at the key, not at the value.
    pub(in crate::plan) fn at_key(self) -> Self {
        self.finding.diagnostic.span = Some(self.places.locate(&self.finding.pointer, true).1);
        self
    }

    /// A few words beside the caret.
    pub(in crate::plan) fn label(self, label: impl Into<String>) -> Self {
        self.finding.diagnostic.label = Some(label.into());
        self
    }

    /// What to do.
    pub(in crate::plan) fn hint(self, hint: impl Into<String>) -> Self {
        self.finding.diagnostic.hint = Some(hint.into());
        self
    }

    /// It is this machine that lacks something, and the file may be right.
    pub(in crate::plan) fn environment(self) -> Self {
        self.finding.diagnostic.environment = true;
        self
    }

    /// What to do, for machines.
    pub(in crate::plan) fn fix(self, fix: Vec<Edit>) -> Self {
        self.finding.diagnostic.fix = fix;
        self
    }

    /// What to do, if anything can be said.
    pub(in crate::plan) fn hint_if(self, hint: Option<String>) -> Self {
        self.finding.diagnostic.hint = hint;
        self
    }

    /// A second place: a value.
    pub(in crate::plan) fn second(self, pointer: &str, label: impl Into<String>) -> Self {
        let place = self.places.locate(pointer, false);
        self.other(place, label.into())
    }

    /// A second place: a key.
    pub(in crate::plan) fn second_key(self, pointer: &str, label: impl Into<String>) -> Self {
        let place = self.places.locate(pointer, true);
        self.other(place, label.into())
    }

    /// A place in another file cannot be drawn beside the first, so it is named.
    fn other(self, (file, span): (Option<Source>, Span), label: String) -> Self {
        let diagnostic = &mut self.finding.diagnostic;
        if file == diagnostic.file {
            diagnostic.second = Some((span, label));
        } else {
            let source = file.as_ref().unwrap_or(&self.places.document.source);
            let (line, col) = line_col(source, span.start);
            let place = format!("{label}: {}:{line}:{col}", source.path.display());
            diagnostic.label = Some(match diagnostic.label.take() {
                Some(own) => format!("{own} ({place})"),
                None => place,
            });
        }
        self
    }
}
