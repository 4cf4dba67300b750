//! Which `kind-config.yaml`, and which node image.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::dangers;
use crate::{
    cluster::{ClusterError, Settings, Wanted, kinds::versions},
    k8s::Version,
    scenario::open,
};

/// The one that kubewalk ships, for those who have none: its image is pinned.
const SHIPPED: &str = include_str!("../../../../kind-config.yaml");

/// The name of the file in the working directory.
const FILE: &str = "kind-config.yaml";

/// What kind is asked for.
#[derive(Debug, Clone)]
pub struct Config {
    /// The text; kind reads it from its standard input.
    pub text: String,
    /// Where it comes from, for messages.
    pub from: String,
    /// A node image that takes the place of those in the text.
    pub image: Option<String>,
    /// Whether it was found in the working directory, and no setting named it.
    pub by_itself: bool,
    known: Known,
}

/// The few of kind's words that matter here; kind itself judges them all.
#[derive(Debug, Clone, Default, Deserialize)]
struct Known {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    nodes: Vec<KnownNode>,
    #[serde(default)]
    networking: Networking,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct KnownNode {
    #[serde(default)]
    image: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Networking {
    #[serde(default, rename = "ipFamily")]
    ip_family: Option<String>,
    #[serde(default, rename = "apiServerAddress")]
    api_server_address: Option<String>,
}

impl Config {
    /// The one that is set, else the one of the project whose folder is the working directory, else kubewalk's own.
    ///
    /// # Errors
    /// When it cannot be read, or is no YAML; when there is one in the working directory that is not taken by itself.
    pub fn find(settings: &Settings) -> Result<Self, ClusterError> {
        let here = PathBuf::from(FILE);
        let there = std::fs::symlink_metadata(&here).is_ok();
        let by_itself = settings.kind_config.is_none() && there;
        let (text, from) = match &settings.kind_config {
            Some(path) => (read(path)?, path.display().to_string()),
            None if there => (read_by_itself(&here)?, FILE.to_owned()),
            None => (SHIPPED.to_owned(), format!("kubewalk's own {FILE}")),
        };
        let none =
            |why: &str| ClusterError::new(format!("{from} is not a config for kind: {why}"), "correct that file");
        let known: Known = serde_saphyr::from_str(&text).map_err(|e| none(&wrong(&text, &e)))?;
        if known.kind.as_deref() != Some("Cluster") {
            return Err(none("it has no `kind: Cluster`"));
        }
        Ok(Config { text, from, image: settings.kind_image.clone(), by_itself, known })
    }

    /// What it asks of this machine beyond a node that only this machine reaches, for people who did not name it.
    pub fn notice(&self) -> Option<String> {
        let dangers = dangers::dangers_in(&self.text);
        let list = dangers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        (self.by_itself && !dangers.is_empty()).then(|| format!("{} of this folder {list}", self.from))
    }

    /// The images of its nodes, as far as it names them. A name with a digest needs no tag, and Docker knows it only without.
    pub fn images(&self) -> Vec<String> {
        let named = self.known.nodes.iter().filter_map(|node| node.image.as_deref());
        let mut images: Vec<String> = match &self.image {
            Some(image) => vec![without_tag(image)],
            None => named.map(without_tag).collect(),
        };
        images.sort();
        images.dedup();
        images
    }

    /// Whether it says where the API server is published.
    pub fn publishes(&self) -> bool {
        self.known.networking.api_server_address.is_some()
    }

    /// Whether it is for Pods with IPv6 addresses.
    pub fn ipv6(&self) -> bool {
        matches!(self.known.networking.ip_family.as_deref(), Some("ipv6" | "dual"))
    }

    /// The config for the version of Kubernetes that is wanted: its own images say which they have; for another there may be one
    /// that kind's makers publish, which takes their place.
    ///
    /// # Errors
    /// When none is known.
    pub fn of_version(mut self, wanted: &Wanted) -> Result<Self, ClusterError> {
        let named = self.known.nodes.iter().find_map(|node| node.image.as_deref());
        let tag = self.image.as_deref().or(named).and_then(tag).unwrap_or_default();
        let Some(version) = wanted.kubernetes.filter(|version| Version::of_release(tag) != Some(*version)) else {
            return Ok(self);
        };
        let published = versions::kind_image(version).filter(|_| self.image.is_none());
        let Some(image) = published else {
            return Err(ClusterError::new(
                format!(
                    "Kubernetes {version} is wanted, and the node image of {} does not say that it is that",
                    self.from
                ),
                "name another image there or in KUBEWALK_KIND_IMAGE; kind's release notes list them",
            ));
        };
        self.image = Some(image.to_owned());
        Ok(self)
    }
}

/// The most bytes of a config.
const MOST: u64 = 1 << 20;

fn read(path: &Path) -> Result<String, ClusterError> {
    let bytes = std::fs::canonicalize(path).map_err(open::Unopened::from).and_then(|real| open::read_real(&real, MOST));
    let text = bytes.map_err(|e| e.to_string());
    text.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())).map_err(|e| {
        ClusterError::new(
            format!("cannot read {}: {e}", path.display()),
            "name a config for kind in KUBEWALK_KIND_CONFIG, or leave that unset",
        )
    })
}

/// The one of the working directory, which no setting has named: only from a project's own folder, and only a file of those
/// who may write there anyway. It can mount this machine's folders and publish ports.
fn read_by_itself(path: &Path) -> Result<String, ClusterError> {
    let unnamed = |why: &str| {
        let message = format!("there is a {FILE} here, which is not used by itself: {why}");
        ClusterError::new(message, format!("if it is meant, name it: KUBEWALK_KIND_CONFIG={FILE}"))
    };
    let cannot = |e: std::io::Error| unnamed(&e.to_string());
    let folder = std::fs::canonicalize(".").map_err(cannot)?;
    if open::project(&folder).as_ref() != Some(&folder) {
        return Err(unnamed("this is not the folder of a project (with kubewalk.toml, .git or Cargo.toml)"));
    }
    let (around, file) = (folder.metadata().map_err(cannot)?, path.symlink_metadata().map_err(cannot)?);
    if !file.is_file() {
        return Err(unnamed("it is a link, or no file"));
    }
    let me = rustix::process::geteuid().as_raw();
    if (around.mode() | file.mode()) & 0o002 != 0 || ![0, me, around.uid()].contains(&file.uid()) {
        return Err(unnamed("other users of this machine can write it"));
    }
    read(path)
}

/// What is wrong with a text, and its words only if it is a config at all: another file is not quoted.
fn wrong(text: &str, error: &serde_saphyr::Error) -> String {
    let is_config =
        text.lines().any(|line| line.trim_end().strip_prefix("kind:").is_some_and(|rest| rest.trim() == "Cluster"));
    match error.location() {
        _ if is_config => error.without_snippet().to_string(),
        Some(place) => format!("line {}, column {} is not what one has there", place.line(), place.column()),
        None => "it is none".into(),
    }
}

/// `v1.37.0` of `kindest/node:v1.37.0@sha256:…`.
fn tag(image: &str) -> Option<&str> {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    image.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

fn without_tag(image: &str) -> String {
    match (image.split_once('@'), tag(image)) {
        (Some((name, digest)), Some(tag)) => format!("{}@{digest}", &name[..name.len() - tag.len() - 1]),
        _ => image.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(kind_config: Option<PathBuf>, image: Option<&str>) -> Settings {
        Settings {
            kind_config,
            kind_image: image.map(str::to_owned),
            ..Settings::in_folders(PathBuf::new(), PathBuf::new())
        }
    }

    #[test]
    fn the_one_that_is_set_counts_and_must_be_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("other.yaml");
        std::fs::write(&path, "kind: Cluster\nnetworking: {ipFamily: dual}\nnodes: [{role: worker}]\n")
            .expect("written");
        let config = Config::find(&settings(Some(path.clone()), None)).expect("a config");
        assert!(
            config.ipv6() && config.images().is_empty() && config.text.starts_with("kind: Cluster\n"),
            "{config:?}"
        );
        std::fs::write(&path, "nodes: 3\n").expect("written");
        let error = Config::find(&settings(Some(path.clone()), None)).expect_err("no list of nodes");
        assert!(error.message.starts_with(&format!("{} is not a config for kind: ", path.display())), "{error}");
        std::fs::remove_file(&path).expect("removed");
        let error = Config::find(&settings(Some(path.clone()), None)).expect_err("it is gone");
        assert!(error.message.starts_with(&format!("cannot read {}: ", path.display())), "{error}");
    }

    #[test]
    fn without_any_setting_it_is_the_file_in_the_working_directory_with_a_pinned_image() {
        // cargo runs tests in the folder of the crate.
        let config = Config::find(&settings(None, None)).expect("a config");
        assert_eq!((config.from.as_str(), config.text.as_str()), (FILE, SHIPPED));
        assert!(config.by_itself && config.notice().is_none(), "{:?}", config.notice());
        let [image] = &config.images()[..] else { panic!("{:?}", config.images()) };
        assert!(image.starts_with("kindest/node@sha256:"), "{image}");
        assert!(!config.ipv6());
    }

    #[test]
    fn the_image_of_the_settings_takes_the_place_of_the_others() {
        let config = Config::find(&settings(None, Some("mine.example:5000/node:v1.36.3"))).expect("a config");
        assert_eq!(config.images(), ["mine.example:5000/node:v1.36.3"]);
        let of = |minor: &str| {
            config
                .clone()
                .of_version(&Wanted { kubernetes: Some(minor.parse().expect("a version")), ..Wanted::default() })
        };
        assert!(of("1.36").is_ok() && config.clone().of_version(&Wanted::default()).is_ok());
        // What a setting names is not replaced; what none names is.
        assert!(of("1.34").is_err());
        let usual = Config::find(&settings(None, None)).expect("a config");
        let wanted = Wanted { kubernetes: Some(Version::new(1, 34)), ..Wanted::default() };
        assert_eq!(usual.of_version(&wanted).expect("there is one").images(), ["kindest/node:v1.34.0"]);
        let error = of("1.3").expect_err("another");
        assert!(
            error.message.starts_with("Kubernetes 1.3 is wanted, and the node image of kind-config.yaml"),
            "{error}"
        );
    }

    #[test]
    fn a_digest_makes_the_tag_superfluous() {
        assert_eq!(without_tag("kindest/node:v1.37.0@sha256:ab"), "kindest/node@sha256:ab");
        assert_eq!(without_tag("localhost:5000/node@sha256:ab"), "localhost:5000/node@sha256:ab");
        assert_eq!(without_tag("localhost:5000/node:v1"), "localhost:5000/node:v1");
    }
}
