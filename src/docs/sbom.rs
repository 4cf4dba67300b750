//! The software bill of materials, in SPDX 2.3: every crate in the program, and every Go module and Debian package in the engine,
//! with version and sum.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// What the engine's build wrote about itself, `manifest.json`.
#[derive(Debug, Deserialize)]
pub struct Engine {
    engine: String,
    go: String,
    versions: BTreeMap<String, String>,
    /// Whether all Debian packages are those of the lock file; builds from before there was one do not say.
    #[serde(default)]
    locked: bool,
    debian: Vec<Debian>,
    modules: Vec<Module>,
}

#[derive(Debug, Deserialize)]
struct Debian {
    name: String,
    version: String,
    sha256: String,
}

#[derive(Debug, Deserialize)]
struct Module {
    name: String,
    version: String,
    sum: String,
}

/// What `cargo metadata` says, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct Crates {
    packages: Vec<Crate>,
}

#[derive(Debug, Deserialize)]
struct Crate {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

/// The sums of `Cargo.lock`, by name and version.
pub fn sums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
        line.map(str::to_owned)
    };
    let entry = |block: &str| Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?));
    lock.split("[[package]]").skip(1).filter_map(entry).collect()
}

/// The document. `created` is a time as RFC 3339 has it.
pub fn document(engine: &Engine, crates: &Crates, sums: &BTreeMap<(String, String), String>, created: &str) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let mut packages = vec![
        package("kubewalk", version, Some("Apache-2.0"), &format!("pkg:cargo/kubewalk@{version}"), None),
        package(
            "kubewalk-engine",
            &engine.engine,
            None,
            &format!("pkg:generic/kubewalk-engine@{}", engine.engine),
            None,
        ),
    ];
    let locked = if engine.locked { "all" } else { "not all" };
    let parts: Vec<_> = engine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let comment =
        format!("{}, built by {}; {locked} Debian packages are those of the lock file", parts.join(", "), engine.go);
    packages[1]["comment"] = comment.into();
    let (top, mut relations) = (id("kubewalk", version), Vec::new());
    let of_engine = id("kubewalk-engine", &engine.engine);
    relations.push(relation("SPDXRef-DOCUMENT", "DESCRIBES", &top));
    relations.push(relation(&top, "CONTAINS", &of_engine));
    for one in crates.packages.iter().filter(|one| one.source.is_some()) {
        let sum = sums.get(&(one.name.clone(), one.version.clone()));
        let place = format!("pkg:cargo/{}@{}", one.name, one.version);
        let license = one.license.as_deref().map(|license| license.replace(" / ", " OR ").replace('/', " OR "));
        let mut package = package(&one.name, &one.version, license.as_deref(), &place, sum.map(String::as_str));
        package["SPDXID"] = id(&format!("cargo-{}", one.name), &one.version).into();
        relations.push(relation(&top, "DEPENDS_ON", package["SPDXID"].as_str().unwrap_or_default()));
        packages.push(package);
    }
    for one in &engine.debian {
        let place = format!("pkg:deb/debian/{}@{}", one.name, one.version.replace(':', "%3A"));
        let mut package = package(&one.name, &one.version, None, &place, Some(&one.sha256));
        package["SPDXID"] = id(&format!("deb-{}", one.name), &one.version).into();
        relations.push(relation(&of_engine, "CONTAINS", package["SPDXID"].as_str().unwrap_or_default()));
        packages.push(package);
    }
    for one in &engine.modules {
        let place = format!("pkg:golang/{}@{}", one.name, one.version);
        let mut package = package(&one.name, &one.version, None, &place, None);
        package["SPDXID"] = id(&format!("go-{}", one.name), &one.version).into();
        // A sum over a list of sums, which SPDX has no name for.
        package["sourceInfo"] = format!("go.sum: {}", one.sum).into();
        relations.push(relation(&of_engine, "CONTAINS", package["SPDXID"].as_str().unwrap_or_default()));
        packages.push(package);
    }
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("kubewalk-{version}"),
        "documentNamespace": format!("https://spdx.org/spdxdocs/kubewalk-{version}-{}", engine.engine),
        "creationInfo": {"created": created, "creators": [format!("Tool: kubewalk-{version}")]},
        "packages": packages,
        "relationships": relations,
    })
}

fn package(name: &str, version: &str, license: Option<&str>, place: &str, sha256: Option<&str>) -> Value {
    let mut package = json!({
        "SPDXID": id(name, version),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": license.unwrap_or("NOASSERTION"),
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": place}
        ],
    });
    if let Some(sum) = sha256 {
        package["checksums"] = json!([{"algorithm": "SHA256", "checksumValue": sum}]);
    }
    package
}

/// Letters, digits, dots and hyphens are all that an id may have.
fn id(name: &str, version: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_string() } else { format!("-{:x}", u32::from(c)) };
    format!(
        "SPDXRef-{}-{}",
        name.chars().map(plain).collect::<String>(),
        version.chars().map(plain).collect::<String>()
    )
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"kubewalk\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"a-b\"\n\
        version = \"1.0.0+x\"\nsource = \"registry+https://example.com/index\"\nchecksum = \"aa11\"\n";

    fn made() -> Value {
        let engine: Engine = serde_json::from_value(json!({
            "engine": "0123456789abcdef", "minor": "1.37", "go": "go1.26.8", "versions": {"etcd": "v3.7.3"}, "locked": true,
            "debian": [{"name": "libstdc++6", "version": "1:2.0~x", "sha256": "bb22"}],
            "modules": [{"name": "example.com/m/v2", "version": "v2.0.1", "sum": "h1:cc33="}],
        }))
        .expect("a manifest");
        let crates: Crates = serde_json::from_value(json!({"packages": [
            {"name": "kubewalk", "version": "0.1.0", "license": "Apache-2.0", "source": null},
            {"name": "a-b", "version": "1.0.0+x", "license": "MIT/Apache-2.0", "source": "registry"},
        ]}))
        .expect("metadata");
        document(&engine, &crates, &sums(LOCK), "2026-01-02T03:04:05Z")
    }

    #[test]
    fn every_part_has_its_version_place_and_sum() {
        let made = made();
        let of = |name: &str| {
            let packages = made["packages"].as_array().expect("a list");
            packages.iter().find(|package| package["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
        };
        let place = |name: &str| of(name)["externalRefs"][0]["referenceLocator"].clone();
        assert_eq!(of("a-b")["checksums"][0]["checksumValue"], "aa11");
        assert_eq!(of("a-b")["licenseDeclared"], "MIT OR Apache-2.0");
        assert_eq!(place("libstdc++6"), "pkg:deb/debian/libstdc++6@1%3A2.0~x");
        assert_eq!(of("libstdc++6")["checksums"][0]["checksumValue"], "bb22");
        assert_eq!(place("example.com/m/v2"), "pkg:golang/example.com/m/v2@v2.0.1");
        assert_eq!(of("example.com/m/v2")["sourceInfo"], "go.sum: h1:cc33=");
        assert!(
            of("kubewalk-engine")["comment"]
                .as_str()
                .expect("a text")
                .contains("etcd v3.7.3, built by go1.26.8; all Debian")
        );
        assert_eq!(made["packages"].as_array().expect("a list").len(), 5);
    }

    #[test]
    fn it_is_a_document_of_spdx_2_3() {
        let made = made();
        for key in [
            "spdxVersion",
            "dataLicense",
            "SPDXID",
            "name",
            "documentNamespace",
            "creationInfo",
            "packages",
            "relationships",
        ] {
            assert!(!made[key].is_null(), "{key}");
        }
        let mut ids = std::collections::BTreeSet::from(["SPDXRef-DOCUMENT".to_owned()]);
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        for package in made["packages"].as_array().expect("a list") {
            for key in
                ["name", "versionInfo", "downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText"]
            {
                assert!(package[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {package}");
            }
            let id = package["SPDXID"].as_str().expect("an id");
            assert!(id.starts_with("SPDXRef-") && plain(id), "{id}");
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
        }
        for relation in made["relationships"].as_array().expect("a list") {
            for end in ["spdxElementId", "relatedSpdxElement"] {
                assert!(ids.contains(relation[end].as_str().expect("an id")), "{relation}");
            }
        }
    }
}
