//! The short forms `pod serviceAccount role clusterRole bind` written out as manifests.

use serde_json::{Map, Value, json};

use crate::{
    k8s::well_known::RBAC,
    plan::{
        Object,
        context::{Context, Draft, Placed, below},
        kinds,
        lower::{kind::check_name, role_rules},
        names,
        resolve::groups,
    },
    scenario::{
        Verb,
        verbs::{Bind, Pod, Role, Rule, ServiceAccount, Subject},
    },
};

/// What a step in a short form makes; nothing if it is in none.
pub(in crate::plan) fn read(cx: &mut Context<'_>, draft: &Draft<'_>) -> Vec<Placed> {
    let step = draft.step;
    let made = match draft.verb {
        Some(Verb::Pod) => step.pod.as_ref().map(|it| pod(cx, draft, it)),
        Some(Verb::ServiceAccount) => (step.service_account.as_ref()).map(|it| account(cx, draft, it)),
        Some(Verb::Role) => step.role.as_ref().map(|it| role(cx, draft, "Role", it)),
        Some(Verb::ClusterRole) => (step.cluster_role.as_ref()).map(|it| role(cx, draft, "ClusterRole", it)),
        Some(Verb::Bind) => step.bind.as_ref().and_then(|it| bind(cx, draft, it)),
        _ => None,
    };
    made.into_iter().collect()
}

/// An object of one of Kubernetes' own kinds; `rest` are its keys beside metadata.
fn object(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    kind: &str,
    name: (&str, &str),
    rest: impl IntoIterator<Item = (&'static str, Value)>,
) -> Placed {
    let kind = kinds::find(kind, None).expect("one of Kubernetes' own kinds");
    let (name_at, name) = (name.0, name.1.to_owned());
    if !draft.refused {
        check_name(cx, name_at, &kind, &name, draft.when.as_ref());
    }
    let namespace = kind.namespaced.then(|| cx.namespace.to_owned());
    let mut manifest = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.kind,
        "metadata": {"name": name},
    });
    if let Some(namespace) = &namespace {
        manifest["metadata"]["namespace"] = json!(namespace);
        cx.note(name_at, format!("namespace `{namespace}` of the {}", kind.kind));
    }
    for (key, value) in rest {
        manifest[key] = value;
    }
    Placed {
        pointer: draft.at(),
        name_at: name_at.into(),
        into: None,
        object: Object { kind, namespace, name, manifest, file: None },
    }
}

fn pod(cx: &mut Context<'_>, draft: &Draft<'_>, pod: &Pod) -> Placed {
    let at = draft.at();
    if pod.image.trim().is_empty() {
        cx.findings
            .error(&below(&at, "image"), "a Pod without an image")
            .hint("`image: curl` is preloaded in every cluster kind");
    }
    let mut spec = Map::new();
    if let Some(account) = &pod.service_account {
        spec.insert("serviceAccountName".into(), json!(account));
    }
    if let Some(automount) = pod.automount_service_account_token {
        spec.insert("automountServiceAccountToken".into(), json!(automount));
    }
    // As process 1, sleep does not hear SIGTERM: the kubelet ends it after this one second.
    spec.insert("terminationGracePeriodSeconds".into(), json!(1));
    spec.insert(
        "containers".into(),
        json!([{
            "name": "main",
            "image": pod.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", "infinity"],
        }]),
    );
    let name_at = below(&at, "name");
    let mut placed = object(cx, draft, "Pod", (&name_at, &pod.name), [("spec", spec.into())]);
    if !pod.labels.is_empty() {
        placed.object.manifest["metadata"]["labels"] = json!(pod.labels);
    }
    placed
}

fn account(cx: &mut Context<'_>, draft: &Draft<'_>, account: &ServiceAccount) -> Placed {
    let at = draft.at();
    match account {
        ServiceAccount::Name(name) => object(cx, draft, "ServiceAccount", (&at, name), []),
        ServiceAccount::Full(fields) => {
            let automount = fields.automount_service_account_token;
            let automount = automount.map(|on| ("automountServiceAccountToken", json!(on)));
            object(cx, draft, "ServiceAccount", (&below(&at, "name"), &fields.name), automount)
        }
    }
}

fn role(cx: &mut Context<'_>, draft: &Draft<'_>, kind: &str, role: &Role) -> Placed {
    let at = draft.at();
    let rules: Vec<Value> = role.rules.iter().map(rule).collect();
    if rules.is_empty() {
        cx.findings.warn(&below(&at, "rules"), format!("a {kind} without rules grants nothing"));
    }
    role_rules::check(cx, draft, &below(&at, "rules"), kind, &rules);
    object(cx, draft, kind, (&below(&at, "name"), &role.name), [("rules", Value::Array(rules))])
}

fn rule(rule: &Rule) -> Value {
    let mut map = Map::new();
    for (key, list) in [
        ("apiGroups", &rule.api_groups),
        ("resources", &rule.resources),
        ("verbs", &rule.verbs),
        ("resourceNames", &rule.resource_names),
        ("nonResourceURLs", &rule.non_resource_urls),
    ] {
        if !list.is_empty() || key == "verbs" {
            map.insert(key.into(), json!(list));
        }
    }
    Value::Object(map)
}

fn bind(cx: &mut Context<'_>, draft: &Draft<'_>, bind: &Bind) -> Option<Placed> {
    let at = draft.at();
    let (role_kind, role) = match (&bind.role, &bind.cluster_role) {
        (Some(role), None) => ("Role", role),
        (None, Some(role)) => ("ClusterRole", role),
        (Some(role), Some(_)) => {
            cx.findings
                .error(&below(&at, "clusterRole"), "`bind` names a Role and a ClusterRole")
                .at_key()
                .label("one too many")
                .second_key(&below(&at, "role"), "the other")
                .hint("a binding has one role: make two steps of it");
            ("Role", role)
        }
        (None, None) => {
            cx.findings.error(&at, "`bind` names no role").hint("say `role: NAME` or `clusterRole: NAME`");
            return None;
        }
    };
    if bind.cluster_wide && role_kind == "Role" {
        cx.findings
            .error(&below(&at, "clusterWide"), "a Role cannot be bound cluster-wide")
            .second_key(&below(&at, "role"), "a Role holds in one namespace")
            .hint("make it a `clusterRole`, or leave out `clusterWide`");
    }
    if bind.to.is_empty() {
        cx.findings.error(&below(&at, "to"), "`bind` names no subject").hint("e.g. `to: [{serviceAccount: demo-sa}]`");
    }
    let subjects: Vec<Value> = (bind.to.iter().enumerate())
        .map(|(index, to)| subject(cx, draft, &below(&below(&at, "to"), index), to))
        .collect();
    let name_at = below(&at, "name");
    let name = match &bind.name {
        Some(name) => name.clone(),
        None => {
            let first = subjects.first().and_then(|subject| subject["name"].as_str());
            let name = [Some(role.as_str()), first].into_iter().flatten().collect::<Vec<_>>();
            let name = name.join("_").replace(['/', '%'], "-");
            cx.note(&at, format!("name `{name}` of the binding"));
            name
        }
    };
    let kind = if bind.cluster_wide { "ClusterRoleBinding" } else { "RoleBinding" };
    let name_at = if bind.name.is_some() { name_at } else { at };
    let role_ref = json!({"apiGroup": RBAC, "kind": role_kind, "name": role});
    let rest = [("roleRef", role_ref), ("subjects", Value::Array(subjects))];
    Some(object(cx, draft, kind, (&name_at, &name), rest))
}

fn subject(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, subject: &Subject) -> Value {
    let nameless = match subject {
        Subject::User(name) if name.is_empty() => Some("user"),
        Subject::Group(name) if name.is_empty() => Some("group"),
        _ => None,
    };
    if let Some(key) = nameless.filter(|_| !draft.refused) {
        cx.findings
            .error(&below(at, key), format!("a {key} without a name"))
            .label("the API server takes no such subject")
            .hint(format!("e.g. `{{{key}: {}}}`", if key == "user" { "jane" } else { "developers" }));
    }
    match subject {
        Subject::ServiceAccount(text) => {
            let at = below(at, "serviceAccount");
            let (namespace, name) = match text.split_once('/') {
                Some((namespace, name)) => (namespace, name),
                None => {
                    let namespace = cx.namespace;
                    cx.note(&at, format!("namespace `{namespace}` of the subject"));
                    (namespace, text.as_str())
                }
            };
            let kind = kinds::find("ServiceAccount", None).expect("one of Kubernetes' own kinds");
            let wrong = names::check(&kind, name).err();
            if text.contains(':') {
                cx.findings
                    .error(&at, format!("`{text}` is no ServiceAccount"))
                    .hint("write `NAME`, or `NAMESPACE/NAME` for one of another namespace");
            } else if let Some(wrong) = wrong {
                cx.findings.error(&at, wrong.message).hint_if(wrong.suggestion.map(|name| format!("try `{name}`")));
            }
            json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
        }
        Subject::User(name) => json!({"apiGroup": RBAC, "kind": "User", "name": name}),
        Subject::Group(name) => {
            groups::check(cx, &below(at, "group"), name);
            json!({"apiGroup": RBAC, "kind": "Group", "name": name})
        }
    }
}
