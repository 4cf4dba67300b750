//! `kubewalk watch`: runs what was changed, as soon as it is saved, on a cluster that stays between.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use tokio::time::Instant;

use super::{
    cluster_choice::ClusterChoice,
    cluster_source::{Starter, Staying},
    history::History,
    rendering,
    screen::Screen,
    select::{self, Selection, Slow},
    signals,
    talk::Talk,
};
use crate::{
    cluster::{self, Wanted},
    cluster_kind::{Choice, ClusterKind},
    event::{Event, VERSION},
    exit_code::Exit,
    manifests::render,
    output::eprint_colored,
    plan::{Plan, needs},
    redact::show,
    run::{self, exclusion::ExclusionLocks, groups, look::Look, millis, retry::RetryLoop, sink::EventSink as _},
    run_limits::RunLimits,
    scenario::files,
    settings,
    stop::{Stop, unless_stopped},
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    pub(super) choice: ClusterChoice,
    /// How many scenarios run side by side; left out: two for each processor.
    #[arg(long, value_name = "N", env = "KUBEWALK_JOBS")]
    jobs: Option<std::num::NonZeroUsize>,
    /// How long what a scenario made may take to go.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::duration::option, env = "KUBEWALK_CLEANUP_BUDGET")]
    cleanup_budget: Duration,
    #[command(flatten)]
    secrets: super::secret::Secrets,
    /// Starts a new cluster, also when a warm one is there (see `kubewalk cluster`).
    #[arg(long, env = settings::FRESH)]
    fresh: bool,
}

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(50);

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    if let Err(exit) = options.secrets.register() {
        return Ok(exit);
    }
    if options.choice.cluster == Choice::Of(ClusterKind::Kubeconfig) {
        eprint_line!(
            "error: `watch` has a cluster of its own\n  \
             = help: in a cluster that exists: `kubewalk run --cluster kubeconfig --context NAME`, each time"
        );
        return Ok(Exit::Invalid);
    }
    // What is not there now would be waited for without a word.
    let mut files = 0;
    for path in &options.selection.paths {
        match files::below(path) {
            Ok(found) => files += found.len(),
            Err(e) => {
                eprint_line!("error: cannot read {}: {e}", show::line(&path.to_string_lossy(), show::BODY));
                return Ok(Exit::Invalid);
            }
        }
    }
    if files == 0 {
        eprint_line!("kubewalk: there is no scenario yet; the first that is saved there is run");
    }
    let kubernetes = match options.choice.one_version() {
        Ok(kubernetes) => kubernetes,
        Err(exit) => return Ok(exit),
    };
    let wanted = Wanted {
        kind: options.choice.cluster.kind(),
        kubernetes,
        // It is unknown what the author writes next.
        anonymous: true,
        untrusted: options.selection.untrusted,
        ..Wanted::default()
    };
    if let Err(e) = cluster::check(&wanted, &settings::from_env()) {
        eprint_line!("error: {e}\n   = remedy: {}", e.remedy.as_deref().unwrap_or_default());
        return Ok(Exit::Invalid);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stop = runtime.block_on(async { signals::listen("kubewalk sweep".into()).1 });
    rendering::install(true, wanted.kubernetes);
    let staying = Staying::default();
    let mut watched = Watched::default();
    let why = runtime.block_on(async {
        loop {
            let changed = match unless_stopped(&stop, watched.changed(&options.selection.paths)).await {
                Ok(changed) => changed,
                Err(why) => break why,
            };
            let selection = Selection { paths: changed, ..options.selection.clone() };
            render::forget_troubles();
            let mut selected = select::select(&selection, Slow::LeftOut, talk.stderr_colors());
            selected.plans.iter().for_each(|plan| watched.note(plan));
            eprint_colored(&selected.said, talk.stderr_colors());
            let plans = std::mem::take(&mut selected.plans);
            if !plans.is_empty() {
                Box::pin(round(options, talk, (plans, &wanted), &staying, &stop)).await;
            }
            if let Some(why) = stop.asked() {
                break why;
            }
            eprint_line!(
                "kubewalk: a change to one of {} files runs what is about it; Ctrl-C ends",
                watched.seen.len()
            );
        }
    });
    let left = runtime.block_on(staying.end());
    left.iter().for_each(|left| eprint_line!("kubewalk: left behind: {}", crate::redact::show::line(left, 1 << 10)));
    if left.is_empty() {
        eprint_line!("kubewalk: stopped by {why}; everything that was started is removed");
    }
    Ok(Exit::from(why).worst(if left.is_empty() { Exit::Held } else { Exit::CleanUp }))
}

/// Runs scenarios once.
async fn round(options: &Options, talk: Talk, (plans, wanted): (Vec<Plan>, &Wanted), staying: &Staying, stop: &Stop) {
    let begun = Instant::now();
    let mut screen = Screen::new(talk, &[]);
    screen.report(Event::RunStarted {
        version: VERSION,
        kubewalk: env!("CARGO_PKG_VERSION").into(),
        scenarios: plans.len(),
        started: String::new(),
        selected: plans.iter().map(run::selected).collect(),
        options: options.choice.again.clone(),
    });
    let jobs =
        options.jobs.map_or_else(|| 2 * std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let limits =
        RunLimits { budget: None, cleanup_budget: options.cleanup_budget, retry_environment: 0, fail_on_flaky: false };
    let (settings, exclusion, groups) = (settings::from_env(), ExclusionLocks::new(), groups::by_server(plans));
    let retry_loop = |plans| {
        let wanted = Wanted { anonymous: true, ..groups::wanted(plans, wanted) };
        let (fresh, verbose, keep) = (options.fresh, talk.verbose > 0, None);
        let starter = Starter { plans, wanted, settings: &settings, fresh, keep, verbose, stop, begun };
        let (source, limits, look) = (staying.source(starter), &limits, Look::default());
        RetryLoop { plans, source, limits, jobs, exclusion: &exclusion, look, fail_fast: false, stop }
    };
    let totals = groups::run(&groups, wanted, retry_loop, &mut screen).await;
    if !totals.left.is_empty() {
        // What is left there would be in the way of the next.
        staying.spoil_all().await;
    }
    let mut history = History::here(&settings.cache).unwrap_or_default();
    let _ = history.take(screen.records());
    history.keep(&settings.cache);
    let (held, failed, broken, skipped) = (totals.held, totals.failed, totals.broken, totals.skipped);
    let (took_ms, exit_code) = (millis(begun.elapsed()), totals.exit.code());
    screen.event(Event::RunFinished { held, failed, broken, skipped, took_ms, exit_code });
    screen.finish();
}

/// What tells one content of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp(u64, u64, i64, i64);

impl Stamp {
    fn read(path: &Path) -> Option<Stamp> {
        let about = path.metadata().ok()?;
        Some(Stamp(about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
    }
}

/// The files that are looked at.
#[derive(Debug, Default)]
struct Watched {
    seen: BTreeMap<PathBuf, Stamp>,
    /// What a scenario reads beside its own file, and the folders of that.
    beside: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
}

impl Watched {
    /// Waits until something is new, and gives the scenarios that it is about.
    async fn changed(&mut self, paths: &[PathBuf]) -> Vec<PathBuf> {
        loop {
            let changed = self.look(paths);
            if !changed.is_empty() {
                return changed;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn look(&mut self, paths: &[PathBuf]) -> Vec<PathBuf> {
        let scenarios = paths.iter().flat_map(|path| files::below(path).unwrap_or_default());
        let mut changed = BTreeSet::new();
        for file in scenarios.collect::<BTreeSet<_>>() {
            if self.is_new(&file) {
                changed.insert(file);
            }
        }
        for (file, of) in self.beside.clone() {
            if self.is_new(&file) {
                changed.extend(of);
            }
        }
        changed.retain(|file| file.exists());
        changed.into_iter().collect()
    }

    /// Whether it has changed since the last look. One that is not there now is written in a moment, or gone.
    fn is_new(&mut self, file: &Path) -> bool {
        Stamp::read(file).is_some_and(|now| self.seen.insert(file.to_owned(), now) != Some(now))
    }

    /// Notes what a scenario reads.
    fn note(&mut self, plan: &Plan) {
        let scenario = plan.document.source.path.clone();
        for of in self.beside.values_mut() {
            of.remove(&scenario);
        }
        let files =
            plan.steps.iter().flat_map(|step| needs::made(&step.action)).filter_map(|object| object.file.as_ref());
        let files: BTreeSet<PathBuf> = files.flat_map(|file| file.read.iter().cloned()).collect();
        let folders: BTreeSet<PathBuf> = files.iter().filter_map(|file| file.parent()).map(Path::to_owned).collect();
        for file in files.into_iter().chain(folders) {
            if let Some(now) = Stamp::read(&file) {
                self.seen.entry(file.clone()).or_insert(now);
            }
            self.beside.entry(file).or_default().insert(scenario.clone());
        }
        self.beside.retain(|_, of| !of.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Trust, load};

    #[test]
    fn a_change_runs_what_it_is_about() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(at(name), text).expect("written");
        std::fs::create_dir(at("manifests")).expect("a folder");
        write("manifests/a.yml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n");
        write("one.yaml", "title: one\nsteps:\n  - {title: s, apply: {file: manifests/a.yml}}\n");
        write("two.yaml", "title: two\nsteps:\n  - {title: s, serviceAccount: a}\n");
        let paths = [folder.path().to_owned()];
        let mut watched = Watched::default();
        assert_eq!(watched.look(&paths), [at("one.yaml"), at("two.yaml")]);
        for name in ["one.yaml", "two.yaml"] {
            let plan = load(&at(name), &crate::plan::Names::random(), Trust::Full);
            watched.note(&plan.map_err(|(_, found)| found).expect("a plan"));
        }
        assert!(watched.look(&paths).is_empty());
        write("two.yaml", "title: two again\nsteps:\n  - {title: s, serviceAccount: a}\n");
        assert_eq!(watched.look(&paths), [at("two.yaml")]);
        write("manifests/a.yml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: another}\n");
        assert_eq!(watched.look(&paths), [at("one.yaml")]);
        std::fs::remove_file(at("two.yaml")).expect("removed");
        assert!(watched.look(&paths).is_empty());
        write("three.yaml", "title: three\nsteps: []\n");
        assert_eq!(watched.look(&paths), [at("three.yaml")]);
    }
}
