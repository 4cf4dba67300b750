//! The Docker network of a cluster of kind. It carries the labels that say whose the cluster is: kind's own containers cannot.

use std::collections::HashMap;

use testcontainers::bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};

use super::{
    daemon::{Daemon, on},
    trouble,
};
use crate::cluster::{
    ClusterError,
    owner::{LABEL, Owner},
};

/// The label that kind gives to all containers of a cluster; its value is the cluster's name.
pub(in crate::cluster) const KIND_LABEL: &str = "io.x-k8s.kind.cluster";

/// What a cluster and its network are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// That of a run.
    pub fn for_owner(owner: &Owner) -> Self {
        Name(format!("kubewalk-{}", owner.run))
    }

    /// The name.
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
    // The run's ten digits are just what RFC 4193 wants for a range that no other network has.
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
    let (client, at) = (daemon.client.clone(), daemon.at.clone());
    on(async move { client.create_network(request).await.map(drop).map_err(|e| trouble::request(&e, &at)) }).await
}
