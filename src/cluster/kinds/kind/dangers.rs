//! What a config for kind asks of the machine beyond a node that only this machine reaches.

use std::{fmt, net::IpAddr};

use serde_json::Value;

/// Something that reaches out of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Danger {
    /// A folder or file of this machine is mounted into the node.
    Mount(String),
    /// A port of the node is published at an address that other machines reach.
    Port(String),
    /// The API server is, too.
    Api(String),
    /// The node is a privileged container of another image than kind's own.
    Image(String),
    /// kubeadm's, containerd's or the components' configuration is changed: the word of kind that does it.
    Patch(String),
    /// It cannot be read, so it may be anything.
    Unreadable,
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Danger::Mount(path) => write!(f, "mounts {path} of this machine into the node"),
            Danger::Port(place) => write!(f, "publishes a port of the node at {place}"),
            Danger::Api(place) => write!(f, "publishes the API server at {place}"),
            Danger::Image(image) => write!(f, "starts {image} as a privileged container"),
            Danger::Patch(word) => write!(f, "changes the node's own configuration by {word}"),
            Danger::Unreadable => write!(f, "cannot be read"),
        }
    }
}

/// Words of kind that change configurations, at the top and in a node.
const PATCHES: [&str; 5] = [
    "kubeadmConfigPatches",
    "kubeadmConfigPatchesJSON6902",
    "containerdConfigPatches",
    "containerdConfigPatchesJSON6902",
    "runtimeConfig",
];

/// All that a text asks for.
pub fn dangers_in(text: &str) -> Vec<Danger> {
    let Ok(config) = serde_saphyr::from_str::<Value>(text) else { return vec![Danger::Unreadable] };
    let mut found = Vec::new();
    patches(&config, &mut found);
    let address = &config["networking"]["apiServerAddress"];
    found.extend(
        reached(address)
            .map(|place| Danger::Api(place.unwrap_or_else(|| "127.0.0.1".into())))
            .filter(|_| !address.is_null()),
    );
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for node in list(&config["nodes"]) {
        let own = |image: &str| image.starts_with("kindest/node:") || image.starts_with("kindest/node@");
        found.extend(node["image"].as_str().filter(|image| !own(image)).map(|image| Danger::Image(image.to_owned())));
        let mounts = list(&node["extraMounts"]);
        found.extend(mounts.iter().map(|mount| Danger::Mount(value_in_words(&mount["hostPath"]))));
        for port in list(&node["extraPortMappings"]) {
            if let Some(place) = reached(&port["listenAddress"]) {
                // Left out, kind takes every address.
                let place = place.unwrap_or_else(|| "0.0.0.0".into());
                found.push(Danger::Port(format!("{place}:{}", value_in_words(&port["hostPort"]))));
            }
        }
        patches(&node, &mut found);
    }
    found
}

/// The address, unless it is this machine's own; `Some(None)`: it is left out.
fn reached(address: &Value) -> Option<Option<String>> {
    match address.as_str() {
        None if address.is_null() => Some(None),
        Some("") => Some(None),
        Some(text) if text.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) => None,
        _ => Some(Some(value_in_words(address))),
    }
}

fn patches(value: &Value, found: &mut Vec<Danger>) {
    let set = |word: &&&str| !value[**word].is_null();
    found.extend(PATCHES.iter().filter(set).map(|word| Danger::Patch((*word).to_owned())));
}

fn value_in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "an unnamed place".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(include_str!("../../../../kind-config.yaml"), &[])]
    #[case("", &[])]
    #[case("nodes:\n- extraPortMappings: [{containerPort: 80, hostPort: 80, listenAddress: 127.0.0.1}]\n", &[])]
    #[case("networking: {apiServerAddress: '::1', apiServerPort: 6443}\n", &[])]
    #[case("networking: {apiServerAddress: 0.0.0.0}\n", &["publishes the API server at 0.0.0.0"])]
    #[case(
        "nodes:\n- extraMounts: [{hostPath: /, containerPath: /host}, {containerPath: /x}]\n",
        &["mounts / of this machine into the node", "mounts an unnamed place of this machine into the node"]
    )]
    #[case(
        "nodes:\n- extraPortMappings: [{containerPort: 80, hostPort: 80}, {hostPort: 1, listenAddress: ''}, {hostPort: 2, listenAddress: 10.0.0.1}]\n",
        &["publishes a port of the node at 0.0.0.0:80", "publishes a port of the node at 0.0.0.0:1", "publishes a port of the node at 10.0.0.1:2"]
    )]
    #[case("nodes:\n- image: kindest/node-evil:1\n- image: kindest/node:v1.36.1\n", &["starts kindest/node-evil:1 as a privileged container"])]
    #[case(
        "kubeadmConfigPatches: ['x']\nnodes:\n- kubeadmConfigPatches: ['x']\n",
        &["changes the node's own configuration by kubeadmConfigPatches", "changes the node's own configuration by kubeadmConfigPatches"]
    )]
    #[case("a: [", &["cannot be read"])]
    fn what_reaches_out_is_named(#[case] text: &str, #[case] expected: &[&str]) {
        let said: Vec<_> = dangers_in(text).iter().map(ToString::to_string).collect();
        assert_eq!(said, expected);
    }
}
