//! Tables that claim only what is granted: they hold for a cluster administrator, too.

use crate::plan::{
    Action, Identity, Step,
    can::{Cell, Who},
    context::{Context, below},
};

/// Warns of a subject about which several questions are asked, of which all must be answered by yes, and to which no step
/// denies anything.
pub(in crate::plan) fn check(cx: &mut Context<'_>, steps: &[Step]) {
    let denied: Vec<Option<String>> = steps.iter().flat_map(denied).collect();
    if denied.contains(&None) {
        return;
    }
    let mut told: Vec<&Who> = Vec::new();
    for step in steps {
        let Action::Can(can) = &step.action else { continue };
        if can.cells.len() < 2 || can.cells.iter().any(|cell| !cell.allowed) {
            continue;
        }
        let unbound = |who: &Who| {
            !denied.iter().flatten().any(|user| user == who.key())
                && !who.groups.iter().any(|group| group == "system:masters")
        };
        let found: Option<&Cell> = can.cells.iter().find(|cell| unbound(&cell.who) && !told.contains(&&cell.who));
        let Some(Cell { who, .. }) = found else { continue };
        told.push(who);
        cx.findings
            .warn(&below(&step.pointer, step.verb), format!("nothing is denied to {}", who.words))
            .at_key()
            .label("a cluster administrator would pass, too")
            .hint("ask for something that must be denied, too: in a table with `default: denied`, all that is `asked` and not `allowed`");
    }
}

/// The user names to whom a step denies something; `None`: a user whom only the run knows.
fn denied(step: &Step) -> Vec<Option<String>> {
    let cells = match &step.action {
        Action::Can(can) => can.cells.iter(),
        _ => step.questions.iter(),
    };
    let asked = cells.filter(|cell| !cell.allowed).map(|cell| Some(cell.who.key().to_owned()));
    let identity: Option<&Identity> = match &step.action {
        Action::Curl(call) => Some(&call.identity),
        Action::Exec(exec) => Some(&exec.identity),
        _ => step.caller.identity.as_ref(),
    };
    let denies = step.expected.iter().any(|item| item.expect.tells_of_denial());
    let refused = denies.then(|| identity.filter(|who| who.is_known()).map(Identity::username));
    asked.chain(refused).collect()
}
