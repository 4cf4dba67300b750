//! Manifests of RBAC's kinds: what the API server would refuse, and what it would take in silence.

use serde_json::{Map, Value, json};

use crate::{
    k8s::{usernames, well_known::RBAC},
    plan::{
        Kind,
        context::{Context, Draft, below},
        kinds::{self, nearest},
        lower::{
            kind::{check_name, json_type},
            role_rules,
        },
        names,
        resolve::groups,
    },
};

/// Checks a manifest of RBAC's kinds, and fills in the namespace of ServiceAccounts among the subjects: the binding's own, as
/// RBAC does it, or that of all that names none.
pub(in crate::plan) fn check(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    at: &str,
    kind: &Kind,
    namespace: &str,
    manifest: &mut Value,
) {
    if kind.group != RBAC {
        return;
    }
    match kind.kind.as_str() {
        "Role" | "ClusterRole" => {
            let rules = manifest.get("rules").and_then(Value::as_array);
            let rules_at = below(at, "rules");
            if let Some(rules) = rules {
                role_rules::check(cx, draft, &rules_at, &kind.kind, rules);
            }
            // An empty list is what the controller fills, and how Kubernetes' own pages write it.
            if rules.is_some_and(|rules| !rules.is_empty()) && manifest.get("aggregationRule").is_some() {
                cx.findings
                    .warn(&rules_at, "rules beside an `aggregationRule`")
                    .at_key()
                    .label("overwritten by the aggregated ones")
                    .second_key(&below(at, "aggregationRule"), "this fills the rules")
                    .hint("put them into a ClusterRole that carries the label");
            }
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            if !draft.refused {
                role_ref(cx, at, kind, manifest.get("roleRef"));
            }
            let subjects = manifest.get_mut("subjects").and_then(Value::as_array_mut);
            for (index, subject) in subjects.into_iter().flatten().enumerate() {
                let at = below(&below(at, "subjects"), index);
                check_subject(cx, draft, &at, namespace, subject);
            }
        }
        _ => {}
    }
}

fn role_ref(cx: &mut Context<'_>, at: &str, kind: &Kind, role_ref: Option<&Value>) {
    let Some(Value::Object(role_ref)) = role_ref else {
        cx.findings
            .error(at, format!("a {} without `roleRef`", kind.kind))
            .hint(format!("add `roleRef: {{apiGroup: {RBAC}, kind: Role, name: …}}`"));
        return;
    };
    let at = below(at, "roleRef");
    match role_ref.get("kind").and_then(Value::as_str) {
        Some("Role") if kind.kind == "ClusterRoleBinding" => {
            cx.findings
                .error(&below(&at, "kind"), "a ClusterRoleBinding cannot refer to a Role")
                .label("a Role holds in one namespace")
                .hint("use a ClusterRole, or a RoleBinding");
        }
        Some("Role" | "ClusterRole") => {}
        other => {
            cx.findings.error(&below(&at, "kind"), "`roleRef.kind` must be `Role` or `ClusterRole`").hint_if(
                other
                    .and_then(|word| nearest(word, ["Role", "ClusterRole"].into_iter()))
                    .map(|near| format!("did you mean `{near}`?")),
            );
        }
    }
    if role_ref.get("name").and_then(Value::as_str).is_none_or(str::is_empty) {
        cx.findings.error(&at, "`roleRef` without `name`").hint("the role's name");
    }
    check_group(cx, &at, "`roleRef.apiGroup`", role_ref);
}

/// Checks the group of what is of RBAC's own; the API server fills in what is left out or empty.
fn check_group(cx: &mut Context<'_>, at: &str, what: &str, of: &Map<String, Value>) {
    if let Some(group) = of.get("apiGroup").filter(|group| !group.is_null())
        && !matches!(group.as_str(), Some(RBAC | ""))
    {
        cx.findings
            .error(&below(at, "apiGroup"), format!("{what} must be `{RBAC}`"))
            .label("without a version")
            .hint(format!("write `apiGroup: {RBAC}`, or leave it out"));
    }
}

fn check_subject(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, namespace: &str, subject: &mut Value) {
    let Value::Object(map) = subject else {
        cx.findings.error(at, "a subject must be a map").label(format!("this is {}", json_type(subject)));
        return;
    };
    let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = map.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if name.is_empty() && !draft.refused {
        cx.findings.error(at, "a subject without a `name`").hint("e.g. `{kind: ServiceAccount, name: reader}`");
    }
    match kind.as_str() {
        "ServiceAccount" => {
            let group = map.get("apiGroup").and_then(Value::as_str).unwrap_or_default();
            if !group.is_empty() && !draft.refused {
                cx.findings
                    .error(&below(at, "apiGroup"), "a ServiceAccount among subjects has no `apiGroup`")
                    .hint("remove it: ServiceAccounts are of the core group");
            }
            let user = name.strip_prefix(usernames::PREFIX).unwrap_or(&name).split_once(':');
            let accounts = kinds::service_account();
            let good = |account: &&str| names::check(&accounts, account).is_ok();
            if let (Some((namespace, account)), false) = (user.filter(|(_, account)| good(account)), draft.refused) {
                cx.findings
                    .error(&below(at, "name"), format!("`{name}` is no name of a ServiceAccount"))
                    .hint(format!("write `name: {account}` and `namespace: {namespace}`"));
            } else if !name.is_empty() && !draft.refused {
                check_name(cx, &below(at, "name"), &accounts, &name, draft.when.as_ref());
            }
            // RBAC takes an empty one as one that is left out.
            if map.get("namespace").is_none_or(|named| named.is_null() || named == "") {
                map.insert("namespace".into(), json!(namespace));
                let text = format!("namespace `{namespace}` of the subject");
                cx.note(at, text);
            }
        }
        "User" | "Group" => {
            if !draft.refused {
                check_group(cx, at, &format!("the `apiGroup` of a {kind} among subjects"), map);
            }
            if kind == "Group" {
                groups::check(cx, &below(at, "name"), &name);
            }
        }
        _ if draft.refused => {}
        _ => {
            let near = nearest(&kind, ["ServiceAccount", "User", "Group"].into_iter());
            let hint = near.map_or_else(
                || "`ServiceAccount`, `User` or `Group`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            cx.findings.error(&below(at, "kind"), format!("no subject is of kind `{kind}`")).hint(hint);
        }
    }
}
