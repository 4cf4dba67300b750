//! What is said of a ServiceAccount, or of another object, that is not there at the step that names it.

use super::{
    story::Story,
    whereabouts::{Whereabouts, find},
};
use crate::{
    k8s::{
        usernames,
        well_known::{ACCOUNT, EVERYWHERE},
    },
    plan::context::{Context, below, words},
};

/// Whether a ServiceAccount is there at this step: neither a token request nor an impersonation says so clearly.
pub(in crate::plan) fn account(cx: &mut Context<'_>, at: &str, namespace: &str, name: &str, story: &Story<'_>) {
    let own = namespace == cx.namespace || story.exists(namespace);
    if !own && !EVERYWHERE.contains(&namespace) {
        story.no_namespace(cx, at, namespace, "the scenario's own namespace is filled in: `serviceaccount/NAME`");
        return;
    }
    let found = find(story, ACCOUNT, Some(namespace), name, &[]);
    // Kubernetes itself makes accounts, of which one is known by its name.
    let unseen = name == "default" || (!own && namespace != "default");
    let hint = match found {
        Whereabouts::Alive => return,
        Whereabouts::Gone(gone) => {
            cx.findings
                .error(at, format!("ServiceAccount `{name}` is gone at this step"))
                .second(&deletion(gone), format!("deleted by step {}", gone + 1))
                .hint("to see that its old token is dead, save the token before and ask `as: {token: …}`");
            return;
        }
        _ if unseen => return,
        Whereabouts::Later(maker, made) => {
            cx.findings
                .error(at, format!("ServiceAccount `{name}` is not there yet"))
                .second(&made.name_at, format!("made by step {}", maker.index + 1))
                .hint("move that step up");
            return;
        }
        Whereabouts::Elsewhere(other) => {
            format!("it is in namespace `{other}`: write `serviceaccount/{other}/{name}`")
        }
        Whereabouts::Near(near) => format!("did you mean `{near}`?"),
        Whereabouts::Nowhere => format!("add a step `serviceAccount: {name}` before"),
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
    let found = find(story, ACCOUNT, Some(namespace), name, &["default"]);
    let hint = match found {
        // A deleted account may be asked about: its bindings stay.
        Whereabouts::Alive | Whereabouts::Gone(_) => return,
        _ if name == "default" || namespace.starts_with("kube-") => return,
        Whereabouts::Later(maker, made) => {
            cx.findings
                .error(at, format!("ServiceAccount `{name}` is not there at this step"))
                .second(&made.name_at, format!("made by step {}", maker.index + 1))
                .hint("make the account before it is asked about");
            return;
        }
        Whereabouts::Elsewhere(other) => {
            format!("it is in namespace `{other}`: write `serviceaccount/{other}/{name}`")
        }
        Whereabouts::Near(near) => format!("did you mean `{near}`?"),
        Whereabouts::Nowhere => format!(
            "add a step `serviceAccount: {name}`; to ask about one that does not exist on purpose, write \
             `{{user: 'system:serviceaccount:{namespace}:{name}'}}` and end the line with `# on purpose`"
        ),
    };
    let hint = words::if_fresh(cx.namespace, &hint);
    cx.findings
        .error(at, format!("no step makes ServiceAccount `{name}`"))
        .label("the answer would be about nobody")
        .hint(hint);
}

/// Whether an account is there about whom another program asks. kubectl may have made it, or its namespace, so only what is
/// probably a slip is told: the run asks the cluster.
pub(in crate::plan) fn asked_account(
    cx: &mut Context<'_>,
    at: &str,
    (namespace, name): (&str, &str),
    story: &Story<'_>,
) {
    let late = namespace.contains(words::PREFIX) || name.contains(words::PREFIX);
    if late || name == "default" || namespace.starts_with("kube-") {
        return;
    }
    let own = namespace == cx.namespace || story.exists(namespace);
    let none = format!("no step makes ServiceAccount `{name}`");
    let (message, hint) = match find(story, ACCOUNT, Some(namespace), name, &[]) {
        Whereabouts::Gone(_) => (
            format!("ServiceAccount `{name}` is gone at this step"),
            "an earlier step deletes it; if just that is meant, end the line with `# on purpose`".into(),
        ),
        Whereabouts::Later(maker, _) => {
            (format!("{none} before this one"), format!("move step {} up, which makes it", maker.index + 1))
        }
        Whereabouts::Elsewhere(other) => (
            format!("{none} in namespace `{namespace}`"),
            format!("it is in namespace `{other}`: write `{}{other}:{name}`", usernames::PREFIX),
        ),
        Whereabouts::Near(near) if own => (none, format!("did you mean `{near}`?")),
        Whereabouts::Alive | Whereabouts::Near(_) | Whereabouts::Nowhere => return,
    };
    let hint = words::if_fresh(cx.namespace, &hint);
    cx.findings.warn(at, words::if_fresh(cx.namespace, &message)).label("the answer would be about nobody").hint(hint);
}

/// Warns of a user whose name only looks like an account's.
pub(in crate::plan) fn username(cx: &mut Context<'_>, at: &str, user: &str) {
    let Some(meant) = usernames::meant(user, cx.namespace).filter(|_| !user.contains(words::PREFIX)) else { return };
    let hint = format!("did you mean `{}`?", words::if_fresh(cx.namespace, &meant));
    cx.findings
        .warn(at, format!("no ServiceAccount has the user name `{}`", words::if_fresh(cx.namespace, user)))
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
    if name.contains(words::PREFIX) {
        return;
    }
    let hint = match find(story, ("", kind), Some(namespace), name, &[]) {
        Whereabouts::Alive => return,
        Whereabouts::Gone(gone) => {
            let message = format!("{kind} `{name}` is gone at this step");
            cx.findings.error(at, message).second(&deletion(gone), "deleted here");
            return;
        }
        Whereabouts::Later(_, made) => {
            cx.findings.error(at, format!("{kind} `{name}` is not there yet")).second(&made.name_at, "made later");
            return;
        }
        Whereabouts::Elsewhere(other) => Some(format!("it is in namespace `{other}`")),
        Whereabouts::Near(near) => Some(format!("did you mean `{near}`?")),
        Whereabouts::Nowhere => None,
    };
    cx.findings.error(at, format!("no step makes {kind} `{name}` in namespace `{namespace}`")).hint_if(hint);
}

/// The pointer of what a step deletes.
pub(in crate::plan) fn deletion(step: usize) -> String {
    below(&format!("/steps/{step}"), "delete")
}
