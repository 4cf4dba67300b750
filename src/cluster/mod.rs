//! A real API server for a run: started, told apart from a broken one, and ended with everything that belongs to it.
//!
//! | room | is for |
//! |---|---|
//! | [`kinds`] | the kinds of cluster, one file each; all give a kubeconfig, facts, and an end |
//! | [`docker`] | Docker: its images, containers and commands |
//! | [`shared`] | clusters that several processes use, and warm ones |
//! | [`cleanup`] | what dead runs have left |
//! | [`own`] | files, folders and locks that only this user can have written |
//!
//! Beside them: how an API server is reached ([`access`], [`plugin`], [`kubectl`]), and what the engine is ([`engine`], [`sums`]).

pub mod access;
pub mod cleanup;
pub mod death;
pub mod docker;
pub mod engine;
pub mod host_kubectl;
mod inside;
pub mod kinds;
pub mod kubeconfig_file;
pub mod kubectl;
pub mod limits;
pub mod lines;
pub mod machine;
pub mod own;
pub mod plugin;
pub mod preflight;
pub mod ready;
pub mod rendering;
pub mod said;
pub mod shared;
pub mod sums;
mod wanted;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

pub(crate) use access::kubeconfig_for;
use access::{client, client_config, config, gone};
pub use cleanup::{folder, namespaces, owner, seal, sweep};
pub use daemon::Daemon;
use docker::login;
pub use docker::{bounded, container, daemon, exec, images, trouble};
pub use folder::Folder;
#[cfg(target_os = "linux")]
pub use kinds::builtin;
pub use kinds::{auto, k3s, kind, kubeconfig};
pub use kubectl::Kubectl;
pub use owner::Owner;
pub use shared::{emptied, guard, holder, lease, snapshot, warm, whose};
pub use wanted::Wanted;
use wanted::untrusted;

pub use crate::cluster_kind::ClusterKind;
use crate::stop::{Stop, Why};

/// Where a cluster may keep things.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For what is built once: the node image. Survives runs.
    pub cache: PathBuf,
    /// For what belongs to clusters and goes with them, in rooms of its own: see [`own::Room`]. Only this user can use it.
    pub base: PathBuf,
    /// Where Docker is, when somebody says so: `unix:///run/user/1000/docker.sock`.
    pub docker_host: Option<String>,
    /// The image for `--cluster k3s`, when it is not to be one of the table.
    pub k3s_image: Option<String>,
    /// The config for `--cluster kind`, when it is not to be `kind-config.yaml` in the working directory.
    pub kind_config: Option<PathBuf>,
    /// A node image for `--cluster kind`, in place of those that its config names.
    pub kind_image: Option<String>,
    /// How long the pull of one image may take.
    pub pull_timeout: Duration,
    /// The most memory that a node may use, in bytes, when it is not to be half of the machine's.
    pub node_memory: Option<u64>,
    /// How long a cluster may take until it is ready, when it is not to be what its kind takes at most.
    pub start_timeout: Option<Duration>,
}

impl Settings {
    /// The room for nodes of the builtin cluster, which their keepers fill.
    pub fn nodes(&self) -> PathBuf {
        self.base.join("nodes")
    }

    /// The room for private folders that go with a run.
    pub fn runs(&self) -> PathBuf {
        self.base.join("runs")
    }

    /// The room for what this user's processes tell each other: which clusters are kept, and by whom.
    pub fn held(&self) -> PathBuf {
        self.base.join("held")
    }

    /// The room for locks and for what was found out once.
    pub fn notes(&self) -> PathBuf {
        self.base.join("notes")
    }
}

/// What is true of a running cluster.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whether Pods run.
    pub pods: bool,
    /// Whether calls without credentials are let in as `system:anonymous`.
    pub anonymous: bool,
    /// Which kind it is.
    pub kind: ClusterKind,
    /// The API server's version, e.g. `v1.37.2`.
    pub kubernetes: String,
    /// The image that the alias `curl` stands for; it is in the node already.
    pub curl_image: String,
}

/// The environment did not let a cluster start, or broke it.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct ClusterError {
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The last log lines of the component at fault.
    pub log: Vec<String>,
}

impl ClusterError {
    /// An error with what to do about it.
    pub fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        ClusterError { message: message.into(), remedy: Some(remedy.into()), log: vec![] }
    }

    /// An error for which nobody knows a remedy.
    pub fn plain(message: impl Into<String>) -> Self {
        ClusterError { message: message.into(), remedy: None, log: vec![] }
    }
}

/// Why there is no cluster.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    /// The environment lacks something.
    #[error(transparent)]
    Failed(#[from] ClusterError),
    /// The run was told to stop, and everything was removed again.
    #[error("stopped by {0}")]
    Stopped(Why),
}

/// Something that a person who waits for a cluster wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// The node image must be built first; its own progress goes to standard error.
    BuildingEngine,
    /// Something worth a line: what was swept, why a kind was passed over.
    Note(String),
    /// An image is being pulled; more of it may turn up.
    Pull {
        /// Its name.
        image: String,
        /// Bytes that are here.
        done: u64,
        /// Bytes in all, as far as is known.
        total: u64,
    },
    /// A phase of the start is done, so many milliseconds after its beginning.
    Phase {
        /// e.g. `api-ready`.
        name: String,
        /// Milliseconds since the start began.
        ms: u64,
    },
    /// A warm cluster is used instead of a new one.
    Warm {
        /// Its name.
        name: String,
    },
    /// A warm cluster is there and is not used.
    NotWarm {
        /// Its name.
        name: String,
        /// Why, as the end of a sentence.
        why: String,
    },
}

/// What holds a cluster of one kind. Dropping it ends the cluster, too, but does not wait for the end.
pub trait Node: std::fmt::Debug + Send + Sync {
    /// Why the cluster is broken, if it is: a component that died, with its last log lines.
    fn died(&self) -> Option<ClusterError>;

    /// Waits until the cluster is broken.
    fn death(&self) -> BoxFuture<'_, ClusterError>;

    /// Ends the cluster and waits until everything of it is removed. One that lives on is given back instead.
    fn end(&self) -> BoxFuture<'_, Ended>;

    /// Whether the cluster outlives this use of it, so that all that was made in it has to be removed.
    fn lives_on(&self) -> bool {
        false
    }

    /// Whether the cluster was there before us, and others use it.
    fn is_foreign(&self) -> bool {
        false
    }

    /// Keeps what the scenario of a file made in a namespace and elsewhere, so that the cluster stays with it after this use.
    /// `None`: it cannot.
    fn keep(&self, _path: &Path, _namespace: &str) -> Option<Stays> {
        None
    }

    /// Notes that the cluster does not count as new any more after this use of it, and why.
    fn spoil(&self, _why: &str) {}

    /// Why it does not count as new any more, if it would live on.
    fn spoilt(&self) -> Option<String> {
        None
    }

    /// Ends the cluster also if it would live on: nobody has cleaned it up.
    fn discard(&self) -> BoxFuture<'_, Ended> {
        self.end()
    }
}

/// A cluster that stays with what is kept in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stays {
    /// Its name.
    pub name: String,
    /// How many seconds after its last use it ends.
    pub seconds: u64,
}

/// A running cluster. Dropping it ends it, too, but does not wait for the end.
#[derive(Debug)]
pub struct Cluster {
    facts: Facts,
    kubeconfig: PathBuf,
    /// How to reach it when that is not what the file says by itself.
    access: Option<kube::config::Kubeconfig>,
    kubectl: Kubectl,
    /// What it has said of its own APIs, for all scenarios.
    documents: Documents,
    node: Box<dyn Node>,
}

/// Documents of an API server's discovery by their paths, which stay the same as long as it lives.
pub type Documents = Arc<Mutex<BTreeMap<String, Arc<serde_json::Value>>>>;

/// How a cluster ended.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// What could not be removed; empty when all went well.
    pub left: Vec<String>,
}

impl Cluster {
    /// Starts a cluster and waits until a Pod can be created in it and resolve `kubernetes`.
    ///
    /// # Errors
    /// What the environment lacks, in one sentence with a remedy, or that `stop` was asked for; nothing stays behind then.
    pub async fn start(
        wanted: &Wanted,
        settings: &Settings,
        stop: &Stop,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Cluster, StartError> {
        limits::files(limits::FILES)?;
        if wanted.untrusted {
            untrusted(wanted.kind)?;
        }
        if !wanted.shape.is_usual()
            && let Some(why) = wanted.kind.and_then(ClusterKind::usual_only)
        {
            return Err(ClusterError::new(why, "use --cluster builtin, docker or kind").into());
        }
        kinds::start(wanted, settings, stop, progress).await
    }

    /// A cluster that runs: its facts, the administrator's kubeconfig, its node's kubectl, and what holds it.
    pub fn new(facts: Facts, kubeconfig: PathBuf, kubectl: Kubectl, node: Box<dyn Node>) -> Self {
        Cluster { facts, kubeconfig, access: None, kubectl, documents: Documents::default(), node }
    }

    /// The same, reached by the current context of this kubeconfig.
    #[must_use]
    pub fn reached_by(mut self, access: kube::config::Kubeconfig) -> Self {
        self.access = Some(access);
        self
    }

    /// What is true of it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The administrator's kubeconfig (mode 0600, in a private folder that goes with the cluster).
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The kubectl of the cluster's node.
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// Why the cluster is broken, if it is: a component that died, with its last log lines.
    pub fn broken(&self) -> Option<ClusterError> {
        self.node.died()
    }

    /// Waits until the cluster is broken.
    pub async fn death(&self) -> ClusterError {
        self.node.death().await
    }

    /// A client for the runtime that calls this. A client belongs to its runtime, so every test makes its own.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read, which means that the cluster has gone.
    pub async fn client(&self) -> Result<kube::Client, ClusterError> {
        client(self.config().await?).map_err(|e| gone(&e))
    }

    /// The same without any credential, for callers who bring their own, or none.
    ///
    /// # Errors
    /// As [`Cluster::client`].
    pub async fn bare_client(&self) -> Result<kube::Client, ClusterError> {
        let mut config = self.config().await?;
        config.auth_info = kube::config::AuthInfo::default();
        client(config).map_err(|e| gone(&e))
    }

    async fn config(&self) -> Result<kube::Config, ClusterError> {
        match &self.access {
            Some(access) => client_config(access.clone()).await,
            None => config(&self.kubeconfig).await,
        }
    }

    /// What is known of its own APIs. One of others may be given an API server of another version meanwhile: nothing is kept of it.
    pub fn documents(&self) -> Documents {
        if self.is_foreign() { Documents::default() } else { Arc::clone(&self.documents) }
    }

    /// Whether the cluster was there before us, and others use it.
    pub fn is_foreign(&self) -> bool {
        self.node.is_foreign()
    }

    /// Whether the cluster outlives this use of it, so that all that was made in it has to be removed.
    pub fn lives_on(&self) -> bool {
        self.node.lives_on()
    }

    /// Keeps what the scenario of a file made in a namespace and elsewhere, so that the cluster stays with it after this use.
    /// `None`: it cannot, and all that was made has to be removed as ever.
    pub fn keep(&self, path: &Path, namespace: &str) -> Option<Stays> {
        self.node.keep(path, namespace)
    }

    /// Notes that the cluster does not count as new any more after this use of it, and why.
    pub fn spoil(&self, why: &str) {
        self.node.spoil(why);
    }

    /// Why a cluster that would outlive this use of it does not count as new any more, so that it ends.
    pub fn spoilt(&self) -> Option<String> {
        self.node.spoilt()
    }

    /// Ends the cluster and waits until everything of it is removed. One that lives on is given back instead, and what is
    /// in it now and was not there at first is told.
    pub async fn end(self) -> Ended {
        self.node.end().await
    }

    /// Ends the cluster also if it would live on, because its use was broken off and nobody has cleaned up.
    pub async fn discard(self) -> Ended {
        self.node.discard().await
    }
}
