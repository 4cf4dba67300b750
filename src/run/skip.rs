//! A scenario that cannot run on this kind of cluster: told like one that runs, and nothing is asked of a cluster.

use super::{
    playing::{self, path_of},
    started,
    tell::Tell,
};
use crate::{event::Event, plan::Plan};

/// Tells that no step of a scenario is run, and why.
pub fn all(plan: &Plan, why: &str, tell: Tell<'_>) {
    tell(started(plan));
    for step in &plan.steps {
        tell(playing::not_run(plan, step, why.to_owned()));
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
