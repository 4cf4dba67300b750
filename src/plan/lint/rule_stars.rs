//! Stars in rules: RBAC compares words, and knows a star for all, one for all resources before a subresource, and one at the end of
//! a path.

use super::rule::Rule;
use crate::{
    k8s::{
        nearest,
        rbac_words::{SUBRESOURCES, several},
        served::TABLE,
    },
    plan::context::Context,
};

/// Looks at a rule about resources.
pub(in crate::plan) fn check(cx: &mut Context<'_>, rule: &Rule<'_>) {
    for key in ["verbs", "apiGroups"] {
        for (index, word) in rule.listed(key).into_iter().enumerate() {
            if word.contains('*') && word != "*" && several(word).is_none() {
                let hint = "a star stands for all, and only alone: name each, or write `*`";
                rule.in_vain(cx, (key, index), format!("`{word}` is no pattern"), hint);
            }
        }
    }
    let resources = rule.listed("resources");
    for (index, resource) in resources.iter().enumerate() {
        let at = ("resources", index);
        if !resource.contains('*') || *resource == "*" || several(resource).is_some() {
            continue;
        }
        match resource.split_once('/') {
            Some(("*", "*")) => {
                let hint = "did you mean `*`? It is for all resources with their subresources";
                rule.in_vain(cx, at, "`*/*` is no pattern", hint);
            }
            Some(("*", sub)) if !sub.contains('*') => sub_of_all(cx, rule, at, sub),
            Some((plural, "*")) if !plural.contains('*') => {
                let own = TABLE.resources.iter().chain(cx.apis.added()).filter(|own| own.plural == plural);
                let subs: Vec<&str> = own.filter_map(|own| own.sub.as_deref()).collect();
                let sub = subs.iter().find(|sub| **sub == "log").or(subs.first()).copied().unwrap_or("status");
                let hint = format!("a star is not for subresources: name each, e.g. `{plural}/{sub}`");
                rule.in_vain(cx, at, format!("`{resource}` is no pattern"), hint);
            }
            _ => {
                let hint = "a star stands for all resources, and only alone: name each, or write `*`";
                rule.in_vain(cx, at, format!("`{resource}` is no pattern"), hint);
            }
        }
    }
    // A signer is also asked about by its domain: `example.com/*`. Identities may be called anything.
    let others = ["signers", "users", "groups", "uids"];
    if resources.iter().any(|resource| others.contains(resource) || resource.starts_with("userextras")) {
        return;
    }
    for (index, name) in rule.listed("resourceNames").into_iter().enumerate() {
        if name.contains('*') {
            let hint = "no name has a star: name each, or leave `resourceNames` out for all";
            rule.in_vain(cx, ("resourceNames", index), format!("`{name}` is no pattern"), hint);
        }
    }
}

/// A subresource of all resources.
fn sub_of_all(cx: &mut Context<'_>, rule: &Rule<'_>, at: (&str, usize), sub: &str) {
    let served = TABLE.resources.iter().chain(cx.apis.added()).filter_map(|own| own.sub.as_deref());
    let known: Vec<&str> = served.chain(SUBRESOURCES.iter().copied()).chain(["finalizers"]).collect();
    if known.contains(&sub) {
        return;
    }
    if let Some(near) = nearest(sub, known.into_iter()) {
        let hint = format!("did you mean `*/{near}`?");
        rule.in_vain(cx, at, format!("no resource has a subresource `{sub}`"), hint);
    }
}
