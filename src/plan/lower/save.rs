//! `save`: what is kept of an answer.

use crate::{
    expect::query::Query,
    plan::{
        Action, Identity, Save, Saved,
        context::{Context, Draft, below},
        lower::json_path,
        resolve::{kept::Kept, story::Story},
    },
    scenario::Verb,
};

/// Reads what a step keeps.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    action: Option<&Action>,
    story: &mut Story<'_>,
) -> Vec<Save> {
    let at = below(&draft.pointer, "save");
    let mut all = Vec::new();
    for (name, what) in &draft.step.save {
        let pointer = below(&at, name);
        let good = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        if !good || name.is_empty() {
            cx.findings
                .error(&pointer, format!("`{name}` is no name for a value"))
                .at_key()
                .hint("letters, digits, `-` and `_`");
        }
        if let Some(before) = story.saved.get(name) {
            cx.findings
                .error(&pointer, format!("`{name}` is saved already, by step {}", before.step + 1))
                .at_key()
                .second_key(&before.pointer, "saved here");
            continue;
        }
        let what = self::what(cx, draft, &pointer, what);
        let token = match (&what, action) {
            (Some(Saved::Token), Some(Action::Token(call))) => {
                Some(Identity::ServiceAccount { namespace: call.namespace.clone(), name: call.account.clone() })
            }
            (Some(Saved::Token), _) => Some(Identity::Anonymous),
            _ => None,
        };
        story
            .saved
            .insert(name.clone(), Kept { step: draft.index, pointer, used: what.is_none(), uses: Vec::new(), token });
        all.extend(what.map(|what| Save { name: name.clone(), what }));
    }
    all
}

fn what(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, what: &str) -> Option<Saved> {
    let verb = draft.verb?;
    match what {
        "token" if verb == Verb::Token => return Some(Saved::Token),
        "stdout" if matches!(verb, Verb::Exec | Verb::Kubectl) => return Some(Saved::Stdout),
        "token" | "stdout" => {
            let of = if what == "token" { "token" } else { "exec" };
            cx.findings
                .error(at, format!("`{verb}` has no `{what}` to save"))
                .second_key(&draft.at(), "the verb")
                .hint(format!("`{what}` comes from the verb `{of}`; of an answer, save what stands at a path, e.g. `$.metadata.uid`"));
            return None;
        }
        _ => {}
    }
    if matches!(verb, Verb::Delete | Verb::Can) {
        cx.findings
            .error(at, format!("`{verb}` has no answer to save"))
            .second_key(&draft.at(), "the verb")
            .hint(if verb == Verb::Can { "leave the line out" } else { "ask with `get` before" });
        return None;
    }
    if let Err(error) = Query::parse(what) {
        cx.findings
            .error(at, "this is no JSON path")
            .label(error)
            .hint(json_path::hint(what, "e.g. `$.metadata.uid` (RFC 9535); `$` is the whole answer"));
        return None;
    }
    Some(Saved::Path(what.to_owned()))
}
