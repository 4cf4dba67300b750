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
//! starts nothing) and ends with the process, however that ends. Scenarios run side by side,
//! but for those that need the same name, and those that must be alone.

use std::{
    fmt::Write as _,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::{
    cluster::{Cluster, ClusterKind, Progress},
    plan::{self, Names, Plan},
    report::terminal::{Terminal, Verbosity},
    run::{self, Afterwards, Ended, Record, event::Event, turns::Turns},
    scenario::{self, diagnostic},
    settings,
    stop::Stop,
};

/// The cluster of this process, or why there is none.
static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();

/// Whose turn it is on it.
static TURNS: Turns = Turns::new();

/// Runs the scenario of a file on the cluster that the tests of this process share. One tagged `slow` is only planned,
/// which is said on the terminal, unless `KUBEWALK_TAG=slow` is set.
///
/// # Panics
/// With the whole report when the file is invalid, a step does not hold, the environment fails or something is left; the
/// message begins with the class: `invalid scenario`, `expectation failed`, `environment`, `left behind`.
#[track_caller]
pub fn run(path: impl AsRef<Path>) {
    let path = path.as_ref();
    let path = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    let plan = match scenario::read_file(path) {
        Ok(document) => plan(document),
        Err((source, diagnostics)) => panic!("invalid scenario\n{}", diagnostic::render(&diagnostics, &source, false)),
    };
    if plan.tags.iter().any(|tag| tag == "slow") && !settings::slow() {
        uncaptured(&format!(
            "kubewalk: {} is tagged slow: planned, not run (KUBEWALK_TAG=slow runs it)\n",
            path.display()
        ));
        return;
    }
    let (ended, report) = run_plan(&plan);
    print(&report);
    match ended.exit.code() {
        0 => {}
        1 => panic!("expectation failed\n{report}"),
        6 => panic!("left behind\n{report}"),
        _ => panic!("environment\n{report}"),
    }
}

/// Runs the scenario of a text under a name, and gives how it ended with its report. For tests of the runner itself.
///
/// # Panics
/// When the text is no valid scenario, or there is no cluster.
#[track_caller]
pub fn run_text(name: &str, text: &str) -> (Ended, String) {
    match scenario::read(Path::new(name), text.as_bytes()) {
        Ok(document) => run_plan(&plan(document)),
        Err((source, diagnostics)) => panic!("invalid scenario\n{}", diagnostic::render(&diagnostics, &source, false)),
    }
}

#[track_caller]
fn plan(document: std::sync::Arc<scenario::Document>) -> Plan {
    let source = document.source.clone();
    match plan::plan(document, &Names::random()) {
        Ok(plan) => plan,
        Err(diagnostics) => panic!("invalid scenario\n{}", diagnostic::render(&diagnostics, &source, false)),
    }
}

#[track_caller]
fn run_plan(plan: &Plan) -> (Ended, String) {
    let cluster = shared();
    let terminal = Mutex::new((Terminal::new(false, Verbosity::Verbose, 110), String::new()));
    let mut tell = |event: Event| {
        let mut terminal = terminal.lock().unwrap_or_else(PoisonError::into_inner);
        let text = terminal.0.on(&Record::new(0, event).event);
        terminal.1.push_str(&text);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a tokio runtime");
    let ended = runtime.block_on(async {
        let _turn = TURNS.wait(plan).await;
        run::scenario(plan, cluster, Afterwards::CleanUp, &Stop::never(), &mut tell).await
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
    let shared = SHARED.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let mut progress = |progress: Progress| {
            if progress == Progress::BuildingEngine {
                uncaptured("\nkubewalk: the engine's node image is built first, once; the tests go on after that\n");
            }
        };
        let (settings, stop) = (settings::from_env(), Stop::never());
        runtime.block_on(Cluster::start(&ClusterKind::Auto.into(), &settings, &stop, &mut progress)).map_err(|e| {
            let mut text = format!("there is no cluster: {e}");
            if let crate::cluster::StartError::Failed(e) = &e {
                if let Some(remedy) = &e.remedy {
                    let _ = write!(text, "\n{remedy}");
                }
                e.log.iter().for_each(|line| {
                    let _ = write!(text, "\n  {line}");
                });
            }
            text
        })
    });
    match shared {
        Ok(cluster) => cluster,
        Err(e) => panic!("environment\n{e}"),
    }
}

/// Says something past the test harness, which captures what is printed.
fn uncaptured(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[allow(clippy::print_stdout, reason = "captured by the test harness, shown when the test fails or with --nocapture")]
fn print(report: &str) {
    println!("{report}");
}
