//! What only shows when the steps are seen together: a denial says little until the same call is seen to succeed.

use super::{Context, below, expectations::is_rbac_denial, url::NAMESPACE};
use crate::{
    plan::{Action, Curl, Step},
    scenario::expect::{Text, TextRule},
};

/// Looks at all calls of the story.
pub(super) fn check(cx: &mut Context<'_>, steps: &[Step]) {
    let calls: Vec<(&Step, &Curl)> = (steps.iter())
        .filter_map(|step| match &step.action {
            Action::Curl(curl) => Some((step, &**curl)),
            _ => None,
        })
        .collect();
    for (step, curl) in &calls {
        if !is_rbac_denial(&step.expect) {
            continue;
        }
        let status_at = below(&below(&step.pointer, "expect"), "status");
        let Some(request) = &curl.request else {
            cx.findings
                .warn(&status_at, "RBAC denies only what is asked of the API server")
                .second(&below(&below(&step.pointer, "curl"), "url"), "another server")
                .hint("call `https://kubernetes.default/…`, or expect what this server prints, by `json`");
            continue;
        };
        check_message(cx, step, &request.denial(&curl.identity.username()));
        let paired = calls.iter().any(|(other, call)| {
            let good = (other.expect.status).is_some_and(|status| (200..300).contains(&status));
            good && call.request.is_some() && (call.request == curl.request || call.place.pod == curl.place.pod)
        });
        if !paired {
            cx.findings
                .warn(&status_at, "nothing shows that this call can succeed at all")
                .label("a denial without its counterpart")
                .hint("add a step that makes the same call with the right to do so and expects 200");
        }
    }
}

/// The message of RBAC is known from the request, so an expectation of another one cannot hold.
fn check_message(cx: &mut Context<'_>, step: &Step, denial: &str) {
    let (key, fits) = match &step.expect.message {
        None | Some(Text::Rule(TextRule::Matches(_))) => return,
        // The server may append to the message, so more than the beginning may be expected.
        Some(Text::Is(text)) => ("", agree(denial, text)),
        Some(Text::Rule(TextRule::StartsWith(text))) => ("startsWith", agree(denial, text)),
        Some(Text::Rule(TextRule::Equals(text))) => ("equals", text.starts_with(denial)),
        Some(Text::Rule(TextRule::Lacks(text))) => ("lacks", !denial.contains(text.as_str())),
        // It may be in what the server appends.
        Some(Text::Rule(TextRule::Contains(_))) => return,
    };
    if fits {
        return;
    }
    let at = below(&below(&step.pointer, "expect"), "message");
    let hint = format!("it begins with: {}", if_fresh(cx.namespace, denial));
    let at = if key.is_empty() { at } else { below(&at, key) };
    cx.findings
        .error(&at, "RBAC refuses this call with another message")
        .second_key(&below(&step.pointer, "curl"), "the call")
        .hint(hint);
}

/// A text as the scenario would have it: the name of a fresh namespace is another one each time.
fn if_fresh(namespace: &str, text: &str) -> String {
    if namespace == "default" { text.to_owned() } else { text.replace(namespace, NAMESPACE) }
}

fn agree(denial: &str, text: &str) -> bool {
    denial.starts_with(text) || text.starts_with(denial)
}
