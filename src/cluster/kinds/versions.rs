//! Which minor versions of Kubernetes the kinds have.

use crate::{
    cluster::{ClusterError, Settings, Wanted, engine},
    k8s::Version,
};

/// The image of k3s without its tag.
const K3S: &str = "rancher/k3s";

/// Of k3s the newest patch of each minor that is known to work, newest first; the first is the default.
const K3S_TAGS: [&str; 4] = ["v1.36.1-k3s1", "v1.35.6-k3s1", "v1.34.9-k3s1", "v1.33.10-k3s1"];

/// The minors of k3s.
fn of_k3s() -> String {
    K3S_TAGS
        .into_iter()
        .filter_map(Version::of_release)
        .map(|version| version.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// That the engine has the version that is wanted.
///
/// # Errors
/// When another is wanted.
pub fn of_the_engine(wanted: &Wanted) -> Result<(), ClusterError> {
    match wanted.kubernetes {
        None | Some(engine::MINOR) => Ok(()),
        Some(other) => Err(ClusterError::new(
            format!("the engine's node has Kubernetes {}, and {other} is wanted", engine::MINOR),
            format!("leave --kubernetes out, or use --cluster k3s ({})", of_k3s()),
        )),
    }
}

/// The image of k3s for what is wanted.
///
/// # Errors
/// When a minor is asked for that is not in the table.
pub fn k3s_image(wanted: &Wanted, settings: &Settings) -> Result<String, ClusterError> {
    if let Some(image) = &settings.k3s_image {
        return Ok(image.clone());
    }
    let Some(version) = wanted.kubernetes else { return Ok(format!("{K3S}:{}", K3S_TAGS[0])) };
    let tag = K3S_TAGS.into_iter().find(|tag| Version::of_release(tag) == Some(version));
    tag.map(|tag| format!("{K3S}:{tag}")).ok_or_else(|| {
        ClusterError::new(
            format!("no k3s image is known for Kubernetes {version}"),
            format!("known are {}; for another, name the image with KUBEWALK_K3S_IMAGE", of_k3s()),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn settings(k3s_image: Option<&str>) -> Settings {
        Settings { k3s_image: k3s_image.map(str::to_owned), ..Settings::in_folders(PathBuf::new(), PathBuf::new()) }
    }

    #[test]
    fn a_minor_chooses_the_image_and_an_image_outranks_it() {
        let wanted = |minor: Option<&str>| Wanted {
            kubernetes: minor.map(|minor| minor.parse().expect("a version")),
            ..Wanted::default()
        };
        let of = |minor, named| k3s_image(&wanted(minor), &settings(named));
        assert_eq!(of(None, None).expect("an image"), "rancher/k3s:v1.36.1-k3s1");
        assert_eq!(of(Some("1.34"), None).expect("an image"), "rancher/k3s:v1.34.9-k3s1");
        assert_eq!(of(Some("1.34"), Some("r/mine:1")).expect("an image"), "r/mine:1");
        let e = of(Some("1.20"), None).expect_err("none");
        assert_eq!(e.message, "no k3s image is known for Kubernetes 1.20");
    }
}
