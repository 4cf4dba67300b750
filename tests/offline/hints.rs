//! What a hint says is itself accepted by `check`: each is done to the file that caused it, and the dictionary's forms are
//! put into scenarios.

use std::{
    fs,
    path::{Path, PathBuf},
};

use kubewalk::{
    plan::{self, Names, Trust},
    scenario::{
        Diagnostic, Severity, Source, Span,
        advice::dictionary::{Form, Known, WORDS},
        fix::{self, Edit},
    },
};

/// Beside what is here a form may name a file.
const PLACE: &str = "tests/offline/hints/tried.yaml";

/// What the forms speak of.
const PRELUDE: &str = "title: A form
steps:
  - title: The account
    serviceAccount: reader
  - title: The Pod
    pod: {name: client, image: curl, serviceAccount: reader}
  - title: The Role
    role: {name: list-pods, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}
  - title: The Deployment
    apply:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec: {containers: [{name: main, image: curl, command: [sleep, infinity]}]}
";

fn look(path: &Path, text: &str) -> (Source, Vec<Diagnostic>) {
    let names = Names { suffix: "test0".to_owned() };
    match plan::load_bytes(path, text.as_bytes(), &names, Trust::Full) {
        Ok(plan) => (plan.document.source.clone(), plan.warnings),
        Err((source, found)) => (source, found),
    }
}

fn errors(path: &Path, text: &str) -> Vec<String> {
    let (_, found) = look(path, text);
    let errors = found.into_iter().filter(|found| found.severity == Severity::Error);
    errors.map(|found| format!("{} ({})", found.message, found.hint.unwrap_or_default())).collect()
}

/// A scenario in which a form of the dictionary stands at its place.
fn scenario(known: &Known, parts: &[&str]) -> String {
    let flow = parts.join(", ");
    let step = |step: &str| format!("{PRELUDE}  - title: The form\n    {step}\n");
    match known.place {
        "top" => format!("title: A form\n{}\n", parts.join("\n")),
        "step" => step(&parts.join("\n    ")),
        "expect" => step(&format!("get: {{kind: Pod, name: client}}\n    expect: {{{flow}}}")),
        "for" => step(&format!("wait: {{kind: Pod, name: client, for: {{{flow}}}}}")),
        "who" => step(&format!("can: {{who: {{{flow}}}, verb: list, resource: pods, allowed: false}}")),
        "rules" => step(&format!("role: {{name: other, rules: [{{{flow}}}]}}")),
        key => step(&format!("{key}: {{{flow}}}")),
    }
}

#[test]
fn every_form_of_the_dictionary_is_accepted() {
    let mut tried = 0;
    for known in WORDS.iter() {
        let Form::Yaml(parts) = &known.form else { continue };
        let text = scenario(known, parts);
        assert_eq!(errors(Path::new(PLACE), &text), Vec::<String>::new(), "{}: {:?}\n{text}", known.place, known.words);
        tried += 1;
    }
    assert!(tried > 60, "only {tried} forms were tried");
}

/// The texts between backticks.
fn ticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The changes that a hint speaks of; `None` where it only says in words what is so.
fn said(source: &Source, found: &Diagnostic) -> Option<Vec<Edit>> {
    if !found.fix.is_empty() {
        return Some(found.fix.clone());
    }
    let (hint, span) = (found.hint.as_deref()?, found.span?);
    let here = source.text.get(span.start..span.end)?;
    let words = ticked(hint);
    // NAME stands for what only the author knows.
    let first = *words.first().filter(|first| !first.contains("NAME"))?;
    let replaced = |by: &str| {
        // A part of a longer text, if the message names it.
        let odd = |part: &&str| part.len() > 2 && here.len() > part.len() && !by.starts_with(['/', '\'', '"']);
        let part = ticked(&found.message).into_iter().next().filter(odd).filter(|part| here.contains(*part));
        // The path of a URL.
        let path = by.starts_with('/').then(|| here.split_once("://")).flatten();
        if let Some((before, rest)) = path.filter(|_| part.is_none()) {
            let start = span.start + before.len() + 3 + rest.find('/').unwrap_or(rest.len());
            let end = span.end - usize::from(here.ends_with(['"', '\'']));
            return vec![Edit::replace(Span { start, end }, by)];
        }
        let at = part.and_then(|part| {
            here.find(part).map(|at| Span { start: span.start + at, end: span.start + at + part.len() })
        });
        vec![Edit::replace(at.unwrap_or(span), by)]
    };
    let quoted = |text: &str| match (text.contains('{') && here.starts_with(['\'', '"']))
        || text.contains([' ', '{', ':', '#']) && !text.starts_with(['{', '[', '\'', '"'])
    {
        true => format!("'{}'", text.replace('\'', "''")),
        false => text.to_owned(),
    };
    let only = |begin: &str, end: &str| {
        hint.strip_prefix(begin).is_some_and(|rest| rest.strip_prefix(first).is_some_and(|rest| rest.starts_with(end)))
    };
    let hint = hint.split(" (row ").next().unwrap_or(hint);
    if hint.starts_with("did you mean `") && words.len() == 1 && hint.ends_with('?') && !first.contains('…') {
        let inner = first.starts_with('{') && here.len() > first.len();
        let path = first.starts_with('/') && here.contains("://");
        return Some(replaced(&if inner || path { first.to_owned() } else { quoted(first) }));
    }
    let whole = |text: &str| vec![Edit::replace(span, text)];
    if (hint.starts_with("write `") || hint.starts_with("try `"))
        && words.len() == 1
        && hint.ends_with('`')
        && !first.contains('…')
    {
        let key = first
            .split_once(": ")
            .filter(|_| !first.starts_with(['{', '[', '\'', '"', '/']) && !first.starts_with("http"));
        return match key {
            // `key: value` for a whole entry.
            Some(_) => None,
            None if first.starts_with('/') => Some(replaced(first)),
            None => Some(whole(&quoted(first))),
        };
    }
    if let Some((_, rest)) = hint.split_once("quote it: `") {
        return rest.split('`').next().map(&whole);
    }
    if hint.strip_prefix("say `").is_some_and(|rest| rest == format!("{first}`"))
        && source.text[span.end..].starts_with(':')
    {
        // Another key, with another value or the same.
        return match first.split_once(": ") {
            Some(_) => {
                Some(vec![Edit::replace(Span { start: span.start, end: value_end(&source.text, span.end) }, first)])
            }
            None => Some(whole(first)),
        };
    }
    if hint.strip_prefix("add `").is_some_and(|rest| rest == format!("{first}`"))
        && first.contains(": ")
        && !first.contains('…')
    {
        return Some(vec![added(&source.text, span, first)?]);
    }
    if only("add a step `", "`") && first.contains(": ") && !first.contains('…') {
        let start = step_start(&source.text, span.start)?;
        let column = source.text[start..].find('-')?;
        let added = format!("{0}- title: What was missing\n{0}  {first}\n", " ".repeat(column));
        return Some(vec![Edit::insert(start, added)]);
    }
    None
}

/// Where the value behind a colon ends: on its line, and within the brackets that it stands in.
fn value_end(text: &str, colon: usize) -> usize {
    let mut depth = 0;
    for (at, c) in text[colon..].char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' if depth > 0 => depth -= 1,
            '}' | ']' | ',' if depth == 0 => return colon + at,
            '\n' => return colon + at,
            _ => {}
        }
    }
    text.len()
}

/// An entry beside the one at a place, or in the mapping there.
fn added(text: &str, span: Span, entry: &str) -> Option<Edit> {
    if text[span.start..].starts_with('{') {
        return Some(Edit::insert(span.start + 1, format!("{entry}, ")));
    }
    if text[span.end..].starts_with(": {") {
        return Some(Edit::insert(span.end + 3, format!("{entry}, ")));
    }
    let line = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[line..span.start];
    // The key of a value: the last word before the colon.
    let key = match text[span.end..].starts_with(':') {
        true => span.start,
        false => line + before.rfind(": ").map(|at| before[..at].rfind([' ', '{', ',']).map_or(0, |at| at + 1))?,
    };
    let indentation = &text[line..key];
    if indentation.contains('{') {
        return Some(Edit::insert(key, format!("{entry}, ")));
    }
    let column = " ".repeat(key - line);
    Some(Edit::insert(key, format!("{entry}\n{column}")))
}

/// Where the step around an offset begins: the line of its dash.
fn step_start(text: &str, at: usize) -> Option<usize> {
    let steps = text.find("steps:")?;
    let first = text[steps..].find("- ").map(|found| steps + found)?;
    let column = first - text[..first].rfind('\n').map_or(0, |at| at + 1);
    let dash = format!("\n{}- ", " ".repeat(column));
    text[..at].rfind(&dash).map(|found| found + 1)
}

/// Hints that tell in words what is so, though they name a word that could be written: what to write depends on what is meant.
const IN_WORDS: &str = include_str!("hints/in-words.txt");

fn is_in_words(hint: &str) -> bool {
    let bare = bare(hint);
    IN_WORDS.lines().any(|line| line == bare)
}

/// A hint without what it names.
fn bare(hint: &str) -> String {
    let hint = hint.split(" (row ").next().unwrap_or(hint);
    hint.split('`').enumerate().map(|(index, part)| if index % 2 == 0 { part } else { "`" }).collect()
}

fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in
        ["invalid/yaml", "invalid/shape", "invalid/plan", "lint"].map(|folder| format!("tests/offline/{folder}"))
    {
        let all = fs::read_dir(folder).expect("the golden texts").flatten().map(|entry| entry.path());
        files.extend(all.filter(|path| path.extension().is_some_and(|end| end == "yaml")));
    }
    files.sort();
    files
}

#[test]
fn every_hint_is_accepted_where_it_was_given() {
    let (mut tried, mut wrong, mut unknown) = (0, Vec::new(), std::collections::BTreeSet::new());
    for path in files() {
        let Ok(text) = String::from_utf8(fs::read(&path).expect("a golden text")) else { continue };
        let (source, found) = look(&path, &text);
        let before: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
        for one in found.iter().filter(|one| one.file.is_none()) {
            let Some(edits) = said(&source, one) else {
                let hint = one.hint.as_deref().unwrap_or_default();
                if hint.contains('`') && !is_in_words(hint) {
                    unknown.insert(bare(hint));
                }
                continue;
            };
            tried += 1;
            let fixed = fix::apply(&source.text, std::iter::once(edits.as_slice()));
            let (after, left) = look(&path, &fixed.text);
            let (from, to) =
                (edits.iter().map(|edit| edit.span.start).min(), edits.iter().map(|edit| edit.span.end).max());
            let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
            let there = |span: Span| {
                let span = fixed.before(span);
                span.start <= to && from <= span.end
            };
            let same = left.iter().filter(|left| left.message == one.message && left.span.is_some_and(there));
            // What the change puts there is not refused for another reason.
            let new = left.iter().filter(|left| {
                let consequence = left.message.starts_with("no step makes ")
                    || left.message.starts_with("no step saves ")
                    || left.message.contains(" cannot be read: ");
                left.severity == Severity::Error
                    && !consequence
                    && left.span.is_some_and(there)
                    && !before.contains(&left.message.as_str())
            });
            let refused: Vec<&str> = same.chain(new).map(|left| left.message.as_str()).collect();
            if !refused.is_empty() {
                wrong.push(format!(
                    "{}: {} -- {}\n   then: {refused:?}\n{}",
                    path.display(),
                    one.message,
                    one.hint.as_deref().unwrap_or_default(),
                    excerpt(&after.text, from)
                ));
            }
        }
    }
    let unknown: Vec<String> = unknown.into_iter().collect();
    if !unknown.is_empty() && std::env::var_os("KUBEWALK_BLESS").is_some_and(|word| word == "1") {
        let mut all: Vec<&str> = IN_WORDS.lines().chain(unknown.iter().map(String::as_str)).collect();
        all.sort_unstable();
        fs::write("tests/offline/hints/in-words.txt", all.join("\n") + "\n").expect("the list is written");
        return;
    }
    assert!(wrong.is_empty(), "{} of {tried} hints are refused:\n{}", wrong.len(), wrong.join("\n"));
    assert!(unknown.is_empty(), "neither done nor known to be in words only:\n{}", unknown.join("\n"));
    assert!(tried > 200, "only {tried} hints were tried");
}

/// The lines about an offset.
fn excerpt(text: &str, at: usize) -> String {
    let at = at.min(text.len());
    let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
    text.lines().skip(line.saturating_sub(1)).take(3).map(|line| format!("   | {line}\n")).collect()
}

/// What the hints of failed steps say one could write: entries of an expectation or a call, and rules.
#[test]
fn every_hint_of_a_failure_can_be_written() {
    let mut tried = 0;
    let folders = ["tests/offline/failures", "tests/offline/failures/verbs"];
    let all = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("the golden texts").flatten());
    for path in all.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "txt")) {
        let text = fs::read_to_string(&path).expect("a golden text");
        for hint in text.lines().filter_map(|line| line.trim_start().strip_prefix("= hint: ")) {
            if let Some((_, rules)) = hint.split_once("rules: ") {
                let verb = if hint.contains("ClusterRole") { "clusterRole" } else { "role" };
                let text = format!("{PRELUDE}  - title: It grants\n    {verb}: {{name: granted, rules: {rules}}}\n");
                assert_eq!(errors(Path::new(PLACE), &text), Vec::<String>::new(), "{}: {hint}", path.display());
                tried += 1;
            }
            for rule in ticked(hint).into_iter().filter(|part| part.starts_with("{apiGroups: ")) {
                let text =
                    format!("{PRELUDE}  - title: It grants\n    clusterRole: {{name: granted, rules: [{rule}]}}\n");
                assert_eq!(errors(Path::new(PLACE), &text), Vec::<String>::new(), "{}: {hint}", path.display());
                tried += 1;
            }
            let (entries, apart): (Vec<&str>, Vec<&str>) = ticked(hint)
                .into_iter()
                .filter(|part| part.contains(": ") && !part.starts_with("{apiGroups: "))
                .partition(|part| !part.starts_with("token: "));
            let url = match hint.contains("`by: kube") {
                true => "https://10.0.0.1:10250/metrics",
                false => "https://kubernetes.default/api/v1/namespaces/{namespace}/pods",
            };
            let call = format!("in: client, url: '{url}'");
            let mut texts = Vec::new();
            if !entries.is_empty() {
                // A time needs something to wait for.
                let all = |begin: &str| entries.iter().all(|entry| entry.starts_with(begin));
                let status = match () {
                    () if all("within") => "status: 401, ",
                    // Said only of a claimed `status: 403`.
                    () if all("by: ") => "status: 403, ",
                    () => "",
                };
                texts.push(format!("curl: {{{call}, token: mounted}}\n    expect: {{{status}{}}}", entries.join(", ")));
            }
            texts.extend(apart.iter().map(|entry| format!("curl: {{{call}, {entry}}}")));
            for step in texts {
                let text = format!("{PRELUDE}  - title: As the hint says\n    {step}\n");
                assert_eq!(errors(Path::new(PLACE), &text), Vec::<String>::new(), "{}: {hint}", path.display());
                tried += 1;
            }
        }
    }
    assert!(tried > 15, "only {tried} hints were tried");
}
