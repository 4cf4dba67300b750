//! What in a text is a placeholder, and what only looks like one.
//!
//! `{namespace}`, `{each.NAME}` and `{saved.NAME}`, exactly so, are placeholders. Every other brace is a character like any
//! other: JSON, JSON paths, Go templates, jq and shells use them, too. `{{namespace}}` stands for the eleven characters
//! `{namespace}`, and likewise for the others. `${namespace}` is a variable of a shell.

use std::borrow::Cow;

use crate::k8s::nearest;

/// The name of the placeholder for the scenario's namespace.
pub const NAMESPACE: &str = "namespace";

/// How the name of a placeholder for a saved value begins.
pub const SAVED: &str = "saved.";

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Characters that mean themselves.
    Text(&'a str),
    /// A placeholder; the name between its braces.
    Name(&'a str),
    /// An escaped placeholder; what it stands for, braces included.
    Literal(&'a str),
}

/// Takes a text apart. `is` says which names are placeholders; all others are text.
pub fn pieces(text: &str, is: impl Fn(&str) -> bool) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(brace) = text[at..].find('{').map(|step| at + step) {
        at = brace + 1;
        let Some((piece, end)) = piece(text, brace, &is) else { continue };
        if from < brace {
            found.push(Piece::Text(&text[from..brace]));
        }
        found.push(piece);
        (from, at) = (end, end);
    }
    if from < text.len() {
        found.push(Piece::Text(&text[from..]));
    }
    found
}

/// The placeholder that begins at a brace, and where it ends.
fn piece<'a>(text: &'a str, brace: usize, is: &impl Fn(&str) -> bool) -> Option<(Piece<'a>, usize)> {
    let inner = &text[brace + 1..];
    if let Some(escaped) = inner.strip_prefix('{') {
        let name = name(escaped).filter(|name| is(name))?;
        escaped[name.len() + 1..].strip_prefix('}')?;
        let end = brace + name.len() + 4;
        return Some((Piece::Literal(&text[brace + 1..end - 1]), end));
    }
    let name = name(inner).filter(|name| is(name))?;
    // What a shell may have as the name of a variable is one behind a dollar.
    if text[..brace].ends_with('$') && !name.contains('.') {
        return None;
    }
    Some((Piece::Name(name), brace + name.len() + 2))
}

/// What stands before the closing brace, if no other opens before it.
fn name(text: &str) -> Option<&str> {
    // Not beyond the next brace: in a text of open ones, each would look through all the others.
    let end = text.find(['{', '}'])?;
    text[end..].starts_with('}').then(|| &text[..end])
}

/// The text in which what would be a placeholder stands for its letters.
pub fn escaped(text: &str) -> Cow<'_, str> {
    let is = |name: &str| name == NAMESPACE || name.starts_with(SAVED) || name.starts_with("each.");
    if !text.contains('{') {
        return Cow::Borrowed(text);
    }
    let as_written = |piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Name(name) => format!("{{{{{name}}}}}"),
        // One pair of braces more is a text of three.
        Piece::Literal(literal) => format!("{{{{{literal}}}}}"),
    };
    pieces(text, is).into_iter().map(as_written).collect()
}

/// The text with the namespace's name in it.
pub fn in_namespace<'a>(text: &'a str, namespace: &'a str) -> Cow<'a, str> {
    if !text.contains("{namespace}") {
        return Cow::Borrowed(text);
    }
    pieces(text, |name| name == NAMESPACE)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) | Piece::Literal(text) => text,
            Piece::Name(_) => namespace,
        })
        .collect()
}

/// The names of saved values in a text.
pub fn saved(text: &str) -> impl Iterator<Item = &str> {
    pieces(text, |name| name.starts_with(SAVED)).into_iter().filter_map(|piece| match piece {
        Piece::Name(name) => name.strip_prefix(SAVED),
        Piece::Text(_) | Piece::Literal(_) => None,
    })
}

/// Something in braces that is no placeholder, but was probably meant as one.
#[derive(Debug, PartialEq, Eq)]
pub struct Slip<'a> {
    /// As it is written, braces included.
    pub written: &'a str,
    /// What was probably meant, braces included.
    pub meant: String,
}

/// The first slip of the fingers in a text.
pub fn slip(text: &str) -> Option<Slip<'_>> {
    let known = |name: &str| name == NAMESPACE || name.starts_with(SAVED) || name.starts_with("each.");
    let mut at = 0;
    while let Some(brace) = text[at..].find('{').map(|step| at + step) {
        at = brace + 1;
        let before = text[..brace].chars().next_back();
        let Some(name) = name(&text[at..]) else { continue };
        // As other tools write it: `{{ namespace }}`, `${{ namespace }}`.
        if let Some(meant) = meant(name.trim_matches(' ')).filter(|_| name.contains(' ')) {
            let mut end = at + name.len() + 1;
            let mut start = brace;
            if text[..brace].ends_with('{') && text[end..].starts_with('}') {
                (start, end) = (start - 1, end + 1);
            }
            start -= usize::from(text[..start].ends_with('$'));
            return Some(Slip { written: &text[start..end], meant });
        }
        // A variable of a shell, a template, or a placeholder that is written out or escaped.
        if matches!(before, Some('$' | '{')) || known(name) {
            continue;
        }
        if let Some(meant) = meant(name) {
            return Some(Slip { written: &text[brace..at + name.len() + 1], meant });
        }
    }
    None
}

fn meant(name: &str) -> Option<String> {
    if !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    if lower == "ns" || nearest(&lower, [NAMESPACE].into_iter()).is_some() {
        return Some(format!("{{{NAMESPACE}}}"));
    }
    let (family, rest) = lower.split_once('.').map(|(family, _)| name.split_at(family.len()))?;
    nearest(family, ["saved", "each"].into_iter()).map(|word| format!("{{{word}{rest}}}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a/{namespace}/b{namespace}", "a/ns/bns")]
    #[case("{{namespace}}", "{namespace}")]
    #[case("{{{namespace}}}", "{{namespace}}")]
    #[case("ns=${namespace} \"$ns\"", "ns=${namespace} \"$ns\"")]
    #[case(
        "{{.metadata.namespace}} {.items[0].namespace} {namespaces} {namespace",
        "{{.metadata.namespace}} {.items[0].namespace} {namespaces} {namespace"
    )]
    #[case("{\"a\":{\"b\":\"{namespace}\"}}", "{\"a\":{\"b\":\"ns\"}}")]
    #[case("{{namespace}", "{ns")]
    #[case("ü{namespace}ü", "ünsü")]
    fn only_the_placeholder_is_filled(#[case] text: &str, #[case] filled: &str) {
        assert_eq!(in_namespace(text, "ns"), filled);
    }

    /// A megabyte of open braces: looked through to its end from each, this would take minutes.
    #[test]
    fn braces_without_end_are_looked_at_once() {
        let text = "{".repeat(2 << 20);
        assert_eq!(pieces(&text, |_| true), [Piece::Text(&text)]);
        assert_eq!(slip(&format!("{text}}}")), None);
    }

    #[rstest]
    #[case("{saved.a}{saved.b-c} {{saved.d}} ${saved.e}", &["a", "b-c", "e"])]
    #[case("{saved.a", &[])]
    fn finds_names(#[case] text: &str, #[case] names: &[&str]) {
        assert_eq!(saved(text).collect::<Vec<_>>(), names);
    }

    #[rstest]
    #[case("x {namspace}", Some(("{namspace}", "{namespace}")))]
    #[case("{Namespace}", Some(("{Namespace}", "{namespace}")))]
    #[case("/{ns}/", Some(("{ns}", "{namespace}")))]
    #[case("{save.uid}", Some(("{save.uid}", "{saved.uid}")))]
    #[case("{Saved.Uid}", Some(("{Saved.Uid}", "{saved.Uid}")))]
    #[case("{eahc.x}", Some(("{eahc.x}", "{each.x}")))]
    #[case("a/{{ namespace }}/b", Some(("{{ namespace }}", "{namespace}")))]
    #[case("{ namespace}", Some(("{ namespace}", "{namespace}")))]
    #[case("${{ namespace }}", Some(("${{ namespace }}", "{namespace}")))]
    #[case("{{ saved.uid }}", Some(("{{ saved.uid }}", "{saved.uid}")))]
    #[case("{{ .metadata.namespace }} {{ range .items }} {{ end }} {{ .namespace }} { print } {name, namespace}", None)]
    #[case("${namspace} {{namspace}} {.namspace} {a,b} {} {print $1} {state.x} {namespace} {saved.x}", None)]
    fn slips_are_told_from_ordinary_braces(#[case] text: &str, #[case] expected: Option<(&str, &str)>) {
        let found = slip(text);
        assert_eq!(found.as_ref().map(|slip| (slip.written, slip.meant.as_str())), expected);
    }
}
