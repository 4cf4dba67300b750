//! Is this folder or file ours alone? The one place that answers, for all that kubewalk believes, executes or removes.
//!
//! kubewalk runs as root beside other users of the machine. So nothing is believed by its name: a folder or file is opened
//! without following a link, and the open descriptor is asked whose it is. A path is used only when no other user can change
//! any folder on the way to it.

pub mod environment;
pub mod folder;
pub mod give;
pub mod lock;
pub mod owner;
pub mod program;
mod remove;
mod way;

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::fs::{FileType, Mode, OFlags};

use super::ClusterError;
pub use way::{Foreign, nobody_elses, trusted, trusted_folder};
use way::{NOT_WRITABLE, folder_above, mode};

/// The most that a file which is believed may hold, in bytes.
pub const MOST: u64 = 64 << 10;

/// A folder that only this user can use, opened; all in it is this user's work.
#[derive(Debug)]
pub struct Room {
    path: PathBuf,
    dir: OwnedFd,
}

impl Room {
    /// Makes a room of [`Settings::base`](super::Settings::base), and the base, if they are not there.
    ///
    /// # Errors
    /// When they cannot be made, or are not this user's alone: then nothing in them is believed.
    pub fn make(room: &Path) -> Result<Room, ClusterError> {
        let (above, base, name) = parts(room);
        let above = folder_above(above).map_err(|e| unusable(room, &e))?;
        make_in(&open_folder(&above).map_err(|e| unusable(room, &e))?, &above, base)
            .and_then(|base| make_in(&base.dir, &base.path, name))
            .map_err(|e| unusable(room, &e))
    }

    /// The same, but nothing is made; `None` when it is not there.
    ///
    /// # Errors
    /// When it is not this user's alone.
    pub fn find(room: &Path) -> Result<Option<Room>, ClusterError> {
        let (above, base, name) = parts(room);
        match above.join(base).symlink_metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            _ => {}
        }
        let above = folder_above(above).map_err(|e| unusable(room, &e))?;
        let opened = open_folder(&above)
            .and_then(|dir| open_in(&dir, &above, base))
            .and_then(|base| open_in(&base.dir, &base.path, name));
        match opened {
            Ok(room) => Ok(Some(room)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(unusable(room, &e)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the folders in it, sorted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn folders(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let is_folder = || {
                let stat = rustix::fs::statat(&self.dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
                stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
            };
            if !matches!(name, "." | "..") && is_folder() {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// A folder in it, opened.
    ///
    /// # Errors
    /// When it is not there, or not this user's alone.
    pub fn open(&self, name: &str) -> io::Result<Room> {
        open_in(&self.dir, &self.path, name.as_ref())
    }

    /// What a file in it says, which must be a regular file of this user and hold at most `most` bytes.
    ///
    /// # Errors
    /// When it is not there, or is anything else.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        read(&self.dir, name, most)
    }

    /// Writes a file (mode 0600) in it, beside and renamed, so that no other process reads half of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        write(&self.dir, name, bytes)
    }

    /// Opens a file in it for a lock, which is made (mode 0600) if it is not there.
    ///
    /// # Errors
    /// When it cannot be made, or is a link.
    pub fn lock_file(&self, name: &str) -> io::Result<File> {
        let how = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.dir, name, how, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// How long ago a folder in it was changed; `None`: it is not there, or is none.
    pub fn age(&self, name: &str) -> Option<Duration> {
        let folder = self.open(name).ok()?;
        let changed = File::from(folder.dir).metadata().ok()?.modified().ok()?;
        changed.elapsed().ok()
    }

    /// Removes what is called so, with all that is in it, without following a link or leaving the file system. That it is not
    /// there is fine.
    ///
    /// # Errors
    /// What could not be removed, or not in time.
    pub fn remove(&self, name: &str, until: Instant) -> io::Result<()> {
        remove::tree(&self.dir, name.as_ref(), until)
    }
}

/// The folder above the base, the base's name, and the room's.
fn parts(room: &Path) -> (&Path, &std::ffi::OsStr, &std::ffi::OsStr) {
    let base = room.parent().unwrap_or(room);
    (base.parent().unwrap_or(base), base.file_name().unwrap_or_default(), room.file_name().unwrap_or_default())
}

fn make_in(dir: &OwnedFd, path: &Path, name: &std::ffi::OsStr) -> io::Result<Room> {
    match rustix::fs::mkdirat(dir, name, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        // On a file system that cannot be written it may be there all the same.
        Err(e) if rustix::fs::statat(dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).is_err() => return Err(e.into()),
        Err(_) => {}
    }
    open_in(dir, path, name)
}

fn open_in(dir: &OwnedFd, path: &Path, name: &std::ffi::OsStr) -> io::Result<Room> {
    let path = path.join(name);
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(dir, name, how, Mode::empty()).map_err(|e| match e {
        rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => {
            not_ours(format!("{} is not a folder, or a link to one", path.display()))
        }
        other => other.into(),
    })?;
    private(&dir).map_err(|why| not_ours(format!("{} {why}", path.display())))?;
    Ok(Room { path, dir })
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, how, Mode::empty())?)
}

fn not_ours(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

/// Whether only this user can use an open folder; else why not.
fn private(dir: &OwnedFd) -> Result<(), String> {
    let stat = rustix::fs::fstat(dir).map_err(|e| e.to_string())?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(format!("belongs to another user ({})", stat.st_uid));
    }
    if mode(&stat) & 0o077 != 0 {
        return Err(format!("can be used by others (its mode is {:o})", mode(&stat) & 0o7777));
    }
    Ok(())
}

/// What a file says: a regular one of this user, that no other can write, and not too long. Nothing is waited for.
///
/// # Errors
/// When it is not there, or is anything else.
pub fn read(dir: impl AsFd, name: &str, most: u64) -> io::Result<Vec<u8>> {
    let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, how, Mode::empty()).map_err(|e| match e {
        rustix::io::Errno::LOOP => not_ours(format!("{name} is a link")),
        other => other.into(),
    })?;
    let stat = rustix::fs::fstat(&file)?;
    let why = if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        "is not a regular file".to_owned()
    } else if stat.st_uid != rustix::process::geteuid().as_raw() {
        format!("belongs to another user ({})", stat.st_uid)
    } else if mode(&stat) & NOT_WRITABLE != 0 {
        "can be written by others".to_owned()
    } else if u64::try_from(stat.st_size).unwrap_or(u64::MAX) > most {
        format!("has more than {most} bytes")
    } else {
        let mut bytes = Vec::new();
        File::from(file).take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 <= most {
            return Ok(bytes);
        }
        format!("has more than {most} bytes")
    };
    Err(not_ours(format!("{name} {why}")))
}

/// Writes a file of a folder, beside and renamed.
///
/// # Errors
/// When it cannot be written.
pub fn write(dir: impl AsFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let beside = format!(".{name}.{}.{:08x}", std::process::id(), rand::random::<u32>());
    let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&dir, &beside, how, Mode::RUSR | Mode::WUSR)?;
    let written = File::from(file).write_all(bytes).and_then(|()| Ok(rustix::fs::renameat(&dir, &beside, &dir, name)?));
    if written.is_err() {
        let _ = rustix::fs::unlinkat(&dir, &beside, rustix::fs::AtFlags::empty());
    }
    written
}

/// The folder of a run, a cluster or a warm cluster is not used.
fn unusable(room: &Path, e: &dyn std::fmt::Display) -> ClusterError {
    let base = room.parent().unwrap_or(room);
    ClusterError::new(
        format!("cannot use {} for what belongs to clusters: {e}", base.display()),
        "set KUBEWALK_STATE to a folder of your own that nobody else can write, on a disk with room; or remove that one, if \
         it is not in use",
    )
}

/// The cache, in which nothing is executed or believed that others can write.
///
/// # Errors
/// Which other users can write there, in one sentence with a remedy.
pub fn cache(path: &Path) -> Result<PathBuf, ClusterError> {
    if path.as_os_str().is_empty() {
        return Err(ClusterError::new(
            "there is no folder for what is built once: HOME is not set, and this user has no home folder",
            "set KUBEWALK_CACHE to a folder of your own, on a disk with 6 GB to spare",
        ));
    }
    trusted_folder(path).map_err(|e| {
        ClusterError::new(
            format!("cannot use the cache {}, whose programs would be executed: {e}", path.display()),
            "set KUBEWALK_CACHE to a folder of your own, in folders that only you and root can write",
        )
    })
}

/// A folder for the time of one task, in the temporary folder of this process; it goes when it is dropped.
///
/// # Errors
/// When others could put another folder in its place, or it cannot be made.
pub fn temporary(prefix: &str) -> Result<tempfile::TempDir, ClusterError> {
    let above = std::env::temp_dir();
    let unusable = |e: &dyn std::fmt::Display| {
        ClusterError::new(
            format!("cannot work in the temporary folder {}: {e}", above.display()),
            "set TMPDIR to a folder of your own, on a disk with room",
        )
    };
    let real = folder_above(&above).map_err(|e| unusable(&e))?;
    tempfile::Builder::new().prefix(prefix).tempdir_in(real).map_err(|e| unusable(&e))
}

#[cfg(test)]
mod tests;
