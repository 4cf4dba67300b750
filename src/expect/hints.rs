//! What to do about an answer that is not the expected one.

use super::{
    IntendedCall,
    refused::{Refused, What},
};
use crate::{k8s::usernames, redact::show, scenario::expect::DeniedBy};

const ANONYMOUS: &str = "system:anonymous";

/// A 401 was expected, and the server still accepts the caller.
pub(super) const STILL_KNOWN: &str = "the server accepts this caller; it remembers a good token for 10 s, so after a \
     deletion ask with `within: 15s` (and without a token it is anonymous, not unknown, unless anonymous access is off)";

/// What kubectl says does not show what the server has answered.
pub(super) const SEEN_BY_OTHERS: &str =
    "kubectl's words do not show who refused; `request`, and the verb that does the same, see the whole answer";

/// By what a call that was to be refused may be allowed.
pub(super) fn who_may(meant: Option<&IntendedCall>) -> String {
    match meant {
        Some(meant) => format!(
            "some binding grants it to {} or to one of its groups; `kubectl auth can-i --list --as={}` shows what it may",
            meant.user, meant.user
        ),
        None => "the step names nobody who asks, so kubewalk's administrator does, who may do everything; its key `as` says who"
            .into(),
    }
}

/// `verb list (meant: get)` for each part that differs.
pub(super) fn differing(meant: &Refused, got: &Refused) -> Vec<String> {
    let mut found = Vec::new();
    let mut part = |name: &str, meant: &str, got: &str| {
        if meant != got {
            found.push(format!("{name} {} (meant: {})", or_none(got), or_none(meant)));
        }
    };
    part("verb", &meant.verb, &got.verb);
    match (&meant.what, &got.what) {
        (What::Path(meant), What::Path(got)) => part("path", meant, got),
        (
            What::Resource { resource, group, namespace, name },
            What::Resource { resource: resource2, group: group2, namespace: namespace2, name: name2 },
        ) => {
            part("resource", resource, resource2);
            part("API group", group, group2);
            part("namespace", namespace.as_deref().unwrap_or_default(), namespace2.as_deref().unwrap_or_default());
            part("name", name.as_deref().unwrap_or_default(), name2.as_deref().unwrap_or_default());
        }
        (What::Path(path), What::Resource { resource, .. }) => part("target", path, resource),
        (What::Resource { resource, .. }, What::Path(path)) => part("target", resource, path),
    }
    found
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none".into() } else { show::line(text, show::VALUE) }
}

/// A user name fit to be shown.
pub(super) fn shown_user(name: &str) -> String {
    if name.is_empty() { "a user without a name".into() } else { show::line(name, show::VALUE) }
}

/// With a capital.
pub(super) fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Why the server may have seen another caller.
pub(super) fn wrong_identity(seen: &str, meant: &str) -> String {
    match (usernames::account(seen), usernames::account(meant)) {
        _ if seen == ANONYMOUS => {
            "the token never reached the server: the header is missing, the token file is empty or \
             unreadable, or the header has two blanks or another scheme than Bearer; `token: mounted` sends it"
                .into()
        }
        (Some((namespace, name)), _) if meant == ANONYMOUS => {
            format!("a token was sent, that of ServiceAccount {name} in namespace {namespace}; leave `token` out")
        }
        (Some((a, name)), Some((b, other))) if name == other => {
            format!("the ServiceAccounts have the same name, but live in namespaces {} and {b}", show::line(a, 80))
        }
        (Some((_, name)), Some(_)) => {
            format!("the Pod runs as ServiceAccount {}; look at its serviceAccountName", show::line(name, 80))
        }
        _ => "the server saw another credential than the step means".into(),
    }
}

/// What lacks, when success was expected and RBAC refused.
pub(super) fn missing_right(refused: &Refused, meant: Option<&IntendedCall>) -> String {
    if let Some(meant) = meant.filter(|meant| meant.user != refused.user) {
        return wrong_identity(&refused.user, &meant.user);
    }
    let mut hint = refused.grant();
    if refused.user == ANONYMOUS {
        hint = format!("the call carries no token; `token: mounted` sends the Pod's. Otherwise {hint}");
    }
    if refused.reason.contains("not found") {
        hint += &format!("\na binding names a role that does not exist: {}", show::line(&refused.reason, show::VALUE));
    }
    hint
}

/// Why the server may not know the caller.
pub(super) fn unauthenticated(meant: Option<&IntendedCall>) -> &'static str {
    match meant {
        Some(meant) if meant.user == ANONYMOUS => {
            "anonymous access is off on this cluster (k3s' default); on such a cluster a call without a token is 401"
        }
        _ => {
            "the token is not valid here: garbled or quoted, expired, for another audience, or its ServiceAccount, Pod or \
             Secret was deleted (one that was made anew under its name is another one); this says nothing about rights"
        }
    }
}

/// What a refusal by another denier means.
pub(super) fn beyond_rbac(by: DeniedBy) -> &'static str {
    match by {
        DeniedBy::Rbac | DeniedBy::Escalation => {
            "nobody may grant more than they have, unless they have the verb `escalate` (roles) or `bind` (bindings)"
        }
        DeniedBy::Admission => "RBAC let the call pass; admission did not",
        DeniedBy::PodSecurity => "RBAC let the call pass; the namespace's Pod Security level did not",
        DeniedBy::Quota => "RBAC let the call pass; the namespace's ResourceQuota did not",
        DeniedBy::Policy => "RBAC let the call pass; the policy did not",
        DeniedBy::Webhook => "RBAC let the call pass; the webhook did not, whatever its words say",
        DeniedBy::NamespaceTerminating => "RBAC let the call pass; the namespace is on its way out",
        DeniedBy::Kubelet | DeniedBy::KubeRbacProxy | DeniedBy::Endpoint => "it is not the API server that refused",
    }
}
