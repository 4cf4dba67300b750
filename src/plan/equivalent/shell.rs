//! Words of a command as one line that a POSIX shell takes apart into the same words.

use crate::plan::Target;

pub(in crate::plan) fn owned_words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(ToOwned::to_owned).to_vec()
}

/// Words as one line that a shell takes apart into the same words.
pub(in crate::plan) fn line(words: &[String]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| one_line(word)).collect();
    quoted.join(" ")
}

/// A word for a line that may be indented: what has line breaks is put together by `printf`.
fn one_line(word: &str) -> String {
    // The shell takes line breaks away from the end.
    if word.contains('\n') && !word.ends_with('\n') { format!("\"$({})\"", printf(word)) } else { quote(word) }
}

/// The command that prints a text, in one line.
pub(in crate::plan) fn printf(text: &str) -> String {
    let parts: Vec<_> = text.split('\n').collect();
    let (format, parts) = match parts.as_slice() {
        [all @ .., ""] if !all.is_empty() => ("%s\\n".to_owned(), all),
        all => (vec!["%s"; all.len()].join("\\n"), all),
    };
    let parts: Vec<_> = parts.iter().map(|part| quote(part)).collect();
    format!("printf {} {}", if format == "%s" { format } else { quote(&format) }, parts.join(" "))
}

/// A word as a POSIX shell reads it.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Whether a body may be too long for an argument, of a program here or of a command, which gets into a Pod in a URL: it then comes
/// by the standard input. Within quotes and in a URL, what is no letter and no digit takes three bytes or more.
pub(in crate::plan) fn is_long(body: &str) -> bool {
    let bytes = body.bytes().map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 3 });
    bytes.sum::<usize>() > 60 << 10
}

pub(in crate::plan) fn in_namespace(words: &mut Vec<String>, namespace: Option<&str>) {
    if let Some(namespace) = namespace {
        words.extend(["-n".to_owned(), namespace.to_owned()]);
    }
}

pub(in crate::plan) fn object(words: &mut Vec<String>, target: &Target) {
    words.push(target.kind.kubectl());
    words.extend(target.name.clone());
    in_namespace(words, target.namespace.as_deref());
}

pub(in crate::plan) fn piped(stdin: Option<&str>, words: &[String]) -> String {
    match stdin {
        Some(stdin) => format!("{} | {}", printf(stdin), line(words)),
        None => line(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_are_no_arguments() {
        assert!(!is_long(&"x".repeat(60_000)) && is_long(&"x".repeat(62_000)));
        assert!(is_long(&"\"".repeat(21_000)), "three bytes each in a URL, and more within quotes");
    }
}
