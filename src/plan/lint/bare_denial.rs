//! Refusals that are only spoken of: a few words of a command's output. A whole `Status` is compared with the caller meant
//! when the step runs; of a bare `403` nothing can be compared.

use crate::{
    expect::is_bare_denial,
    plan::context::{Context, Draft, below},
    scenario::{
        Verb,
        expect::{Expect, Text, TextRule},
    },
};

/// How RBAC's refusal is told from a quota's or a webhook's, which say `is forbidden`, too.
const DENIAL: &str = "RBAC's refusal is `stderr: {contains: 'cannot list resource \"pods\" in API group \"\"'}`, with the verb and the resource that are meant";

/// Looks at what the steps expect of commands.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>]) {
    for draft in drafts {
        let Some(verb @ (Verb::Exec | Verb::Kubectl)) = draft.verb else { continue };
        for (pointer, expect) in draft.step.expect.iter().flat_map(|expects| expects.items()) {
            let at = format!("{}{pointer}", draft.pointer);
            if verb == Verb::Kubectl {
                lone_code(cx, &at, expect);
            }
            bare_words(cx, &at, verb, expect);
        }
    }
}

/// An exit code alone does not tell a denial from a slip of the fingers or a server that is not reached.
fn lone_code(cx: &mut Context<'_>, at: &str, expect: &Expect) {
    let says_why =
        expect.stdout.is_some() || expect.stderr.is_some() || expect.json.is_some() || !expect.path.is_empty();
    if expect.exit_code.is_some_and(|code| code != 0) && !says_why {
        cx.findings
            .warn(&below(at, "exitCode"), "kubectl fails with the same code for many reasons")
            .hint(format!("say which one by `stderr`: {DENIAL}"));
    }
}

/// Warns about words that every refusal has: a quota's, an anonymous caller's, that of another request.
fn bare_words(cx: &mut Context<'_>, at: &str, verb: Verb, expect: &Expect) {
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
            (Verb::Kubectl, _) => DENIAL.to_owned(),
            _ => "`curl` knows whose call it is and what it asks: `expect: {status: 403}`; of a command, name who is refused \
                  and what: `{contains: 'User \"system:serviceaccount:{namespace}:NAME\" cannot list resource \"pods\"'}`"
                .to_owned(),
        };
        cx.findings.warn(&at, "a quota, admission, and anybody else's refusal have these words, too").hint(hint);
    }
}
