//! The facts and findings that all passes share, and JSON pointers.

use super::findings::Findings;
use crate::{
    k8s::Apis,
    plan::{Note, Trust},
};

/// What all passes share.
pub(in crate::plan) struct Context<'a> {
    /// The scenario's namespace.
    pub namespace: &'a str,
    /// All that is wrong.
    pub findings: Findings<'a>,
    /// All that was filled in.
    pub notes: Vec<Note>,
    /// What the API server serves, the scenario's own kinds included.
    pub apis: Apis,
    /// Whether the scenario's author is trusted.
    pub trust: Trust,
    /// Whether there are objects that no tool has rendered, so that what is said of them cannot be checked.
    pub unrendered: bool,
}

impl Context<'_> {
    /// Notes something that was filled in.
    pub(in crate::plan) fn note(&mut self, pointer: &str, text: impl Into<String>) {
        let span = self.findings.document().span(pointer);
        self.notes.push(Note { span, text: text.into() });
    }
}

/// A key or an index below a JSON pointer.
pub(in crate::plan) fn below(pointer: &str, key: impl std::fmt::Display) -> String {
    let key = key.to_string();
    if key.contains(['~', '/']) {
        return format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    }
    [pointer, "/", &key].concat()
}
