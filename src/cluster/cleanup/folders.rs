//! Private folders of runs.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;

use super::place::{AT_A_START, Left, Place};
use crate::cluster::{
    Owner, folder,
    own::{self, Room},
};

/// A folder of a run has its owner within that time.
const HALF_MADE: Duration = Duration::from_secs(60);

/// Private folders with a kubeconfig.
pub(super) struct Folders {
    pub(super) room: PathBuf,
}

impl Folders {
    fn look(&self) -> Result<Vec<Left>, String> {
        let Some(room) = Room::find(&self.room).map_err(|e| e.message)? else { return Ok(vec![]) };
        let mut dead = Vec::new();
        for name in room.folders().map_err(|e| e.to_string())? {
            // The name says which run it is; a folder that says another is not believed.
            let Some(run) = name.strip_prefix(folder::PREFIX) else { continue };
            let owner = || {
                let text = room.open(&name).ok()?.read(folder::OWNER, own::MOST).ok()?;
                serde_json::from_slice::<Owner>(&text).ok().filter(|owner| owner.run == run)
            };
            // One without an owner was half removed, or half made; that takes less.
            let ownerless = || room.age(&name).is_some_and(|age| age > HALF_MADE);
            if owner().map_or_else(ownerless, |owner| owner.dead()) {
                dead.push(Left { what: format!("folder {}", room.path().join(&name).display()), id: name });
            }
        }
        Ok(dead)
    }
}

impl Place for Folders {
    fn name(&self) -> &'static str {
        "folders of runs"
    }

    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>> {
        Box::pin(std::future::ready(self.look()))
    }

    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>> {
        let removed = match Room::find(&self.room) {
            Ok(Some(room)) => room.remove(&left.id, Instant::now() + AT_A_START).map_err(|e| e.to_string()),
            Ok(None) => Ok(()),
            Err(e) => Err(e.message),
        };
        Box::pin(std::future::ready(removed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_half_removed_is_found_once_it_cannot_be_half_made() {
        let temp = tempfile::tempdir().expect("a folder");
        let room = temp.path().join("base/runs");
        Room::make(&room).expect("a room");
        let half = room.join(format!("{}abc", folder::PREFIX));
        std::fs::create_dir(&half).expect("made");
        std::fs::set_permissions(&half, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("changed");
        let folders = Folders { room };
        assert_eq!(folders.look().expect("looked").len(), 0, "it may be half made");
        let touched = std::process::Command::new("touch").args(["-d", "2 minutes ago"]).arg(&half).status();
        assert!(touched.expect("it starts").success());
        assert_eq!(folders.look().expect("looked").len(), 1);
    }
}
