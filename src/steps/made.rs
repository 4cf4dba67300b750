//! What a scenario has made.

use crate::plan::Kind;

/// A namespace that is made for a scenario.
#[derive(Debug, Default)]
pub struct Own {
    /// Its name.
    pub name: String,
    /// Its identity, once it is made.
    pub uid: std::sync::OnceLock<String>,
}

/// An object that the scenario made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; `None` for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its identity, by which it is removed: another one of the same name is not this run's.
    pub uid: Option<String>,
}

/// An object that was made again and has another identity since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// The group of its kind; empty for the core.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; `None` for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its identity now.
    pub uid: String,
}
