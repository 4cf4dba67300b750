//! `request`: a request to the API server from outside the cluster.

use serde_json::Value;

use crate::{
    plan::{
        Action, Call,
        context::{Context, Draft, below},
        lower::{headers, url},
    },
    scenario::{calls::Request, verbs::Method},
};

/// The method, said or not.
pub(in crate::plan) fn method(request: &Request) -> Method {
    request.method.unwrap_or(match request.body {
        Some(_) => Method::Post,
        None => Method::Get,
    })
}

/// Reads a request.
pub(in crate::plan) fn read(cx: &mut Context<'_>, draft: &Draft<'_>, request: &Request) -> Option<Action> {
    let at = draft.at();
    headers::of_request(cx, &at, &request.headers);
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
