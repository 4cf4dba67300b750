//! Clusters that a process of their own holds, so that several other processes can use them one after the other or
//! together. Each has a folder, private to the user, in [`Settings::held`](crate::cluster::Settings::held).
//!
//! Which process lives and which uses what is told by file locks alone: the kernel drops them, however a process ends.
//!
//! | file | is |
//! |---|---|
//! | `ask.json` | what was asked for: [`Ask`] |
//! | `state.json` | the cluster, there as long as it can be used: [`State`] |
//! | `failed.json`, `broken.json` | why it did not start, or what of it died |
//! | `pristine.json` | what a fresh cluster holds, for [`warm`](crate::cluster::warm) |
//! | `kept.json` | what was kept in it of scenarios, so that a person can look at it: [`Kept`] |
//! | `spoilt.json` | why it is no longer as new, for [`warm`](crate::cluster::warm) and [`guard`](crate::cluster::guard) |
//! | `left.json` | what could not be removed at its end |
//! | `end.json` | there when the cluster is to end: its holder looks for it |
//! | `holder.lock`, `starter.lock` | held as long as its holder, or the process that starts that, lives |
//! | `use.lock` | held by the process that uses the cluster; its time is that of the last use |
//! | `turn.lock`, `alone.lock`, `name-*.lock` | held by scenarios, see [`Turn`] |
//! | `events.lock`, `events.jsonl` | of a run of cargo-nextest: what its tests have told, and who writes it |
//! | `log` | what the holder had to say |

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::cluster::{
    Cluster, ClusterError, ClusterKind, Facts, Kubectl, Wanted,
    engine::Release,
    own::{
        self, Room,
        lock::{self, How},
        owner::Process,
    },
    whose::Whose,
};

/// The most that one of the JSON files may hold: what a cluster holds is noted by digests and names.
const MOST: u64 = 64 << 20;

/// How long the removal of a folder may take.
const REMOVAL: Duration = Duration::from_secs(5);

/// How long a scenario waits for its turn: several others may each take what a scenario may take.
const TURN: Duration = Duration::from_secs(2 * 60 * 60);

/// What was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ask {
    /// The cluster.
    pub wanted: Wanted,
    /// How long.
    pub until: Until,
    /// Who asked, see [`build`].
    pub build: String,
    /// For which work.
    #[serde(default)]
    pub whose: Whose,
}

/// When a held cluster ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// So many seconds after its last use.
    Unused(u64),
    /// When this process has gone and no process uses it any more.
    Gone(Process),
}

/// What a scenario made, kept in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The scenario's file, as the user named it.
    pub path: PathBuf,
    /// Where that is, without links, if it could be found.
    pub real: Option<PathBuf>,
    /// Its namespace.
    pub namespace: String,
}

/// The file that has them.
const KEPT: &str = "kept.json";

/// A cluster that can be used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// What was asked for.
    pub ask: Ask,
    /// The holder's process id.
    pub holder: i32,
    /// Which kind it is.
    pub kind: ClusterKind,
    /// As in [`Facts`].
    pub kubernetes: String,
    /// As in [`Facts`].
    pub pods: bool,
    /// As in [`Facts`].
    pub anonymous: bool,
    /// As in [`Facts`].
    pub curl_image: String,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// The kubectl of its node.
    pub kubectl: Kubectl,
}

impl State {
    /// What a holder tells of its cluster.
    pub fn from_cluster(cluster: &Cluster, ask: Ask) -> Self {
        let facts = cluster.facts().clone();
        State {
            ask,
            holder: std::process::id().cast_signed(),
            kind: facts.kind,
            kubernetes: facts.kubernetes,
            pods: facts.pods,
            anonymous: facts.anonymous,
            curl_image: facts.curl_image,
            kubeconfig: cluster.kubeconfig().to_owned(),
            kubectl: cluster.kubectl().clone(),
        }
    }

    /// The cluster's facts.
    pub fn facts(&self) -> Facts {
        Facts {
            pods: self.pods,
            anonymous: self.anonymous,
            kind: self.kind,
            kubernetes: self.kubernetes.clone(),
            curl_image: self.curl_image.clone(),
        }
    }
}

/// The process of that name which (however indirectly) started this one; else the one that did so directly.
pub fn runner(name: &str) -> Process {
    let parent = || rustix::process::getppid().map_or(1, |pid| pid.as_raw_nonzero().get().unsigned_abs());
    let mut process: u32 = parent();
    // Where there is no /proc, the loop ends at once.
    while process > 1 {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { break };
        // PID (NAME) STATE PARENT …, and a name may hold brackets.
        let Some((before, after)) = stat.rsplit_once(')') else { break };
        if before.split_once('(').is_some_and(|(_, called)| called == name) {
            return Process::now(process);
        }
        process = after.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
    }
    Process::now(parent())
}

/// What a cluster must have been started by to count as one of ours: the same version of kubewalk with the same engines.
pub fn build() -> String {
    let engines = Release::ALL.map(Release::hash).join("-");
    format!("{}-{engines}", env!("CARGO_PKG_VERSION"))
}

/// The folder of a held cluster.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// A folder that was just made, by us or by another process.
#[derive(Debug)]
pub enum Made {
    /// By us. No process removes it as long as the file is open.
    New(Folder, File),
    /// It was there.
    AlreadyThere(Folder),
}

impl Folder {
    /// The folder of that path.
    pub fn at(path: PathBuf) -> Self {
        Folder { path }
    }

    /// The cluster's name.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All folders of this user, in the order of their names.
    ///
    /// # Errors
    /// When `root` is not private to the user: then nothing in it is believed.
    pub fn all(root: &Path) -> Result<Vec<Folder>, ClusterError> {
        let Some(room) = Room::find(root)? else { return Ok(vec![]) };
        let names = room.folders().map_err(|e| unusable(root, &e))?;
        Ok(names.iter().map(|name| Folder { path: room.path().join(name) }).collect())
    }

    /// Makes the folder of a cluster, unless there is one of that name. It is made beside and renamed, so that of several
    /// processes exactly one makes it.
    ///
    /// # Errors
    /// When `root` cannot be written, or is not private to the user.
    pub fn make(root: &Path, name: &str, ask: &Ask) -> Result<Made, ClusterError> {
        let failed = |e: io::Error| unusable(root, &e);
        let room = Room::make(root)?;
        let root = room.path();
        let early = Folder { path: root.join(format!(".{name}.{}", std::process::id())) };
        std::fs::DirBuilder::new().mode(0o700).create(&early.path).map_err(failed)?;
        let lock = early.open("starter.lock").map_err(failed)?;
        lock::within(&lock, How::Alone, Duration::ZERO).map_err(failed)?;
        early.write("ask.json", ask).map_err(failed)?;
        let folder = Folder { path: root.join(name) };
        match std::fs::rename(&early.path, &folder.path) {
            Ok(()) => Ok(Made::New(folder, lock)),
            Err(_) if folder.path.exists() => {
                early.remove();
                Ok(Made::AlreadyThere(folder))
            }
            Err(e) => {
                early.remove();
                Err(failed(e))
            }
        }
    }

    /// Opens one of the lock files, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder has gone.
    pub fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(self.path.join(name))
    }

    /// Reads one of the JSON files, if it is there and whole, and no other user can have written it.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&self.bytes(name)?).ok()
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&self.path, how, Mode::empty()).ok()?;
        own::read(dir, name, MOST).ok()
    }

    /// Writes one of the JSON files, beside and renamed, so that no other process reads half of it.
    ///
    /// # Errors
    /// When the folder has gone or the disk is full.
    pub fn write<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        serde_json::to_writer(&mut file, value)?;
        file.persist(self.path.join(name))?;
        Ok(())
    }

    /// The cluster, as long as it can be used.
    pub fn state(&self) -> Option<State> {
        self.known().ok().flatten()
    }

    /// The same, and what is wrong with what its holder says of it.
    ///
    /// # Errors
    /// When it lives, and this kubewalk cannot read what it is: a kind of cluster that it does not know, say.
    pub fn known(&self) -> Result<Option<State>, ClusterError> {
        let Some(bytes) = self.bytes("state.json").filter(|_| self.is_held("holder.lock")) else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            let message = format!("what is kept of the cluster {} cannot be read: {e}", self.name());
            let remedy =
                format!("end it with the kubewalk that started it, or with `kubewalk cluster down {}`", self.name());
            ClusterError::new(message, remedy)
        })
    }

    /// What is kept in it, the last one last.
    pub fn kept(&self) -> Vec<Kept> {
        self.read(KEPT).unwrap_or_default()
    }

    /// When something was kept in it.
    pub fn kept_at(&self) -> Option<SystemTime> {
        self.path.join(KEPT).metadata().and_then(|about| about.modified()).ok()
    }

    /// Notes that something is kept in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, kept: Kept) -> io::Result<()> {
        let mut all = self.kept();
        all.push(kept);
        self.write(KEPT, &all)
    }

    /// Whether some process holds this lock.
    pub fn is_held(&self, lock: &str) -> bool {
        let Ok(file) = File::open(self.path.join(lock)) else { return false };
        matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
    }

    /// Whether no process starts or holds the cluster any more, so that the folder can be removed.
    pub fn is_dead(&self) -> bool {
        // One without its lock may be a moment old.
        let young = |path: &Path| {
            let changed = path.metadata().and_then(|about| about.modified());
            changed.is_ok_and(|changed| changed.elapsed().unwrap_or_default() < Duration::from_secs(10))
        };
        if !self.path.join("starter.lock").exists() && young(&self.path) {
            return false;
        }
        !self.is_held("starter.lock") && !self.is_held("holder.lock")
    }

    /// Removes it. What cannot be removed now, a later [`sweep`] removes.
    pub fn remove(&self) {
        if let Some(root) = self.path.parent()
            && let Ok(Some(room)) = Room::find(root)
        {
            let _ = room.remove(&self.name(), Instant::now() + REMOVAL);
        }
    }

    /// Notes that the cluster is used now.
    pub fn touch(&self, using: &File) {
        let _ = using.set_modified(SystemTime::now());
    }
}

/// Removes the folders whose holder is dead, and gives their names. Their clusters ended with the holder.
pub fn sweep(root: &Path) -> Vec<String> {
    let dead: Vec<_> = Folder::all(root).unwrap_or_default().into_iter().filter(Folder::is_dead).collect();
    dead.iter().for_each(Folder::remove);
    dead.iter().map(Folder::name).collect()
}

/// Takes a lock, and gives up after a while: others look at it for a moment at a time.
///
/// # Errors
/// When it is held by another process, or the file cannot be locked.
pub fn lock_soon(file: &File) -> io::Result<()> {
    lock::within(file, How::Alone, Duration::from_millis(100))
}

/// A scenario's turn on a cluster that several processes share: beside others, or alone.
#[derive(Debug)]
pub struct Turn {
    _locks: Vec<File>,
}

impl Turn {
    /// Waits for a turn. A scenario that waits to be alone lets no other begin, or it would wait until all others are done.
    /// Names in `holds` are for one at a time.
    ///
    /// # Errors
    /// When the cluster has gone, or the turn does not come: which process holds it, then.
    pub fn wait(folder: &Folder, alone: bool, holds: &BTreeSet<String>) -> io::Result<Turn> {
        let turn = folder.open("turn.lock")?;
        let file = folder.open("alone.lock")?;
        lock::within(&turn, How::Alone, TURN)?;
        lock::within(&file, if alone { How::Alone } else { How::Shared }, TURN)?;
        drop(turn);
        let mut locks = vec![file];
        // In the order of the names, the same for all, so that no two wait for each other.
        for name in holds {
            let name = Sha256::digest(name).iter().take(10).fold(String::new(), |all, byte| format!("{all}{byte:02x}"));
            let file = folder.open(&format!("name-{name}.lock"))?;
            lock::within(&file, How::Alone, TURN)?;
            locks.push(file);
        }
        Ok(Turn { _locks: locks })
    }
}

fn unusable(root: &Path, e: &io::Error) -> ClusterError {
    ClusterError::new(
        format!("cannot use the folder {}: {e}", root.display()),
        "set KUBEWALK_STATE to a folder of your own that can be written",
    )
}

#[cfg(test)]
mod tests;
