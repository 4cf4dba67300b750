//! `exec`: a command inside a Pod.

use crate::{
    plan::{
        Action, Exec, Identity, Place,
        context::{Context, Draft, below},
        long,
        resolve::{places, pod_facts::PodFacts, story::Story},
    },
    scenario::{fix::flow, verbs},
};

/// As whom a Pod calls; without facts, that shows when the step runs.
pub(in crate::plan) fn account(place: &Place, facts: Option<PodFacts>) -> Identity {
    let name = facts.map_or_else(String::new, |facts| facts.account);
    Identity::ServiceAccount { namespace: place.namespace.clone(), name }
}

/// Reads a command.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    exec: &verbs::Exec,
    story: &Story<'_>,
) -> Option<Action> {
    let at = draft.at();
    let command_at = below(&at, "command");
    match exec.command.first().map(|program| program.trim()) {
        None => {
            cx.findings.error(&command_at, "no command");
        }
        Some("") => {
            cx.findings.error(&below(&command_at, 0), "the program has no name");
        }
        Some(program) if exec.command.len() == 1 && program.contains(char::is_whitespace) => {
            let words = match program.contains(['|', '>', '<', ';', '&', '$', '`', '\'', '"', '*', '(', '\\']) {
                true => format!("sh, -c, {}", flow(program)),
                false => program.split_whitespace().map(flow).collect::<Vec<_>>().join(", "),
            };
            cx.findings
                .warn(&below(&command_at, 0), "no program has this name")
                .label("no shell takes it apart")
                .hint(format!("write `command: [{words}]`"));
        }
        Some(_) => {}
    }
    let (place, facts) = places::read(cx, (&at, draft.index), &exec.pod, exec.container.as_deref(), story)?;
    let identity = account(&place, facts);
    let exec = Exec { place, identity, command: exec.command.clone(), stdin: exec.stdin.clone() };
    if let Some(why) = exec.too_long() {
        cx.findings.error(&command_at, why).at_key().hint(long::BY_STDIN);
    }
    Some(Action::Exec(exec))
}
