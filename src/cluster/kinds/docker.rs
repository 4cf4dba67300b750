//! `--cluster docker`: the engine's node image in Docker: for those who have Docker and no root, or no image registry.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};

use super::{fetched::Fetched, versions};
use crate::cluster::{
    Cluster, ClusterError, ClusterKind, Daemon, Facts, Folder, Kubectl, Owner, Progress, Settings, StartError, Wanted,
    access::kubeconfig_for,
    container::{self, Container, NodeImage, Rights},
    engine::{self, CURL_IMAGE, Release, published},
    images::{self, Patience},
    node_event::{self, NodeEvent, death},
    ready, sweep,
};
use crate::{
    clock::{Moment, timeout_at},
    stop::{Stop, unless_stopped},
};

/// A little more than the node's own budget, since it knows best what is late.
const READY_WITHIN: Duration = Duration::from_secs(125);

/// Whether the engine has the version that is wanted.
///
/// # Errors
/// When it has not.
pub fn check(wanted: &Wanted, _settings: &Settings) -> Result<(), ClusterError> {
    versions::of_the_engine(wanted).map(drop)
}

/// Makes its image be in Docker.
///
/// # Errors
/// What lacks for that, or that it was stopped.
pub async fn fetch(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Fetched, StartError> {
    let daemon = Daemon::connect(settings.docker_host.as_deref()).await?;
    let release = versions::of_the_engine(wanted)?;
    node_image(&daemon, release, settings, stop, progress).await?;
    let bytes = release.built(&settings.cache).and_then(|dir| engine::size(&dir).ok());
    Ok(Fetched { what: "the engine's node in Docker".into(), bytes })
}

/// Starts a node and waits until it is ready.
///
/// # Errors
/// What Docker or the node lacks, or that the run was stopped; nothing stays then.
pub async fn start(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    let release = versions::of_the_engine(wanted)?;
    let host = settings.docker_host.as_deref();
    let daemon = Daemon::connect(host).await?;
    sweep::before_a_run(settings, &daemon, progress).await;
    node_image(&daemon, release, settings, stop, progress).await?;
    let owner = Owner::new();
    let folder = Folder::make(&settings.runs(), &owner)?;
    let within = settings.start_timeout.unwrap_or(READY_WITHIN);
    let args = init_args(wanted, within);
    let memory = settings.node_memory;
    let image = NodeImage {
        name: images::NODE.into(),
        tag: release.hash(),
        args,
        memory,
        rights: Rights::Node,
        ..NodeImage::default()
    };
    let begun = Instant::now();
    let (node, mut lines) = container::start(&daemon, host, image, &owner, folder, stop).await?;
    let up = unless_stopped(stop, bring_up(&node, &mut lines, wanted, (begun, within), progress)).await;
    match up {
        Ok(Ok(cluster)) => {
            watch(node, lines);
            Ok(cluster)
        }
        Ok(Err(e)) => {
            node.end().await;
            Err(e.into())
        }
        Err(signal) => {
            node.end().await;
            Err(StartError::Stopped(signal))
        }
    }
}

/// Makes its image be in Docker: loaded from the cache, where the engine is pulled or built first, or pulled by Docker itself.
async fn node_image(
    daemon: &Daemon,
    release: Release,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), StartError> {
    if images::node_here(daemon, release).await? {
        return Ok(());
    }
    // Elsewhere than on Linux nothing is built, and a node's files are not kept.
    if let Some(image) = published::image(release, settings).filter(|_| !cfg!(target_os = "linux")) {
        return images::pull_node(daemon, (release, &image), Patience::from_settings(settings), stop, progress).await;
    }
    let engine = unless_stopped(stop, release.ensure(settings, progress)).await.map_err(StartError::Stopped)??;
    images::load_node(daemon, (release, &engine), &settings.notes(), stop, progress).await
}

/// What its process 1 is told. It knows best what is late, so it has a little less time than we wait.
fn init_args(wanted: &Wanted, within: Duration) -> Vec<String> {
    let budget = within.saturating_sub(within / 25).as_secs().max(1);
    let mut args = vec![format!("--budget={budget}s")];
    if wanted.untrusted {
        args.push("--untrusted".into());
    }
    if !wanted.shape.is_usual() {
        args.push(format!("--shape={}", wanted.shape.json()));
    }
    args
}

async fn bring_up(
    node: &std::sync::Arc<Container>,
    lines: &mut mpsc::Receiver<String>,
    wanted: &Wanted,
    (begun, within): (Instant, Duration),
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, ClusterError> {
    let kubernetes =
        timeout_at(Moment::now() + within, said_ready(node, lines, wanted, progress)).await.map_err(|_| {
            ClusterError {
                message: format!("the node was not ready after {:.0} s", begun.elapsed().as_secs_f64()),
                remedy: Some("a slow or busy machine may need another try; otherwise the log lines say why".into()),
                log: node.last_lines(),
            }
        })??;
    let words = ["cat", "/etc/kubernetes/admin.conf"].map(str::to_owned).to_vec();
    let cannot = |e: String| ClusterError::plain(format!("cannot read the kubeconfig in the node: {e}"));
    let text = match node.exec(words, None).await {
        Ok(said) if said.exit_code == 0 => said,
        Ok(said) => return Err(node.why(cannot(String::from_utf8_lossy(&said.stderr).trim().to_owned())).await),
        Err(e) => return Err(node.why(cannot(e)).await),
    };
    let text = kubeconfig_for(&String::from_utf8_lossy(&text.stdout), &node.server)?;
    let kubeconfig = node.write("kubeconfig", &text)?;
    let anonymous = wanted.shape.anonymous_everywhere();
    let facts =
        Facts { pods: true, anonymous, kind: ClusterKind::Docker, kubernetes, curl_image: CURL_IMAGE.to_owned() };
    let kubectl = Kubectl::inside(node.place(), &["kubectl"]);
    let cluster = Cluster::new(facts, kubeconfig, kubectl, Box::new(std::sync::Arc::clone(node)));
    // The node has seen to all else; what it cannot see is the way from here to it.
    let client = cluster.client().await?;
    let until = Moment::now() + Duration::from_secs(20).max(within / 6);
    let unreachable = |e: String| {
        ClusterError::new(
            format!("the node is ready, but cannot be reached at {}: {e}", node.server),
            "something between this process and Docker's published ports is in the way: a firewall, or DOCKER_HOST",
        )
    };
    let mut quiet = |_| ();
    tokio::select! {
        ready = ready::wait(&client, &[ready::Thing::Api], begun, until, &mut quiet) => ready.map_err(unreachable)?,
        died = node.death() => return Err(died),
    }
    Ok(cluster)
}

/// Waits for the node's own word, and passes its phases on.
async fn said_ready(
    node: &Container,
    lines: &mut mpsc::Receiver<String>,
    wanted: &Wanted,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<String, ClusterError> {
    while let Some(line) = lines.recv().await {
        match serde_json::from_str::<NodeEvent>(&line) {
            Ok(NodeEvent::Phase { name, ms }) => progress(Progress::Phase { name, ms }),
            Ok(NodeEvent::Ready(ready)) => return Ok(ready.kubernetes),
            Ok(NodeEvent::Failed { message, remedy, log }) => return Err(ClusterError { message, remedy, log }),
            Ok(NodeEvent::Again { component, status }) => progress(node_event::again(&component, &status)),
            Ok(NodeEvent::Died { component, status, log }) => {
                return Err(node_event::refused(&wanted.shape, &component, death(&component, &status, log)));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Err(node.why(ClusterError::plain("the node ended before it was ready")).await)
}

/// Notes when a component of the running node dies.
fn watch(node: std::sync::Arc<Container>, mut lines: mpsc::Receiver<String>) {
    let node = std::sync::Arc::downgrade(&node);
    crate::cluster::daemon::runtime().spawn(async move {
        while let Some(line) = lines.recv().await {
            if let Ok(NodeEvent::Died { component, status, log }) = serde_json::from_str(&line)
                && let Some(node) = node.upgrade()
            {
                node.broken(death(&component, &status, log));
            }
        }
    });
}
