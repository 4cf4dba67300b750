//! Small words of reports.

use crate::expect::{Class, show};

/// A few words for the caret: what came, or its beginning.
pub(super) fn label(got: &str) -> String {
    const MOST: usize = 60;
    let short = |text: &str| text.len() <= MOST && !text.contains('\n');
    let is_value = got.starts_with(['`', '"', '[', '{']);
    let start = got.split([':', ',']).next().unwrap_or_default();
    if short(got) {
        format!("got {got}")
    } else if !is_value && short(start) && start.len() < got.len() {
        format!("got {start}")
    } else {
        "this does not hold".into()
    }
}

/// Whose words they are.
pub(super) fn speaker(class: Class) -> &'static str {
    match class {
        Class::NotReached => "curl says",
        Class::ExitCode => "it says",
        Class::NotKubernetes => "the answer says",
        _ => "the server says",
    }
}

/// A path as a shell's argument.
pub(super) fn argument(path: &str) -> String {
    let path = show::line(path, show::BODY);
    let plain = path.chars().all(|c| c.is_alphanumeric() || "/._-+,@:=".contains(c));
    if plain { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Without what a CI server takes for a command to itself: GitHub a line that begins with `::`, blanks aside; GitHub, Azure
/// and TeamCity `##[`, `##vso[` and `##teamcity[` anywhere.
pub(super) fn defuse(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let start = line.trim_start();
        let blank = &line[..line.len() - start.len()];
        let line = match start.strip_prefix("::") {
            Some(rest) => format!("{blank}\\u{{3a}}:{rest}"),
            None => line.to_owned(),
        };
        let mut rest = line.as_str();
        while let Some(at) = rest.find("##") {
            let (before, from) = rest.split_at(at);
            let word = from[2..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            safe.push_str(before);
            safe.push_str(if word.starts_with('[') { "\\u{23}" } else { "#" });
            rest = &from[1..];
        }
        safe.push_str(rest);
    }
    safe
}

/// `41 ms`, `3.2 s`, `2 min 5 s`.
pub(super) fn time(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}
