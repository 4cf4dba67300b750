//! Whose turn it is on a cluster: scenarios run side by side unless they need the same name, or one must be alone.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
};

use tokio::sync::Notify;

use crate::{plan::Plan, sync::locked};

/// The scenarios that run on a cluster now.
#[derive(Debug)]
pub struct ExclusionLocks {
    now: Mutex<Holders>,
    freed: Notify,
}

#[derive(Debug)]
struct Holders {
    /// How many run.
    running: usize,
    /// Whether the one that runs must be alone.
    alone: bool,
    /// How many wait to be alone; no other scenario begins meanwhile, or they would wait for ever.
    wait_alone: usize,
    /// The names that are in use.
    held: BTreeSet<String>,
}

/// A scenario's turn, until it is dropped.
#[derive(Debug)]
pub struct ExclusionLock<'a> {
    locks: &'a ExclusionLocks,
    holds: BTreeSet<String>,
    alone: bool,
    runs: bool,
}

impl ExclusionLock<'_> {
    /// The scenario has ended, and what it made stays: its names stay taken until this is dropped, and if it changed the rules for
    /// all callers, no other scenario begins.
    pub fn stays(&mut self) {
        if !self.alone && std::mem::take(&mut self.runs) {
            self.locks.holders().running -= 1;
            self.locks.freed.notify_waiters();
        }
    }
}

impl ExclusionLocks {
    /// No scenario runs.
    pub const fn new() -> Self {
        let now = Holders { running: 0, alone: false, wait_alone: 0, held: BTreeSet::new() };
        ExclusionLocks { now: Mutex::new(now), freed: Notify::const_new() }
    }

    /// The turn of a scenario, if it may begin now.
    pub fn try_lock(&self, plan: &Plan) -> Option<ExclusionLock<'_>> {
        self.begin(plan, false)
    }

    /// Waits for the turn of a scenario. It is independent of the async runtime that waits.
    pub async fn lock(&self, plan: &Plan) -> ExclusionLock<'_> {
        let waiting = plan.alone.then(|| WaitAlone::new(self));
        loop {
            // A scenario that ends between the look and the wait is not missed.
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Some(turn) = self.begin(plan, waiting.is_some()) {
                return turn;
            }
            freed.await;
        }
    }

    fn begin(&self, plan: &Plan, waits_alone: bool) -> Option<ExclusionLock<'_>> {
        let mut now = self.holders();
        let company = now.running > 0 && (now.alone || plan.alone);
        let queue = now.wait_alone > 0 && !waits_alone;
        if company || queue || plan.holds.iter().any(|name| now.held.contains(name)) {
            return None;
        }
        now.running += 1;
        now.alone = plan.alone;
        now.held.extend(plan.holds.iter().cloned());
        Some(ExclusionLock { locks: self, holds: plan.holds.clone(), alone: plan.alone, runs: true })
    }

    fn holders(&self) -> MutexGuard<'_, Holders> {
        locked(&self.now)
    }
}

impl Default for ExclusionLocks {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ExclusionLock<'_> {
    fn drop(&mut self) {
        let mut now = self.locks.holders();
        if self.runs {
            now.running -= 1;
            now.alone = false;
        }
        now.held.retain(|name| !self.holds.contains(name));
        drop(now);
        self.locks.freed.notify_waiters();
    }
}

/// A scenario waits to be alone, until this is dropped.
struct WaitAlone<'a>(&'a ExclusionLocks);

impl<'a> WaitAlone<'a> {
    fn new(locks: &'a ExclusionLocks) -> Self {
        locks.holders().wait_alone += 1;
        WaitAlone(locks)
    }
}

impl Drop for WaitAlone<'_> {
    fn drop(&mut self) {
        self.0.holders().wait_alone -= 1;
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
        let locks = ExclusionLocks::new();
        let first = locks.try_lock(&in_default()).expect("nobody has it");
        assert!(locks.try_lock(&in_default()).is_none());
        let other = locks.try_lock(&free()).expect("it needs no name");
        drop(first);
        assert!(locks.try_lock(&in_default()).is_some());
        drop(other);
    }

    #[test]
    fn whoever_is_alone_has_no_company() {
        let locks = ExclusionLocks::new();
        let other = locks.try_lock(&free()).expect("nobody is there");
        assert!(locks.try_lock(&alone()).is_none());
        drop(other);
        let alone = locks.try_lock(&self::alone()).expect("nobody is there");
        assert!(locks.try_lock(&free()).is_none());
        drop(alone);
        assert!(locks.try_lock(&free()).is_some());
    }

    #[test]
    fn what_stays_keeps_its_names_and_lets_others_run() {
        let locks = ExclusionLocks::new();
        let mut first = locks.try_lock(&in_default()).expect("nobody has it");
        first.stays();
        assert!(locks.try_lock(&in_default()).is_none(), "the name is taken");
        let mut lonely = locks.try_lock(&alone()).expect("nobody runs");
        lonely.stays();
        assert!(locks.try_lock(&free()).is_none(), "the rules are changed for everybody");
        drop(lonely);
        drop(first);
        let free = locks.try_lock(&free()).expect("nobody runs");
        assert!(locks.try_lock(&in_default()).is_some());
        drop(free);
    }

    #[tokio::test]
    async fn whoever_waits_to_be_alone_comes_next() {
        let locks = ExclusionLocks::new();
        let other = locks.try_lock(&free()).expect("nobody is there");
        let lonely = alone();
        let mut waits = std::pin::pin!(locks.lock(&lonely));
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(locks.try_lock(&free()).is_none(), "nobody pushes in");
        drop(other);
        drop(waits.await);
        assert!(locks.try_lock(&free()).is_some());
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_stops_nobody() {
        let locks = ExclusionLocks::new();
        let _other = locks.try_lock(&free()).expect("nobody is there");
        let lonely = alone();
        {
            let mut waits = std::pin::pin!(locks.lock(&lonely));
            assert!(waits.as_mut().now_or_never().is_none());
        }
        assert!(locks.try_lock(&free()).is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn all_get_their_turn() {
        let locks = Arc::new(ExclusionLocks::new());
        let (company, lonely) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut all = tokio::task::JoinSet::new();
        for index in 0..60 {
            let (locks, company, lonely) = (Arc::clone(&locks), Arc::clone(&company), Arc::clone(&lonely));
            all.spawn(async move {
                let plan = match index % 3 {
                    0 => free(),
                    1 => in_default(),
                    _ => alone(),
                };
                let _turn = locks.lock(&plan).await;
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
