//! The sources of what is built, which travel inside this binary, and the hash by which a product of theirs is known.

use include_dir::{Dir, DirEntry, include_dir};
use sha2::{Digest as _, Sha256};

pub(super) static SOURCES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/engine");

/// The hash of those of them whose path counts, 16 hex digits.
pub(super) fn hash_of(counts: impl Fn(&str) -> bool) -> String {
    let mut files = Vec::new();
    collect(&SOURCES, &mut files);
    files.retain(|(path, _)| counts(path));
    files.sort();
    let mut all = Sha256::new();
    for (path, content) in files {
        all.update(format!("{}  ./{path}\n", hex(&Sha256::digest(content))));
    }
    hex(&all.finalize())[..16].to_owned()
}

/// Adds the files of a folder: their paths below the whole, and their content.
pub(super) fn collect(dir: &'static Dir<'static>, into: &mut Vec<(String, &'static [u8])>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect(dir, into),
            DirEntry::File(file) => into.push((file.path().to_string_lossy().replace('\\', "/"), file.contents())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
