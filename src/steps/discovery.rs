//! What a cluster serves, as its discovery says: asked for when a step claims a denial, or names a custom kind.

use std::{collections::BTreeMap, sync::Mutex};

use serde_json::Value;

use super::{Fault, api};
use crate::k8s::{
    Apis, Resource,
    served::{is_own_group, root},
};
use crate::sync::locked;

/// Something about which discovery is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// The path of a URL, which may have a query.
    Path(&'a str),
    /// All that an API group has, in each of its versions.
    Group(&'a str),
}

/// Asks discovery, and remembers what it says of Kubernetes' own APIs. Custom ones come and go in a scenario.
#[derive(Default)]
pub struct Discovery {
    known: Mutex<BTreeMap<String, Value>>,
}

/// What was found out so far.
#[derive(Default)]
struct Found {
    resources: Vec<Resource>,
    listed: Vec<(String, String)>,
    paths: Vec<String>,
}

impl Discovery {
    /// What the cluster serves, as far as it matters for these; `None` when the caller may not look.
    ///
    /// # Errors
    /// When the API server does not answer, or cannot answer for now.
    pub async fn apis(&self, client: &kube::Client, asked: &[About<'_>]) -> Result<Option<Apis>, Fault> {
        let mut found = Found::default();
        for about in asked {
            let looked = match about {
                About::Path(path) => self.path(client, path, &mut found).await,
                About::Group(group) => self.group(client, group, &mut found).await,
            };
            match looked {
                Ok(()) => {}
                Err(Unseen::Hidden) => return Ok(None),
                Err(Unseen::Fault(fault)) => return Err(fault),
            }
        }
        Ok(Some(Apis::discovered(found.resources, found.listed, found.paths)))
    }

    async fn path(&self, client: &kube::Client, path: &str, found: &mut Found) -> Result<(), Unseen> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match *segments.as_slice() {
            ["api", version, ..] => self.version(client, "", version, found).await,
            ["apis", group, version, ..] => self.version(client, group, version, found).await,
            ["apis", group] => self.versions(client, group, found).await,
            ["" | "api" | "apis"] => Ok(()),
            _ => {
                let index = self.get(client, "/").await?;
                let paths = index.as_ref().and_then(|index| index["paths"].as_array());
                found.paths.extend(paths.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
                Ok(())
            }
        }
    }

    async fn group(&self, client: &kube::Client, group: &str, found: &mut Found) -> Result<(), Unseen> {
        self.versions(client, group, found).await?;
        let versions: Vec<String> =
            found.listed.iter().filter(|(listed, _)| listed == group).map(|(_, version)| version.clone()).collect();
        for version in versions {
            self.version(client, group, &version, found).await?;
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
        if found.resources.iter().any(|own| own.group == group && own.version == version) {
            return Ok(());
        }
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
        let list = self.get(client, &path).await?.unwrap_or_default();
        for version in list["versions"].as_array().into_iter().flatten() {
            if let Some(version) = version.as_str().or(version["version"].as_str()) {
                found.list(group, version);
            }
        }
        Ok(())
    }

    /// A document of discovery; `None`: there is none.
    async fn get(&self, client: &kube::Client, path: &str) -> Result<Option<Value>, Unseen> {
        let own = match path.trim_start_matches('/').split('/').nth(1) {
            Some(group) if path.starts_with("/apis/") => is_own_group(group),
            _ => true,
        };
        let known = || locked(&self.known);
        if let Some(document) = known().get(path) {
            return Ok(Some(document.clone()));
        }
        let http = api::get(client, path).await.map_err(Unseen::Fault)?;
        if let Some(busy) = api::busy(&http) {
            return Err(Unseen::Fault(busy));
        }
        match (http.status, http.json) {
            (200, Some(document)) => {
                if own {
                    known().insert(path.to_owned(), document.clone());
                }
                Ok(Some(document))
            }
            (404, _) => Ok(None),
            _ => Err(Unseen::Hidden),
        }
    }
}

impl Found {
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
    Fault(Fault),
}

/// An entry of an `APIResourceList`.
pub fn of_list(group: &str, version: &str, resource: &Value) -> Option<Resource> {
    let name = resource["name"].as_str()?;
    let (plural, sub) = name.split_once('/').map_or((name, None), |(plural, sub)| (plural, Some(sub.to_owned())));
    let texts = |key: &str| -> Vec<String> {
        let list = resource[key].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Some(Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: plural.to_owned(),
        sub,
        kind: resource["kind"].as_str().unwrap_or_default().to_owned(),
        namespaced: resource["namespaced"].as_bool().unwrap_or(true),
        verbs: texts("verbs"),
        singular: resource["singularName"].as_str().unwrap_or_default().to_owned(),
        short: texts("shortNames"),
    })
}
