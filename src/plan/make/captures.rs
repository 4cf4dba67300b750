//! `save` and `{saved.NAME}`: what is kept, and who uses it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, below, draft::Draft, story::Story, when};
use crate::{
    expect::query::Query,
    plan::{Action, Identity, Save, Saved, Step, kinds::nearest},
    scenario::{
        calls::As,
        placeholder,
        tree::{Node, Value},
        verbs::Token,
    },
};

/// How a saved value is named in a text.
pub(super) const PREFIX: &str = "{saved.";

/// So many names that nothing saves are told of one text: each looks for what was meant, and is shown with its line.
const TOLD: usize = 5;

/// A name under which a step keeps something.
pub(super) struct Kept {
    step: usize,
    pointer: String,
    used: bool,
    /// The steps that use it, and where.
    uses: Vec<(usize, String)>,
    /// Whose token it is, if it is one.
    pub token: Option<Identity>,
}

/// All that is kept so far.
pub(super) type Names = BTreeMap<String, Kept>;

/// The name in a text that is only `{saved.NAME}`.
pub(super) fn only(text: &str) -> Option<&str> {
    let name = text.strip_prefix(PREFIX)?.strip_suffix('}')?;
    (!name.contains(['{', '}'])).then_some(name)
}

/// Every name that a text uses, once: what is wrong with it is said once, however often a text has it.
fn names(text: &str) -> BTreeSet<&str> {
    placeholder::saved(text).collect()
}

/// Checks every `{saved.NAME}` of a step.
pub(super) fn uses(cx: &mut Context<'_>, draft: &Draft<'_>, story: &mut Story<'_>) {
    let document = cx.findings.document();
    let step = document.root.get("steps").and_then(|steps| match &steps.value.value {
        Value::List(list) => list.get(draft.index),
        _ => None,
    });
    let mut found = Vec::new();
    if let Some(Value::Map(entries)) = step.map(|step| &step.value) {
        for entry in entries.iter().filter(|entry| !matches!(entry.key.as_str(), "title" | "say" | "save" | "rows")) {
            texts(&entry.value, &below(&draft.pointer, &entry.key), &mut found);
        }
    }
    let mut found: Vec<_> = found.into_iter().map(|(at, text)| (at, text.to_owned())).collect();
    for placed in &draft.objects {
        if placed.object.file.as_ref().is_some_and(|file| file.fill) {
            in_json(&placed.object.manifest, &placed.pointer, &mut found);
        }
    }
    for (at, text) in &found {
        let mut unknown = 0;
        for name in names(text) {
            unknown += usize::from(!story.saved.contains_key(name));
            if unknown > TOLD && !story.saved.contains_key(name) {
                continue;
            }
            let whole_token = *at == below(&below(&draft.pointer, "as"), "token") && only(text).is_some();
            used(cx, draft, story, at, name, whole_token);
        }
    }
    if let Some(Token::Saved(name)) = draft.step.curl.as_ref().and_then(|curl| curl.token.as_ref()) {
        used(cx, draft, story, &below(&below(&draft.at(), "token"), "saved"), name, true);
    }
    if let Some(As::Full(full)) = &draft.step.asked_as
        && let Some(text) = &full.token
        && only(text).is_none()
    {
        cx.findings
            .error(&below(&below(&draft.pointer, "as"), "token"), "a token must not stand in a file")
            .hint("save one by the verb `token` and `save: {NAME: token}`; then write `'{saved.NAME}'`");
    }
}

fn texts<'n>(node: &'n Node, at: &str, found: &mut Vec<(String, &'n str)>) {
    match &node.value {
        Value::String(text) if text.contains(PREFIX) => found.push((at.to_owned(), text)),
        Value::List(items) => {
            items.iter().enumerate().for_each(|(index, item)| texts(item, &below(at, index), found));
        }
        Value::Map(entries) => {
            entries.iter().for_each(|entry| texts(&entry.value, &below(at, &entry.key), found));
        }
        _ => {}
    }
}

fn in_json(value: &serde_json::Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::String(text) if text.contains(PREFIX) => found.push((at.to_owned(), text.clone())),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| in_json(item, &below(at, index), found));
        }
        serde_json::Value::Object(map) => {
            map.iter().for_each(|(key, value)| in_json(value, &below(at, key), found));
        }
        _ => {}
    }
}

/// Somebody uses a name where a token belongs, or any other value.
fn used(cx: &mut Context<'_>, draft: &Draft<'_>, story: &mut Story<'_>, at: &str, name: &str, as_token: bool) {
    if let Some(kept) = story.saved.get_mut(name) {
        kept.used = true;
        kept.uses.push((draft.index, at.to_owned()));
        let secret = kept.token.is_some();
        if secret && !as_token {
            cx.findings
                .error(at, format!("`{name}` is a token, which is never written into a text"))
                .second_key(&kept.pointer, "saved here")
                .hint("use it in `as: {token: …}`, or in `token: {saved: …}` of `curl`");
        } else if !secret && as_token {
            cx.findings
                .error(at, format!("`{name}` is no token"))
                .second_key(&kept.pointer, "saved here")
                .hint("the verb `token` with `save: {NAME: token}` saves one");
        }
        return;
    }
    let later = story.drafts.iter().find(|draft| draft.step.save.contains_key(name));
    if let Some(later) = later {
        let when =
            if later.index == draft.index { "saved by this step itself, when it is over" } else { "saved only here" };
        cx.findings
            .error(at, format!("`{name}` is not saved yet"))
            .second_key(&below(&below(&later.pointer, "save"), name), when);
        return;
    }
    let known = story.drafts.iter().flat_map(|draft| draft.step.save.keys().map(String::as_str));
    let hint = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("add `save: {{{name}: …}}` to an earlier step"),
    };
    cx.findings.error(at, format!("no step saves `{name}`")).hint(hint);
}

/// Reads what a step keeps.
pub(super) fn saves(
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
        let what = read(cx, draft, &pointer, what);
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

fn read(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, what: &str) -> Option<Saved> {
    let verb = draft.verb?;
    match what {
        "token" if verb == "token" => return Some(Saved::Token),
        "stdout" if matches!(verb, "exec" | "kubectl") => return Some(Saved::Stdout),
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
    if matches!(verb, "delete" | "can") {
        cx.findings
            .error(at, format!("`{verb}` has no answer to save"))
            .second_key(&draft.at(), "the verb")
            .hint(if verb == "can" { "leave the line out" } else { "ask with `get` before" });
        return None;
    }
    if let Err(error) = Query::parse(what) {
        cx.findings
            .error(at, "this is no JSON path")
            .label(error)
            .hint("e.g. `$.metadata.uid` (RFC 9535); `$` is the whole answer");
        return None;
    }
    Some(Saved::Path(what.to_owned()))
}

/// Looks for uses on clusters on which the step that saves is skipped.
pub(super) fn skipped(cx: &mut Context<'_>, story: &Story<'_>, steps: &[Step]) {
    for (name, kept) in &story.saved {
        let Some(saved) = &story.drafts[kept.step].when else { continue };
        for (index, at) in &kept.uses {
            let Some(step) = steps.iter().find(|step| step.number == index + 1) else { continue };
            let item = step.expected.iter().find(|item| {
                let rest = at.strip_prefix(&format!("{}{}", step.pointer, item.pointer));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            let used = [step.when.as_ref(), item.and_then(|item| item.when.as_ref())];
            if !when::within(&used, saved) {
                cx.findings
                    .error(at, format!("`{name}` is not saved on every cluster on which it is used"))
                    .second_key(
                        &below(&format!("/steps/{}", kept.step), "when"),
                        format!("step {} is run only there", kept.step + 1),
                    )
                    .hint("say the same `when` here");
            }
        }
    }
}

/// Warns about what nobody uses.
pub(super) fn unused(cx: &mut Context<'_>, story: &Story<'_>) {
    for (name, kept) in story.saved.iter().filter(|(_, kept)| !kept.used) {
        cx.findings
            .warn(&kept.pointer, format!("no later step uses `{name}`"))
            .at_key()
            .hint(format!("write `{{saved.{name}}}` where it belongs, or leave the line out"));
    }
}
