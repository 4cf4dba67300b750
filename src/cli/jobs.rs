//! Scenarios side by side, as far as they can be.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};

use crate::{
    cluster::{Cluster, ready},
    event::Event,
    exit_code::Exit,
    plan::Plan,
    run::{self, Afterwards, Ended, turns::Turns},
    stop::Stop,
};

/// How they are run.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// How many at a time.
    pub jobs: usize,
    /// How long what a scenario made may take to go.
    pub cleanup: Duration,
    /// Whether the cluster is used again afterwards, so that the last one cleans up, too.
    pub again: bool,
}

/// Runs plans, each with a number of its own, and gives how each that began ended. With one job, the order is the given
/// one; otherwise those that must be alone come last.
pub async fn run<'a>(
    plans: impl IntoIterator<Item = (usize, &'a Plan)>,
    how: How,
    cluster: &Cluster,
    stop: &Stop,
    tell: run::Tell<'_>,
) -> Vec<(usize, Ended)> {
    let mut waiting: VecDeque<(usize, &Plan)> = plans.into_iter().collect();
    if how.jobs > 1 {
        waiting.make_contiguous().sort_by_key(|(_, plan)| plan.alone);
    }
    let tell = Mutex::new(tell);
    let turns = Turns::new();
    let one = |number, plan, turn, afterwards| {
        let tell = &tell;
        async move {
            let mut tell = |event: Event| tell.lock().unwrap_or_else(PoisonError::into_inner)(event);
            let ended = run::scenario(plan, cluster, afterwards, stop, &mut tell).await;
            drop(turn);
            (number, ended)
        }
    };
    let mut all = Vec::new();
    // On a broken cluster, every further scenario would only say so again. Those that have begun go on to their end.
    let go_on = || cluster.broken().is_none() && stop.asked().is_none();
    let mut unsound = false;
    let mut running = FuturesUnordered::new();
    loop {
        while go_on() && !unsound && running.len() < how.jobs {
            let next = waiting.iter().enumerate().find_map(|(at, (_, plan))| Some((at, turns.now(plan)?)));
            let Some((at, turn)) = next else { break };
            let Some((number, plan)) = waiting.remove(at) else { break };
            let ends = waiting.is_empty() && running.is_empty() && !cluster.lives_on() && !how.again;
            let afterwards = if ends { Afterwards::ClusterEnds } else { Afterwards::CleanUp(how.cleanup) };
            running.push(one(number, plan, turn, afterwards));
        }
        let Some((number, ended)) = running.next().await else { break };
        unsound |= ended.exit == Exit::Environment && !sound(cluster).await;
        all.push((number, ended));
    }
    all
}

/// Whether further scenarios can run on a cluster.
pub async fn sound(cluster: &Cluster) -> bool {
    let ready = async { ready::now(&cluster.client().await.ok()?).await.then_some(()) };
    cluster.broken().is_none() && ready.await.is_some()
}
