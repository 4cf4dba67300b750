//! What a token leaves where it must not be, and what is looked at for it while runs go on.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod watch;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex::Regex;

/// The reports, and a file for each.
pub const KINDS: [(&str, &str); 5] = [
    ("events", "events.jsonl"),
    ("junit", "junit.xml"),
    ("json", "run.json"),
    ("html", "page.html"),
    ("github", "summary.md"),
];

/// A Pod that says its token: whole, both halves alone, in base64 as `base64` writes it (line by line) and twice, folded, in hex,
/// in two parts; and what would drive who shows it.
const SAYS_ITS_TOKEN: &str = r#"T=/var/run/secrets/kubernetes.io/serviceaccount/token; cat $T; echo; tail -c 500 $T; echo; head -c 500 $T; echo;
          base64 $T; fold -w 20 $T; echo; od -An -tx1 $T; base64 $T | base64; head -c 300 $T; sleep 0.2; tail -c +301 $T; echo; cat $T >&2;
          printf '\n::error file=x::owned\n##[error]owned\n\033]0;owned\007\033[2J</pre><script>owned()</script>]]>\001\n'"#;

/// A story of a Pod that says its token, of which `stdout` is expected.
pub fn says(title: &str, stdout: &str) -> String {
    format!(
        "title: {title}\nsteps:\n  - title: an account\n    serviceAccount: sa\n  - title: its token is kept\n    token: {{serviceAccount: sa}}\n    \
         save: {{t: token}}\n  - title: a Pod\n    pod: {{name: p, image: curl, serviceAccount: sa}}\n  - title: it says its token\n    exec:\n      in: p\n      \
         command:\n        - sh\n        - -c\n        - |\n          {SAYS_ITS_TOKEN}\n    expect: {{{stdout}}}\n  - title: asked as it\n    \
         as: {{token: '{{saved.t}}'}}\n    whoami: {{}}\n"
    )
}

/// What must not be in any artefact: the beginning of every token as it is and in base64, and, for halves, what the middle
/// of every token of a ServiceAccount says, in base64 at any offset, once and twice.
fn traces() -> Vec<String> {
    let mut traces = vec!["eyJ".to_owned(), "ZXlK".to_owned()];
    let mut add = |text: &str| {
        for offset in 0..3 {
            let shifted = STANDARD.encode([&vec![0; offset], text.as_bytes()].concat());
            let end = (offset + text.len()) * 8 / 6;
            traces.push(shifted[(offset * 8).div_ceil(6)..end.min(shifted.len())].to_owned());
        }
        traces[traces.len() - 3..].to_vec()
    };
    for once in add("kubernetes.io").into_iter().chain(add("serviceaccount")) {
        add(&once);
    }
    traces
}

/// What is left of a token in a text, or drives a terminal.
pub fn found(text: &str) -> Option<String> {
    let trace = traces().into_iter().find(|trace| text.contains(trace));
    let long = Regex::new("[A-Za-z0-9_-]{120,}").expect("a pattern");
    let random =
        |run: &regex::Match<'_>| run.as_str().contains(char::is_uppercase) && run.as_str().contains(char::is_numeric);
    let signature = || long.find_iter(text).find(random).map(|run| run.as_str().to_owned());
    let unseen = || text.chars().find(|c| c.is_control() && *c != '\n').map(|c| format!("{c:?}"));
    trace.or_else(signature).or_else(unseen)
}
