//! The containers in Docker that carry our labels.

use std::collections::HashMap;

use testcontainers::bollard::{
    Docker,
    errors::Error,
    models::ContainerSummary,
    query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
};

use crate::cluster::owner::LABEL;

/// The containers with one of our labels: `run`, or `run=0123456789`.
pub(in crate::cluster) async fn labelled(client: &Docker, label: &str) -> Result<Vec<ContainerSummary>, Error> {
    let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}{label}")])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    client.list_containers(Some(options)).await
}

/// Removes a container with its volumes; that it has gone meanwhile is fine.
pub(in crate::cluster) async fn remove(client: &Docker, id: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match client.remove_container(id, Some(options)).await {
        // It has gone, or is going.
        Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        other => other,
    }
}

/// Removes what a run of this process has begun in Docker.
pub(in crate::cluster) async fn remove_run(client: &Docker, run: &str) {
    for container in labelled(client, &format!("run={run}")).await.unwrap_or_default() {
        if let Some(id) = container.id {
            let _ = remove(client, &id).await;
        }
    }
}
