//! What only shows when the steps are seen together: a denial says little until the same call is seen to succeed.

use super::{Context, below, expectations::is_rbac_denial, url::NAMESPACE};
use crate::{
    plan::{Action, Curl, Expected, Step},
    scenario::expect::{Text, TextRule},
};

/// Looks at all calls of the story.
pub(super) fn check<'a>(cx: &mut Context<'_>, steps: &'a [Step]) {
    let calls: Vec<(&'a Step, &'a Curl)> = (steps.iter())
        .filter_map(|step| match &step.action {
            Action::Curl(curl) => Some((step, &**curl)),
            _ => None,
        })
        .collect();
    let denials = |(step, curl): &(&'a Step, &'a Curl)| {
        let (step, curl) = (*step, *curl);
        (step.expected.iter()).filter(|item| is_rbac_denial(&item.expect)).map(move |item| (step, curl, item))
    };
    for (step, curl, item) in calls.iter().flat_map(denials) {
        let status_at = below(&format!("{}{}", step.pointer, item.pointer), "status");
        let Some(request) = &curl.request else {
            cx.findings
                .warn(&status_at, "RBAC denies only what is asked of the API server")
                .second(&below(&below(&step.pointer, "curl"), "url"), "another server");
            continue;
        };
        check_message(cx, step, item, &request.denial(&curl.identity.username()));
        let paired = calls.iter().any(|(other, call)| {
            let success = |status: u16| (200..300).contains(&status);
            let good = other.expected.iter().any(|item| item.expect.status.is_some_and(success));
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
fn check_message(cx: &mut Context<'_>, step: &Step, item: &Expected, denial: &str) {
    let (key, fits) = match &item.expect.message {
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
    let at = below(&format!("{}{}", step.pointer, item.pointer), "message");
    let hint = format!("it begins with: {}", if_fresh(cx.namespace, denial));
    let at = if key.is_empty() { at } else { below(&at, key) };
    cx.findings
        .error(&at, "RBAC refuses this call with another message")
        .second_key(&below(&step.pointer, "curl"), "the call")
        .hint(hint);
}

/// A text as the scenario would have it: the name of a fresh namespace is another one each time.
pub(super) fn if_fresh(namespace: &str, text: &str) -> String {
    if namespace == "default" { text.to_owned() } else { text.replace(namespace, NAMESPACE) }
}

fn agree(denial: &str, text: &str) -> bool {
    denial.starts_with(text) || text.starts_with(denial)
}
