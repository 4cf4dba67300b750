//! A release: archives, sums, and what Homebrew, Krew, binstall and SchemaStore are told. The program in it is a fake that only answers
//! what the scripts ask it, so that this takes a moment.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{root, script, text};

const TARGETS: [&str; 4] =
    ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "x86_64-apple-darwin", "aarch64-apple-darwin"];

/// Packs a fake program for each target.
fn release(folder: &Path) {
    let fake = folder.join("fake-kubewalk");
    let program = "#!/bin/sh\ncase $1 in man) echo page >\"$3/kubewalk.1\" ;; *) echo \"$*\" ;; esac\n";
    std::fs::write(&fake, program).expect("written");
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    for target in TARGETS {
        let archive = script("scripts/release-archive", &[target, &fake.to_string_lossy(), &folder.to_string_lossy()]);
        let twice = std::fs::read(&archive).expect("the archive");
        // On a machine elsewhere.
        let mut again = Command::new("bash");
        again.arg("scripts/release-archive").arg(target).args([&fake, folder]);
        let again = again.current_dir(root()).env("TZ", "Asia/Tokyo").output().expect("bash starts");
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        assert!(twice == std::fs::read(&archive).expect("the archive"), "{target}: two archives of the same differ");
    }
}

#[test]
fn what_package_managers_are_told_is_what_was_packed() {
    let folder = tempfile::tempdir().expect("a folder");
    release(folder.path());
    script("scripts/release-metadata", &[&folder.path().to_string_lossy()]);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let (version, repository) = (env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_REPOSITORY"));
    let krew: Value = serde_saphyr::from_str(&read("walk.yaml")).expect("YAML");
    assert_eq!(krew["spec"]["version"], format!("v{version}"));
    let platforms = krew["spec"]["platforms"].as_array().expect("platforms");
    assert_eq!(platforms.len(), TARGETS.len());
    let (formula, sums) = (read("kubewalk.rb"), read("SHA256SUMS"));
    let manifest: Value = cargo_metadata();
    let binstall = &manifest["metadata"]["binstall"];
    let mut architectures = BTreeSet::new();
    for target in TARGETS {
        let name = format!("kubewalk-v{version}-{target}");
        let url = format!("{repository}/releases/download/v{version}/{name}.tar.gz");
        let archive = std::fs::read(folder.path().join(format!("{name}.tar.gz"))).expect("the archive");
        let sum = Sha256::digest(&archive).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert!(sums.lines().any(|line| line == format!("{sum}  {name}.tar.gz")), "{sums}");
        assert!(formula.contains(&format!("      url \"{url}\"\n      sha256 \"{sum}\"\n")), "{target}: {formula}");
        let platform = platforms.iter().find(|platform| platform["uri"] == url.as_str()).expect(target);
        assert_eq!(platform["sha256"], sum);
        let labels = &platform["selector"]["matchLabels"];
        architectures.insert((labels["os"].to_string(), labels["arch"].to_string()));
        // What each takes out of the archive is in it.
        let listed =
            Command::new("tar").arg("-tzf").arg(folder.path().join(format!("{name}.tar.gz"))).output().expect("tar");
        let listed = String::from_utf8(listed.stdout).expect("names");
        for file in platform["files"].as_array().expect("files") {
            let from = file["from"].as_str().expect("a file");
            assert!(listed.lines().any(|line| line == from), "{from} is not in\n{listed}");
        }
        for file in
            ["man/kubewalk.1", "completions/kubewalk.bash", "completions/kubewalk.fish", "completions/_kubewalk"]
        {
            assert!(listed.lines().any(|line| line == format!("{name}/{file}")), "{file} is not in\n{listed}");
        }
        let filled = |text: &str| {
            let values = [
                ("repo", repository),
                ("version", version),
                ("target", target),
                ("bin", "kubewalk"),
                ("binary-ext", ""),
            ];
            values.iter().fold(text.to_owned(), |text, (key, value)| text.replace(&format!("{{ {key} }}"), value))
        };
        assert_eq!(filled(binstall["pkg-url"].as_str().expect("a URL")), url);
        let inside = filled(binstall["bin-dir"].as_str().expect("a path"));
        assert!(listed.lines().any(|line| line == inside), "{inside} is not in\n{listed}");
    }
    assert_eq!(architectures.len(), TARGETS.len(), "{architectures:?}");
    let store: Value = serde_json::from_str(&read("schemastore.json")).expect("JSON");
    let schema: Value = serde_json::from_str(&text("schema/scenario.schema.json")).expect("JSON");
    assert_eq!(store["url"], schema["$id"], "SchemaStore leads to the schema that calls itself so");
    assert_eq!(store["fileMatch"], serde_json::json!(["*.kubewalk.yaml", "*.kubewalk.yml"]));
}

/// What Cargo says of the package.
pub(super) fn cargo_metadata() -> Value {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo starts");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages").clone();
    packages.into_iter().find(|package| package["name"] == "kubewalk").expect("kubewalk")
}

/// What one release says of another version, or of an engine that it is not built of, is told.
#[test]
fn version_schema_and_engine_are_in_step() {
    script("scripts/release-metadata", &["--check"]);
    let schema: Value = serde_json::from_str(&text("schema/scenario.schema.json")).expect("JSON");
    let expected =
        format!("{}/raw/v{}/schema/scenario.schema.json", env!("CARGO_PKG_REPOSITORY"), env!("CARGO_PKG_VERSION"));
    assert_eq!(schema["$id"], expected);
}

/// While nobody knows where the repository is, nothing is released.
#[test]
fn a_place_that_leads_nowhere_is_never_released() {
    let checked = Command::new(root().join("scripts/about")).arg("repository").output().expect("it starts");
    let known = !env!("CARGO_PKG_REPOSITORY").contains(".invalid/");
    assert_eq!(checked.status.success(), known, "{}", String::from_utf8_lossy(&checked.stdout));
    let list = text("scripts/release-check");
    assert!(list.contains("check 'the repository is named'"), "{list}");
}
