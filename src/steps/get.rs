//! `get`: one object, or a list.

use super::{Context, Fault, api, identity::Who};
use crate::{expect::Answer, plan::Target};

/// Reads the target.
///
/// # Errors
/// When the API server does not answer. A 404 is an answer.
pub async fn run(target: &Target, who: &Who, context: &Context) -> Result<Answer, Fault> {
    let kind = api::resolve(&target.kind, context).await?;
    api::send_as(who, http::Method::GET, &target.path(&kind), None, Vec::new()).await.map(Answer::Api)
}
