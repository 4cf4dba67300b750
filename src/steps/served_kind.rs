//! Kinds that are not Kubernetes' own: what the cluster serves says their plural and their scope.

use std::time::Duration;

use super::{StepError, api, discovery};
use crate::{clock::Moment, k8s::nearest, plan::Kind, redact::show};

/// How long a kind that is not Kubernetes' own may take to be served: the API server makes its paths some time after it has
/// said that the CustomResourceDefinition is established.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// How often a kind is looked for that is not served yet.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The kind with its plural and scope; the cluster is asked about kinds that are not Kubernetes' own.
///
/// # Errors
/// When the cluster does not know the kind, also not a moment later.
pub async fn resolve(kind: &Kind, client: &kube::Client) -> Result<Kind, StepError> {
    if kind.plural.is_some() {
        return Ok(kind.clone());
    }
    let until = Moment::now() + SERVED_WITHIN;
    loop {
        match served(kind, client).await? {
            Some(found) => return Ok(found),
            None if !until.left().is_zero() => tokio::time::sleep(LOOK_AGAIN).await,
            None => return Err(unserved(kind, client).await),
        }
    }
}

/// Says that a kind is not served, and what is.
async fn unserved(kind: &Kind, client: &kube::Client) -> StepError {
    let Kind { group, version, kind: word, .. } = kind;
    let list = |path: String, key: &'static str, name: &'static str| async move {
        let answer = api::get(client, &path).await.ok().and_then(|answer| answer.json).unwrap_or_default();
        let items = answer[key].as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> = items.iter().filter_map(|one| one[name].as_str().map(str::to_owned)).collect();
        names.dedup();
        names
    };
    let kinds = list(format!("/apis/{group}/{version}"), "resources", "kind").await;
    let versions = list(format!("/apis/{group}"), "versions", "version").await;
    let hint = match nearest(word, kinds.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if !kinds.is_empty() => format!("`{group}/{version}` has: {}", kinds.join(", ")),
        None if !versions.is_empty() => {
            let all: Vec<_> = versions.iter().map(|version| format!("`{group}/{version}`")).collect();
            format!("served are: {}", all.join(", "))
        }
        None => format!("nothing serves `{group}`: apply its CustomResourceDefinition in a step before"),
    };
    let what = format!("the cluster does not serve {word} of {group}/{version}");
    StepError::NotServed { what, hint: show::line(&hint, show::BODY) }
}

/// Whether the cluster knows the kind now.
///
/// # Errors
/// When the API server does not answer, or cannot answer for now.
pub async fn is_served(kind: &Kind, client: &kube::Client) -> Result<bool, StepError> {
    Ok(served(kind, client).await?.is_some())
}

/// The kind as the cluster serves it now.
async fn served(kind: &Kind, client: &kube::Client) -> Result<Option<Kind>, StepError> {
    let list = api::get(client, &format!("/apis/{}/{}", kind.group, kind.version)).await?;
    if let Some(busy) = api::busy(&list) {
        return Err(busy);
    }
    let list = list.json.as_ref().and_then(|json| json["resources"].as_array()).into_iter().flatten();
    let mut resources = list.filter_map(|resource| discovery::of_list(&kind.group, &kind.version, resource));
    let found = resources.find(|resource| resource.sub.is_none() && resource.kind == kind.kind);
    Ok(found.map(|resource| Kind { plural: Some(resource.plural), namespaced: resource.namespaced, ..kind.clone() }))
}
