//! What came of the attempts at a step, and who asks what.

use crate::{
    expect::Mismatch,
    plan::{Action, Identity, Request, Step, acting},
    steps::Got,
};

/// An answer and what is wrong with it.
pub struct Judged {
    /// The last answer.
    pub got: Got,
    /// Empty when all holds.
    pub mismatches: Vec<Mismatch>,
    /// How many attempts there were.
    pub attempts: usize,
}

/// Who asks the API server, and for what, when both are known before the step.
pub fn calls(step: &Step) -> Option<(&Identity, Vec<Request>)> {
    let identity = match &step.action {
        Action::Curl(curl) => Some(&curl.identity),
        _ => step.caller.identity.as_ref(),
    };
    let requests = step.action.requests();
    let acting = match &step.action {
        Action::Curl(curl) => acting::requests(&curl.headers, &requests),
        _ => None,
    };
    Some((identity?, acting.unwrap_or(requests)))
}
