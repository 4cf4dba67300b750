//! Each step for itself: its verb, its times, and what it makes.

use std::time::Duration;

use crate::{
    plan::{
        context::{Context, Draft, below},
        lower::{apply, duration, expect, kubectl, request_objects, short, when},
    },
    scenario::schema::Step,
};

/// The time that a step is given when it says nothing.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The verbs that a step has, in the order of the language.
fn verbs(step: &Step) -> Vec<&'static str> {
    [
        ("can", step.can.is_some()),
        ("kubectl", step.kubectl.is_some()),
        ("apply", step.apply.is_some()),
        ("create", step.create.is_some()),
        ("get", step.get.is_some()),
        ("delete", step.delete.is_some()),
        ("wait", step.wait.is_some()),
        ("pod", step.pod.is_some()),
        ("serviceAccount", step.service_account.is_some()),
        ("role", step.role.is_some()),
        ("clusterRole", step.cluster_role.is_some()),
        ("bind", step.bind.is_some()),
        ("curl", step.curl.is_some()),
        ("exec", step.exec.is_some()),
        ("request", step.request.is_some()),
        ("whoami", step.whoami.is_some()),
        ("token", step.token.is_some()),
        ("patch", step.patch.is_some()),
    ]
    .into_iter()
    .filter_map(|(verb, there)| there.then_some(verb))
    .collect()
}

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
    draft.objects = match draft.verb {
        Some("apply" | "create") => apply::read(cx, &draft),
        Some("kubectl") => kubectl::made(cx, &draft),
        Some("curl" | "request") => request_objects::made(&draft).into_iter().collect(),
        Some(_) => short::read(cx, &draft),
        None => Vec::new(),
    };
    draft
}

fn one_verb(cx: &mut Context<'_>, pointer: &str, step: &Step) -> Option<&'static str> {
    let mut verbs = verbs(step);
    let document = cx.findings.document();
    verbs.sort_by_key(|verb| document.key_span(&below(pointer, verb)));
    let Some((first, more)) = verbs.split_first() else {
        cx.findings
            .error(&below(pointer, "title"), "the step says nothing to do")
            .label("a step needs exactly one verb")
            .hint(
                "one of can, kubectl, apply, create, get, delete, wait, pod, serviceAccount, role, clusterRole, \
                 bind, curl, exec, request, whoami, token, patch",
            );
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
    Some(first)
}

fn rows(cx: &mut Context<'_>, draft: &Draft<'_>) {
    let at = below(&draft.pointer, "rows");
    let rows = &draft.step.rows;
    for (index, row) in rows.iter().enumerate() {
        if let Some(first) = rows[..index].iter().position(|other| other == row) {
            cx.findings
                .error(&below(&at, index), format!("row `{}` is named twice", row.0))
                .second(&below(&at, first), "the first time");
        }
    }
}
