//! What a test of the harness shows of its scenario: the report, as the terminal has it, in one text.

use crate::{
    cluster::{ClusterError, Progress},
    event::{Event, Record},
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
}

impl TestReport {
    /// An empty one.
    pub fn new() -> Self {
        TestReport { terminal: Terminal::new(false, Verbosity::Verbose, 110), text: String::new() }
    }
}

impl EventSink for TestReport {
    fn event(&mut self, event: Event) {
        self.text.push_str(&self.terminal.on(&Record::new(0, event).event));
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
