//! Whether an object is there at this step that a step names: alive, gone, made later, elsewhere, or of a name that is near.

use super::story::Story;
use crate::{
    k8s::well_known::EVERYWHERE,
    plan::{
        context::{Context, below, words},
        kinds::nearest,
    },
};

const ACCOUNT: (&str, &str) = ("", "ServiceAccount");

/// Whether a ServiceAccount is there at this step: neither a token request nor an impersonation says so clearly.
pub(in crate::plan) fn account(cx: &mut Context<'_>, at: &str, namespace: &str, name: &str, story: &Story<'_>) {
    let own = namespace == cx.namespace || story.exists(namespace);
    if !own && !EVERYWHERE.contains(&namespace) {
        story.no_namespace(cx, at, namespace, "the scenario's own namespace is filled in: `serviceaccount/NAME`");
        return;
    }
    let known = story.world.last(ACCOUNT, Some(namespace), name);
    if let Some(gone) = known.and_then(|known| known.gone) {
        cx.findings
            .error(at, format!("ServiceAccount `{name}` is gone at this step"))
            .second(&below(&format!("/steps/{gone}"), "delete"), format!("deleted by step {}", gone + 1))
            .hint("to see that its old token is dead, save the token before and ask `as: {token: …}`");
        return;
    }
    if known.is_some() || name == "default" || (!own && namespace != "default") {
        return;
    }
    if let Some((maker, made)) = story.made_by(ACCOUNT, Some(namespace), name) {
        cx.findings
            .error(at, format!("ServiceAccount `{name}` is not there yet"))
            .second(&made.name_at, format!("made by step {}", maker.index + 1))
            .hint("move that step up");
        return;
    }
    let elsewhere = (story.world.all_alive(ACCOUNT)).find(|known| known.object.name == name);
    let hint = match elsewhere.and_then(|known| known.object.namespace.as_deref()) {
        Some(other) => format!("it is in namespace `{other}`: write `serviceaccount/{other}/{name}`"),
        None => match nearest(name, story.names("", "ServiceAccount").into_iter()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add a step `serviceAccount: {name}` before"),
        },
    };
    cx.findings.error(at, format!("no step makes ServiceAccount `{name}` in namespace `{namespace}`")).hint(hint);
}

/// Reviews never look whether an account exists, so a misspelt one would be denied everything.
pub(in crate::plan) fn reviewed_account(
    cx: &mut Context<'_>,
    at: &str,
    namespace: &str,
    name: &str,
    story: &Story<'_>,
) {
    let everywhere = EVERYWHERE.contains(&namespace);
    if namespace != cx.namespace && !everywhere && !story.exists(namespace) {
        return story.no_namespace(cx, at, namespace, "the account's namespace must be there");
    }
    // A deleted account may be asked about: its bindings stay.
    let known = story.world.last(ACCOUNT, Some(namespace), name).is_some();
    if known || name == "default" || namespace.starts_with("kube-") {
        return;
    }
    if let Some((maker, made)) = story.made_by(ACCOUNT, Some(namespace), name) {
        cx.findings
            .error(at, format!("ServiceAccount `{name}` is not there at this step"))
            .second(&made.name_at, format!("made by step {}", maker.index + 1))
            .hint("make the account before it is asked about");
        return;
    }
    let near = nearest(name, story.names(ACCOUNT.0, ACCOUNT.1).into_iter().chain(["default"]));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "add a step `serviceAccount: {name}`; to ask about one that does not exist on purpose, write \
             `{{user: 'system:serviceaccount:{namespace}:{name}'}}`"
        ),
    };
    let hint = words::if_fresh(cx.namespace, &hint);
    cx.findings
        .error(at, format!("no step makes ServiceAccount `{name}`"))
        .label("the answer would be about nobody")
        .hint(hint);
}

/// Whether an object is there at this step, or says why not.
pub(in crate::plan) fn object(
    cx: &mut Context<'_>,
    at: &str,
    (kind, namespace, name): (&str, &str, &str),
    story: &Story<'_>,
) {
    if name.contains(words::PREFIX) || story.world.alive(("", kind), Some(namespace), name).is_some() {
        return;
    }
    let near = nearest(name, story.names("", kind).into_iter());
    if let Some((maker, made)) = story.made_by(("", kind), Some(namespace), name) {
        let gone = story.world.last(("", kind), Some(namespace), name).and_then(|known| known.gone);
        let (message, second) = match gone {
            Some(gone) => (
                format!("{kind} `{name}` is gone at this step"),
                (below(&format!("/steps/{gone}"), "delete"), "deleted here"),
            ),
            None => (format!("{kind} `{name}` is not there yet"), (made.name_at.clone(), "made later")),
        };
        let _ = maker;
        cx.findings.error(at, message).second(&second.0, second.1);
    } else {
        cx.findings
            .error(at, format!("no step makes {kind} `{name}` in namespace `{namespace}`"))
            .hint_if(near.map(|near| format!("did you mean `{near}`?")));
    }
}
