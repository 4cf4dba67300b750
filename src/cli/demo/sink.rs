//! Where the run of a class tells what happens: into the room, into the recording, and at the end on the terminal.

use std::sync::Arc;

use super::{face::Face, room::Room};
use crate::{
    cli::{progress, report_writer::ReportWriter, talk::Talk},
    cluster::{ClusterError, Progress, node_event},
    event::Event,
    exit_code::Exit,
    output::{eprint, print_colored, width},
    plan::Plan,
    report::terminal::{Terminal, Verbosity},
    report_target::ReportTarget,
    run::sink::EventSink,
};

/// Takes what a class tells.
pub struct ClassSink {
    reports: ReportWriter,
    room: Arc<Room>,
    face: Option<Arc<Face>>,
    terminal: Terminal,
    colors: bool,
    /// What is printed when the terminal shows no picture any more.
    later: String,
    notes: String,
}

impl ClassSink {
    /// Into a room.
    pub fn new(reports: &[ReportTarget], room: Arc<Room>, talk: Talk) -> Self {
        let colors = talk.stdout_colors();
        let terminal = Terminal::new(colors, Verbosity::Quiet, width());
        let (later, notes) = (String::new(), String::new());
        ClassSink { reports: ReportWriter::open(reports), room, face: None, terminal, colors, later, notes }
    }

    /// Who has the terminal.
    pub fn shows_with(&mut self, face: Arc<Face>) {
        self.face = Some(face);
    }

    fn is_shown(&self) -> bool {
        self.face.as_ref().is_some_and(|face| face.is_shown())
    }

    /// Prints what was not said yet, and writes the reports.
    pub fn finish(self) -> Exit {
        eprint(&self.notes);
        print_colored(&self.later, self.colors).worst(self.reports.finish())
    }
}

impl EventSink for ClassSink {
    fn event(&mut self, event: Event) {
        let event = self.reports.record(event);
        self.room.on(event);
        self.later += &self.terminal.on(event);
    }

    fn note(&mut self, text: &str) {
        if self.is_shown() {
            self.notes += &format!("{text}\n");
        } else {
            eprint(&format!("{text}\n"));
        }
    }

    fn progress(&mut self, progress: Progress) {
        let note = match &progress {
            Progress::Phase { name, .. } => Some(format!("a cluster is started: {name}")),
            Progress::BuildingEngine { .. } => {
                Some("the engine's node image is built, once (about 10 minutes)".to_owned())
            }
            Progress::Pull { image, done, .. } => Some(format!("{image} is pulled: {} MB so far", done >> 20)),
            Progress::PulledEngine { .. } | Progress::Note(_) | Progress::Warm { .. } | Progress::NotWarm { .. } => {
                None
            }
        };
        if note.is_some() {
            self.room.with(|class, _| class.note = note);
        }
        if !self.is_shown() {
            progress::show(progress);
        }
    }

    fn refused(&mut self, plans: &[Plan], error: ClusterError) -> Exit {
        let last = node_event::last_words(&error.log).unwrap_or_default();
        let paths: Vec<String> = plans.iter().map(|plan| plan.refused_place(&last)).collect();
        let message = format!("{}: its `cluster:` is refused: {}", paths.join(", "), error.message);
        self.abort(ClusterError { message, ..error });
        Exit::Invalid
    }
}
