//! `get`: one object, or a list.

use super::{Context, Fault, api};
use crate::{expect::Answer, plan::Target};

/// Reads the target.
///
/// # Errors
/// When the API server does not answer. A 404 is an answer.
pub async fn run(target: &Target, context: &Context) -> Result<Answer, Fault> {
    let kind = api::resolve(&target.kind, context).await?;
    let namespace = target.namespace.as_deref().filter(|_| kind.namespaced);
    let mut path = api::path(&kind, namespace, target.name.as_deref());
    let selectors = [("labelSelector", &target.label_selector), ("fieldSelector", &target.field_selector)];
    let query: Vec<String> = selectors
        .into_iter()
        .filter_map(|(key, value)| value.as_deref().map(|value| format!("{key}={}", api::escape(value))))
        .collect();
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    api::get(&context.client, &path).await.map(Answer::Api)
}
