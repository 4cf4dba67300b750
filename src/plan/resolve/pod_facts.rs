//! What a call from a Pod needs to know about it.

use serde_json::Value;

/// What a call from a Pod needs to know about it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plan) struct PodFacts {
    /// The names of its containers, init containers that keep running included.
    pub containers: Vec<String>,
    /// Its ServiceAccount.
    pub account: String,
    /// Whether its own manifest says that the token is mounted.
    pub automount: Option<bool>,
    /// The images of its containers, in the same order.
    images: Vec<String>,
}

impl PodFacts {
    /// Whether a container, or the first, is of the image that has curl and a shell.
    pub(in crate::plan) fn has_curl(&self, container: Option<&str>) -> bool {
        let index = match container {
            None => Some(0),
            Some(name) => self.containers.iter().position(|other| other == name),
        };
        index.and_then(|index| self.images.get(index)).is_some_and(|image| image == "curl")
    }
}

/// Reads a Pod's manifest.
pub(in crate::plan) fn pod_facts(manifest: &Value) -> PodFacts {
    let spec = &manifest["spec"];
    let containers = spec["containers"].as_array().into_iter().flatten();
    let sidecars = (spec["initContainers"].as_array().into_iter().flatten())
        .filter(|container| container["restartPolicy"] == "Always");
    let all: Vec<&Value> = containers.chain(sidecars).filter(|container| container["name"].is_string()).collect();
    let texts =
        |key: &str| all.iter().map(|container| container[key].as_str().unwrap_or_default().to_owned()).collect();
    let account = [&spec["serviceAccountName"], &spec["serviceAccount"]]
        .into_iter()
        .find_map(|name| name.as_str().filter(|name| !name.is_empty()));
    PodFacts {
        containers: texts("name"),
        images: texts("image"),
        account: account.unwrap_or("default").to_owned(),
        automount: spec["automountServiceAccountToken"].as_bool(),
    }
}
