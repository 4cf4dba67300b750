//! The truth of a 403, and good words for every answer that is not it.

use super::{
    Class, Http, Meant, Mismatch,
    deny::{self, Denial, Stranger, Verdict},
    refused::{Refused, What},
    show,
    status::{Status, server_words, words},
};
use crate::scenario::expect::DeniedBy;

const ANONYMOUS: &str = "system:anonymous";

/// A status that is not the expected one: `pointer` is the key that says so, `expected` a few words such as `403`.
pub fn surprise(
    pointer: &str,
    short: &str,
    expected: &str,
    http: &Http,
    verdict: &Verdict,
    meant: Option<&Meant>,
) -> Mismatch {
    let mut mismatch = Mismatch {
        pointer: pointer.into(),
        message: format!("expected {short}, got {}", http.status),
        expected: expected.into(),
        got: words(http.status),
        server_words: server_words(http),
        hint: None,
        class: Class::Status,
    };
    match verdict {
        Verdict::Allowed => mismatch.server_words = None,
        Verdict::Denied(Denial {
            refused: Some(refused),
            ..
        }) => {
            mismatch.class = Class::Refused;
            mismatch.got = format!(
                "{}: RBAC does not let {} {}",
                mismatch.got,
                user(&refused.user),
                refused.words()
            );
            mismatch.hint = Some(missing_right(refused, meant));
            if let Some(meant) = meant.filter(|meant| meant.user != refused.user) {
                mismatch.class = Class::WrongIdentity;
                mismatch.message += &format!(
                    ": the call was made as {}, not as {}",
                    user(&refused.user),
                    meant.user
                );
            }
        }
        Verdict::Denied(denial) => {
            mismatch.class = Class::OtherDenier;
            mismatch.got = format!("{}, refused by {}", mismatch.got, denial.words());
            mismatch.hint = Some(beyond_rbac(denial.by).into());
        }
        Verdict::Unauthenticated => {
            mismatch.class = Class::Unauthenticated;
            mismatch.got += ": the server does not know the caller";
            mismatch.hint = Some(unauthenticated(meant).into());
        }
        Verdict::NotFound => {
            mismatch.got += ": authorization let the call pass, and nothing is there";
            mismatch.hint =
                Some("compare the path, the name and the namespace with what exists".into());
        }
        Verdict::Conflict => {
            mismatch.got += ": authorization let the call pass, and what is stored is in the way"
        }
        Verdict::Invalid => {
            mismatch.got += ": authorization let the call pass, and the request itself is wrong"
        }
        Verdict::TooManyRequests => {
            mismatch.class = Class::Server;
            mismatch.got += ": the server asks to come back later; this says nothing about rights";
        }
        Verdict::ServerError => {
            mismatch.class = Class::Server;
            mismatch.got +=
                ": a problem of the server or of what it asks; this says nothing about rights";
        }
        Verdict::Other => {}
        Verdict::NotKubernetes(stranger) => {
            mismatch.class = Class::NotKubernetes;
            mismatch.message += ", and not from the API server";
            mismatch.got = format!("{} with {}", mismatch.got, stranger.words());
            mismatch.hint = stranger.hint().map(str::to_owned);
        }
    }
    mismatch
}

/// An answer whose status is as expected, but that somebody other than the API server gave.
pub fn impostor(pointer: &str, http: &Http, stranger: &Stranger) -> Mismatch {
    Mismatch {
        pointer: pointer.into(),
        message: format!("{}, but not from the API server", http.status),
        expected: format!("{} from the API server", words(http.status)),
        got: format!("{} with {}", words(http.status), stranger.words()),
        server_words: server_words(http),
        hint: stranger.hint().map(str::to_owned),
        class: Class::NotKubernetes,
    }
}

/// Whether a refusal is the one that was meant.
pub fn denied(
    by: DeniedBy,
    wanted: Option<u16>,
    pointer: &str,
    http: &Http,
    verdict: &Verdict,
    meant: Option<&Meant>,
) -> Option<Mismatch> {
    let who = deny::who(by);
    let short = wanted.map_or_else(
        || format!("a refusal by {who}"),
        |status| status.to_string(),
    );
    let expected = match (by, meant) {
        (DeniedBy::Rbac, Some(meant)) => format!(
            "403 Forbidden by RBAC: `{}`",
            show::line(&meant.denial, 400)
        ),
        _ => format!(
            "{}by {who}",
            wanted.map_or_else(|| "refused ".into(), |status| format!("{} ", words(status)))
        ),
    };
    let mut mismatch = surprise(pointer, &short, &expected, http, verdict, meant);
    let Verdict::Denied(denial) = verdict else {
        if *verdict == Verdict::Allowed {
            mismatch.class = Class::Allowed;
            mismatch.got += ": the call was allowed";
            mismatch.hint = (by == DeniedBy::Rbac).then(|| match meant {
                Some(meant) => format!(
                    "some binding grants it to {} or to one of its groups; \
                     `kubectl auth can-i --list --as={}` shows what it may",
                    meant.user, meant.user
                ),
                None => "some binding grants it".into(),
            });
        } else if http.status == 403 {
            mismatch.message = "403, but not a refusal by the API server".into();
        }
        return Some(mismatch);
    };
    if denial.by != by {
        mismatch.message = format!(
            "{}, but refused by {}, not by {who}",
            http.status,
            denial.words()
        );
        mismatch.class = Class::OtherDenier;
        mismatch.hint = Some(match denial.by {
            DeniedBy::Rbac => denial.refused.as_ref().map_or_else(String::new, |refused| {
                format!(
                    "RBAC comes first: {} lacks a right. {}",
                    user(&refused.user),
                    capital(&refused.grant())
                )
            }),
            other => format!("if that is meant, write `by: {}`", deny::key(other)),
        });
        return Some(mismatch);
    }
    if let Some(status) = wanted.filter(|status| *status != http.status) {
        mismatch.message = format!(
            "expected {status}, got {}, refused by {} as expected",
            http.status,
            denial.words()
        );
        mismatch.hint = Some(format!(
            "write `status: {}` beside `by: {}`",
            http.status,
            deny::key(by)
        ));
        return Some(mismatch);
    }
    let (Some(refused), Some(meant)) = (&denial.refused, meant) else {
        return None;
    };
    same_call(refused, meant, http, &mut mismatch).then_some(mismatch)
}

/// Whether RBAC's refusal is about another call than the one that was meant; then says how.
fn same_call(refused: &Refused, meant: &Meant, http: &Http, mismatch: &mut Mismatch) -> bool {
    let message = Status::of(http).map_or("", |status| status.message);
    let exact = message.strip_prefix(meant.denial.as_str());
    if exact.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        && refused.user == meant.user
    {
        return false;
    }
    if refused.user == meant.user {
        mismatch.class = Class::OtherRequest;
        mismatch.message = "403, but for another request than the step means".into();
        let differing = Refused::parse(&meant.denial)
            .map(|meant| differing(&meant, refused))
            .unwrap_or_default();
        mismatch.hint = Some(if differing.is_empty() {
            "the server understood the call differently".into()
        } else {
            format!("the server understood: {}", differing.join(", "))
        });
    } else {
        mismatch.class = Class::WrongIdentity;
        mismatch.message = format!(
            "403, but the call was made as {}, not as {}",
            user(&refused.user),
            meant.user
        );
        mismatch.hint = Some(wrong_identity(&refused.user, &meant.user));
    }
    mismatch.got = format!(
        "403 Forbidden: {} may not {}",
        user(&refused.user),
        refused.words()
    );
    true
}

/// `verb list (meant: get)` for each part that differs.
fn differing(meant: &Refused, got: &Refused) -> Vec<String> {
    let mut found = Vec::new();
    let mut part = |name: &str, meant: &str, got: &str| {
        if meant != got {
            found.push(format!(
                "{name} {} (meant: {})",
                or_none(got),
                or_none(meant)
            ));
        }
    };
    part("verb", &meant.verb, &got.verb);
    match (&meant.what, &got.what) {
        (What::Path(meant), What::Path(got)) => part("path", meant, got),
        (
            What::Resource {
                resource,
                group,
                namespace,
                name,
            },
            What::Resource {
                resource: resource2,
                group: group2,
                namespace: namespace2,
                name: name2,
            },
        ) => {
            part("resource", resource, resource2);
            part("API group", group, group2);
            part(
                "namespace",
                namespace.as_deref().unwrap_or_default(),
                namespace2.as_deref().unwrap_or_default(),
            );
            part(
                "name",
                name.as_deref().unwrap_or_default(),
                name2.as_deref().unwrap_or_default(),
            );
        }
        (What::Path(path), What::Resource { resource, .. }) => part("target", path, resource),
        (What::Resource { resource, .. }, What::Path(path)) => part("target", resource, path),
    }
    found
}

fn or_none(text: &str) -> String {
    if text.is_empty() {
        "none".into()
    } else {
        show::line(text, show::VALUE)
    }
}

/// A user name fit to be shown.
fn user(name: &str) -> String {
    if name.is_empty() {
        "a user without a name".into()
    } else {
        show::line(name, show::VALUE)
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// `(namespace, name)` of a ServiceAccount's user name.
fn service_account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix("system:serviceaccount:")?.split_once(':')
}

fn wrong_identity(seen: &str, meant: &str) -> String {
    match (service_account(seen), service_account(meant)) {
        _ if seen == ANONYMOUS => "the token never reached the server: the header is missing, the token file is empty or \
             unreadable, or the header has two blanks or another scheme than Bearer; `token: mounted` sends it"
            .into(),
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
fn missing_right(refused: &Refused, meant: Option<&Meant>) -> String {
    if let Some(meant) = meant.filter(|meant| meant.user != refused.user) {
        return wrong_identity(&refused.user, &meant.user);
    }
    let mut hint = refused.grant();
    if refused.user == ANONYMOUS {
        hint = format!(
            "the call carries no token; `token: mounted` sends the Pod's. Otherwise {hint}"
        );
    }
    if refused.reason.contains("not found") {
        hint += &format!(
            "\na binding names a role that does not exist: {}",
            show::line(&refused.reason, show::VALUE)
        );
    }
    hint
}

fn unauthenticated(meant: Option<&Meant>) -> &'static str {
    match meant {
        Some(meant) if meant.user == ANONYMOUS => {
            "anonymous access is off on this cluster (k3s' default); on such a cluster a call without a token is 401"
        }
        _ => {
            "the token is not valid here: garbled or quoted, expired, for another audience, or its ServiceAccount, Pod or \
             Secret is gone; this says nothing about rights"
        }
    }
}

fn beyond_rbac(by: DeniedBy) -> &'static str {
    match by {
        DeniedBy::Rbac | DeniedBy::Escalation => {
            "nobody may grant more than they have, unless they have the verb `escalate` (roles) or `bind` (bindings)"
        }
        DeniedBy::Admission => "RBAC let the call pass; admission did not",
        DeniedBy::PodSecurity => {
            "RBAC let the call pass; the namespace's Pod Security level did not"
        }
        DeniedBy::Quota => "RBAC let the call pass; the namespace's ResourceQuota did not",
        DeniedBy::Policy => "RBAC let the call pass; the policy did not",
        DeniedBy::Webhook => "RBAC let the call pass; the webhook did not, whatever its words say",
        DeniedBy::NamespaceTerminating => "RBAC let the call pass; the namespace is on its way out",
    }
}
