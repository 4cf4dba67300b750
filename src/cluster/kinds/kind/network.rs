//! The Docker network of a cluster. It carries the labels that say whose the cluster is: kind's own containers cannot.

use std::collections::HashMap;

use futures::future::BoxFuture;
use testcontainers::bollard::{
    Docker,
    errors::Error,
    models::{Ipam, IpamConfig, NetworkCreateRequest},
    query_parameters::{ListContainersOptionsBuilder, ListNetworksOptionsBuilder},
};

use super::{ClusterError, Daemon, Owner, on, sweep};
use crate::cluster::{
    owner::LABEL,
    sweep::{Left, Place},
    trouble,
};

/// The label that kind gives to all containers of a cluster; its value is the cluster's name.
const KIND_LABEL: &str = "io.x-k8s.kind.cluster";

/// What a cluster and its network are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// That of a run.
    pub fn of(owner: &Owner) -> Self {
        Name(format!("kubewalk-{}", owner.run))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The container of the first control plane.
    pub fn control_plane(&self) -> String {
        format!("{}-control-plane", self.0)
    }

    /// What Docker takes to list its containers.
    pub fn filter(&self) -> String {
        format!("label={KIND_LABEL}={}", self.0)
    }
}

/// Makes the network as kind would, with our labels.
///
/// # Errors
/// When Docker refuses, e.g. because it has no address range left.
pub async fn make(daemon: &Daemon, name: &Name, owner: &Owner, ipv6: bool) -> Result<(), ClusterError> {
    let labels = owner.labels().into_iter().chain([(format!("{LABEL}kind"), name.0.clone())]).collect();
    // The run's ten digits are just what RFC 4193 wants for a range that nobody else has.
    let (a, rest) = owner.run.split_at(2);
    let (b, c) = rest.split_at(4);
    let subnet = IpamConfig { subnet: Some(format!("fd{a}:{b}:{c}::/64")), ..IpamConfig::default() };
    let request = NetworkCreateRequest {
        name: name.0.clone(),
        driver: Some("bridge".into()),
        enable_ipv6: Some(ipv6),
        ipam: ipv6.then(|| Ipam { config: Some(vec![subnet]), ..Ipam::default() }),
        options: Some(HashMap::from([("com.docker.network.bridge.enable_ip_masquerade".into(), "true".into())])),
        labels: Some(labels),
        ..NetworkCreateRequest::default()
    };
    let client = daemon.client.clone();
    on(async move { client.create_network(request).await.map(drop).map_err(|e| trouble::request(&e, "its socket")) })
        .await
}

/// The clusters of kind that runs have left, by their networks.
#[derive(Debug)]
pub struct Clusters {
    /// Docker.
    pub client: Docker,
}

impl Place for Clusters {
    fn name(&self) -> &'static str {
        "clusters of kind in Docker"
    }

    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>> {
        let client = self.client.clone();
        Box::pin(on(async move {
            let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}kind")])]);
            let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
            let mut dead = Vec::new();
            for network in
                client.list_networks(Some(options)).await.map_err(|e| trouble::request(&e, "its socket").message)?
            {
                let labels = network.labels.unwrap_or_default();
                let owner = Owner::from_labels(|name| labels.get(name));
                // The name is computed: what is removed below is what is called so.
                let Some(owner) = owner.filter(Owner::dead) else { continue };
                let name = Name::of(&owner).0;
                if network.name.as_ref() == Some(&name) {
                    dead.push(Left { what: format!("kind cluster {name}"), id: name });
                }
            }
            Ok(dead)
        }))
    }

    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>> {
        let (client, name) = (self.client.clone(), left.id.clone());
        Box::pin(on(async move {
            let filters = HashMap::from([("label".to_owned(), vec![format!("{KIND_LABEL}={name}")])]);
            let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
            for container in
                client.list_containers(Some(options)).await.map_err(|e| trouble::request(&e, "its socket").message)?
            {
                let id = container.id.unwrap_or_default();
                sweep::remove(&client, &id).await.map_err(|e| trouble::request(&e, "its socket").message)?;
            }
            match client.remove_network(&name).await {
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
                other => other.map_err(|e| trouble::request(&e, "its socket").message),
            }
        }))
    }
}
