//! Which files are scenarios.

use std::path::{Path, PathBuf};

/// The scenario files below a folder, sorted, or the file itself. What is hidden in a folder is no scenario: editors and file systems
/// put theirs there (`.#a.yaml`, `._a.yaml`).
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
        if entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        if entry.is_dir() && !entry.is_symlink() {
            files.extend(below(&entry)?);
        } else if yaml && !entry.is_dir() {
            files.push(entry);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_no_scenario_unless_it_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at(".git")).expect("made");
        std::fs::write(at(".git/a.yaml"), "").expect("written");
        std::os::unix::fs::symlink("nowhere@host.1", at(".#a.yaml")).expect("a link");
        for name in ["a.yaml", "._a.yaml", ".hidden.yml"] {
            std::fs::write(at(name), "").expect("written");
        }
        assert_eq!(below(folder.path()).expect("a list"), [at("a.yaml")]);
        assert_eq!(below(&at(".hidden.yml")).expect("a list"), [at(".hidden.yml")]);
    }
}
