//! The reader as a whole: files, places, agreement with the JSON Schema, and random texts.

use std::{fs, path::Path, path::PathBuf, sync::Arc};

use super::{Diagnostic, Document, Severity, Source, diagnostic::render, read, read_file, schema_json, shape, yaml};

const TEXT: &str = "\
title: A title
steps:
  - title: One
    curl: {in: reader, url: \"https://kubernetes.default/api\", headers: {a/b: c}}
    expect:
      status: 403
  - title: Two
    apply: &role
      apiVersion: rbac.authorization.k8s.io/v1
      kind: Role
      metadata: {name: list-pods, labels: {version: \"1.10\"}}
      rules: [{apiGroups: [\"\"], resources: [pods], verbs: [list]}]
  - title: Three
    create: *role
";

fn document(text: &str) -> Arc<Document> {
    read(Path::new("a.yaml"), text.as_bytes())
        .unwrap_or_else(|(source, found)| panic!("{}", render(&found, &source, false)))
}

fn failure(bytes: &[u8]) -> (Source, Vec<Diagnostic>) {
    read(Path::new("a.yaml"), bytes).err().unwrap_or_else(|| panic!("taken: {}", String::from_utf8_lossy(bytes)))
}

#[test]
fn knows_the_place_of_every_value() {
    let document = document(TEXT);
    let value = |pointer: &str| &TEXT[document.span(pointer).start..document.span(pointer).end];
    let key = |pointer: &str| &TEXT[document.key_span(pointer).start..document.key_span(pointer).end];
    for (pointer, at_value, at_key) in [
        ("/title", "A title", "title"),
        ("/steps/0", "title: One", "title: One"),
        ("/steps/0/curl/in", "reader", "in"),
        ("/steps/0/curl/headers", "{a/b: c}", "headers"),
        ("/steps/0/curl/headers/a~1b", "c", "a/b"),
        ("/steps/0/expect", "status: 403", "expect"),
        ("/steps/0/expect/status", "403", "status"),
        ("/steps/1/apply/rules/0/verbs", "[list]", "verbs"),
        ("/steps/1/apply/metadata/labels/version", "\"1.10\"", "version"),
        // What came by an alias is at the alias.
        ("/steps/2/create/metadata/name", "*role", "*role"),
        // What does not exist is at what is around it.
        ("/steps/0/expect/json/a", "status: 403", "expect"),
        ("/steps/0/curl/nothing", "{in: reader, url: \"https://kubernetes.default/api\", headers: {a/b: c}}", "curl"),
        ("/steps/9", "- title: One", "steps"),
        ("", "title: A title", "title: A title"),
        ("/nothing", "title: A title", "title: A title"),
    ] {
        assert_eq!((value(pointer), key(pointer)), (at_value, at_key), "{pointer}");
    }
}

#[test]
fn keeps_free_parts_as_kubectl_reads_them() {
    let text = TEXT.replace("[pods]", "[a, 0644, 1e3, 1.5, True, ~, 0x1F, '1', 2026-01-01, 1.10.0]");
    let root = document(&text).root.to_json();
    let list = root.pointer("/steps/2/create/rules/0/resources").expect("the list");
    assert_eq!(*list, serde_json::json!(["a", 420, 1000, 1.5, true, null, 31, "1", "2026-01-01", "1.10.0"]));
}

#[test]
fn tells_at_most_fifty() {
    let text: String = (0..500).map(|n| format!("key{n}: 1\n")).collect();
    let (_, found) = failure(text.as_bytes());
    assert_eq!(found.len(), 51);
    assert_eq!(found[50].message, "and at least 452 more errors in this file");
}

#[test]
fn reads_only_regular_files_of_a_sane_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.yaml");
    fs::write(&path, TEXT).expect("written");
    assert!(read_file(&path).is_ok());
    let message = |path: &Path| {
        let (source, found) = read_file(path).expect_err("refused");
        assert!(source.path == path && found.len() == 1 && found[0].severity == Severity::Error);
        found[0].message.clone()
    };
    // A sparse file: that it is refused at once shows that it is not read.
    fs::File::create(&path).and_then(|file| file.set_len(1 << 40)).expect("a big file");
    assert_eq!(message(&path), "the file is too big for a scenario: 1073741824 KiB, and 1024 are the most");
    assert_eq!(message(folder.path()), "this is a folder, not a scenario");
    assert_eq!(message(&folder.path().join("b.yaml")), "the scenario cannot be read: no such file or directory");
    if cfg!(unix) {
        assert_eq!(message(Path::new("/dev/zero")), "this is no regular file");
    }
}

/// All YAML files below a folder of the repository.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut list = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // No link is followed: one leads out of its folder.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                list.push(path);
            }
        }
    }
    list.sort();
    list
}

/// Whether the reader's check of the shape finds something that a JSON Schema can say too; `None` if this is not YAML.
fn shape_is_right(text: &str) -> Option<(bool, serde_json::Value)> {
    let (root, mut found) = yaml::parse(text);
    let root = root.filter(|_| found.is_empty())?;
    shape::check(text, &root, &[], &mut found);
    let sayable = |diagnostic: &Diagnostic| {
        !(diagnostic.message.contains("ambiguous") || diagnostic.message.contains("has no value"))
    };
    Some((!found.iter().any(sayable), root.to_json()))
}

#[test]
fn reader_and_schema_agree() {
    let validator = jsonschema::draft7::new(&schema_json()).expect("a schema");
    let mut refused = 0;
    for path in files("tests/offline/invalid").into_iter().chain(files("scenarios")) {
        let text = fs::read_to_string(&path).expect("text");
        let Some((right, json)) = shape_is_right(&text) else {
            continue;
        };
        let nulls = text.contains("null") || text.lines().any(|line| line.ends_with([':', '-']));
        if right && nulls {
            continue;
        }
        assert_eq!(validator.is_valid(&json), right, "{}: {:?}", path.display(), validator.validate(&json));
        refused += usize::from(!right);
    }
    assert!(refused >= 20, "{refused}");
}

#[test]
fn every_shipped_scenario_is_taken() {
    for path in files("scenarios") {
        if let Err((source, found)) = read_file(&path) {
            panic!("{}", render(&found, &source, false));
        }
    }
}

/// xorshift: the same texts on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit.max(1) as u64)).unwrap_or_default()
    }
}

fn survives(bytes: &[u8]) {
    match read(Path::new("a.yaml"), bytes) {
        Ok(document) => {
            let _ = (document.span("/steps/0/expect"), document.key_span("/steps/1"));
        }
        Err((source, found)) => {
            assert!(!found.is_empty());
            let shown = render(&found, &source, false);
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
            for span in found.iter().filter_map(|diagnostic| diagnostic.span) {
                assert!(source.text.get(span.start..span.end).is_some(), "{span:?} of {:?}", source.text);
            }
        }
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random(0x5EED);
    for _ in 0..300 {
        let length = random.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| u8::try_from(random.below(256)).unwrap_or_default()).collect();
        survives(&bytes);
    }
}

#[test]
fn mutated_scenarios_never_panic_and_agree_with_the_schema() {
    const PIECES: [&str; 34] = [
        "\n",
        " ",
        "  ",
        "\t",
        ":",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "|",
        ">",
        "&a ",
        "*a",
        "*role",
        "<<: *role",
        "!x ",
        "!!str ",
        "#",
        "---\n",
        "...",
        "\u{a0}",
        "\u{feff}",
        "“",
        "ü",
        "👍",
        "\u{1b}",
        "null",
        "3",
        "on",
        ",",
    ];
    let validator = jsonschema::draft7::new(&schema_json()).expect("a schema");
    let mut random = Random(0xCAFE);
    for _ in 0..400 {
        let mut text: Vec<char> = TEXT.chars().collect();
        for _ in 0..=random.below(4) {
            let at = random.below(text.len());
            let end = (at + 1 + random.below(12)).min(text.len());
            match random.below(4) {
                0 => drop(text.drain(at..end)),
                1 => drop(text.splice(at..at, PIECES[random.below(PIECES.len())].chars())),
                2 => drop(text.splice(at..end, PIECES[random.below(PIECES.len())].chars())),
                _ => {
                    let copy = text[at..end].to_vec();
                    let to = random.below(text.len());
                    drop(text.splice(to..to, copy));
                }
            }
        }
        let text: String = text.into_iter().collect();
        survives(text.as_bytes());
        if let Some((right, json)) = shape_is_right(&text)
            && !json.to_string().contains("null")
        {
            assert_eq!(validator.is_valid(&json), right, "{text}\n{:?}", validator.validate(&json));
        }
    }
}
