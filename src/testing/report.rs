//! What a test of the harness shows of its scenario: the report, as the terminal has it, in one text.

use super::reports;
use crate::{
    cluster::{ClusterError, Progress},
    event::{Event, Outcome, Record},
    exit_code::Exit,
    plan::Plan,
    report::terminal::{Terminal, Verbosity},
    run::sink::EventSink,
};

/// Collects the report of a scenario.
#[derive(Debug)]
pub struct TestReport {
    terminal: Terminal,
    /// So far.
    pub text: String,
    /// What was told.
    pub records: Vec<Record>,
    /// The first thing that did not hold, in one line.
    pub bad: Option<String>,
}

impl TestReport {
    /// An empty one of the test of that name.
    pub fn new(test: Option<&str>) -> Self {
        let again = test.map(|name| format!("cargo test {name}"));
        let terminal = Terminal::new(false, Verbosity::Verbose, 110).again_by(again);
        TestReport { terminal, text: String::new(), records: vec![], bad: None }
    }
}

impl EventSink for TestReport {
    fn event(&mut self, event: Event) {
        let record = Record::new(reports::now_ms(), event);
        let bad = match &record.event {
            Event::StepFinished(step) if matches!(step.outcome, Outcome::Failed { .. } | Outcome::Broken { .. }) => {
                Some(format!("{}:{}, step {}: {}", step.path, step.line, step.number, step.title))
            }
            Event::Aborted { message, .. } => message.lines().next().map(str::to_owned),
            _ => None,
        };
        self.bad = self.bad.take().or(bad);
        self.text.push_str(&self.terminal.on(&record.event));
        self.records.push(record);
    }

    fn note(&mut self, text: &str) {
        self.text.push_str(&format!("{text}\n"));
    }

    fn progress(&mut self, _progress: Progress) {}

    fn refused(&mut self, _plans: &[Plan], error: ClusterError) -> Exit {
        self.abort(error);
        Exit::Invalid
    }
}
