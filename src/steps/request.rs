//! `request`: one request as it is written, and the answer as it comes.

use super::{Context, Fault, Made, api, identity::Who};
use crate::{
    clock::{Moment, timeout_at},
    expect::{Answer, Http},
    plan::{Call, Kind, Request},
    scenario::verbs::Method,
};

/// Sends the request.
///
/// # Errors
/// When no whole answer comes until the deadline.
pub async fn run(call: &Call, who: &Who, context: &Context, deadline: Moment) -> Result<Answer, Fault> {
    let mut headers = who.headers.clone();
    for (name, value) in &call.headers {
        let broken = || Fault::Refused(format!("the header {name} cannot be sent"));
        let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| broken())?;
        headers.append(name, http::HeaderValue::from_str(value).map_err(|_| broken())?);
    }
    let body = call.body.clone().unwrap_or_default().into_bytes();
    let asked =
        api::send_with(&who.client, headers, method(call.method), &call.path, call.content_type.as_deref(), body);
    let answer = timeout_at(deadline, asked)
        .await
        .map_err(|_| Fault::Unreachable("no whole answer came in time (a watch never ends by itself)".into()))??;
    remember(call.method, &call.path, &answer, context);
    Ok(Answer::Api(answer))
}

/// What a POST made is ours to remove.
pub(super) fn remember(method: Method, path: &str, answer: &Http, context: &Context) {
    let Some(json) = answer.json.as_ref().filter(|_| answer.status == 201 && method == Method::Post) else {
        return;
    };
    let Request::Resource { group, resource, subresource: None, namespace, .. } = Request::from_http("POST", path)
    else {
        return;
    };
    let (Some(name), Some(kind), Some(api_version)) =
        (json["metadata"]["name"].as_str(), json["kind"].as_str(), json["apiVersion"].as_str())
    else {
        return;
    };
    // Reviews are answered and not stored.
    if json["metadata"]["uid"].as_str().is_none() || path.contains("dryRun=") {
        return;
    }
    let version = api_version.rsplit('/').next().unwrap_or(api_version).to_owned();
    let namespaced = namespace.is_some();
    let kind = Kind { group, version, kind: kind.to_owned(), plural: Some(resource), namespaced };
    context.remember(Made { kind, namespace, name: name.to_owned() });
}

fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
        Method::Head => http::Method::HEAD,
        Method::Options => http::Method::OPTIONS,
    }
}
