//! The scenarios of a run, and once more those that the environment kept from an answer.

use tokio::time::Instant;

use super::{
    jobs::{self, How, sound},
    run::{Options, Screen, millis},
};
use crate::{
    cluster::{Cluster, Settings, StartError, Wanted, said, warm},
    exit_code::Exit,
    plan::{Names, Plan},
    run::{Ended, cleanup, event::Event, rights},
    settings,
    stop::Stop,
};

/// What is to be run, and how.
pub struct Rounds<'a> {
    pub plans: &'a [Plan],
    pub wanted: Wanted,
    pub options: &'a Options,
    pub jobs: usize,
    pub stop: &'a Stop,
    pub verbose: bool,
    /// The start of the run.
    pub begun: Instant,
}

/// Numbers of steps, and the gravest end.
#[derive(Debug)]
pub struct Totals {
    pub exit: Exit,
    pub held: usize,
    pub failed: usize,
    pub broken: usize,
    pub skipped: usize,
    /// Whether something could not be removed.
    pub left: bool,
}

/// A scenario of the run.
struct One {
    plan: Plan,
    /// How it ended the last time; `None`: it did not begin.
    ended: Option<Ended>,
    /// How many times it was run.
    times: usize,
    /// The namespaces in which it was, and that are going.
    going: Vec<cleanup::Going>,
}

impl One {
    /// Whether nothing is known about its claim, so that it makes sense to run it again.
    fn open(&self) -> bool {
        self.ended.as_ref().is_none_or(|ended| ended.failed == 0 && ended.exit == Exit::Environment)
    }

    /// Whether it held, but not the first time.
    fn flaky(&self) -> bool {
        let held = |ended: &Ended| matches!(ended.exit, Exit::Held | Exit::CleanUp);
        self.times > 1 && self.ended.as_ref().is_some_and(held)
    }
}

impl Rounds<'_> {
    /// Runs everything, as many rounds as it takes and as are allowed.
    pub async fn run(&self, screen: &mut Screen) -> Totals {
        let one = |plan: &Plan| One { plan: plan.clone(), ended: None, times: 0, going: vec![] };
        let mut all: Vec<One> = self.plans.iter().map(one).collect();
        let (settings, rounds) = (settings::from_env(), 1 + self.options.retry_environment);
        let mut exit = Exit::Held;
        let (mut kept, mut left) = (None, false);
        for round in 1..=rounds {
            let cluster = match kept.take() {
                Some(cluster) => cluster,
                None => match self.cluster(&settings, screen).await {
                    Ok(cluster) => cluster,
                    Err(e) => {
                        exit = exit.worst(e);
                        break;
                    }
                },
            };
            self.round(&mut all, round, &cluster, screen).await;
            let over = round == rounds || self.stop.asked().is_some() || !all.iter().any(One::open);
            if over || !sound(&cluster).await {
                let going = all.iter_mut().flat_map(|one| std::mem::take(&mut one.going)).collect();
                let ended = self.end(cluster, going, screen).await;
                left |= ended == Exit::CleanUp;
                exit = exit.worst(ended);
            } else {
                kept = Some(cluster);
            }
            if over {
                break;
            }
            if kept.is_none() {
                screen.say("kubewalk: the cluster is not sound any more; a new one is started");
            }
        }
        let flaky = all.iter().filter(|one| one.flaky()).count();
        if self.options.fail_on_flaky && flaky > 0 {
            exit = exit.worst(Exit::Flaky);
        }
        totals(&all, exit, left)
    }

    /// Runs all that is open.
    async fn round(&self, all: &mut [One], round: usize, cluster: &Cluster, screen: &mut Screen) {
        let of = 1 + self.options.retry_environment;
        for one in all.iter_mut().filter(|one| one.open() && one.times > 0) {
            // What it made may still be going, and another run would find it in its way.
            one.plan = one.plan.again(&Names::random());
            let path = one.plan.document.source.path.to_string_lossy().into_owned();
            screen.tell(Event::ScenarioAgain { path, attempt: one.times + 1, of });
        }
        let how = How { jobs: self.jobs, cleanup: self.options.cleanup_budget, again: round < of };
        let open = all.iter().enumerate().filter(|(_, one)| one.open()).map(|(at, one)| (at, &one.plan));
        let ended = jobs::run(open, how, cluster, self.stop, &mut |event| screen.tell(event)).await;
        for (at, mut now) in ended {
            let one = &mut all[at];
            one.going.extend(now.going.take());
            // What an earlier time left behind is still there.
            let left = one.ended.take().map(|before| before.left).unwrap_or_default();
            if !left.is_empty() {
                now.left.splice(0..0, left);
                now.exit = now.exit.worst(Exit::CleanUp);
            }
            (one.ended, one.times) = (Some(now), one.times + 1);
        }
    }

    /// A cluster on which the scenarios may run.
    async fn cluster(&self, settings: &Settings, screen: &mut Screen) -> Result<Cluster, Exit> {
        let mut progress = |progress| screen.progress(progress);
        let started = if self.options.fresh {
            Cluster::start(&self.wanted, settings, self.stop, &mut progress).await
        } else {
            warm::or_new(&self.wanted, settings, self.stop, &mut progress).await
        };
        let cluster = match started {
            Ok(cluster) => cluster,
            Err(StartError::Stopped(why)) => {
                screen.stopped(self.stop);
                return Err(why.into());
            }
            Err(StartError::Failed(error)) if said::is_refusal(&error) => return Err(screen.refused(self.plans, error)),
            Err(StartError::Failed(error)) => return Err(screen.abort(error)),
        };
        screen.tell(Event::ClusterReady {
            kind: cluster.facts().kind.to_string(),
            kubernetes: cluster.facts().kubernetes.clone(),
            shape: self.wanted.shape.words(),
            elapsed_ms: millis(self.begun),
        });
        if self.verbose {
            screen.say(&format!(
                "kubewalk: until it ends, look around with KUBECONFIG={}",
                cluster.kubeconfig().display()
            ));
        }
        if cluster.is_foreign()
            && let Err(error) = rights::check(self.plans, &cluster, &self.wanted.existing).await
        {
            let exit = screen.abort(error);
            return Err(exit.worst(self.end(cluster, vec![], screen).await));
        }
        Ok(cluster)
    }

    /// Ends a cluster and says what of it is left. In one of others, what is going must be gone, unless somebody waits for our
    /// end: a cluster of our own takes it along, or looks itself.
    async fn end(&self, cluster: Cluster, going: Vec<cleanup::Going>, screen: &mut Screen) -> Exit {
        screen.stopped(self.stop);
        let ending = Instant::now();
        let mut left = match cluster.client().await {
            Ok(client) if cluster.is_foreign() && self.stop.asked().is_none() => {
                cleanup::gone_for_good(&client, &going, self.options.cleanup_budget).await
            }
            _ => vec![],
        };
        if let Some(why) = cluster.spoilt() {
            screen.say(&format!("kubewalk: the warm cluster is ended after this run: {why}"));
        }
        // Who stops a run wants its end, and not that of its clean-up.
        let ended = if self.stop.asked().is_some() { cluster.discard().await } else { cluster.end().await };
        left.extend(ended.left);
        let exit = if left.is_empty() { Exit::Held } else { Exit::CleanUp };
        screen.tell(Event::CleanUp { path: None, took_ms: millis(ending), left });
        exit
    }
}

fn totals(all: &[One], exit: Exit, mut left: bool) -> Totals {
    left |= all.iter().any(|one| one.ended.as_ref().is_some_and(|ended| !ended.left.is_empty()));
    let mut totals = Totals { exit, held: 0, failed: 0, broken: 0, skipped: 0, left };
    for one in all {
        totals.skipped += one.plan.steps.len();
        if let Some(ended) = &one.ended {
            totals.exit = totals.exit.worst(ended.exit);
            totals.held += ended.held;
            totals.failed += ended.failed;
            totals.broken += ended.broken;
            totals.skipped -= ended.held + ended.failed + ended.broken;
        }
    }
    totals
}
