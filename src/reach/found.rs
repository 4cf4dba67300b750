//! Something that reaches the node.

/// Something that reaches the node: where it stands below the value that was looked at, as a JSON pointer, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// e.g. `/spec/containers/0/securityContext/privileged`.
    pub pointer: String,
    /// e.g. `` `privileged` ``.
    pub what: String,
}

impl Reach {
    /// Found at a pointer.
    pub(super) fn new(pointer: impl Into<String>, what: impl Into<String>) -> Self {
        Reach { pointer: pointer.into(), what: what.into() }
    }

    /// The same, of a value that stands at `at`.
    pub(super) fn below(mut self, at: &str) -> Self {
        self.pointer.insert_str(0, at);
        self
    }
}
