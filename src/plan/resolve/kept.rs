//! The values that the steps so far keep.

use std::collections::BTreeMap;

use crate::plan::Identity;

/// A name under which a step keeps something.
pub(in crate::plan) struct Kept {
    pub step: usize,
    pub pointer: String,
    pub used: bool,
    /// The steps that use it, and where.
    pub uses: Vec<(usize, String)>,
    /// Whose token it is, if it is one.
    pub token: Option<Identity>,
}

/// All that is kept so far.
pub(in crate::plan) type Names = BTreeMap<String, Kept>;
