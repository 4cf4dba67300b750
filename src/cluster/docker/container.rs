//! A node in a container: started and ended by testcontainers, watched, and held by a line that breaks when we die.
//!
//! testcontainers removes a container when its handle is dropped, which does not happen after a `kill -9`, or for a handle in a
//! static as the tests of a process share it. So Docker itself removes the container when it ends (`--rm`), and it ends with us:
//! an `exec` in it waits for the end of its input, which is a connection of ours, and then stops the container. Docker sees the
//! connection close however we die. What slips through before that line is there, `sweep` finds by the labels.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, future::BoxFuture};
use testcontainers::{
    ContainerAsync, ImageExt as _,
    bollard::{
        Docker,
        container::LogOutput,
        errors::Error,
        models::{ContainerWaitResponse, PortBinding},
        query_parameters::{InspectContainerOptions, LogsOptionsBuilder, WaitContainerOptionsBuilder},
    },
    core::CgroupnsMode,
    runners::AsyncRunner as _,
};
use tokio::sync::mpsc;

use super::{
    bounded,
    daemon::{DEFAULT_HOST, Daemon, Ends, on, runtime},
    exec, labelled,
    node_image::restrict,
    published::{not_its_own, published_at},
    trouble,
};
pub use super::{
    node_image::{API_PORT, NodeImage, Rights},
    published::is_remote,
};
use crate::{
    clock::poll,
    cluster::{
        ClusterError, Ended, Folder, Owner, StartError, death::Death, in_container::InContainer, lines::Splitter,
        output::Output,
    },
    stop::Stop,
    sync::locked,
};

/// How long the end of a container may take before it counts as left behind.
const END_BUDGET: Duration = Duration::from_secs(20);

/// How long after a question whether Docker has forgotten it that is asked again.
const AGAIN: Duration = Duration::from_millis(20);

/// After so many questions without an answer, Docker itself has gone.
const UNANSWERED: usize = 50;

/// How many of the container's last lines are kept.
const LOG_LINES: usize = 50;

/// How much of such a line is, in letters.
const MOST_SHOWN: usize = 4096;

/// How many lines may wait to be read: a node of ours has some dozens in its life.
const UNREAD: usize = 4096;

/// How long Docker may take to tell that the container has exited, once something else shows it.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// What waits in the container for the end of our connection.
const LIFELINE: [&str; 3] = ["/bin/sh", "-c", "cat >/dev/null; kill -TERM 1"];

/// A running container.
pub struct Container {
    /// What people call it.
    pub name: String,
    /// The API server's address for this process, e.g. `https://127.0.0.1:32768`.
    pub server: String,
    client: Docker,
    host: Option<String>,
    id: String,
    held: Mutex<Option<Held>>,
    seen: Arc<Mutex<Seen>>,
    died: Death,
}

/// What ends with the cluster.
struct Held {
    container: ContainerAsync<NodeImage>,
    folder: Folder,
    _watch: Ends<()>,
    /// Both halves of the connection.
    _lifeline: Box<dyn std::any::Any + Send>,
}

/// What the container's log and its end have shown.
#[derive(Debug, Default)]
struct Seen {
    lines: VecDeque<String>,
    ending: bool,
}

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container").field("name", &self.name).field("server", &self.server).finish_non_exhaustive()
    }
}

/// Starts a container, and gives the lines of its log as they come; nothing in it is ready yet.
///
/// # Errors
/// What Docker refused, or that the run was stopped; no container stays then.
pub async fn start(
    daemon: &Daemon,
    host: Option<&str>,
    image: NodeImage,
    owner: &Owner,
    folder: Folder,
    stop: &Stop,
) -> Result<(Arc<Container>, mpsc::Receiver<String>), StartError> {
    let at = host.unwrap_or(DEFAULT_HOST).to_owned();
    let (daemon, owner) = (daemon.clone(), owner.clone());
    // Not ended half way: between its creation and its handle no code would remove the container.
    let starting = runtime().spawn(async move {
        let started = create(&daemon, &at, image, &owner, folder).await;
        if started.is_err() {
            // Docker removes by itself only what has run.
            labelled::remove_run(&daemon.client, &owner.run).await;
        }
        started
    });
    let (container, lines) = match starting.await {
        Ok(started) => started?,
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    };
    if let Some(why) = stop.asked() {
        container.end().await;
        return Err(StartError::Stopped(why));
    }
    Ok((container, lines))
}

async fn create(
    daemon: &Daemon,
    at: &str,
    image: NodeImage,
    owner: &Owner,
    folder: Folder,
) -> Result<(Arc<Container>, mpsc::Receiver<String>), ClusterError> {
    let client = &daemon.client;
    let name = format!("kubewalk-{}", owner.run);
    let tmpfs: HashMap<String, String> = image.tmpfs.iter().map(|dir| ((*dir).into(), String::new())).collect();
    let rights = image.rights;
    let memory = image.memory.and_then(|bytes| i64::try_from(bytes).ok());
    let ip = published_at(client, at).await?;
    let published = ip.clone();
    let request = image
        .with_container_name(&name)
        .with_labels(owner.labels())
        .with_privileged(rights == Rights::All)
        .with_cgroupns_mode(CgroupnsMode::Private)
        .with_host_config_modifier(move |config| {
            config.auto_remove = Some(true);
            config.publish_all_ports = Some(false);
            let bound = PortBinding { host_ip: Some(ip.clone()), host_port: None };
            config.port_bindings = Some(HashMap::from([(format!("{API_PORT}/tcp"), Some(vec![bound]))]));
            config.tmpfs = Some(tmpfs.clone());
            config.memory = memory;
            if rights == Rights::Node {
                restrict(config);
            }
        });
    let container = bounded::guarded(at, request.start()).await?.map_err(|e| {
        let words = e.to_string().to_lowercase();
        if is_remote(at) && (words.contains("cannot assign requested address") || words.contains("can't assign")) {
            not_its_own(at, &published)
        } else {
            trouble::container(&e, at)
        }
    })?;
    let id = container.id().to_owned();
    let lifeline = attach(client, &id).await.map_err(|e| trouble::request(&e, at))?;
    let port = container.get_host_port_ipv4(API_PORT);
    let port = bounded::guarded(at, port).await?.map_err(|e| trouble::container(&e, at))?;
    let host = bounded::guarded(at, container.get_host()).await?.map_err(|e| trouble::container(&e, at))?.to_string();
    let host = if host == "localhost" { "127.0.0.1".to_owned() } else { host };
    let (seen, died) = (Arc::new(Mutex::new(Seen::default())), Death::none());
    let (tell, lines) = mpsc::channel(UNREAD);
    let watch = Ends(runtime().spawn(watch(daemon.clone(), id.clone(), Arc::clone(&seen), died.clone(), tell)));
    let held = Held { container, folder, _watch: watch, _lifeline: lifeline };
    let container = Container {
        name,
        server: format!("https://{host}:{port}"),
        client: client.clone(),
        host: (at != DEFAULT_HOST).then(|| at.to_owned()),
        id,
        held: Mutex::new(Some(held)),
        seen,
        died,
    };
    Ok((Arc::new(container), lines))
}

/// Starts what ends the container when the connection that is given back closes.
async fn attach(client: &Docker, id: &str) -> Result<Box<dyn std::any::Any + Send>, Error> {
    use testcontainers::bollard::exec::{CreateExecOptions, StartExecOptions};
    let options = CreateExecOptions { cmd: Some(LIFELINE.to_vec()), attach_stdin: Some(true), ..Default::default() };
    let exec = client.create_exec(id, options).await?;
    Ok(Box::new(client.start_exec(&exec.id, None::<StartExecOptions>).await?))
}

/// Follows the log, and notes the end.
async fn watch(daemon: Daemon, id: String, seen: Arc<Mutex<Seen>>, died: Death, tell: mpsc::Sender<String>) {
    let client = &daemon.client;
    let lock = || locked(&seen);
    let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).build();
    // Asked for before the log is read to its end: once the container is removed, Docker no longer knows its exit code.
    let wait = WaitContainerOptionsBuilder::new().condition("removed").build();
    let mut end = client.wait_container(&id, Some(wait));
    let follow = async {
        let Ok((client, item)) = daemon.stream() else { return };
        let mut log = client.logs(&id, Some(options));
        let (mut stdout, mut stderr) = (Splitter::default(), Splitter::default());
        while let Some(Ok(part)) = log.next().await {
            item.whole();
            let splitter = if matches!(part, LogOutput::StdErr { .. }) { &mut stderr } else { &mut stdout };
            splitter.push(&part.into_bytes(), &mut |line| {
                let line = line.unwrap_or_else(|e| format!("({e})"));
                if line.trim().is_empty() {
                    return;
                }
                let mut seen = lock();
                seen.lines.push_back(line.chars().take(MOST_SHOWN).collect());
                if seen.lines.len() > LOG_LINES {
                    seen.lines.pop_front();
                }
                if let Err(mpsc::error::TrySendError::Full(_)) = tell.try_send(line) {
                    let why = format!(
                        "the cluster's container floods its log: {UNREAD} lines came faster than they can be read"
                    );
                    died.note(ClusterError::plain(why));
                }
            });
        }
        if let Some(what) = item.exceeded() {
            let why = format!("the log of the cluster's container is none of Docker's: {what}");
            died.note(ClusterError::plain(why));
        }
    };
    let (ended, ()) = tokio::join!(end.next(), follow);
    let seen = lock();
    if !seen.ending {
        let log = seen.lines.iter().cloned().collect();
        let message = format!("the cluster's container ended by itself ({})", how(ended));
        died.note(ClusterError { message, remedy: None, log });
    }
}

/// How a container ended, by what Docker says to those who wait for it.
pub(in crate::cluster) fn how(ended: Option<Result<ContainerWaitResponse, Error>>) -> String {
    let code = match ended {
        Some(Ok(ended)) => ended.status_code,
        // What bollard makes of every code but 0.
        Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
        _ => return "Docker has stopped or lost it".into(),
    };
    if code == 137 { "killed, perhaps for lack of memory".into() } else { format!("exit code {code}") }
}

impl Container {
    /// Writes a file (mode 0600) into the private folder that goes with the container.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<std::path::PathBuf, ClusterError> {
        let held = locked(&self.held);
        let folder = &held.as_ref().ok_or_else(|| ClusterError::plain("the cluster has ended"))?.folder;
        folder
            .write(name, text)
            .map_err(|e| ClusterError::plain(format!("cannot write {}: {e}", folder.path().join(name).display())))
    }

    /// Why it is broken, if it is.
    pub fn died(&self) -> Option<ClusterError> {
        self.died.known()
    }

    /// Why it is broken, when something shows that it is: Docker says so a moment later.
    pub async fn why(&self, otherwise: ClusterError) -> ClusterError {
        tokio::time::timeout(TOLD_WITHIN, self.death()).await.unwrap_or(otherwise)
    }

    /// Waits until the container exits unexpectedly.
    pub async fn death(&self) -> ClusterError {
        self.died.wait().await
    }

    /// Notes that a component in it has ended.
    pub fn broken(&self, why: ClusterError) {
        self.died.note(why);
    }

    /// The last lines of its log.
    pub fn last_lines(&self) -> Vec<String> {
        locked(&self.seen).lines.iter().cloned().collect()
    }

    /// How another process reaches it.
    pub fn place(&self) -> InContainer {
        InContainer { host: self.host.clone(), id: self.id.clone() }
    }

    /// Runs a command in it; see [`exec::run`].
    ///
    /// # Errors
    /// In one sentence.
    pub async fn exec(&self, command: Vec<String>, stdin: Option<Vec<u8>>) -> Result<Output, String> {
        let (client, id) = (self.client.clone(), self.id.clone());
        on(async move { exec::run(&client, &id, command, stdin).await }).await
    }

    /// Removes it with its volumes and its folder, and waits until all is gone.
    pub async fn end(&self) -> Ended {
        let held = {
            locked(&self.seen).ending = true;
            locked(&self.held).take()
        };
        let Some(held) = held else { return Ended::default() };
        let (client, id) = (self.client.clone(), self.id.clone());
        let at = self.host.clone().unwrap_or_else(|| DEFAULT_HOST.to_owned());
        // To the end, also when no caller waits any more.
        let ending = runtime().spawn(async move {
            // Docker may be faster: then it says that there is no such container, or that its removal is under way.
            let _ = bounded::guarded(&at, held.container.rm()).await;
            drop(held.folder);
            gone(&client, &id).await
        });
        match ending.await {
            Ok(true) => Ended::default(),
            _ => Ended { left: vec![format!("container {} (docker rm -f -v {0})", self.name)] },
        }
    }
}

/// Whether Docker forgets it in time. A Docker that has died forgets nothing, so it is not waited for.
async fn gone(client: &Docker, id: &str) -> bool {
    let unanswered = AtomicUsize::new(0);
    let forgotten = poll(AGAIN, || async {
        match client.inspect_container(id, None::<InspectContainerOptions>).await {
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Some(true),
            Ok(_) | Err(Error::DockerResponseServerError { .. }) => unanswered.store(0, Ordering::Relaxed),
            Err(_) => drop(unanswered.fetch_add(1, Ordering::Relaxed)),
        }
        (unanswered.load(Ordering::Relaxed) == UNANSWERED).then_some(false)
    });
    tokio::time::timeout(END_BUDGET, forgotten).await.unwrap_or(false)
}

impl Drop for Container {
    fn drop(&mut self) {
        // testcontainers' own handle can be dropped only on a runtime.
        if let Some(held) = self.held.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            locked(&self.seen).ending = true;
            runtime().spawn(async move { drop(held) });
        }
    }
}

impl crate::cluster::Node for Arc<Container> {
    fn died(&self) -> Option<ClusterError> {
        Container::died(self)
    }

    fn death(&self) -> BoxFuture<'_, ClusterError> {
        Box::pin(Container::death(self))
    }

    fn end(&self) -> BoxFuture<'_, Ended> {
        Box::pin(Container::end(self))
    }
}
