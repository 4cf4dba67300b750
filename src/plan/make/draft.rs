//! Each step for itself: its verb, its times, and what it makes.

use std::time::Duration;

use super::{Context, below, bodies, expectations, kubectl, manifests, short, when};
use crate::{
    plan::{Object, When},
    scenario::{schema, schema::Step},
};

/// The longest time that a step may be given.
const LIMIT: Duration = Duration::from_secs(600);
/// The time that a step is given when it says nothing.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The longest time that a scenario may be given.
const SCENARIO_LIMIT: Duration = Duration::from_secs(3600);
/// The time that a scenario is given when it says nothing.
const SCENARIO_TIMEOUT: Duration = Duration::from_secs(900);

/// A step, and what could be read from it without the others.
pub(super) struct Draft<'a> {
    pub index: usize,
    pub pointer: String,
    pub step: &'a Step,
    /// The verb's key; `None` when there is none.
    pub verb: Option<&'static str>,
    pub timeout: Duration,
    pub when: Option<When>,
    /// The step expects to be refused, so that it makes nothing and its manifests may be wrong.
    pub refused: bool,
    /// What it makes, in order.
    pub objects: Vec<Placed>,
}

impl Draft<'_> {
    /// The pointer of the verb's value.
    pub(super) fn at(&self) -> String {
        below(&self.pointer, self.verb.unwrap_or("title"))
    }

    /// The pointer of the expectations.
    pub(super) fn expect_at(&self) -> String {
        below(&self.pointer, "expect")
    }
}

/// An object and the pointer of what describes it.
pub(super) struct Placed {
    pub pointer: String,
    /// The pointer of its name.
    pub name_at: String,
    /// The pointer of its namespace, when the step says it beside a file.
    pub into: Option<String>,
    pub object: Object,
}

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
pub(super) fn draft<'a>(cx: &mut Context<'_>, index: usize, step: &'a Step) -> Draft<'a> {
    let pointer = format!("/steps/{index}");
    let mut draft = Draft {
        index,
        verb: one_verb(cx, &pointer, step),
        timeout: TIMEOUT,
        when: None,
        refused: expectations::is_refusal(step),
        objects: Vec::new(),
        step,
        pointer,
    };
    if let Some(timeout) = &step.timeout {
        draft.timeout = duration(cx, &below(&draft.pointer, "timeout"), timeout).unwrap_or(LIMIT);
    }
    if let Some(when) = &step.when {
        draft.when = Some(when::read(cx, &below(&draft.pointer, "when"), when));
    }
    rows(cx, &draft);
    draft.objects = match draft.verb {
        Some("apply" | "create") => manifests::read(cx, &draft),
        Some("kubectl") => kubectl::made(cx, &draft),
        Some("curl" | "request") => bodies::made(&draft).into_iter().collect(),
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

/// Reads a time, which must be more than nothing and at most ten minutes.
pub(super) fn duration(cx: &mut Context<'_>, pointer: &str, text: &schema::Duration) -> Option<Duration> {
    limited(cx, pointer, text, LIMIT)
}

/// The time of the whole scenario.
pub(super) fn scenario_timeout(cx: &mut Context<'_>, said: Option<&schema::Duration>) -> Duration {
    said.and_then(|text| limited(cx, "/timeout", text, SCENARIO_LIMIT)).unwrap_or(SCENARIO_TIMEOUT)
}

fn limited(cx: &mut Context<'_>, pointer: &str, text: &schema::Duration, limit: Duration) -> Option<Duration> {
    let text = &text.0;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let millis = match (digits.parse::<u64>(), &text[digits.len()..]) {
        (Ok(number), "ms") => number,
        (Ok(number), "s") => number.saturating_mul(1000),
        (Ok(number), "m") => number.saturating_mul(60_000),
        _ if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => u64::MAX,
        _ => {
            cx.findings
                .error(pointer, format!("`{text}` is no length of time"))
                .hint("a number and its unit: `500ms`, `30s`, `2m`");
            return None;
        }
    };
    let duration = Duration::from_millis(millis);
    if duration.is_zero() {
        cx.findings.error(pointer, "a time of nothing").label("must be more than 0");
        return None;
    }
    if duration > limit {
        let most = format!("at most {}m", limit.as_secs() / 60);
        cx.findings.error(pointer, format!("`{text}` is too long")).label(most);
        return None;
    }
    Some(duration)
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
