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

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

pub use crate::{
    cluster::{Cluster, Ended as ClusterEnded, Facts},
    cluster_kind::ClusterKind,
    exit_code::Exit,
    run::Ended,
};
use crate::{
    cluster::{
        rendering::Renderer,
        ClusterError, Progress, Settings, StartError, Wanted, holder,
        lease::{self, Ask, Folder, Made, Turn, Until},
        own::lock::{self, How},
        said, warm,
        whose::Whose,
    },
    plan::{self, Names, Plan, Trust},
    redact,
    report::terminal::{Terminal, Verbosity},
    run::{self, Afterwards, Record, event::Event, turns::Turns},
    scenario::diagnostic,
    settings,
    shape::Shape,
    stop::Stop,
};

/// The usual cluster of this process, or why there is none.
static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();

/// Those whose API server is other than usual, by their shape.
static SHAPED: Mutex<BTreeMap<String, Arc<Shaped>>> = Mutex::new(BTreeMap::new());

/// More of them live at a time only while tests use them: each is a node of half a gigabyte.
const MOST_SHAPED: usize = 2;

/// How long a test waits for the one that starts the cluster of all: the engine may be built first.
const STARTED_WITHIN: Duration = Duration::from_secs(45 * 60);

/// Whose turn it is on it.
static TURNS: Turns = Turns::new();

/// The folders of the clusters that all tests of a run of nextest share, by shape.
static LEASED: Mutex<BTreeMap<String, Folder>> = Mutex::new(BTreeMap::new());

/// A cluster whose API server is other than usual, and whose turn it is on it.
#[derive(Debug)]
struct Shaped {
    cluster: OnceLock<Result<Cluster, String>>,
    turns: Turns,
}

/// Runs the scenario of a file on the cluster that the tests of this process share. One tagged `slow` is only planned,
/// which is said on the terminal, unless `KUBEWALK_TAG=slow` is set.
///
/// # Panics
/// With the whole report when the file is invalid, a step does not hold, the environment fails or something is left; the
/// message begins with the class: `invalid scenario`, `expectation failed`, `environment`, `left behind`, `stopped`,
/// `bug in kubewalk`.
#[track_caller]
pub fn run(path: impl AsRef<Path>) {
    hold_if_asked();
    renders();
    let path = path.as_ref();
    let path = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    let plan = good(plan::load(path, &Names::random(), Trust::of(settings::untrusted())));
    if plan.tags.iter().any(|tag| tag == "slow") && !settings::slow() {
        uncaptured(&format!(
            "kubewalk: {} is tagged slow: planned, not run (KUBEWALK_TAG=slow runs it)\n",
            path.display()
        ));
        return;
    }
    if let Some(why) = kind_cannot(&plan.shape) {
        uncaptured(&format!("kubewalk: {} is planned, not run: {why}\n", path.display()));
        return;
    }
    let (ended, report) = run_plan(&plan);
    print(&report);
    if let Some(class) = class(ended.exit) {
        fail(class, &report);
    }
}

/// What a test's failure begins with, when the scenario did not end well.
fn class(exit: Exit) -> Option<&'static str> {
    match exit {
        Exit::Held => None,
        Exit::Failed => Some("expectation failed"),
        Exit::CleanUp => Some("left behind"),
        Exit::Bug => Some("bug in kubewalk"),
        Exit::Invalid | Exit::Nothing => Some("invalid scenario"),
        Exit::Budget | Exit::Signal(_) => Some("stopped"),
        Exit::Environment | Exit::Report | Exit::Flaky => Some("environment"),
    }
}

/// Fails the test. The harness shows the message, so it passes the filter of everything that is shown.
#[track_caller]
fn fail(class: &str, text: &str) -> ! {
    panic!("{class}\n{}", crate::redact::outlet::plain(text))
}

/// Runs the scenario of a text under a name, and gives how it ended with its report. For tests of the runner itself.
///
/// # Panics
/// When the text is no valid scenario, or there is no cluster.
#[track_caller]
pub fn run_text(name: &str, text: &str) -> (Ended, String) {
    renders();
    let trust = Trust::of(settings::untrusted());
    run_plan(&good(plan::load_bytes(Path::new(name), text.as_bytes(), &Names::random(), trust)))
}

/// Lets kustomizations and charts be rendered.
fn renders() {
    let renderer = Renderer::new(&settings::from_env().cache, |_| ());
    crate::manifests::render::install(Box::new(renderer));
}

#[track_caller]
fn good(loaded: plan::Loaded) -> Plan {
    let source = loaded.as_ref().map_or_else(|(source, _)| source, |plan| &plan.document.source);
    redact::secrets::learn(source.text.as_bytes());
    match loaded {
        Ok(plan) => plan,
        Err((source, diagnostics)) => fail("invalid scenario", &diagnostic::render(&diagnostics, &source, false)),
    }
}

#[track_caller]
fn run_plan(plan: &Plan) -> (Ended, String) {
    let using = Using::of(&plan.shape);
    let (cluster, turns) = (using.cluster(), using.turns());
    let terminal = Mutex::new((Terminal::new(false, Verbosity::Verbose, 110), String::new()));
    let mut tell = |event: Event| {
        let mut terminal = terminal.lock().unwrap_or_else(PoisonError::into_inner);
        let text = terminal.0.on(&Record::new(0, event).event);
        terminal.1.push_str(&text);
    };
    let leased = LEASED.lock().unwrap_or_else(PoisonError::into_inner).get(&plan.shape.key()).cloned();
    let turn = leased.map(|folder| Turn::wait(&folder, plan.alone, &plan.holds));
    if let Some(Err(e)) = turn {
        fail("environment", &format!("the cluster that the tests share has gone: {e}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a tokio runtime");
    let ended = runtime.block_on(async {
        let _turn = turns.wait(plan).await;
        run::scenario(plan, cluster, Afterwards::CleanUp(run::CLEANUP_BUDGET), &Stop::never(), &mut tell).await
    });
    let report = terminal.into_inner().unwrap_or_else(PoisonError::into_inner).1;
    (ended, report)
}

/// The cluster of this process; the first caller starts it.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn shared() -> &'static Cluster {
    hold_if_asked();
    match SHARED.get_or_init(|| start(&Shape::default())) {
        Ok(cluster) => cluster,
        Err(e) => fail("environment", e),
    }
}

/// Why a scenario that asks for another API server cannot run on the kind of cluster that tests run on, if so.
fn kind_cannot(shape: &Shape) -> Option<&'static str> {
    let kind = settings::wanted().ok()?.kind;
    kind.and_then(ClusterKind::usual_only).filter(|_| !shape.is_usual())
}

/// The cluster of a shape, as long as a test uses it.
enum Using {
    Usual(&'static Cluster),
    Other(Arc<Shaped>),
}

impl Using {
    /// That of a shape; the first who needs it starts it.
    #[track_caller]
    fn of(shape: &Shape) -> Using {
        if shape.is_usual() {
            return Using::Usual(shared());
        }
        hold_if_asked();
        let (shaped, idle) = {
            let mut all = SHAPED.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Shaped { cluster: OnceLock::new(), turns: Turns::new() });
            let shaped = Arc::clone(all.entry(shape.key()).or_insert_with(new));
            (shaped, idle(&mut all))
        };
        idle.into_iter().for_each(end);
        match shaped.cluster.get_or_init(|| start(shape)) {
            Ok(_) => Using::Other(shaped),
            Err(e) if e.starts_with(REFUSED) => fail("invalid scenario", e),
            Err(e) => fail("environment", e),
        }
    }

    fn cluster(&self) -> &Cluster {
        match self {
            Using::Usual(cluster) => cluster,
            // It is the one that has been started.
            Using::Other(shaped) => match shaped.cluster.get() {
                Some(Ok(cluster)) => cluster,
                _ => unreachable!("it is made of one that has been started"),
            },
        }
    }

    fn turns(&self) -> &Turns {
        match self {
            Using::Usual(_) => &TURNS,
            Using::Other(shaped) => &shaped.turns,
        }
    }
}

/// Takes those out that nobody uses, when there are too many.
fn idle(all: &mut BTreeMap<String, Arc<Shaped>>) -> Vec<Shaped> {
    let keys: Vec<String> = all.keys().cloned().collect();
    let mut idle = Vec::new();
    for key in keys {
        if all.len() <= MOST_SHAPED {
            break;
        }
        if let Some(shaped) = all.remove(&key) {
            match Arc::try_unwrap(shaped) {
                Ok(shaped) => idle.push(shaped),
                Err(used) => drop(all.insert(key, used)),
            }
        }
    }
    idle
}

/// Ends a cluster of which no test is left that uses it.
fn end(shaped: Shaped) {
    let Some(Ok(cluster)) = shaped.cluster.into_inner() else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    for left in runtime.block_on(cluster.end()).left {
        uncaptured(&format!("\nkubewalk: left behind: {left}\n"));
    }
}

/// What a text begins with that says that no API server starts with what a scenario asks for.
const REFUSED: &str = "its `cluster:` is refused: ";

/// Starts a cluster of this process, takes a warm one, or that of the whole run of nextest.
fn start(shape: &Shape) -> Result<Cluster, String> {
    settings::register_secrets()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let mut progress = |progress: Progress| match progress {
        Progress::BuildingEngine => {
            uncaptured("\nkubewalk: the engine's node image is built first, once; the tests go on after that\n");
        }
        Progress::Note(text) => uncaptured(&format!("\nkubewalk: {text}\n")),
        Progress::Warm { name } => uncaptured(&format!("\nkubewalk: the warm cluster {name} is used\n")),
        Progress::NotWarm { name, why } => {
            uncaptured(&format!("\nkubewalk: the warm cluster {name} {why}; a new cluster is started\n"));
        }
        Progress::Pull { .. } | Progress::Phase { .. } => {}
    };
    let wanted = Wanted { shape: shape.clone(), ..settings::wanted()? };
    let (settings, stop) = (settings::from_env(), Stop::never());
    runtime.block_on(async {
        let started = match settings::nextest_run() {
            Some(run) => leased(&run, &wanted, &settings, &stop, &mut progress).await,
            None if settings::fresh() => Cluster::start(&wanted, &settings, &stop, &mut progress).await,
            None => warm::or_new(&wanted, &settings, &stop, &mut progress).await,
        };
        started.map_err(|error| no_cluster(&error))
    })
}

fn no_cluster(error: &StartError) -> String {
    let refused = matches!(error, StartError::Failed(error) if said::is_refusal(error));
    let mut text = if refused { format!("{REFUSED}{error}") } else { format!("there is no cluster: {error}") };
    if let StartError::Failed(e) = error {
        if let Some(remedy) = &e.remedy {
            let _ = write!(text, "\n{remedy}");
        }
        e.log.iter().for_each(|line| {
            let _ = write!(text, "\n  {line}");
        });
    }
    text
}

/// The cluster of this run of nextest; the first of its tests starts the holder.
async fn leased(
    run: &str,
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    let ask = Ask {
        wanted: wanted.clone(),
        until: Until::Gone(lease::runner("cargo-nextest")),
        build: lease::build(),
        whose: Whose::here(),
    };
    lease::sweep(&settings.held());
    let key = wanted.shape.key();
    let name = if key.is_empty() { format!("nextest-{run}") } else { format!("nextest-{run}-{key}") };
    let folder = match Folder::make(&settings.held(), &name, &ask)? {
        Made::Ours(folder, starter) => {
            let program = std::env::current_exe().map_err(|e| ClusterError::plain(e.to_string()))?;
            let mut command = std::process::Command::new(program);
            command.args(std::env::args_os().skip(1)).env(settings::HOLD, folder.path());
            holder::start(&folder, command, stop, progress).await?;
            drop(starter);
            folder
        }
        Made::Theirs(folder) => {
            let gone = |e: std::io::Error| ClusterError::plain(format!("the shared cluster has gone: {e}"));
            let starter = folder.open("starter.lock").map_err(gone)?;
            lock::soon(&starter, How::Shared, STARTED_WITHIN).await.map_err(gone)?;
            if let Some(error) = folder.read::<ClusterError>("failed.json") {
                return Err(error.into());
            }
            folder
        }
    };
    let cluster = warm::share(folder.clone())?;
    LEASED.lock().unwrap_or_else(PoisonError::into_inner).insert(key, folder);
    Ok(cluster)
}

/// Is the holder of a cluster and nothing else, when this process was started for that.
fn hold_if_asked() {
    if let Some(folder) = settings::hold() {
        let code = holder::hold(&Folder::at(folder), &settings::from_env(), settings::fresh());
        std::process::exit(code.into());
    }
}

/// Says something past the test harness, which captures what is printed.
fn uncaptured(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(crate::redact::outlet::plain(text).as_bytes());
}

#[allow(clippy::print_stdout, reason = "captured by the test harness, shown when the test fails or with --nocapture")]
fn print(report: &str) {
    println!("{}", crate::redact::outlet::plain(report));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_clusters_only_those_end_that_nobody_uses() {
        let new = || Arc::new(Shaped { cluster: OnceLock::new(), turns: Turns::new() });
        let mut all: BTreeMap<_, _> = ["a", "b", "c", "d"].map(|key| (key.to_owned(), new())).into();
        let used = [Arc::clone(&all["a"]), Arc::clone(&all["c"])];
        assert_eq!(idle(&mut all).len(), 2);
        assert_eq!(all.keys().collect::<Vec<_>>(), ["a", "c"]);
        drop(used);
        assert!(idle(&mut all).is_empty(), "so many may stay");
    }
}
