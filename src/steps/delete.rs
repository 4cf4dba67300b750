//! `delete`: one object, and the wait until it is gone.

use tokio::time::Instant;

use super::{Context, Fault, api, identity::Who, watch};
use crate::{expect::Answer, plan::Target};

/// Deletes the target and waits until the API server no longer has it.
///
/// # Errors
/// When the API server does not answer, or the object is still there at the deadline.
pub async fn run(target: &Target, who: &Who, context: &Context, deadline: Instant) -> Result<Answer, Fault> {
    let kind = api::resolve(&target.kind, context).await?;
    let namespace = target.namespace.as_deref().filter(|_| kind.namespaced);
    let name = target.name.as_deref().unwrap_or_default();
    let path = api::path(&kind, namespace, Some(name));
    let answer = api::send_as(who, http::Method::DELETE, &path, None, Vec::new()).await?;
    if let Some(namespace) = namespace.filter(|_| kind.is("", "ServiceAccount")) {
        context.identities.forget(namespace, name);
    }
    // The object itself comes back when it goes later (a Pod's grace, a finalizer); a Status when it is gone already.
    let marked = answer.json.as_ref().is_some_and(|json| json["metadata"]["deletionTimestamp"].is_string());
    if (200..300).contains(&answer.status) && marked {
        let subject = watch::Subject { collection: api::path(&kind, namespace, None), name: name.to_owned() };
        let since = api::resource_version(answer.json.as_ref());
        let what = format!("{} {name} was deleted but did not go", kind.kind);
        watch::until(&context.client, &subject, since, deadline, &what, |object| match object {
            None => watch::Step::Done,
            Some(_) => watch::Step::GoOn,
        })
        .await?;
    }
    Ok(Answer::Api(answer))
}
