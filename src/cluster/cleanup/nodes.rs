//! Nodes of the builtin cluster, which their keepers sweep.

use std::{path::PathBuf, time::Duration};

use futures::future::BoxFuture;

use super::place::{Left, Place};
use crate::{
    cluster::{Settings, engine, own::Room},
    process,
};

/// Nodes of the builtin cluster, which their keepers sweep.
pub(super) struct Nodes {
    pub(super) settings: Settings,
}

/// How long a keeper may take; its own budget is shorter.
const KEEPER: Duration = Duration::from_secs(120);

/// The most that it may say, in bytes.
const MOST_SAID: usize = 16 << 20;

/// One line of `keeper sweep`.
#[derive(serde::Deserialize)]
struct KeeperSaid {
    event: String,
    #[serde(default)]
    dir: PathBuf,
    #[serde(default)]
    left: Vec<String>,
    #[serde(default)]
    message: String,
}

/// Lets the engine's keeper sweep the nodes of dead keepers, or list them, and gives what it said.
///
/// # Errors
/// Why it could not look.
async fn keeper(settings: &Settings, dry_run: bool) -> Result<Vec<KeeperSaid>, String> {
    let Some(room) = Room::find(&settings.nodes()).map_err(|e| e.message)? else { return Ok(vec![]) };
    let names = room.folders().map_err(|e| e.to_string())?;
    if names.is_empty() {
        return Ok(vec![]);
    }
    let Some(engine) = engine::any_checked(&settings.cache).map_err(|e| e.message)? else {
        return Err(format!("{} is there, and no engine that can tell whether it is used", names.join(", ")));
    };
    let mut command = tokio::process::Command::new(engine.join("supervisor"));
    command.args(["keeper", "sweep", "--base"]).arg(room.path());
    if dry_run {
        command.arg("--dry-run");
    }
    let said = process::output(&mut command, None, KEEPER, MOST_SAID).await;
    let said = said.map_err(|e| format!("the engine's keeper {e}"))?;
    let lines = String::from_utf8_lossy(&said.stdout).into_owned();
    let lines: Vec<KeeperSaid> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if let Some(failed) = lines.iter().find(|said| said.event == "failed") {
        return Err(failed.message.clone());
    }
    // It ends with 6 when something stays, of which it tells.
    match said.status.code() {
        Some(0 | 6) => Ok(lines),
        _ => {
            let words = String::from_utf8_lossy(&said.stderr);
            Err(format!("the engine's keeper could not look ({}): {}", said.status, words.trim()))
        }
    }
}

impl Place for Nodes {
    fn name(&self) -> &'static str {
        "nodes of the builtin cluster"
    }

    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>> {
        Box::pin(async {
            let said = keeper(&self.settings, true).await?;
            let dirs = said
                .into_iter()
                .filter(|said| matches!(said.event.as_str(), "found" | "kept"))
                .map(|said| said.dir.display().to_string());
            Ok(dirs.map(|dir| Left { what: format!("node {dir}"), id: dir }).collect())
        })
    }

    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async {
            // It removes all dead ones at once, so the second of them has gone already.
            let said = keeper(&self.settings, false).await?;
            let Some(said) = said.into_iter().find(|said| said.dir.as_os_str() == left.id.as_str()) else {
                return Ok(());
            };
            match (said.event.as_str(), said.left.is_empty()) {
                ("kept", _) => Err(said.message),
                (_, true) => Ok(()),
                (_, false) => Err(said.left.join(", ")),
            }
        })
    }
}
