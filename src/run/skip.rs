//! A scenario that cannot run on this kind of cluster: told like one that runs, and nothing is asked of a cluster.

use std::time::Duration;

use super::{Seen, Tell, finished, path_of, selected};
use crate::{
    event::{Event, Outcome},
    plan::Plan,
};

/// Tells that no step of a scenario is run, and why.
pub fn all(plan: &Plan, why: &str, tell: Tell<'_>) {
    tell(Event::ScenarioStarted {
        path: path_of(plan),
        title: plan.title.clone(),
        say: plan.say.clone(),
        line: selected(plan).line,
        namespace: plan.namespace.clone(),
        steps: plan.steps.len(),
        sum: plan.sum(),
    });
    for step in &plan.steps {
        tell(finished(plan, step, Duration::ZERO, Outcome::Skipped { reason: why.to_owned() }, Seen::default()));
    }
    tell(Event::ScenarioFinished {
        path: path_of(plan),
        title: plan.title.clone(),
        held: 0,
        failed: 0,
        broken: 0,
        skipped: plan.steps.len(),
        took_ms: 0,
    });
}
