//! Requests of kubewalk's own to the API server, and their answers as they came.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

use super::{Requester, StepError};
pub use crate::plan::asks::{escape, path};
use crate::{
    cluster::access::{self, MOST_BODY},
    expect::{Http, Origin, body_as_json},
    k8s::object::objects_of,
    redact,
};

/// Sends a request and takes the answer whatever its status is.
///
/// # Errors
/// [`StepError::Unreachable`] when there is no answer.
pub async fn send(
    client: &kube::Client,
    method: http::Method,
    path: &str,
    content_type: Option<&str>,
    body: Vec<u8>,
) -> Result<Http, StepError> {
    send_with(client, http::HeaderMap::new(), method, path, content_type, body).await
}

/// The same as this caller.
///
/// # Errors
/// As [`send`].
pub async fn send_as(
    who: &Requester,
    method: http::Method,
    path: &str,
    content_type: Option<&str>,
    body: Vec<u8>,
) -> Result<Http, StepError> {
    send_with(&who.client, who.headers.clone(), method, path, content_type, body).await
}

/// The same with further headers.
///
/// # Errors
/// As [`send`].
pub async fn send_with(
    client: &kube::Client,
    headers: http::HeaderMap,
    method: http::Method,
    path: &str,
    content_type: Option<&str>,
    body: Vec<u8>,
) -> Result<Http, StepError> {
    perform(client, request(headers, method, path, content_type), body).await
}

/// The head of a request.
pub fn request(
    headers: http::HeaderMap,
    method: http::Method,
    path: &str,
    content_type: Option<&str>,
) -> http::request::Builder {
    let mut request = http::Request::builder().method(method).uri(path);
    if let Some(all) = request.headers_mut() {
        *all = headers;
    }
    match content_type {
        Some(content_type) => request.header(http::header::CONTENT_TYPE, content_type),
        None => request,
    }
}

/// Sends a request with headers of its own.
///
/// # Errors
/// As [`send`].
pub async fn perform(client: &kube::Client, request: http::request::Builder, body: Vec<u8>) -> Result<Http, StepError> {
    whole(begin(client, request, body).await?, MOST_BODY).await
}

/// An answer whose head has come, and whose body has not.
pub type Head = http::Response<kube::client::Body>;

/// Sends a request and takes the head of the answer.
///
/// # Errors
/// As [`send`].
pub async fn begin(client: &kube::Client, request: http::request::Builder, body: Vec<u8>) -> Result<Head, StepError> {
    let unreachable = |e: &dyn std::fmt::Display| StepError::Unreachable(e.to_string());
    let request = request.body(kube::client::Body::from(body)).map_err(|e| unreachable(&e))?;
    client.send(request).await.map_err(|e| unreachable(&e))
}

/// Takes the rest of an answer, of at most so many bytes, and learns the Secrets in it.
///
/// # Errors
/// As [`send`], and [`StepError::TooMuch`].
pub async fn whole(answer: Head, most: usize) -> Result<Http, StepError> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, most).collect().await.map_err(|e| match access::too_long(&*e) {
        true => StepError::TooMuch(format!("the answer has more than {} MiB", most >> 20)),
        false => StepError::Unreachable(e.to_string()),
    })?;
    let body = body.to_bytes().to_vec();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let content_type = head.headers.get(http::header::CONTENT_TYPE).map(text);
    let json = body_as_json(content_type.as_deref(), &body);
    match &json {
        Some(json) if body.windows(6).any(|window| window == b"Secret") => redact::secrets::learn_json(json),
        _ => redact::secrets::learn(&body),
    }
    Ok(Http {
        status: head.status.as_u16(),
        content_type,
        warnings: head.headers.get_all(http::header::WARNING).iter().map(text).collect(),
        retry_after: head.headers.get(http::header::RETRY_AFTER).map(text).and_then(|text| retry_after(&text)),
        origin: Origin::of_head(|name| head.headers.contains_key(name)),
        json,
        body,
    })
}

/// GET.
///
/// # Errors
/// As [`send`].
pub async fn get(client: &kube::Client, path: &str) -> Result<Http, StepError> {
    send(client, http::Method::GET, path, None, Vec::new()).await
}

/// The object at a path, if it is there.
///
/// # Errors
/// As [`send`]; when the server cannot answer for now, or refuses.
pub async fn object(client: &kube::Client, path: &str) -> Result<Option<Value>, StepError> {
    let http = get(client, path).await?;
    match http.status {
        200 => Ok(http.json),
        404 => Ok(None),
        _ => Err(no_answer(path, &http)),
    }
}

/// The objects of the list at a path.
///
/// # Errors
/// As [`object`].
pub async fn list(client: &kube::Client, path: &str) -> Result<Vec<Value>, StepError> {
    match list_if_allowed(client, path).await? {
        Ok(objects) => Ok(objects),
        Err(refusal) => Err(no_answer(path, &refusal)),
    }
}

/// The objects of the list at a path, or the 403 with which the server refuses it to kubewalk.
///
/// # Errors
/// As [`object`].
pub async fn list_if_allowed(client: &kube::Client, path: &str) -> Result<Result<Vec<Value>, Http>, StepError> {
    let http = get(client, path).await?;
    match http.status {
        200 => Ok(Ok(objects_of(http.json))),
        403 => Ok(Err(http)),
        _ => Err(no_answer(path, &http)),
    }
}

fn no_answer(path: &str, http: &Http) -> StepError {
    let refused = || {
        StepError::Refused(format!("GET {path} was refused to kubewalk itself ({}): {}", http.status, message(http)))
    };
    busy(http).unwrap_or_else(refused)
}

/// The fault of a server that cannot answer for now: 429, 5xx.
pub fn busy(http: &Http) -> Option<StepError> {
    let busy = http.status == 429 || http.status >= 500;
    busy.then(|| StepError::Busy { status: http.status, words: message(http), after: http.retry_after })
}

/// `Retry-After` in seconds; a date in its place is not worth a clock.
pub fn retry_after(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The message of a Status, or the beginning of whatever came instead.
pub fn message(http: &Http) -> String {
    match http.json.as_ref().and_then(|json| json["message"].as_str()) {
        Some(message) => message.to_owned(),
        None => String::from_utf8_lossy(&http.body).chars().take(200).collect(),
    }
}

/// `metadata.uid` of the answer's object.
pub fn uid(json: Option<&Value>) -> Option<String> {
    json.and_then(|json| json["metadata"]["uid"].as_str()).map(str::to_owned)
}

/// `metadata.resourceVersion` of the answer's object.
pub fn resource_version(json: Option<&Value>) -> Option<String> {
    json.and_then(|json| json["metadata"]["resourceVersion"].as_str()).map(str::to_owned)
}
