//! How a file that a user names is read: a regular one of bounded size, opened once, and none that a link leads to outside of
//! its project. What is wrong with a scenario is shown with its lines, so a link in somebody else's folder of scenarios must not
//! show the lines of another file.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

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
}

/// The folder of the project that a folder belongs to, if one is marked: the nearest with `kubewalk.toml`, else that with
/// `.git`, else that with `Cargo.toml`.
pub fn project(folder: &Path) -> Option<PathBuf> {
    let marked = |mark: &str| folder.ancestors().find(|folder| fs::symlink_metadata(folder.join(mark)).is_ok());
    ["kubewalk.toml", ".git", "Cargo.toml"].into_iter().find_map(marked).map(Path::to_owned)
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
    let file = open(real)?;
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
        if !fs::symlink_metadata(part)?.is_symlink() {
            continue;
        }
        let Some(around) = part.parent() else { continue };
        let project = project(&fs::canonicalize(around)?);
        if project.is_some_and(|project| fs::canonicalize(part).map_or(true, |real| !real.starts_with(project))) {
            return Err(Unopened::LeadsOut);
        }
    }
    Ok(())
}

/// Opens a path in which no part is a link, and does not wait for anybody.
fn open(real: &Path) -> io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags};
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
    // Nobody has put a link on the way meanwhile.
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
