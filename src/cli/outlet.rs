//! The way out of a run for its events: through the filter, into the stream, and at the end into the reports.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use tokio::time::Instant;

use super::report::{self, Kind, Wanted};
use crate::{
    exit_code::Exit,
    run::{Event, Record},
};

/// Takes the events of a run.
pub struct Outlet {
    begun: Instant,
    wanted: Vec<Wanted>,
    stream: Option<(Wanted, File)>,
    records: Vec<Record>,
    exit: Exit,
    finished: bool,
}

impl Outlet {
    /// Opens the stream, if one is wanted, so that it can be read from the first event on.
    pub fn open(wanted: &[Wanted]) -> Self {
        let mut outlet = Outlet {
            begun: Instant::now(),
            wanted: wanted.to_vec(),
            stream: None,
            records: vec![],
            exit: Exit::Held,
            finished: false,
        };
        for stream in wanted.iter().filter(|wanted| wanted.kind == Kind::Events) {
            let Some(path) = &stream.path else { continue };
            match create(path) {
                Ok(file) => outlet.stream = Some((stream.clone(), file)),
                Err(e) => outlet.exit = outlet.exit.worst(report::not_written(stream, &e)),
            }
        }
        outlet
    }

    /// Filters an event, writes it into the stream, and gives it back for the terminal.
    pub fn tell(&mut self, event: Event) -> &Event {
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let record = Record::new(at_ms, event);
        // One write a line: what a kill leaves are whole lines.
        if let Some((wanted, mut file)) = self.stream.take() {
            match file.write_all(record.line().as_bytes()) {
                Ok(()) => self.stream = Some((wanted, file)),
                Err(e) => self.exit = self.exit.worst(report::not_written(&wanted, &e)),
            }
        }
        self.records.push(record);
        &self.records[self.records.len() - 1].event
    }

    /// Writes the reports.
    pub fn finish(mut self) -> Exit {
        self.write()
    }

    fn write(&mut self) -> Exit {
        self.finished = true;
        self.exit.worst(report::write_all(&self.wanted, &self.records))
    }
}

impl Drop for Outlet {
    /// After a panic, the reports say how far the run came.
    fn drop(&mut self) {
        if !self.finished && !self.records.is_empty() {
            self.write();
        }
    }
}

/// A file for a stream, empty, its folder made if need be.
fn create(path: &Path) -> io::Result<File> {
    make_folder(path)?;
    if fs::metadata(path).is_ok_and(|found| found.is_file()) {
        File::create(path)?;
    }
    OpenOptions::new().append(true).create(true).open(path)
}

/// Writes a file beside its place and renames it, so that it is there whole or as it was. What is no file (a pipe, a
/// device) is written to.
///
/// # Errors
/// Nothing is changed then.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    make_folder(path)?;
    // A link stays, and what it points to is replaced.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kubewalk-report-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask, as any file
    let mut file = builder.tempfile_in(folder(&place))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&place)?;
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(folder(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_report_is_kept_when_the_new_one_cannot_be_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/report.xml");
        replace(&path, "one").expect("written");
        replace(&path, "two").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "two");
        let names: Vec<_> = fs::read_dir(path.parent().expect("a folder")).expect("a folder").flatten().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(replace(&path.join("below"), "x").is_err());
        assert_eq!(fs::read_to_string(&path).expect("a file"), "two");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        replace(&link, "new").expect("written");
        assert!(link.is_symlink() && fs::read_to_string(&file).expect("a file") == "new");
        replace(Path::new("/dev/null"), "x").expect("written");
        assert!(!fs::metadata("/dev/null").expect("a device").is_file());
    }
}
