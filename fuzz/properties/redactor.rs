//! The filter: nothing of a credential that is known comes through, in whichever form, in whichever company, and wherever
//! chunks end.

use std::ops::Range;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use kubewalk::redact::{Stream, redact, register};

use super::Input;

/// The shortest piece that must not come through.
const PIECE: usize = 16;

const ALPHABETS: [&str; 4] = [
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    " !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^`az{|}~",
    "äöüßéλж日本👍abc019/+",
];

pub fn holds(data: &[u8]) {
    let mut input = Input(data);
    let (kind, seed, form, cuts) = (input.byte(), input.byte(), input.byte(), input.byte());
    let (before, after) = (input.text(), input.text());
    let secret = secret(kind, seed);
    register(&secret);
    let (written, own) = write(&secret, form, &before);
    let text = format!("{before}{written}{after}");
    let whole = redact(&text);
    gone(&written[own.clone()], &whole, "at once");
    let chunked = in_chunks(text.as_bytes(), cuts, input);
    gone(&written[own], &chunked, "in chunks");
    assert_eq!(redact(&whole), whole, "a second filter finds something");
}

/// Letters of one alphabet, random enough; only so many, as those that are known stay known.
fn secret(kind: u8, seed: u8) -> String {
    let alphabet: Vec<char> = ALPHABETS[usize::from(kind % 4)].chars().collect();
    let mut state = u64::from(seed) << 8 | u64::from(kind % 4);
    let mut next = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % most
    };
    let length = if seed.is_multiple_of(8) { 8 + next(8) } else { PIECE + next(300) };
    (0..length).map(|_| alphabet[next(alphabet.len())]).collect()
}

/// The secret as some program writes it, and which part of that is all its own: the first and last letters of base64 have
/// something of the neighbours in them.
fn write(secret: &str, form: u8, before: &str) -> (String, Range<usize>) {
    let json = || {
        let quoted = serde_json::to_string(secret).expect("a text");
        quoted[1..quoted.len() - 1].to_owned()
    };
    // Base64 of something with the secret in it: which letters it has depends on where the secret begins.
    let offset = usize::from(form / 16 % 3);
    let neighbour = &before[..before.len().min(usize::from(before.is_ascii()))];
    let inside = format!("{}{secret}{neighbour}", &"ab"[..offset]);
    let written = match form % 10 {
        0 | 1 => secret.to_owned(),
        2 => kubewalk::plan::asks::escape(secret),
        3 => json(),
        4 => json().replace('/', "\\/"),
        // As Go's encoder does, which is the API server's.
        5 => json().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        6 => STANDARD.encode(inside),
        7 => STANDARD_NO_PAD.encode(inside),
        8 => URL_SAFE.encode(inside),
        _ => URL_SAFE_NO_PAD.encode(inside),
    };
    let own = if form % 10 < 6 { 0..written.len() } else { (offset * 8).div_ceil(6)..(offset + secret.len()) * 8 / 6 };
    (written, own)
}

/// No piece of the secret's form is in the text; of a short one, not the whole.
fn gone(written: &str, shown: &str, how: &str) {
    let least = PIECE.min(written.len());
    let piece =
        written.as_bytes().windows(least).find(|piece| shown.as_bytes().windows(least).any(|window| window == *piece));
    assert!(piece.is_none(), "{:?} comes through {how}: {shown:?}", piece.map(String::from_utf8_lossy));
}

fn in_chunks(text: &[u8], cuts: u8, mut input: Input<'_>) -> String {
    let (mut stream, mut shown, mut rest) = (Stream::default(), String::new(), text);
    while !rest.is_empty() {
        let length = usize::from(if input.0.is_empty() { cuts } else { input.byte() }).clamp(1, rest.len());
        let (chunk, more) = rest.split_at(length);
        shown += &stream.push(chunk);
        rest = more;
    }
    shown + &stream.end()
}
