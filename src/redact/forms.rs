//! The forms in which a program may write a value.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use crate::text::percent_encoded;

/// A value as it is, percent-encoded, inside a JSON text, in hexadecimal digits, and in base64 at any offset. The first is the
/// value as it is; of bytes that are no text there are only the encoded ones.
pub fn forms(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    // What is cut inside a character is a text as well.
    let text = match std::str::from_utf8(secret) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&secret[..error.valid_up_to()]).ok(),
        Err(_) => None,
    };
    if let Some(text) = text {
        let quoted = serde_json::to_string(text).unwrap_or_default();
        let json = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned();
        // As Go's encoder does, which is the API server's.
        let go = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        forms.extend([text.to_owned(), percent_encoded(text), json.replace('/', "\\/"), go, json]);
    }
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    forms.extend([hex.to_ascii_uppercase(), hex]);
    for offset in 0..3 {
        let shifted = [&vec![0; offset][..], secret].concat();
        // What depends on the neighbours at both ends is left out.
        for mut form in [STANDARD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            form.truncate(shifted.len() * 8 / 6);
            forms.push(form.split_off((offset * 8).div_ceil(6)));
        }
    }
    forms
}

/// A short value in base64, all of it: alone, and with the end of its line.
pub fn short_forms(text: &str) -> Vec<String> {
    let line = format!("{text}\n");
    let all = [text, &line].map(|text| [STANDARD.encode(text), STANDARD_NO_PAD.encode(text)]);
    all.into_iter().flatten().collect()
}
