//! One step asked, or asked again until its answer is as expected.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    expect::{Answer, Meant, Mismatch, judge},
    plan::{Action, Expected, Step},
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

/// Asks once, or for at most the longest `within` of what is expected, until the answer is as expected.
///
/// # Errors
/// The step could not be carried out, or was not over in its time.
pub async fn ask(step: &Step, expected: &[&Expected], context: &Context) -> Result<Asked, Fault> {
    let begun = Instant::now();
    let deadline = begun + step.timeout;
    let first = once(step, expected, context, deadline).await?;
    let Some(within) = expected.iter().filter_map(|item| item.within).max() else { return Ok(first) };
    let denied = match &step.action {
        Action::Can(can) => can.cells.iter().any(|cell| !cell.allowed),
        _ => expected.iter().any(|item| item.expect.status == Some(403)),
    };
    let needed = if denied { DENIALS } else { 1 };
    let mut seen = usize::from(first.mismatches.is_empty());
    let mut last = first;
    let mut ticks = tokio::time::interval(AGAIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while seen < needed && begun.elapsed() < within {
        ticks.tick().await;
        last = once(step, expected, context, deadline).await?;
        seen = if last.mismatches.is_empty() { seen + 1 } else { 0 };
    }
    Ok(last)
}

async fn once(step: &Step, expected: &[&Expected], context: &Context, deadline: Instant) -> Result<Asked, Fault> {
    let answer = steps::perform(&step.action, context, deadline).await?;
    let meant = meant(step);
    let of = |item: &&Expected| {
        let mut found = judge(&item.expect, &answer, meant.as_ref());
        for mismatch in &mut found {
            if let Some(rest) = mismatch.pointer.strip_prefix("/expect") {
                mismatch.pointer = format!("{}{rest}", item.pointer);
            }
        }
        found
    };
    let mut mismatches: Vec<Mismatch> = Vec::new();
    for mismatch in expected.iter().flat_map(of) {
        // What nobody wrote down is not told once for each expectation.
        if !mismatches.contains(&mismatch) {
            mismatches.push(mismatch);
        }
    }
    Ok(Asked { answer, mismatches })
}

/// Who and what the API server must speak of when it refuses.
fn meant(step: &Step) -> Option<Meant> {
    match &step.action {
        Action::Curl(curl) => {
            let user = curl.identity.username();
            curl.request.as_ref().map(|request| Meant { denial: request.denial(&user), user })
        }
        _ => None,
    }
}
