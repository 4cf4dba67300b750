//! What is built in: licences and sources of all crates as `deny.toml` allows them, and the lock files of the engine's packages.
//! cargo-deny checks the same, and advisories, in the workflow; this needs no network.
#![cfg(target_os = "linux")]

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts of a list in `deny.toml`.
fn allowed(key: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let list = text.split(&format!("\n{key} = [")).nth(1).and_then(|rest| rest.split(']').next()).expect(key);
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether a licence expression can be met by licences of a list: the choices of SPDX, `/` in its old place.
fn met(expression: &str, by: &BTreeSet<String>) -> bool {
    let text = expression.replace(" / ", " OR ").replace('/', " OR ");
    // The outermost operator, OR before AND; parentheses stay together.
    for (word, all) in [(" OR ", false), (" AND ", true)] {
        let parts = apart(&text, word);
        if parts.len() > 1 {
            return if all { parts.iter().all(|part| met(part, by)) } else { parts.iter().any(|part| met(part, by)) };
        }
    }
    let inner = text.trim().strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    inner.map_or_else(|| by.contains(text.trim()), |inner| met(inner, by))
}

fn apart<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (vec![], 0, 0);
    for (at, byte) in text.bytes().enumerate() {
        depth += i32::from(byte == b'(') - i32::from(byte == b')');
        if depth == 0 && at >= start && text[at..].starts_with(word) {
            parts.push(&text[start..at]);
            start = at + word.len();
        }
    }
    parts.push(&text[start..]);
    parts
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let by = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for (expression, holds) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("(GPL-3.0 OR MIT) AND BSD-3-Clause", false),
        ("GPL-3.0 OR MIT AND ISC", true),
    ] {
        assert_eq!(met(expression, &by), holds, "{expression}");
    }
}

#[test]
fn every_crate_has_a_licence_and_a_source_that_deny_toml_allows() {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &host];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    assert!(packages.len() > 100, "{}", packages.len());
    let licenses = allowed("allow");
    let (mut wrong, mut sources) = (Vec::new(), std::collections::BTreeSet::new());
    for package in packages.iter().filter(|package| !package["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or_default();
        let license = package["license"].as_str().unwrap_or("none");
        if !met(license, &licenses) {
            wrong.push(format!("{name}: licence {license}"));
        }
        let source = package["source"].as_str().unwrap_or_default();
        sources.insert(source);
        if !source.starts_with("registry+https://") {
            wrong.push(format!("{name}: from {source}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(sources.len(), 1, "Cargo's own registry, and no other: {sources:?}");
}

#[test]
fn every_package_of_a_lock_file_has_version_and_sum() {
    let mut files = 0;
    let of_all: &[&str] = &["busybox-static", "ca-certificates", "curl", "iptables", "libseccomp-dev"];
    let folders = [("engine/debian", of_all), ("engine/1.20/debian", &["containerd"])];
    let entries = folders.iter().flat_map(|(folder, wanted)| {
        std::fs::read_dir(root().join(folder)).expect("a folder").flatten().map(move |entry| (entry, *wanted))
    });
    for (entry, all_wanted) in entries {
        let text = std::fs::read_to_string(entry.path()).expect("a lock file");
        let packages: Vec<Vec<&str>> =
            text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
        for package in &packages {
            let [name, version, sum] = package[..] else { panic!("{}: {package:?}", entry.path().display()) };
            assert!(!name.is_empty() && !version.is_empty(), "{package:?}");
            assert!(sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()), "{package:?}");
        }
        for wanted in all_wanted {
            assert!(packages.iter().any(|package| package[0] == *wanted), "{}: no {wanted}", entry.path().display());
        }
        files += 1;
    }
    assert!(files > 1);
}
