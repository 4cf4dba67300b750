//! The reports of tests: the same kinds by the same words as those of `kubewalk run`, of all scenarios that the tests of a process, or of a
//! run of cargo-nextest, have run so far. No test knows which is the last, so they are written after each.

use std::{
    io::Write as _,
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use super::clusters;
use crate::{
    cluster::own::lock::{self, How},
    event::{Event, Record, Selected, VERSION},
    exit_code::Exit,
    report_target::{self, ReportTarget},
    settings,
    sync::locked,
};

/// What tests of this process have told, by scenario.
static TOLD: Mutex<Vec<Record>> = Mutex::new(Vec::new());

/// The file of a run of nextest that has what its tests have told.
const STREAM: &str = "events.jsonl";

/// How long one waits for another that writes.
const TURN: Duration = Duration::from_secs(60);

/// The reports that are wanted.
#[derive(Debug, clap::Parser)]
struct Wanted {
    #[arg(long, value_parser = report_target::parse, value_delimiter = ',', env = "KUBEWALK_REPORT")]
    report: Vec<ReportTarget>,
}

/// Milliseconds since the first that was told.
pub fn now_ms() -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    crate::run::millis(BEGUN.get_or_init(Instant::now).elapsed())
}

/// Adds what was told of a scenario, and writes the reports that are wanted.
///
/// # Errors
/// Which are none, or cannot be written.
pub fn add(records: &[Record]) -> Result<(), String> {
    let Wanted { report } = settings::read()?;
    if report.is_empty() {
        return Ok(());
    }
    report_target::check_places(&report)?;
    // The test that writes has all that was told before.
    let mut told = locked(&TOLD);
    told.extend(records.iter().cloned());
    let failed = |e: std::io::Error| format!("the reports cannot be written: {e}");
    let folders = clusters::folders_of_this_run();
    let (all, _turn) = match (clusters::any_leased(), folders.first()) {
        (Some(own), Some(first)) => {
            let turn = first.open("events.lock").map_err(failed)?;
            lock::within(&turn, How::Alone, TURN).map_err(failed)?;
            let mut file =
                std::fs::File::options().append(true).create(true).open(own.path().join(STREAM)).map_err(failed)?;
            file.write_all(records.iter().map(Record::line).collect::<String>().as_bytes()).map_err(failed)?;
            let texts = folders.iter().filter_map(|folder| std::fs::read_to_string(folder.path().join(STREAM)).ok());
            let all = texts
                .flat_map(|text| text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>());
            (all.collect(), Some(turn))
        }
        _ => (told.clone(), None),
    };
    match report_target::write_stream(&report, &whole(all)) {
        Exit::Held => Ok(()),
        _ => Err("a report could not be written, as was said".into()),
    }
}

/// The records of one run: with its beginning and its end.
fn whole(all: Vec<Record>) -> Vec<Record> {
    let (mut selected, mut sums, mut took_ms) = (Vec::<Selected>::new(), [0; 4], 0);
    for Record { at_ms, event } in &all {
        took_ms = took_ms.max(*at_ms);
        match event {
            Event::ScenarioStarted { path, title, line, steps, .. }
                if !selected.iter().any(|one| one.path == *path) =>
            {
                let (path, title) = (path.clone(), title.clone());
                selected.push(Selected { path, title, line: *line, steps: *steps, shape: String::new() });
            }
            Event::ScenarioFinished { held, failed, broken, skipped, .. } => {
                sums = [sums[0] + held, sums[1] + failed, sums[2] + broken, sums[3] + skipped];
            }
            _ => {}
        }
    }
    selected.sort_by(|a, b| a.path.cmp(&b.path));
    let [held, failed, broken, skipped] = sums;
    let exit = match (failed, broken) {
        (0, 0) => Exit::Held,
        (_, 0) => Exit::Failed,
        _ => Exit::Environment,
    };
    let begun = Event::RunStarted {
        version: VERSION,
        kubewalk: env!("CARGO_PKG_VERSION").into(),
        scenarios: selected.len(),
        started: jiff::Timestamp::now().to_string(),
        selected,
    };
    let ended = Event::RunFinished { held, failed, broken, skipped, took_ms, exit_code: exit.code() };
    std::iter::once(Record::new(0, begun)).chain(all).chain([Record::new(took_ms, ended)]).collect()
}
