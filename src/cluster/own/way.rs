//! The way to a file or folder: whether no other user can change any step of it.

use std::{
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{FileType, Stat};

use super::give;
use crate::settings;

/// What lets others write.
pub(super) const NOT_WRITABLE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Why something on a way is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {why}", path.display())]
pub struct Foreign {
    /// The folder or file at fault.
    pub path: PathBuf,
    /// e.g. `can be written by other users`.
    pub why: String,
}

impl Foreign {
    pub(super) fn new(path: &Path, why: impl Into<String>) -> Self {
        Foreign { path: path.to_owned(), why: why.into() }
    }
}

/// Whose files are believed: those of root, of the user that this process acts as, and under sudo of the person who called it,
/// who can do all that root can.
#[derive(Debug, Clone, Copy)]
struct Owners {
    user: u32,
    group: u32,
    invoker: Option<u32>,
}

impl Owners {
    fn here() -> Self {
        let user = rustix::process::geteuid().as_raw();
        let invoker = if user == 0 { settings::invoker() } else { None };
        Owners { user, group: rustix::process::getegid().as_raw(), invoker }
    }

    fn has(self, user: u32) -> bool {
        user == 0 || user == self.user || self.invoker == Some(user)
    }

    /// Whether no user but these can write it. A group of one person, which many systems give each user, is that person.
    fn alone_write(self, stat: &Stat) -> bool {
        let (mode, group) = (mode(stat), stat.st_gid);
        let own_group = (self.user != 0 && group == self.group && group == self.user) || self.invoker == Some(group);
        let others = if own_group && group != 0 { 0o002 } else { NOT_WRITABLE };
        mode & others == 0
    }
}

/// Its mode.
#[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "its width differs from system to system")]
pub(super) fn mode(stat: &Stat) -> u32 {
    stat.st_mode as u32
}

/// The real path of a file or folder that only root and this user can change: every folder on the way belongs to one of
/// them and can be written by no other, or keeps others from renaming what is not theirs (like `/tmp`). Use the path that is
/// given back: the other one may lead through a link of another user.
///
/// # Errors
/// What on the way is another user's, or not there.
pub fn trusted(path: &Path) -> Result<PathBuf, Foreign> {
    let real = path.canonicalize().map_err(|e| Foreign::new(path, format!("cannot be used: {e}")))?;
    walk(&real, &Looks::default())?;
    Ok(real)
}

/// How a way is looked at.
#[derive(Clone, Copy, Default)]
pub(super) struct Looks<'a> {
    /// It is as a user has written it, and may lead through links.
    pub(super) links: bool,
    /// What is below its end is looked at next.
    pub(super) goes_on: bool,
    /// What others may write all the same.
    pub(super) tolerated: Option<&'a dyn Fn(&Stat) -> bool>,
}

/// Looks at every step of a way.
pub(super) fn walk(path: &Path, looks: &Looks<'_>) -> Result<(), Foreign> {
    let owners = Owners::here();
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.reverse();
    for (nth, at) in way.iter().enumerate() {
        let stat = rustix::fs::lstat(*at).map_err(|e| Foreign::new(at, format!("cannot be looked at: {e}")))?;
        if !owners.has(stat.st_uid) {
            return Err(Foreign::new(at, format!("belongs to another user ({})", stat.st_uid)));
        }
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            // A link can be changed by its owner, and by a user who can write the folder that it is in.
            if looks.links {
                continue;
            }
            return Err(Foreign::new(at, "has just become a link"));
        }
        // What is below it is looked at next, and is ours or refused: no other user can put another in its place.
        let keeps = mode(&stat) & STICKY != 0 && (looks.goes_on || nth + 1 < way.len());
        if !owners.alone_write(&stat) && !keeps && !looks.tolerated.is_some_and(|of| of(&stat)) {
            return Err(Foreign::new(at, "can be written by other users"));
        }
    }
    Ok(())
}

/// The same of a folder, which is made if it is not there, with what misses on the way.
///
/// # Errors
/// As [`trusted`], or why it cannot be made.
pub fn trusted_folder(path: &Path) -> Result<PathBuf, Foreign> {
    let whole = made(path)?;
    trusted(&whole)
}

/// The same of a folder in which only one that is looked at next is used: it may be one like `/tmp`.
pub(super) fn folder_above(path: &Path) -> Result<PathBuf, Foreign> {
    let whole = made(path)?;
    let real = whole.canonicalize().map_err(|e| Foreign::new(&whole, format!("cannot be used: {e}")))?;
    walk(&real, &Looks { goes_on: true, ..Looks::default() })?;
    Ok(real)
}

/// Whether no other user can change a file or folder, or put one there if it is not: nothing is made.
///
/// # Errors
/// As [`trusted`].
pub fn nobody_elses(path: &Path) -> Result<(), Foreign> {
    let there = path.ancestors().find(|at| at.symlink_metadata().is_ok()).unwrap_or(Path::new("/"));
    let real = there.canonicalize().map_err(|e| Foreign::new(there, format!("cannot be used: {e}")))?;
    walk(&real, &Looks { goes_on: there != path, ..Looks::default() })
}

/// Makes what misses of a folder, and says where it is.
fn made(path: &Path) -> Result<PathBuf, Foreign> {
    let there = path.ancestors().find(|at| at.symlink_metadata().is_ok()).unwrap_or(Path::new("/"));
    let Ok(more) = path.strip_prefix(there) else { return Ok(path.to_owned()) };
    if more.as_os_str().is_empty() {
        return Ok(path.to_owned());
    }
    let real = there.canonicalize().map_err(|e| Foreign::new(there, format!("cannot be used: {e}")))?;
    walk(&real, &Looks { goes_on: true, ..Looks::default() })?;
    let whole = real.join(more);
    let mut at = real;
    for name in more.components() {
        let of = give::to(&at);
        at.push(name);
        match std::fs::DirBuilder::new().mode(0o755).create(&at) {
            Ok(()) => of.owns(&at),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Foreign::new(&whole, format!("cannot be made: {e}"))),
        }
    }
    Ok(whole)
}
