//! The walls between the rooms: who may use whom.

#[path = "rooms/imports.rs"]
mod imports;

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use imports::Imports;

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
    (
        "src/report",
        &["kube::", "tokio::", "crate::cluster", "crate::steps", "crate::run", "crate::cli", "crate::testing"],
    ),
    ("src/presenter", &["kube::", "tokio::", "crate::cluster", "crate::steps", "crate::run", "crate::cli"]),
    (
        "src/event",
        &["kube::", "tokio::", "crate::cluster", "crate::steps", "crate::run", "crate::report", "crate::cli"],
    ),
    ("src/text.rs", &["kube::", "tokio::", "crate::"]),
    (
        "src/redact",
        &[
            "kube::",
            "tokio::",
            "crate::expect",
            "crate::plan",
            "crate::scenario",
            "crate::cluster",
            "crate::steps",
            "crate::run",
            "crate::event",
            "crate::report",
            "crate::cli",
        ],
    ),
    ("src/steps", &["crate::run", "crate::report", "crate::cli"]),
    ("src/cluster", &["crate::steps", "crate::run", "crate::report", "crate::cli", "crate::plan"]),
    // What other crates depend on is there in a build without a command line, too.
    ("src/testing.rs", &["crate::cli", "crate::presenter", "crate::docs"]),
    ("src/testing", &["crate::cli", "crate::presenter", "crate::docs"]),
    ("src/report_target.rs", &["kube::", "tokio::", "crate::cli", "crate::testing"]),
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

/// Everything that is printed passes the filter of `src/redact.rs`, which the ways out in `src/output.rs` ask; what
/// `src/testing.rs`, the engine's build and the holder of a warm cluster print has passed it.
#[test]
fn only_the_outlet_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let outlets = [
        root.join("output.rs"),
        root.join("testing.rs"),
        root.join("testing/uncaptured.rs"),
        root.join("cluster/engine/build.rs"),
        root.join("cluster/shared/hold.rs"),
        root.join("cluster/shared/holder.rs"),
    ];
    let mut printing = Vec::new();
    for file in rust_files(&root).into_iter().filter(|file| !outlets.contains(file)) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let words = ["println!", "print!", "eprintln!", "eprint!", "io::stdout()", "io::stderr()"];
        let prints = |line: &&str| words.iter().any(|word| names(line, word)) && !line.contains(".is_terminal()");
        printing.extend(text.lines().filter(prints).map(|line| format!("{}: {}", file.display(), line.trim())));
    }
    assert!(printing.is_empty(), "use `eprint_line!`, `eprint` or `print` of src/output.rs:\n{}", printing.join("\n"));
}

/// A file that another user can put a pipe in the place of, or a temporary folder that is another user's, is not for root. So files that
/// a person names are read by `given_file` and `scenario::open`, and temporary folders are made by `own::temporary`.
#[test]
fn what_a_person_names_is_opened_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // What each reads is the system's, the engine's, or in a folder of this user's alone.
    let own = [
        "given_file.rs",
        "scenario/open.rs",
        "process.rs",
        "cli/docs.rs",
        "cli/pages.rs",
        "testing/reports.rs",
        "cluster/own.rs",
        "cluster/own/",
        "cluster/shared/",
        "cluster/machine.rs",
        "cluster/docker/bounded.rs",
        "cluster/engine/",
        "cluster/kinds/curl.rs",
        "cluster/client/kept.rs",
    ];
    let opens =
        ["fs::read(", "fs::read_to_string(", "File::open(", "::tempdir()", ".tempdir()", "tempfile()", "temp_dir()"];
    let mut found = Vec::new();
    for file in rust_files(&root) {
        let name = file.strip_prefix(&root).expect("below it").to_string_lossy().replace('\\', "/");
        if name.ends_with("tests.rs") || name.contains("/tests/") || own.iter().any(|own| name.starts_with(own)) {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let reads = code.lines().filter(|line| opens.iter().any(|word| line.contains(word)));
        found.extend(reads.map(|line| format!("{name}: {}", line.trim())));
    }
    assert!(found.is_empty(), "use given_file, scenario::open or own::temporary: {found:#?}");
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

/// No file takes something from another that, straight or by others, takes something from it.
/// A unit test that reads a setting passes on one machine and fails on the next.
#[test]
fn unit_tests_read_no_setting_of_whoever_runs_them() {
    let mut found = Vec::new();
    for file in rust_files(Path::new("src")) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let tests = match text.find("#[cfg(test)]\nmod tests") {
            Some(at) => &text[at..],
            None if file.ends_with("tests.rs") => &text,
            None => continue,
        };
        let reads = |line: &&str| ["from_env()", "env::var", "env::home_dir"].iter().any(|call| line.contains(call));
        // Whether golden texts are written is asked of whoever calls; that there is a PATH is true everywhere.
        let meant = |line: &str| line.contains("KUBEWALK_BLESS") || line.contains("\"PATH\"");
        found.extend(tests.lines().filter(reads).filter(|line| !meant(line)).map(|line| format!("{file:?}: {line}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_room_has_a_circle() {
    let circles = OURS.circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// The passes of `src/plan`, in order: each uses those before it only.
const PASSES: &[&str] = &["context", "resolve", "lower", "lint", "make"];

#[test]
fn no_pass_imports_a_later_one() {
    let seen = in_order("plan", PASSES);
    assert!(seen.iter().all(|files| *files > 1), "a pass is not there: {seen:?}");
}

/// All files and folders of `src/cluster`, in order: each uses those before it only.
const FLOORS: &[&str] = &[
    "error",
    "progress",
    "settings",
    "wanted",
    "node",
    "in_container",
    "death",
    "lines",
    "output",
    "limits",
    "machine",
    "own",
    "client",
    "registry",
    "engine",
    "docker",
    "without_docker",
    "kubectl",
    "running",
    "cleanup",
    "kinds",
    "start",
    "shared",
    "rendering",
];

#[test]
fn no_floor_of_the_clusters_imports_a_higher_one() {
    let seen = in_order("cluster", FLOORS);
    assert!(seen.iter().all(|files| *files > 0), "a floor is not there: {seen:?}");
    let mut floors: Vec<_> =
        OURS.edges.keys().filter(|module| module.first().is_some_and(|room| room == "cluster")).collect();
    floors.retain(|module| module.get(1).is_some_and(|name| !FLOORS.contains(&name.as_str())));
    assert!(floors.is_empty(), "these have no place in the order: {floors:?}");
}

/// Fails when something in a room imports what comes after it in this order. Gives how many files each has.
fn in_order(room: &str, order: &[&str]) -> Vec<usize> {
    let mut wrong = Vec::new();
    let place = |module: &[String]| match module {
        [first, name, ..] if first == room => order.iter().position(|other| other == name),
        _ => None,
    };
    let mut seen = vec![0; order.len()];
    for (from, to) in &OURS.edges {
        let Some(at) = place(from) else { continue };
        seen[at] += 1;
        let later = to.iter().filter(|(to, _)| place(to).is_some_and(|other| other > at));
        wrong.extend(later.map(|(to, what)| format!("{} -> {}: {what:?}", from.join("/"), to.join("/"))));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    seen
}

/// What is wrong with a scenario is found by the passes that `src/plan/make.rs` calls, and not by itself.
#[test]
fn the_pass_that_calls_the_others_finds_nothing_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan");
    let mut finding = Vec::new();
    for file in rust_files(&root.join("make")).into_iter().chain([root.join("make.rs")]) {
        let text = imports::code(&std::fs::read_to_string(&file).expect("a source file"));
        let lines = text.lines().filter(|line| [".error(", ".warn("].iter().any(|word| line.contains(word)));
        finding.extend(lines.map(|line| format!("{}: {}", file.display(), line.trim())));
    }
    assert!(finding.is_empty(), "it belongs in lower or lint:\n{}", finding.join("\n"));
}

/// What the two tests above go by finds circles however they are written.
#[test]
fn circles_are_found() {
    let circles = |files: &[(&str, &str)]| {
        let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Imports::read(&files).circles().into_iter().map(|circle| (circle.room, circle.files)).collect::<Vec<_>>()
    };
    let two = |one: &str, other: &str| {
        let room = "pub mod one;\nmod other;\npub use other::{self as same, Other};\npub use one::One;\n";
        circles(&[("lib.rs", "pub mod room;"), ("room/mod.rs", room), ("room/one.rs", one), ("room/other.rs", other)])
    };
    let tied = vec![("room".to_owned(), 2)];
    assert_eq!(two("use crate::room::other::Other;", "use super::one::One;"), tied);
    assert_eq!(two("use crate::{room::{Other, one}, lib};", "fn f(one: &crate::room::One) {}"), tied, "handed on");
    assert_eq!(two("use super::{\n    same::Other,\n};", "use super::One as Two;"), tied, "under other names");
    assert_eq!(two("fn f() { super::other::f() }", "fn f() { super::one::f() }"), tied, "paths in the code");
    assert_eq!(two("use super::Other;", ""), vec![], "one way only");
    assert_eq!(
        two("use super::Other;", "// use super::One;\n/// [`super::One`]\nfn f() -> &'static str { \"super::One\" }"),
        vec![]
    );
    assert_eq!(two("use super::Other;", "#[cfg(test)]\nmod tests {\n    use super::super::One;\n}"), vec![], "tests");
    let parent =
        [("room.rs", "mod child;\npub struct Up;\nfn f() { child::g() }"), ("room/child.rs", "use super::Up;")];
    assert_eq!(circles(&parent), tied, "a room's own file and one in it");
    let renamed = [
        ("room.rs", "#[path = \"deep/file.rs\"]\npub mod near;\npub mod far;"),
        ("deep/file.rs", "use crate::room::far::F;"),
        ("room/far.rs", "use crate::room::near::N;"),
    ];
    assert_eq!(circles(&renamed), vec![], "of two rooms");
}

/// The lists of files in CONTRIBUTING.md are those at which the compiler stops when a verb, an expectation, a report or a kind of
/// cluster is added.
#[test]
fn contributing_names_every_file_to_touch() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect(path);
    let sources: Vec<(String, String)> = rust_files(&root.join("src"))
        .into_iter()
        .map(|file| (file.strip_prefix(root).expect("ours").to_str().expect("a name").replace('\\', "/"), file))
        .map(|(path, file)| (path, imports::code(&std::fs::read_to_string(file).expect("a source file"))))
        .collect();
    let guide = read("CONTRIBUTING.md");
    let listed = |title: &str| -> Vec<String> {
        let section = guide.split("\n## ").find(|section| section.starts_with(title)).expect("a section");
        let rows = section.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        let mut files: Vec<_> = rows.filter_map(|row| row.split('`').nth(1)).map(str::to_owned).collect();
        files.sort();
        files
    };
    let naming = |prefix: &str, words: &[String]| -> Vec<String> {
        let names = |text: &str| words.iter().all(|word| imports::has_word(text, &format!("{prefix}::{word}")));
        sources.iter().filter(|(_, text)| names(text)).map(|(path, _)| path.clone()).collect()
    };
    let variants = |text: &str, start: &str, end: char| -> Vec<String> {
        let body = text.split_once(start).expect(start).1.split_once("\n}").expect("an end").0;
        let words = body.lines().map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
        words.map(|line| line.split(['(', end, ',', ' ']).next().unwrap_or_default().to_owned()).collect()
    };
    let all = |parts: &[Vec<String>]| {
        let mut all = parts.concat();
        all.sort();
        all.dedup();
        all
    };

    let verbs = variants(&read("src/scenario/verb.rs"), "\nverbs! {", '=');
    let actions = variants(&read("src/plan/action.rs"), "pub enum Action {", '(');
    assert!(verbs.len() > 15 && actions.len() > 12, "{verbs:?} {actions:?}");
    let own = ["src/scenario/calls.rs", "src/scenario/schema.rs", "src/scenario/verb.rs", "src/plan/action.rs"];
    let own = [own.as_slice(), &["src/plan/lower/VERB.rs", "src/steps/VERB.rs"]].concat();
    let own: Vec<String> = own.into_iter().map(str::to_owned).collect();
    let places = all(&[naming("Verb", &verbs), naming("Action", &actions), own]);
    assert_eq!(listed("Add a verb"), places);
    assert!(places.len() <= 9, "{places:?}");

    let keys = variants(&read("src/scenario/expect.rs"), "\nkeys! {", '=');
    assert!(keys.len() > 12, "{keys:?}");
    // Where all fields are taken apart, without `..`.
    let apart = sources.iter().filter(|(_, text)| {
        text.split("let Expect {").skip(1).any(|rest| !rest.split('}').next().unwrap_or_default().contains(".."))
    });
    let apart: Vec<String> = apart.map(|(path, _)| path.clone()).collect();
    let own = ["src/scenario/expect.rs", "src/expect/mismatch.rs"].map(str::to_owned).to_vec();
    let places = all(&[naming("Key", &keys), apart, own]);
    assert_eq!(listed("Add an expectation"), places);
    assert!(places.len() <= 5, "{places:?}");

    let kinds = variants(&read("src/report_target.rs"), "pub enum ReportKind {", '(');
    assert!(kinds.len() > 4, "{kinds:?}");
    let own = ["src/report/NAME.rs", "src/report/mod.rs"].map(str::to_owned).to_vec();
    let places = all(&[naming("ReportKind", &kinds), own]);
    assert_eq!(listed("Add a report"), places);
    assert!(places.len() <= 3, "{places:?}");

    let kinds = variants(&read("src/cluster_kind.rs"), "pub enum ClusterKind {", '(');
    assert!(kinds.len() > 4, "{kinds:?}");
    let own = ["src/cluster_kind.rs", "src/cluster/kinds/NAME.rs"].map(str::to_owned).to_vec();
    let places = all(&[naming("ClusterKind", &kinds), own]);
    assert_eq!(listed("Add a kind of cluster"), places);
    assert!(places.len() <= 4, "{places:?}");
}

static OURS: LazyLock<Imports> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root).into_iter().map(|file| {
        let path = file.strip_prefix(&root).expect("a file of src").to_str().expect("a name").replace('\\', "/");
        (path, std::fs::read_to_string(&file).expect("a source file"))
    });
    Imports::read(&files.collect::<Vec<_>>())
});

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
