//! Whose turn it is on a cluster: scenarios run side by side unless they need the same name, or one must be alone.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::plan::Plan;

/// The scenarios that run on a cluster now.
#[derive(Debug)]
pub struct Turns {
    now: Mutex<Now>,
    freed: Notify,
}

#[derive(Debug)]
struct Now {
    /// How many run.
    running: usize,
    /// Whether the one that runs must be alone.
    alone: bool,
    /// How many wait to be alone; nobody else begins meanwhile, or they would wait for ever.
    wait_alone: usize,
    /// The names that are in use.
    held: BTreeSet<String>,
}

/// A scenario's turn, until it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    turns: &'a Turns,
    holds: BTreeSet<String>,
}

impl Turns {
    /// Nobody runs.
    pub const fn new() -> Self {
        let now = Now { running: 0, alone: false, wait_alone: 0, held: BTreeSet::new() };
        Turns { now: Mutex::new(now), freed: Notify::const_new() }
    }

    /// The turn of a scenario, if it may begin now.
    pub fn now(&self, plan: &Plan) -> Option<Turn<'_>> {
        self.begin(plan, false)
    }

    /// Waits for the turn of a scenario. It is independent of the async runtime that waits.
    pub async fn wait(&self, plan: &Plan) -> Turn<'_> {
        let waiting = plan.alone.then(|| WaitAlone::new(self));
        loop {
            // Whoever ends between the look and the wait is not missed.
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Some(turn) = self.begin(plan, waiting.is_some()) {
                return turn;
            }
            freed.await;
        }
    }

    fn begin(&self, plan: &Plan, waits_alone: bool) -> Option<Turn<'_>> {
        let mut now = self.lock();
        let company = now.running > 0 && (now.alone || plan.alone);
        let queue = now.wait_alone > 0 && !waits_alone;
        if company || queue || plan.holds.iter().any(|name| now.held.contains(name)) {
            return None;
        }
        now.running += 1;
        now.alone = plan.alone;
        now.held.extend(plan.holds.iter().cloned());
        Some(Turn { turns: self, holds: plan.holds.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut now = self.turns.lock();
        now.running -= 1;
        now.alone = false;
        now.held.retain(|name| !self.holds.contains(name));
        drop(now);
        self.turns.freed.notify_waiters();
    }
}

/// Somebody waits to be alone, until this is dropped.
struct WaitAlone<'a>(&'a Turns);

impl<'a> WaitAlone<'a> {
    fn new(turns: &'a Turns) -> Self {
        turns.lock().wait_alone += 1;
        WaitAlone(turns)
    }
}

impl Drop for WaitAlone<'_> {
    fn drop(&mut self) {
        self.0.lock().wait_alone -= 1;
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use futures::FutureExt as _;

    use super::*;
    use crate::{plan, scenario};

    fn plan(text: &str) -> Plan {
        let text = format!("title: t\n{text}");
        let document = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        plan::plan(document, &plan::Names { suffix: "x".into() }).expect("a plan")
    }

    fn free() -> Plan {
        plan("steps: [{title: t, serviceAccount: a}]")
    }

    fn in_default() -> Plan {
        plan("namespace: default\nsteps: [{title: t, serviceAccount: a}]")
    }

    fn alone() -> Plan {
        plan("steps: [{title: t, apply: {apiVersion: v1, kind: Node, metadata: {name: lonely}}}]")
    }

    #[test]
    fn a_name_is_for_one_at_a_time() {
        let turns = Turns::new();
        let first = turns.now(&in_default()).expect("nobody has it");
        assert!(turns.now(&in_default()).is_none());
        let other = turns.now(&free()).expect("it needs no name");
        drop(first);
        assert!(turns.now(&in_default()).is_some());
        drop(other);
    }

    #[test]
    fn whoever_is_alone_has_no_company() {
        let turns = Turns::new();
        let other = turns.now(&free()).expect("nobody is there");
        assert!(turns.now(&alone()).is_none());
        drop(other);
        let alone = turns.now(&self::alone()).expect("nobody is there");
        assert!(turns.now(&free()).is_none());
        drop(alone);
        assert!(turns.now(&free()).is_some());
    }

    #[tokio::test]
    async fn whoever_waits_to_be_alone_comes_next() {
        let turns = Turns::new();
        let other = turns.now(&free()).expect("nobody is there");
        let lonely = alone();
        let mut waits = std::pin::pin!(turns.wait(&lonely));
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(turns.now(&free()).is_none(), "nobody pushes in");
        drop(other);
        drop(waits.await);
        assert!(turns.now(&free()).is_some());
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_stops_nobody() {
        let turns = Turns::new();
        let _other = turns.now(&free()).expect("nobody is there");
        let lonely = alone();
        {
            let mut waits = std::pin::pin!(turns.wait(&lonely));
            assert!(waits.as_mut().now_or_never().is_none());
        }
        assert!(turns.now(&free()).is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn all_get_their_turn() {
        let turns = Arc::new(Turns::new());
        let (company, lonely) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut all = tokio::task::JoinSet::new();
        for index in 0..60 {
            let (turns, company, lonely) = (Arc::clone(&turns), Arc::clone(&company), Arc::clone(&lonely));
            all.spawn(async move {
                let plan = match index % 3 {
                    0 => free(),
                    1 => in_default(),
                    _ => alone(),
                };
                let _turn = turns.wait(&plan).await;
                let here = company.fetch_add(1, Ordering::SeqCst);
                if plan.alone {
                    assert_eq!(here, 0);
                    lonely.fetch_add(1, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
                company.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while let Some(ended) = all.join_next().await {
            ended.expect("nobody had company that must be alone");
        }
        assert_eq!(lonely.load(Ordering::SeqCst), 20);
    }
}
