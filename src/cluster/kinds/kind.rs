//! `--cluster kind`: what `kind create cluster` makes of `kind-config.yaml`, in Docker.
//!
//! The kind command makes it, and not testcontainers with kubeadm driven inside the node, although both work: the config is
//! kind's own language (patches, port mappings, mounts, feature gates, more nodes), and only kind itself honours all of it.
//!
//! The cluster has a name of its own, and a Docker network of that name, so that two runs never meet and the network
//! `kind`, which others use, is never touched. A keeper removes both however this process ends.

mod command;
mod config;
pub mod dangers;
mod keeper;
mod shaped;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, future::BoxFuture};
use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client};
use testcontainers::bollard::query_parameters::WaitContainerOptionsBuilder;
use tokio::time::Instant;

use self::{
    command::{Kind, READY_WITHIN},
    config::Config,
    keeper::Keeper,
};
use super::{curl, fetched::Fetched};
use crate::cluster::{
    Cluster, ClusterError, ClusterKind, Daemon, Ended, Facts, Folder, Kubectl, Owner, Progress, Settings, StartError,
    Wanted, container,
    daemon::{Ends, on, runtime},
    death::Death,
    docker::kind_network::{self, Name},
    exec,
    images::{self, Patience},
    node_event,
    output::Output,
    ready, sweep,
};
use crate::{
    clock::{Moment, poll},
    stop::{Stop, unless_stopped},
    sync::locked,
};

/// How long after a question to its DNS it is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// Asks the cluster's DNS ($0) for a name, over TCP, which bash speaks by itself, and looks whether the answer is one to
/// this question. What the node reaches by the address of a Service, Pods reach by the same rules.
const ASK_DNS: &str = r#"
exec 3<>"/dev/tcp/$0/53" || exit 1
printf '\0\x36kw\1\0\0\1\0\0\0\0\0\0\12kubernetes\7default\3svc\7cluster\5local\0\0\1\0\1' >&3
[ "$(head -c 4 <&3 | tail -c 2)" = kw ]
"#;

/// A cluster of kind.
#[derive(Debug)]
struct Node {
    name: Name,
    held: Mutex<Option<Held>>,
    died: Death,
    /// Whether it is to end, so that its end is no death.
    ending: Arc<AtomicBool>,
}

/// What ends with the cluster.
#[derive(Debug)]
struct Held {
    keeper: Keeper,
    folder: Folder,
    watch: Option<Ends<()>>,
}

/// Whether the config can be read and has the version that is wanted.
///
/// # Errors
/// What is wrong with it.
pub fn check(wanted: &Wanted, settings: &Settings) -> Result<(), ClusterError> {
    Config::find(settings)?.of_version(wanted).map(drop)
}

/// Makes its node images and the kind command be here.
///
/// # Errors
/// What the machine or the registry lacks, or that it was stopped.
pub async fn fetch(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Fetched, StartError> {
    let config = Config::find(settings)?.of_version(wanted)?;
    let daemon = Daemon::connect(settings.docker_host.as_deref()).await?;
    unless_stopped(stop, Kind::find(settings, progress)).await.map_err(StartError::Stopped)??;
    let images = config.images();
    for image in &images {
        images::ensure(&daemon, image, Patience::from_settings(settings), stop, progress).await?;
    }
    curl::image(&daemon, settings, Patience::from_settings(settings), stop, progress).await?;
    Ok(Fetched { what: format!("the image {}", images.join(", ")), bytes: None })
}

/// Starts a cluster and waits until it is ready.
///
/// # Errors
/// What the machine lacks, why kind could not make the cluster, that it was not ready in time, or that the run was stopped.
pub async fn start(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    let config = Config::find(settings)?.of_version(wanted)?;
    reachable(&config, settings.docker_host.as_deref())?;
    if let Some(notice) = config.notice() {
        progress(Progress::Note(notice));
    }
    let daemon = Daemon::connect(settings.docker_host.as_deref()).await?;
    let docker = unless_stopped(stop, command::docker_is_there()).await.map_err(StartError::Stopped)??;
    sweep::before_a_run(settings, &daemon, progress).await;
    let kind = unless_stopped(stop, Kind::find(settings, progress)).await.map_err(StartError::Stopped)??;
    let patience = Patience::from_settings(settings);
    for image in config.images() {
        images::ensure(&daemon, &image, patience, stop, progress).await?;
    }
    let curl = curl::image(&daemon, settings, patience, stop, progress).await?;
    let owner = Owner::new();
    let name = Name::for_owner(&owner);
    let folder = Folder::make(&settings.runs(), &owner)?;
    let held = Held { keeper: Keeper::start(&name)?, folder, watch: None };
    let node = Arc::new(Node { name, held: Mutex::new(Some(held)), died: Death::none(), ending: Arc::default() });
    let config = shape(config, wanted, &node)?;
    let up = async {
        kind_network::make(&daemon, &node.name, &owner, config.ipv6()).await?;
        let up = bring_up(&node, &kind, &config, (&daemon, docker), curl, progress).await;
        match up {
            Err(error) if !wanted.shape.is_usual() => Err(node.refusal(&daemon, error).await),
            up => up,
        }
    };
    let error = match unless_stopped(stop, up).await {
        Ok(Ok(cluster)) => return Ok(cluster),
        Ok(Err(error)) => error.into(),
        Err(signal) => StartError::Stopped(signal),
    };
    // The error is said when nothing is left.
    node.end().await;
    Err(error)
}

/// The config with what is asked of the API server, and its files in the cluster's folder.
///
/// # Errors
/// When they cannot be written.
fn shape(mut config: Config, wanted: &Wanted, node: &Node) -> Result<Config, ClusterError> {
    if wanted.shape.is_usual() {
        return Ok(config);
    }
    let folder = node.file("shape");
    let shaped = shaped::config(&config.text, &config.from, &wanted.shape, &folder)?;
    let cannot = |e: std::io::Error| ClusterError::plain(format!("cannot write {}: {e}", folder.display()));
    std::fs::create_dir(&folder).map_err(cannot)?;
    for (name, content) in &shaped.files {
        std::fs::write(folder.join(name), content.to_string()).map_err(cannot)?;
    }
    config.text = shaped.text;
    Ok(config)
}

/// Whether this process would reach the API server: kind publishes it at 127.0.0.1 of Docker's machine, unless its config says
/// where.
///
/// # Errors
/// When Docker is on another machine.
fn reachable(config: &Config, host: Option<&str>) -> Result<(), ClusterError> {
    match host {
        Some(host) if container::is_remote(host) && !config.publishes() => Err(ClusterError::new(
            format!("Docker is at {host}, and kind publishes its API server at 127.0.0.1 of that machine only"),
            "run kubewalk there, or take --cluster k3s or docker, or set networking.apiServerAddress in a config that \
             KUBEWALK_KIND_CONFIG names",
        )),
        _ => Ok(()),
    }
}

async fn bring_up(
    node: &Arc<Node>,
    kind: &Kind,
    config: &Config,
    (daemon, docker): (&Daemon, PathBuf),
    (curl_image, curl): (String, Vec<u8>),
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, ClusterError> {
    let begun = Instant::now();
    let deadline = Moment::now() + READY_WITHIN;
    let mut phase = |name: &str| {
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        progress(Progress::Phase { name: name.to_owned(), ms });
    };
    let (kubeconfig, archive) = (node.file("kubeconfig"), node.file("curl.tar"));
    let creating = |pid| node.with(|held| held.keeper.creating(pid)).unwrap_or_default();
    kind.create(&node.name, config, &kubeconfig, &creating, deadline, &mut phase).await?;
    private(&kubeconfig)?;
    node.watch(daemon);
    std::fs::write(&archive, curl)
        .map_err(|e| ClusterError::plain(format!("cannot write {}: {e}", archive.display())))?;
    kind.load(&node.name, &archive, deadline).await?;
    let _ = std::fs::remove_file(&archive); // it would go with the folder anyway
    phase("images");

    let exec = [docker, "exec".into(), "--interactive".into()];
    let kubectl = Kubectl::new(exec.into_iter().chain([node.name.control_plane().into()]));
    // kubeadm lets anonymous calls in; what is true of this config is asked below.
    let facts = Facts { pods: true, anonymous: true, kind: ClusterKind::Kind, kubernetes: String::new(), curl_image };
    let mut cluster = Cluster::new(facts, kubeconfig, kubectl, Box::new(Arc::clone(node)));
    let client = cluster.client().await?;
    let ready = async {
        ready::wait(&client, &ready::ALL, begun, deadline, progress).await?;
        dns_answers(node, daemon, &client, deadline).await
    };
    let ready = tokio::select! {
        ready = ready => ready,
        died = node.died.wait() => return Err(died),
    };
    if let Err(why) = ready {
        let message = format!("the kind cluster was not ready after {:.0} s: {why}", begun.elapsed().as_secs_f64());
        let remedy = "a slow or busy machine may need another try; otherwise the kubelet's log says why";
        return Err(ClusterError { message, remedy: Some(remedy.into()), log: node.kubelet_log(daemon).await });
    }
    let cannot = |e: kube::Error| ClusterError::plain(format!("the API server does not say its version: {e}"));
    cluster.facts.kubernetes = client.apiserver_version().await.map_err(cannot)?.git_version;
    // Without rights, but let in, when it is on; 401 when it is off.
    let bare = cluster.bare_client().await?.apiserver_version().await;
    cluster.facts.anonymous = !matches!(bare, Err(kube::Error::Api(status)) if status.code == 401);
    Ok(cluster)
}

/// kind writes it so by itself, but it holds the administrator's key.
fn private(kubeconfig: &Path) -> Result<(), ClusterError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(kubeconfig, std::fs::Permissions::from_mode(0o600))
        .map_err(|e| ClusterError::plain(format!("kind wrote no kubeconfig to {}: {e}", kubeconfig.display())))
}

/// Waits until the DNS of the cluster answers by the address of its Service: it has ready endpoints some time before
/// kube-proxy leads a caller to them.
async fn dns_answers(node: &Node, daemon: &Daemon, client: &Client, deadline: Moment) -> Result<(), String> {
    let services: Api<Service> = Api::namespaced(client.clone(), "kube-system");
    let service = services.get("kube-dns").await.map_err(|e| e.to_string())?;
    let address = service.spec.and_then(|spec| spec.cluster_ip).ok_or("the Service kube-dns has no address")?;
    poll(AGAIN, || async {
        let said = match node.exec(daemon, &["timeout", "2", "bash", "-c", ASK_DNS, &address]).await {
            Ok(said) if said.exit_code == 0 => return Some(Ok(())),
            Ok(said) => said,
            Err(e) => return Some(Err(e)),
        };
        let words = String::from_utf8_lossy(&said.stderr).trim().to_owned();
        deadline.left().is_zero().then(|| Err(format!("the cluster's DNS does not answer at {address} ({words})")))
    })
    .await
}

impl Node {
    fn with<T>(&self, what: impl FnOnce(&mut Held) -> T) -> Option<T> {
        locked(&self.held).as_mut().map(what)
    }

    /// A file in the private folder.
    fn file(&self, name: &str) -> PathBuf {
        self.with(|held| held.folder.path().join(name)).unwrap_or_default()
    }

    /// Runs a command in the first control plane.
    async fn exec(&self, daemon: &Daemon, command: &[&str]) -> Result<Output, String> {
        let (client, node) = (daemon.client.clone(), self.name.control_plane());
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        on(async move { exec::run(&client, &node, command, None).await }).await
    }

    async fn kubelet_log(&self, daemon: &Daemon) -> Vec<String> {
        let said =
            self.exec(daemon, &["journalctl", "--unit", "kubelet", "--lines", "20", "--output", "cat", "--no-pager"]);
        let text = said.await.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Why there is no API server: it does not take what it was given, if its last words say so.
    async fn refusal(&self, daemon: &Daemon, error: ClusterError) -> ClusterError {
        let ask = "tail -qn 30 /var/log/containers/kube-apiserver-*.log | cut -d ' ' -f 4-";
        let said = self.exec(daemon, &["sh", "-c", ask]).await;
        let text = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        shaped::last_words(&lines).map_or(error, node_event::refusal)
    }

    /// Notes the end of the control plane's container, from now on.
    fn watch(&self, daemon: &Daemon) {
        let (client, name) = (daemon.client.clone(), self.name.control_plane());
        let (died, ending) = (self.died.clone(), Arc::clone(&self.ending));
        let watch = Ends(runtime().spawn(async move {
            let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
            let ended = client.wait_container(&name, Some(options)).next().await;
            let how = container::how(ended);
            if !ending.load(Ordering::SeqCst) {
                died.note(ClusterError::plain(format!("the kind node {name} ended by itself ({how})")));
            }
        }));
        self.with(|held| held.watch = Some(watch));
    }

    /// Removes all of it, and says what is left.
    async fn end(&self) -> Ended {
        self.ending.store(true, Ordering::SeqCst);
        let Some(held) = locked(&self.held).take() else {
            return Ended::default();
        };
        // To the end, also when no caller waits any more.
        let ending = runtime().spawn_blocking(move || {
            let left = held.keeper.end();
            drop(held.folder);
            left
        });
        let left = ending.await.unwrap_or_else(|e| vec![format!("kind cluster {}: {e}", self.name.as_str())]);
        Ended { left }
    }
}

impl crate::cluster::Node for Arc<Node> {
    fn died(&self) -> Option<ClusterError> {
        self.died.known()
    }

    fn death(&self) -> BoxFuture<'_, ClusterError> {
        Box::pin(self.died.wait())
    }

    fn end(&self) -> BoxFuture<'_, Ended> {
        Box::pin(Node::end(self))
    }
}
