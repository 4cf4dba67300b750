//! Private folders of runs.

use std::{path::PathBuf, time::Instant};

use futures::future::BoxFuture;

use super::place::{AT_A_START, Left, Place};
use crate::cluster::{
    Owner, folder,
    own::{self, Room},
};

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
            if owner().is_some_and(|owner| owner.dead()) {
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
