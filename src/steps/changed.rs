//! What a scenario has changed that was there before it.

use serde_json::Value;

use super::api;
use crate::plan::Kind;

/// An object as it was before the scenario changed it.
#[derive(Debug, Clone)]
pub struct ChangedObject {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; `None` for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// All of it, as it was.
    pub(super) object: Value,
}

impl ChangedObject {
    /// Whether it is this one.
    pub(super) fn is(&self, kind: &Kind, namespace: Option<&str>, name: &str) -> bool {
        self.kind.is(&kind.group, &kind.kind) && self.namespace.as_deref() == namespace && self.name == name
    }

    /// Its path.
    pub(super) fn path(&self) -> String {
        api::path(&self.kind, self.namespace.as_deref(), Some(&self.name))
    }
}
