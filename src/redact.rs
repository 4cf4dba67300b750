//! The single outlet filter: credentials are known by their shape and never leave kubewalk.
//!
//! Nothing that is shown, logged or written to a report goes around [`redact()`].

mod known;
pub mod outlet;
mod stream;

use std::{
    borrow::Cow,
    sync::{LazyLock, PoisonError, RwLock},
};

use regex::{Captures, Regex};

use crate::expect::show;
use known::Known;
pub use stream::Stream;

/// What stands in the place of a token.
pub const TOKEN: &str = "«redacted token»";

/// What stands in the place of a private key.
pub const KEY: &str = "«redacted key»";

/// What stands in the place of a password.
pub const PASSWORD: &str = "«redacted password»";

/// A shape of secret, and how the rest of the match is kept.
type Rule = (LazyLock<Regex>, fn(&Captures<'_>) -> String);

macro_rules! shape {
    ($pattern:literal) => {
        LazyLock::new(|| Regex::new($pattern).expect("a pattern that the tests compile"))
    };
}

/// Private keys, which go first: nothing inside of one is looked at.
static KEYS: [Rule; 2] = [
    // A PEM private key, also one that is cut off.
    (shape!(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)"), |_| {
        KEY.into()
    }),
    // The same, as base64 in a kubeconfig or a Secret ("-----BEGIN" is LS0tLS1CRUdJTi).
    (shape!(r#"(client-key-data|tls\.key|ssh-privatekey)(["']?\s*:\s*["']?)[A-Za-z0-9+/=]{16,}"#), |found| {
        format!("{}{}{KEY}", &found[1], &found[2])
    }),
];

/// A shape, and which of its matches are meant.
type Shape = (LazyLock<Regex>, fn(&str) -> bool);

/// What a token looks like wherever it stands.
static TOKENS: [Shape; 4] = [
    // A JWT, whole or cut after its second part.
    (shape!(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"), |_| true),
    // A JWT in base64, as a Secret has it.
    (shape!(r"\bZXlK[A-Za-z0-9+/]{40,}={0,2}"), |_| true),
    // The end of a JWT with the dot in it: a signature of ES256 has no more than 86 letters.
    (shape!(r"\b[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{40,}"), mixed),
    // Half a JWT whose beginning is not there: nothing else goes on for so long without a blank, a slash or a dot.
    (shape!(r"\b[A-Za-z0-9_-]{120,}"), mixed),
];

/// Credentials that are known by what stands before them.
static NAMED: [Rule; 4] = [
    // The header that carries a credential: whatever stands there.
    (shape!(r#"(?i)(authorization["']?\s*[:=]\s*["']?(?:bearer|basic|token)\s+)[A-Za-z0-9._~+/=-]+"#), |found| {
        format!("{}{TOKEN}", &found[1])
    }),
    // `Bearer x` elsewhere, if x does not read as a word.
    (shape!(r"(?i)\b(bearer[ \t]+)([A-Za-z0-9._~+/=-]{16,})"), |found| {
        if secretive(&found[2]) { format!("{}{TOKEN}", &found[1]) } else { found[0].into() }
    }),
    // `token: x` of a kubeconfig, a Secret, or JSON, if x does not read as a word.
    (
        shape!(
            r#"(?i)\b((?:id[-_]?|access[-_]?|refresh[-_]?)?token["']?\s*:\s*["']?)([A-Za-z0-9._~+/=-]{16,})((?:::[^\s"']+)?)"#
        ),
        |found| {
            if secretive(&found[2]) { format!("{}{TOKEN}", &found[1]) } else { found[0].into() }
        },
    ),
    // A password inside a URL.
    (shape!(r#"(://[^/\s:@"']+:)[^/\s@"']+@"#), |found| format!("{}{PASSWORD}@", &found[1])),
];

/// Random text has digits or goes on for long; words and names of files have neither.
fn secretive(text: &str) -> bool {
    !text.starts_with('/') && (text.len() >= 40 || text.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Random letters of both cases and digits; names and hashes have less.
fn mixed(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
}

/// Credentials that are known by their value.
static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// Keeps a credential out of every text from now on, whole and in pieces: as it is, in base64 at any offset, percent-encoded,
/// and in JSON.
pub fn register(secret: &str) {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).add(secret);
}

/// The text with every credential replaced by a mark that keeps it readable.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = replaced(&KEYS, Cow::Borrowed(text));
    // Together, on the same text: a piece that two tokens share is known of one, and cut out of the other it would leave a rest
    // that looks like nothing.
    let mut found = KNOWN.read().unwrap_or_else(PoisonError::into_inner).find(&clean);
    for (shape, is_token) in &TOKENS {
        let matches = shape.find_iter(&clean).filter(|found| is_token(found.as_str()));
        found.extend(matches.map(|found| found.range()));
    }
    // From the end, so that the places before it stay true.
    for range in known::apart(found).into_iter().rev() {
        clean.to_mut().replace_range(range, TOKEN);
    }
    replaced(&NAMED, clean)
}

fn replaced<'a>(rules: &[Rule], mut text: Cow<'a, str>) -> Cow<'a, str> {
    for (shape, keep) in rules {
        if let Cow::Owned(clean) = shape.replace_all(&text, keep) {
            text = Cow::Owned(clean);
        }
    }
    text
}

/// What a panic says, without credentials and without what drives a terminal.
pub fn panic_text(panic: &std::panic::PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let words =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    said(words.unwrap_or("no words"), &panic.location().map(ToString::to_string).unwrap_or_default())
}

fn said(words: &str, place: &str) -> String {
    const MOST: usize = 4000;
    format!("kubewalk panicked at {place}:\n{}\n", show::block(words, MOST))
}

#[cfg(test)]
mod tests {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    use rstest::rstest;

    use super::*;

    const JWT: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6IkEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

    #[rstest]
    #[case::alone(JWT.to_owned(), TOKEN.to_owned())]
    #[case::cut(format!("x {} y", &JWT[..60]), format!("x {TOKEN} y"))]
    #[case::header(format!("Authorization: Bearer {JWT}\r\nHost: a"), format!("Authorization: Bearer {TOKEN}\r\nHost: a"))]
    #[case::opaque("authorization: bearer abcdef".into(), format!("authorization: bearer {TOKEN}"))]
    #[case::bearer("sent Bearer abcdef0123456789abcdef to".into(), format!("sent Bearer {TOKEN} to"))]
    #[case::kubeconfig("    token: abcdef.0123456789abcdef\n".into(), format!("    token: {TOKEN}\n"))]
    #[case::json(r#"{"token":"abcdefabcdef0123456789","n":1}"#.into(), format!(r#"{{"token":"{TOKEN}","n":1}}"#))]
    #[case::k3s("token: K10aabbccddeeff0011::server:secret\n".into(), format!("token: {TOKEN}\n"))]
    #[case::key_data("client-key-data: LS0tLS1CRUdJTiBSU0E=\n".into(), format!("client-key-data: {KEY}\n"))]
    #[case::secret("  token: ZXlKaGJHY2lPaUpTVXpJMU5pSXNJbXRwWkNJNklrRWlmUS5leUo=".into(), format!("  token: {TOKEN}"))]
    #[case::url("https://ann:hunter2@example.com/a".into(), format!("https://ann:{PASSWORD}@example.com/a"))]
    #[case::pem(
        "a\n-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\nb".into(), format!("a\n{KEY}\nb"))]
    #[case::pem_cut("-----BEGIN PRIVATE KEY-----\nAAAA".into(), KEY.to_owned())]
    fn credentials_go(#[case] text: String, #[case] clean: String) {
        assert_eq!(redact(&text), clean);
    }

    #[test]
    fn a_registered_value_goes_in_every_form() {
        let secret = "hush/hush+hush?1";
        register(secret);
        for offset in 0..3 {
            let around = format!("{}{secret} and more", &"ab"[..offset.min(2)]);
            for encoded in [STANDARD.encode(&around), URL_SAFE_NO_PAD.encode(&around)] {
                assert!(redact(&encoded).contains(TOKEN), "{encoded}");
            }
        }
        assert_eq!(redact(&format!("a {secret} b")), format!("a {TOKEN} b"));
        assert_eq!(redact("x=hush%2Fhush%2Bhush%3F1"), format!("x={TOKEN}"));
        register("short");
        assert_eq!(redact("a short one"), "a short one");
    }

    #[test]
    fn a_token_that_shares_pieces_with_a_known_one_goes_whole() {
        let issuer = "eyJhbGciOiJFUzI1NiIsImtpZCI6IkEifQ.eyJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMiLC";
        register(&format!("{issuer}JzdWIiOiJvbmUifQ.QWJjMTIzRGVmNDU2R2hpNzg5SmtsMDEyTW5v"));
        let other = format!("{issuer}JzdWIiOiJhbm90aGVyIn0.WnlYMzIxd1Z1NjU0dFNyOTg3cVBvMjEwbk1s");
        assert_eq!(redact(&format!("it says {other}\n")), format!("it says {TOKEN}\n"));
    }

    #[test]
    fn half_a_token_that_nobody_knows_goes_too() {
        let half = "Ab3_".repeat(40);
        assert_eq!(redact(&format!("tail: {half}.x")), format!("tail: {TOKEN}.x"));
        let signature = "r8fyi0OKUVBGTeRNHgqj5yKTbD2egGwQOwFW3FcDjRSI0I9AfcH_-fBlfrsCyDaRpPfA17AWqZmzjj6MFiSimg";
        assert_eq!(redact(&format!("tail: {half}.{signature}\n")), format!("tail: {TOKEN}\n"));
        assert_eq!(redact(&format!("tail: {}.{signature}\n", &half[..50])), format!("tail: {TOKEN}\n"));
        let hash = "0123456789abcdef".repeat(8);
        assert_eq!(redact(&hash), hash);
    }

    #[test]
    fn a_panic_says_no_token() {
        let text = said(&format!("called `unwrap()` on {JWT}\u{1b}[2J"), "src/a.rs:1:2");
        assert_eq!(text, format!("kubewalk panicked at src/a.rs:1:2:\ncalled `unwrap()` on {TOKEN}\\u{{1b}}[2J\n"));
    }

    #[rstest]
    #[case(r#"user "system:serviceaccount:ns:rm" (groups=["system:serviceaccounts" "system:serviceaccounts:ns" "system:authenticated"]) is"#)]
    #[case("[invalid bearer token, service account token has been invalidated]")]
    #[case("curl: {in: pod-default, url: https://kubernetes/api, token: mounted}")]
    #[case("token: system:serviceaccount:kubewalk-x7k2p:demo-sa")]
    #[case(r#"-H "Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)""#)]
    #[case("Bearer authentication is used")]
    #[case("token: /var/run/secrets/kubernetes.io/serviceaccount/token")]
    #[case("certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t")]
    #[case("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")]
    #[case(
        "pods is forbidden: User \"system:serviceaccount:default:default\" cannot list resource \"pods\" in API group \"\""
    )]
    fn ordinary_texts_stay(#[case] text: &str) {
        assert_eq!(redact(text), text);
    }
}
