//! How a file that a user names is read: a regular one of bounded size, opened once, and none that a link leads to outside of
//! its project. What is wrong with a scenario is shown with its lines, so a link in another user's folder of scenarios must
//! not show the lines of another file.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::{Component, Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// The system says why.
    #[error("{0}")]
    Cannot(#[from] io::Error),
    /// It is a folder.
    #[error("it is a folder")]
    Folder,
    /// It is a pipe, a device or a socket.
    #[error("it is no regular file")]
    Irregular,
    /// It has so many bytes, or more.
    #[error("it has {0} bytes or more")]
    TooBig(u64),
    /// A link on the way leads out of the project.
    #[error("a link on the way to it leads out of its project")]
    LeadsOut,
    /// It is git's own, or a link leads to something hidden, e.g. to a file of credentials.
    #[error("it is in git's own folder, or a link on the way leads to something hidden")]
    Hidden,
}

/// The folder of the project that a folder belongs to, if one is marked: the nearest with `kubewalk.toml`, else that with
/// `.git`, else that with `Cargo.toml`. A mark in a folder that all users can write may be any user's, and so may one that
/// belongs to neither the folder's owner nor root: they do not count.
pub fn project(folder: &Path) -> Option<PathBuf> {
    let marked = |mark: &str| folder.ancestors().find(|folder| marks(folder, mark));
    ["kubewalk.toml", ".git", "Cargo.toml"].into_iter().find_map(marked).map(Path::to_owned)
}

/// Whether a folder has a mark that counts.
pub fn marks(folder: &Path, mark: &str) -> bool {
    let (Ok(around), Ok(mark)) = (fs::metadata(folder), fs::symlink_metadata(folder.join(mark))) else {
        return false;
    };
    around.mode() & 0o002 == 0 && (mark.uid() == around.uid() || mark.uid() == 0)
}

/// The folder that bounds what a scenario may name: that of its project, else its own. It is opened once, and everything in it is
/// reached from there.
#[derive(Debug)]
pub struct Root {
    real: PathBuf,
    folder: OwnedFd,
}

impl Root {
    /// That of a folder with scenarios.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn around(folder: &Path) -> io::Result<Self> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let inside = fs::canonicalize(folder)?;
        let real = project(&inside).unwrap_or(inside);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = beneath(CWD, &real, flags)?;
        Ok(Root { real, folder })
    }

    /// A path of what is below it.
    pub fn join(&self, below: &str) -> PathBuf {
        self.real.join(below)
    }

    /// Where something is below it, without links.
    ///
    /// # Errors
    /// When it is not there, or leads out.
    pub fn inside(&self, path: &Path) -> Result<PathBuf, Unopened> {
        let real = fs::canonicalize(path)?;
        let below = real.strip_prefix(&self.real).map_err(|_| Unopened::LeadsOut)?;
        // A server of CI keeps its token in `.git/config`, and other credentials in the workspace as hidden files.
        let hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
        // Named as what it is, by no link: then whoever named it means it.
        let is_named = || lexical(path).is_some_and(|named| named == real);
        let is_git = below.components().any(|part| part.as_os_str() == ".git");
        if is_git || below.components().any(hidden) && !is_named() {
            return Err(Unopened::Hidden);
        }
        Ok(below.to_owned())
    }

    /// The same of a path below the root.
    ///
    /// # Errors
    /// As [`Self::inside`].
    pub fn at(&self, below: &str) -> Result<PathBuf, Unopened> {
        self.inside(&self.real.join(below))
    }

    /// Whether there is a folder, by where it is below the root without links.
    pub fn is_folder(&self, inside: &Path) -> bool {
        let flags = LOOK | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        inside.as_os_str().is_empty() || beneath(&self.folder, inside, flags).is_ok()
    }

    /// The bytes of a regular file, at most `most`, by where it is below the root ([`Self::inside`]). A link that is on the way by
    /// now is not followed.
    ///
    /// # Errors
    /// Why it is not read; nothing of its content is known then.
    pub fn read(&self, inside: &Path, most: u64) -> Result<Vec<u8>, Unopened> {
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Looked at before it is opened, as in `read_real`.
        let seen = File::from(beneath(&self.folder, inside, flags | LOOK)?);
        regular(&seen.metadata()?, most)?;
        let file = beneath(&self.folder, inside, flags | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        content(File::from(file), most)
    }

    /// The names in a folder, sorted, at most `most`; and whether each may be a folder itself.
    ///
    /// # Errors
    /// When it is no folder, or has more.
    pub fn list(&self, inside: &Path, most: usize) -> Result<Vec<(String, bool)>, Unopened> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match inside.as_os_str().is_empty() {
            true => rustix::fs::openat(&self.folder, ".", flags, Mode::empty()).map_err(io::Error::from)?,
            false => beneath(&self.folder, inside, flags)?,
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder).map_err(io::Error::from)? {
            let entry = entry.map_err(io::Error::from)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            if names.len() >= most {
                return Err(Unopened::TooBig(most as u64));
            }
            let kind = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)?;
            names.push((name.to_owned(), FileType::from_raw_mode(kind.st_mode) == FileType::Directory));
        }
        names.sort();
        Ok(names)
    }
}

/// The whole of a path, with `.` and `..` taken out by its letters alone.
fn lexical(path: &Path) -> Option<PathBuf> {
    let mut whole = PathBuf::new();
    for part in std::path::absolute(path).ok()?.components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    Some(whole)
}

/// Only looks, where the system can: opening alone can do something to a device.
#[cfg(target_os = "linux")]
const LOOK: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const LOOK: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);

/// Opens what is below a folder, and follows no link on the way.
fn beneath(folder: impl std::os::fd::AsFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        use rustix::{fs::ResolveFlags, io::Errno};
        match rustix::fs::openat2(&folder, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            // An old kernel, or a filter for system calls.
            Err(Errno::NOSYS | Errno::PERM) => {}
            other => return Ok(other?),
        }
    }
    // Part by part, from one descriptor to the next.
    let way = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let start = if path.is_absolute() { Path::new("/") } else { Path::new(".") };
    let mut at = rustix::fs::openat(&folder, start, way, Mode::empty())?;
    let mut parts = path.components().filter(|part| matches!(part, std::path::Component::Normal(_))).peekable();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_some() { way } else { flags };
        at = rustix::fs::openat(&at, part.as_os_str(), flags, Mode::empty())?;
    }
    Ok(at)
}

/// The bytes of a file, at most `most`.
///
/// # Errors
/// Why it is not read; nothing of its content is known then.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, Unopened> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    stays_inside(folder)?;
    let (inside, real) = (fs::canonicalize(folder)?, fs::canonicalize(path)?);
    if real.parent() != Some(&inside) && !real.starts_with(project(&inside).unwrap_or_else(|| inside.clone())) {
        return Err(Unopened::LeadsOut);
    }
    read_real(&real, most)
}

/// The bytes of a file at a path without links, at most `most`.
///
/// # Errors
/// As [`read`]; also when there is a link in the path by now.
pub fn read_real(real: &Path, most: u64) -> Result<Vec<u8>, Unopened> {
    // Looked at before it is opened: opening alone can do something to a device, and would wait for the writer of a pipe.
    regular(&fs::symlink_metadata(real)?, most)?;
    content(open(real)?, most)
}

fn content(file: File, most: u64) -> Result<Vec<u8>, Unopened> {
    regular(&file.metadata()?, most)?;
    let mut bytes = Vec::new();
    // It may have grown since.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        length if length > most => Err(Unopened::TooBig(length)),
        _ => Ok(bytes),
    }
}

fn regular(found: &fs::Metadata, most: u64) -> Result<(), Unopened> {
    match found.len() {
        _ if found.is_dir() => Err(Unopened::Folder),
        _ if !found.is_file() => Err(Unopened::Irregular),
        length if length > most => Err(Unopened::TooBig(length)),
        _ => Ok(()),
    }
}

/// No link among the folders of a path leads out of the project that the link is in.
fn stays_inside(folder: &Path) -> Result<(), Unopened> {
    let absolute = std::path::absolute(folder)?;
    for part in absolute.ancestors() {
        let found = fs::symlink_metadata(part)?;
        if found.is_symlink() && leads_out(part, None)? {
            return Err(Unopened::LeadsOut);
        }
    }
    Ok(())
}

/// No link on the way to a file that is to be written leads out of the project that the link is in: a project may be a stranger's, and
/// its links may lead anywhere. Where no project is marked, a relative path stays in the working directory.
///
/// # Errors
/// [`Unopened::LeadsOut`]; or that the way cannot be looked at.
pub fn is_written_inside(path: &Path) -> Result<(), Unopened> {
    let here = if path.is_relative() { Some(fs::canonicalize(".")?) } else { None };
    let absolute = std::path::absolute(path)?;
    for part in absolute.ancestors() {
        match fs::symlink_metadata(part) {
            Ok(found) if found.is_symlink() && leads_out(part, here.as_deref())? => return Err(Unopened::LeadsOut),
            // What is not there yet is made.
            _ => {}
        }
    }
    Ok(())
}

/// Whether a link leads out of the project that it is in, or out of a folder in which it is. One that leads nowhere may lead anywhere
/// soon.
fn leads_out(link: &Path, folder: Option<&Path>) -> Result<bool, Unopened> {
    let Some(around) = link.parent() else { return Ok(false) };
    let around = fs::canonicalize(around)?;
    let bounds = project(&around).or_else(|| folder.filter(|folder| around.starts_with(folder)).map(Path::to_owned));
    Ok(bounds.is_some_and(|bounds| fs::canonicalize(link).map_or(true, |real| !real.starts_with(bounds))))
}

/// Opens a path in which no part is a link, and does not wait for another process.
fn open(real: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use rustix::{fs::ResolveFlags, io::Errno};
        match rustix::fs::openat2(CWD, real, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            // An old kernel, or a filter for system calls.
            Err(Errno::NOSYS | Errno::PERM) => {}
            other => return Ok(File::from(other?)),
        }
    }
    let file = File::from(rustix::fs::openat(CWD, real, flags, Mode::empty())?);
    // No other user has put a link on the way meanwhile.
    if fs::canonicalize(real)? == real { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A project with a folder of scenarios, and a file outside of it.
    fn place() -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("project/scenarios")).expect("folders");
        fs::create_dir_all(at("outside")).expect("a folder");
        fs::write(at("project/Cargo.toml"), "").expect("written");
        fs::write(at("project/shared.yaml"), "shared").expect("written");
        fs::write(at("project/scenarios/good.yaml"), "good").expect("written");
        fs::write(at("outside/secret.yaml"), "secret").expect("written");
        place
    }

    #[test]
    fn links_stay_in_their_project() {
        let place = place();
        let at = |name: &str| place.path().join(name);
        let scenario = |name: &str| at("project/scenarios").join(name);
        symlink("../shared.yaml", scenario("near.yaml")).expect("a link");
        symlink(at("outside/secret.yaml"), scenario("out.yaml")).expect("a link");
        symlink("out.yaml", scenario("twice.yaml")).expect("a link");
        symlink(at("outside"), scenario("folder")).expect("a link");
        symlink("/proc/self/root", scenario("root")).expect("a link");
        let secret = at("outside/secret.yaml");
        let by_proc = scenario("root").join(secret.strip_prefix("/").expect("absolute"));
        assert_eq!(read(&scenario("good.yaml"), 9).expect("read"), b"good");
        assert_eq!(read(&scenario("near.yaml"), 9).expect("read"), b"shared");
        let ways = [scenario("out.yaml"), scenario("twice.yaml"), scenario("folder/secret.yaml"), by_proc];
        for way in ways {
            assert!(matches!(read(&way, 9), Err(Unopened::LeadsOut)), "{}", way.display());
        }
        // A link of the machine, outside of any project, is followed; a link to a file only beside it.
        symlink(at("project/scenarios"), at("way")).expect("a link");
        symlink("project/scenarios/good.yaml", at("file.yaml")).expect("a link");
        symlink(secret, at("project/file.yaml")).expect("a link");
        assert_eq!(read(&at("way/good.yaml"), 9).expect("read"), b"good");
        assert_eq!(read(&at("file.yaml"), 9).expect("read"), b"good");
        assert!(matches!(read(&at("project/file.yaml"), 9), Err(Unopened::LeadsOut)));
    }

    #[test]
    fn everything_is_reached_from_the_root_and_no_link_is_followed() {
        let place = place();
        let at = |name: &str| place.path().join(name);
        let root = Root::around(&at("project/scenarios")).expect("a root");
        symlink("../shared.yaml", at("project/scenarios/near.yaml")).expect("a link");
        symlink(at("project/shared.yaml"), at("project/scenarios/far.yaml")).expect("a link");
        symlink(at("outside"), at("project/out")).expect("a link");
        for near in ["shared.yaml", "scenarios/near.yaml", "scenarios/far.yaml", "scenarios/../shared.yaml"] {
            let inside = root.inside(&at("project").join(near)).expect("inside");
            assert_eq!(root.read(&inside, 9).expect("read"), b"shared", "{near}");
        }
        for out in ["out/secret.yaml", "scenarios/../../outside/secret.yaml", "out"] {
            assert!(matches!(root.inside(&at("project").join(out)), Err(Unopened::LeadsOut)), "{out}");
        }
        // Put there between the look and the reading.
        assert!(root.read(Path::new("scenarios/near.yaml"), 9).is_err());
        assert!(root.read(Path::new("out/secret.yaml"), 9).is_err());
        assert!(root.list(Path::new("out"), 9).is_err());
        let names = root.list(Path::new(""), 9).expect("names");
        let folders = |name: &str| names.iter().any(|(it, folder)| it == name && *folder);
        assert!(folders("scenarios") && !folders("out") && !folders("shared.yaml"), "{names:?}");
        assert!(matches!(root.list(Path::new(""), 2), Err(Unopened::TooBig(2))));
    }

    #[test]
    fn a_mark_in_a_folder_that_everybody_can_write_does_not_count() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = place();
        let folder = fs::canonicalize(place.path().join("project")).expect("a folder");
        assert_eq!(project(&folder.join("scenarios")), Some(folder.clone()));
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).expect("changed");
        assert_ne!(project(&folder.join("scenarios")), Some(folder));
    }

    #[test]
    fn only_regular_files_of_a_size_are_read() {
        let place = place();
        let path = place.path().join("project/scenarios/good.yaml");
        assert!(matches!(read(&path, 3), Err(Unopened::TooBig(4))));
        assert!(matches!(read(path.parent().expect("a folder"), 9), Err(Unopened::Folder)));
        assert!(matches!(read(Path::new("/dev/null"), 9), Err(Unopened::Irregular)));
        let pipe = place.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .expect("a pipe");
        assert!(matches!(read(&pipe, 9), Err(Unopened::Irregular)));
        assert!(matches!(read(&place.path().join("none"), 9), Err(Unopened::Cannot(_))));
    }
}
