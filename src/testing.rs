//! Scenarios as tests of `cargo test`, in this crate and in others.
//!
//! ```no_run
//! #[rstest::rstest]
//! fn scenario(#[files("scenarios/**/*.yaml")] path: std::path::PathBuf) {
//!     kubewalk::testing::run(path);
//! }
//! ```
//!
//! All tests of a process share one cluster, which starts with the first test that needs it (so `cargo test -- --list`
//! starts nothing) and ends with the process, however that ends. Under cargo-nextest, where each test is a process, all
//! tests of the run share one: the first that needs it starts its own program once more, in the background, which holds
//! the cluster until nextest has ended. That program is at the same test, and goes no further than [`run()`] or
//! [`shared`], so let nothing come before them that must happen only once. A warm cluster (`kubewalk cluster up`) is used
//! if there is one, unless `KUBEWALK_FRESH=1` is set.
//!
//! Scenarios that ask for another API server (`cluster:`) share one of that shape, which starts with the first of them.
//!
//! Scenarios run side by side, but for those that need the same name, and those that must be alone.
//!
//! `KUBEWALK_RETRY_ENVIRONMENT`, `KUBEWALK_FAIL_ON_FLAKY`, `KUBEWALK_CLEANUP_BUDGET` and `KUBEWALK_BUDGET` mean the same as for
//! `kubewalk run`. The budget is that of the process, from its first scenario on.

mod budget;
mod clusters;
mod harness;
mod report;
mod reports;
mod uncaptured;

pub use harness::main;

use self::uncaptured::uncaptured;
use std::path::Path;

use clusters::{REFUSED, SharedCluster};
use report::TestReport;

use crate::{
    cluster::{
        self, hold,
        lease::{Folder, Turn},
        node_event,
        rendering::Renderer,
    },
    event::{Event, Fault, Record},
    plan::{self, Names, Plan, Trust},
    redact,
    redact::show,
    run::{groups, look::Look, retry::RetryLoop, skip},
    scenario::{Severity, diagnostic},
    settings,
    shape::Shape,
};
pub use crate::{
    cluster::{Cluster, Ended as ClusterEnded, Facts},
    cluster_kind::ClusterKind,
    exit_code::Exit,
    run::Ended,
};

/// Runs the scenario of a file on the cluster that the tests of this process share. One tagged `slow` is only planned,
/// which is said on the terminal, unless `KUBEWALK_TAG=slow` is set; one tagged `exercise` is planned always.
///
/// # Panics
/// When the file is invalid, a step does not hold, the environment fails or something is left. The report is printed, for the harness to
/// show; the message is one line, which begins with the class: `invalid scenario`, `expectation failed`, `environment`, `flaky`,
/// `left behind`, `stopped`, `bug in kubewalk`.
#[track_caller]
pub fn run(path: impl AsRef<Path>) {
    let thread = std::thread::current();
    match outcome(path.as_ref(), thread.name().filter(|name| *name != "main"), false) {
        Outcome::Held(report) => print(&report),
        Outcome::Ignored(why) => uncaptured(&format!("kubewalk: {why}\n")),
        Outcome::Bad(bad) => {
            print(&bad.report);
            bad.fail()
        }
    }
}

/// Says something past the test harness, which captures what tests print: what was not tried, and how it would be.
pub fn note(text: &str) {
    uncaptured(text);
}

/// What came of a scenario.
enum Outcome {
    /// It held: its report.
    Held(String),
    /// It was not run, and why.
    Ignored(String),
    /// Anything else.
    Bad(Bad),
}

/// Why a test fails.
struct Bad {
    /// A word or two.
    class: &'static str,
    /// What it is about, in one line.
    about: String,
    /// All that is known.
    report: String,
}

impl Bad {
    fn new(class: &'static str, text: &str) -> Self {
        let about = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
        Bad { class, about, report: text.to_owned() }
    }

    /// The same, once the reports have it: a test that fails before its scenario begins is not left out of them.
    fn told(mut self, plan: Option<&Plan>, events: Vec<Event>, exit: Exit) -> Self {
        let records = events.into_iter().map(|event| Record::new(reports::now_ms(), event)).collect();
        let ended = Ended { exit, ..Ended::before(plan.map_or(0, |plan| plan.steps.len())) };
        if let Err(why) = reports::add(&reports::of_test(plan, records, &ended)) {
            self.report.push_str(&format!("\n{why}"));
        }
        self
    }

    /// One line.
    fn line(&self) -> String {
        crate::redact::outlet::plain(&format!("{}: {}", self.class, show::line(&self.about, show::BODY)))
    }

    /// All of it.
    fn whole(&self) -> String {
        format!("{}\n{}", self.line(), self.report)
    }

    /// Fails the test. The harness shows the message, so it passes the filter of everything that is shown.
    #[track_caller]
    fn fail(&self) -> ! {
        panic!("{}", self.line())
    }
}

/// Runs the scenario of a file as the test of a name. Where no cluster can be started, it is left out if that is wished for, and the
/// harness can say so.
fn outcome(path: &Path, test: Option<&str>, can_ignore: bool) -> Outcome {
    hold_if_asked();
    let _active = reports::Active::begin();
    renders();
    let path = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    let plan = match good(plan::load(path, &Names::random(), Trust::from_untrusted(settings::untrusted()))) {
        Ok(plan) => plan,
        Err(bad) => return Outcome::Bad(bad),
    };
    if plan.tags.iter().any(|tag| tag == "slow") && !settings::slow() {
        let name = path.display();
        return Outcome::Ignored(format!("{name} is tagged slow: planned, not run (KUBEWALK_TAG=slow runs it)"));
    }
    if plan.tags.iter().any(|tag| tag == "exercise") {
        let name = path.display();
        return Outcome::Ignored(format!(
            "{name} is tagged exercise: planned, not run, as it fails until somebody repairs it"
        ));
    }
    if let Some(why) = in_vain(&plan) {
        return Outcome::Ignored(format!("{} is planned, not run: {why}", path.display()));
    }
    match run_plan(&plan, test) {
        Err(bad) if bad.class == NO_CLUSTER && can_ignore && !settings::required() => {
            let why = format!("{}, and KUBEWALK_REQUIRE=0 asks for none", bad.about);
            let mut told = Vec::new();
            skip::all(&plan, &why, &mut |event| told.push(Record::new(reports::now_ms(), event)));
            match reports::add(&reports::of_test(Some(&plan), told, &Ended::before(plan.steps.len()))) {
                Ok(()) => Outcome::Ignored(why),
                Err(why) => Outcome::Bad(Bad::new("environment", &why)),
            }
        }
        Err(bad) => {
            let class = if bad.class == NO_CLUSTER { "environment" } else { bad.class };
            let mut lines = bad.report.lines().map(str::to_owned);
            let message = lines.next().unwrap_or_default();
            let path = Some(plan.document.source.path.display().to_string());
            let (fault, log) = (Fault::Cluster, lines.collect());
            let told = Event::Aborted { path, class: fault, message, remedy: None, log };
            let exit = if class == "invalid scenario" { Exit::Invalid } else { Exit::Environment };
            Outcome::Bad(Bad { class, ..bad }.told(Some(&plan), vec![told], exit))
        }
        Ok((ended, report)) => match class(ended.exit) {
            None => Outcome::Held(report.text),
            Some(class) => {
                let about = report.bad.or(ended.left.first().cloned()).unwrap_or_else(|| path.display().to_string());
                Outcome::Bad(Bad { class, about, report: report.text })
            }
        },
    }
}

/// The class of a failure for which no cluster could be started.
const NO_CLUSTER: &str = "no cluster";

/// What a test's failure begins with, when the scenario did not end well.
fn class(exit: Exit) -> Option<&'static str> {
    match exit {
        Exit::Held => None,
        Exit::Failed => Some("expectation failed"),
        Exit::CleanUp => Some("left behind"),
        Exit::Bug => Some("bug in kubewalk"),
        Exit::Invalid | Exit::Nothing => Some("invalid scenario"),
        Exit::Budget | Exit::Signal(_) => Some("stopped"),
        Exit::Flaky => Some("flaky"),
        Exit::Environment | Exit::Report => Some("environment"),
    }
}

/// Runs the scenario of a text under a name, and gives how it ended with its report. For tests of the runner itself.
///
/// # Panics
/// When the text is no valid scenario, or there is no cluster.
#[track_caller]
pub fn run_text(name: &str, text: &str) -> (Ended, String) {
    renders();
    let trust = Trust::from_untrusted(settings::untrusted());
    let plan = good(plan::load_bytes(Path::new(name), text.as_bytes(), &Names::random(), trust));
    match plan.and_then(|plan| run_plan(&plan, None)) {
        Ok((ended, report)) => (ended, report.text),
        Err(bad) => {
            print(&bad.report);
            bad.fail()
        }
    }
}

/// Lets kustomizations and charts be rendered.
fn renders() {
    let renderer =
        Renderer::new(settings::from_env(), settings::wanted().ok().and_then(|wanted| wanted.kubernetes), |_| ());
    crate::manifests::render::install(Box::new(renderer));
}

fn good(loaded: plan::Loaded) -> Result<Plan, Bad> {
    let source = loaded.as_ref().map_or_else(|(source, _)| source, |plan| &plan.document.source);
    redact::secrets::learn(source.text.as_bytes());
    loaded.map_err(|(source, found)| {
        let told = found.iter().filter(|one| one.severity == Severity::Error).map(|one| Event::invalid(one, &source));
        Bad::new("invalid scenario", &diagnostic::render(&found, &source, false)).told(
            None,
            told.collect(),
            Exit::Invalid,
        )
    })
}

fn run_plan(plan: &Plan, test: Option<&str>) -> Result<(Ended, TestReport), Bad> {
    hold_if_asked();
    let limits = settings::run_limits().map_err(|why| Bad::new("environment", &why))?;
    // What is asked for and cannot be had is no missing cluster.
    let wanted = settings::wanted().map_err(|why| Bad::new("environment", &why))?;
    cluster::check(&wanted, &settings::from_env()).map_err(|e| Bad::new("environment", &e.to_string()))?;
    let stop = budget::stop(&limits);
    let source = SharedCluster::for_shape(&plan.shape, limits.retry_environment > 0);
    if let Err(why) = source.cluster() {
        return Err(match why.starts_with(REFUSED) {
            true => {
                let lines: Vec<String> = why.lines().map(str::to_owned).collect();
                let last = node_event::last_words(&lines).unwrap_or_default();
                Bad::new("invalid scenario", &format!("{}: {why}", plan.refused_place(&last)))
            }
            false => Bad::new(NO_CLUSTER, &why),
        });
    }
    let turn = clusters::leased_folder(&plan.shape).map(|folder| Turn::wait(&folder, plan.alone, &plan.holds));
    if let Some(Err(e)) = turn {
        return Err(Bad::new("environment", &format!("the cluster that the tests share has gone: {e}")));
    }
    reports::begin(plan).map_err(|why| Bad::new("environment", &why))?;
    let mut report = TestReport::new(test);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a tokio runtime");
    let (plans, shared) = (std::slice::from_ref(plan), source.clone());
    let (exclusion, look, fail_fast) = (shared.exclusion(), Look::default(), false);
    let retry_loop = RetryLoop { plans, source, limits: &limits, jobs: 1, exclusion, look, fail_fast, stop };
    let mut ended = runtime.block_on(retry_loop.run(&mut report));
    // One that did not begin has no end of its own.
    if let Some(why) = stop.asked().filter(|_| ended.held + ended.failed + ended.broken == 0) {
        ended.exit = ended.exit.worst(why.into());
    }
    let records = reports::of_test(Some(plan), std::mem::take(&mut report.records), &ended);
    reports::add(&records).map_err(|why| Bad::new("environment", &why))?;
    Ok((ended, report))
}

/// The cluster of this process; the first caller starts it.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn shared() -> &'static Cluster {
    hold_if_asked();
    match SharedCluster::for_shape(&Shape::default(), false).cluster() {
        // It lives as long as the process, whichever other test uses it.
        Ok(cluster) => Box::leak(Box::new(cluster)),
        Err(why) => Bad::new("environment", &why).fail(),
    }
}

/// Why a scenario that asks for another API server is not run on the clusters that tests run on, if so.
fn in_vain(plan: &Plan) -> Option<String> {
    let wanted = settings::wanted().ok()?;
    groups::in_vain(std::slice::from_ref(plan), &wanted)?.into_iter().next()
}

/// Becomes the process that holds a cluster, when this process was started for that.
fn hold_if_asked() {
    if let Some(folder) = settings::hold() {
        let code = hold::hold(&Folder::at(folder), &settings::from_env(), settings::fresh());
        std::process::exit(code.into());
    }
}

#[allow(clippy::print_stdout, reason = "captured by the test harness, shown when the test fails or with --nocapture")]
fn print(report: &str) {
    println!("{}", crate::redact::outlet::plain(report));
}
