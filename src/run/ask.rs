//! One step asked, or asked again until its answer is as expected.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    expect::{Answer, Meant, Mismatch, judge},
    plan::{Action, Identity, Request, Step},
    steps::{self, Context, Fault},
};

/// How long after a question it is asked again. A grant or its end takes effect after 5 to 20 ms on one API server.
const AGAIN: Duration = Duration::from_millis(10);

/// How many times in a row a denial must be seen where it may take effect a moment later: authorizers of several API
/// servers, and caches, do not change at the same moment.
const DENIALS: usize = 3;

/// An answer and what is wrong with it.
pub struct Asked {
    /// The last answer.
    pub answer: Answer,
    /// Empty when all holds.
    pub mismatches: Vec<Mismatch>,
}

/// Asks once, or for at most `expect.within` until the answer is as expected.
///
/// # Errors
/// The step could not be carried out, or was not over in its time.
pub async fn ask(step: &Step, context: &Context) -> Result<Asked, Fault> {
    let begun = Instant::now();
    let deadline = begun + step.timeout;
    let first = once(step, context, deadline).await?;
    let Some(within) = step.within else { return Ok(first) };
    let needed = if step.expect.status == Some(403) { DENIALS } else { 1 };
    let mut seen = usize::from(first.mismatches.is_empty());
    let mut last = first;
    let mut ticks = tokio::time::interval(AGAIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while seen < needed && begun.elapsed() < within {
        ticks.tick().await;
        last = once(step, context, deadline).await?;
        seen = if last.mismatches.is_empty() { seen + 1 } else { 0 };
    }
    Ok(last)
}

async fn once(step: &Step, context: &Context, deadline: Instant) -> Result<Asked, Fault> {
    let answer = steps::perform(&step.action, context, deadline).await?;
    let mismatches = judge(&step.expect, &answer, meant(step).as_ref());
    Ok(Asked { answer, mismatches })
}

/// Who and what the API server must speak of when it refuses.
fn meant(step: &Step) -> Option<Meant> {
    call(step).map(|(identity, request)| {
        let user = identity.username();
        Meant { denial: request.denial(&user), user }
    })
}

/// Who asks the API server for what, when the step is a call whose meaning is known.
pub fn call(step: &Step) -> Option<(&Identity, &Request)> {
    match &step.action {
        Action::Curl(curl) => curl.request.as_ref().map(|request| (&curl.identity, request)),
        _ => None,
    }
}
