//! `request`: a request to the API server from outside the cluster.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Context, below, draft::Draft, url};
use crate::{
    plan::{Action, Call},
    scenario::{calls::Request, verbs::Method},
};

/// The method, said or not.
pub(super) fn method(request: &Request) -> Method {
    request.method.unwrap_or(match request.body {
        Some(_) => Method::Post,
        None => Method::Get,
    })
}

/// Reads a request.
pub(super) fn request(cx: &mut Context<'_>, draft: &Draft<'_>, request: &Request) -> Option<Action> {
    let at = draft.at();
    headers(cx, &at, &request.headers);
    let method = method(request);
    if request.body.is_some() && matches!(method, Method::Get | Method::Head) {
        cx.findings
            .warn(&below(&at, "body"), format!("a body with {}", method.word()))
            .at_key()
            .label("nobody reads it");
    }
    if let Some(content_type) = &request.content_type {
        let at = below(&at, "contentType");
        if request.body.is_none() {
            cx.findings.warn(&at, "`contentType` without a `body`").at_key().label("there is nothing to describe");
        }
        if http::HeaderValue::from_str(content_type).is_err() {
            cx.findings.error(&at, "this is no content type").hint("e.g. `application/json`");
        }
    }
    let path_at = below(&at, "path");
    if request.path.contains("://") {
        let path = request.path.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()));
        cx.findings
            .error(&path_at, "a path, not a URL")
            .hint(format!("write `{}`; to call another server, use `curl`", path.unwrap_or_else(|| "/".into())));
        return None;
    }
    if !request.path.starts_with('/') {
        cx.findings.error(&path_at, "the path does not begin with `/`").hint(format!("write `/{}`", request.path));
        return None;
    }
    // The rules of a URL's path hold here, too.
    let url = match url::read(&format!("https://kubernetes{}", request.path)) {
        Ok(url) => url,
        Err(bad) => {
            let blank = request.path.chars().position(|c| c.is_whitespace() || c.is_control());
            let message = match blank {
                Some(at) if bad.message.contains(" at character ") => {
                    format!("a blank or control character at character {} of the path", at + 1)
                }
                _ => bad.message.replace("the URL", "the path"),
            };
            let hint = bad
                .hint
                .map(|hint| hint.replace("curl would resolve it before it asks", "clients resolve it before they ask"));
            cx.findings.error(&path_at, message).hint_if(hint);
            return None;
        }
    };
    let body = request.body.as_ref().map(|body| match body {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let usual = match (method, &request.body) {
        (_, None) => None,
        (Method::Patch, Some(Value::Array(_))) => Some("application/json-patch+json"),
        (Method::Patch, _) => Some("application/merge-patch+json"),
        _ => Some("application/json"),
    };
    Some(Action::Request(Box::new(Call {
        method,
        path: url.path_and_query,
        body,
        content_type: request.content_type.clone().or_else(|| usual.map(str::to_owned)),
        headers: request.headers.clone(),
    })))
}

fn headers(cx: &mut Context<'_>, at: &str, headers: &BTreeMap<String, String>) {
    for (name, value) in headers {
        let at = below(&below(at, "headers"), name);
        let lower = name.to_lowercase();
        if lower == "authorization" || lower.starts_with("impersonate-") {
            let hint = match lower.as_str() {
                "authorization" => "`as: {token: '{saved.NAME}'}` sends a token, `as: {text: …}` a text that is none",
                _ => "`as: {user: NAME, groups: […]}` impersonates",
            };
            cx.findings
                .error(&at, format!("`{name}` says who asks"))
                .at_key()
                .label("this is what `as` does")
                .hint(hint);
        } else if lower == "content-type" {
            cx.findings.error(&at, format!("`{name}` among the headers")).at_key().hint("say `contentType: …`");
        }
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            cx.findings.error(&at, format!("`{name}` is no name of a header")).at_key();
        }
        if http::HeaderValue::from_str(value).is_err() {
            cx.findings.error(&at, "a line break or control character in a header").hint("a header is one line");
        }
    }
}
