//! Each step for itself: its verb, its times, and what it makes.

use std::time::Duration;

use crate::{
    plan::{
        context::{Context, Draft, below},
        lower::{duration, expect, when},
    },
    scenario::{Verb, schema::Step},
};

/// The time that a step is given when it says nothing.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Reads one step.
pub(in crate::plan) fn read<'a>(cx: &mut Context<'_>, index: usize, step: &'a Step) -> Draft<'a> {
    let pointer = format!("/steps/{index}");
    let mut draft = Draft {
        index,
        verb: one_verb(cx, &pointer, step),
        timeout: TIMEOUT,
        when: None,
        refused: expect::is_refusal(step),
        objects: Vec::new(),
        step,
        pointer,
    };
    if let Some(timeout) = &step.timeout {
        draft.timeout = duration::duration(cx, &below(&draft.pointer, "timeout"), timeout).unwrap_or(duration::LIMIT);
    }
    if let Some(when) = &step.when {
        draft.when = Some(when::read(cx, &below(&draft.pointer, "when"), when));
    }
    rows(cx, &draft);
    let refs: Vec<_> = draft.step.refs.iter().map(|id| id.0.as_str()).collect();
    twice(cx, &below(&draft.pointer, "refs"), "claim", &refs);
    draft.objects = super::objects(cx, &draft);
    draft
}

fn one_verb(cx: &mut Context<'_>, pointer: &str, step: &Step) -> Option<Verb> {
    let mut verbs = step.verbs();
    let document = cx.findings.document();
    verbs.sort_by_key(|verb| document.key_span(&below(pointer, verb)));
    let Some((first, more)) = verbs.split_first() else {
        cx.findings
            .error(&below(pointer, "title"), "the step says nothing to do")
            .label("a step needs exactly one verb")
            .hint(format!("one of {}", Verb::ALL.iter().map(|verb| verb.key()).collect::<Vec<_>>().join(", ")));
        return None;
    };
    for verb in more {
        cx.findings
            .error(&below(pointer, verb), format!("two verbs in one step: `{first}` and `{verb}`"))
            .at_key()
            .label("one too many")
            .second_key(&below(pointer, first), "the first one")
            .hint("make two steps of it");
    }
    Some(*first)
}

fn rows(cx: &mut Context<'_>, draft: &Draft<'_>) {
    let rows: Vec<_> = draft.step.rows.iter().map(|row| row.0.as_str()).collect();
    twice(cx, &below(&draft.pointer, "rows"), "row", &rows);
}

/// Finds what a list names more than once.
pub(in crate::plan) fn twice(cx: &mut Context<'_>, at: &str, what: &str, names: &[&str]) {
    for (index, name) in names.iter().enumerate() {
        if let Some(first) = names[..index].iter().position(|other| other == name) {
            cx.findings
                .error(&below(at, index), format!("{what} `{name}` is named twice"))
                .second(&below(at, first), "the first time")
                .hint("take one of them out");
        }
    }
}
