//! `token`: a token of a ServiceAccount, read and checked. The token itself is no part of the answer.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{Context, Requester, StepError, StepResult, api, watch};
use crate::{
    clock::Moment,
    expect::{Answer, Http, jwt},
    plan::TokenCall,
    redact,
};

/// Asks for a token, or takes it from its Secret.
///
/// # Errors
/// When the API server does not answer, or a Secret gets no token in time.
pub async fn run(
    call: &TokenCall,
    who: &Requester,
    context: &Context,
    deadline: Moment,
) -> Result<StepResult, StepError> {
    let answer = match &call.secret {
        Some(name) => from_secret(call, name, who, context, deadline).await?,
        None => request(call, who).await?,
    };
    let text = |part: &Value| part.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let json = answer.json.as_ref().filter(|_| matches!(answer.status, 200 | 201));
    let token = match (json, &call.secret) {
        (None, _) => return Ok(StepResult { answer: Answer::Api(answer), token: None, at: 0 }),
        (Some(json), Some(_)) => text(&json["data"]["token"])
            .and_then(|data| STANDARD.decode(data).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok()),
        (Some(json), None) => text(&json["status"]["token"]),
    };
    let token = token.ok_or_else(|| StepError::Refused("the answer has no token".into()))?;
    redact::register(&token);
    let keys = api::get(&context.client, "/openid/v1/jwks").await?;
    let mut read = jwt::decode(&token, keys.json.as_ref()).map_err(StepError::Refused)?;
    if let Some(time) = json.and_then(|json| json["status"].get("expirationTimestamp")) {
        read["expirationTimestamp"] = time.clone();
    }
    let answer = Http { body: read.to_string().into_bytes(), json: Some(read), ..answer };
    Ok(StepResult { answer: Answer::Api(answer), token: Some(SecretString::from(token)), at: 0 })
}

async fn request(call: &TokenCall, who: &Requester) -> Result<Http, StepError> {
    let mut spec = json!({});
    if let Some(seconds) = call.seconds {
        spec["expirationSeconds"] = json!(seconds);
    }
    if !call.audiences.is_empty() {
        spec["audiences"] = json!(call.audiences);
    }
    if let Some((kind, name)) = &call.bound_to {
        spec["boundObjectRef"] = json!({"apiVersion": "v1", "kind": kind, "name": name});
    }
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    let body = body.to_string().into_bytes();
    api::send_as(who, http::Method::POST, &call.path(), Some("application/json"), body).await
}

/// Reads the Secret; its token comes a moment after it is made.
async fn from_secret(
    call: &TokenCall,
    name: &str,
    who: &Requester,
    context: &Context,
    deadline: Moment,
) -> Result<Http, StepError> {
    let filled = |secret: &Value| secret["data"]["token"].as_str().is_some_and(|token| !token.is_empty());
    let path = call.path();
    let answer = api::send_as(who, http::Method::GET, &path, None, Vec::new()).await?;
    if answer.status != 200 || answer.json.as_ref().is_some_and(filled) {
        return Ok(answer);
    }
    let collection = path.rsplit_once('/').map(|(collection, _)| collection.to_owned()).unwrap_or_default();
    let subject = watch::Subject { collection, name: name.to_owned() };
    let what = format!("Secret {name} got no token");
    watch::until(&context.client, &subject, None, deadline, &what, |secret| match secret {
        None => watch::Step::GiveUp("it was deleted (its ServiceAccount is not there)".into()),
        Some(secret) if filled(secret) => watch::Step::Done,
        Some(_) => watch::Step::GoOn,
    })
    .await?;
    api::send_as(who, http::Method::GET, &path, None, Vec::new()).await
}

/// What the server says about a token: the status of a TokenReview.
///
/// # Errors
/// When the review is refused.
pub async fn review(token: &SecretString, audiences: &[String], context: &Context) -> Result<Value, StepError> {
    let mut spec = json!({"token": token.expose_secret()});
    if !audiences.is_empty() {
        spec["audiences"] = json!(audiences);
    }
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec});
    let body = body.to_string().into_bytes();
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let answer = api::send(&context.client, http::Method::POST, path, Some("application/json"), body).await?;
    match (answer.status, &answer.json) {
        (201, Some(json)) => Ok(json["status"].clone()),
        _ => Err(api::busy(&answer)
            .unwrap_or_else(|| StepError::Refused(format!("the TokenReview was refused: {}", api::message(&answer))))),
    }
}
