//! `save` and `{saved.NAME}`: what is kept, and which steps use it.

use std::collections::BTreeSet;

use crate::{
    plan::{
        Step,
        context::{
            Context, Draft, below,
            words::{PREFIX, only},
        },
        kinds::nearest,
        resolve::story::Story,
        when,
    },
    scenario::{
        calls::As,
        placeholder,
        tree::{Node, Value},
        verbs::Token,
    },
};

/// So many names that nothing saves are told of one text: each looks for what was meant, and is shown with its line.
const TOLD: usize = 5;

/// Every name that a text uses, once: what is wrong with it is said once, however often a text has it.
fn names(text: &str) -> BTreeSet<&str> {
    placeholder::saved(text).collect()
}

/// Checks every `{saved.NAME}` of a step.
pub(in crate::plan) fn uses(cx: &mut Context<'_>, draft: &Draft<'_>, story: &mut Story<'_>) {
    let document = cx.findings.document();
    let step = document.root.get("steps").and_then(|steps| match &steps.value.value {
        Value::List(list) => list.get(draft.index),
        _ => None,
    });
    let mut found = Vec::new();
    if let Some(Value::Map(entries)) = step.map(|step| &step.value) {
        for entry in entries
            .iter()
            .filter(|entry| !matches!(entry.key.as_str(), "title" | "say" | "predict" | "save" | "rows" | "refs"))
        {
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

/// A step uses a name where a token belongs, or any other value.
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

/// Looks for uses on clusters on which the step that saves is skipped.
pub(in crate::plan) fn skipped(cx: &mut Context<'_>, story: &Story<'_>, steps: &[Step]) {
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

/// Warns about what no step uses.
pub(in crate::plan) fn unused(cx: &mut Context<'_>, story: &Story<'_>) {
    for (name, kept) in story.saved.iter().filter(|(_, kept)| !kept.used) {
        cx.findings
            .warn(&kept.pointer, format!("no later step uses `{name}`"))
            .at_key()
            .hint(format!("write `{{saved.{name}}}` where it belongs, or leave the line out"));
    }
}
