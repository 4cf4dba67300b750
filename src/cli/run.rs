//! `kubewalk run`.

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};
use rand::{SeedableRng as _, seq::SliceRandom as _};
use tokio::{signal::unix::SignalKind, time::Instant};

use super::{
    Talk,
    jobs::{self, Totals},
    outlet::Outlet,
    report::{self, Wanted as Report},
    select::{self, Selected, Selection, Slow},
};
use crate::{
    cluster::{Cluster, ClusterError, ClusterKind, Progress, StartError, Wanted},
    exit_code::Exit,
    plan::Plan,
    report::terminal::Terminal,
    run::{
        self,
        event::{Event, VERSION},
    },
    settings,
    stop::{self, Stop},
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
    /// The kind of cluster; `auto` takes the first that works and says which.
    #[arg(long, value_enum, default_value_t = Kind::Auto, env = "KUBEWALK_CLUSTER")]
    cluster: Kind,
    /// How many scenarios run side by side, each in its own namespace; left out: two for each processor. Those that need the
    /// same name (a shared namespace, a ClusterRole) take turns, and those that change the rules for all run alone, after
    /// the others. 1: all in the order of their files.
    #[arg(long, value_name = "N", env = "KUBEWALK_JOBS")]
    jobs: Option<std::num::NonZeroUsize>,
    /// Takes the scenarios in an order of chance, which the seed fixes; without a seed, another one each time, which is said.
    #[arg(long, value_name = "SEED", num_args = 0..=1, env = "KUBEWALK_SHUFFLE")]
    shuffle: Option<Option<u64>>,
    /// Writes a report, too; may be said more than once. KIND is `events` (the stream that all others can be made of),
    /// `junit`, `json`, `html`, or `github` (annotations, and a summary in the file that `GITHUB_STEP_SUMMARY` names).
    #[arg(long, value_name = "KIND=PATH", value_parser = report::wanted, value_delimiter = ',', env = "KUBEWALK_REPORT")]
    report: Vec<Report>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The first kind that works here.
    Auto,
    /// The engine's own node: no Docker, no image registry; needs Linux and root.
    Builtin,
}

impl From<Kind> for ClusterKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Auto => ClusterKind::Auto,
            Kind::Builtin => ClusterKind::Builtin,
        }
    }
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let Err(e) = report::apart(&options.report) {
        super::complain(&format!("error: {e}\n"));
        return Ok(Exit::Invalid);
    }
    let stop = runtime.block_on(async { listen_for_signals() });
    let mut selected = select::select(&options.selection, Slow::LeftOut, talk.stderr_colors());
    super::complain(&selected.complaints());
    let mut screen = Screen::new(talk, &options.report);
    screen.outlet.tell(Event::RunStarted {
        version: VERSION,
        kubewalk: env!("CARGO_PKG_VERSION").into(),
        scenarios: selected.plans.len(),
        started: jiff::Timestamp::now().round(jiff::Unit::Second)?.to_string(),
        selected: selected.plans.iter().map(run::selected).collect(),
    });
    if selected.verdict() != Exit::Held {
        return Ok(screen.nothing_starts(selected));
    }
    if let Some(seed) = options.shuffle {
        let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        tell!("kubewalk: the scenarios are shuffled; the same order: --shuffle {seed}");
        selected.plans.shuffle(&mut rand::rngs::StdRng::seed_from_u64(seed));
    }
    let jobs =
        options.jobs.map_or_else(|| 2 * std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let wanted = ClusterKind::from(options.cluster).into();
    Ok(runtime.block_on(run(&selected.plans, wanted, jobs, &stop, screen, talk)))
}

async fn run(plans: &[Plan], wanted: Wanted, jobs: usize, stop: &Stop, mut screen: Screen, talk: Talk) -> Exit {
    let begun = Instant::now();
    let started = Cluster::start(&wanted, &settings::from_env(), stop, &mut |progress| screen.progress(progress)).await;
    let mut totals = Totals { skipped: plans.iter().map(|plan| plan.steps.len()).sum(), ..Totals::default() };
    let mut exit = match started {
        Ok(cluster) => {
            screen.tell(Event::ClusterReady {
                kind: cluster.facts().kind.to_owned(),
                kubernetes: cluster.facts().kubernetes.clone(),
                elapsed_ms: millis(begun),
            });
            if talk.verbose {
                tell!("kubewalk: until it ends, look around with KUBECONFIG={}", cluster.kubeconfig().display());
            }
            let exit = jobs::run(plans, jobs, &cluster, stop, &mut |event| screen.tell(event), &mut totals).await;
            let ending = Instant::now();
            let left = cluster.end().await.left;
            let exit = if left.is_empty() { exit } else { exit.worst(Exit::CleanUp) };
            screen.tell(Event::CleanUp { path: None, took_ms: millis(ending), left });
            exit
        }
        Err(StartError::Stopped(signal)) => Exit::Signal(signal),
        Err(StartError::Failed(e)) => {
            let ClusterError { message, remedy, log } = e;
            screen.tell(Event::Aborted { path: None, class: "cluster".into(), message, remedy, log });
            Exit::Environment
        }
    };
    if let Some(signal) = stop.signal() {
        exit = exit.worst(Exit::Signal(signal));
        tell!("kubewalk: stopped by signal {signal}; everything that was started is removed");
    }
    let Totals { held, failed, broken, skipped } = totals;
    screen.tell(Event::RunFinished { held, failed, broken, skipped, took_ms: millis(begun), exit_code: exit.code() });
    exit.worst(screen.exit).worst(screen.outlet.finish())
}

/// Turns INT, TERM and HUP into a stop. A second one ends the process at once; the cluster's keeper still cleans up.
fn listen_for_signals() -> Stop {
    let (stopper, stop) = stop::pair();
    for (kind, number) in [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)] {
        let Ok(mut signals) = tokio::signal::unix::signal(kind) else { continue };
        let stopper = stopper.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stopper.stop(number);
            signals.recv().await;
            std::process::exit(i32::from(Exit::Signal(number).code()));
        });
    }
    stop
}

/// Prints events: results on standard output, the cluster's progress on standard error.
struct Screen {
    outlet: Outlet,
    terminal: Terminal,
    progress: bool,
    exit: Exit,
}

impl Screen {
    fn new(talk: Talk, reports: &[Report]) -> Self {
        Screen {
            outlet: Outlet::open(reports),
            terminal: Terminal::new(talk.stdout_colors(), talk.verbosity(), super::width()),
            progress: !talk.quiet,
            exit: Exit::Held,
        }
    }

    fn tell(&mut self, event: Event) {
        let event = self.outlet.tell(event);
        let text = self.terminal.on(event);
        if matches!(event, Event::ClusterReady { .. } | Event::Aborted { path: None, .. }) {
            super::complain(&text);
        } else if !text.is_empty() {
            self.exit = self.exit.worst(super::print(&text));
        }
    }

    /// The reports of a run that does not begin: the terminal has said why already.
    fn nothing_starts(mut self, selected: Selected) -> Exit {
        let exit = selected.verdict();
        let nothing = (exit == Exit::Nothing).then(|| Event::Aborted {
            path: None,
            class: "nothingSelected".into(),
            message: selected.nothing(),
            remedy: None,
            log: vec![],
        });
        for event in selected.findings.into_iter().chain(nothing) {
            self.outlet.tell(event);
        }
        let skipped = selected.plans.iter().map(|plan| plan.steps.len()).sum();
        let (held, failed, broken, took_ms) = (0, 0, 0, 0);
        self.outlet.tell(Event::RunFinished { held, failed, broken, skipped, took_ms, exit_code: exit.code() });
        exit.worst(self.outlet.finish())
    }

    fn progress(&mut self, progress: Progress) {
        if !self.progress {
            return;
        }
        match progress {
            Progress::BuildingEngine => {
                tell!("kubewalk: the engine's node image is built now, once (about 10 minutes); it can be interrupted");
            }
            Progress::Phase { name, ms } if std::io::stderr().is_terminal() => {
                super::complain(&format!("\r\x1b[2Kkubewalk: starting the cluster: {name} after {ms} ms"));
            }
            Progress::Phase { name, ms } => tell!("kubewalk: {name} after {ms} ms"),
        }
    }
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
