//! `kubewalk run`.

use std::time::Duration;

use clap::Args;
use rand::{SeedableRng as _, seq::SliceRandom as _};

use tokio::time::Instant;

use super::{
    Talk, groups,
    outlet::Outlet,
    report::{self, Wanted as Report},
    rounds::{Rounds, Totals},
    select::{self, Selected, Selection, Slow},
    signals,
};
use crate::{
    clock::{self, Moment},
    cluster::{ClusterError, Progress, Wanted, kubeconfig::Existing},
    cluster_kind::{Choice, ClusterKind},
    exit_code::Exit,
    expect::show,
    plan::{self, Plan},
    report::terminal::Terminal,
    run::{
        self,
        event::{Event, VERSION},
    },
    scenario::{Diagnostic, Severity, diagnostic},
    settings,
    shape::Shape,
    stop::{Stop, Why},
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
    /// The kind of cluster; `auto` takes the first that works and says which.
    #[arg(long, value_enum, default_value_t = Choice::Auto, env = "KUBEWALK_CLUSTER")]
    cluster: Choice,
    /// The minor version of Kubernetes, e.g. 1.36; left out, the newest that the kind of cluster has.
    #[arg(long, value_name = "MINOR", value_parser = settings::minor, env = "KUBEWALK_KUBERNETES")]
    kubernetes: Option<String>,
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
    #[command(flatten)]
    secrets: super::secret::Secrets,
    #[command(flatten)]
    existing: ExistingCluster,
    /// How long everything may take, the start of the cluster included, e.g. `90s`, `10m`, `1h`. When it is spent, what runs is
    /// broken off and cleaned up, the reports are written, and the exit code is 124. Left out: as long as it takes.
    #[arg(long, value_name = "TIME", value_parser = super::time::read, env = "KUBEWALK_BUDGET")]
    budget: Option<Duration>,
    /// How long what a scenario made may take to go. Then it is listed as left behind, with what holds it.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = super::time::read, env = "KUBEWALK_CLEANUP_BUDGET")]
    pub cleanup_budget: Duration,
    /// Runs a scenario again, up to N times, when the environment kept it from an answer; never when an expectation failed. On
    /// another cluster, if this one is not sound any more. What holds only then is reported as flaky.
    #[arg(long, value_name = "N", default_value_t = 0, env = "KUBEWALK_RETRY_ENVIRONMENT")]
    pub retry_environment: usize,
    /// Ends with exit code 5 when something held only when it was run again.
    #[arg(long, env = "KUBEWALK_FAIL_ON_FLAKY")]
    pub fail_on_flaky: bool,
    /// Starts a new cluster, also when a warm one is there (see `kubewalk cluster`).
    #[arg(long, env = settings::FRESH)]
    pub fresh: bool,
}

impl Options {
    /// The command that removes what a run leaves that is ended at once.
    fn sweep(&self) -> String {
        match (self.cluster, &self.existing.context) {
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

/// A cluster that exists.
#[derive(Debug, Args)]
pub struct ExistingCluster {
    /// With `--cluster kubeconfig`: the context to use. It must lead to this machine.
    #[arg(long, value_name = "NAME", env = "KUBEWALK_CONTEXT")]
    context: Option<String>,
    /// With `--cluster kubeconfig`: the cluster is the right one, wherever it is, and scenarios may change what is not their own.
    #[arg(long)]
    yes_this_cluster: bool,
    /// With `--cluster kubeconfig`: namespaces there that are yours, e.g. `team-a`; several with commas. Scenarios that name no
    /// namespace run in the first, others may use those that are named, and nothing else in the cluster is read, made or listed
    /// but what a scenario itself asks for. The namespaces must be there, and stay.
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "KUBEWALK_NAMESPACE")]
    namespace: Vec<String>,
    /// With `--cluster kubeconfig`: the image behind the alias `curl`; it must have curl and a shell.
    #[arg(long, value_name = "IMAGE", env = "KUBEWALK_CURL_IMAGE")]
    curl_image: Option<String>,
}

impl ExistingCluster {
    /// Which one is meant, if it is said; else says what is missing.
    pub fn existing(&self, kind: Choice) -> Result<Existing, Exit> {
        if kind == Choice::Of(ClusterKind::Kubeconfig) && self.context.is_none() && !self.yes_this_cluster {
            tell!(
                "error: a cluster that exists is used only when its context is named: the current one may not be the one that you mean\n  \
                 = help: add --context NAME; `kubectl config get-contexts` lists them"
            );
            return Err(Exit::Invalid);
        }
        let namespaces: Vec<String> = self.namespace.iter().filter(|name| !name.is_empty()).cloned().collect();
        if kind != Choice::Of(ClusterKind::Kubeconfig) && !namespaces.is_empty() {
            tell!(
                "error: --namespace is for a cluster that exists\n  \
                 = help: add --cluster kubeconfig, or leave it out: elsewhere each scenario gets a namespace of its own"
            );
            return Err(Exit::Invalid);
        }
        if let Some(bad) = namespaces.iter().find_map(|name| plan::names::check(&plan::kinds::namespace(), name).err())
        {
            let help = bad.suggestion.map(|name| format!("\n  = help: try {name}")).unwrap_or_default();
            tell!("error: --namespace: {}{help}", bad.message);
            return Err(Exit::Invalid);
        }
        Ok(Existing {
            files: settings::kubeconfig_files(),
            context: self.context.clone(),
            yes: self.yes_this_cluster,
            namespaces,
            curl_image: self.curl_image.clone(),
        })
    }
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    if let Err(exit) = options.secrets.register() {
        return Ok(exit);
    }
    let existing = match options.existing.existing(options.cluster) {
        Ok(existing) => existing,
        Err(exit) => return Ok(exit),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let Err(e) = report::apart(&options.report) {
        super::complain(&format!("error: {e}\n"));
        return Ok(Exit::Invalid);
    }
    let begun = Moment::now();
    let (stopper, stop) = runtime.block_on(async { signals::listen(options.sweep()) });
    super::renders(true);
    let mut selected = select::select(&options.selection, Slow::LeftOut, talk.stderr_colors());
    if options.cluster == Choice::Of(ClusterKind::Kubeconfig) {
        selected.meet_a_cluster_that_exists(&existing, talk.stderr_colors());
    }
    let places = options.report.iter().filter_map(|wanted| wanted.path.as_ref());
    if let Err(e) = report::spares(places, &selected.read()) {
        super::complain(&format!("error: {e}\n"));
        return Ok(Exit::Invalid);
    }
    super::complain_colored(&selected.complaints(), talk.stderr_colors());
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
    let wanted = Wanted {
        kind: options.cluster.kind(),
        kubernetes: options.kubernetes.clone(),
        anonymous: false,
        untrusted: options.selection.untrusted,
        shape: Shape::default(),
        existing,
    };
    if let Err(e) = wanted.check(&settings::from_env()) {
        tell!("error: {e}\n   = remedy: {}", e.remedy.as_deref().unwrap_or_default());
        return Ok(Exit::Invalid);
    }
    if let Some(budget) = options.budget {
        runtime.spawn(async move {
            clock::sleep_until(begun + budget).await;
            stopper.stop(Why::Budget(budget));
        });
    }
    let (groups, begun, verbose) = (groups::of(std::mem::take(&mut selected.plans)), Instant::now(), talk.verbose);
    let rounds = |plans| {
        let wanted = groups::wanted(plans, &wanted);
        Rounds { plans, wanted, options, jobs, stop: &stop, verbose, begun }
    };
    Ok(runtime.block_on(async {
        let totals = groups::run(&groups, rounds, &mut screen).await;
        said_at_the_end(totals, &stop, begun, screen)
    }))
}

/// Says how everything ended.
fn said_at_the_end(totals: Totals, stop: &Stop, begun: Instant, mut screen: Screen) -> Exit {
    let Totals { mut exit, held, failed, broken, skipped, left } = totals;
    if let Some(why) = stop.asked() {
        exit = exit.worst(why.into());
        // A measurement: what could not be removed is listed above, and a process that outlives its end is named here.
        let stuck = crate::process::still_there();
        if !stuck.is_empty() {
            exit = exit.worst(Exit::CleanUp);
            tell!("kubewalk: stopped by {why}; still there: {}", stuck.join(", "));
        } else if left {
            tell!("kubewalk: stopped by {why}; what could not be removed is listed above");
        } else {
            tell!("kubewalk: stopped by {why}; everything that was started is removed");
        }
    }
    let took_ms = millis(begun);
    screen.tell(Event::RunFinished { held, failed, broken, skipped, took_ms, exit_code: exit.code() });
    exit.worst(screen.exit).worst(screen.outlet.finish())
}

/// Prints events: results on standard output, the cluster's progress on standard error.
pub struct Screen {
    outlet: Outlet,
    terminal: Terminal,
    colors: bool,
    progress: bool,
    exit: Exit,
    /// Whether it has said that the budget is spent.
    spent: bool,
}

impl Screen {
    pub fn new(talk: Talk, reports: &[Report]) -> Self {
        Screen {
            outlet: Outlet::open(reports),
            colors: talk.stdout_colors(),
            terminal: Terminal::new(talk.stdout_colors(), talk.verbosity(), super::width()),
            progress: !talk.quiet,
            exit: Exit::Held,
            spent: false,
        }
    }

    pub fn tell(&mut self, event: Event) {
        let event = self.outlet.tell(event);
        let text = self.terminal.on(event);
        if matches!(event, Event::ClusterReady { .. } | Event::Aborted { path: None, .. }) {
            super::complain_colored(&text, self.colors);
        } else if !text.is_empty() {
            self.exit = self.exit.worst(super::print_colored(&text, self.colors));
        }
    }

    pub fn abort(&mut self, error: ClusterError) -> Exit {
        let ClusterError { message, remedy, log } = error;
        self.tell(Event::Aborted { path: None, class: "cluster".into(), message, remedy, log });
        Exit::Environment
    }

    /// Says that no API server starts with what these scenarios ask for, at the place where they do.
    pub fn refused(&mut self, plans: &[Plan], error: ClusterError) -> Exit {
        let ClusterError { message, log, .. } = error;
        let last = log.iter().rev().find(|line| line.contains("err=") || line.contains("Error")).or(log.last());
        let words = |line: &String| {
            line.split_once("err=").map_or(line.trim(), |(_, words)| words.trim_matches('"')).to_owned()
        };
        let hint = last.map(|line| format!("it says: {}", words(line)));
        for plan in plans {
            let (document, source) = (&plan.document, &plan.document.source);
            let span = document.key_span("/cluster");
            let (line, col) = diagnostic::line_col(source, span.start);
            let found = Diagnostic {
                file: None,
                severity: Severity::Error,
                message: message.clone(),
                span: Some(span),
                label: None,
                second: None,
                hint: hint.clone(),
                fix: Vec::new(),
            };
            super::complain_colored(&diagnostic::render(&[found], source, self.colors), self.colors);
            let path = source.path.to_string_lossy().into_owned();
            self.outlet.tell(Event::Invalid { path, line, col, message: message.clone(), hint: hint.clone() });
        }
        log.iter().for_each(|line| super::complain(&format!("   | {}\n", show::line(line, show::BODY))));
        Exit::Invalid
    }

    /// Says why scenarios were broken off, when that was not somebody who knows.
    pub fn stopped(&mut self, stop: &Stop) {
        if let Some(Why::Budget(budget)) = stop.asked()
            && !std::mem::replace(&mut self.spent, true)
        {
            let message = format!("the run's budget of {budget:?} is spent");
            let remedy = Some("give it more by --budget, or let fewer scenarios run".to_owned());
            self.tell(Event::Aborted { path: None, class: run::event::BUDGET.into(), message, remedy, log: vec![] });
        }
    }

    /// Says something beside the results.
    pub fn say(&self, text: &str) {
        super::complain(&format!("{text}\n"));
    }

    pub fn progress(&self, progress: Progress) {
        if self.progress {
            super::progress::tell(progress);
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
}

/// Milliseconds since then.
pub fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
