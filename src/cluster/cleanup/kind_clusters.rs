//! Clusters of kind, by their networks.

use std::collections::HashMap;

use futures::future::BoxFuture;
use testcontainers::bollard::{
    Docker,
    errors::Error,
    query_parameters::{ListContainersOptionsBuilder, ListNetworksOptionsBuilder},
};

use super::place::{Left, Place};
use crate::cluster::{
    Owner,
    daemon::on,
    docker::{
        kind_network::{KIND_LABEL, Name},
        labelled::remove,
    },
    owner::LABEL,
    trouble,
};

/// The clusters of kind that runs have left, by their networks.
#[derive(Debug)]
pub struct Clusters {
    /// Docker.
    pub client: Docker,
    /// Where it is.
    pub at: String,
}

impl Place for Clusters {
    fn name(&self) -> &'static str {
        "clusters of kind in Docker"
    }

    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>> {
        let (client, at) = (self.client.clone(), self.at.clone());
        Box::pin(on(async move {
            let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}kind")])]);
            let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
            let mut dead = Vec::new();
            for network in client.list_networks(Some(options)).await.map_err(|e| trouble::request(&e, &at).message)? {
                let labels = network.labels.unwrap_or_default();
                let owner = Owner::from_labels(|name| labels.get(name));
                // The name is computed: what is removed below is what is called so.
                let Some(owner) = owner.filter(Owner::dead) else { continue };
                let name = Name::for_owner(&owner).as_str().to_owned();
                if network.name.as_ref() == Some(&name) {
                    dead.push(Left { what: format!("kind cluster {name}"), id: name });
                }
            }
            Ok(dead)
        }))
    }

    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>> {
        let (client, at, name) = (self.client.clone(), self.at.clone(), left.id.clone());
        Box::pin(on(async move {
            let filters = HashMap::from([("label".to_owned(), vec![format!("{KIND_LABEL}={name}")])]);
            let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
            for container in
                client.list_containers(Some(options)).await.map_err(|e| trouble::request(&e, &at).message)?
            {
                let id = container.id.unwrap_or_default();
                remove(&client, &id).await.map_err(|e| trouble::request(&e, &at).message)?;
            }
            match client.remove_network(&name).await {
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
                other => other.map_err(|e| trouble::request(&e, &at).message),
            }
        }))
    }
}
