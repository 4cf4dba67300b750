//! Where a file goes that kubewalk writes for its user: found folder by folder, by descriptors, so that neither a folder nor the
//! file is reached through a link that another user of the machine has made, and a user who changes the way meanwhile
//! changes nothing.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Write as _},
    os::fd::OwnedFd,
    path::{Component, Path},
};

use crate::{
    cluster::own::give,
    scenario::open::{self, Unopened},
    settings,
};
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, readlinkat, renameat, statat, unlinkat},
    io::Errno,
};

/// As many links are followed on one way.
const LINKS: usize = 40;

/// The mode of a new file, less the umask, as any program makes it.
const MODE: Mode = Mode::from_raw_mode(0o666);

/// A folder that is open, and the name of a file in it.
#[derive(Debug)]
pub struct Destination {
    folder: OwnedFd,
    name: OsString,
}

/// What is at a place.
enum Found {
    Nothing,
    File(Stat),
    /// A pipe or a device; `true`: reached through a link of the kernel's own, such as `/proc/self/fd/1`.
    Other(bool),
}

impl Destination {
    /// Finds a place; folders that are not there are made. Under sudo, what is made in a folder of the caller is the caller's.
    ///
    /// # Errors
    /// What the system says; or that another user's link is on the way, or one that leads out of its project.
    pub fn find(path: &Path) -> io::Result<Destination> {
        open::is_written_inside(path).map_err(|e| match e {
            Unopened::Cannot(e) => e,
            e => io::Error::new(io::ErrorKind::PermissionDenied, format!("{e}; name the place itself")),
        })?;
        let mut parts: VecDeque<OsString> = parts(path);
        let mut folder = start(path)?;
        let mut links = 0;
        loop {
            let name = parts.pop_front().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
            let last = parts.is_empty();
            if name == ".." {
                folder = open_folder(&folder, &name)?;
                continue;
            }
            let found = match statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) if last => return Ok(Destination { folder, name }),
                Err(Errno::NOENT) => {
                    // Another process may have made it meanwhile.
                    let of = give::to_open(&folder);
                    match mkdirat(&folder, &name, Mode::from_raw_mode(0o777)) {
                        Ok(()) => of.owns_open(openat(&folder, &name, NEW, Mode::empty())?),
                        Err(Errno::EXIST) => {}
                        Err(e) => return Err(e.into()),
                    }
                    folder = open_folder(&folder, &name)?;
                    continue;
                }
                other => other?,
            };
            if kind(&found) != FileType::Symlink || last && of_the_kernel(&folder) {
                if last {
                    return Ok(Destination { folder, name });
                }
                folder = open_folder(&folder, &name)?;
                continue;
            }
            links += 1;
            if links > LINKS {
                return Err(Errno::LOOP.into());
            }
            trusted(&found, &name, "link")?;
            let target = readlinkat(&folder, &name, Vec::new())?;
            let target = Path::new(OsStr::new(target.to_str().map_err(io::Error::other)?));
            if target.is_absolute() {
                folder = start(target)?;
            }
            for part in self::parts(target).into_iter().rev() {
                parts.push_front(part);
            }
        }
    }

    /// Makes a file that is not there yet, neither as a link; folders that are not there are made.
    ///
    /// # Errors
    /// What the system says, or that another user's link is on the way.
    pub fn new_file(path: &Path) -> io::Result<File> {
        let last = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        // The last part is no link that is followed, so the way ends before it.
        let way = Destination::find(&folder.join(".kubewalk-new"))?;
        Destination { folder: way.folder, name: last.to_owned() }.create()
    }

    fn found(&self) -> io::Result<Found> {
        let found = match statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            other => other?,
        };
        match kind(&found) {
            FileType::RegularFile => Ok(Found::File(found)),
            FileType::Directory => Err(io::ErrorKind::IsADirectory.into()),
            FileType::Symlink if of_the_kernel(&self.folder) => Ok(Found::Other(true)),
            FileType::Symlink => Err(Errno::LOOP.into()),
            _ => {
                trusted(&found, &self.name, "pipe or device")?;
                Ok(Found::Other(false))
            }
        }
    }

    /// Writes a text beside its place and renames it, so that it is there whole or as it was. What is no file (a pipe, a device)
    /// is written to.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn replace(&self, text: &str) -> io::Result<()> {
        if let Found::Other(kernel) = self.found()? {
            return self.open_other(kernel)?.write_all(text.as_bytes());
        }
        self.renamed(|file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())).map(drop)
    }

    /// Opens an empty file, or a pipe or a device, to write to it bit by bit.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn stream(&self) -> io::Result<File> {
        match self.found()? {
            Found::Other(kernel) => self.open_other(kernel),
            // Another name of the file could be another user's.
            Found::File(found) if is_ours(&found) && found.st_nlink == 1 => {
                let file = self.open(OFlags::WRONLY | OFlags::APPEND)?;
                if !same(&fstat(&file)?, &found) {
                    return Err(io::Error::other("it changed while it was opened"));
                }
                file.set_len(0)?;
                Ok(file)
            }
            Found::File(_) | Found::Nothing => self.renamed(|_| Ok(())),
        }
    }

    /// Opens a file, which may be new, to add to it.
    ///
    /// # Errors
    /// What the system says, or that it is neither a file nor a device of ours.
    pub fn append(&self) -> io::Result<File> {
        match self.found()? {
            Found::Other(kernel) => self.open_other(kernel),
            Found::Nothing => self.create(),
            Found::File(found) => {
                trusted(&found, &self.name, "file")?;
                let file = self.open(OFlags::WRONLY | OFlags::APPEND)?;
                if same(&fstat(&file)?, &found) {
                    Ok(file)
                } else {
                    Err(io::Error::other("it changed while it was opened"))
                }
            }
        }
    }

    fn create(&self) -> io::Result<File> {
        let of = give::to_open(&self.folder);
        let file = self.open(OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL)?;
        of.owns_open(&file);
        Ok(file)
    }

    fn open(&self, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.folder, &self.name, flags, MODE)?))
    }

    fn open_other(&self, kernel: bool) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOCTTY | OFlags::CLOEXEC;
        let flags = if kernel { flags } else { flags | OFlags::NOFOLLOW };
        Ok(File::from(openat(&self.folder, &self.name, flags, Mode::empty())?))
    }

    /// A new file, filled under a name that no other user can guess, and then renamed.
    fn renamed(&self, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<File> {
        let beside = Destination {
            folder: self.folder.try_clone()?,
            name: format!(".kubewalk-report-{:016x}", rand::random::<u64>()).into(),
        };
        let mut file = beside.create()?;
        let done = fill(&mut file).and_then(|()| Ok(renameat(&self.folder, &beside.name, &self.folder, &self.name)?));
        if let Err(error) = done {
            let _ = unlinkat(&self.folder, &beside.name, AtFlags::empty());
            return Err(error);
        }
        Ok(file)
    }
}

/// The folder that a path begins in.
fn start(path: &Path) -> io::Result<OwnedFd> {
    let start = if path.is_absolute() { "/" } else { "." };
    Ok(openat(CWD, start, FOLDER, Mode::empty())?)
}

/// How a folder is opened: it need not be readable.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder that was just made, to be given away.
const NEW: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open_folder(folder: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    Ok(openat(folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let named = |part: Component<'_>| match part {
        Component::Normal(_) | Component::ParentDir => Some(part.as_os_str().to_owned()),
        _ => None,
    };
    path.components().filter_map(named).collect()
}

fn kind(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}

fn same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// Whether a folder is one of /proc, whose links are the kernel's and may lead to what has no name.
fn of_the_kernel(folder: &OwnedFd) -> bool {
    #[cfg(target_os = "linux")]
    return rustix::fs::fstatfs(folder).is_ok_and(|found| found.f_type == rustix::fs::PROC_SUPER_MAGIC);
    #[cfg(not(target_os = "linux"))]
    return {
        let _ = folder;
        false
    };
}

/// Whether something belongs to this user, to root, or to the user who called sudo.
fn is_ours(found: &Stat) -> bool {
    settings::is_own_user(found.st_uid)
}

/// Refuses what another user made.
fn trusted(found: &Stat, name: &OsStr, what: &str) -> io::Result<()> {
    if is_ours(found) {
        return Ok(());
    }
    let name = name.to_string_lossy();
    let words = format!(
        "`{name}` is a {what} of another user (uid {}), which is not followed; name another place",
        found.st_uid
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, words))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn replace(path: &Path, text: &str) -> io::Result<()> {
        Destination::find(path)?.replace(text)
    }

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
        assert!(replace(path.parent().expect("a folder"), "x").is_err());
        assert_eq!(fs::read_to_string(&path).expect("a file"), "two");
    }

    #[test]
    fn links_of_ours_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "old").expect("written");
        symlink("./up/../file", at("link")).expect("a link");
        fs::create_dir(at("up")).expect("a folder");
        symlink(at("up"), at("way")).expect("a link");
        replace(&at("link"), "new").expect("written");
        assert!(at("link").is_symlink() && fs::read_to_string(at("file")).expect("a file") == "new");
        replace(&at("way/deep/report"), "x").expect("written");
        assert_eq!(fs::read_to_string(at("up/deep/report")).expect("a file"), "x");
        replace(Path::new("/dev/null"), "x").expect("written");
        assert!(!fs::metadata("/dev/null").expect("a device").is_file());
        symlink("circle", at("circle")).expect("a link");
        assert!(replace(&at("circle"), "x").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_open_descriptor_is_a_place() {
        use std::os::fd::AsRawFd as _;
        let file = tempfile::tempfile().expect("a file");
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        replace(Path::new(&path), "text").expect("written");
        assert_eq!(file.metadata().expect("a file").len(), 4);
    }

    #[test]
    fn a_stream_begins_empty_and_leaves_other_names_of_its_file_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("one"), "old").expect("written");
        fs::hard_link(at("one"), at("two")).expect("a second name");
        for round in 0..2 {
            let mut file = Destination::find(&at("one")).and_then(|place| place.stream()).expect("a file");
            file.write_all(b"new").expect("written");
            assert_eq!(fs::read_to_string(at("one")).expect("a file"), "new", "{round}");
        }
        assert_eq!(fs::read_to_string(at("two")).expect("a file"), "old");
        let mut more = Destination::find(&at("one")).and_then(|place| place.append()).expect("a file");
        more.write_all(b"er").expect("written");
        assert_eq!(fs::read_to_string(at("one")).expect("a file"), "newer");
        assert!(Destination::find(&at("one")).and_then(|place| place.create()).is_err());
    }
}
