//! Credentials that are known by their shape, or by what stands before them.

use std::{borrow::Cow, ops::Range, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex::{Captures, Regex};

use super::mark::{KEY, Mark};

/// A shape of secret, and how the rest of the match is kept.
type Rule = (LazyLock<Regex>, fn(&Captures<'_>) -> String);

/// A shape, which of its matches are meant, and what they are.
type Shape = (LazyLock<Regex>, fn(&str) -> bool, Mark);

macro_rules! shape {
    ($pattern:expr) => {
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
    (
        shape!(
            r#"(client-key-data|tls\.key|ca\.key|ssh-privatekey|id_rsa|id_ecdsa|id_ed25519)(\\?["']?\s*:\s*\\?["']?)[A-Za-z0-9+/=]{16,}"#
        ),
        |found| format!("{}{}{KEY}", &found[1], &found[2]),
    ),
];

/// What a credential looks like wherever it stands.
static SHAPES: [Shape; 12] = [
    // A JWT, whole or cut after its second part.
    (shape!(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"), |_| true, Mark::Token),
    // A JWT in base64, as a Secret has it.
    (shape!(r"\bZXlK[A-Za-z0-9+/]{40,}={0,2}"), |_| true, Mark::Token),
    // The end of a JWT with the dot in it: a signature of ES256 has no more than 86 letters.
    (shape!(r"\b[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{40,}"), mixed, Mark::Token),
    // Half a JWT whose beginning is not there: nothing else goes on for so long without a blank, a slash or a dot.
    (shape!(r"\b[A-Za-z0-9_-]{120,}"), mixed, Mark::Token),
    // A bootstrap token of kubeadm.
    (shape!(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), bootstrap, Mark::Token),
    // What a node of k3s joins with.
    (shape!(r#"\bK10[a-f0-9]{16,}::[^\s"'\\]+"#), |_| true, Mark::Token),
    // Tokens that say whose they are.
    (
        shape!(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{36}|AIza[A-Za-z0-9_-]{35}|dckr_[op]at_[A-Za-z0-9_-]{20,}|sk_live_[A-Za-z0-9]{16,}|hv[sbr]\.[A-Za-z0-9_-]{24,})"
        ),
        |_| true,
        Mark::Token,
    ),
    (shape!(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), |_| true, Mark::Token),
    // What `openssl passwd` and htpasswd make.
    (shape!(r"\$(?:2[aby]|apr1|[156y])\$[A-Za-z0-9./$=]{16,}"), |_| true, Mark::Password),
    // The body of a private key without the lines around it, in base64. PKCS#1 and PKCS#8: a sequence whose first part is the
    // number 0, where a certificate has a sequence.
    (shape!(r"\bMII[A-Za-z0-9+/]{2}[AQgw]IBA[A-Za-z0-9+/]{20,}={0,2}"), |_| true, Mark::Key),
    // The shorter ones of elliptic curves, and Ed25519.
    (
        shape!(r"\b(?:MI[GH][A-Za-z0-9+/]AgE[AB]|M[A-P][A-Za-z0-9+/]CAQ[AE])[A-Za-z0-9+/]{20,}={0,2}"),
        |_| true,
        Mark::Key,
    ),
    // OpenSSH's own ("openssh-key-v1").
    (shape!(r"b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/]{20,}={0,2}"), |_| true, Mark::Key),
];

/// What one of [`NAMED`] begins with: most texts have none of it.
static HINTS: LazyLock<Regex> =
    shape!(r"(?i)auth|bearer|token|passw|passphrase|_pwd|secret|cookie|key|credential|sig=|signature|://|\s-u|--user");

/// Words that say that what comes is a password.
const PASSWORDS: &str = r#"(?ix) ( \b (?: [a-z0-9]+ [-_.] | [a-z0-9]* )*
    (?: password | passwd | passphrase | (?:_|-)pwd | client[-_]?secret | app[-_]?secret | shared[-_]?secret | secret[-_]?key
      | secret[-_]?access[-_]?key | api[-_]?key | apikey | private[-_]?key | encryption[-_]?key | signing[-_]?key )
    (?: \\? ["'] )? \s? (?: : | = | :\s{1,8} | \s=\s ) \s? )
    ( \\"[^"\\«]+\\" | "[^"«]+" | '[^'«]+' | [^\s"'\\,;&{}<>«\[\]$*|(]+ )"#;

/// A shape in which something stands before a credential: which of its groups are one, and what they are.
type Naming = (LazyLock<Regex>, fn(&Captures<'_>) -> bool, usize, Mark);

/// Credentials that are known by what stands before them.
static NAMED: [Naming; 11] = [
    // The header that carries a credential: whatever stands there.
    (
        shape!(
            r#"(?i)authorization\\?["']?\s*[:=]\s*\\?["']?(?:bearer|basic|token|negotiate|digest|apikey)\s+([A-Za-z0-9._~+/=-]+)"#
        ),
        |_| true,
        1,
        Mark::Token,
    ),
    (
        shape!(
            r#"(?i)\b(?:x-auth-token|x-api-key|private-token|x-vault-token|job-token)\\?["']?\s*[:=]\s*\\?["']?([^\s"'\\,;«${}<]+)"#
        ),
        |_| true,
        1,
        Mark::Token,
    ),
    // `Bearer x` elsewhere, if x does not read as a word.
    (shape!(r"(?i)\bbearer[ \t]+([A-Za-z0-9._~+/=-]{16,})"), |found| secretive(&found[1]), 1, Mark::Token),
    // `token: x` of a kubeconfig, a Secret, or JSON, if x does not read as a word.
    (
        shape!(
            r#"(?i)\b(?:[a-z0-9]+[-_.])*(?:id|access|refresh|identity|session|bearer|auth|bootstrap|registration)?token\\?["']?\s*:\s*\\?["']?(([A-Za-z0-9._~+/=-]{16,})(?:::[^\s"']+)?)"#
        ),
        |found| secretive(&found[2]),
        1,
        Mark::Token,
    ),
    // The same in an environment and in flags: `GH_TOKEN=x`, `--token x`.
    (
        shape!(r#"(?:\b[A-Z0-9_]*TOKEN|\b[a-z0-9_]+_token|--?[a-z-]*token)[= ]["']?([A-Za-z0-9._~+/=:-]{6,})"#),
        |found| has_digit(&found[1]) && !ordinary(&found[1]),
        1,
        Mark::Token,
    ),
    // A password inside a URL, with a user's name or without; or a token in its place.
    (shape!(r#"://[^/\s:@"'«]*:([^/\s"'«]+)@"#), |_| true, 1, Mark::Password),
    (shape!(r#"://([^/\s:@"'«]{16,})@"#), |found| secretive(&found[1]), 1, Mark::Token),
    // What a URL's query carries.
    (
        shape!(
            r#"(?i)[?&;#](?:[a-z]+[-_])?(?:token|apikey|api[-_]key|secret|password|passwd|pwd|signature|sig|x-amz-credential|x-amz-signature)=([^&\s"'#\\«${}<]+)"#
        ),
        |_| true,
        1,
        Mark::Token,
    ),
    // What a key says is a password.
    (shape!(PASSWORDS), is_password, 2, Mark::Password),
    // A login of a registry: base64 of `name:password`.
    (
        shape!(r#"\bauth\\?["']?\s*:\s*\\?["']?([A-Za-z0-9+/]{8,}={0,2})"#),
        |found| STANDARD.decode(&found[1]).is_ok_and(|login| login.is_ascii() && login.contains(&b':')),
        1,
        Mark::Password,
    ),
    // A login on the command line of curl; `--user system:serviceaccount:a:b` is a name.
    (
        shape!(r#"\s(?:-u|--user|--proxy-user)[ =]?["']?([^\s:"'«]+):([^\s"'«]+)"#),
        |found| &found[1] != "system",
        2,
        Mark::Password,
    ),
];

/// Cookies, which keep their names.
static COOKIES: LazyLock<Regex> = shape!(r#"(?im)\b(?:set-)?cookie\\?["']?\s*:\s*\\?["'\[]*([^\r\n"'\\]+)"#);

/// The text without private keys.
pub fn without_keys(text: &str) -> Cow<'_, str> {
    replaced(&KEYS, Cow::Borrowed(text))
}

/// Where in a text something has the shape of a credential.
pub fn find(text: &str) -> Vec<(Range<usize>, Mark)> {
    let of = |(shape, is_meant, mark): &'static Shape| {
        let matches = shape.find_iter(text).filter(|found| is_meant(found.as_str()));
        matches.map(|found| (found.range(), *mark)).collect::<Vec<_>>()
    };
    SHAPES.iter().flat_map(of).collect()
}

/// Where in a text something stands that its key says is a credential.
pub fn find_named(text: &str) -> Vec<(Range<usize>, Mark)> {
    if !HINTS.is_match(text) {
        return vec![];
    }
    let of = |(shape, is_meant, group, mark): &'static Naming| {
        let matches = shape.captures_iter(text).filter(|found| is_meant(found));
        matches.filter_map(|found| Some((bare(text, found.get(*group)?.range()), *mark))).collect::<Vec<_>>()
    };
    let cookies = COOKIES.captures_iter(text).filter_map(|found| found.get(1));
    NAMED.iter().flat_map(of).chain(cookies.flat_map(|pairs| cookies_of(pairs.as_str(), pairs.start()))).collect()
}

/// The place without quotes around it.
fn bare(text: &str, range: Range<usize>) -> Range<usize> {
    const AROUND: [char; 3] = ['\\', '"', '\''];
    let inner = &text[range.clone()];
    let start = range.start + inner.len() - inner.trim_start_matches(AROUND).len();
    start..start + inner.trim_matches(AROUND).len()
}

fn replaced<'a>(rules: &'static [Rule], mut text: Cow<'a, str>) -> Cow<'a, str> {
    for (shape, keep) in rules {
        if let Cow::Owned(clean) = shape.replace_all(&text, keep) {
            text = Cow::Owned(clean);
        }
    }
    text
}

fn is_password(found: &Captures<'_>) -> bool {
    let bare = found[2].trim_matches(['\\', '"', '\'', '.', '`', ')']);
    // A number of bytes is what `kubectl describe` says.
    let said = bare.bytes().all(|byte| byte.is_ascii_digit()) && found[1].ends_with("  ");
    !said && bare.len() >= 2 && !ordinary(bare)
}

fn cookies_of(pairs: &str, at: usize) -> Vec<(Range<usize>, Mark)> {
    const KEPT: [&str; 7] = ["path", "domain", "expires", "max-age", "samesite", "secure", "httponly"];
    let mut start = at;
    let mut found = Vec::new();
    for pair in pairs.split(';') {
        if let Some((name, value)) = pair.split_once('=')
            && !KEPT.contains(&name.trim().to_ascii_lowercase().as_str())
            && !value.is_empty()
        {
            found.push((start + name.len() + 1..start + pair.len(), Mark::Token));
        }
        start += pair.len() + 1;
    }
    found
}

/// What stands where a credential could and is none: a switch, a type, the name of a file.
fn ordinary(text: &str) -> bool {
    const WORDS: [&str; 18] = [
        "true", "false", "null", "none", "nil", "yes", "no", "on", "off", "string", "bytes", "required", "optional",
        "invalid", "expired", "mounted", "empty", "redacted",
    ];
    text.starts_with('/') || text.starts_with("system:") || WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Random text has digits or goes on for long; words and names of files have neither.
fn secretive(text: &str) -> bool {
    !text.starts_with('/') && (text.len() >= 40 || has_digit(text))
}

/// Random letters of both cases and digits; names and hashes have less.
fn mixed(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
}

/// Sixteen random letters have a digit among them; the parts of a host's name do not.
fn bootstrap(text: &str) -> bool {
    let (id, secret) = text.split_at(6);
    let letters = |text: &str| text.bytes().any(|byte| byte.is_ascii_lowercase());
    has_digit(secret) && (letters(secret) || has_digit(id)) && (letters(id) || letters(secret))
}
