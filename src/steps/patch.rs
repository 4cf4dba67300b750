//! `patch`: a change of one object.

use super::{Context, Requester, StepError, api, restore, served_kind};
use crate::{expect::Answer, plan::Change, scenario::calls::PatchType};

/// Sends the change.
///
/// # Errors
/// When the API server does not answer. A refusal is an answer.
pub async fn run(change: &Change, who: &Requester, context: &Context) -> Result<Answer, StepError> {
    let kind = served_kind::resolve(&change.target.kind, &context.client).await?;
    let content_type = match change.how {
        PatchType::Merge => "application/merge-patch+json",
        PatchType::Json => "application/json-patch+json",
        PatchType::Strategic => "application/strategic-merge-patch+json",
    };
    let namespace = change.target.namespace.as_deref().filter(|_| kind.namespaced);
    restore::remember(&kind, namespace, change.target.name.as_deref().unwrap_or_default(), context).await?;
    let body = change.body.to_string().into_bytes();
    let answer = api::send_as(who, http::Method::PATCH, &change.path(&kind), Some(content_type), body).await?;
    Ok(Answer::Api(answer))
}
