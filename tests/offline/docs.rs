//! The generated pages are what the sources say; `KUBEWALK_BLESS=1 cargo test --test docs` writes them anew.

use std::{path::Path, process::Command};

use kubewalk::{docs::language, scenario};
use rstest::rstest;

/// `claims` also fails when a step names a row that is not in docs/claims.yaml, and when no step shows a row that no reason
/// excuses.
#[rstest]
fn a_page_is_current(#[values("claims", "language")] page: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env!("CARGO_BIN_EXE_kubewalk")).args(["docs", page]).current_dir(root).output();
    let output = output.expect("kubewalk starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "kubewalk docs {page}:\n{said}");
    let made = String::from_utf8(output.stdout).expect("UTF-8");
    let path = root.join("docs").join(page).with_extension("md");
    if std::env::var_os("KUBEWALK_BLESS").is_some_and(|word| word == "1") {
        std::fs::write(&path, &made).expect("written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(committed == made, "docs/{page}.md is not what its sources say; KUBEWALK_BLESS=1 cargo test --test docs");
}

#[test]
fn every_key_has_an_example_that_fits() {
    let schema = scenario::schema_json();
    let fits = |key: &serde_json::Value, example: &serde_json::Value| {
        // The key's own schema, with the definitions that it may refer to.
        let mut whole = key.clone();
        whole["definitions"] = schema["definitions"].clone();
        jsonschema::draft7::is_valid(&whole, example)
    };
    let wanting = language::wanting(&schema, &fits);
    assert!(wanting.is_empty(), "give these an example in src/docs/examples.rs:\n{}", wanting.join("\n"));
}
