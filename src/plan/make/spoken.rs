//! Refusals that are only spoken of: a few words of a command's output. A whole `Status` is compared with who was meant when
//! the step runs; of a bare `403` nothing can be compared.

use super::{Context, below, kubectl::DENIAL};
use crate::{
    expect::is_bare_denial,
    scenario::expect::{Expect, Text, TextRule},
};

/// Warns about words that every refusal has: a quota's, an anonymous caller's, that of another request.
pub(super) fn check(cx: &mut Context<'_>, at: &str, verb: &str, expect: &Expect) {
    if !matches!(verb, "exec" | "kubectl") {
        return;
    }
    for (key, rule) in [("stdout", &expect.stdout), ("stderr", &expect.stderr)] {
        let (word, text) = match rule {
            Some(Text::Is(text)) => ("", text),
            Some(Text::Rule(TextRule::Equals(text))) => ("equals", text),
            Some(Text::Rule(TextRule::StartsWith(text))) => ("startsWith", text),
            Some(Text::Rule(TextRule::Contains(text))) => ("contains", text),
            Some(Text::Rule(TextRule::Matches(text))) => ("matches", text),
            Some(Text::Rule(TextRule::Lacks(_))) | None => continue,
        };
        if !is_bare_denial(text) {
            continue;
        }
        let at = if word.is_empty() { below(at, key) } else { below(&below(at, key), word) };
        let hint = match (verb, key) {
            ("kubectl", _) => DENIAL.to_owned(),
            _ => "`curl` knows whose call it is and what it asks: `expect: {status: 403}`; of a command, name who is refused \
                  and what: `{contains: 'User \"system:serviceaccount:{namespace}:NAME\" cannot list resource \"pods\"'}`"
                .to_owned(),
        };
        cx.findings.warn(&at, "a quota, admission, and anybody else's refusal have these words, too").hint(hint);
    }
}
