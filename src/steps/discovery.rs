//! What a cluster serves, as its discovery says: asked for when a step claims a denial, or names a custom kind.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::Value;

use super::{StepError, api};
use crate::sync::locked;
use crate::{
    cluster::Documents,
    k8s::{
        Apis, Resource, resource_name,
        served::{is_own_group, root},
    },
};

/// Something about which discovery is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// The path of a URL, which may have a query.
    Path(&'a str),
    /// All that an API group has, in each of its versions.
    Group(&'a str),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Paths that are no APIs.
    Index,
    /// Which versions a group has.
    Versions(String),
    /// What a version of a group has.
    Version(String, String),
    /// What each version of a group has.
    Group(String),
}

impl Place {
    fn holding(about: &About<'_>) -> Option<Self> {
        let path = match about {
            About::Group(group) => return Some(Place::Group((*group).to_owned())),
            About::Path(path) => path.split(['?', '#']).next().unwrap_or_default(),
        };
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match *segments.as_slice() {
            ["api", version, ..] => Some(Place::Version(String::new(), version.to_owned())),
            ["apis", group, version, ..] => Some(Place::Version(group.to_owned(), version.to_owned())),
            ["apis", group] => Some(Place::Versions(group.to_owned())),
            ["" | "api" | "apis"] => None,
            _ => Some(Place::Index),
        }
    }

    /// Whether all of it is found out with the other, too.
    fn is_in(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Version(group, _) | Place::Versions(group), Place::Group(whole)) => group == whole,
            _ => false,
        }
    }
}

/// The places about which discovery is asked, each once.
fn places(asked: &[About<'_>]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for place in asked.iter().filter_map(Place::holding) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let all = places.clone();
    places.retain(|place| !all.iter().any(|other| place.is_in(other)));
    places
}

/// Asks discovery, and remembers what it says of Kubernetes' own APIs. Custom ones come and go in a scenario.
#[derive(Default)]
pub struct Discovery {
    known: Documents,
}

/// What was found out so far.
#[derive(Default)]
struct Found {
    resources: Vec<Resource>,
    listed: Vec<(String, String)>,
    paths: Vec<String>,
}

impl Discovery {
    /// With what is known of a cluster already.
    pub fn with(known: Documents) -> Self {
        Discovery { known }
    }

    /// What the cluster serves, as far as it matters for these; `None` when the caller may not look. All is asked for at once.
    ///
    /// # Errors
    /// When the API server does not answer, or cannot answer for now.
    pub async fn apis(&self, client: &kube::Client, asked: &[About<'_>]) -> Result<Option<Apis>, StepError> {
        let places = places(asked);
        let mut all = Found::default();
        for looked in join_all(places.iter().map(|place| self.place(client, place))).await {
            match looked {
                Ok(found) => all.add(found),
                Err(Unseen::Hidden) => return Ok(None),
                Err(Unseen::Failed(fault)) => return Err(fault),
            }
        }
        Ok(Some(Apis::discovered(all.resources, all.listed, all.paths)))
    }

    async fn place(&self, client: &kube::Client, place: &Place) -> Result<Found, Unseen> {
        let mut found = Found::default();
        match place {
            Place::Version(group, version) => self.version(client, group, version, &mut found).await?,
            Place::Versions(group) => self.versions(client, group, &mut found).await?,
            Place::Group(group) => self.group(client, group, &mut found).await?,
            Place::Index => {
                let index = self.get(client, "/").await?;
                let paths = index.as_ref().and_then(|index| index["paths"].as_array());
                found.paths.extend(paths.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
            }
        }
        Ok(found)
    }

    async fn group(&self, client: &kube::Client, group: &str, found: &mut Found) -> Result<(), Unseen> {
        self.versions(client, group, found).await?;
        let versions: Vec<String> =
            found.listed.iter().filter(|(listed, _)| listed == group).map(|(_, version)| version.clone()).collect();
        let looked = versions.iter().map(|version| async move {
            let mut found = Found::default();
            self.version(client, group, version, &mut found).await.map(|()| found)
        });
        for looked in join_all(looked).await {
            found.add(looked?);
        }
        Ok(())
    }

    /// The resources of a group and version; when it is not served, the versions that are.
    async fn version(
        &self,
        client: &kube::Client,
        group: &str,
        version: &str,
        found: &mut Found,
    ) -> Result<(), Unseen> {
        let Some(list) = self.get(client, &root(group, version)).await? else {
            return self.versions(client, group, found).await;
        };
        found.list(group, version);
        let resources = list["resources"].as_array().into_iter().flatten();
        found.resources.extend(resources.filter_map(|resource| of_list(group, version, resource)));
        Ok(())
    }

    async fn versions(&self, client: &kube::Client, group: &str, found: &mut Found) -> Result<(), Unseen> {
        let path = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
        let list = self.get(client, &path).await?;
        for version in list.as_ref().map_or(&Value::Null, |list| &list["versions"]).as_array().into_iter().flatten() {
            if let Some(version) = version.as_str().or(version["version"].as_str()) {
                found.list(group, version);
            }
        }
        Ok(())
    }

    /// A document of discovery; `None`: there is none.
    async fn get(&self, client: &kube::Client, path: &str) -> Result<Option<Arc<Value>>, Unseen> {
        let own = match path.trim_start_matches('/').split('/').nth(1) {
            Some(group) if path.starts_with("/apis/") => is_own_group(group),
            _ => true,
        };
        let known = || locked(&self.known);
        if let Some(document) = known().get(path) {
            return Ok(Some(Arc::clone(document)));
        }
        let http = api::get(client, path).await.map_err(Unseen::Failed)?;
        if let Some(busy) = api::busy(&http) {
            return Err(Unseen::Failed(busy));
        }
        match (http.status, http.json) {
            (200, Some(document)) => {
                let document = Arc::new(document);
                if own {
                    known().insert(path.to_owned(), Arc::clone(&document));
                }
                Ok(Some(document))
            }
            (404, _) => Ok(None),
            _ => Err(Unseen::Hidden),
        }
    }
}

impl Found {
    fn add(&mut self, other: Found) {
        self.resources.extend(other.resources);
        self.paths.extend(other.paths);
        other.listed.into_iter().for_each(|(group, version)| self.list(&group, &version));
    }

    fn list(&mut self, group: &str, version: &str) {
        let one = (group.to_owned(), version.to_owned());
        if !self.listed.contains(&one) {
            self.listed.push(one);
        }
    }
}

/// Why a document was not seen.
enum Unseen {
    /// The caller may not look.
    Hidden,
    Failed(StepError),
}

/// An entry of an `APIResourceList`.
pub fn of_list(group: &str, version: &str, resource: &Value) -> Option<Resource> {
    let name = resource["name"].as_str()?;
    let (plural, sub) = resource_name::split(name);
    let texts = |key: &str| -> Vec<String> {
        let list = resource[key].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Some(Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: plural.to_owned(),
        sub: sub.map(str::to_owned),
        kind: resource["kind"].as_str().unwrap_or_default().to_owned(),
        namespaced: resource["namespaced"].as_bool().unwrap_or(true),
        verbs: texts("verbs"),
        singular: resource["singularName"].as_str().unwrap_or_default().to_owned(),
        short: texts("shortNames"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_asked_for_once() {
        let version = |group: &str, version: &str| Place::Version(group.into(), version.into());
        let asked = [
            About::Path("/api/v1/namespaces/a/pods?limit=1"),
            About::Path("/api/v1/nodes"),
            About::Path("/apis/apps/v1/deployments"),
            About::Path("/apis/batch/v1/jobs"),
            About::Path("/apis/batch"),
            About::Group("batch"),
            About::Path("/healthz/etcd"),
            About::Path("/version"),
            About::Path("/apis"),
        ];
        assert_eq!(
            places(&asked),
            [version("", "v1"), version("apps", "v1"), Place::Group("batch".into()), Place::Index]
        );
    }
}
