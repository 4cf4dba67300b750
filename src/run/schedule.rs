//! The order in which scenarios run on one cluster: side by side, as far as they exclude each other not.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};

use super::{
    Afterwards, Ended, Tell,
    cleanup::Going,
    exclusion::{ExclusionLock, ExclusionLocks},
    look::Look,
    scenario,
};
use crate::{
    cluster::{Cluster, ready},
    event::Event,
    exit_code::Exit,
    plan::Plan,
    stop::Stop,
    sync::locked,
};

/// How scenarios are scheduled.
#[derive(Debug, Clone, Copy)]
pub struct ScheduleOptions<'a> {
    /// How many at a time.
    pub jobs: usize,
    /// How long what a scenario made may take to go.
    pub cleanup: Duration,
    /// Whether the cluster is used again afterwards, so that the last scenario cleans up, too.
    pub used_again: bool,
    /// What becomes of a scenario that failed, before it is cleaned up.
    pub look: Look<'a>,
    /// Whether no other begins when one has failed.
    pub fail_fast: bool,
}

/// Runs plans, each with a number of its own, and gives how each that began ended, and its namespaces that still go. With one job,
/// the order is the given one; otherwise those that must run alone come last. What is kept or left of a scenario keeps its turn in `stays`, and
/// those that it is in the way of do not begin.
pub async fn run<'a, 'e>(
    plans: impl IntoIterator<Item = (usize, &'a Plan)>,
    options: ScheduleOptions<'_>,
    cluster: &Cluster,
    (exclusion, stays): (&'e ExclusionLocks, &mut Vec<ExclusionLock<'e>>),
    stop: &Stop,
    tell: Tell<'_>,
) -> Vec<(usize, Ended, Vec<Going>)> {
    let mut waiting: VecDeque<(usize, &Plan)> = plans.into_iter().collect();
    if options.jobs > 1 {
        waiting.make_contiguous().sort_by_key(|(_, plan)| plan.alone);
    }
    let tell = Mutex::new(tell);
    let begin = |number, plan, lock, afterwards| {
        let tell = &tell;
        async move {
            let mut tell = |event: Event| locked(tell)(event);
            let look = Look { broken: !options.used_again, ..options.look };
            let (ended, going) = scenario(plan, cluster, (afterwards, look), stop, &mut tell).await;
            (number, ended, going, lock)
        }
    };
    let mut all = Vec::new();
    // On a broken cluster, every further scenario would only say so again. Those that have begun go on to their end.
    let go_on = || cluster.broken().is_none() && stop.asked().is_none();
    let (mut unsound, mut enough) = (false, false);
    let mut running = FuturesUnordered::new();
    loop {
        while go_on() && !unsound && !enough && running.len() < options.jobs {
            let free = waiting.iter().enumerate().find_map(|(at, (_, plan))| Some((at, exclusion.try_lock(plan)?)));
            let (at, lock) = match (free, waiting.front()) {
                (Some(free), _) => free,
                (None, Some(_)) if running.is_empty() && !stays.is_empty() => break,
                // Scenarios that another schedule runs are in the way of all that are left.
                (None, Some((_, plan))) if running.is_empty() => {
                    tokio::select! {
                        lock = exclusion.lock(plan) => (0, lock),
                        _ = stop.requested() => break,
                    }
                }
                _ => break,
            };
            let Some((number, plan)) = waiting.remove(at) else { break };
            let last = waiting.is_empty() && running.is_empty() && !cluster.lives_on() && !options.used_again;
            let afterwards = if last { Afterwards::ClusterEnds } else { Afterwards::CleanUp(options.cleanup) };
            running.push(begin(number, plan, lock, afterwards));
        }
        let Some((number, ended, going, mut lock)) = running.next().await else { break };
        if ended.kept > 0 || !ended.left.is_empty() {
            lock.stays();
            stays.push(lock);
        }
        enough |= options.fail_fast && ended.failed > 0;
        unsound |= ended.exit == Exit::Environment && !is_sound(cluster).await;
        all.push((number, ended, going));
    }
    all
}

/// Whether further scenarios can run on a cluster.
pub async fn is_sound(cluster: &Cluster) -> bool {
    let ready = async { ready::now(&cluster.client().await.ok()?).await.then_some(()) };
    cluster.broken().is_none() && ready.await.is_some()
}
