//! The manifest of an image, and the index that leads to it.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, header};
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::{
    fault::Fault,
    get::Source,
    reference::{hex, is_digest},
    transport::TRIES,
};

/// The most that one may have, in bytes, as registries have it.
const MOST: u64 = 4 << 20;

/// An engine has three layers.
const MOST_LAYERS: usize = 32;

/// The most that all layers may have, in bytes; an engine has a tenth of it.
pub(super) const MOST_BYTES: u64 = 2 << 30;

const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const IMAGES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const LAYERS: [&str; 2] =
    ["application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"];

/// The note of the image that says which engine it is.
const ENGINE: &str = "dev.kubewalk.engine";

/// Something in a registry, by its sum.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    pub(super) size: u64,
    platform: Option<Platform>,
}

impl Descriptor {
    /// Its sum as hex digits.
    pub(super) fn sum(&self) -> &str {
        self.digest.trim_start_matches("sha256:")
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The layers of the image for this machine, if it is this engine.
pub(super) async fn layers(source: &mut Source<'_>, engine: &str) -> Result<Vec<Descriptor>, Fault> {
    let mut manifest = fetch(source, &source.reference.digest.clone()).await?;
    if INDEXES.contains(&manifest.media_type.as_str()) {
        let chosen = choose(&manifest, &platform())?;
        manifest = fetch(source, &chosen).await?;
    }
    checked(manifest, engine)
}

/// This machine's, in the words of registries. A node is Linux wherever kubewalk itself runs.
fn platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("linux/{architecture}")
}

async fn fetch(source: &mut Source<'_>, sum: &str) -> Result<Manifest, Fault> {
    let what = format!("the manifest sha256:{sum}");
    let accept = INDEXES.iter().chain(&IMAGES).copied().collect::<Vec<_>>().join(", ");
    let accept =
        HeaderValue::from_str(&accept).map_err(|e| Fault::Malformed { what: what.clone(), why: e.to_string() })?;
    let headers = HeaderMap::from_iter([(header::ACCEPT, accept)]);
    let mut tries = 1;
    loop {
        match fetch_once(source, &what, &headers, sum).await {
            // A registry that is not reached is the first thing that a machine without a network meets: it is told at once.
            Err(fault) if fault.passes() && !matches!(fault, Fault::Unreachable { .. }) && tries < TRIES => {
                source.transport.patience.pause_after(tries).await?;
                tries += 1;
            }
            other => return other,
        }
    }
}

async fn fetch_once(source: &mut Source<'_>, what: &str, headers: &HeaderMap, sum: &str) -> Result<Manifest, Fault> {
    let answer = source.get(what, &format!("manifests/sha256:{sum}"), headers).await?;
    let bytes = source.whole(what, answer, MOST).await?;
    read(what, &bytes, sum)
}

/// Believes it when it has the sum.
fn read(what: &str, bytes: &[u8], sum: &str) -> Result<Manifest, Fault> {
    let found = hex(digest(&SHA256, bytes));
    if found != sum {
        return Err(Fault::Digest { what: what.to_owned(), found });
    }
    let manifest: Manifest =
        serde_json::from_slice(bytes).map_err(|e| Fault::Malformed { what: what.to_owned(), why: e.to_string() })?;
    if !INDEXES.iter().chain(&IMAGES).any(|known| *known == manifest.media_type) {
        return Err(Fault::MediaType { what: what.to_owned(), found: manifest.media_type });
    }
    Ok(manifest)
}

/// The sum of the manifest for a platform.
fn choose(index: &Manifest, wanted: &str) -> Result<String, Fault> {
    let name = |found: &Descriptor| found.platform.as_ref().map(|of| format!("{}/{}", of.os, of.architecture));
    let found = index.manifests.iter().find(|found| name(found).as_deref() == Some(wanted));
    match found {
        Some(found) if is_digest(found.sum()) => Ok(found.sum().to_owned()),
        Some(_) => Err(Fault::Malformed { what: "the index".into(), why: "it names no SHA-256".into() }),
        None => {
            let there = index.manifests.iter().filter_map(name).collect();
            Err(Fault::Platform { wanted: wanted.to_owned(), there })
        }
    }
}

/// Looks at all that it promises before anything is fetched.
fn checked(manifest: Manifest, engine: &str) -> Result<Vec<Descriptor>, Fault> {
    if !IMAGES.contains(&manifest.media_type.as_str()) {
        return Err(Fault::MediaType { what: "what the index names".into(), found: manifest.media_type });
    }
    let found = manifest.annotations.get(ENGINE).map_or("", String::as_str);
    if found != engine {
        let found = if found.is_empty() { "of nobody's: it has no such note".to_owned() } else { found.to_owned() };
        return Err(Fault::OtherEngine { found, wanted: engine.to_owned() });
    }
    if manifest.layers.is_empty() || manifest.layers.len() > MOST_LAYERS {
        return Err(Fault::TooMuch {
            what: "its list of layers".into(),
            most: MOST_LAYERS as u64,
            unit: "of them, or none",
        });
    }
    for layer in &manifest.layers {
        if !LAYERS.contains(&layer.media_type.as_str()) {
            return Err(Fault::MediaType {
                what: format!("the layer {}", layer.digest),
                found: layer.media_type.clone(),
            });
        }
        if !layer.digest.starts_with("sha256:") || !is_digest(layer.sum()) {
            return Err(Fault::Malformed { what: "the manifest".into(), why: "a layer of it has no SHA-256".into() });
        }
    }
    let sum = manifest.layers.iter().try_fold(0_u64, |sum, layer| sum.checked_add(layer.size));
    if sum.is_none_or(|sum| sum > MOST_BYTES) {
        return Err(Fault::TooMuch { what: "the image".into(), most: MOST_BYTES, unit: "bytes" });
    }
    Ok(manifest.layers)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const SUM: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn image() -> Value {
        let layer = json!({"mediaType": LAYERS[0], "digest": format!("sha256:{SUM}"), "size": 7});
        json!({"mediaType": IMAGES[0], "layers": [layer], "annotations": {ENGINE: "0123"}})
    }

    fn judged(manifest: Value) -> Result<Vec<Descriptor>, Fault> {
        checked(serde_json::from_value(manifest).expect("a manifest"), "0123")
    }

    #[rstest]
    #[case("/layers/0/mediaType", json!("application/vnd.oci.image.layer.v1.tar+zstd"), "media-type")]
    #[case("/layers/0/digest", json!("sha512:00"), "malformed")]
    #[case("/layers/0/digest", json!("sha256:../../x"), "malformed")]
    #[case("/layers/0/size", json!(MOST_BYTES + 1), "too-much")]
    #[case("/layers", json!([]), "too-much")]
    #[case("/annotations", json!({}), "other-engine")]
    #[case("/annotations", json!({ENGINE: "4567"}), "other-engine")]
    #[case("/mediaType", json!(INDEXES[0]), "media-type")]
    fn what_it_promises_is_looked_at_first(#[case] at: &str, #[case] value: Value, #[case] class: &str) {
        assert_eq!(judged(image()).expect("a good one").len(), 1);
        let mut other = image();
        *other.pointer_mut(at).expect("it is there") = value;
        assert_eq!(judged(other).expect_err("it is not").class(), class);
    }

    #[test]
    fn sizes_that_overflow_are_too_much() {
        let mut other = image();
        let layer = other["layers"][0].clone();
        other["layers"] = json!([layer.clone(), layer]);
        other["layers"][0]["size"] = json!(u64::MAX);
        assert_eq!(judged(other).expect_err("it is").class(), "too-much");
    }

    #[test]
    fn only_the_bytes_that_were_meant_are_read() {
        let bytes = image().to_string().into_bytes();
        let sum = hex(digest(&SHA256, &bytes));
        read("it", &bytes, &sum).expect("it is the one");
        assert_eq!(read("it", &bytes, SUM).expect_err("it is another").class(), "digest");
        let other = json!({"mediaType": "application/vnd.example"}).to_string().into_bytes();
        assert_eq!(read("it", &other, &hex(digest(&SHA256, &other))).expect_err("no image").class(), "media-type");
    }

    #[test]
    fn an_index_gives_what_is_for_this_machine() {
        let of = |architecture: &str, sum: &str| json!({"digest": format!("sha256:{sum}"), "size": 1, "platform": {"os": "linux", "architecture": architecture}});
        let index: Manifest =
            serde_json::from_value(json!({"mediaType": INDEXES[0], "manifests": [of("amd64", SUM), of("s390x", "x")]}))
                .expect("an index");
        assert_eq!(choose(&index, "linux/amd64").expect("one"), SUM);
        assert_eq!(choose(&index, "linux/s390x").expect_err("no sum").class(), "malformed");
        let e = choose(&index, "linux/arm64").expect_err("none");
        assert_eq!(e.to_string(), "the image has nothing for linux/arm64, only for linux/amd64, linux/s390x");
    }
}
