//! Which file of `src/` takes something from which, read from the code's own `use` lines and paths.
//!
//! A file is a module. What a file only hands on (`pub use`) is taken from where it is defined, so a `mod.rs` that declares and
//! re-exports ties nothing. Unit tests are left out: they may make what they need.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use regex::Regex;

/// A module's path below the crate: `["plan", "lower", "curl"]`.
pub type Module = Vec<String>;

/// The files of a source tree, and who takes what from whom.
#[derive(Default)]
pub struct Imports {
    /// Of each module, the modules that it takes something from, and what.
    pub edges: BTreeMap<Module, BTreeMap<Module, BTreeSet<String>>>,
    /// Modules that are declared by `#[path]` under another name than their file's.
    aliases: BTreeMap<Module, Module>,
    /// The names that a module takes or hands on, and from where.
    names: BTreeMap<Module, BTreeMap<String, Vec<String>>>,
}

impl Imports {
    /// Reads files, each with its path below `src/`, e.g. `plan/mod.rs`.
    pub fn read(files: &[(String, String)]) -> Self {
        let texts: BTreeMap<Module, String> =
            files.iter().filter(|(path, _)| path != "main.rs").map(|(path, text)| (module(path), code(text))).collect();
        let mut all =
            Imports { edges: texts.keys().map(|at| (at.clone(), BTreeMap::new())).collect(), ..Self::default() };
        let placed = Regex::new(r#"#\[path = "([^"]*)"\]\s*(?:pub(?:\([^)]*\))? )?mod (\w+);"#).expect("a pattern");
        for ((path, text), at) in files.iter().map(|file| (file, module(&file.0))) {
            for found in placed.captures_iter(text) {
                let folder = Path::new(path).parent().expect("a folder");
                let mut name = at.clone();
                name.push(found[2].to_owned());
                all.aliases.insert(name, module(folder.join(&found[1]).to_str().expect("a path")));
            }
        }
        let uses = Regex::new(r"(?m)^[ \t]*(pub(?:\([^)]*\))? )?use ([^;]*);").expect("a pattern");
        let mut taken: BTreeMap<&Module, Vec<(Vec<String>, bool)>> = BTreeMap::new();
        for (at, text) in &texts {
            for found in uses.captures_iter(text) {
                for path in leaves(&found[2]) {
                    let (path, name) = path.split_once(" as ").unwrap_or((&path, ""));
                    let Some(full) = all.absolute(at, path) else { continue };
                    let name = if name.is_empty() { full.last().cloned().unwrap_or_default() } else { name.to_owned() };
                    all.names.entry(at.clone()).or_default().insert(name, full.clone());
                    taken.entry(at).or_default().push((full, found.get(1).is_some()));
                }
            }
        }
        let paths = Regex::new(r"\b(?:(?:crate|super|self)(?:::\w+)+|[a-z_]\w*(?:::\w+)+)").expect("a pattern");
        let declared = Regex::new(r"\bmod \w+;").expect("a pattern");
        for (at, text) in &texts {
            let body = declared.replace_all(&uses.replace_all(text, ""), "").into_owned();
            for (full, hands_on) in taken.remove(at).unwrap_or_default() {
                let name = full.last().cloned().unwrap_or_default();
                if !hands_on || has_word(&body, &name) {
                    all.add(at, &full);
                }
            }
            for found in paths.find_iter(&body) {
                // What follows a `::` is the rest of a path that begins with a type.
                if !body[..found.start()].ends_with("::")
                    && let Some(full) = all.absolute(at, found.as_str())
                {
                    all.add(at, &full);
                }
            }
        }
        all
    }

    fn add(&mut self, at: &Module, full: &[String]) {
        if let Some(from) = self.home(full.to_vec(), 0).filter(|from| from != at) {
            self.edges.entry(at.clone()).or_default().entry(from).or_default().insert(full.join("::"));
        }
    }

    /// A path from the crate's root; nothing for one of another crate.
    fn absolute(&self, at: &Module, path: &str) -> Option<Vec<String>> {
        let mut parts: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
        let mut base = match parts.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => at.clone(),
            first => {
                let mut child = at.clone();
                child.push(first.to_owned());
                return (self.edges.contains_key(&child) || self.aliases.contains_key(&child))
                    .then(|| at.iter().cloned().chain(parts).collect());
            }
        };
        while let Some("crate" | "self" | "super") = parts.first().map(String::as_str) {
            if parts.remove(0) == "super" {
                base.pop();
            }
        }
        base.extend(parts);
        Some(base)
    }

    /// The file that defines what a path names: what others hand on is followed.
    fn home(&self, full: Vec<String>, depth: usize) -> Option<Module> {
        for end in (0..=full.len()).rev() {
            let (at, rest) = (full[..end].to_vec(), &full[end..]);
            if let Some(file) = self.aliases.get(&at).filter(|_| depth < 20) {
                return self.home([file.as_slice(), rest].concat(), depth + 1);
            }
            if !self.edges.contains_key(&at) {
                continue;
            }
            let on = rest.first().and_then(|name| self.names.get(&at)?.get(name)).filter(|on| **on != full);
            return match on.filter(|_| depth < 20) {
                Some(on) => self.home([on.as_slice(), &rest[1..]].concat(), depth + 1),
                None => Some(at),
            };
        }
        None
    }

    /// The circles among the files of each room (a file or folder of the root), each with the arrows that tie it.
    pub fn circles(&self) -> Vec<Circle> {
        let mut found = Vec::new();
        let mut done: BTreeSet<&Module> = BTreeSet::new();
        for start in self.edges.keys().filter(|at| !at.is_empty()) {
            if done.contains(start) {
                continue;
            }
            let there = self.reached(start, false);
            let files: BTreeSet<&Module> = there.intersection(&self.reached(start, true)).copied().collect();
            if files.is_empty() {
                continue;
            }
            done.extend(&files);
            let arrow = |from: &&Module, (to, what): (&Module, &BTreeSet<String>)| {
                let what: Vec<_> = what.iter().map(String::as_str).collect();
                files.contains(to).then(|| format!("{} -> {}: {}", from.join("/"), to.join("/"), what.join(", ")))
            };
            let arrows = files.iter().flat_map(|from| self.edges[*from].iter().filter_map(move |to| arrow(from, to)));
            found.push(Circle { room: start[0].clone(), files: files.len(), arrows: arrows.collect() });
        }
        found
    }

    /// All files of the same room that one leads to, or that lead to it.
    fn reached<'s>(&'s self, start: &'s Module, back: bool) -> BTreeSet<&'s Module> {
        let mut found = BTreeSet::new();
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            let next: Vec<&Module> = if back {
                self.edges.iter().filter(|(_, to)| to.contains_key(at)).map(|(from, _)| from).collect()
            } else {
                self.edges[at].keys().collect()
            };
            open.extend(next.into_iter().filter(|to| to.first() == start.first() && found.insert(*to)));
        }
        found
    }
}

/// Files of one room that take from each other in a loop.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    /// The room.
    pub room: String,
    /// How many files.
    pub files: usize,
    /// `from -> to: what`.
    pub arrows: Vec<String>,
}

fn module(path: &str) -> Module {
    let mut parts = Vec::new();
    for part in path.trim_end_matches(".rs").split('/') {
        match part {
            ".." => drop(parts.pop()),
            "mod" | "lib" | "." => {}
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

/// The code alone, with all features: without comments, texts and unit tests.
pub fn code(text: &str) -> String {
    static PATTERNS: LazyLock<[Regex; 6]> = LazyLock::new(|| {
        [
            r"(?m)^\s*//.*$",
            r"pub\(in [^)]*\)",
            r"(?m)^#\[cfg\((?:all\()?test[^\]]*\]\n(?:#\[.*\]\n)*(?:pub(?:\([^)]*\))? )?(?:mod|use) [^;{]*;",
            // What stands for a room in a build that leaves it out.
            r"(?m)^#\[cfg\(not\(feature[^\]]*\]\n(?:pub(?:\([^)]*\))? )?use [^;]*;",
            // Unit tests stand at the end of a file.
            r"(?m)^#\[cfg\((?:all\()?test[^\]]*\]\n(?:#\[.*\]\n)*(?:pub(?:\([^)]*\))? )?mod \w+ \{",
            r#""(?:[^"\\\n]|\\.)*""#,
        ]
        .map(|pattern| Regex::new(pattern).expect("a pattern"))
    });
    let [comments, visibility, declared, stand_ins, tests, texts] = &*PATTERNS;
    let text = comments.replace_all(text, "");
    let text = visibility.replace_all(&text, "pub(crate)");
    let text = declared.replace_all(&text, "");
    let text = stand_ins.replace_all(&text, "");
    let code = tests.find(&text).map_or(&*text, |tests| &text[..tests.start()]);
    texts.replace_all(code, "\"\"").into_owned()
}

/// The paths of a `use`, one each: `a::{b, c::{self, D}}` is `a::b`, `a::c`, `a::c::D`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, inside)) = tree.split_once('{') else {
        return vec![tree.strip_suffix("::self").unwrap_or(tree).to_owned()];
    };
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in inside.strip_suffix('}').unwrap_or(inside).chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("one at least").push(c);
    }
    parts.retain(|part| !part.trim().is_empty());
    parts.iter().flat_map(|part| leaves(&format!("{before}{}", part.trim()))).collect()
}

/// Whether a word stands in a text by itself.
pub fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word)
        .any(|(at, _)| !inside(text[..at].chars().next_back()) && !inside(text[at + word.len()..].chars().next()))
}
