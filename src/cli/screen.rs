//! What a run shows: results on standard output, the cluster's progress on standard error, and everything in the reports.

use std::collections::BTreeSet;

use super::{progress, report_writer::ReportWriter, select::Selected, talk::Talk};
use crate::{
    cluster::{ClusterError, Progress, node_event},
    event::{Event, Fault, Record},
    exit_code::Exit,
    output::{clear_in_place, eprint, eprint_colored, eprint_in_place, print_colored, stderr_is_a_terminal, width},
    plan::Plan,
    redact::show,
    report::terminal::Terminal,
    report_target::ReportTarget,
    run::sink::EventSink,
    scenario::{Diagnostic, Severity, diagnostic},
    text,
};

/// Prints events: results on standard output, the cluster's progress on standard error.
pub struct Screen {
    reports: ReportWriter,
    terminal: Terminal,
    colors: bool,
    aside: bool,
    progress: bool,
    exit: Exit,
    count: Count,
}

/// How far a run of several scenarios is.
#[derive(Debug, Default)]
struct Count {
    ended: BTreeSet<String>,
    all: usize,
}

impl Count {
    /// Where there are several scenarios and not all have ended.
    fn progress_line(&self) -> Option<String> {
        let ended = self.ended.len();
        (self.all > 1 && ended < self.all).then(|| format!("kubewalk: {ended} of {} scenarios", self.all))
    }
}

impl Screen {
    pub fn new(talk: Talk, reports: &[ReportTarget]) -> Self {
        let colors = if talk.aside { talk.stderr_colors() } else { talk.stdout_colors() };
        Screen {
            reports: ReportWriter::open(reports),
            colors,
            aside: talk.aside,
            terminal: Terminal::new(colors, talk.verbosity(), width()),
            progress: !talk.quiet,
            exit: Exit::Held,
            count: Count::default(),
        }
    }

    /// Tells the reports an event that the terminal does not show.
    pub fn report(&mut self, event: Event) {
        if let Event::RunStarted { scenarios, .. } = &event {
            self.count.all = *scenarios;
        }
        self.terminal.note_options(&event);
        self.reports.record(event);
    }

    /// What was told so far.
    pub fn records(&self) -> &[Record] {
        self.reports.records()
    }

    /// The reports of a run that does not begin: the terminal has said why already.
    pub fn nothing_starts(mut self, selected: Selected) -> Exit {
        let exit = selected.verdict();
        let nothing = (exit == Exit::Nothing).then(|| Event::Aborted {
            path: None,
            class: Fault::NothingSelected,
            message: selected.nothing(),
            remedy: None,
            log: vec![],
        });
        for event in selected.invalid_events().chain(nothing) {
            self.reports.record(event);
        }
        let skipped = selected.plans.iter().map(|plan| plan.steps.len()).sum();
        let (held, failed, broken, took_ms) = (0, 0, 0, 0);
        self.reports.record(Event::RunFinished { held, failed, broken, skipped, took_ms, exit_code: exit.code() });
        exit.worst(self.reports.finish())
    }

    /// Writes the reports, and gives the gravest of what went wrong with what was shown and with them.
    pub fn finish(self) -> Exit {
        self.exit.worst(self.reports.finish())
    }
}

impl EventSink for Screen {
    fn event(&mut self, event: Event) {
        match &event {
            Event::ScenarioFinished { path, .. } => drop(self.count.ended.insert(path.clone())),
            // Each version begins anew.
            Event::VersionStarted { .. } => self.count.ended.clear(),
            _ => {}
        }
        let counts = matches!(event, Event::ScenarioStarted { .. } | Event::ScenarioFinished { .. });
        let event = self.reports.record(event);
        let text = self.terminal.on(event);
        if self.aside || matches!(event, Event::ClusterReady { .. } | Event::Aborted { path: None, .. }) {
            eprint_colored(&text, self.colors);
        } else if !text.is_empty() {
            self.exit = self.exit.worst(print_colored(&text, self.colors));
        }
        if self.progress && (counts || !text.is_empty()) && stderr_is_a_terminal() {
            match self.count.progress_line().filter(|_| !matches!(event, Event::RunFinished { .. })) {
                Some(progress_line) => eprint_in_place(&progress_line),
                None => clear_in_place(),
            }
        }
    }

    fn note(&mut self, text: &str) {
        eprint(&format!("{text}\n"));
    }

    fn progress(&mut self, progress: Progress) {
        if self.progress {
            progress::show(progress);
        }
    }

    /// Says so at the place where they ask for it.
    fn refused(&mut self, plans: &[Plan], error: ClusterError) -> Exit {
        let ClusterError { message, log, .. } = error;
        let last = node_event::last_words(&log);
        let hint = last.as_ref().map(|words| format!("it says: {words}"));
        for plan in plans {
            let source = &plan.document.source;
            let span = plan.refused_at(last.as_deref().unwrap_or_default());
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
                environment: false,
            };
            eprint_colored(&diagnostic::render(&[found], source, self.colors), self.colors);
            let path = text::named(&source.path.to_string_lossy()).into_owned();
            self.reports.record(Event::Invalid { path, line, col, message: message.clone(), hint: hint.clone() });
        }
        log.iter().for_each(|line| eprint(&format!("   | {}\n", show::line(line, show::BODY))));
        Exit::Invalid
    }
}
