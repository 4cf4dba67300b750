//! What runs that were killed have left, and its removal: only what is ours, and only what is dead for sure.
//!
//! Nearly all goes by itself, however a run ends. This is for the rest: a container whose run was killed in the moment between
//! its start and the line that holds it, or whose machine lost power. Each kind of thing is one [`Place`].

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use testcontainers::bollard::{
    Docker,
    errors::Error,
    query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
};

use crate::cluster::{
    Daemon, Owner, Progress, Settings,
    daemon::on,
    engine, folder,
    own::{self, Room},
    owner::LABEL,
};
use crate::process;

/// How long the look of a run at its start may take, and what it removes then. The rest waits for a later run.
pub const AT_A_START: Duration = Duration::from_secs(5);

/// How long a sweep that was asked for may take.
const ASKED: Duration = Duration::from_secs(60);

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
    /// What is looked for, for people: `containers in Docker`.
    fn name(&self) -> &'static str;

    /// What of dead runs is there. A place that does not exist here holds nothing; one that cannot be looked at is an error.
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
    /// What could not be looked at, and why.
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
    let mut places: Vec<Box<dyn Place>> = vec![Box::new(Folders { room: settings.runs() })];
    if let Some(daemon) = docker {
        places.insert(0, Box::new(Containers { client: daemon.client.clone() }));
        places.push(Box::new(crate::cluster::kind::Clusters { client: daemon.client.clone() }));
    }
    places
}

/// Removes what is in some places, or only says what would be removed, within a minute.
pub async fn sweep(places: &[Box<dyn Place>], dry_run: bool) -> Swept {
    sweep_within(places, dry_run, ASKED).await
}

/// The same within another time. What is not looked at, or not removed by then, is told.
pub async fn sweep_within(places: &[Box<dyn Place>], dry_run: bool, time: Duration) -> Swept {
    let until = tokio::time::Instant::now() + time;
    let late = |_| Err(format!("not done within {} s", time.as_secs()));
    let mut swept = Swept::default();
    for place in places {
        let found = match tokio::time::timeout_at(until, place.find()).await.unwrap_or_else(late) {
            Ok(found) => found,
            Err(e) => {
                swept.unseen.push(format!("{}: {e}", place.name()));
                continue;
            }
        };
        swept.looked.push(place.name().to_owned());
        for left in found {
            let late = |_| Err(format!("not done within {} s", time.as_secs()));
            let removed = async { if dry_run { Ok(()) } else { place.remove(&left).await } };
            match tokio::time::timeout_at(until, removed).await.unwrap_or_else(late) {
                Ok(()) => swept.removed.push(left.what),
                Err(e) => swept.kept.push(format!("{}: {e}", left.what)),
            }
        }
    }
    swept
}

/// What a run in Docker does at its start.
pub async fn before_a_run(settings: &Settings, daemon: &Daemon, progress: &mut (dyn FnMut(Progress) + Send)) {
    let swept = sweep_within(&in_docker(settings, Some(daemon)), false, AT_A_START).await;
    for what in swept.removed {
        progress(Progress::Note(format!("removed {what}, left by a run that was killed")));
    }
    for why in swept.kept {
        progress(Progress::Note(format!("could not remove {why}")));
    }
    for why in swept.unseen {
        progress(Progress::Note(format!("could not look for what killed runs left: {why}")));
    }
}

/// Containers with our labels.
struct Containers {
    client: Docker,
}

impl Place for Containers {
    fn name(&self) -> &'static str {
        "containers in Docker"
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

pub(in crate::cluster) async fn remove(client: &Docker, id: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match client.remove_container(id, Some(options)).await {
        // It has gone, or is going.
        Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        other => other,
    }
}

/// Removes what a run of this process has begun in Docker.
pub(in crate::cluster) async fn remove_run(client: &Docker, run: &str) {
    for container in labelled(client, &format!("run={run}")).await.unwrap_or_default() {
        if let Some(id) = container.id {
            let _ = remove(client, &id).await;
        }
    }
}

/// Private folders with a kubeconfig.
struct Folders {
    room: PathBuf,
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

/// Nodes of the builtin cluster, which their keepers sweep.
struct Nodes {
    settings: Settings,
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
    let Some(engine) = engine::checked(&settings.cache).map_err(|e| e.message)? else {
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

/// Removes what keepers that were killed have left in this machine, and says what was removed and what stays.
pub(in crate::cluster) async fn nodes(settings: &Settings) -> Swept {
    sweep_within(&[Box::new(Nodes { settings: settings.clone() })], false, AT_A_START).await
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::DirBuilderExt as _;

    use super::*;

    #[tokio::test]
    async fn only_folders_of_dead_runs_go() {
        let temp = tempfile::tempdir().expect("a folder");
        let path = temp.path().join("base/runs");
        let places: Vec<Box<dyn Place>> = vec![Box::new(Folders { room: path.clone() })];
        let nothing = Swept { looked: vec!["folders of runs".into()], ..Swept::default() };
        assert_eq!(sweep(&places, false).await, nothing, "there is no such room");
        let room = Room::make(&path).expect("made");
        let make = |name: &str, owner: Option<Owner>| {
            let dir = path.join(name);
            std::fs::DirBuilder::new().mode(0o700).create(&dir).expect("made");
            if let Some(owner) = owner {
                let text = serde_json::to_vec(&owner).expect("JSON");
                room.open(name).expect("opened").write(folder::OWNER, &text).expect("written");
            }
        };
        let dead = |run: &str| Some(Owner { run: run.into(), start: "1".into(), ..Owner::new() });
        make("kubewalk-run-dead", dead("dead"));
        make("kubewalk-run-renamed", dead("another"));
        make("kubewalk-run-alive", Some(Owner { run: "alive".into(), ..Owner::new() }));
        make("kubewalk-run-elsewhere", Some(Owner { run: "elsewhere".into(), boot: "other".into(), ..Owner::new() }));
        make("kubewalk-run-nobodys", None);
        make("other", dead("other"));
        let outside = temp.path().join("kubewalk-run-linked");
        std::fs::rename(path.join("other"), &outside).expect("moved");
        std::os::unix::fs::symlink(&outside, path.join("kubewalk-run-linked")).expect("linked");
        let fifo = path.join("kubewalk-run-nobodys").join(folder::OWNER);
        assert!(std::process::Command::new("mkfifo").arg(fifo).status().expect("mkfifo").success());
        let dead = vec![format!("folder {}", room.path().join("kubewalk-run-dead").display())];
        let only_said = sweep(&places, true).await;
        assert_eq!(only_said, Swept { removed: dead.clone(), ..nothing.clone() });
        assert_eq!(sweep(&places, false).await, only_said);
        assert_eq!(sweep(&places, false).await, nothing);
        assert_eq!(std::fs::read_dir(&path).expect("it can be read").count(), 5);
    }

    #[tokio::test]
    async fn what_cannot_be_looked_at_is_told_and_a_place_that_is_silent_ends() {
        struct Silent;
        impl Place for Silent {
            fn name(&self) -> &'static str {
                "things"
            }
            fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>> {
                Box::pin(std::future::pending())
            }
            fn remove<'a>(&'a self, _: &'a Left) -> BoxFuture<'a, Result<(), String>> {
                Box::pin(std::future::pending())
            }
        }
        let temp = tempfile::tempdir().expect("a folder");
        let path = temp.path().join("base/runs");
        Room::make(&path).expect("made");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("changed");
        let places: Vec<Box<dyn Place>> = vec![Box::new(Folders { room: path }), Box::new(Silent)];
        let swept = sweep_within(&places, false, Duration::from_millis(50)).await;
        assert_eq!((swept.removed.len(), swept.kept.len(), swept.unseen.len()), (0, 0, 2), "{swept:?}");
        assert!(swept.unseen[0].contains("can be used by others"), "{swept:?}");
        assert_eq!(swept.unseen[1], "things: not done within 0 s");
    }
}
