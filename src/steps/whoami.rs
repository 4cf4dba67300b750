//! `whoami`: for whom the server takes the caller.

use super::{Requester, StepError, api};
use crate::{
    expect::{Answer, Http},
    plan::asks::WHOAMI,
};

/// Asks. The answer to a question that is allowed is the user's part of the review.
///
/// # Errors
/// When the API server does not answer.
pub async fn run(who: &Requester) -> Result<Answer, StepError> {
    let body = br#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#.to_vec();
    let answer = api::send_as(who, http::Method::POST, WHOAMI, Some("application/json"), body).await?;
    let user = answer.json.as_ref().filter(|_| answer.status == 201).map(|json| json["status"]["userInfo"].clone());
    Ok(Answer::Api(match user {
        Some(user) => Http { body: user.to_string().into_bytes(), json: Some(user), ..answer },
        None => answer,
    }))
}
