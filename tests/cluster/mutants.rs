//! No denial is green by a slip of the fingers: in every shipped scenario one letter of each resource, subresource, path,
//! namespace and account that a denial is claimed about is changed, and `check` or the run must object.
//!
//! What `check` leaves to the run is run by `scripts/mutants`, on a real cluster.
#![allow(clippy::print_stdout, reason = "the counts: shown by --nocapture, and by scripts/mutants")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use kubewalk::{
    cluster::rendering::Renderer,
    manifests,
    plan::{self, Action, Names, Plan, Step},
    scenario, settings, testing,
};
use serde_json::Value;

/// A scenario with one letter changed.
struct Mutant {
    path: PathBuf,
    text: String,
    /// e.g. `resource pods -> pocs`.
    what: String,
    /// e.g. `resource`.
    kind: &'static str,
}

fn scenarios(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.ends_with("exercises") {
            continue; // wrong as they are
        }
        if path.is_dir() {
            found.extend(scenarios(&path));
        } else if path.extension().is_some_and(|end| end == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The plan of a text without warnings; `None`: something is said of it.
fn unsuspicious(path: &Path, text: &str) -> Option<Plan> {
    // Some scenarios apply charts and kustomizations.
    manifests::render::install(Box::new(Renderer::new(settings::from_env(), None, |_| ())));
    let document = scenario::read(path, text.as_bytes()).ok()?;
    let plan = plan::plan(Arc::clone(&document), &Names { suffix: "test0".to_owned() }).ok()?;
    plan.warnings.is_empty().then_some(plan)
}

fn claims_denial(step: &Step) -> bool {
    match &step.action {
        Action::Can(can) => can.cells.iter().any(|cell| !cell.allowed),
        _ => step.expected.iter().any(|item| item.expect.is_rbac_denial()),
    }
}

/// All mutants of a scenario, none twice.
fn mutants(path: &Path) -> Vec<Mutant> {
    let text = fs::read_to_string(path).expect("readable");
    let plan = unsuspicious(path, &text).unwrap_or_else(|| panic!("{} is good", path.display()));
    let mut places: BTreeSet<(usize, usize, &'static str)> = BTreeSet::new();
    let root = plan.document.root.to_json();
    for step in plan.steps.iter().filter(|step| claims_denial(step) && !step.on_purpose) {
        let value = root.pointer(&step.pointer).cloned().unwrap_or_default();
        for (pointer, word, kind) in words(step, &value) {
            let span = plan.document.span(&format!("{}{pointer}", step.pointer));
            let written = text.get(span.start..span.end).unwrap_or_default();
            // A text that stands elsewhere (an alias, a row of `each`) is not changed twice.
            if let Some(at) = written.find(&word) {
                places.insert((span.start + at, word.len(), kind));
            }
        }
    }
    let mutant = |(start, length, kind): (usize, usize, &'static str)| {
        let word = &text[start..start + length];
        let at = start + length / 2;
        let letter = text.as_bytes()[at];
        let other = match letter {
            b'z' => 'a',
            letter if letter.is_ascii_alphabetic() => char::from(letter + 1),
            _ => return None,
        };
        let line_end = text[start..].find('\n').map_or(text.len(), |end| start + end);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        if text[line_start..line_end].contains("# on purpose") {
            return None;
        }
        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        let what = format!("{kind} {word} -> {}", &changed[start..start + length]);
        Some(Mutant { path: path.to_owned(), text: changed, what, kind })
    };
    places.into_iter().filter_map(mutant).collect()
}

/// The words of a step that its denial is about: pointer from the step, word, kind.
fn words(step: &Step, value: &Value) -> Vec<(String, String, &'static str)> {
    let mut found = Vec::new();
    let mut account = |pointer: &str, said: &Value| {
        if let Some(name) = said.as_str().and_then(|word| word.strip_prefix("serviceaccount/")) {
            let name = name.rsplit('/').next().unwrap_or_default();
            found.push((pointer.to_owned(), name.to_owned(), "account"));
        }
    };
    account("/as", &value["as"]);
    account("/can/who", &value["can"]["who"]);
    for (index, who) in value["can"]["who"].as_array().into_iter().flatten().enumerate() {
        account(&format!("/can/who/{index}"), who);
    }
    match &step.action {
        Action::Curl(call) if call.request.is_some() => path(&mut found, "/curl/url", &value["curl"]["url"]),
        Action::Request(_) => path(&mut found, "/request/path", &value["request"]["path"]),
        Action::Can(can) if can.cells.iter().all(|cell| !cell.allowed) => cells(&mut found, "/can", &value["can"]),
        Action::Can(_) => {}
        _ => {
            for key in ["kind", "apiVersion", "namespace", "subresource"] {
                let kind = match key {
                    "namespace" => "namespace",
                    "subresource" => "subresource",
                    _ => "resource",
                };
                word(&mut found, &format!("/{}/{key}", step.verb), &value[step.verb.key()][key], kind);
            }
        }
    }
    for list in ["asked", "denied"] {
        for (index, element) in value["can"][list].as_array().into_iter().flatten().enumerate() {
            let denied = list == "denied" || value["can"]["default"] == "denied";
            if denied {
                cells(&mut found, &format!("/can/{list}/{index}"), element);
            }
        }
    }
    found.retain(|(_, word, _)| word.len() > 1 && !word.contains(['{', '*']));
    found
}

fn word(found: &mut Vec<(String, String, &'static str)>, pointer: &str, value: &Value, kind: &'static str) {
    match value {
        Value::String(text) => found.push((pointer.to_owned(), text.clone(), kind)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, one)| word(found, &format!("{pointer}/{index}"), one, kind));
        }
        _ => {}
    }
}

fn cells(found: &mut Vec<(String, String, &'static str)>, pointer: &str, value: &Value) {
    for key in ["resource", "subresource", "namespace", "url"] {
        let kind = if key == "url" { "path" } else { key };
        word(found, &format!("{pointer}/{key}"), &value[key], kind);
    }
}

/// The segments of a path but for names and the query.
fn path(found: &mut Vec<(String, String, &'static str)>, pointer: &str, value: &Value) {
    let Some(text) = value.as_str() else { return };
    let path = text.split_once("://").map_or(text, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    let segments: Vec<&str> = path.split('?').next().unwrap_or_default().trim_matches('/').split('/').collect();
    let root = match segments.first() {
        Some(&"api") => 2,
        Some(&"apis") => 3,
        _ => usize::MAX,
    };
    let inside = segments.get(root) == Some(&"namespaces") && segments.len() > root + 2;
    let plural = if inside { root + 2 } else { root };
    let mut so_far = String::new();
    for (index, segment) in segments.iter().enumerate() {
        so_far = format!("{so_far}/{segment}");
        let kind = match index {
            _ if index < root => "path",
            _ if inside && index == root => "path",
            _ if inside && index == root + 1 => "namespace",
            _ if index == plural => "resource",
            _ if index == plural + 2 => "subresource",
            // A name, or what is behind a proxy.
            _ => continue,
        };
        // With what stands around it, so that it is found where it stands; the letter in the middle is its own.
        found.push((pointer.to_owned(), (*segment).to_owned(), kind));
    }
}

/// Those of which `check` says nothing, and the counts: of all, and of those that it objects to.
fn unnoticed() -> (Vec<Mutant>, BTreeMap<&'static str, (usize, usize)>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut counts: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
    let mut left = Vec::new();
    for mutant in scenarios(&root.join("scenarios")).iter().flat_map(|path| mutants(path)) {
        let count = counts.entry(mutant.kind).or_default();
        count.0 += 1;
        if unsuspicious(&mutant.path, &mutant.text).is_none() {
            count.1 += 1;
        } else {
            left.push(mutant);
        }
    }
    (left, counts)
}

/// Says the counts, and gives how many there are.
fn tell(counts: &BTreeMap<&'static str, (usize, usize)>) -> (usize, usize) {
    for (kind, (all, caught)) in counts {
        println!("{kind:12} {all:5} mutants, {caught:5} caught by check");
    }
    let (all, caught) = counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    println!("{:12} {all:5} mutants, {caught:5} caught by check, {} left to the run", "all", all - caught);
    (all, caught)
}

#[test]
fn check_objects_to_a_slip_in_what_is_denied() {
    let (left, counts) = unnoticed();
    let (all, caught) = tell(&counts);
    for mutant in &left {
        println!("left to the run: {}: {}", mutant.path.display(), mutant.what);
    }
    assert!(all > 300, "only {all} mutants");
    assert!(caught * 100 >= all * 95, "check objects to {caught} of {all}");
}

#[test]
#[ignore = "takes minutes; scripts/mutants calls it"]
fn the_run_objects_to_what_check_lets_pass() {
    let (left, counts) = unnoticed();
    tell(&counts);
    let mut missed = Vec::new();
    for mutant in &left {
        let (ended, report) = testing::run_text(&mutant.path.to_string_lossy(), &mutant.text);
        let code = ended.exit.code();
        println!("exit {code}: {}: {}", mutant.path.display(), mutant.what);
        if code == 0 {
            missed.push(format!("{}: {}\n{report}", mutant.path.display(), mutant.what));
        }
    }
    println!("{} caught by run, missed = {}", left.len() - missed.len(), missed.len());
    assert!(missed.is_empty(), "{missed:#?}");
}
