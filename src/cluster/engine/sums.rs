//! Whether what the engine's build made is still as it was made: its `manifest.json` has the sum of each file.
//!
//! To read all of them takes a third of a second, so it is done once; after that it is enough that nothing about any of them
//! has changed that the kernel notes by itself: number, size, and both times. A program can set the one time back, and not
//! the other.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{DirBuilder, File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::Path,
};

use ring::digest::{Context, SHA256, digest};
use rustix::fs::{Mode, OFlags};
use serde::Deserialize;

use crate::cluster::{ClusterError, own};

/// What a build says of what it made, as far as it is asked here.
#[derive(Debug, Deserialize)]
struct Manifest {
    /// The hash of what it was built of; the commands have none.
    #[serde(default)]
    engine: String,
    files: Vec<Listed>,
    links: Vec<Link>,
}

/// A regular file; nothing else of it counts.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Listed {
    path: String,
    size: u64,
    sha256: String,
}

#[derive(Debug, Deserialize)]
struct Link {
    path: String,
    to: String,
}

/// What is not listed: it is made after the list.
const UNLISTED: [&str; 2] = ["manifest.json", "COMPLETE"];

/// The most that a manifest may hold, in bytes.
const MOST: u64 = 16 << 20;

/// Looks whether the folder of a product is as its build made it. `cache` is where it is noted that it was.
///
/// # Errors
/// Which file differs, is missing, or was not made by the build.
pub fn check(dir: &Path, cache: &Path) -> Result<(), ClusterError> {
    let wrong = |why: String| {
        ClusterError::new(
            format!("the engine in {} is not used: {why}", dir.display()),
            format!("remove the folder {}; it is built again", cache.display()),
        )
    };
    let found = Found::below(dir).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let manifest = manifest(dir).map_err(|e| wrong(format!("its manifest.json cannot be read: {e}")))?;
    let seen = hex(digest(&SHA256, format!("{}{}", found.about, hex(digest(&SHA256, &manifest))).as_bytes()));
    // Root and the user who calls sudo each believe only their own note.
    let user = rustix::process::geteuid().as_raw();
    let name = format!("sums-{user}-{}", &hex(digest(&SHA256, dir.as_os_str().as_encoded_bytes()))[..16]);
    let notes = notes(cache);
    let noted = notes.as_ref().and_then(|notes| own::read(notes, &name, own::MOST).ok());
    if noted.as_deref() == Some(seen.as_bytes()) {
        return Ok(());
    }
    let manifest: Manifest =
        serde_json::from_slice(&manifest).map_err(|e| wrong(format!("its manifest.json cannot be read: {e}")))?;
    found.compare(dir, &manifest).map_err(wrong)?;
    // Where it cannot be noted, all is read again the next time.
    if let Some(notes) = notes {
        let _ = own::write(notes, &name, seen.as_bytes());
    }
    Ok(())
}

/// Looks whether a folder that was just unpacked has all that its list says, and nothing else, and is the engine of this hash.
///
/// # Errors
/// What is not so.
pub(super) fn compare(dir: &Path, engine: &str) -> Result<(), String> {
    let found = Found::below(dir).map_err(|e| e.to_string())?;
    let unreadable = |e: &dyn std::fmt::Display| format!("its manifest.json cannot be read: {e}");
    let list = manifest(dir).map_err(|e| unreadable(&e))?;
    let list: Manifest = serde_json::from_slice(&list).map_err(|e| unreadable(&e))?;
    if list.engine != engine {
        return Err(format!("its manifest.json is of the engine {}", list.engine));
    }
    found.compare(dir, &list)
}

/// How many bytes all files of a folder have.
pub(super) fn size(dir: &Path) -> io::Result<u64> {
    Found::below(dir).map(|found| found.files.values().sum())
}

/// The folder in the cache for what was found out.
fn notes(cache: &Path) -> Option<std::os::fd::OwnedFd> {
    let path = cache.join("checked");
    let of = own::give::to(cache);
    if DirBuilder::new().mode(0o700).create(&path).is_ok() {
        of.owns(&path);
    }
    let path = own::trusted(&path).ok()?;
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, how, Mode::empty()).ok()
}

fn manifest(dir: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(dir.join("manifest.json"))?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What is in a folder.
#[derive(Debug, Default)]
struct Found {
    /// Path and size of each file.
    files: BTreeMap<String, u64>,
    /// Path and target of each link.
    links: BTreeMap<String, String>,
    /// All that the kernel notes, a line an entry.
    about: String,
}

impl Found {
    fn below(dir: &Path) -> io::Result<Found> {
        let mut found = Found::default();
        found.look(dir, "")?;
        Ok(found)
    }

    fn look(&mut self, dir: &Path, name: &str) -> io::Result<()> {
        let mut entries = std::fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        self.note(name, &dir.symlink_metadata()?);
        for entry in entries {
            let (about, path) = (entry.metadata()?, entry.path());
            if !about.is_symlink() && about.mode() & 0o022 != 0 {
                return Err(io::Error::other(format!("{} can be written by others", path.display())));
            }
            let name =
                format!("{name}{}{}", if name.is_empty() { "" } else { "/" }, entry.file_name().to_string_lossy());
            if about.is_dir() {
                self.look(&path, &name)?;
                continue;
            }
            self.note(&name, &about);
            if about.is_symlink() {
                self.links.insert(name, std::fs::read_link(&path)?.to_string_lossy().into_owned());
            } else {
                // What is neither a file nor a link is in no list, and so is refused.
                self.files.insert(name, about.len());
            }
        }
        Ok(())
    }

    fn note(&mut self, name: &str, about: &Metadata) {
        let _ = writeln!(
            self.about,
            "{name} {:o} {} {} {} {}.{} {}.{} {} {}",
            about.mode(),
            about.uid(),
            about.gid(),
            about.len(),
            about.mtime(),
            about.mtime_nsec(),
            about.ctime(),
            about.ctime_nsec(),
            about.ino(),
            about.dev(),
        );
    }

    /// Reads all that is listed.
    fn compare(mut self, dir: &Path, manifest: &Manifest) -> Result<(), String> {
        for listed in &manifest.files {
            let path = &listed.path;
            let size = self.files.remove(path).ok_or_else(|| format!("its file {path} is missing"))?;
            let differs = || format!("its file {path} is not the one that was built");
            if size != listed.size || sum(&dir.join(path)).map_err(|e| format!("{path}: {e}"))? != listed.sha256 {
                return Err(differs());
            }
        }
        for Link { path, to } in &manifest.links {
            if self.links.remove(path).as_ref() != Some(to) {
                return Err(format!("its link {path} is not the one that was built"));
            }
        }
        let more = self.files.keys().find(|path| !UNLISTED.contains(&path.as_str()));
        match more.or(self.links.keys().next()) {
            None => Ok(()),
            Some(path) => Err(format!("the build did not make its file {path}")),
        }
    }
}

fn sum(path: &Path) -> io::Result<String> {
    let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, how, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Ok(String::new());
    }
    let mut sum = Context::new(&SHA256);
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(sum.finish())),
            n => sum.update(&chunk[..n]),
        }
    }
}

fn hex(digest: ring::digest::Digest) -> String {
    digest.as_ref().iter().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A cache with a product of one file and one link in it.
    fn product() -> (tempfile::TempDir, std::path::PathBuf) {
        let cache = tempfile::tempdir().expect("a folder");
        let dir = cache.path().join("engine/0123");
        std::fs::create_dir_all(dir.join("rootfs/bin")).expect("made");
        std::fs::write(dir.join("rootfs/bin/init"), "abc").expect("written");
        symlink("init", dir.join("rootfs/bin/link")).expect("linked");
        std::fs::write(dir.join("COMPLETE"), "").expect("written");
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let text = format!(
            r#"{{"engine": "x", "files": [{{"path": "rootfs/bin/init", "size": 3, "sha256": "{sum}"}}],
                "links": [{{"path": "rootfs/bin/link", "to": "init"}}]}}"#
        );
        std::fs::write(dir.join("manifest.json"), text).expect("written");
        (cache, dir)
    }

    #[test]
    fn what_differs_is_refused_by_name() {
        type Change = fn(&Path);
        let changes: [(Change, &str); 5] = [
            (|dir| std::fs::write(dir.join("rootfs/bin/init"), "abd").expect("written"), "init is not the one"),
            (|dir| std::fs::remove_file(dir.join("rootfs/bin/init")).expect("removed"), "init is missing"),
            (
                |dir| std::fs::write(dir.join("rootfs/ld.so.preload"), "").expect("written"),
                "did not make its file rootfs/ld",
            ),
            (
                |dir| symlink("/bin/sh", dir.join("rootfs/bin/sh")).expect("linked"),
                "did not make its file rootfs/bin/sh",
            ),
            (
                |dir| {
                    std::fs::remove_file(dir.join("rootfs/bin/link")).expect("removed");
                    symlink("/bin/sh", dir.join("rootfs/bin/link")).expect("linked");
                },
                "its link rootfs/bin/link is not",
            ),
        ];
        for (change, why) in changes {
            for noted in [false, true] {
                let (cache, dir) = product();
                if noted {
                    check(&dir, cache.path()).expect("it is as it was built");
                    check(&dir, cache.path()).expect("that was noted");
                }
                change(&dir);
                let e = check(&dir, cache.path()).expect_err("it was changed");
                assert!(e.message.contains(why), "{e}");
            }
        }
    }

    #[test]
    fn the_time_of_a_change_cannot_be_hidden() {
        let (cache, dir) = product();
        check(&dir, cache.path()).expect("it is as it was built");
        let file = dir.join("rootfs/bin/init");
        let before = file.metadata().expect("there").modified().expect("a time");
        std::fs::write(&file, "abd").expect("written");
        File::options().write(true).open(&file).expect("opened").set_modified(before).expect("set back");
        assert!(check(&dir, cache.path()).is_err());
    }

    #[test]
    fn after_the_first_time_nothing_is_read() {
        let (cache, dir) = product();
        check(&dir, cache.path()).expect("it is as it was built");
        let read = |path: &Path| path.metadata().expect("there").atime_nsec();
        let before = read(&dir.join("rootfs/bin/init"));
        check(&dir, cache.path()).expect("noted");
        assert_eq!(read(&dir.join("rootfs/bin/init")), before);
        let note =
            std::fs::read_dir(cache.path().join("checked")).expect("notes").flatten().next().expect("a note").path();
        std::fs::write(&note, "0").expect("written");
        check(&dir, cache.path()).expect("all is read again");
        assert_ne!(std::fs::read(&note).expect("a note"), b"0");
    }
}
