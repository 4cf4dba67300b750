//! The walls between the rooms: who may use whom.

use std::path::{Path, PathBuf};

/// A room, or one file of a room, and what it must not name.
const WALLS: &[(&str, &[&str])] = &[
    (
        "src/scenario",
        &["kube::", "tokio::", "crate::plan", "crate::cluster", "crate::steps", "crate::run", "crate::cli"],
    ),
    ("src/plan", &["kube::", "tokio::", "crate::cluster", "crate::steps", "crate::run", "crate::report", "crate::cli"]),
    (
        "src/expect",
        &["kube::", "tokio::", "crate::cluster", "crate::steps", "crate::run", "crate::report", "crate::cli"],
    ),
    ("src/k8s", &["kube::", "tokio::", "crate::"]),
    (
        "src/manifests",
        &[
            "kube::",
            "tokio::",
            "process::",
            "crate::plan",
            "crate::cluster",
            "crate::steps",
            "crate::run",
            "crate::report",
            "crate::cli",
        ],
    ),
    ("src/init", &["kube::", "tokio::", "crate::cluster", "crate::steps", "crate::run", "crate::report", "crate::cli"]),
    (
        "src/reach",
        &[
            "kube::",
            "tokio::",
            "crate::scenario",
            "crate::plan",
            "crate::cluster",
            "crate::steps",
            "crate::run",
            "crate::report",
            "crate::cli",
        ],
    ),
    ("src/report", &["kube::", "tokio::", "crate::cluster", "crate::steps", "crate::cli"]),
    ("src/steps", &["crate::run", "crate::report", "crate::cli"]),
    ("src/cluster", &["crate::steps", "crate::run", "crate::report", "crate::cli", "crate::plan"]),
    ("src/explain", &["crate::cluster", "crate::steps", "crate::run", "crate::report", "crate::cli"]),
    ("src/explain/evaluate.rs", &["kube::", "tokio::", "super::fetch"]),
    ("src/explain/misses.rs", &["kube::", "tokio::", "super::fetch"]),
    ("src/explain/slips.rs", &["kube::", "tokio::", "super::fetch"]),
    ("src/explain/patch.rs", &["kube::", "tokio::", "super::fetch"]),
];

#[test]
fn no_room_reaches_through_a_wall() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for &(room, forbidden) in WALLS {
        let files = rust_files(&root.join(room));
        assert!(!files.is_empty(), "{room} has no files");
        for file in files {
            let text = std::fs::read_to_string(&file).expect("a source file");
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                if let Some(word) = forbidden.iter().find(|word| names(line, word)) {
                    broken.push(format!("{}:{}: {room} must not name {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Everything that is printed passes the filter of `src/redact.rs`, which the ways out in `src/cli/say.rs` ask; what
/// `src/testing.rs`, the engine's build and the holder of a warm cluster print has passed it.
#[test]
fn only_the_outlet_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let outlets = [
        root.join("cli/say.rs"),
        root.join("testing.rs"),
        root.join("cluster/engine.rs"),
        root.join("cluster/shared/holder.rs"),
    ];
    let mut printing = Vec::new();
    for file in rust_files(&root).into_iter().filter(|file| !outlets.contains(file)) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let words = ["println!", "print!", "eprintln!", "eprint!", "io::stdout()", "io::stderr()"];
        let prints = |line: &&str| words.iter().any(|word| line.contains(word)) && !line.contains(".is_terminal()");
        printing.extend(text.lines().filter(prints).map(|line| format!("{}: {}", file.display(), line.trim())));
    }
    assert!(printing.is_empty(), "use `tell!`, `complain` or `print` of src/cli/say.rs:\n{}", printing.join("\n"));
}

/// The library forbids unsafe code. The program may have that of the `ctor` macro, and no other target has any.
#[test]
fn no_code_of_ours_is_unsafe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = std::fs::read_to_string(root.join("src/lib.rs")).expect("the library");
    assert!(library.lines().any(|line| line == "#![forbid(unsafe_code)]"), "src/lib.rs forbids it");
    let lets = ["allow(unsafe_code", "expect(unsafe_code", "warn(unsafe_code", "unsafe {", "unsafe fn", "unsafe impl"];
    let mut unsafe_lines = Vec::new();
    for file in rust_files(&root.join("src")).into_iter().chain(rust_files(&root.join("examples"))) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let lines = text.lines().filter(|line| lets.iter().any(|word| line.contains(word)));
        unsafe_lines.extend(lines.map(|line| format!("{}: {}", file.display(), line.trim())));
    }
    assert!(unsafe_lines.is_empty(), "{unsafe_lines:#?}");
}

/// Whether a line names a path, and not one that merely ends or begins alike (`my_kube::`, `crate::cluster_kind`).
fn names(line: &str, word: &str) -> bool {
    let of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next().filter(|_| !word.ends_with(':'));
        !before.is_some_and(|before| of_a_name(before) || before == ':') && !after.is_some_and(of_a_name)
    })
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    if dir.is_file() {
        return vec![dir.to_owned()];
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a room").flatten() {
        if entry.path().is_dir() {
            files.extend(rust_files(&entry.path()));
        } else if entry.path().extension().is_some_and(|end| end == "rs") {
            files.push(entry.path());
        }
    }
    files
}
