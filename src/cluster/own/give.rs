//! What root makes under sudo in a folder of who called it belongs to them: a cache that is made so has to serve them as well
//! when they come without sudo, and their `~/.cache` is for all their programs.

use std::{
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::Path,
};

use rustix::fs::{Gid, Mode, OFlags, Uid};

use crate::settings;

/// To whom a new folder is given: who called sudo, if the folder above it is theirs.
#[derive(Debug, Clone, Copy)]
pub struct To(Option<(u32, u32)>);

/// Looks at the folder above.
pub fn to(above: &Path) -> To {
    let person = settings::invoker().filter(|user| *user != 0 && rustix::process::geteuid().is_root());
    let theirs = |user: &u32| above.symlink_metadata().is_ok_and(|about| about.is_dir() && about.uid() == *user);
    To(person.filter(theirs).zip(settings::invoker_group()))
}

impl To {
    /// Gives a folder that was just made. That it cannot be given is no reason to stop: root can use it.
    pub fn owns(self, folder: &Path) {
        let To(Some((user, group))) = self else { return };
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // What is opened is still root's: a link that somebody has put there meanwhile is not followed, and what is somebody
        // else's stays so.
        if let Ok(folder) = rustix::fs::open(folder, how, Mode::empty())
            && rustix::fs::fstat(&folder).is_ok_and(|about| about.st_uid == 0)
        {
            give(&folder, user, group);
        }
    }
}

fn give(folder: &OwnedFd, user: u32, group: u32) {
    let _ = rustix::fs::fchown(folder, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
}
