//! Slips that leave a scenario valid, and that no author sees: a `#` that ends a title, two steps of one title, a variable
//! that no shell fills in.

use std::collections::HashMap;

use crate::{
    plan::{
        context::{Context, Draft, below, words::NAMESPACE},
        lower::url,
    },
    scenario::{
        Span,
        fix::Edit,
        tree::{Node, Value},
    },
};

/// Looks at the whole file, and at each step.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>]) {
    comments(cx);
    titles(cx, drafts);
    variables(cx, drafts);
}

/// Texts that end before a `#`, because a blank stands before it.
fn comments(cx: &mut Context<'_>) {
    let document = cx.findings.document();
    let mut found = Vec::new();
    walk(&document.source.text, &document.root, "", "", &mut found);
    let mut told: Vec<Span> = Vec::new();
    for (pointer, span, whole) in found {
        if told.contains(&span) {
            continue;
        }
        told.push(span);
        let kept = document.source.text[span.start..span.end].to_owned();
        let quoted = format!("'{}'", whole.replace('\'', "''"));
        cx.findings
            .warn(&pointer, format!("this text ends before the `#`: YAML takes `{kept}`"))
            .label("a blank and a `#` begin a comment")
            .hint(format!("quote it: `{quoted}`"))
            .fix(vec![Edit::replace(Span { start: span.start, end: span.start + whole.len() }, quoted)]);
    }
}

fn walk(text: &str, node: &Node, pointer: &str, key: &str, found: &mut Vec<(String, Span, String)>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                walk(text, &entry.value, &below(pointer, &entry.key), &entry.key, found);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(text, item, &below(pointer, index), key, found);
            }
        }
        Value::String(_) if node.plain => {
            let Some(rest) = text.get(node.span.end..).and_then(|rest| rest.split('\n').next()) else { return };
            let blanks = rest.len() - rest.trim_start_matches(' ').len();
            let Some(comment) = rest.trim_start_matches(' ').strip_prefix('#').filter(|_| blanks == 1) else { return };
            let prose = matches!(key, "title" | "say" | "predict" | "message");
            let meant = comment.starts_with(|c: char| c.is_ascii_digit() || (prose && c.is_alphanumeric()));
            if meant {
                let whole = text[node.span.start..node.span.end + rest.trim_end().len()].to_owned();
                found.push((pointer.to_owned(), node.span, whole));
            }
        }
        _ => {}
    }
}

/// Steps that claim the same.
fn titles(cx: &mut Context<'_>, drafts: &[Draft<'_>]) {
    let mut first: HashMap<&str, &Draft<'_>> = HashMap::new();
    for draft in drafts {
        let title = draft.step.title.trim();
        if let Some(before) = first.get(title) {
            // Of the steps that run on different clusters, a run shows one.
            if crate::plan::when::together(before.when.as_ref(), draft.when.as_ref()) {
                cx.findings
                    .warn(&below(&draft.pointer, "title"), format!("step {} has this title, too", before.index + 1))
                    .second(&below(&before.pointer, "title"), "the first time")
                    .hint("say what is new in this step: a report tells steps apart by their titles");
            }
        } else {
            first.insert(title, draft);
        }
    }
}

/// Variables of a shell where none reads them.
fn variables(cx: &mut Context<'_>, drafts: &[Draft<'_>]) {
    for draft in drafts {
        let step = draft.step;
        let (words, key) = match (&step.kubectl, &step.exec) {
            (Some(kubectl), _) => (kubectl.args.as_slice(), "args"),
            (None, Some(exec)) => {
                let shells = ["sh", "bash", "ash", "dash", "busybox", "env"];
                let program = exec.command.first().map(|program| program.rsplit('/').next().unwrap_or_default());
                // A command of one text is told as such.
                if exec.command.len() == 1 || program.is_some_and(|program| shells.contains(&program)) {
                    continue;
                }
                (exec.command.as_slice(), "command")
            }
            (None, None) => continue,
        };
        for (index, word) in words.iter().enumerate() {
            let Some(slip) = url::shells(word).filter(|slip| slip.starts_with('$') || slip.starts_with("($")) else {
                continue;
            };
            let namespace = url::is_namespace(slip);
            // `$(…)` of a command is left to it: a text with it is often meant.
            if slip.starts_with("$(") && !namespace {
                continue;
            }
            let at = below(&below(&draft.at(), key), index);
            let span = cx.findings.document().span(&at);
            let own = &cx.findings.document().source.text[span.start..span.end];
            let quote = if own.starts_with(['"', '\'']) { "" } else { "'" };
            let meant = format!("{quote}{}{quote}", word.replace(slip, NAMESPACE));
            let hint = match namespace {
                true => format!("did you mean `{meant}`?"),
                false if key == "command" => "let a shell read it: `command: [sh, -c, '…']`".to_owned(),
                false => "what a step saved is `{saved.NAME}`".to_owned(),
            };
            cx.findings.warn(&at, format!("no shell fills in `{slip}`")).hint(hint);
        }
    }
}
