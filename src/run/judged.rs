//! What came of the attempts at a step, and who asks what.

use crate::{
    expect::Mismatch,
    plan::{Action, Identity, Request, Step, acting},
    steps::StepResult,
};

/// An answer and what is wrong with it.
pub struct Judged {
    /// The last answer.
    pub got: StepResult,
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

/// What unit tests judge.
#[cfg(test)]
pub(super) mod testing {
    use std::path::Path;

    use super::*;
    use crate::{
        expect::{Answer, Http, judge},
        plan, scenario,
    };

    /// The step of a scenario that has only this one, e.g. `get: {kind: Pod}`.
    pub fn step(text: &str) -> Step {
        let text = format!("title: t\nsteps: [{{title: t, {text}}}]");
        let document = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        plan::plan(document, &plan::Names { suffix: "x".into() }).expect("a plan").steps.remove(0)
    }

    /// The API server's answer to a step.
    pub fn judged(step: &Step, http: Http) -> Judged {
        let answer = Answer::Api(http);
        let mismatches = step.expected.iter().flat_map(|item| judge(&item.expect, &answer, None)).collect();
        Judged { got: StepResult { answer, token: None, at: 0 }, mismatches, attempts: 1 }
    }
}
