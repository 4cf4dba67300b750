//! `request`: one request as it is written, and the answer as it comes.

use super::{Context, Made, Requester, StepError, api};
use crate::{
    clock::{Moment, timeout_at},
    cluster::output::MOST_OUTPUT,
    expect::{Answer, Http, curl, status},
    k8s::paths,
    plan::{Call, Kind, Request},
    scenario::verbs::Method,
};

/// Sends the request.
///
/// # Errors
/// When no answer comes until the deadline; [`StepError::Waited`] when one began and does not end.
pub async fn run(call: &Call, who: &Requester, context: &Context, deadline: Moment) -> Result<Answer, StepError> {
    if let Some(part) = paths::dots(&call.path) {
        return Err(StepError::Waited {
            what: "the request was not sent".into(),
            expected: Some("a path without `.` and `..`".into()),
            last: format!("a saved value makes `{part}` a part of it"),
            hint: None,
        });
    }
    let mut headers = who.headers.clone();
    for (name, value) in &call.headers {
        let broken = || StepError::Refused(format!("the header {name} cannot be sent"));
        let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| broken())?;
        headers.append(name, http::HeaderValue::from_str(value).map_err(|_| broken())?);
    }
    let body = call.body.clone().unwrap_or_default().into_bytes();
    let request = api::request(headers, method(call.method), &call.path, call.content_type.as_deref());
    let begun = timeout_at(deadline, api::begin(&who.client, request, body))
        .await
        .map_err(|_| StepError::Unreachable("no answer came in time".into()))??;
    let status = begun.status();
    let answer = timeout_at(deadline, api::whole(begun, MOST_OUTPUT)).await.map_err(|_| StepError::Waited {
        what: curl::NO_END.into(),
        expected: Some("a whole answer".into()),
        last: format!("it began with {} and did not end", status::status_text(status.as_u16())),
        hint: Some(curl::WATCH.into()),
    })??;
    // What a Pod has written may be its token.
    if let Request::Resource { resource, subresource: Some(part), namespace: Some(namespace), name: Some(name), .. } =
        Request::from_http(call.method.word(), &call.path)
        && resource == "pods"
        && matches!(part.as_str(), "log" | "proxy" | "exec" | "attach")
    {
        context.mounted.learn_of_pod(&namespace, &name, &context.client).await;
    }
    if let Some(made) = made(call.method, &call.path, &answer) {
        context.remember(made);
    }
    Ok(Answer::Api(answer))
}

/// What a POST has made, as its answer says.
pub(super) fn made(method: Method, path: &str, answer: &Http) -> Option<Made> {
    let json = answer.json.as_ref().filter(|_| answer.status == 201 && method == Method::Post)?;
    let Request::Resource { group, resource, subresource: None, namespace, .. } = Request::from_http("POST", path)
    else {
        return None;
    };
    let (name, kind, api_version) =
        (json["metadata"]["name"].as_str()?, json["kind"].as_str()?, json["apiVersion"].as_str()?);
    // Reviews are answered and not stored.
    let uid = api::uid(Some(json)).filter(|_| !path.contains("dryRun="))?;
    let version = api_version.rsplit('/').next().unwrap_or(api_version).to_owned();
    let namespaced = namespace.is_some();
    let kind = Kind { group, version, kind: kind.to_owned(), plural: Some(resource), namespaced };
    Some(Made { kind, namespace, name: name.to_owned(), uid: Some(uid) })
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
