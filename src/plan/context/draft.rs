//! A step, and what could be read from it without the others.

use std::time::Duration;

use super::shared::below;
use crate::{
    plan::{Object, When},
    scenario::{Step, Verb},
};

/// A step, and what could be read from it without the others.
pub(in crate::plan) struct Draft<'a> {
    pub index: usize,
    pub pointer: String,
    pub step: &'a Step,
    /// Its verb; `None` when there is none.
    pub verb: Option<Verb>,
    pub timeout: Duration,
    pub when: Option<When>,
    /// The step expects to be refused, so that it makes nothing and its manifests may be wrong.
    pub refused: bool,
    /// What it makes, in order.
    pub objects: Vec<Placed>,
}

impl Draft<'_> {
    /// The pointer of the verb's value.
    pub(in crate::plan) fn at(&self) -> String {
        below(&self.pointer, self.verb.map_or("title", Verb::key))
    }

    /// The pointer of the expectations.
    pub(in crate::plan) fn expect_at(&self) -> String {
        below(&self.pointer, "expect")
    }
}

/// An object and the pointer of what describes it.
pub(in crate::plan) struct Placed {
    pub pointer: String,
    /// The pointer of its name.
    pub name_at: String,
    /// The pointer of its namespace, when the step says it beside a file.
    pub into: Option<String>,
    pub object: Object,
}
