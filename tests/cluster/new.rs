//! `kubewalk new` writes a scenario that is true on a real cluster.

use std::{path::Path, process::Command};

fn new(dir: &Path, name: &str) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kubewalk")).args(["new", name]).current_dir(dir).output();
    let output = output.expect("kubewalk starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn what_it_writes_is_true() {
    let dir = tempfile::tempdir().expect("a folder");
    assert_eq!(new(dir.path(), "rbac/mine"), (Some(0), "scenarios/rbac/mine.yaml\n".into(), String::new()));
    let path = dir.path().join("scenarios/rbac/mine.yaml");
    kubewalk::testing::run(path);
}

#[test]
fn it_overwrites_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("mine.yaml");
    std::fs::write(&path, "precious").expect("written");
    let (code, stdout, stderr) = new(dir.path(), "mine.yaml");
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("mine.yaml is there already"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "precious");
    assert_eq!(new(dir.path(), "rbac/").0, Some(2));
}

/// Its first line leads to the schema, also where no checkout of kubewalk is; a schema that is there already is left as it is.
#[test]
fn an_editor_finds_the_schema_from_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let schema = Command::new(env!("CARGO_BIN_EXE_kubewalk")).arg("schema").output().expect("kubewalk starts").stdout;
    for name in ["rbac/mine", "other.yaml"] {
        let (code, stdout, stderr) = new(dir.path(), name);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let path = dir.path().join(stdout.trim());
        let text = std::fs::read_to_string(&path).expect("a scenario");
        let line =
            text.lines().next().expect("a line").strip_prefix("# yaml-language-server: $schema=").expect("a schema");
        let found = path.parent().expect("a folder").join(line);
        assert_eq!(std::fs::read(found).expect("the schema"), schema, "{name}: {line}");
    }
    std::fs::write(dir.path().join(".kubewalk/scenario.schema.json"), "{}").expect("written");
    let (code, _, stderr) = new(dir.path(), "third");
    assert_eq!(code, Some(0));
    assert!(stderr.contains("is not of this kubewalk: kubewalk schema > .kubewalk/scenario.schema.json"), "{stderr}");
    assert_eq!(std::fs::read_to_string(dir.path().join(".kubewalk/scenario.schema.json")).expect("it is there"), "{}");
}

/// A link that leads nowhere is a file that is there, too.
#[cfg(unix)]
#[test]
fn it_follows_no_link() {
    let dir = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("mine.yaml")).expect("a link");
    assert_eq!(new(dir.path(), "mine.yaml").0, Some(2));
    assert!(!dir.path().join("elsewhere").exists());
}
