//! What runs that were killed have left, and its removal: only what is ours, and only what is dead for sure.
//!
//! Nearly all goes by itself, however a run ends. This is for the rest: a container whose run was killed in the moment between
//! its start and the line that holds it, or whose machine lost power. Each kind of thing is one [`Place`].

use std::{collections::HashMap, path::PathBuf};

use futures::future::BoxFuture;
use testcontainers::bollard::{
    Docker,
    errors::Error,
    query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
};

use super::{
    Daemon, Owner, Progress, Settings,
    daemon::{on, runtime},
    engine, folder,
    owner::LABEL,
};

/// Something that a dead run has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// For people: `container kubewalk-0123456789`.
    pub what: String,
    /// For its place.
    pub id: String,
}

/// Where runs may leave things of one kind.
pub trait Place: Send + Sync {
    /// What it is, for people: `containers in Docker`.
    fn what(&self) -> String;

    /// What of dead runs is there, or why it could not be looked at. A place that does not exist here holds nothing.
    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>>;

    /// Removes one of them; that it has gone meanwhile is fine.
    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>>;
}

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// What was removed, or would be.
    pub removed: Vec<String>,
    /// What could not be removed, and why.
    pub kept: Vec<String>,
    /// Where it looked.
    pub looked: Vec<String>,
    /// Where it could not look, and why.
    pub unseen: Vec<String>,
}

/// All places of this machine.
pub fn places(settings: &Settings, docker: Option<&Daemon>) -> Vec<Box<dyn Place>> {
    let mut places = in_docker(settings, docker);
    places.push(Box::new(Nodes { settings: settings.clone() }));
    places
}

/// Where runs in Docker leave things.
fn in_docker(settings: &Settings, docker: Option<&Daemon>) -> Vec<Box<dyn Place>> {
    let mut places: Vec<Box<dyn Place>> = vec![Box::new(Folders { temp: settings.temp.clone() })];
    if let Some(daemon) = docker {
        places.insert(0, Box::new(Containers { client: daemon.client.clone() }));
        places.push(Box::new(super::kind::Clusters { client: daemon.client.clone() }));
    }
    places
}

/// Removes what is in some places, or only says what would be removed.
pub async fn sweep(places: &[Box<dyn Place>], dry_run: bool) -> Swept {
    let mut swept = Swept::default();
    for place in places {
        let found = match place.find().await {
            Ok(found) => found,
            Err(why) => {
                swept.unseen.push(format!("{}: {why}", place.what()));
                continue;
            }
        };
        swept.looked.push(place.what());
        for left in found {
            match if dry_run { Ok(()) } else { place.remove(&left).await } {
                Ok(()) => swept.removed.push(left.what),
                Err(e) => swept.kept.push(format!("{}: {e}", left.what)),
            }
        }
    }
    swept
}

/// What a run in Docker does at its start.
pub async fn before_a_run(settings: &Settings, daemon: &Daemon, progress: &mut (dyn FnMut(Progress) + Send)) {
    let swept = sweep(&in_docker(settings, Some(daemon)), false).await;
    for what in swept.removed {
        progress(Progress::Note(format!("removed {what}, left by a run that was killed")));
    }
    for why in swept.kept {
        progress(Progress::Note(format!("could not remove {why}")));
    }
    for why in swept.unseen {
        progress(Progress::Note(format!("could not look for what killed runs have left: {why}")));
    }
}

/// Containers with our labels.
struct Containers {
    client: Docker,
}

impl Place for Containers {
    fn what(&self) -> String {
        "containers in Docker".into()
    }

    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>> {
        let client = self.client.clone();
        Box::pin(on(async move {
            let mut dead = Vec::new();
            for container in labelled(&client, "run").await.map_err(|e| e.to_string())? {
                let labels = container.labels.unwrap_or_default();
                let owner = Owner::from_labels(|name| labels.get(name));
                if let (Some(id), true) = (container.id, owner.as_ref().is_some_and(Owner::dead)) {
                    let names = container.names.unwrap_or_default();
                    let name = names.first().map_or(id.as_str(), |name| name.trim_start_matches('/'));
                    dead.push(Left { what: format!("container {name}"), id });
                }
            }
            Ok(dead)
        }))
    }

    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>> {
        let (client, id) = (self.client.clone(), left.id.clone());
        Box::pin(on(async move { remove(&client, &id).await.map_err(|e| e.to_string()) }))
    }
}

/// The containers with one of our labels: `run`, or `run=0123456789`.
async fn labelled(
    client: &Docker,
    label: &str,
) -> Result<Vec<testcontainers::bollard::models::ContainerSummary>, Error> {
    let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}{label}")])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    client.list_containers(Some(options)).await
}

pub(super) async fn remove(client: &Docker, id: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match client.remove_container(id, Some(options)).await {
        // It has gone, or is going.
        Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        other => other,
    }
}

/// Removes what a run of this process has begun in Docker.
pub(super) async fn remove_run(client: &Docker, run: &str) {
    for container in labelled(client, &format!("run={run}")).await.unwrap_or_default() {
        if let Some(id) = container.id {
            let _ = remove(client, &id).await;
        }
    }
}

/// Private folders with a kubeconfig.
struct Folders {
    temp: PathBuf,
}

impl Place for Folders {
    fn what(&self) -> String {
        format!("folders in {}", self.temp.display())
    }

    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>> {
        let mut dead = Vec::new();
        let entries = match std::fs::read_dir(&self.temp) {
            Ok(entries) => Some(entries),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Box::pin(std::future::ready(Err(e.to_string()))),
        };
        for entry in entries.into_iter().flatten().flatten() {
            let path = entry.path();
            let ours = entry.file_name().to_string_lossy().starts_with(folder::PREFIX);
            let owner = || serde_json::from_slice::<Owner>(&std::fs::read(path.join(folder::OWNER)).ok()?).ok();
            if ours && owner().is_some_and(|owner| owner.dead()) {
                dead.push(Left { what: format!("folder {}", path.display()), id: path.display().to_string() });
            }
        }
        Box::pin(std::future::ready(Ok(dead)))
    }

    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>> {
        let removed = match std::fs::remove_dir_all(&left.id) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.to_string()),
            _ => Ok(()),
        };
        Box::pin(std::future::ready(removed))
    }
}

/// Nodes of the builtin cluster, which their keepers sweep.
struct Nodes {
    settings: Settings,
}

/// One line of `keeper sweep`.
#[derive(serde::Deserialize)]
struct KeeperSaid {
    event: String,
    dir: PathBuf,
    #[serde(default)]
    left: Vec<String>,
}

impl Nodes {
    /// Lets the engine's keeper sweep, or list, all or one.
    async fn keeper(&self, more: &[&str]) -> Result<Vec<KeeperSaid>, String> {
        let Some(engine) = engine::built(&self.settings.cache) else { return Ok(vec![]) };
        let mut command = std::process::Command::new(engine.join("supervisor"));
        command.args(["keeper", "sweep", "--base"]).arg(&self.settings.temp).args(more);
        let said = runtime().spawn_blocking(move || command.output()).await.map_err(|e| e.to_string())?;
        let said = said.map_err(|e| e.to_string())?;
        let lines = String::from_utf8_lossy(&said.stdout).into_owned();
        if !said.status.success() && lines.trim().is_empty() {
            let words = String::from_utf8_lossy(&said.stderr).lines().last().unwrap_or_default().to_owned();
            return Err(format!("the engine's keeper ended with {}: {words}", said.status));
        }
        Ok(lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

impl Place for Nodes {
    fn what(&self) -> String {
        "nodes of the builtin cluster".into()
    }

    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>> {
        Box::pin(async {
            let said = self.keeper(&["--dry-run"]).await?;
            let dirs = said.into_iter().filter(|said| said.event == "found").map(|said| said.dir.display().to_string());
            Ok(dirs.map(|dir| Left { what: format!("node {dir}"), id: dir }).collect())
        })
    }

    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async {
            // It removes all dead ones at once, so the second of them has gone already.
            let said = self.keeper(&[]).await?;
            let of =
                said.into_iter().find(|said| said.dir.as_os_str() == left.id.as_str()).map_or(vec![], |said| said.left);
            if of.is_empty() { Ok(()) } else { Err(of.join(", ")) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_folders_of_dead_runs_go() {
        let temp = tempfile::tempdir().expect("a folder");
        let make = |name: &str, owner: Option<Owner>| {
            let dir = temp.path().join(name);
            std::fs::create_dir(&dir).expect("made");
            if let Some(owner) = owner {
                std::fs::write(dir.join(folder::OWNER), serde_json::to_string(&owner).expect("JSON")).expect("written");
            }
        };
        make("kubewalk-run-dead", Some(Owner { start: "1".into(), ..Owner::new() }));
        make("kubewalk-run-alive", Some(Owner::new()));
        make("kubewalk-run-elsewhere", Some(Owner { boot: "other".into(), ..Owner::new() }));
        make("kubewalk-run-nobodys", None);
        make("other", Some(Owner { start: "1".into(), ..Owner::new() }));
        let places: Vec<Box<dyn Place>> = vec![Box::new(Folders { temp: temp.path().into() })];
        let dead = vec![format!("folder {}", temp.path().join("kubewalk-run-dead").display())];
        let only_said = sweep(&places, true).await;
        let looked = vec![format!("folders in {}", temp.path().display())];
        assert_eq!(only_said, Swept { removed: dead.clone(), looked: looked.clone(), ..Swept::default() });
        assert_eq!(sweep(&places, false).await, only_said);
        assert_eq!(sweep(&places, false).await, Swept { looked, ..Swept::default() });
        assert_eq!(std::fs::read_dir(temp.path()).expect("it can be read").count(), 4);
    }
}
