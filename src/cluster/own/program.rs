//! Programs that are started by name: where they are, and that no other user can have put them there.

use std::{
    ffi::{OsStr, OsString},
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

use rustix::fs::Stat;

use super::{
    environment,
    way::{Foreign, Looks, mode, walk},
};
use crate::{cluster::ClusterError, settings};

/// Why a program is not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// No absolute entry of the PATH has it.
    #[error("{0} is not on the PATH")]
    NotThere(String),
    /// The first one that has it is not to be trusted.
    #[error("{name} is not started: {foreign}, and it would be executed")]
    Foreign {
        /// As it was asked for.
        name: String,
        /// What is wrong on the way to it.
        foreign: Foreign,
    },
    /// It would execute what a variable names, which is not to be trusted.
    #[error("{name} is not started with {variable} as it is set: {foreign}, and it would be executed")]
    Led {
        /// As it was asked for.
        name: String,
        /// The variable.
        variable: &'static str,
        /// What it names, and what is wrong with it.
        foreign: Foreign,
    },
}

impl Missing {
    /// As an error of the environment; `remedy` is for a program that is not there.
    pub fn into_error(self, remedy: &str) -> ClusterError {
        let remedy = match &self {
            Missing::NotThere(_) => remedy.to_owned(),
            Missing::Foreign { .. } => {
                "take that folder out of the PATH, or take away from others the right to write there".to_owned()
            }
            Missing::Led { variable, .. } => {
                format!("unset {variable}, or let it name what only you and root can write")
            }
        };
        ClusterError::new(self.to_string(), remedy)
    }
}

/// The program of that name: in the first absolute folder of the PATH that has it. Relative and empty entries mean the working
/// directory, which may be another user's, so they do not count.
///
/// # Errors
/// When there is none, or others than root and this user can change it, or what a variable lets it execute.
pub fn find(name: &str) -> Result<PathBuf, Missing> {
    let found = find_in(name, &settings::path())?;
    match environment::foreign() {
        None => Ok(found),
        Some(environment::Named { variable, foreign }) => {
            Err(Missing::Led { name: name.to_owned(), variable, foreign })
        }
    }
}

fn find_in(name: &str, path: &OsStr) -> Result<PathBuf, Missing> {
    let there = folders(path)
        .map(|dir| dir.join(name))
        .find(|file| file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0));
    let Some(file) = there else { return Err(Missing::NotThere(name.to_owned())) };
    trusted(&file).map_err(|foreign| Missing::Foreign { name: name.to_owned(), foreign })?;
    // By the name that was asked for: many a program is one file with several names.
    Ok(file)
}

/// The PATH for programs that start others by name: its entries that are absolute and that no other user can write.
pub fn path() -> OsString {
    let clean = folders(&settings::path()).filter(|dir| trusted(dir).is_ok()).collect::<Vec<_>>();
    std::env::join_paths(clean).unwrap_or_default()
}

fn folders(path: &OsStr) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(path)
        .filter(|dir| dir.is_absolute() && !dir.components().any(|part| part == Component::ParentDir))
        .collect::<Vec<_>>()
        .into_iter()
}

/// As [`super::trusted`], of the way that is written and of the real one. What a group of the system can write, as Debian has
/// `/usr/local` for `staff`, is its owner's decision; only `users`, the group of all users, is not such a group.
fn trusted(file: &Path) -> Result<(), Foreign> {
    let tolerated =
        |stat: &Stat| mode(stat) & 0o002 == 0 && (1..1000).contains(&stat.st_gid) && stat.st_gid != EVERYBODY;
    let real = file.canonicalize().map_err(|e| Foreign::new(file, format!("cannot be used: {e}")))?;
    let looks = Looks { tolerated: Some(&tolerated), ..Looks::default() };
    walk(file, &Looks { links: true, ..looks })?;
    walk(&real, &looks)
}

/// The number of the group `users`.
const EVERYBODY: u32 = 100;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn put(dir: &Path, mode: u32) {
        std::fs::create_dir_all(dir).expect("made");
        let file = dir.join("tool");
        std::fs::write(&file, "#!/bin/sh\n").expect("written");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("changed");
        std::fs::set_permissions(dir, PermissionsExt::from_mode(mode)).expect("changed");
    }

    #[test]
    fn what_others_could_have_put_there_is_not_started() {
        let temp = tempfile::tempdir().expect("a folder");
        let [good, open] = ["good", "open"].map(|name| temp.path().join(name));
        put(&good, 0o755);
        put(&open, 0o777);
        let path = |dirs: &[&Path]| std::env::join_paths(dirs).expect("a PATH");
        assert_eq!(find_in("tool", &path(&[&good])), Ok(good.join("tool")));
        let e = find_in("tool", &path(&[&open, &good])).expect_err("others can write there");
        assert!(e.to_string().contains("open can be written by other users"), "{e}");
        // A link in such a folder to a good program may be any user's link.
        std::fs::remove_file(open.join("tool")).expect("removed");
        std::os::unix::fs::symlink(good.join("tool"), open.join("tool")).expect("linked");
        assert!(matches!(find_in("tool", &path(&[&open])), Err(Missing::Foreign { .. })));
        let relative = path(&[Path::new("."), Path::new(""), Path::new("bin")]);
        assert_eq!(find_in("tool", &relative), Err(Missing::NotThere("tool".into())));
    }

    #[test]
    fn what_the_system_has_is_found() {
        assert!(find("sh").is_ok_and(|sh| sh.is_absolute()));
        assert_eq!(find("kubewalk-no-such"), Err(Missing::NotThere("kubewalk-no-such".into())));
        assert!(!path().is_empty());
    }
}
