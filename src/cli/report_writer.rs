//! The way out of a run for its events: through the filter, into the stream, and at the end into the reports.

use std::{fs::File, io::Write as _};

use tokio::time::Instant;

use crate::{
    destination::Destination,
    event::{Event, Record, stream::Seal},
    exit_code::Exit,
    report_target::{self, ReportKind, ReportTarget},
};

/// Takes the events of a run.
pub struct ReportWriter {
    begun: Instant,
    wanted: Vec<ReportTarget>,
    stream: Option<(ReportTarget, File)>,
    seal: Seal,
    records: Vec<Record>,
    exit: Exit,
    finished: bool,
}

impl ReportWriter {
    /// Opens the stream, if one is wanted, so that it can be read from the first event on.
    pub fn open(wanted: &[ReportTarget]) -> Self {
        let mut writer = ReportWriter {
            begun: Instant::now(),
            wanted: wanted.to_vec(),
            stream: None,
            seal: Seal::default(),
            records: vec![],
            exit: Exit::Held,
            finished: false,
        };
        for stream in wanted.iter().filter(|wanted| wanted.kind == ReportKind::Events) {
            let Some(path) = &stream.path else { continue };
            match Destination::find(path).and_then(|place| place.stream()) {
                Ok(file) => writer.stream = Some((stream.clone(), file)),
                Err(e) => writer.exit = writer.exit.worst(report_target::not_written(stream, &e)),
            }
        }
        writer
    }

    /// Filters an event, writes it into the stream, and gives it back for the terminal.
    pub fn record(&mut self, event: Event) -> &Event {
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let record = Record::new(at_ms, event);
        // One write a line: what a kill leaves are whole lines.
        if let Some((wanted, mut file)) = self.stream.take() {
            let line = record.line();
            self.seal.take(&line);
            match file.write_all(line.as_bytes()) {
                Ok(()) => self.stream = Some((wanted, file)),
                Err(e) => self.exit = self.exit.worst(report_target::not_written(&wanted, &e)),
            }
        }
        self.records.push(record);
        &self.records[self.records.len() - 1].event
    }

    /// What was told so far.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Writes the reports, and the stream's seal.
    pub fn finish(mut self) -> Exit {
        if let (Some((wanted, mut file)), Some(last)) = (self.stream.take(), self.records.last())
            && let Err(e) = file.write_all(self.seal.line(last.at_ms).as_bytes())
        {
            self.exit = self.exit.worst(report_target::not_written(&wanted, &e));
        }
        self.write()
    }

    fn write(&mut self) -> Exit {
        self.finished = true;
        self.exit.worst(report_target::write_all(&self.wanted, &self.records))
    }
}

impl Drop for ReportWriter {
    /// After a panic, the reports say how far the run came.
    fn drop(&mut self) {
        if !self.finished && !self.records.is_empty() {
            self.write();
        }
    }
}
