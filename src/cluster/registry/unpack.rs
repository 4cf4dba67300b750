//! From a gzipped layer to files below an open folder. Each step of a path is opened without following a link, so nothing of a
//! layer can come to lie elsewhere, whatever it holds and whichever other process is at work there.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write as _},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use flate2::read::GzDecoder;
use futures::StreamExt as _;
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags},
    io::Errno,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio_tar::{Archive, EntryType};

use super::fault::Fault;

/// What is for the host has this before its path; all else is the node's.
const HOST: &str = "usr/lib/kubewalk/engine/";

/// Where the node's files are in an engine's folder.
const NODE: &str = "rootfs";

/// The most that all layers together may hold.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Bytes of files.
    pub bytes: u64,
    /// Files, folders and links.
    pub entries: u64,
}

/// An engine has 600 MB in some thousand files.
pub const MOST: Most = Most { bytes: 4 << 30, entries: 100_000 };

/// Deeper than any file of an engine.
const DEEPEST: usize = 40;

/// What is written into, and what has been.
#[derive(Debug)]
pub struct Target<'a> {
    /// The engine's folder.
    pub folder: &'a OwnedFd,
    /// Its name, for people.
    pub place: &'a str,
    /// What is left of the most.
    pub left: Most,
    /// No caller waits for it any more.
    pub given_up: &'a AtomicBool,
}

/// Unpacks a layer whose sum is right. Blocks; call it where that is allowed.
pub fn layer(gzipped: File, target: &mut Target<'_>) -> Result<(), Fault> {
    // The reader gives what it has at once and never waits, so nothing but this thread is needed.
    futures::executor::block_on(async {
        let decoder = GzDecoder::new(io::BufReader::with_capacity(256 << 10, gzipped));
        let bounded = Now(decoder.take(target.left.bytes.saturating_add(1 << 30)));
        let mut archive = Archive::new(tokio::io::BufReader::with_capacity(256 << 10, bounded));
        let unreadable = |e: io::Error| Fault::Malformed { what: "a layer".into(), why: e.to_string() };
        let mut entries = archive.entries().map_err(unreadable)?;
        let mut chunk = vec![0; 256 << 10];
        while let Some(entry) = entries.next().await {
            let mut entry = entry.map_err(unreadable)?;
            target.count(1, 0)?;
            let path = entry.path_bytes().map_err(unreadable)?.into_owned();
            let Some(parts) = place(&path)? else { continue };
            let (kind, mode) = (entry.header().entry_type(), entry.header().mode().map_err(unreadable)?);
            // No program uses what others could write; a program that changes its user has no business in a node.
            let mode = Mode::from_raw_mode((mode & 0o755) as _);
            let at = |e| target.failed(&path, e);
            let (folder, name) = target.open(&parts).map_err(at)?;
            match kind {
                EntryType::Directory => make_folder(&folder, &name, mode).map_err(at)?,
                EntryType::Regular | EntryType::Continuous => {
                    let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let made = rustix::fs::openat(&folder, &name, how, Mode::RUSR | Mode::WUSR);
                    let mut file = File::from(made.map_err(at)?);
                    loop {
                        let read = entry.read(&mut chunk).await.map_err(unreadable)?;
                        if read == 0 {
                            break;
                        }
                        target.count(0, read as u64)?;
                        file.write_all(&chunk[..read]).map_err(|error| target.disk(error))?;
                    }
                    rustix::fs::fchmod(&file, mode).map_err(|e| target.disk(e.into()))?;
                }
                EntryType::Symlink => {
                    let to = entry.link_name_bytes().map_err(unreadable)?.unwrap_or_default().into_owned();
                    rustix::fs::symlinkat(OsStr::from_bytes(&to), &folder, &name).map_err(at)?;
                }
                other => {
                    return Err(Fault::Unsafe(format!("`{}` in it is {}", shown(&path), what(other))));
                }
            }
        }
        Ok(())
    })
}

impl Target<'_> {
    /// Counts what comes; also looks whether a caller still waits for it.
    fn count(&mut self, entries: u64, bytes: u64) -> Result<(), Fault> {
        let most = |most, unit| Fault::TooMuch { what: "what is unpacked".into(), most, unit };
        self.left.entries = self.left.entries.checked_sub(entries).ok_or_else(|| most(MOST.entries, "files"))?;
        self.left.bytes = self.left.bytes.checked_sub(bytes).ok_or_else(|| most(MOST.bytes, "bytes"))?;
        if self.given_up.load(Ordering::Relaxed) {
            return Err(self.disk(io::Error::other("nobody waits for it any more")));
        }
        Ok(())
    }

    /// The folder of a path, opened step by step, which is made where a layer has left it out; and the last name.
    fn open(&self, parts: &[OsString]) -> Result<(OwnedFd, OsString), Errno> {
        let (name, folders) = parts.split_last().ok_or(Errno::INVAL)?;
        let mut at = self.folder.try_clone().map_err(|_| Errno::MFILE)?;
        for folder in folders {
            at = match open(&at, folder) {
                Err(Errno::NOENT) => {
                    make_folder(&at, folder, Mode::from_raw_mode(0o755))?;
                    open(&at, folder)?
                }
                other => other?,
            };
        }
        Ok((at, name.clone()))
    }

    /// What it means that one entry could not be made: the layer's fault, or the disk's.
    fn failed(&self, path: &[u8], error: Errno) -> Fault {
        let unsafe_because = |why: &str| Fault::Unsafe(format!("`{}` in it {why}", shown(path)));
        match error {
            Errno::LOOP | Errno::NOTDIR => unsafe_because("leads through a link or a file"),
            Errno::EXIST => unsafe_because("is there twice"),
            Errno::INVAL | Errno::NAMETOOLONG => unsafe_because("has a name that no file can have"),
            other => self.disk(other.into()),
        }
    }

    fn disk(&self, error: io::Error) -> Fault {
        Fault::Disk { place: self.place.to_owned(), error }
    }
}

fn open(at: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, how, Mode::empty())
}

/// Makes a folder, or gives one that is there its mode.
fn make_folder(at: &OwnedFd, name: &OsStr, mode: Mode) -> Result<(), Errno> {
    match rustix::fs::mkdirat(at, name, Mode::RWXU) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                return Err(Errno::EXIST);
            }
        }
        Err(other) => return Err(other),
    }
    rustix::fs::fchmod(open(at, name)?, mode | Mode::RWXU)
}

/// Where in an engine's folder a path of a layer belongs; `None` for the layer's own root.
fn place(path: &[u8]) -> Result<Option<Vec<OsString>>, Fault> {
    let refuse = |why: &str| Fault::Unsafe(format!("`{}` in it {why}", shown(path)));
    let path_in = path.strip_prefix(b"./").unwrap_or(path);
    if path_in.starts_with(b"/") {
        return Err(refuse("is an absolute path"));
    }
    let (before, rest) = match path_in.strip_prefix(HOST.as_bytes()) {
        Some(rest) => (None, rest),
        None => (Some(OsString::from(NODE)), path_in),
    };
    let mut parts: Vec<OsString> = before.into_iter().collect();
    for part in rest.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(refuse("leads out of its folder")),
            part if part.starts_with(b".wh.") => return Err(refuse("removes a file of another layer")),
            part if part.contains(&0) => return Err(refuse("has a name that no file can have")),
            part => parts.push(OsStr::from_bytes(part).to_owned()),
        }
    }
    let empty = rest.iter().all(|byte| matches!(byte, b'/' | b'.'));
    match parts.len() {
        _ if empty => Ok(None),
        deep if deep > DEEPEST => Err(refuse("is too deep")),
        _ => Ok(Some(parts)),
    }
}

fn what(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "a second name of a file",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        _ => "neither a file nor a folder nor a link",
    }
}

/// A path that a layer names, for people.
fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().take(200).collect::<String>().escape_debug().to_string()
}

/// A reader that never waits.
struct Now<R>(R);

impl<R: Read + Unpin> AsyncRead for Now<R> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.0.read(into.initialize_unfilled())?;
        into.advance(read);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Seek as _, os::unix::fs::PermissionsExt as _, path::Path};

    use flate2::{Compression, write::GzEncoder};
    use rstest::rstest;
    use tokio_tar::Header;

    use super::*;

    type Entry<'a> = (&'a str, EntryType, &'a str);
    const FILE: EntryType = EntryType::Regular;
    const LINK: EntryType = EntryType::Symlink;

    /// A layer, with names as they are given, which a library that packs would refuse.
    fn packed(entries: &[Entry<'_>]) -> File {
        let mut tar = Vec::new();
        for (path, kind, content) in entries {
            let mut header = Header::new_gnu();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o4777);
            let is_file = *kind == FILE;
            if !is_file {
                header.as_mut_bytes()[157..157 + content.len()].copy_from_slice(content.as_bytes());
            }
            let content = if is_file { content.as_bytes() } else { &[] };
            header.set_size(content.len() as u64);
            header.set_cksum();
            tar.extend_from_slice(header.as_bytes());
            tar.extend_from_slice(content);
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
        tar.resize(tar.len() + 1024, 0);
        let mut gzip = GzEncoder::new(tempfile::tempfile().expect("a file"), Compression::fast());
        gzip.write_all(&tar).expect("packed");
        let mut file = gzip.finish().expect("packed");
        file.rewind().expect("rewound");
        file
    }

    fn unpacked(entries: &[Entry<'_>], into: &Path, left: Most) -> Result<(), Fault> {
        let folder: OwnedFd = File::open(into).expect("a folder").into();
        let given_up = AtomicBool::new(false);
        layer(packed(entries), &mut Target { folder: &folder, place: "/cache", left, given_up: &given_up })
    }

    #[test]
    fn what_is_the_nodes_and_what_is_the_hosts_come_apart() {
        let temp = tempfile::tempdir().expect("a folder");
        let entries = [
            ("usr/bin/tool", FILE, "abc"),
            ("./usr/", EntryType::Directory, ""),
            ("bin", LINK, "/usr/bin"),
            ("usr/lib/kubewalk/engine/images/curl.tar", FILE, "tar"),
        ];
        unpacked(&entries, temp.path(), MOST).expect("it is sound");
        let at = |path: &str| temp.path().join(path);
        assert_eq!(std::fs::read(at("rootfs/usr/bin/tool")).expect("there"), b"abc");
        assert_eq!(std::fs::read(at("images/curl.tar")).expect("there"), b"tar");
        assert_eq!(std::fs::read_link(at("rootfs/bin")).expect("a link"), Path::new("/usr/bin"));
        let mode = |path: &str| at(path).metadata().expect("there").permissions().mode() & 0o7777;
        assert_eq!(
            (mode("rootfs/usr/bin/tool"), mode("rootfs/usr")),
            (0o755, 0o755),
            "no user is changed, no other writes"
        );
    }

    #[rstest]
    #[case(&[("../escaped", FILE, "x")], "leads out of its folder")]
    #[case(&[("usr/../../../escaped", FILE, "x")], "leads out of its folder")]
    #[case(&[("/escaped", FILE, "x")], "is an absolute path")]
    #[case(&[("out", LINK, "OUTSIDE"), ("out/escaped", FILE, "x")], "leads through a link or a file")]
    #[case(&[("out", LINK, "OUTSIDE"), ("out/", EntryType::Directory, "")], "is there twice")]
    #[case(&[("out", LINK, "OUTSIDE/escaped"), ("out", FILE, "x")], "is there twice")]
    #[case(&[("a", FILE, "x"), ("a/b", FILE, "x")], "leads through a link or a file")]
    #[case(&[("shadow", EntryType::Link, "/etc/shadow")], "is a second name of a file")]
    #[case(&[("disk", EntryType::Block, "")], "is a device")]
    #[case(&[("pipe", EntryType::Fifo, "")], "is a pipe")]
    #[case(&[(".wh.tool", FILE, "")], "removes a file of another layer")]
    fn nothing_of_a_layer_leaves_its_folder(#[case] entries: &[Entry<'_>], #[case] why: &str) {
        let temp = tempfile::tempdir().expect("a folder");
        let (inside, outside) = (temp.path().join("inside"), temp.path().join("outside"));
        std::fs::create_dir(&inside).and_then(|()| std::fs::create_dir(&outside)).expect("made");
        let place = outside.to_str().expect("a path").to_owned();
        let texts: Vec<String> = entries.iter().map(|(_, _, content)| content.replace("OUTSIDE", &place)).collect();
        let entries: Vec<Entry<'_>> =
            entries.iter().zip(&texts).map(|((path, kind, _), text)| (*path, *kind, text.as_str())).collect();
        let e = unpacked(&entries, &inside, MOST).expect_err("it is refused");
        assert!(e.class() == "unsafe" && e.to_string().contains(why), "{e}");
        assert_eq!(std::fs::read_dir(&outside).expect("read").count(), 0);
        assert_eq!(std::fs::read_dir(temp.path()).expect("read").count(), 2);
    }

    #[test]
    fn more_than_an_engine_has_is_not_unpacked() {
        let temp = tempfile::tempdir().expect("a folder");
        let big = "x".repeat(1000);
        let entries = [("a", FILE, big.as_str())];
        let e = unpacked(&entries, temp.path(), Most { bytes: 999, ..MOST }).expect_err("too many bytes");
        assert_eq!(e.class(), "too-much");
        let temp = tempfile::tempdir().expect("a folder");
        let entries = [("a", FILE, ""), ("b", FILE, "")];
        let e = unpacked(&entries, temp.path(), Most { entries: 1, ..MOST }).expect_err("too many files");
        assert_eq!(e.class(), "too-much");
    }

    #[test]
    fn a_layer_that_ends_early_or_is_none_is_said() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder: OwnedFd = File::open(temp.path()).expect("a folder").into();
        let given_up = AtomicBool::new(false);
        let mut target = Target { folder: &folder, place: "/cache", left: MOST, given_up: &given_up };
        let cut = packed(&[("a", FILE, &"x".repeat(9000))]);
        cut.set_len(cut.metadata().expect("there").len() / 2).expect("cut");
        assert_eq!(layer(cut, &mut target).expect_err("cut").class(), "malformed");
        let mut none = tempfile::tempfile().expect("a file");
        none.write_all(b"<html>").and_then(|()| none.rewind()).expect("written");
        assert_eq!(layer(none, &mut target).expect_err("none").class(), "malformed");
    }
}
