//! Which minor versions of Kubernetes the kinds have.
#![cfg_attr(not(feature = "docker"), allow(dead_code, reason = "the kinds in Docker ask for theirs"))]

use crate::{
    cluster::{ClusterError, Settings, Wanted, engine::Release},
    k8s::Version,
};

/// The image of k3s without its tag.
const K3S: &str = "rancher/k3s";

/// Of k3s a late patch of each minor that CI runs, newest first; the first is the default.
const K3S_TAGS: [&str; 5] = ["v1.36.1-k3s1", "v1.35.6-k3s1", "v1.34.9-k3s1", "v1.33.10-k3s1", "v1.20.15-k3s1"];

/// The node images of kind, without the one that its config names; newest first.
const KIND_IMAGES: [&str; 2] = ["kindest/node:v1.34.0", "kindest/node:v1.20.15"];

/// The node image of kind for a version, if one is known.
pub fn kind_image(version: Version) -> Option<&'static str> {
    let tag = |image: &str| image.rsplit_once(':').and_then(|(_, tag)| Version::of_release(tag));
    KIND_IMAGES.into_iter().find(|image| tag(image) == Some(version))
}

/// The minors of k3s.
fn of_k3s() -> String {
    K3S_TAGS
        .into_iter()
        .filter_map(Version::of_release)
        .map(|version| version.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The engine's node image for what is wanted.
///
/// # Errors
/// When it has none of that version, or one that cannot hold what is not trusted.
pub fn of_the_engine(wanted: &Wanted) -> Result<Release, ClusterError> {
    let known = || format!("the engine has {}, and k3s {}", Release::list(), of_k3s());
    let Some(release) = Release::for_minor(wanted.kubernetes) else {
        let version = wanted.kubernetes.unwrap_or(Release::NEWEST.minor);
        return Err(ClusterError::new(format!("the engine has no Kubernetes {version}"), known()));
    };
    if wanted.untrusted && !release.policy_files {
        return Err(ClusterError::new(
            format!(
                "--untrusted does not go with Kubernetes {release}: an administrator of such a cluster, as every scenario is, \
                 could remove the policy that keeps Pods from its node"
            ),
            format!("leave --kubernetes out: {} reads it from files of its own", Release::NEWEST),
        ));
    }
    Ok(release)
}

/// That there is some kind that has the version that is wanted.
///
/// # Errors
/// When there is none.
pub fn of_any(wanted: &Wanted, settings: &Settings) -> Result<(), ClusterError> {
    match (of_the_engine(wanted), k3s_image(wanted, settings)) {
        (Ok(_), _) => Ok(()),
        // That of k3s does not hold what is not trusted.
        (Err(_), Ok(_)) if !wanted.untrusted && cfg!(feature = "docker") => Ok(()),
        (Err(error), _) => Err(error),
    }
}

/// That of a cluster that exists none is wanted: it has the version that it has.
///
/// # Errors
/// When one is.
pub fn of_an_existing(wanted: &Wanted) -> Result<(), ClusterError> {
    match wanted.kubernetes {
        None => Ok(()),
        Some(version) => Err(ClusterError::new(
            format!("Kubernetes {version} is wanted, and a cluster that exists has the version that it has"),
            "leave --kubernetes out; a scenario says by `when` on which versions it holds",
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
        assert_eq!(of(Some("1.20"), None).expect("an image"), "rancher/k3s:v1.20.15-k3s1");
        let e = of(Some("1.19"), None).expect_err("none");
        assert_eq!(e.message, "no k3s image is known for Kubernetes 1.19");
        assert_eq!(kind_image(Version::new(1, 34)), Some("kindest/node:v1.34.0"));
        assert_eq!(kind_image(Version::new(1, 19)), None);
    }

    #[test]
    fn a_version_that_nobody_has_is_refused_with_those_that_there_are() {
        let wanted = |minor: &str| Wanted { kubernetes: Some(minor.parse().expect("a version")), ..Wanted::default() };
        assert_eq!(of_the_engine(&Wanted::default()).expect("there is one"), Release::NEWEST);
        assert_eq!(of_the_engine(&wanted("1.20")).expect("there is one").to_string(), "1.20");
        let error = of_any(&wanted("1.23"), &settings(None)).expect_err("nobody has it");
        assert_eq!(error.message, "the engine has no Kubernetes 1.23");
        assert!(
            error.remedy.as_ref().is_some_and(|list| list.starts_with("the engine has 1.37, 1.34, 1.20")),
            "{error:?}"
        );
        assert!(of_any(&wanted("1.36"), &settings(None)).is_ok());
        let untrusted = Wanted { untrusted: true, ..wanted("1.34") };
        assert!(of_any(&untrusted, &settings(None)).is_err());
        assert!(of_an_existing(&wanted("1.34")).is_err() && of_an_existing(&Wanted::default()).is_ok());
    }
}
