//! The same step as a kubectl or curl line that a person can paste.

pub(super) mod lines;
pub(super) mod outside;
pub(super) mod shell;

pub(crate) use self::shell::quote;
use super::{Action, Credential, Saved, Step};
use crate::k8s::kubectl::{asked_as, grammar};

/// The kubectl lines that do the same as a step; for `curl` and `exec`, kubectl runs it in the Pod.
///
/// A token never appears: the shell in the Pod reads its file.
pub fn equivalent(step: &Step) -> String {
    let lines = step.action.lines(step.timeout);
    let lines = if says_who(step) { lines } else { outside::asked_as(&step.caller, &lines) };
    let lines = match caveat(step) {
        Some(caveat) => format!("{caveat}\n{lines}"),
        None => lines,
    };
    let saved = step.save.iter().find(|save| save.what == Saved::Token && matches!(step.action, Action::Token(_)));
    match saved {
        // Later lines take the token from the variable, where no reader sees it.
        Some(save) if !lines.contains('\n') => format!("{}=$({lines})", outside::variable(&save.name)),
        _ => lines,
    }
}

/// The lines that send the very request of a step, where kubectl's own command would first ask for something else, or leave a part of it
/// out: a patch. `None`: the command does just this, or the path is not known.
pub fn as_sent(step: &Step) -> Option<String> {
    let Action::Patch(change) = &step.action else { return None };
    change.target.kind.plural.as_ref()?;
    let call = Action::Request(Box::new(change.as_call()));
    Some(equivalent(&Step { action: call, ..step.clone() }))
}

/// Whether the step is a line of kubectl's that says for whom the administrator asks.
fn says_who(step: &Step) -> bool {
    let Action::Kubectl(call) = &step.action else { return false };
    matches!(step.caller.credential, Credential::Impersonation { .. })
        && grammar::read(&call.args).is_ok_and(|read| asked_as(&read).is_some())
}

/// What kubectl asks beyond the step's own request, which may be refused where the step is not.
fn caveat(step: &Step) -> Option<&'static str> {
    let by_somebody = !matches!(step.caller.credential, Credential::Administrator);
    (by_somebody && matches!(step.action, Action::Patch(_)))
        .then_some("# kubectl reads the object first: without the right to `get` it, the patch is not sent")
}

#[cfg(test)]
#[path = "equivalent/tests.rs"]
mod tests;
