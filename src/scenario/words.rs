//! Words and characters that look innocent and mean something else: `no` to kubectl, typographic quotes, odd spaces.

use super::{
    Diagnostic, Span, syntax,
    tree::{Node, Value},
};

/// What kubectl's YAML reader makes of an unquoted word, where ours keeps the text.
fn kubectl_bool(word: &str) -> Option<bool> {
    match word {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Objects to words in free-form parts (manifests, bodies, expected objects) that kubectl reads as booleans.
pub(super) fn check_free(node: &Node, found: &mut Vec<Diagnostic>) {
    match &node.value {
        Value::String(word) if node.plain => found.extend(ambiguous(word, node.span, "this")),
        Value::List(items) => items.iter().for_each(|item| check_free(item, found)),
        Value::Map(entries) => {
            for entry in entries {
                if entry.key_plain {
                    found.extend(ambiguous(&entry.key, entry.key_span, "this key"));
                }
                check_free(&entry.value, found);
            }
        }
        _ => {}
    }
}

fn ambiguous(word: &str, span: Span, what: &str) -> Option<Diagnostic> {
    let read = kubectl_bool(word)?;
    let or = if what == "this" { format!(", or write `{read}`") } else { String::new() };
    let hint = format!("kubectl reads {what} as {read}; quote it: `\"{word}\"`{or}");
    Some(syntax::error(&format!("an unquoted `{word}` is ambiguous here"), span, &hint))
}

/// Looks at all keys and unquoted values for characters that only look like spaces.
pub(super) fn check_spaces(node: &Node, found: &mut Vec<Diagnostic>) {
    each_plain(node, "", &mut |text, span, _| found.extend(odd_space(text, span)));
}

/// Looks at all keys and unquoted values for quotes that are none; prose may have them.
pub(super) fn check_quotes(node: &Node, found: &mut Vec<Diagnostic>) {
    each_plain(node, "", &mut |text, span, key| {
        if !matches!(key, Some("title" | "say" | "predict")) {
            found.extend(odd_quotes(text, span));
        }
    });
}

/// Calls with each key, and with each unquoted text and its key.
fn each_plain(node: &Node, key: &str, look: &mut dyn FnMut(&str, Span, Option<&str>)) {
    match &node.value {
        Value::String(text) if node.plain => look(text, node.span, Some(key)),
        Value::List(items) => items.iter().for_each(|item| each_plain(item, key, look)),
        Value::Map(entries) => {
            for entry in entries {
                if entry.key_plain {
                    look(&entry.key, entry.key_span, None);
                }
                each_plain(&entry.value, &entry.key, look);
            }
        }
        _ => {}
    }
}

/// Whether a key is wrong by its quotes, which [`check_quotes`] tells.
pub(super) fn is_odd(key: &str) -> bool {
    odd_quotes(key, Span::default()).is_some()
}

fn odd_space(text: &str, span: Span) -> Option<Diagnostic> {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if matches!(before, ' ' | ':')
            && let Some(mut found) = syntax::not_a_space(c, span.start + at)
        {
            // Behind a folded line end, and by an alias, the place in the text is not the place in the file.
            if span.start + at + c.len_utf8() > span.end {
                found.span = Some(span);
            }
            return Some(found);
        }
        before = c;
    }
    None
}

fn odd_quotes(text: &str, span: Span) -> Option<Diagnostic> {
    let curly = |c: char| matches!(c, '“' | '”' | '„' | '‘' | '’' | '‚' | '«' | '»');
    (text.chars().count() > 1 && text.starts_with(curly) && text.ends_with(curly)).then(|| {
        syntax::error(
            "typographic quotes do not quote in YAML",
            span,
            "use `\"` or `'`; quote once more if they belong to the text",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let (node, found) = super::super::yaml::parse(text);
        assert!(found.is_empty(), "{found:?}");
        let node = node.expect("a tree");
        let mut found = Vec::new();
        check_free(&node, &mut found);
        check_spaces(&node, &mut found);
        check_quotes(&node, &mut found);
        found.into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn objects_to_what_kubectl_reads_as_booleans() {
        for word in ["y", "Y", "n", "N", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"] {
            assert_eq!(found(&format!("a: {word}")).len(), 1, "{word}");
            assert_eq!(found(&format!("{word}: 1")).len(), 1, "{word}");
            assert_eq!(found(&format!("a: [\"{word}\", '{word}', !!str {word}]")), Vec::<String>::new(), "{word}");
            assert_eq!(found(&format!("a: |-\n  {word}\n")), Vec::<String>::new(), "{word}");
        }
        assert_eq!(found("a: [yEs, true, False, 'on', nope, \"\"]"), Vec::<String>::new());
    }

    #[test]
    fn sees_odd_characters() {
        assert_eq!(found("a: 1\n\u{a0}b: 2"), ["a non-breaking space (U+00A0) is no space to YAML"]);
        assert_eq!(found("a: “x”"), ["typographic quotes do not quote in YAML"]);
        assert_eq!(found("title: “x”\nsay: a “b” c’s\nc: '“x”'\nd: 5\u{a0}MB"), Vec::<String>::new());
    }
}
