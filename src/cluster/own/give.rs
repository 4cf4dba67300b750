//! What root makes under sudo in a folder of sudo's caller is theirs: a cache that is made so has to serve them as well
//! when they come without sudo, and their `~/.cache` is for all their programs. So do reports and scenarios in a folder of theirs.

use std::{
    os::{fd::AsFd, unix::fs::MetadataExt as _},
    path::Path,
};

use rustix::fs::{Gid, Mode, OFlags, Uid};

use crate::settings;

/// To whom a new folder is given: the user who called sudo, if the folder above it is theirs.
#[derive(Debug, Clone, Copy)]
pub struct To(Option<(u32, u32)>);

/// Looks at the folder above.
pub fn to(above: &Path) -> To {
    let owner = || above.symlink_metadata().ok().filter(std::fs::Metadata::is_dir).map(|about| about.uid());
    to_owner(owner)
}

/// The same of one that is open.
pub fn to_open(above: impl AsFd) -> To {
    to_owner(|| rustix::fs::fstat(above).ok().map(|about| about.st_uid))
}

fn to_owner(owner: impl FnOnce() -> Option<u32>) -> To {
    let person = settings::invoker().filter(|user| *user != 0 && rustix::process::geteuid().is_root());
    To(person.filter(|user| owner() == Some(*user)).zip(settings::invoker_group()))
}

impl To {
    /// Gives a folder that was just made. That it cannot be given is no reason to stop: root can use it.
    pub fn owns(self, folder: &Path) {
        if self.0.is_none() {
            return;
        }
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // What is opened is still root's: a link that another user has put there meanwhile is not followed, and what is
        // another user's stays so.
        if let Ok(folder) = rustix::fs::open(folder, how, Mode::empty()) {
            self.owns_open(folder);
        }
    }

    /// The same of what is open.
    pub fn owns_open(self, made: impl AsFd) {
        let To(Some((user, group))) = self else { return };
        if rustix::fs::fstat(&made).is_ok_and(|about| about.st_uid == 0) {
            let _ = rustix::fs::fchown(&made, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
        }
    }
}
