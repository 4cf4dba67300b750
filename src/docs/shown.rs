//! A step, as far as it shows claims.

/// A step of a scenario, as far as it shows claims.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The scenario's path, e.g. `scenarios/rbac/one-role.yaml`.
    pub path: String,
    /// The line on which the step begins.
    pub line: usize,
    /// Its number, 1 for the first, where a step with `each` is as many as it has rows.
    pub number: usize,
    /// Its claim, as it is written.
    pub title: String,
    /// The ids that it names.
    pub rows: Vec<String>,
    /// How many things it expects; one, that the verb succeeds, when it says nothing.
    pub expectations: usize,
    /// How often it is played (`each`).
    pub times: usize,
    /// The versions it is limited to, as written in `when`.
    pub versions: Option<String>,
    /// The versions that its expectations are limited to, where they are: one for each that is.
    pub branches: Vec<String>,
}
