//! All objects that a cluster has, whole.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::discovery::{self, Resource};
use crate::cluster::ClusterError;

/// How many lists are asked for at a time, each on a connection of its own.
const AT_A_TIME: usize = 6;

/// The objects of all kinds that can be listed and do not come and go by themselves, each with its resource.
///
/// # Errors
/// When the API server does not answer, or does not say all of it.
pub async fn all(client: &kube::Client) -> Result<Vec<(Resource, Vec<Value>)>, ClusterError> {
    let lists = discovery::lists(client).await?;
    let asked: Vec<_> = lists.into_iter().map(|resource| list(client.clone(), resource)).collect();
    stream::iter(asked).buffer_unordered(AT_A_TIME).try_collect().await
}

async fn list(client: kube::Client, resource: Resource) -> Result<(Resource, Vec<Value>), ClusterError> {
    let objects = discovery::items(&client, &resource.path(), "application/json").await?;
    Ok((resource, objects))
}
