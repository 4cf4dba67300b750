//! Whether the ServiceAccounts and roles exist that Pods and bindings name.

use serde_json::Value;

use crate::{
    k8s::{
        served::{is_cluster_role, is_role},
        well_known::{ACCOUNT, RBAC},
    },
    plan::{
        context::{Context, Draft, Placed, below, words},
        kinds::{self, nearest},
        names,
        resolve::{
            pod_facts::pod_facts,
            reference::deletion,
            story::Story,
            whereabouts::{Whereabouts, find},
        },
    },
    scenario::Verb,
};

/// Checks a Pod or a binding.
pub(in crate::plan) fn check(cx: &mut Context<'_>, draft: &Draft<'_>, placed: &Placed, story: &Story<'_>) {
    let kind = &placed.object.kind;
    if kind.is("", "Pod") {
        pod(cx, draft, placed, story);
    } else if kind.is(RBAC, "RoleBinding") || kind.is(RBAC, "ClusterRoleBinding") {
        role(cx, draft, placed, story);
        subjects(cx, draft, placed, story);
    }
}

fn did_you_mean(word: &str, among: Vec<&str>) -> Option<String> {
    nearest(word, among.into_iter()).map(|near| format!("did you mean `{near}`?"))
}

fn pod(cx: &mut Context<'_>, draft: &Draft<'_>, placed: &Placed, story: &Story<'_>) {
    let facts = pod_facts(&placed.object.manifest);
    let at = match draft.verb {
        Some(Verb::Pod) => below(&placed.pointer, "serviceAccount"),
        _ => {
            let spec = below(&placed.pointer, "spec");
            if facts.containers.is_empty() {
                cx.findings
                    .error(&spec, "a Pod without containers")
                    .hint("e.g. `containers: [{name: main, image: curl}]`");
            }
            below(&spec, "serviceAccountName")
        }
    };
    let (name, namespace) = (facts.account.as_str(), placed.object.namespace.as_deref());
    if name == "default" {
        return;
    }
    let hint = match find(story, ACCOUNT, namespace, name, &[]) {
        Whereabouts::Alive => return,
        Whereabouts::Gone(gone) => {
            cx.findings
                .error(&at, format!("ServiceAccount `{name}` is not there at this step"))
                .label("the Pod would be refused")
                .second(&deletion(gone), format!("deleted by step {}", gone + 1))
                .hint("make the account anew before the Pod");
            return;
        }
        Whereabouts::Later(maker, made) => {
            cx.findings
                .error(&at, format!("ServiceAccount `{name}` is not there at this step"))
                .label("the Pod would be refused")
                .second(&made.name_at, format!("made by step {}", maker.index + 1))
                .hint("make the account before the Pod");
            return;
        }
        Whereabouts::Elsewhere(other) => {
            format!("it is in namespace `{other}`, and a Pod's account is in the Pod's own: make one there")
        }
        Whereabouts::Near(near) => format!("did you mean `{near}`?"),
        Whereabouts::Nowhere => format!("add a step `serviceAccount: {name}`"),
    };
    cx.findings
        .error(&at, format!("no step makes ServiceAccount `{name}`"))
        .label("the Pod would be refused")
        .hint(hint);
}

/// ClusterRoles that every cluster has. Distributions and add-ons have more that begin with `system:`.
fn is_bootstrap(role: &str) -> bool {
    is_cluster_role(role) || role.starts_with("system:")
}

fn role(cx: &mut Context<'_>, draft: &Draft<'_>, placed: &Placed, story: &Story<'_>) {
    let role_ref = &placed.object.manifest["roleRef"];
    let (Some(kind), Some(name)) = (role_ref["kind"].as_str(), role_ref["name"].as_str()) else {
        return;
    };
    let cluster = kind == "ClusterRole";
    if !cluster && placed.object.kind.kind == "ClusterRoleBinding" {
        return; // It has an error of its own.
    }
    let namespace = placed.object.namespace.as_deref().filter(|_| !cluster);
    let own_role = namespace.is_some_and(|namespace| is_role(namespace, name));
    if (cluster && is_bootstrap(name)) || own_role || story.made_by((RBAC, kind), namespace, name).is_some() {
        return;
    }
    let other = if cluster { "Role" } else { "ClusterRole" };
    let other_namespace = if cluster { Some(cx.namespace) } else { None };
    let is_other = story.made_by((RBAC, other), other_namespace, name).is_some() || (!cluster && is_bootstrap(name));
    let short = draft.verb == Some(Verb::Bind);
    let hint = if is_other {
        let key = if cluster { "role" } else { "clusterRole" };
        let line = if short { format!("{key}: {name}") } else { format!("kind: {other}") };
        Some(format!("`{name}` is a {other}: write `{line}`"))
    } else {
        let mut names = story.names(RBAC, kind);
        if cluster {
            names.extend(["cluster-admin", "admin", "edit", "view"]);
        }
        did_you_mean(name, names)
    };
    let message = format!("no step makes {kind} `{name}`");
    if short {
        let key = if cluster { "clusterRole" } else { "role" };
        cx.findings
            .error(&below(&placed.pointer, key), message)
            .hint_if(hint.or_else(|| Some("to bind a role that does not exist on purpose, use `apply`".into())));
    } else {
        cx.findings
            .warn(&below(&below(&placed.pointer, "roleRef"), "name"), message)
            .label("stored, but it grants nothing")
            .hint(hint.unwrap_or_else(|| format!("make it by a step of kind {kind}")));
    }
}

fn subjects(cx: &mut Context<'_>, draft: &Draft<'_>, placed: &Placed, story: &Story<'_>) {
    let short = draft.verb == Some(Verb::Bind);
    let subjects = placed.object.manifest["subjects"].as_array();
    for (index, subject) in subjects.into_iter().flatten().enumerate() {
        if subject["kind"] != "ServiceAccount" {
            continue;
        }
        let text = |key: &str| subject.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, namespace) = (text("name"), text("namespace"));
        // A name that no account has is an error of its own.
        let of_one = names::check(&kinds::service_account(), name).is_ok() || name.contains(words::PREFIX);
        if name == "default" || !of_one {
            continue;
        }
        let hint = match find(story, ACCOUNT, Some(namespace), name, &[]) {
            // A binding holds for an account that is made after it, and stays when one is deleted.
            Whereabouts::Alive | Whereabouts::Gone(_) | Whereabouts::Later(..) => continue,
            Whereabouts::Elsewhere(other) if other == cx.namespace => {
                Some(format!("`{name}` is in the scenario's own namespace, which is filled in"))
            }
            Whereabouts::Elsewhere(other) => Some(format!("`{name}` is in namespace `{other}`")),
            Whereabouts::Near(near) => Some(format!("did you mean `{near}`?")),
            Whereabouts::Nowhere => None,
        };
        let message = format!("no step makes ServiceAccount `{name}` in namespace `{namespace}`");
        if short {
            let at = below(&below(&placed.pointer, "to"), index);
            let hint = hint.or_else(|| Some(format!("add a step `serviceAccount: {name}`")));
            cx.findings.error(&below(&at, "serviceAccount"), message).hint_if(hint);
        } else {
            let at = below(&below(&placed.pointer, "subjects"), index);
            cx.findings
                .warn(&below(&at, "name"), message)
                .label("bound in vain")
                .hint(hint.unwrap_or_else(|| format!("add a step `serviceAccount: {name}`")));
        }
    }
}
