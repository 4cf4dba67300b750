//! The removal of a tree by open folders: no link is followed, no other file system entered, and there is an end to it.

use std::{
    ffi::OsStr,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    time::Instant,
};

use rustix::{
    fs::{AtFlags, Mode, OFlags},
    io::Errno,
};

/// Folders that are deeper come up to the top first, so that no depth takes more open files than this.
const DEEPEST: usize = 48;

/// Removes `name` of a folder and all in it.
pub fn tree(dir: &OwnedFd, name: &OsStr, until: Instant) -> io::Result<()> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {} // a folder, in Linux' word and in POSIX'
        Err(e) => return Err(e.into()),
    }
    let top = open(dir, name)?;
    let mut removal = Removal { top: &top, place: Place::from_dir(&top)?, until, moved: 0, first: None };
    if Place::from_dir(dir)? != removal.place {
        return Err(mounted(name));
    }
    // What was too deep comes up to the top, so that one pass may not be enough.
    while removal.pass(&top, 0)? > 0 && removal.first.is_none() {}
    match removal.first {
        Some(e) => Err(e),
        None => Ok(rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)?),
    }
}

struct Removal<'a> {
    top: &'a OwnedFd,
    place: Place,
    until: Instant,
    moved: usize,
    /// The first thing that could not be removed; the others are, all the same.
    first: Option<io::Error>,
}

impl Removal<'_> {
    /// Removes what is in a folder, and says how many entries it had. Only a lack of time breaks it off.
    fn pass(&mut self, dir: &OwnedFd, depth: usize) -> io::Result<usize> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(dir)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push(entry.file_name().to_owned());
            }
        }
        for name in &names {
            if Instant::now() > self.until {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "there is more in it than could be removed in time",
                ));
            }
            let name = OsStr::from_bytes(name.to_bytes());
            match self.remove_entry(dir, name, depth) {
                Err(e) if e.kind() == io::ErrorKind::TimedOut => return Err(e),
                Err(e) if e.kind() != io::ErrorKind::NotFound => self.first = self.first.take().or(Some(e)),
                _ => {}
            }
        }
        Ok(names.len())
    }

    fn remove_entry(&mut self, dir: &OwnedFd, name: &OsStr, depth: usize) -> io::Result<()> {
        match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => {}
            other => return Ok(other?),
        }
        if depth >= DEEPEST {
            self.moved += 1;
            return Ok(rustix::fs::renameat(dir, name, self.top, format!(".deep-{}", self.moved))?);
        }
        let below = open(dir, name)?;
        if Place::from_dir(&below)? != self.place {
            return Err(mounted(name));
        }
        self.pass(&below, depth + 1)?;
        match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
            // What was in it and stays has been noted.
            Err(Errno::NOTEMPTY | Errno::EXIST) if self.first.is_some() => Ok(()),
            other => Ok(other?),
        }
    }
}

fn open(dir: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, name, how, Mode::empty())?)
}

fn mounted(name: &OsStr) -> io::Error {
    io::Error::other(format!("something is mounted on {}", name.to_string_lossy()))
}

/// The file system that a folder is in, and the mount where the kernel can tell: a folder can be mounted below itself.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    device: u64,
    mount: Option<u64>,
}

impl Place {
    fn from_dir(dir: &OwnedFd) -> io::Result<Place> {
        #[allow(
            clippy::useless_conversion,
            clippy::unnecessary_cast,
            reason = "its width differs from system to system"
        )]
        let device = rustix::fs::fstat(dir)?.st_dev as u64;
        Ok(Place { device, mount: mount(dir) })
    }
}

#[cfg(target_os = "linux")]
fn mount(dir: &OwnedFd) -> Option<u64> {
    use rustix::fs::StatxFlags;
    let found = rustix::fs::statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
}

#[cfg(not(target_os = "linux"))]
fn mount(_: &OwnedFd) -> Option<u64> {
    None
}
