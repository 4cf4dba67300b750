//! `apply` and `create` (and the short forms, which are applied): manifests to the API server.

use serde_json::Value;

use super::{Context, Fault, Made, api, identity::Who};
use crate::{
    cluster::namespaces,
    expect::{Answer, Http},
    plan::Object,
};

/// The field manager's name in server-side apply.
const MANAGER: &str = "kubewalk";

/// Applies each object (one PATCH), and stops at the first that is refused.
///
/// # Errors
/// When the API server does not answer. A refusal is an answer.
pub async fn apply(objects: &[Object], who: &Who, context: &Context) -> Result<Answer, Fault> {
    each(objects, who, context, true).await
}

/// Creates each object (one POST), and stops at the first that is refused.
///
/// # Errors
/// As [`apply`].
pub async fn create(objects: &[Object], who: &Who, context: &Context) -> Result<Answer, Fault> {
    each(objects, who, context, false).await
}

async fn each(objects: &[Object], who: &Who, context: &Context, apply: bool) -> Result<Answer, Fault> {
    let mut last = None;
    for object in objects {
        let answer = if apply { patch(object, who, context).await? } else { post(object, who, context).await? };
        let good = (200..300).contains(&answer.status);
        last = Some(answer);
        if !good {
            break;
        }
    }
    last.map(Answer::Api).ok_or_else(|| Fault::Refused("there is nothing to apply".into()))
}

async fn patch(object: &Object, who: &Who, context: &Context) -> Result<Http, Fault> {
    let kind = api::resolve(&object.kind, context).await?;
    let namespace = object.namespace.as_deref().filter(|_| kind.namespaced);
    let path = format!("{}?fieldManager={MANAGER}&force=true", api::path(&kind, namespace, Some(&object.name)));
    // A mark on somebody else's object would let a later sweep take it for ours.
    let marked = context.foreign && {
        let there = api::get(&context.client, &api::path(&kind, namespace, Some(&object.name))).await?;
        there.status == 404 || there.json.as_ref().is_some_and(namespaces::is_ours)
    };
    let body = body(&object.manifest, marked, context);
    let answer = api::send_as(who, http::Method::PATCH, &path, Some("application/apply-patch+yaml"), body).await?;
    remember(object, kind, &answer, context);
    Ok(answer)
}

/// Creates one object.
///
/// # Errors
/// When the API server does not answer.
pub async fn post(object: &Object, who: &Who, context: &Context) -> Result<Http, Fault> {
    let kind = api::resolve(&object.kind, context).await?;
    let namespace = object.namespace.as_deref().filter(|_| kind.namespaced);
    let path = format!("{}?fieldManager={MANAGER}", api::path(&kind, namespace, None));
    let body = body(&object.manifest, context.foreign, context);
    let answer = api::send_as(who, http::Method::POST, &path, Some("application/json"), body).await?;
    remember(object, kind, &answer, context);
    Ok(answer)
}

/// A 201 says that the object is new, so that it is ours to remove.
fn remember(object: &Object, kind: crate::plan::Kind, answer: &Http, context: &Context) {
    if answer.status != 201 {
        return;
    }
    let name = answer.json.as_ref().and_then(|json| json["metadata"]["name"].as_str()).unwrap_or(&object.name);
    let namespace = object.namespace.clone().filter(|_| kind.namespaced);
    let made = Made { kind, namespace, name: name.to_owned() };
    context.remember(made);
}

/// The manifest as bytes, with the alias `curl` of a container's image replaced by the cluster's image, and marked
/// as ours.
fn body(manifest: &Value, marked: bool, context: &Context) -> Vec<u8> {
    let mut manifest = manifest.clone();
    if marked {
        namespaces::mark(&mut manifest);
    }
    replace_alias(&mut manifest, &context.curl_image);
    manifest.to_string().into_bytes()
}

fn replace_alias(value: &mut Value, image: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "containers" || key == "initContainers" {
                    for container in value.as_array_mut().into_iter().flatten() {
                        if container["image"] == "curl" {
                            container["image"] = Value::from(image);
                        }
                    }
                }
                replace_alias(value, image);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| replace_alias(value, image)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_alias_is_replaced_in_containers_only() {
        let mut manifest = json!({
            "kind": "Pod",
            "metadata": {"labels": {"image": "curl"}},
            "spec": {"containers": [{"image": "curl"}, {"image": "other"}], "initContainers": [{"image": "curl"}]},
        });
        replace_alias(&mut manifest, "real:1");
        assert_eq!(manifest["metadata"]["labels"]["image"], "curl");
        assert_eq!(manifest["spec"]["containers"], json!([{"image": "real:1"}, {"image": "other"}]));
        assert_eq!(manifest["spec"]["initContainers"], json!([{"image": "real:1"}]));
    }
}
