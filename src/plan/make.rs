//! Makes a [`Plan`] of a [`Document`].

use std::sync::Arc;

use super::Plan;
use crate::scenario::{Diagnostic, Document};

/// What a plan needs to name things that no other run uses.
#[derive(Debug, Clone)]
pub struct Names {
    /// Lower-case letters and digits, new for each run of a scenario, e.g. `x7k2p`.
    pub suffix: String,
}

/// Makes the plan, or says all that is wrong.
///
/// # Errors
/// Every semantic error of the file, in the order of its lines; errors and warnings are told apart by their severity, and
/// warnings alone do not fail.
pub fn plan(document: Arc<Document>, names: &Names) -> Result<Plan, Vec<Diagnostic>> {
    let _ = (document, names);
    Err(vec![])
}
