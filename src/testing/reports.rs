//! The reports of tests: the same kinds by the same words as those of `kubewalk run`, of all scenarios that the tests of a process, or of a
//! run of cargo-nextest, have run so far. No test knows which is the last, so they are written when a test has ended; but not so often that
//! many tests spend their time on it, as long as another test of the process is still to end and writes them then.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Write as _,
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use super::{clusters, uncaptured::uncaptured};
use crate::{
    cluster::own::lock::{self, How},
    event::{Event, Record, Selected, VERSION},
    exit_code::Exit,
    plan::Plan,
    report_target::{self, ReportTarget},
    run::{self, Ended},
    settings,
    sync::locked,
};

/// What tests of this process have told, by scenario.
static TOLD: Mutex<Vec<Record>> = Mutex::new(Vec::new());

/// When the reports were written, and who still will.
static WRITING: Mutex<Writing> = Mutex::new(Writing { active: 0, is_led: false, last: None, owed: false });

/// So many times as long as the last writing took, none follows if another test does it later: a twentieth of the time goes into reports.
const REST: u32 = 20;

/// When the reports of this process were written, and which tests still will.
#[derive(Debug, Default)]
struct Writing {
    /// The tests that have begun and not ended.
    active: usize,
    /// Whether a harness of kubewalk's own leads them, which says when all have ended.
    is_led: bool,
    /// When the last writing was over, and how long it took.
    last: Option<(Instant, Duration)>,
    /// Whether something was told that is in no report yet.
    owed: bool,
}

impl Writing {
    /// Whether what a test has told can be written later, with what the next one tells.
    fn can_wait(&self, now: Instant) -> bool {
        let later = self.is_led || self.active > 1;
        later && self.last.is_some_and(|(end, took)| now.saturating_duration_since(end) < took * REST)
    }
}

/// A test that has begun; when it is dropped, the test has ended.
#[derive(Debug)]
pub struct Active;

impl Active {
    /// Counts a test.
    pub fn begin() -> Self {
        locked(&WRITING).active += 1;
        Active
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        let mut writing = locked(&WRITING);
        writing.active -= 1;
        let is_last = writing.active == 0 && !writing.is_led;
        drop(writing);
        // One that told nothing itself may have been waited for.
        if is_last && let Err(why) = write_owed() {
            uncaptured(&format!("error: {why}\n"));
        }
    }
}

/// Says that a harness leads the tests, which calls [`write_owed`] when all have ended.
pub fn lead() {
    locked(&WRITING).is_led = true;
}

/// Writes what is in no report yet.
///
/// # Errors
/// As [`add`].
pub fn write_owed() -> Result<(), String> {
    if !locked(&WRITING).owed {
        return Ok(());
    }
    let Wanted { report } = settings::read()?;
    let told = locked(&TOLD);
    write(&report, told.clone())
}

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

/// What came of a test: the records of a run of its one scenario, with beginning and end.
///
/// `ended` says how many steps came to what, once, however often the scenario was run again.
pub fn of_test(plan: Option<&Plan>, told: Vec<Record>, ended: &Ended) -> Vec<Record> {
    let selected: Vec<Selected> = plan.map(run::selected).into_iter().collect();
    let begun = Event::RunStarted {
        version: VERSION,
        kubewalk: env!("CARGO_PKG_VERSION").into(),
        scenarios: selected.len(),
        started: jiff::Timestamp::now().to_string(),
        selected,
        options: vec![],
    };
    let Ended { held, failed, broken, skipped, .. } = *ended;
    let exit_code = ended.exit.code();
    let end = Event::RunFinished { held, failed, broken, skipped, took_ms: now_ms(), exit_code };
    let first = told.first().map_or_else(now_ms, |record| record.at_ms);
    std::iter::once(Record::new(first, begun)).chain(told).chain([Record::new(now_ms(), end)]).collect()
}

/// Notes that a test begins, for the other processes of a run of nextest: one that is ended by force, as nextest does at a time limit,
/// tells nothing any more, and must not be missing in the reports of those that come after it.
///
/// # Errors
/// As [`add`].
pub fn begin(plan: &Plan) -> Result<(), String> {
    let Wanted { report } = settings::read()?;
    if report.is_empty() {
        return Ok(());
    }
    let told = of_test(Some(plan), vec![Record::new(now_ms(), run::started(plan))], &Ended::before(plan.steps.len()));
    // Without its end.
    let _turn = append(&told[..told.len() - 1])?;
    Ok(())
}

/// Adds records to the file that the processes of a run of nextest share, and keeps the others off until the answer is dropped; `None`: there
/// is no such run.
fn append(records: &[Record]) -> Result<Option<File>, String> {
    let failed = |e: std::io::Error| format!("the reports cannot be written: {e}");
    let (Some(own), Some(first)) = (clusters::any_leased(), clusters::folders_of_this_run().into_iter().next()) else {
        return Ok(None);
    };
    let turn = first.open("events.lock").map_err(failed)?;
    lock::within(&turn, How::Alone, TURN).map_err(failed)?;
    let mut file = File::options().append(true).create(true).open(own.path().join(STREAM)).map_err(failed)?;
    file.write_all(records.iter().map(Record::line).collect::<String>().as_bytes()).map_err(failed)?;
    Ok(Some(turn))
}

/// Adds what came of a test, and writes the reports that are wanted.
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
    let turn = append(records)?;
    let all = match &turn {
        Some(_) => {
            let folders = clusters::folders_of_this_run();
            let texts = folders.iter().filter_map(|folder| std::fs::read_to_string(folder.path().join(STREAM)).ok());
            texts
                .flat_map(|text| text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>())
                .collect()
        }
        None => {
            let mut writing = locked(&WRITING);
            writing.owed = true;
            if writing.can_wait(Instant::now()) {
                return Ok(());
            }
            drop(writing);
            told.clone()
        }
    };
    write(&report, all)
}

/// Writes the reports. The caller holds what was told, so that no older one takes the place of a newer.
fn write(report: &[ReportTarget], all: Vec<Record>) -> Result<(), String> {
    let begun = Instant::now();
    let exit = report_target::write_stream(report, &whole(all));
    let end = Instant::now();
    let mut writing = locked(&WRITING);
    (writing.last, writing.owed) = (Some((end, end.duration_since(begun))), false);
    match exit {
        Exit::Held => Ok(()),
        _ => Err("a report could not be written, as was said".into()),
    }
}

/// The scenarios that have come to an end, or could not begin.
fn ended_paths(all: &[Record]) -> BTreeSet<String> {
    let path = |record: &Record| match &record.event {
        Event::ScenarioFinished { path, .. } | Event::Aborted { path: Some(path), .. } => Some(path.clone()),
        _ => None,
    };
    all.iter().filter_map(path).collect()
}

/// The records of many tests as those of one run: with one beginning and one end.
fn whole(all: Vec<Record>) -> Vec<Record> {
    let (mut selected, mut sums, mut exit, mut took) = (Vec::<Selected>::new(), [0; 4], Exit::Held, 0);
    let (mut first, mut told) = (None, Vec::new());
    // What has begun and is not known to have ended.
    let mut open: BTreeMap<String, Record> = BTreeMap::new();
    let ended: BTreeSet<String> = ended_paths(&all);
    for record in all {
        took = took.max(record.at_ms);
        match record.event {
            Event::RunStarted { started, selected: some, .. } => {
                first.get_or_insert(started);
                let new = some.into_iter().filter(|one| !selected.iter().any(|known| known.path == one.path));
                selected.extend(new.collect::<Vec<_>>());
            }
            Event::RunFinished { held, failed, broken, skipped, exit_code, .. } => {
                sums = [sums[0] + held, sums[1] + failed, sums[2] + broken, sums[3] + skipped];
                exit = exit.worst(Exit::from_code(exit_code));
            }
            Event::ScenarioStarted { ref path, .. } if !ended.contains(path) => drop(open.insert(path.clone(), record)),
            _ => told.push(record),
        }
    }
    if !open.is_empty() {
        exit = exit.worst(Exit::Environment);
    }
    told.extend(open.into_values());
    selected.sort_by(|a, b| a.path.cmp(&b.path));
    let [held, failed, broken, skipped] = sums;
    let begun = Event::RunStarted {
        version: VERSION,
        kubewalk: env!("CARGO_PKG_VERSION").into(),
        scenarios: selected.len(),
        started: first.unwrap_or_default(),
        selected,
        options: vec![],
    };
    let ended = Event::RunFinished { held, failed, broken, skipped, took_ms: took, exit_code: exit.code() };
    std::iter::once(Record::new(0, begun)).chain(told).chain([Record::new(took, ended)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit: Exit, [held, failed, broken, skipped]: [usize; 4]) -> Ended {
        Ended { exit, held, failed, broken, skipped, ..Ended::before(0) }
    }

    #[test]
    fn reports_take_a_small_part_of_the_time_and_none_is_left_out() {
        let now = Instant::now();
        let wrote = |before: u64| Some((now - Duration::from_millis(before), Duration::from_millis(10)));
        let of = |active, is_led, last| Writing { active, is_led, last, owed: true };
        assert!(!of(2, true, None).can_wait(now), "the first is written at once, so that a bad place is told");
        assert!(of(2, false, wrote(100)).can_wait(now), "another test is still to end");
        assert!(of(1, true, wrote(100)).can_wait(now), "the harness writes at the end");
        assert!(!of(1, false, wrote(100)).can_wait(now), "this may be the last one");
        assert!(!of(9, true, wrote(201)).can_wait(now), "a process that is killed has told what is older");
    }

    #[test]
    fn many_tests_are_one_run_that_ends_as_the_gravest_of_them() {
        let note = |message: &str| {
            Record::new(5, Event::Invalid { path: "a".into(), line: 1, col: 1, message: message.into(), hint: None })
        };
        let held = of_test(None, vec![], &ended(Exit::Held, [3, 0, 0, 0]));
        let invalid = of_test(None, vec![note("wrong")], &ended(Exit::Invalid, [0; 4]));
        let left = of_test(None, vec![], &ended(Exit::CleanUp, [2, 0, 0, 1]));
        let all = whole([held, invalid, left].concat());
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(matches!(&all[0].event, Event::RunStarted { started, .. } if !started.is_empty()), "{all:?}");
        let Event::RunFinished { held, failed, broken, skipped, exit_code, .. } = all[2].event else {
            panic!("no end: {all:?}")
        };
        assert_eq!(([held, failed, broken, skipped], exit_code), ([5, 0, 0, 1], 2));
    }

    #[test]
    fn a_test_that_was_ended_by_force_is_known_by_its_beginning() {
        let text = "title: t\nsteps:\n  - {title: an account, serviceAccount: a}\n";
        let names = crate::plan::Names { suffix: "aaaaa".into() };
        let plan =
            crate::plan::load_bytes(std::path::Path::new("s.yaml"), text.as_bytes(), &names, crate::plan::Trust::Full);
        let plan = plan.map_err(|(_, found)| found).expect("a plan");
        let told = of_test(Some(&plan), vec![Record::new(1, run::started(&plan))], &Ended::before(1));
        let begun = told[..2].to_vec();
        let other = of_test(None, vec![], &ended(Exit::Held, [3, 0, 0, 0]));
        let exit = |all: &[Record]| match all.last().map(|record| &record.event) {
            Some(Event::RunFinished { exit_code, .. }) => *exit_code,
            _ => panic!("no end"),
        };
        let killed = whole([begun.clone(), other.clone()].concat());
        assert_eq!((killed.len(), exit(&killed)), (3, 3), "{killed:?}");
        let mut records = vec![];
        run::skip::all(&plan, "why", &mut |event| records.push(Record::new(2, event)));
        let done = whole([begun, other, of_test(Some(&plan), records, &Ended::before(1))].concat());
        assert_eq!(exit(&done), 0, "{done:?}");
    }
}
