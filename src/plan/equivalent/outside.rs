//! Lines for who asks, and for requests from outside the cluster.

use super::{line, quote, words};
use crate::{
    plan::{Call, Caller, Credential, make::calls::word},
    scenario::verbs::Method,
};

/// The lines with kubectl's flags for the caller. kubectl impersonates where kubewalk sends a token: a token beside a client
/// certificate would not be looked at.
pub(super) fn asked_as(caller: &Caller, lines: &str) -> String {
    if matches!(caller.credential, Credential::Text(_)) {
        return format!("# with a bearer text that is no token, instead of the client certificate\n{lines}");
    }
    let flags = line(&caller.kubectl());
    if flags.is_empty() {
        return lines.to_owned();
    }
    let flagged = lines.lines().map(|line| match line.split_once("kubectl ") {
        Some((before, rest)) if before.is_empty() || before.ends_with("| ") => {
            format!("{before}kubectl {flags} {rest}")
        }
        _ => line.to_owned(),
    });
    flagged.collect::<Vec<_>>().join("\n")
}

/// `kubectl get --raw` and its like; a PATCH, which kubectl has no such line for, goes through its proxy.
pub(super) fn request(call: &Call) -> String {
    let verb = match call.method {
        Method::Get => "get",
        Method::Post => "create",
        Method::Put => "replace",
        Method::Delete => "delete",
        Method::Patch | Method::Head | Method::Options => return by_proxy(call),
    };
    if !call.headers.is_empty() {
        return by_proxy(call);
    }
    let mut raw = words(["kubectl", verb, "--raw"]);
    raw.push(call.path.clone());
    match (&call.body, call.method) {
        (Some(body), Method::Post | Method::Put | Method::Delete) => {
            raw.extend(words(["-f", "-"]));
            format!("printf %s {} | {}", quote(body), line(&raw))
        }
        (None, Method::Post | Method::Put) => format!("printf '' | {} -f -", line(&raw)),
        _ => line(&raw),
    }
}

fn by_proxy(call: &Call) -> String {
    let mut curl = words(["curl", "-sS", "-X"]);
    curl.push(word(call.method).into());
    if let Some(content_type) = &call.content_type {
        curl.extend(["-H".into(), format!("Content-Type: {content_type}")]);
    }
    for (name, value) in &call.headers {
        curl.extend(["-H".into(), format!("{name}: {value}")]);
    }
    if let Some(body) = &call.body {
        curl.extend(["--data-raw".into(), body.clone()]);
    }
    curl.push(format!("http://127.0.0.1:8001{}", call.path));
    format!("kubectl proxy &\n{}", line(&curl))
}
