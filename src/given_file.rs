//! Files that a command line, a variable or another file names, and that are read for what they say: a regular file, or a pipe that
//! this user has made (`<(command)`), and no more of it than is meant. A pipe of another user's could keep root waiting without end,
//! and a device has no end at all.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::Path,
};

use rustix::fs::{CWD, Mode, OFlags};

use crate::settings;

/// The most that a recorded stream of events may have, in bytes.
pub const MOST_OF_A_STREAM: u64 = 256 << 20;

/// The bytes of a file, at most `most`.
///
/// # Errors
/// The system's error; or that it is a folder, a device, a socket, another user's pipe, or longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, about) = open(path)?;
    if about.is_file() && about.len() > most {
        return Err(too_long(most));
    }
    within(file, most)
}

/// As [`read`], of a text.
///
/// # Errors
/// As there, or that it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    utf8(read(path, most)?)
}

/// The text that comes from a reader, at most `most` bytes.
///
/// # Errors
/// The reader's error; or that it is longer, or not UTF-8.
pub fn text_within(from: impl io::Read, most: u64) -> io::Result<String> {
    utf8(within(from, most)?)
}

/// Whether this user may have written a file: root's, this user's, or under sudo its caller's.
pub fn is_ours(about: &Metadata) -> bool {
    settings::is_own_user(about.uid())
}

/// Opens what has an end, and does not wait for another user.
///
/// # Errors
/// As [`read`].
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let wrong = |what: &str| Err(io::Error::other(format!("it is {what}")));
    let seen = look(path)?;
    let about = seen.metadata()?;
    let kind = about.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    } else if kind.is_socket() {
        return wrong("a socket");
    } else if kind.is_fifo() && !is_ours(&about) {
        return wrong("a pipe of another user's");
    } else if kind.is_block_device() || kind.is_char_device() && !is_terminal(path) {
        return wrong("a device, which has no end");
    }
    let file = again(&seen, path)?;
    // What was looked at is what was opened.
    let opened = file.metadata()?;
    match (opened.dev(), opened.ino()) == (about.dev(), about.ino()) {
        true => Ok((file, opened)),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// A person may type a stream.
fn is_terminal(path: &Path) -> bool {
    let how = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, how, Mode::empty()).is_ok_and(rustix::termios::isatty)
}

/// Only looks, where the system can: to open a pipe waits for its writer, and to open a device can do something to it.
fn look(path: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    let how = OFlags::PATH | OFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let how = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(CWD, path, how, Mode::empty())?))
}

/// Opens what was looked at, where the system can by its descriptor.
fn again(seen: &File, path: &Path) -> io::Result<File> {
    let how = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        let same = format!("/proc/self/fd/{}", seen.as_raw_fd());
        match rustix::fs::open(&same, how, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => {} // there is no /proc
            other => return Ok(File::from(other?)),
        }
    }
    let _ = seen;
    Ok(File::from(rustix::fs::open(path, how, Mode::empty())?))
}

fn within(from: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_long(most)) } else { Ok(bytes) }
}

fn utf8(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

fn too_long(most: u64) -> io::Error {
    let most = if most >= 1 << 20 { format!("{} MiB", most >> 20) } else { format!("{} KiB", most >> 10) };
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most}"))
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, time::Duration};

    use super::*;

    fn said(path: &Path) -> String {
        match read_text(path, 1 << 10) {
            Ok(text) => text,
            Err(e) => format!("error: {e}"),
        }
    }

    #[test]
    fn only_what_has_an_end_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "some words").expect("written");
        assert_eq!(said(&file), "some words");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert_eq!(said(&link), "some words");
        std::fs::write(&file, vec![b'x'; 2 << 10]).expect("written");
        assert_eq!(said(&file), "error: it has more than 1 KiB");
        std::fs::write(&file, [0xff]).expect("written");
        assert_eq!(said(&file), "error: it is not UTF-8");
        assert!(said(folder.path()).contains("is a directory"), "{}", said(folder.path()));
        assert_eq!(said(Path::new("/dev/zero")), "error: it is a device, which has no end");
        assert!(said(&folder.path().join("none")).contains("No such file"));
    }

    #[test]
    fn a_pipe_of_ones_own_is_read_to_its_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("it starts").success());
        for (length, expected) in [(10, "x".repeat(10)), (5000, "error: it has more than 1 KiB".to_owned())] {
            let to = pipe.clone();
            let writer = std::thread::spawn(move || {
                // Later than the reader, who waits.
                std::thread::sleep(Duration::from_millis(30));
                let mut to = File::options().write(true).open(to).expect("opened");
                let _ = to.write_all("x".repeat(length).as_bytes()); // the reader may have had enough
            });
            assert_eq!(said(&pipe), expected);
            writer.join().expect("it ends");
        }
    }
}
