//! A cluster that runs: what is true of it, how it is reached, and how it ends.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::{
    ClusterError, ClusterKind, Ended, Kubectl, Node, Stays,
    access::{client, client_config, gone},
    client::kept::client_of,
};

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

/// A running cluster. Dropping it ends it, too, but does not wait for the end.
#[derive(Debug)]
pub struct Cluster {
    pub(super) facts: Facts,
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

impl Cluster {
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

    /// A client for the runtime that calls this, to which its connections belong.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read, which means that the cluster has gone.
    pub async fn client(&self) -> Result<kube::Client, ClusterError> {
        match &self.access {
            Some(access) => client(client_config(access.clone()).await?).map_err(|e| gone(&e)),
            None => client_of(&self.kubeconfig, false).await,
        }
    }

    /// The same without any credential, for callers who bring their own, or none.
    ///
    /// # Errors
    /// As [`Cluster::client`].
    pub async fn bare_client(&self) -> Result<kube::Client, ClusterError> {
        let Some(access) = &self.access else { return client_of(&self.kubeconfig, true).await };
        let mut config = client_config(access.clone()).await?;
        config.auth_info = kube::config::AuthInfo::default();
        client(config).map_err(|e| gone(&e))
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

    /// Ends the cluster also if it would live on, because its use was broken off and no run has cleaned up.
    pub async fn discard(self) -> Ended {
        self.node.discard().await
    }
}
