//! Containers of clusters, by our labels.

use futures::future::BoxFuture;
use testcontainers::bollard::Docker;

use super::place::{Left, Place};
use crate::cluster::{
    Owner,
    daemon::on,
    docker::labelled::{labelled, remove},
};

/// Containers with our labels.
pub(super) struct Containers {
    pub(super) client: Docker,
}

impl Place for Containers {
    fn name(&self) -> &'static str {
        "containers in Docker"
    }

    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>> {
        let client = self.client.clone();
        Box::pin(on(async move {
            let mut dead = Vec::new();
            for container in labelled(&client, "run").await.map_err(|e| e.to_string())? {
                let labels = container.labels.unwrap_or_default();
                let owner = Owner::from_labels(|name| labels.get(name));
                if let (Some(id), true) = (container.id, owner.as_ref().is_some_and(Owner::dead)) {
                    let names = container.names.unwrap_or_default();
                    let name = names.first().map_or(id.as_str(), |name| name.trim_start_matches('/'));
                    dead.push(Left { what: format!("container {name}"), id });
                }
            }
            Ok(dead)
        }))
    }

    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>> {
        let (client, id) = (self.client.clone(), left.id.clone());
        Box::pin(on(async move { remove(&client, &id).await.map_err(|e| e.to_string()) }))
    }
}
