//! Which files are scenarios.

use std::path::{Path, PathBuf};

/// The scenario files below a folder, sorted, or the file itself.
///
/// # Errors
/// When a folder cannot be read.
pub fn below(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        let yaml = entry.extension().is_some_and(|end| end == "yaml" || end == "yml");
        // A link to a folder could lead in a circle.
        if entry.file_name().is_some_and(|name| name == "manifests") {
            continue; // what scenarios name by `file`
        }
        if entry.is_dir() && !entry.is_symlink() {
            files.extend(below(&entry)?);
        } else if yaml && !entry.is_dir() {
            files.push(entry);
        }
    }
    Ok(files)
}
