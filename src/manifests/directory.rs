//! A folder of manifests, as `kubectl apply -f DIR` reads it: its own files, and not those of the folders below.

use std::{path::Path, sync::Arc};

use super::{
    kustomize::NAMES,
    shared::{Failed, Loaded, named},
};
use crate::scenario::{
    beside::{self, MAX_BYTES},
    open::{Root, Unopened},
};

/// The most entries of a folder, and the most bytes of all its manifests.
const MOST_ENTRIES: usize = 2000;

/// The endings that kubectl takes for manifests.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Reads all of them, in the order of their names.
///
/// # Errors
/// That it is no folder of the project, has none, or one of them cannot be read.
pub fn load(root: &Root, folder: &Path, name: &str) -> Result<Loaded, Failed> {
    let wrong = |message: String, hint: &str| Failed::Named("dir", message, hint.to_owned());
    let found = beside::named(root, folder, name).map_err(|why| named("dir", why))?;
    let names = root.list(&found.inside, MOST_ENTRIES).map_err(|why| match why {
        Unopened::TooBig(_) => wrong(format!("`{name}` has more than {MOST_ENTRIES} entries"), "name the files"),
        Unopened::Cannot(e) if e.kind() == std::io::ErrorKind::NotADirectory => {
            wrong(format!("`{name}` is no folder"), "for one file, write `file` instead of `dir`")
        }
        why => named("dir", beside::unread(name, &why)),
    })?;
    let (mut parts, mut bytes): (Vec<Arc<beside::Beside>>, usize) = (Vec::new(), 0);
    for (entry, is_folder) in names {
        // It says how the others are put together, and is none itself.
        if NAMES.contains(&entry.as_str()) {
            continue;
        }
        if is_folder || !ENDINGS.iter().any(|ending| entry.ends_with(ending)) {
            continue;
        }
        let shown = found.shown.join(&entry);
        let inside =
            root.inside(&shown).map_err(|why| named("dir", beside::unread(&format!("{name}/{entry}"), &why)))?;
        let content = match root.read(&inside, MAX_BYTES as u64) {
            // A link to a folder is one, whatever it is called.
            Err(Unopened::Folder) => continue,
            content => content.map_err(|why| named("dir", beside::unread(&format!("{name}/{entry}"), &why)))?,
        };
        bytes += content.len();
        if bytes > MAX_BYTES {
            return Err(wrong(
                format!("the manifests in `{name}` have more than {} MiB", MAX_BYTES >> 20),
                "split them",
            ));
        }
        crate::redact::secrets::learn(&content);
        parts.push(Arc::new(beside::documents(shown, &content).map_err(|why| named("dir", why))?));
    }
    if parts.is_empty() {
        let hint = "it reads `*.yaml`, `*.yml` and `*.json` in the folder itself, as `kubectl apply -f` does";
        return Err(wrong(format!("`{name}` has no manifests"), hint));
    }
    let read = parts.iter().map(|part| part.source.path.clone()).collect();
    Ok(Loaded { parts, by: None, path: found.shown, read, hooks: vec![] })
}
