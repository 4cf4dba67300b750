//! `kubewalk run`.

use clap::Args;
use rand::{SeedableRng as _, seq::SliceRandom as _};

use tokio::time::Instant;

use super::{
    cluster_choice::ClusterChoice,
    cluster_source::Starter,
    existing_cluster::ExistingCluster,
    history::{History, Last},
    look::{Looking, Pause},
    rendering,
    screen::Screen,
    secret::Secrets,
    select::{self, Selected, Selection, Slow},
    shard::Sharding,
    signals,
    talk::Talk,
};
use crate::{
    clock::{self, Moment},
    cluster::{self, Existing, Settings, Wanted},
    cluster_kind::{Choice, ClusterKind},
    event::{Event, VERSION},
    exit_code::Exit,
    k8s::Version,
    output::{eprint, eprint_colored},
    report::versions,
    report_target::{self, ReportTarget},
    run::{self, Ended, exclusion::ExclusionLocks, groups, millis, retry::RetryLoop, sink::EventSink as _},
    run_limits::RunLimits,
    scenario::diagnostic::printable,
    settings,
    shape::Shape,
    stop::{Stop, Why},
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) choice: ClusterChoice,
    /// How many scenarios run side by side, each in its own namespace; left out: two for each processor. Those that need the
    /// same name (a shared namespace, a ClusterRole) take turns, and those that change the rules for all run alone, after
    /// the others. 1: all in the order of their files.
    #[arg(long, value_name = "N", env = "KUBEWALK_JOBS")]
    jobs: Option<std::num::NonZeroUsize>,
    /// Takes the scenarios in an order of chance, which the seed fixes; without a seed, another one each time, which is said.
    #[arg(long, value_name = "SEED", num_args = 0..=1, env = "KUBEWALK_SHUFFLE")]
    shuffle: Option<Option<u64>>,
    #[arg(long, help = report_target::HELP, value_name = "KIND=PATH", value_parser = report_target::parse, value_delimiter = ',', env = "KUBEWALK_REPORT")]
    pub(super) report: Vec<ReportTarget>,
    #[command(flatten)]
    pub(super) secrets: Secrets,
    #[command(flatten)]
    existing: ExistingCluster,
    #[command(flatten)]
    limits: RunLimits,
    #[command(flatten)]
    looking: Looking,
    /// Begins no other scenario when one has failed; those that run go on to their end.
    #[arg(long, env = "KUBEWALK_FAIL_FAST")]
    fail_fast: bool,
    /// Only scenarios that did not hold the last time that they were run here.
    #[arg(long)]
    failed: bool,
    #[command(flatten)]
    sharding: Sharding,
    /// Starts a new cluster, also when a warm one is there (see `kubewalk cluster`).
    #[arg(long, env = settings::FRESH)]
    fresh: bool,
}

impl Options {
    /// Leaves out what did hold, and what is of another share.
    fn narrow(&self, selected: &mut Selected, history: Option<&History>) -> Result<(), Exit> {
        let before = selected.plans.len();
        if self.failed {
            selected.plans.retain(|plan| history.is_some_and(|known| known.failed(&plan.document.source.path)));
            selected.why = Some(match history {
                Some(_) => "of these scenarios, none failed the last time that it was run here".into(),
                None => "no run of this project is known, so none is known to have failed".into(),
            });
        }
        if self.sharding.apply(&mut selected.plans)? > 0 && selected.plans.is_empty() {
            let share = self.sharding.share().map(|share| share.to_string()).unwrap_or_default();
            selected.why =
                Some(format!("no scenario is left for share {share}: there are fewer scenarios than shares"));
        }
        selected.left_out += before - selected.plans.len();
        Ok(())
    }

    /// The versions of Kubernetes that are asked for, each once; nothing is asked for: the one that the kind has by itself.
    fn versions(&self) -> Result<Vec<Option<Version>>, Exit> {
        let mut versions = self.choice.kubernetes.clone();
        let mut seen = std::collections::BTreeSet::new();
        versions.retain(|version| seen.insert(*version));
        if versions.len() > 1 && (self.looking.ttl().is_some() || self.looking.pauses()) {
            eprint_line!(
                "error: what is looked at is kept on one cluster, and several versions of Kubernetes are asked for\n  \
                 = help: say one, e.g. --kubernetes {}",
                versions[0]
            );
            return Err(Exit::Invalid);
        }
        Ok(if versions.is_empty() { vec![None] } else { versions.into_iter().map(Some).collect() })
    }

    /// A cluster for each of the versions of Kubernetes that are asked for.
    fn all_wanted(&self, existing: &Existing) -> Result<Vec<Wanted>, Exit> {
        let of_version = |kubernetes| Wanted {
            kind: self.choice.cluster.kind(),
            kubernetes,
            anonymous: false,
            untrusted: self.selection.untrusted,
            shape: Shape::default(),
            existing: existing.clone(),
        };
        let all_wanted: Vec<_> = self.versions()?.into_iter().map(of_version).collect();
        if let Some(e) = all_wanted.iter().find_map(|wanted| cluster::check(wanted, &settings::from_env()).err()) {
            eprint_line!("error: {e}\n   = remedy: {}", e.remedy.as_deref().unwrap_or_default());
            return Err(Exit::Invalid);
        }
        Ok(all_wanted)
    }

    /// The scenarios that are asked for; what is wrong with them is said.
    fn selected(
        &self,
        existing: &Existing,
        history: Option<&History>,
        report: &[ReportTarget],
        talk: Talk,
    ) -> Result<Selected, Exit> {
        let mut selected = select::select(&self.selection, Slow::LeftOut, talk.stderr_colors());
        if self.choice.cluster == Choice::Of(ClusterKind::Kubeconfig) {
            selected.meet_a_cluster_that_exists(existing, talk.stderr_colors());
        }
        self.narrow(&mut selected, history)?;
        let places = report.iter().filter_map(|wanted| wanted.path.as_ref());
        if let Err(e) = report_target::spares(places, &selected.files_read()) {
            eprint(&format!("error: {e}\n"));
            return Err(Exit::Invalid);
        }
        eprint_colored(&selected.complaints(), talk.stderr_colors());
        if selected.verdict() == Exit::Held {
            self.looking.part(&mut selected.plans)?;
        }
        Ok(selected)
    }

    /// The command that removes what a run leaves that is ended at once.
    fn sweep(&self) -> String {
        match (self.choice.cluster, &self.existing.context) {
            (Choice::Of(ClusterKind::Kubeconfig), Some(context)) => {
                format!("kubewalk sweep --cluster kubeconfig --context {context}")
            }
            (Choice::Of(ClusterKind::Kubeconfig), None) => {
                "kubewalk sweep --cluster kubeconfig --yes-this-cluster".into()
            }
            _ => "kubewalk sweep".into(),
        }
    }
}

/// Runs, and shows what happens.
///
/// # Errors
/// What the machine refuses before anything begins.
pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    with_reports(options, &options.report, talk)
}

/// The same with other reports than those of the options.
///
/// # Errors
/// As [`main`].
pub(super) fn with_reports(options: &Options, report: &[ReportTarget], talk: Talk) -> anyhow::Result<Exit> {
    if let Err(exit) = options.secrets.register() {
        return Ok(exit);
    }
    let existing = match options.existing.existing(options.choice.cluster) {
        Ok(existing) => existing,
        Err(exit) => return Ok(exit),
    };
    if let Err(exit) = options.looking.check(options.choice.cluster) {
        return Ok(exit);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let Err(e) = report_target::check_places(report) {
        eprint(&format!("error: {e}\n"));
        return Ok(Exit::Invalid);
    }
    let begun = Moment::now();
    let (stopper, stop) = runtime.block_on(async { signals::listen(options.sweep()) });
    rendering::install(true, options.choice.kubernetes.first().copied());
    let history = History::here(&settings::from_env().cache);
    let mut selected = match options.selected(&existing, history.as_ref(), report, talk) {
        Ok(selected) => selected,
        Err(exit) => return Ok(exit),
    };
    let all_wanted = match options.all_wanted(&existing) {
        Ok(all_wanted) => all_wanted,
        Err(exit) => return Ok(exit),
    };
    let mut screen = Screen::new(talk, report);
    screen.report(Event::RunStarted {
        version: VERSION,
        kubewalk: env!("CARGO_PKG_VERSION").into(),
        scenarios: selected.plans.len(),
        started: jiff::Timestamp::now().round(jiff::Unit::Second)?.to_string(),
        selected: selected.plans.iter().map(run::selected).collect(),
        options: options.choice.again.clone(),
    });
    if selected.verdict() != Exit::Held {
        return Ok(screen.nothing_starts(selected));
    }
    if let Some(seed) = options.shuffle {
        let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        eprint_line!("kubewalk: the scenarios are shuffled; the same order: --shuffle {seed}");
        selected.plans.shuffle(&mut rand::rngs::StdRng::seed_from_u64(seed));
    }
    let jobs = match options.jobs {
        _ if options.looking.pauses() => 1,
        Some(jobs) => jobs.get(),
        None => 2 * std::thread::available_parallelism().map_or(1, usize::from),
    };
    let there = (options.choice.cluster == Choice::Of(ClusterKind::Kubeconfig)).then(|| existing.clone());
    let pause = Pause { settings: settings::from_env(), existing: there };
    if let Some(budget) = options.limits.budget {
        runtime.spawn(async move {
            clock::sleep_until(begun + budget).await;
            stopper.stop(Why::Budget(budget));
        });
    }
    let (groups, begun) = (groups::by_server(std::mem::take(&mut selected.plans)), Instant::now());
    let (settings, exclusion) = (settings::from_env(), ExclusionLocks::new());
    let retry_loop = |wanted: &Wanted, plans| {
        let wanted = groups::wanted(plans, wanted);
        let (fresh, keep, verbose) = (options.fresh, options.looking.ttl(), talk.verbose > 0);
        let source = Starter { plans, wanted, settings: &settings, fresh, keep, verbose, stop: &stop, begun };
        let look = options.looking.look(&pause);
        let (limits, exclusion, fail_fast) = (&options.limits, &exclusion, options.fail_fast);
        RetryLoop { plans, source, limits, jobs, exclusion, look, fail_fast, stop: &stop }
    };
    Ok(runtime.block_on(async {
        let mut ended = Ended::before(0);
        for wanted in &all_wanted {
            if stop.asked().is_some() || options.fail_fast && ended.failed > 0 {
                break;
            }
            if all_wanted.len() > 1 {
                let kubernetes = wanted.kubernetes.map(|version| version.to_string()).unwrap_or_default();
                screen.event(Event::VersionStarted { kubernetes });
            }
            ended.add(groups::run(&groups, wanted, |plans| retry_loop(wanted, plans), &mut screen).await);
        }
        if let Some(compared) = versions::compare(screen.records()) {
            screen.event(compared);
        }
        if !options.looking.is_a_part() {
            note_flaky(history.unwrap_or_default(), &screen, &settings);
        }
        finish(ended, &stop, begun, screen)
    }))
}

/// Keeps how the scenarios ended, and says of those that are flaky how often they were.
fn note_flaky(mut history: History, screen: &Screen, settings: &Settings) {
    let flaky = history.take(screen.records());
    history.keep(&settings.cache);
    for path in flaky {
        if let Some(words) = history.last(&path).and_then(Last::describe_flakiness) {
            eprint_line!("kubewalk: {} was {words}", printable(&path.to_string_lossy()));
        }
    }
}

/// Says how everything ended, and writes the reports.
fn finish(ended: Ended, stop: &Stop, begun: Instant, mut screen: Screen) -> Exit {
    let Ended { mut exit, held, failed, broken, skipped, left, kept } = ended;
    if let Some(why) = stop.asked() {
        exit = exit.worst(why.into());
        // A measurement: what could not be removed is listed above, and a process that outlives its end is named here.
        let stuck = crate::process::still_there();
        if !stuck.is_empty() {
            exit = exit.worst(Exit::CleanUp);
            eprint_line!("kubewalk: stopped by {why}; still there: {}", stuck.join(", "));
        } else if !left.is_empty() {
            eprint_line!("kubewalk: stopped by {why}; what could not be removed is listed above");
        } else if kept > 0 {
            eprint_line!("kubewalk: stopped by {why}; all is removed but what is kept");
        } else {
            eprint_line!("kubewalk: stopped by {why}; everything that was started is removed");
        }
    }
    let took_ms = millis(begun.elapsed());
    screen.event(Event::RunFinished { held, failed, broken, skipped, took_ms, exit_code: exit.code() });
    exit.worst(screen.finish())
}
