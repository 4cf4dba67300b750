//! A seal on what a run makes in a cluster of others, so that a sweep removes nothing else.
//!
//! Labels and annotations are no proof: a user who may change an object of that cluster can copy our marks on to it, and an
//! administrator's sweep would remove it for them. So each mark carries a code over the object's kind, place and name, by a
//! key that stays on this machine, in a file that only its user can read. It lives as long as the boot by which dead runs
//! are known.

use std::{
    io,
    sync::{OnceLock, PoisonError, RwLock},
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cluster::{
    ClusterError, Settings,
    own::{Room, lock},
};

/// The key's file, and that of its lock.
const FILES: [&str; 2] = ["seal", "seal.lock"];

/// The key's length, in bytes.
const LENGTH: usize = 32;

/// How long another process may take to write it.
const WITHIN: Duration = Duration::from_secs(5);

type Key = [u8; LENGTH];

/// The key of this process, once it is read.
fn key() -> &'static RwLock<Option<Key>> {
    static KEY: OnceLock<RwLock<Option<Key>>> = OnceLock::new();
    KEY.get_or_init(RwLock::default)
}

/// Reads this user's key, and makes it if there is none.
///
/// # Errors
/// When it can be neither read nor made.
pub fn settle(settings: &Settings) -> Result<(), ClusterError> {
    let room = Room::make(&settings.notes())?;
    let read = || -> io::Result<Key> {
        let bytes = room.read(FILES[0], LENGTH as u64)?;
        bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it has another length"))
    };
    let found = read().or_else(|_| {
        let file = room.lock_file(FILES[1])?;
        lock::within(&file, lock::How::Alone, WITHIN)?;
        read().or_else(|_| {
            room.write(FILES[0], &rand::random::<Key>())?;
            read()
        })
    });
    let found = found.map_err(|e| {
        let path = room.path().join(FILES[0]);
        ClusterError::plain(format!(
            "the key by which what a run makes is known, {}, cannot be used: {e}",
            path.display()
        ))
    })?;
    *key().write().unwrap_or_else(PoisonError::into_inner) = Some(found);
    Ok(())
}

/// The seal for an object that is about to be made; `None` without a key.
pub fn seal_for(run: &str, manifest: &Value, namespace: Option<&str>) -> Option<String> {
    let metadata = &manifest["metadata"];
    let named = metadata["name"].as_str().filter(|name| !name.is_empty());
    let name = named.or_else(|| metadata["generateName"].as_str())?;
    code(run, manifest["kind"].as_str()?, namespace, name, named.is_none())
}

/// Whether an object that is there, of that kind, has the seal that belongs to it.
pub fn holds(run: &str, seal: &str, kind: &str, object: &Value) -> bool {
    let text = |key: &str| object["metadata"][key].as_str().filter(|text| !text.is_empty());
    let Some(name) = text("name") else { return false };
    let is = |name: &str, begins| code(run, kind, text("namespace"), name, begins).is_some_and(|code| code == seal);
    is(name, false) || text("generateName").is_some_and(|prefix| name.starts_with(prefix) && is(prefix, true))
}

fn code(run: &str, kind: &str, namespace: Option<&str>, name: &str, begins: bool) -> Option<String> {
    let key = (*key().read().unwrap_or_else(PoisonError::into_inner))?;
    let said = json!([run, kind, namespace, name, begins]).to_string();
    let within = |bytes: &[u8]| Sha256::new().chain_update(key).chain_update(bytes).finalize();
    let code = within(&within(said.as_bytes()));
    Some(code.iter().take(16).fold(String::new(), |all, byte| format!("{all}{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_seal_is_for_one_object_of_one_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings::in_folders(PathBuf::new(), folder.path().join("base"));
        settle(&settings).expect("a key");
        let object =
            |name: &str, namespace: &str| json!({"kind": "Role", "metadata": {"name": name, "namespace": namespace}});
        let seal = seal_for("r", &object("a", "n"), Some("n")).expect("a seal");
        assert!(holds("r", &seal, "Role", &object("a", "n")));
        for (run, kind, object) in [
            ("s", "Role", object("a", "n")),
            ("r", "RoleBinding", object("a", "n")),
            ("r", "Role", object("b", "n")),
            ("r", "Role", object("a", "m")),
            ("r", "Role", json!({"metadata": {"name": "a"}})),
            ("r", "Role", json!({"metadata": {"name": "ab", "namespace": "n", "generateName": "a"}})),
        ] {
            assert!(!holds(run, &seal, kind, &object), "{run} {kind} {object}");
        }
        let seal =
            seal_for("r", &json!({"kind": "Role", "metadata": {"generateName": "g-"}}), Some("n")).expect("a seal");
        let made = |name: &str| json!({"metadata": {"name": name, "namespace": "n", "generateName": "g-"}});
        assert!(holds("r", &seal, "Role", &made("g-x1")) && !holds("r", &seal, "Role", &made("production")));
        // The same key the next time.
        let before = *key().read().expect("a key");
        settle(&settings).expect("a key");
        assert_eq!(*key().read().expect("a key"), before);
    }
}
