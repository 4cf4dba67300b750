//! All objects of a cluster at a moment.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{digest::Digest, key::Key};
use crate::{
    cluster::{
        ClusterError,
        client::{discovery::Resource, objects},
    },
    k8s::object::{name_of, text_at, uid_of},
    steps::api,
};

/// An object, and where it is listed.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its resource.
    pub resource: Arc<Resource>,
    /// All of it, without `apiVersion` and `kind`.
    pub object: Value,
}

impl Found {
    /// The path of its collection.
    pub fn collection(&self, key: &Key) -> String {
        match &key.namespace {
            Some(namespace) => self.resource.path_in(&api::escape(namespace)),
            None => self.resource.path(),
        }
    }

    /// Its own path.
    pub fn path(&self, key: &Key) -> String {
        format!("{}/{}", self.collection(key), api::escape(&key.name))
    }

    /// Whether no caller has written the object between this look and another.
    pub fn is_unwritten(&self, other: &Found) -> bool {
        let version = |found: &Found| found.object["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        version(self).is_some() && version(self) == version(other) && uid_of(&self.object) == uid_of(&other.object)
    }

    /// As it is sent.
    pub fn manifest(&self) -> Value {
        let Resource { group, version, kind, .. } = &*self.resource;
        let api_version = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
        let mut manifest = self.object.clone();
        if let Some(manifest) = manifest.as_object_mut() {
            manifest.insert("apiVersion".into(), api_version.into());
            manifest.insert("kind".into(), kind.clone().into());
        }
        manifest
    }
}

/// All objects of a cluster at a moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// By what they are called.
    pub objects: BTreeMap<Key, Found>,
}

impl Snapshot {
    /// Without a namespace and all that is in it.
    pub fn without(mut self, namespace: &str) -> Self {
        let belongs =
            |key: &Key| key.namespace.as_deref() == Some(namespace) || key.is("", "Namespace") && key.name == namespace;
        self.objects.retain(|key, _| !belongs(key));
        self
    }

    /// What of it counts, for a scenario in this namespace.
    pub fn digest(&self, namespace: &str) -> Digest {
        self.digest_of(namespace, |_| true)
    }

    fn digest_of(&self, namespace: &str, counts: impl Fn(&Key) -> bool) -> Digest {
        let some = self.objects.iter().filter(|(key, _)| key.is("", "Namespace") || counts(key));
        Digest::from_objects(some.map(|(key, found)| (key, &found.object)), namespace)
    }

    /// How what counts differs from what it was, each in a line; the scenario's own namespace may have another name now.
    pub fn difference(&self, (before, namespace): (&Snapshot, &str), now: &str) -> Vec<String> {
        // Of most objects no caller has written anything, and then there is nothing to compare.
        let same = |key: &Key| match (before.objects.get(key), self.objects.get(key)) {
            (Some(before), Some(now)) => before.is_unwritten(now),
            _ => false,
        };
        before.digest_of(namespace, |key| !same(key)).difference(&self.digest_of(now, |key| !same(key)))
    }
}

/// Looks at all objects.
///
/// # Errors
/// When the API server does not answer, or does not say all of it.
pub async fn look(client: &kube::Client) -> Result<Snapshot, ClusterError> {
    let mut objects = BTreeMap::new();
    for (resource, found) in objects::all(client).await? {
        let resource = Arc::new(resource);
        for object in found {
            let namespace = Some(text_at(&object["metadata"], "namespace")).filter(|name| !name.is_empty());
            let key = Key {
                group: resource.group.clone(),
                kind: resource.kind.clone(),
                namespace: namespace.map(str::to_owned),
                name: name_of(&object).to_owned(),
            };
            objects.insert(key, Found { resource: Arc::clone(&resource), object });
        }
    }
    Ok(Snapshot { objects })
}
