//! The scenarios of a run on clusters that a source gives, and once more those that the environment kept from an answer.

use std::ops::Deref;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::{
    Ended, cleanup,
    exclusion::{ExclusionLock, ExclusionLocks},
    look::{Keep, Look},
    millis,
    playing::path_of,
    schedule::{self, ScheduleOptions, is_sound},
    sink::EventSink,
};
use crate::{
    cluster::Cluster,
    event::Event,
    exit_code::Exit,
    plan::{Names, Plan},
    run_limits::RunLimits,
    stop::Stop,
};

/// Where the scenarios of a run get their clusters.
pub trait ClusterSource: Sync {
    /// A cluster, as long as the run uses it.
    type Held: Deref<Target = Cluster> + Send + Sync;

    /// A cluster on which the scenarios may run: that of before only as long as it is sound.
    ///
    /// # Errors
    /// There is none; the sink has been told why.
    fn take<'a>(&'a self, sink: &'a mut dyn EventSink) -> BoxFuture<'a, Result<Self::Held, Exit>>;

    /// Ends a cluster, or gives one back that others use, too. Gives what could not be removed; `None`: it goes on, so that
    /// nothing is told of its end.
    fn end(&self, held: Self::Held) -> BoxFuture<'_, Option<Vec<String>>>;

    /// Whether what it gives is used by others afterwards, so that each scenario has to clean up.
    fn is_shared(&self) -> bool;
}

/// What is to be run, and how.
pub struct RetryLoop<'a, S> {
    /// The scenarios.
    pub plans: &'a [Plan],
    /// Where their clusters come from.
    pub source: S,
    /// Time limits, and how many times it is tried again.
    pub limits: &'a RunLimits,
    /// How many scenarios run at a time.
    pub jobs: usize,
    /// Which of them exclude each other now.
    pub exclusion: &'a ExclusionLocks,
    /// What becomes of those that fail, before they are cleaned up.
    pub look: Look<'a>,
    /// Whether no other begins when one has failed.
    pub fail_fast: bool,
    /// What breaks them off.
    pub stop: &'a Stop,
}

/// A scenario of the run.
struct ScenarioState {
    plan: Plan,
    /// How it ended the last time; `None`: it did not begin.
    ended: Option<Ended>,
    /// How many times it was run.
    attempts: usize,
    /// The namespaces in which it was, and that are going.
    going: Vec<cleanup::Going>,
    /// Whether it is not run again, whatever came of it.
    over: bool,
    /// Whether something of it is left on the cluster that there is now.
    littered: bool,
}

impl ScenarioState {
    fn new(plan: &Plan) -> Self {
        ScenarioState { plan: plan.clone(), ended: None, attempts: 0, going: vec![], over: false, littered: false }
    }

    /// Whether nothing is known about its claim, so that it makes sense to run it again.
    fn is_open(&self) -> bool {
        let known = |ended: &Ended| ended.failed > 0 || ended.kept > 0 || ended.exit != Exit::Environment;
        !self.over && !self.ended.as_ref().is_some_and(known)
    }

    /// How it ended at last.
    fn into_ended(self) -> Ended {
        let steps = self.plan.steps.len();
        let Some(ended) = self.ended else { return Ended::before(steps) };
        Ended { skipped: steps.saturating_sub(ended.held + ended.failed + ended.broken), ..ended }
    }

    /// Whether it held, but not the first time.
    fn is_flaky(&self) -> bool {
        let held = |ended: &Ended| matches!(ended.exit, Exit::Held | Exit::CleanUp);
        self.attempts > 1 && self.ended.as_ref().is_some_and(held)
    }
}

/// What one use of a [`RetryLoop`] keeps in mind.
struct Running<'a> {
    sink: &'a mut dyn EventSink,
    /// Whether the sink knows that the scenarios were broken off.
    told_broken_off: bool,
}

impl Running<'_> {
    fn broken_off(&mut self, stop: &Stop) {
        if let Some(why) = stop.asked()
            && !std::mem::replace(&mut self.told_broken_off, true)
        {
            self.sink.broken_off(why);
        }
    }
}

impl<S: ClusterSource> RetryLoop<'_, S> {
    /// Runs everything, as many rounds as it takes and as are allowed.
    pub async fn run(&self, sink: &mut dyn EventSink) -> Ended {
        let mut all: Vec<ScenarioState> = self.plans.iter().map(ScenarioState::new).collect();
        let mut running = Running { sink, told_broken_off: false };
        let mut totals = Ended::before(0);
        let mut look = self.look;
        loop {
            // What stays is in the way of those that need its names, as long as they are on its cluster.
            let mut stays = Vec::new();
            let only_one = self.rounds(&mut all, (look, &mut stays), &mut running, &mut totals).await;
            let waiting = all.iter().filter(|one| one.ended.is_none()).count();
            if stays.is_empty() || waiting == 0 || self.stop.asked().is_some() || self.is_enough(&all) {
                break;
            }
            let what = if all.iter().any(|one| one.littered) { "left behind" } else { "kept" };
            running.sink.note(&in_the_way(what, waiting, only_one));
            if only_one {
                break;
            }
            for one in &mut all {
                (one.over, one.littered) = (one.ended.is_some(), false);
            }
            look.keep = Keep::Nothing;
        }
        if self.limits.fail_on_flaky && all.iter().any(ScenarioState::is_flaky) {
            totals.exit = totals.exit.worst(Exit::Flaky);
        }
        // Of what did not begin nothing is known, whatever came of the others.
        if self.stop.asked().is_none() && !self.is_enough(&all) && all.iter().any(|one| one.ended.is_none()) {
            totals.exit = totals.exit.worst(Exit::Environment);
        }
        all.into_iter().for_each(|one| totals.add(one.into_ended()));
        totals
    }

    /// Whether one has failed, and that is enough.
    fn is_enough(&self, all: &[ScenarioState]) -> bool {
        let failed = |one: &ScenarioState| one.ended.as_ref().is_some_and(|ended| ended.failed > 0);
        self.fail_fast && all.iter().any(failed)
    }

    /// As many rounds as it takes and as are allowed. Gives whether there is no other cluster than the one that there was.
    async fn rounds<'l>(
        &'l self,
        all: &mut [ScenarioState],
        (look, stays): (Look<'_>, &mut Vec<ExclusionLock<'l>>),
        running: &mut Running<'_>,
        totals: &mut Ended,
    ) -> bool {
        let rounds = 1 + self.limits.retry_environment;
        let (mut kept, mut only_one) = (None, false);
        for round in 1..=rounds {
            let cluster = match kept.take() {
                Some(cluster) => cluster,
                None => match self.source.take(running.sink).await {
                    Ok(cluster) => cluster,
                    Err(exit) => {
                        running.broken_off(self.stop);
                        totals.exit = totals.exit.worst(exit);
                        break;
                    }
                },
            };
            self.round(all, round, &cluster, (look, stays), running.sink).await;
            only_one = cluster.is_foreign();
            if only_one && round < rounds {
                give_up_littered(all, running.sink);
            }
            let enough = self.stop.asked().is_some() || self.is_enough(all);
            let over = round == rounds || enough || !all.iter().any(ScenarioState::is_open);
            // What is left of a scenario would be in its own way, and the server's words about that are no answer to its claim.
            let littered = !only_one && all.iter().any(|one| one.littered);
            if over || littered || !is_sound(&cluster).await {
                let going = all.iter_mut().flat_map(|one| std::mem::take(&mut one.going)).collect();
                let left = self.end(cluster, going, running).await;
                if !left.is_empty() {
                    totals.exit = totals.exit.worst(Exit::CleanUp);
                    totals.left.extend(left);
                }
            } else {
                kept = Some(cluster);
            }
            if over {
                break;
            }
            if littered {
                running.sink.note("kubewalk: what is left behind would be in the way; a new cluster is started");
                all.iter_mut().for_each(|one| one.littered = false);
                stays.clear();
            } else if kept.is_none() {
                running.sink.note("kubewalk: the cluster is not sound any more; a new one is started");
            }
        }
        only_one
    }

    /// Runs all that is open.
    async fn round<'l>(
        &'l self,
        all: &mut [ScenarioState],
        round: usize,
        cluster: &Cluster,
        (look, stays): (Look<'_>, &mut Vec<ExclusionLock<'l>>),
        sink: &mut dyn EventSink,
    ) {
        let rounds = 1 + self.limits.retry_environment;
        for one in all.iter_mut().filter(|one| one.is_open() && one.attempts > 0) {
            // What it made may still be going, and another run would find it in its way.
            one.plan = one.plan.again(&Names::random());
            let path = path_of(&one.plan);
            sink.event(Event::ScenarioAgain { path, attempt: one.attempts + 1, of: rounds });
        }
        let options = ScheduleOptions {
            jobs: self.jobs,
            cleanup: self.limits.cleanup_budget,
            used_again: round < rounds || self.source.is_shared(),
            look,
            fail_fast: self.fail_fast,
        };
        let open = all.iter().enumerate().filter(|(_, one)| one.is_open()).map(|(at, one)| (at, &one.plan));
        let mut tell = |event| sink.event(event);
        let ended = schedule::run(open, options, cluster, (self.exclusion, stays), self.stop, &mut tell).await;
        // Others may have used it before: then no scenario has ended that could say so.
        if let Some(error) = cluster.broken().filter(|_| ended.is_empty()) {
            sink.abort(error);
        }
        for (at, mut now, going) in ended {
            let one = &mut all[at];
            one.going.extend(going);
            one.littered = !now.left.is_empty();
            // What an earlier time left behind is still there.
            let left = one.ended.take().map(|before| before.left).unwrap_or_default();
            if !left.is_empty() {
                now.left.splice(0..0, left);
                now.exit = now.exit.worst(Exit::CleanUp);
            }
            (one.ended, one.attempts) = (Some(now), one.attempts + 1);
        }
    }

    /// Ends a cluster and says what of it is left. In a cluster that exists, the namespaces that are going must be gone, unless
    /// the run was stopped: a cluster of kubewalk's own takes them along, or looks itself.
    async fn end(&self, cluster: S::Held, going: Vec<cleanup::Going>, running: &mut Running<'_>) -> Vec<String> {
        running.broken_off(self.stop);
        let ending = Instant::now();
        let mut left = match cluster.client().await {
            Ok(client) if cluster.is_foreign() && self.stop.asked().is_none() => {
                cleanup::gone_for_good(&client, &going, self.limits.cleanup_budget).await
            }
            _ => vec![],
        };
        if let Some(why) = cluster.spoilt().filter(|_| !self.source.is_shared()) {
            running.sink.note(&format!("kubewalk: the warm cluster is ended after this run: {why}"));
        }
        let Some(ended) = self.source.end(cluster).await else { return left };
        left.extend(ended);
        running.sink.event(Event::CleanUp { path: None, took_ms: millis(ending.elapsed()), left: left.clone() });
        left
    }
}

/// Leaves it at one time for those of which something is left on the only cluster that there is.
fn give_up_littered(all: &mut [ScenarioState], sink: &mut dyn EventSink) {
    for one in all.iter_mut().filter(|one| one.littered && one.is_open()) {
        one.over = true;
        let path = one.plan.document.source.path.display();
        sink.note(&format!("kubewalk: {path} is not run again: what is left behind of it would be in its way"));
    }
}

/// What stays is in the way of scenarios that have not begun.
fn in_the_way(what: &str, waiting: usize, only_one: bool) -> String {
    let (scenarios, run) = match waiting {
        1 => ("1 scenario".to_owned(), "runs"),
        many => (format!("{many} scenarios"), "run"),
    };
    let then = match (only_one, waiting) {
        (false, _) => format!("{run} on another cluster"),
        (true, 1) => "is not run".to_owned(),
        (true, _) => "are not run".to_owned(),
    };
    format!("kubewalk: what is {what} is in the way of {scenarios}, which {then}")
}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;
    use crate::{
        cluster::{ClusterError, Ended as ClusterEnded, Facts, Kubectl, Node, Progress},
        cluster_kind::ClusterKind,
        stop::{self, Why},
    };

    /// A node whose API server never answers, and that has died, if so.
    #[derive(Debug)]
    struct Silent {
        dead: bool,
    }

    impl Node for Silent {
        fn died(&self) -> Option<ClusterError> {
            self.dead.then(|| ClusterError::plain("etcd was killed"))
        }

        fn death(&self) -> BoxFuture<'_, ClusterError> {
            Box::pin(std::future::pending())
        }

        fn end(&self) -> BoxFuture<'_, ClusterEnded> {
            Box::pin(std::future::ready(ClusterEnded::default()))
        }
    }

    /// Gives clusters without an API server, and counts them.
    struct Source {
        taken: AtomicUsize,
        shared: bool,
        dead: bool,
    }

    impl ClusterSource for Source {
        type Held = Box<Cluster>;

        fn take<'a>(&'a self, _sink: &'a mut dyn EventSink) -> BoxFuture<'a, Result<Box<Cluster>, Exit>> {
            self.taken.fetch_add(1, Ordering::SeqCst);
            let facts = Facts {
                pods: true,
                anonymous: true,
                kind: ClusterKind::Builtin,
                kubernetes: "v1.37.2".into(),
                curl_image: String::new(),
            };
            let kubectl = Kubectl::new(std::iter::empty::<PathBuf>());
            let cluster = Cluster::new(
                facts,
                PathBuf::from("/nonexistent/kubeconfig"),
                kubectl,
                Box::new(Silent { dead: self.dead }),
            );
            Box::pin(std::future::ready(Ok(Box::new(cluster))))
        }

        fn end(&self, _held: Box<Cluster>) -> BoxFuture<'_, Option<Vec<String>>> {
            let left = (!self.shared).then(|| vec!["a container".to_owned()]);
            Box::pin(std::future::ready(left))
        }

        fn is_shared(&self) -> bool {
            self.shared
        }
    }

    #[derive(Default)]
    struct Told(Vec<Event>);

    impl EventSink for Told {
        fn event(&mut self, event: Event) {
            self.0.push(event);
        }

        fn note(&mut self, _text: &str) {}

        fn progress(&mut self, _progress: Progress) {}

        fn refused(&mut self, _plans: &[Plan], _error: ClusterError) -> Exit {
            Exit::Invalid
        }
    }

    async fn run(retries: usize, shared: bool, dead: bool, stop: &Stop) -> (Ended, usize, Vec<Event>) {
        let text = "title: t\nsteps: [{title: one, serviceAccount: a}, {title: two, serviceAccount: b}]\n";
        let document = crate::scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        let plans = [crate::plan::plan(document, &Names::random()).expect("a plan")];
        let limits = RunLimits {
            budget: None,
            cleanup_budget: Duration::from_secs(1),
            retry_environment: retries,
            fail_on_flaky: true,
        };
        let (exclusion, mut told) = (ExclusionLocks::new(), Told::default());
        let source = Source { taken: AtomicUsize::new(0), shared, dead };
        let retry_loop = RetryLoop {
            plans: &plans,
            source,
            limits: &limits,
            jobs: 4,
            exclusion: &exclusion,
            look: Look::default(),
            fail_fast: false,
            stop,
        };
        let totals = retry_loop.run(&mut told).await;
        (totals, retry_loop.source.taken.load(Ordering::SeqCst), told.0)
    }

    #[tokio::test]
    async fn what_the_environment_kept_from_an_answer_is_tried_on_another_cluster() {
        let (totals, taken, told) = run(2, true, false, &Stop::never()).await;
        assert_eq!((totals.exit, totals.skipped, taken), (Exit::Environment, 2, 3), "{told:?}");
        let again = told.iter().filter_map(|event| match event {
            Event::ScenarioAgain { attempt, of, .. } => Some((*attempt, *of)),
            _ => None,
        });
        assert_eq!(again.collect::<Vec<_>>(), [(2, 3), (3, 3)]);
        assert!(!told.iter().any(|event| matches!(event, Event::CleanUp { path: None, .. })), "it is shared");
    }

    #[tokio::test]
    async fn what_a_cluster_leaves_behind_is_told() {
        let (totals, taken, told) = run(0, false, false, &Stop::never()).await;
        assert_eq!((totals.exit, taken, totals.left), (Exit::Environment, 1, vec!["a container".to_owned()]));
        assert!(told.iter().any(|event| matches!(event, Event::CleanUp { path: None, .. })), "{told:?}");
    }

    #[tokio::test]
    async fn what_cannot_begin_on_a_dead_cluster_has_not_held() {
        let (totals, taken, told) = run(1, true, true, &Stop::never()).await;
        assert_eq!((totals.exit, totals.skipped, taken), (Exit::Environment, 2, 2), "{told:?}");
        let said =
            |event: &Event| matches!(event, Event::Aborted { path: None, message, .. } if message == "etcd was killed");
        assert!(told.iter().any(said), "{told:?}");
    }

    #[tokio::test]
    async fn a_budget_that_is_spent_is_told_once_and_ends_all_rounds() {
        let (stopper, stop) = stop::pair();
        stopper.stop(Why::Budget(Duration::from_secs(1)));
        let (totals, taken, told) = run(5, false, false, &stop).await;
        assert_eq!((taken, totals.skipped), (1, 2));
        let aborted =
            |event: &&Event| matches!(event, Event::Aborted { class, .. } if *class == crate::event::Fault::Budget);
        assert_eq!(told.iter().filter(aborted).count(), 1, "{told:?}");
    }
}
