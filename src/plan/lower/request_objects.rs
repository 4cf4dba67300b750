//! What calls from a Pod make and delete, so that later steps may use it or miss it.

use crate::{
    plan::{
        Kind, Object, Request,
        context::{Draft, Placed, below},
        kinds::{OWN, find},
        lower::{request, url},
    },
    scenario::verbs::Method,
};

/// The object that a POST with a manifest as its body makes; nothing when that cannot be told.
pub(in crate::plan) fn made(draft: &Draft<'_>) -> Option<Placed> {
    let (text, body, method) = match (&draft.step.curl, &draft.step.request) {
        (Some(curl), _) => (curl.url.clone(), curl.body.as_ref()?, curl.method.unwrap_or(Method::Post)),
        (None, Some(call)) => (format!("https://kubernetes{}", call.path), call.body.as_ref()?, request::method(call)),
        (None, None) => return None,
    };
    if method != Method::Post {
        return None;
    }
    let url = url::read(&text).ok()?;
    let kind = find(body["kind"].as_str()?, body["apiVersion"].as_str()).ok()?;
    let Request::Resource { resource, subresource: None, namespace, .. } =
        Request::from_http("POST", &url.path_and_query)
    else {
        return None;
    };
    if !url.is_api_server() || kind.plural.as_ref().is_some_and(|plural| *plural != resource) {
        return None;
    }
    let at = below(&draft.at(), "body");
    Some(Placed {
        name_at: below(&below(&at, "metadata"), "name"),
        pointer: at,
        into: None,
        object: Object {
            file: None,
            namespace: namespace.filter(|_| kind.namespaced),
            kind,
            name: body["metadata"]["name"].as_str()?.to_owned(),
            manifest: body.clone(),
        },
    })
}

/// The kind, and the namespace, of which a request deletes all, or those that it selects.
pub(in crate::plan) fn emptied(request: Option<&Request>) -> Option<(&'static Kind, Option<&str>)> {
    let Some(Request::Resource { verb, group, resource, subresource: None, namespace, name: None }) = request else {
        return None;
    };
    let own = OWN.iter().find(|own| own.group == *group && own.plural.as_ref() == Some(resource))?;
    (verb == "deletecollection").then_some((own, namespace.as_deref()))
}

/// The object that a request deletes.
pub(in crate::plan) fn deleted(request: Option<&Request>) -> Option<(&'static Kind, Option<&str>, &str)> {
    let Some(Request::Resource { verb, group, resource, subresource: None, namespace, name: Some(name) }) = request
    else {
        return None;
    };
    let own = OWN.iter().find(|own| own.group == *group && own.plural.as_ref() == Some(resource))?;
    (verb == "delete").then_some((own, namespace.as_deref(), name))
}
