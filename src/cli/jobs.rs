//! Scenarios side by side, as far as they can be.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use futures::{StreamExt as _, stream::FuturesUnordered};

use crate::{
    cluster::Cluster,
    exit_code::Exit,
    plan::Plan,
    run::{self, Afterwards, Ended, event::Event, turns::Turns},
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

/// Runs all plans, at most `jobs` at a time, and gives the gravest end. With one job, the order is the given one;
/// otherwise those that must be alone come last.
pub async fn run(
    plans: &[Plan],
    jobs: usize,
    cluster: &Cluster,
    stop: &Stop,
    tell: run::Tell<'_>,
    totals: &mut Totals,
) -> Exit {
    let mut waiting: VecDeque<&Plan> = plans.iter().collect();
    if jobs > 1 {
        waiting.make_contiguous().sort_by_key(|plan| plan.alone);
    }
    let tell = Mutex::new(tell);
    let turns = Turns::new();
    let one = |plan, turn, afterwards| {
        let tell = &tell;
        async move {
            let mut tell = |event: Event| tell.lock().unwrap_or_else(PoisonError::into_inner)(event);
            let ended = run::scenario(plan, cluster, afterwards, stop, &mut tell).await;
            drop(turn);
            ended
        }
    };
    let mut exit = Exit::Held;
    // On a broken cluster, every further scenario would only say so again. Those that have begun go on to their end.
    let go_on = || cluster.broken().is_none() && stop.signal().is_none();
    let mut running = FuturesUnordered::new();
    loop {
        while go_on() && running.len() < jobs {
            let next = waiting.iter().enumerate().find_map(|(index, plan)| Some((index, turns.now(plan)?)));
            let Some((index, turn)) = next else { break };
            let Some(plan) = waiting.remove(index) else { break };
            let ends = waiting.is_empty() && running.is_empty() && !cluster.lives_on();
            running.push(one(plan, turn, if ends { Afterwards::ClusterEnds } else { Afterwards::CleanUp }));
        }
        let Some(ended) = running.next().await else { break };
        totals.add(&ended);
        exit = exit.worst(ended.exit);
    }
    exit
}
