//! `get`: one object, or a list.

use super::{Context, Requester, StepError, api, served_kind};
use crate::{expect::Answer, plan::Target};

/// Reads the target.
///
/// # Errors
/// When the API server does not answer. A 404 is an answer.
pub async fn run(target: &Target, who: &Requester, context: &Context) -> Result<Answer, StepError> {
    let kind = served_kind::resolve(&target.kind, &context.client).await?;
    api::send_as(who, http::Method::GET, &target.path(&kind), None, Vec::new()).await.map(Answer::Api)
}
