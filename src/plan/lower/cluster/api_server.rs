//! `cluster.apiServer`: what is told to the API server beside its plugins and features.

use serde_json::{Map, Value};

use super::words::{AT, by_itself, list, mapping, only, sorted, ticked};
use crate::{
    k8s::{
        nearest,
        server::{APIS, OPTIONS},
    },
    plan::context::{Context, below},
    scenario::server::ApiServer,
    shape::Shape,
};

/// The authorizers that ask no other server and read no file.
const AUTHORIZERS: [&str; 4] = ["Node", "RBAC", "AlwaysAllow", "AlwaysDeny"];

/// Looks at all of it.
pub(in crate::plan) fn read(cx: &mut Context<'_>, told: &ApiServer, shape: &mut Shape) {
    let at = below(AT, "apiServer");
    match told.anonymous_auth {
        Some(true) => by_itself(cx, &below(&at, "anonymousAuth"), "anonymous calls are judged"),
        Some(false) => shape.anonymous = Some(false),
        None => {}
    }
    if let Some(config) = &told.authentication_config {
        let at = below(&at, "authenticationConfig");
        if told.anonymous_auth.is_some() && config.contains_key("anonymous") {
            cx.findings
                .error(&below(&at, "anonymous"), "an API server takes this or `anonymousAuth`, not both")
                .at_key()
                .second_key(&below(&below(AT, "apiServer"), "anonymousAuth"), "the other")
                .hint("leave one of the two out");
        }
        authentication(cx, &at, config);
        let kind = ("apiserver.config.k8s.io/v1", "AuthenticationConfiguration");
        shape.authentication = headed(cx, &at, config, kind);
    }
    if let Some(config) = &told.authorization_config {
        authorization(cx, &below(&at, "authorizationConfig"), config, shape);
    }
    if let Some(policy) = &told.audit_policy {
        let at = below(&at, "auditPolicy");
        audit(cx, &at, policy);
        shape.audit = headed(cx, &at, policy, ("audit.k8s.io/v1", "Policy"));
    }
    match told.priority_and_fairness {
        Some(true) => by_itself(cx, &below(&at, "priorityAndFairness"), "API Priority and Fairness is on"),
        Some(false) => shape.fairness = Some(false),
        None => {}
    }
    let at = below(&at, "runtimeConfig");
    for (api, on) in &told.runtime_config {
        let at = below(&at, api);
        if !on && matches!(api.as_str(), "v1" | "api/all" | "api/ga") {
            let words = format!("without `{api}` there are no Pods and no ServiceAccounts, and no cluster comes up");
            cx.findings.error(&at, words).at_key().hint("name the versions that are not to be served");
        } else if api.starts_with("api/") && is_api(api) {
            shape.apis.insert(api.clone(), *on);
        } else if is_api(api) {
            match APIS.get(api) {
                None => {
                    let words = format!("Kubernetes {} has no API `{api}` that could be served", OPTIONS.version);
                    let hint = unknown_api(api);
                    cx.findings.error(&at, words).at_key().hint(hint);
                }
                Some(usual) if usual == on && !told.runtime_config.keys().any(|key| key.starts_with("api/")) => {
                    by_itself(cx, &at, &format!("`{api}` is {}", if *on { "served" } else { "not served" }));
                }
                // The server takes no name without a group here.
                Some(_) if api == "v1" => by_itself(cx, &at, "`v1` is served"),
                Some(_) => drop(shape.apis.insert(api.clone(), *on)),
            }
        } else {
            let hint = "write a group and a version, such as `resource.k8s.io/v1alpha3`, or `api/all`, `api/beta`, `api/alpha`";
            cx.findings.error(&at, format!("`{api}` is no version of an API")).at_key().hint(hint);
        }
    }
}

/// What else could be meant: another version of the group, or a name that is near.
fn unknown_api(api: &str) -> String {
    let group = |name: &str| name.rsplit_once('/').map_or("", |(group, _)| group).to_owned();
    let same: Vec<&str> = APIS.keys().map(String::as_str).filter(|known| group(known) == group(api)).collect();
    match nearest(api, APIS.keys().map(String::as_str)) {
        _ if !same.is_empty() => format!("of this group there is {}", ticked(&same)),
        Some(near) => format!("did you mean `{near}`?"),
        None => "a kind of one's own is served when its definition is applied".into(),
    }
}

/// Whether a word names versions of the API, as `--runtime-config` has them.
pub(in crate::plan) fn is_api(word: &str) -> bool {
    let version = |text: &str| {
        let rest = text.strip_prefix('v').unwrap_or_default();
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let stage = ["alpha", "beta"].into_iter().find_map(|stage| number.strip_prefix(stage));
        let ends = stage.map_or(number.is_empty(), |rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
        rest.len() > number.len() && ends
    };
    let group = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
    };
    match word.split_once('/') {
        Some(("api", all)) => matches!(all, "all" | "ga" | "beta" | "alpha"),
        Some((of, at)) => group(of) && version(at),
        None => version(word),
    }
}

/// Only who may call without a credential: a JWT authenticator would ask an address.
fn authentication(cx: &mut Context<'_>, at: &str, config: &Map<String, Value>) {
    only(cx, at, config, &["apiVersion", "kind", "anonymous"], |key| match key {
        "jwt" => {
            Some("tokens of other issuers are asked for at an address; `token` and `as` make tokens of ServiceAccounts")
        }
        _ => None,
    });
    let Some(anonymous) = config.get("anonymous") else {
        cx.findings
            .error(at, "it has no `anonymous`")
            .at_key()
            .hint("write `anonymous: {enabled: true, conditions: [{path: /livez}]}`");
        return;
    };
    let at = below(at, "anonymous");
    let Some(anonymous) = mapping(cx, &at, anonymous) else { return };
    only(cx, &at, anonymous, &["enabled", "conditions"], |_| None);
    if !anonymous.get("enabled").is_some_and(Value::is_boolean) {
        cx.findings.error(&at, "`enabled` is true or false").at_key().hint("write `enabled: true` or `enabled: false`");
    }
    let at = below(&at, "conditions");
    let Some(conditions) = anonymous.get("conditions") else { return };
    let Some(conditions) = list(cx, &at, conditions) else { return };
    if !conditions.is_empty() && anonymous.get("enabled") == Some(&Value::Bool(false)) {
        cx.findings.error(&at, "conditions say for which paths anonymous calls are let in, and none are").at_key();
    }
    for (index, condition) in conditions.iter().enumerate() {
        let at = below(&at, index);
        let Some(condition) = mapping(cx, &at, condition) else { continue };
        only(cx, &at, condition, &["path"], |_| None);
        if !condition.get("path").and_then(Value::as_str).is_some_and(|path| path.starts_with('/')) {
            cx.findings.error(&at, "a condition is a path").hint("write `path: /livez`");
        }
    }
}

fn authorization(cx: &mut Context<'_>, at: &str, config: &Map<String, Value>, shape: &mut Shape) {
    only(cx, at, config, &["apiVersion", "kind", "authorizers"], |_| None);
    headed(cx, at, config, ("apiserver.config.k8s.io/v1", "AuthorizationConfiguration"));
    let at_list = below(at, "authorizers");
    let missing = Value::Array(vec![]);
    let Some(authorizers) = list(cx, &at_list, config.get("authorizers").unwrap_or(&missing)) else { return };
    let mut modes: Vec<String> = Vec::new();
    for (index, authorizer) in authorizers.iter().enumerate() {
        let at = below(&at_list, index);
        let Some(authorizer) = mapping(cx, &at, authorizer) else { continue };
        let kind = authorizer.get("type").and_then(Value::as_str).unwrap_or_default();
        let at_kind = if authorizer.contains_key("type") { below(&at, "type") } else { at.clone() };
        match kind {
            "Webhook" | "ABAC" => {
                let what = if kind == "ABAC" { "reads a file of the node" } else { "asks an address" };
                let words = format!("an authorizer of type `{kind}` {what}, which no scenario may name");
                cx.findings.error(&at_kind, words).hint(format!("those that can be said are {}", ticked(&AUTHORIZERS)));
                continue;
            }
            _ if !AUTHORIZERS.contains(&kind) => {
                let guess = nearest(kind, AUTHORIZERS.into_iter()).map(|name| format!("did you mean `{name}`? "));
                let hint = format!("{}it is one of {}", guess.unwrap_or_default(), ticked(&AUTHORIZERS));
                cx.findings.error(&at_kind, format!("there is no authorizer of type `{kind}`")).hint(hint);
                continue;
            }
            _ if modes.iter().any(|mode| mode == kind) => {
                cx.findings.error(&at_kind, format!("`{kind}` is there twice")).hint("leave one of the two out");
            }
            _ => modes.push(kind.to_owned()),
        }
        only(cx, &at, authorizer, &["type", "name"], |key| match key {
            "webhook" => Some("no scenario may name an address that is asked"),
            _ => None,
        });
    }
    let lacking: Vec<_> =
        ["Node", "RBAC"].into_iter().filter(|needed| !modes.iter().any(|mode| mode == needed)).collect();
    if !lacking.is_empty() && authorizers.iter().all(Value::is_object) {
        let words = format!(
            "without {} the cluster's own programs may do nothing, and it does not come up",
            lacking.join(" and ")
        );
        cx.findings
            .error(at, words)
            .at_key()
            .hint("write `authorizers: [{type: Node, name: node}, {type: RBAC, name: rbac}]` and add to it");
    }
    if modes == ["Node", "RBAC"] {
        return by_itself(cx, at, "these are the authorizers");
    }
    shape.authorization = modes;
}

fn audit(cx: &mut Context<'_>, at: &str, policy: &Map<String, Value>) {
    let levels = ["None", "Metadata", "Request", "RequestResponse"];
    let at = below(at, "rules");
    let Some(rules) = policy.get("rules").and_then(Value::as_array).filter(|rules| !rules.is_empty()) else {
        let at = at.rsplit_once('/').map_or(AT, |(at, _)| at).to_owned();
        cx.findings
            .error(&at, "a policy of the audit log has rules")
            .at_key()
            .hint("write `rules: [{level: Metadata}]`");
        return;
    };
    for (index, rule) in rules.iter().enumerate() {
        let at = below(&at, index);
        let Some(rule) = mapping(cx, &at, rule) else { continue };
        let level = rule.get("level").and_then(Value::as_str).unwrap_or_default();
        if !levels.contains(&level) {
            let at = if rule.contains_key("level") { below(&at, "level") } else { at };
            let guess = nearest(level, levels.into_iter()).map(|name| format!("did you mean `{name}`? "));
            let hint = format!("{}it is one of {}", guess.unwrap_or_default(), ticked(&levels));
            cx.findings.error(&at, "a rule of the audit log has a `level`").hint(hint);
        }
    }
}

/// A configuration with its apiVersion and kind, which may be left out.
fn headed(cx: &mut Context<'_>, at: &str, config: &Map<String, Value>, (version, kind): (&str, &str)) -> Option<Value> {
    let mut whole = config.clone();
    for (key, word) in [("apiVersion", version), ("kind", kind)] {
        match whole.get(key) {
            None => drop(whole.insert(key.to_owned(), word.into())),
            Some(Value::String(said)) if said == word => {}
            Some(_) => {
                cx.findings
                    .error(&below(at, key), format!("`{key}` is `{word}` here"))
                    .hint("correct it, or leave it out");
            }
        }
    }
    Some(sorted(Value::Object(whole)))
}
