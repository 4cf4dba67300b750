//! What runs that were killed have left, and its removal: only what is ours, and only what is dead for sure.
//!
//! Nearly all goes by itself, however a run ends. This is for the rest: a container whose run was killed in the moment between
//! its start and the line that holds it, or whose machine lost power. Each kind of thing is one [`Place`].

use std::time::Duration;

pub use super::place::{AT_A_START, Left, Place};
use super::{folders::Folders, nodes::Nodes};
use crate::cluster::{Daemon, Progress, Settings};

/// How long a sweep that was asked for may take.
const ASKED: Duration = Duration::from_secs(60);

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
    let folders: Box<dyn Place> = Box::new(Folders { room: settings.runs() });
    match docker.map(of_docker) {
        Some([containers, clusters]) => vec![containers, folders, clusters],
        None => vec![folders],
    }
}

/// What a Docker may hold.
#[cfg(feature = "docker")]
fn of_docker(daemon: &Daemon) -> [Box<dyn Place>; 2] {
    use super::{containers::Containers, kind_clusters::Clusters};
    let (client, at) = (daemon.client.clone(), daemon.at.clone());
    [Box::new(Containers { client: client.clone() }), Box::new(Clusters { client, at })]
}

#[cfg(not(feature = "docker"))]
fn of_docker(daemon: &Daemon) -> [Box<dyn Place>; 2] {
    match daemon.never {}
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

/// Removes what keepers that were killed have left in this machine, and says what was removed and what stays.
pub(in crate::cluster) async fn nodes(settings: &Settings) -> Swept {
    sweep_within(&[Box::new(Nodes { settings: settings.clone() })], false, AT_A_START).await
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::DirBuilderExt as _;

    use futures::future::BoxFuture;

    use super::*;
    use crate::cluster::{Owner, folder, own::Room};

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
