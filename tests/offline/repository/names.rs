//! Names of files, and the repository's own address.

use std::collections::BTreeMap;

use super::{files, text};

/// What Windows reserves, with any extension.
const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// Why a name of a file cannot be checked out on Windows.
fn cannot(path: &str) -> Option<&'static str> {
    if path.len() > 200 {
        return Some("is longer than 200 characters");
    }
    path.split('/').find_map(|part| {
        let stem = part.split('.').next().unwrap_or(part).trim_end().to_ascii_lowercase();
        let numbered = |word: &str| {
            stem.strip_prefix(word).is_some_and(|rest| rest.len() == 1 && rest != "0" && rest.parse::<u8>().is_ok())
        };
        if part.chars().any(|c| matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\') || c.is_control()) {
            Some("has a character that Windows does not allow")
        } else if part.ends_with(['.', ' ']) {
            Some("ends with a dot or a space")
        } else if RESERVED[..4].contains(&stem.as_str()) || RESERVED[4..].iter().any(|word| numbered(word)) {
            Some("is the name of a device")
        } else {
            None
        }
    })
}

#[test]
fn what_windows_refuses_is_known() {
    let long = "a/".repeat(101);
    for wrong in
        ["a/nul.stderr", "NUL", "a/com1.txt", "lpt9", "con .x", "a:b", "x?", "a/b.", "a /b", "a\\b", "a\tb", &long]
    {
        assert!(cannot(wrong).is_some(), "{wrong}");
    }
    for right in ["a/null", "console.md", "com.rs", "com10", "com0", ".github/a b.yml", "a.nul"] {
        assert_eq!(cannot(right), None, "{right}");
    }
}

#[test]
fn every_file_can_be_checked_out_everywhere() {
    let (mut wrong, mut seen) = (Vec::new(), BTreeMap::new());
    for file in files() {
        if let Some(why) = cannot(&file) {
            wrong.push(format!("{file} {why}"));
        }
        if let Some(other) = seen.insert(file.to_lowercase(), file.clone()) {
            wrong.push(format!("{file} and {other} differ in case only"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where the repository is, is said by `Cargo.toml` and made of that elsewhere; nobody invents another place.
#[test]
fn one_place_says_where_the_repository_is() {
    let address = env!("CARGO_PKG_REPOSITORY");
    let made = ["Cargo.toml", "schema/scenario.schema.json", "templates/kubewalk.gitlab-ci.yml"];
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| !file.starts_with("fuzz/corpus/") && !file.starts_with("tests/")) {
        let Ok(text) = std::fs::read_to_string(super::root().join(file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let named = line
                .split(|c: char| c.is_whitespace() || "\"'`<>()[]{}|\\".contains(c))
                .filter(|word| word.contains("://"));
            let ours = named.filter(|word| {
                let path = word.split("://").nth(1).unwrap_or_default();
                path.split('/').skip(1).any(|part| part.trim_end_matches(".git") == "kubewalk")
                    && !path.starts_with("docs.rs/")
            });
            for word in ours.filter(|word| !word.starts_with(address) || !made.contains(&file.as_str())) {
                wrong.push(format!("{file}:{}: {word}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for file in made {
        assert!(text(file).contains(address), "{file} does not name {address}");
    }
}

/// The folders of test programs, by what they need.
const NEEDS: [&str; 3] = ["tests/offline/", "tests/cluster/", "tests/docker/"];

/// Cargo finds no program below a folder of `tests/` by itself: one that is not named would never run, and nobody would know.
#[test]
fn each_test_program_is_named_for_cargo() {
    let manifest = text("Cargo.toml");
    let mut seen = 0;
    for file in files() {
        let Some(rest) = file.strip_prefix("tests/") else { continue };
        assert!(rest.contains('/'), "{file}: put it into the folder of what it needs, see CONTRIBUTING.md");
        let inside = NEEDS.iter().find_map(|folder| file.strip_prefix(folder));
        let Some(name) = inside.and_then(|name| name.strip_suffix(".rs")).filter(|name| !name.contains('/')) else {
            continue;
        };
        seen += 1;
        assert!(manifest.contains(&format!("\nname = \"{name}\"\npath = \"{file}\"\n")), "{file} is not in Cargo.toml");
    }
    assert!(seen > 50, "{seen}");
}
