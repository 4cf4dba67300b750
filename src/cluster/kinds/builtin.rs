//! `--cluster builtin`: the engine's node image, run by runc in namespaces and cgroups of its own.
//!
//! All host-side work is the keeper's (`supervisor keeper run` of the engine), a process that outlives this one just long
//! enough to clean up: its standard input is a pipe that we hold, and when that closes, however we die, it removes the
//! cluster. It speaks to us in JSON lines on its standard output.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::{preflight, versions};
use crate::cluster::{
    Cluster, ClusterError, ClusterKind, Ended, Facts, Kubectl, Progress, Settings, StartError, Wanted,
    death::Death,
    engine::CURL_IMAGE,
    lines,
    node_event::{self, NodeEvent, Ready, death},
    own::Room,
    sweep,
};
use crate::stop::{Stop, unless_stopped};
use crate::sync::locked;

/// How long the end of a cluster may take before we stop waiting for its keeper (which goes on by itself).
const END_BUDGET: Duration = Duration::from_secs(20);

/// How many of the keeper's words may wait to be read: it has some dozens in its life.
const UNREAD: usize = 4096;

/// How much of one of its last lines is shown, in letters.
const MOST_SHOWN: usize = 4096;

/// A node, held by its keeper's standard input.
#[derive(Debug)]
struct Node {
    settings: Settings,
    /// The cluster's own, in the room of all nodes.
    folder: PathBuf,
    supervisor: PathBuf,
    keeper: Mutex<Child>,
    stdin: Mutex<Option<ChildStdin>>,
    died: Death,
    ended: tokio::sync::Mutex<mpsc::Receiver<NodeEvent>>,
}

/// Starts a node and waits until it is ready.
///
/// # Errors
/// What the machine lacks, why the node could not start, that it was not ready in time, or that the run was stopped.
pub async fn start(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    let release = versions::of_the_engine(wanted)?;
    preflight::require(preflight::builtin(settings, release))?;
    let engine = unless_stopped(stop, release.ensure(settings, progress)).await.map_err(StartError::Stopped)??;
    let nodes = Room::make(&settings.nodes())?;
    let mut command = Command::new(engine.join("supervisor"));
    command.args(["keeper", "run", "--engine"]).arg(&engine).arg("--base").arg(nodes.path());
    if let Some(within) = settings.start_timeout {
        command.arg(format!("--budget={}s", within.as_secs()));
    }
    if let Some(memory) = settings.node_memory {
        command.arg(format!("--memory={memory}"));
    }
    if wanted.untrusted {
        command.arg("--untrusted");
    }
    if !wanted.shape.is_usual() {
        command.arg(format!("--shape={}", wanted.shape.json()));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut keeper = command.spawn().map_err(|e| {
        ClusterError::new(
            format!("cannot start the engine's keeper in {}: {e}", engine.display()),
            "remove that folder; it is built again",
        )
    })?;
    let stdin = keeper.stdin.take();
    let died = Death::none();
    let (tell, mut told) = mpsc::channel(UNREAD);
    let noise = listen(&mut keeper, tell, died.clone());
    loop {
        let said = match unless_stopped(stop, told.recv()).await {
            Ok(said) => said,
            Err(signal) => return Err(after_the_end(told, stdin, keeper, StartError::Stopped(signal)).await),
        };
        match said {
            Some(NodeEvent::Phase { name, ms }) => progress(Progress::Phase { name, ms }),
            Some(NodeEvent::Ready(ready)) => {
                let node = Node {
                    settings: settings.clone(),
                    folder: ready.dir.clone(),
                    supervisor: engine.join("supervisor"),
                    keeper: Mutex::new(keeper),
                    stdin: Mutex::new(stdin),
                    died,
                    ended: tokio::sync::Mutex::new(told),
                };
                return Ok(cluster(node, ready, wanted));
            }
            Some(NodeEvent::Failed { message, remedy, log }) => {
                let error = ClusterError { message, remedy, log };
                return Err(after_the_end(told, stdin, keeper, error.into()).await);
            }
            Some(NodeEvent::Died { component, status, log }) => {
                let error = node_event::refused(&wanted.shape, &component, death(&component, &status, log));
                return Err(after_the_end(told, stdin, keeper, error.into()).await);
            }
            Some(NodeEvent::Again { component, status }) => progress(node_event::again(&component, &status)),
            Some(NodeEvent::Swept { dir, left }) => progress(swept(&dir, &left)),
            Some(NodeEvent::Kept { dir, message }) => {
                progress(Progress::Note(format!("could not remove {}: {message}", dir.display())));
            }
            Some(NodeEvent::Ended { .. } | NodeEvent::Other) => {}
            None => {
                let status = keeper.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
                let log = locked(&noise).iter().cloned().collect();
                let message = format!("the engine's keeper ended before the cluster was ready ({status})");
                for what in after_a_killed_keeper(settings).await {
                    progress(Progress::Note(what));
                }
                return Err(ClusterError { message, remedy: None, log }.into());
            }
        }
    }
}

fn cluster(node: Node, ready: Ready, wanted: &Wanted) -> Cluster {
    let facts = Facts {
        pods: true,
        anonymous: wanted.shape.anonymous_everywhere(),
        kind: ClusterKind::Builtin,
        kubernetes: ready.kubernetes,
        curl_image: CURL_IMAGE.to_owned(),
    };
    let kubectl = node.kubectl(&ready.dir);
    Cluster::new(facts, ready.kubeconfig, kubectl, Box::new(node))
}

/// What the keeper has removed on its way.
fn swept(dir: &Path, left: &[String]) -> Progress {
    let node = format!("the node {}, left by a run that was killed", dir.display());
    Progress::Note(match left {
        [] => format!("removed {node}"),
        left => format!("could not remove all of {node}: {}", left.join(", ")),
    })
}

/// A keeper that was killed has removed nothing. The node ends by itself, since it hangs on the keeper; its folder and its
/// cgroups are removed here, or told.
async fn after_a_killed_keeper(settings: &Settings) -> Vec<String> {
    let swept = sweep::nodes(settings).await;
    let removed = swept.removed.into_iter().map(|what| format!("removed {what}, left by the keeper that was killed"));
    let kept = swept.kept.into_iter().chain(swept.unseen);
    removed.chain(kept.map(|why| format!("{why}; the next run removes it, or kubewalk sweep"))).collect()
}

/// Waits until a failed start has removed what it made, so that the error is said when nothing is left.
async fn after_the_end(
    mut told: mpsc::Receiver<NodeEvent>,
    stdin: Option<ChildStdin>,
    mut keeper: Child,
    error: StartError,
) -> StartError {
    drop(stdin);
    let _ = tokio::time::timeout(END_BUDGET, async { while told.recv().await.is_some() {} }).await;
    let _ = keeper.try_wait();
    error
}

/// Reads the keeper's lines on a thread of its own, since a node outlives the async runtime that started it. Returns the
/// last lines of the keeper's standard error, for when it dies without a word.
fn listen(keeper: &mut Child, tell: mpsc::Sender<NodeEvent>, died: Death) -> Arc<Mutex<VecDeque<String>>> {
    let noise = Arc::new(Mutex::new(VecDeque::new()));
    if let Some(stdout) = keeper.stdout.take() {
        std::thread::spawn(move || {
            let mut ended = false;
            lines::read(stdout, &mut |line| {
                let note = |error| {
                    died.note(error);
                };
                let line = line
                    .map_err(|e| ClusterError::plain(format!("the engine's keeper wrote {e}, which it never does")));
                let said = match line.map(|line| serde_json::from_str::<NodeEvent>(&line)) {
                    Ok(Ok(said)) => said,
                    Ok(Err(_)) => return,
                    Err(ClusterError { message, remedy, log }) => NodeEvent::Failed { message, remedy, log },
                };
                match &said {
                    NodeEvent::Died { component, status, log } => note(death(component, status, log.clone())),
                    NodeEvent::Failed { message, remedy, log } => {
                        note(ClusterError { message: message.clone(), remedy: remedy.clone(), log: log.clone() });
                    }
                    _ => {}
                }
                ended |= matches!(said, NodeEvent::Ended { .. } | NodeEvent::Failed { .. });
                if let Err(mpsc::error::TrySendError::Full(_)) = tell.try_send(said) {
                    note(ClusterError::plain(format!(
                        "the engine's keeper wrote {UNREAD} lines that nobody could read in time"
                    )));
                }
            });
            // Its last word is always the end of the cluster; without it, the keeper was killed and the node went with it.
            if !ended {
                let error = ClusterError::plain("the cluster's keeper was killed, and the cluster ended with it");
                died.note(error);
            }
        });
    }
    if let Some(stderr) = keeper.stderr.take() {
        let noise = Arc::clone(&noise);
        std::thread::spawn(move || {
            lines::read(stderr, &mut |line| {
                let mut noise = locked(&noise);
                noise.push_back(line.unwrap_or_else(|e| format!("({e})")).chars().take(MOST_SHOWN).collect());
                if noise.len() > 20 {
                    noise.pop_front();
                }
            });
        });
    }
    noise
}

impl Node {
    /// kubectl in the node of this folder.
    fn kubectl(&self, dir: &Path) -> Kubectl {
        let exec = ["keeper", "exec", "--dir"].map(PathBuf::from);
        let prefix = std::iter::once(self.supervisor.clone()).chain(exec);
        Kubectl::new(prefix.chain([dir.to_owned(), "--".into()]))
    }
}

impl crate::cluster::Node for Node {
    fn died(&self) -> Option<ClusterError> {
        self.died.known()
    }

    fn death(&self) -> BoxFuture<'_, ClusterError> {
        Box::pin(self.died.wait())
    }

    fn end(&self) -> BoxFuture<'_, Ended> {
        Box::pin(async {
            locked(&self.stdin).take();
            let mut told = self.ended.lock().await;
            let mut left = Vec::new();
            let mut ended = false;
            let waited = tokio::time::timeout(END_BUDGET, async {
                while let Some(said) = told.recv().await {
                    if let NodeEvent::Ended { left: these } = said {
                        (left, ended) = (these, true);
                    }
                }
            })
            .await;
            if waited.is_ok() && !ended {
                // It was killed, and cannot say what is left.
                let swept = sweep::nodes(&self.settings).await;
                let later = |why| format!("{why}; the next run removes it, or kubewalk sweep");
                left.extend(swept.kept.into_iter().chain(swept.unseen).map(later));
                if left.is_empty() && self.folder.exists() {
                    left.push(later(format!("the folder {} of the node, and its cgroups", self.folder.display())));
                }
            }
            let mut keeper = locked(&self.keeper);
            if waited.is_err() {
                left.push(format!("the cluster's keeper (process {}) is still at work", keeper.id()));
            } else {
                let _ = keeper.wait();
            }
            Ended { left }
        })
    }
}
