//! Scenarios side by side, and those that must be alone one after the other.

use std::sync::{Mutex, PoisonError};

use futures::{StreamExt as _, stream};

use crate::{
    cluster::Cluster,
    exit_code::Exit,
    plan::Plan,
    run::{self, Afterwards, Ended, event::Event},
    stop::Stop,
};

/// Numbers of steps.
#[derive(Debug, Default)]
pub struct Totals {
    pub held: usize,
    pub failed: usize,
    pub broken: usize,
    pub skipped: usize,
}

impl Totals {
    fn add(&mut self, ended: &Ended) {
        self.held += ended.held;
        self.failed += ended.failed;
        self.broken += ended.broken;
        self.skipped -= ended.held + ended.failed + ended.broken;
    }
}

/// Runs all plans, at most `jobs` at a time, and gives the gravest end. With one job, the order is that of the files.
pub async fn run(
    plans: &[Plan],
    jobs: usize,
    cluster: &Cluster,
    stop: &Stop,
    tell: run::Tell<'_>,
    totals: &mut Totals,
) -> Exit {
    let (alone, together): (Vec<&Plan>, Vec<&Plan>) = plans.iter().partition(|plan| plan.alone || jobs == 1);
    let tell = Mutex::new(tell);
    let one = |plan, afterwards| {
        let tell = &tell;
        async move {
            let mut tell = |event: Event| tell.lock().unwrap_or_else(PoisonError::into_inner)(event);
            run::scenario(plan, cluster, afterwards, stop, &mut tell).await
        }
    };
    let mut exit = Exit::Held;
    // On a broken cluster, every further scenario would only say so again. Those that have begun go on to their end.
    let go_on = || cluster.broken().is_none() && stop.signal().is_none();
    let mut side_by_side = stream::iter(together)
        .take_while(|_| std::future::ready(go_on()))
        .map(|plan| one(plan, Afterwards::CleanUp))
        .buffer_unordered(jobs);
    while let Some(ended) = side_by_side.next().await {
        totals.add(&ended);
        exit = exit.worst(ended.exit);
    }
    let last = alone.len();
    for (index, plan) in alone.into_iter().enumerate() {
        let afterwards = if index + 1 == last { Afterwards::ClusterEnds } else { Afterwards::CleanUp };
        if !go_on() {
            break;
        }
        let ended = one(plan, afterwards).await;
        totals.add(&ended);
        exit = exit.worst(ended.exit);
    }
    exit
}
