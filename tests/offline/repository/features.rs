//! The features of the crate: what others have to build without them, and that each is described where others look.

use std::{collections::BTreeSet, process::Command};

use super::{release::cargo_metadata, root, text};

/// So many crates are too many for a crate that only tests its own scenarios.
const TOO_MANY: usize = 200;

/// The crates that are built for kubewalk, each with its version; features as the arguments say.
fn crates(features: &[&str]) -> BTreeSet<String> {
    let of = ["tree", "--locked", "--offline", "--package", "kubewalk", "--edges", "normal,build"];
    let shown = ["--prefix", "none", "--format", "{p}"];
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(of).args(shown).args(features).current_dir(root()).output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("names are UTF-8");
    said.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn without_its_features_the_crate_is_light() {
    let (all, few) = (crates(&[]), crates(&["--no-default-features"]));
    let named = |crates: &BTreeSet<String>, name: &str| crates.iter().any(|one| one.starts_with(&format!("{name} v")));
    for name in ["kubewalk", "kube", "rustls"] {
        assert!(named(&few, name), "{name} is not in the tree: {few:#?}");
    }
    for name in ["testcontainers", "bollard", "axum", "crossterm", "mimalloc", "maud", "quick-junit", "num-bigint"] {
        assert!(named(&all, name) && !named(&few, name), "{name} is for a feature");
    }
    assert!(few.len() < TOO_MANY, "{} crates without any feature: {few:#?}", few.len());
    let said = format!("fewer than {TOO_MANY} crates");
    assert!(text("README.md").contains(&said), "README.md does not say: {said}");
}

#[test]
fn each_feature_is_described_where_others_look() {
    let package = cargo_metadata();
    let features = package["features"].as_object().expect("features");
    let names: Vec<&str> = features.keys().map(String::as_str).filter(|name| *name != "default").collect();
    assert_eq!(names, ["cli", "docker", "one-build", "reports"]);
    let of_default: BTreeSet<&str> =
        features["default"].as_array().expect("a list").iter().filter_map(|name| name.as_str()).collect();
    assert_eq!(of_default, names.iter().copied().collect(), "all are on by default");
    assert_eq!(package["metadata"]["docs"]["rs"]["all-features"], true);
    let (library, readme) = (text("src/lib.rs"), text("README.md"));
    for name in &names {
        assert!(library.contains(&format!("//! - `{name}`: ")), "src/lib.rs does not describe {name}");
        assert!(*name == "one-build" || readme.contains(&format!("`{name}`")), "README.md does not name {name}");
        assert!(text(".ci/features").contains(&format!(" {name}")), ".ci/features does not look at {name} alone");
    }
    for page in [library, readme] {
        assert!(page.contains("default-features = false"));
    }
}
