//! Bytes to text: the encodings that kubectl takes, and one kind of line end.

use super::{Diagnostic, Severity, Span};

/// What the bytes say, with `\n` as the only line end and without a byte order mark.
///
/// UTF-8 with or without a mark is taken, and UTF-16 with one (PowerShell's `>` writes it), as kubectl does.
///
/// # Errors
/// The text as far as it can be read, and why it is not one.
pub fn decode(bytes: &[u8]) -> Result<String, (String, Vec<Diagnostic>)> {
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest)?,
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ if is_bare_utf16(bytes) => {
            let hint = "save it as UTF-8; in PowerShell: `… | Out-File -Encoding utf8 FILE`";
            let message = "this looks like UTF-16 without a byte order mark";
            return Err((String::new(), vec![error(message, None, "", hint)]));
        }
        _ => utf8(bytes)?,
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let found = controls(&text);
    if found.is_empty() { Ok(text) } else { Err((text, found)) }
}

fn utf8(bytes: &[u8]) -> Result<String, (String, Vec<Diagnostic>)> {
    let bad = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        Err(bad) => bad,
    };
    // The place is found in the text as it is shown: all before it is valid, and only its line ends change.
    let before = String::from_utf8_lossy(&bytes[..bad.valid_up_to()]).replace("\r\n", "\n").replace('\r', "\n");
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let span = Span { start: before.len(), end: before.len() + '\u{FFFD}'.len_utf8() };
    let label = format!("byte 0x{:02X}", bytes[bad.valid_up_to()]);
    let hint = "save the file as UTF-8 (an editor may call its encoding Latin-1 or Windows-1252 now)";
    Err((text, vec![error("this is not UTF-8", Some(span), &label, hint)]))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, (String, Vec<Diagnostic>)> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let mut text = String::with_capacity(bytes.len());
    let mut bad = None;
    for c in char::decode_utf16(units) {
        if c.is_err() && bad.is_none() {
            bad = Some(text.len());
        }
        text.push(c.unwrap_or('\u{FFFD}'));
    }
    if bad.is_none() && !rest.is_empty() {
        bad = Some(text.len());
        text.push('\u{FFFD}');
    }
    let Some(start) = bad else { return Ok(text) };
    let before = text[..start].replace("\r\n", "\n").replace('\r', "\n").len();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let span = Span { start: before, end: before + '\u{FFFD}'.len_utf8() };
    Err((
        text,
        vec![error("this is not UTF-16, though the file begins as such", Some(span), "", "save the file as UTF-8")],
    ))
}

/// Whether every other byte of the beginning is NUL, as in UTF-16 of ASCII.
fn is_bare_utf16(bytes: &[u8]) -> bool {
    let (pairs, _) = bytes[..bytes.len().min(64)].as_chunks::<2>();
    let nul = |side: usize| pairs.len() >= 2 && pairs.iter().all(|pair| (pair[side] == 0) && (pair[1 - side] != 0));
    nul(0) || nul(1)
}

/// The first few characters that YAML does not allow.
fn controls(text: &str) -> Vec<Diagnostic> {
    let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\u{85}');
    let at = |(start, c): (usize, char)| {
        let name = match c {
            '\0' => "a NUL character".to_owned(),
            '\u{1b}' => "an escape character".to_owned(),
            c => format!("the control character U+{:04X}", c as u32),
        };
        let span = Span { start, end: start + c.len_utf8() };
        let hint = "remove it; in a double-quoted text it can be written as an escape, e.g. `\"\\x1b\"`";
        error(&format!("{name} does not belong in YAML"), Some(span), "", hint)
    };
    text.char_indices().filter(|(_, c)| forbidden(*c)).take(5).map(at).collect()
}

fn error(message: &str, span: Option<Span>, label: &str, hint: &str) -> Diagnostic {
    Diagnostic {
        file: None,
        severity: Severity::Error,
        message: message.to_owned(),
        span,
        label: (!label.is_empty()).then(|| label.to_owned()),
        second: None,
        hint: Some(hint.to_owned()),
        fix: Vec::new(),
        environment: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16le(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn takes_what_kubectl_takes() {
        let little = [b"\xFF\xFE".to_vec(), utf16le("a: ü\r\n")].concat();
        let big = [b"\xFE\xFF".to_vec(), "a: ü\n".encode_utf16().flat_map(u16::to_be_bytes).collect()].concat();
        for bytes in [
            "a: ü\n".as_bytes(),
            "\u{feff}a: ü\n".as_bytes(),
            "a: ü\r\n".as_bytes(),
            "a: ü\r".as_bytes(),
            &little,
            &big,
        ] {
            assert_eq!(decode(bytes).expect("text"), "a: ü\n");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        let (_, found) = decode(&utf16le("title: x\n")).expect_err("no mark");
        assert!(found[0].message.contains("UTF-16 without"), "{found:?}");
        let (text, found) = decode(b"a: 1\r\nb: \xE9\n").expect_err("latin 1");
        assert_eq!((text.as_str(), found[0].span.map(|s| s.start)), ("a: 1\nb: \u{FFFD}\n", Some(8)));
        let (_, found) = decode(b"a: \0x\nb: \x1b[31m\n").expect_err("controls");
        assert_eq!(found.iter().map(|d| d.span.expect("place").start).collect::<Vec<_>>(), [3, 9]);
        let (_, found) = decode(b"\xFF\xFEa\0b").expect_err("odd length");
        assert!(found[0].message.contains("not UTF-16"), "{found:?}");
    }
}
