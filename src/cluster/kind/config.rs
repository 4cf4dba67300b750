//! Which `kind-config.yaml`, and which node image.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ClusterError, Settings, Wanted};

/// The one that kubewalk ships, for those who have none: its image is pinned.
const SHIPPED: &str = include_str!("../../../kind-config.yaml");

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
    known: Known,
}

/// The few of kind's words that matter here; kind itself judges them all.
#[derive(Debug, Clone, Default, Deserialize)]
struct Known {
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
}

impl Config {
    /// The one that is set, else the one in the working directory, else kubewalk's own.
    ///
    /// # Errors
    /// When it cannot be read, or is no YAML.
    pub fn find(settings: &Settings) -> Result<Self, ClusterError> {
        let here = PathBuf::from(FILE);
        let (text, from) = match &settings.kind_config {
            Some(path) => (read(path)?, path.display().to_string()),
            None if here.exists() => (read(&here)?, FILE.to_owned()),
            None => (SHIPPED.to_owned(), format!("kubewalk's own {FILE}")),
        };
        let known = serde_saphyr::from_str(&text)
            .map_err(|e| ClusterError::new(format!("{from} is not a config for kind: {e}"), "correct that file"))?;
        Ok(Config { text, from, image: settings.kind_image.clone(), known })
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

    /// Whether it is for Pods with IPv6 addresses.
    pub fn ipv6(&self) -> bool {
        matches!(self.known.networking.ip_family.as_deref(), Some("ipv6" | "dual"))
    }

    /// Whether it has the version of Kubernetes that is wanted, which its images say.
    ///
    /// # Errors
    /// When another is wanted.
    pub fn has(&self, wanted: &Wanted) -> Result<(), ClusterError> {
        let named = self.known.nodes.iter().find_map(|node| node.image.as_deref());
        let tag = self.image.as_deref().or(named).and_then(tag).unwrap_or_default();
        match wanted.kubernetes.as_deref() {
            Some(minor) if !tag.starts_with(&format!("v{minor}.")) => Err(ClusterError::new(
                format!(
                    "Kubernetes {minor} is wanted, and the node image of {} does not say that it is that",
                    self.from
                ),
                "name another image there or in KUBEWALK_KIND_IMAGE; kind's release notes list them",
            )),
            _ => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<String, ClusterError> {
    std::fs::read_to_string(path).map_err(|e| {
        ClusterError::new(
            format!("cannot read {}: {e}", path.display()),
            "name a config for kind in KUBEWALK_KIND_CONFIG, or leave that unset",
        )
    })
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
        Settings { kind_config, kind_image: image.map(str::to_owned), ..crate::settings::from_env() }
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
        let [image] = &config.images()[..] else { panic!("{:?}", config.images()) };
        assert!(image.starts_with("kindest/node@sha256:"), "{image}");
        assert!(!config.ipv6());
    }

    #[test]
    fn the_image_of_the_settings_takes_the_place_of_the_others() {
        let config = Config::find(&settings(None, Some("mine.example:5000/node:v1.36.3"))).expect("a config");
        assert_eq!(config.images(), ["mine.example:5000/node:v1.36.3"]);
        let of = |minor: &str| config.has(&Wanted { kubernetes: Some(minor.into()), ..Wanted::default() });
        assert!(of("1.36").is_ok() && config.has(&Wanted::default()).is_ok());
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
