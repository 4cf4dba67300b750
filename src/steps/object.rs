//! `apply` and `create` (and the short forms, which are applied): manifests to the API server.

use std::time::Duration;

use serde_json::Value;

use super::{Context, Made, Requester, StepError, api, restore, served_kind};
use crate::{
    clock::Moment,
    cluster::{kubectl::host::Host, namespaces},
    expect::{Answer, Http},
    plan::{Credential, Kind, Object, STRICT},
};

/// The field manager's name in server-side apply.
const MANAGER: &str = "kubewalk";

/// How long the paths of a custom kind may take to be there once the kind is served.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// How long after a look at an object of another run it is looked at again.
const AGAIN: Duration = Duration::from_millis(200);

/// How objects are sent.
#[derive(Debug, Clone, Copy)]
pub enum By {
    /// By a server-side apply (one PATCH). Where others make objects, too, one that is not there is created, and one that is theirs is
    /// not touched.
    Apply,
    /// By a POST.
    Create,
}

/// Sends each object, and stops at the first that is refused, which is `at`.
///
/// # Errors
/// When the API server does not answer; [`StepError::Taken`]. A refusal is an answer.
pub async fn send_all(
    objects: &[Object],
    by: By,
    who: &Requester,
    context: &Context,
    deadline: Moment,
    at: &mut usize,
) -> Result<Answer, StepError> {
    let mut last = None;
    for (index, object) in objects.iter().enumerate() {
        *at = index;
        let answer = match by {
            By::Apply => patch(object, who, context, deadline).await?,
            By::Create => post(object, who, context, deadline).await?,
        };
        if !good(last.insert(answer)) {
            break;
        }
    }
    last.map(Answer::Api).ok_or_else(nothing)
}

fn good(answer: &Http) -> bool {
    (200..300).contains(&answer.status)
}

fn nothing() -> StepError {
    StepError::Refused("there is nothing to apply".into())
}

/// Where an object is, and what it is called for people.
struct At<'a> {
    object: &'a Object,
    kind: Kind,
    /// Its own path.
    path: String,
    /// That of its collection.
    collection: String,
}

impl At<'_> {
    fn namespace(&self) -> Option<&str> {
        self.object.namespace.as_deref().filter(|_| self.kind.namespaced)
    }

    fn describe(&self) -> String {
        let place = self.namespace().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
        format!("{} {}{place}", self.kind.kind, self.object.name)
    }
}

async fn at<'a>(object: &'a Object, context: &Context) -> Result<At<'a>, StepError> {
    let kind = served_kind::resolve(&object.kind, &context.client).await?;
    let namespace = object.namespace.as_deref().filter(|_| kind.namespaced);
    let path = api::path(&kind, namespace, Some(&object.name));
    let collection = if kind.is_part() { path.clone() } else { api::path(&kind, namespace, None) };
    Ok(At { object, kind, path, collection })
}

async fn patch(object: &Object, who: &Requester, context: &Context, deadline: Moment) -> Result<Http, StepError> {
    let at = at(object, context).await?;
    restore::remember(&at.kind, at.namespace(), &object.name, context).await?;
    let mut only = None;
    if context.is_shared(at.namespace()) {
        only = context.made_uid(&at.kind, at.namespace(), &object.name);
        // No other caller can come between a look and a POST, as one could before a PATCH. A step that asks as another
        // identity asks for a PATCH.
        let mut creates = who.token.is_none() && matches!(who.credential, Credential::Administrator);
        while only.is_none() {
            match others(&at, context, deadline).await? {
                Others::Nothing if creates => {
                    let answer = send_post(&at, who, context).await?;
                    if answer.status != 409 || deadline.left() <= AGAIN {
                        return Ok(answer);
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                Others::Nothing => break,
                // The person said that what is there may be changed.
                Others::Theirs(uid) => only = uid,
                Others::Unseen if creates => {
                    let answer = send_post(&at, who, context).await?;
                    if answer.status != 409 {
                        return Ok(answer);
                    }
                    creates = false;
                }
                Others::Unseen => {
                    return Err(StepError::Taken(format!(
                        "{} is there already, and may not be looked at",
                        at.describe()
                    )));
                }
            }
        }
    }
    let marked =
        context.foreign && (only.is_none() || context.made_uid(&at.kind, at.namespace(), &object.name) == only);
    let mut manifest = object.manifest.clone();
    if let Some(uid) = &only {
        manifest["metadata"]["uid"] = uid.as_str().into();
    }
    let path = format!("{}?fieldManager={MANAGER}&force=true&{STRICT}", at.path);
    let body = body(manifest, marked, at.namespace(), context);
    let answer = sent(&at, who, (http::Method::PATCH, &path, "application/apply-patch+yaml"), body).await?;
    if only.is_some() && answer.status == 409 && api::message(&answer).to_lowercase().contains("uid") {
        return Err(StepError::Taken(format!(
            "{} is another one now: it was deleted and made anew meanwhile",
            at.describe()
        )));
    }
    remember(&at, &answer, context);
    Ok(answer)
}

/// What is known of an object of a name that the scenario has not made.
enum Others {
    /// There is none.
    Nothing,
    /// It may not be looked at.
    Unseen,
    /// It is there, and the person allows to change it.
    Theirs(Option<String>),
}

/// Looks for an object of this name; while it belongs to another run that lives, or is going, it is waited for.
async fn others(at: &At<'_>, context: &Context, deadline: Moment) -> Result<Others, StepError> {
    loop {
        let there = api::get(&context.client, &at.path).await?;
        let object = match there.status {
            404 => return Ok(Others::Nothing),
            403 => return Ok(Others::Unseen),
            200 => there.json.unwrap_or_default(),
            _ => return Err(api::busy(&there).unwrap_or_else(|| StepError::Refused(api::message(&there)))),
        };
        let run = namespaces::another_run(&object);
        let going = object["metadata"]["deletionTimestamp"].is_string();
        if run.is_none() && !going && context.kubectl.host().is_some_and(Host::yes) {
            return Ok(Others::Theirs(api::uid(Some(&object))));
        }
        let words = at.describe();
        let lives = run.as_ref().is_some_and(|run| !run.dead);
        if !(lives || going) {
            return Err(StepError::Taken(match run {
                Some(run) => format!("{words} was left by {run}, which was killed: `kubewalk sweep` removes it"),
                None => format!("{words} is there already, and is not this scenario's"),
            }));
        }
        if deadline.left() <= AGAIN {
            return Err(StepError::Taken(match run {
                Some(run) => format!("{words} belongs to {run}, and was not free in time"),
                None => format!("{words} is being deleted, and was not gone in time"),
            }));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Creates one object. Where another run that lives has one of that name, it waits for its turn.
///
/// # Errors
/// When the API server does not answer; [`StepError::Taken`].
pub async fn post(object: &Object, who: &Requester, context: &Context, deadline: Moment) -> Result<Http, StepError> {
    let at = at(object, context).await?;
    loop {
        let answer = send_post(&at, who, context).await?;
        if answer.status != 409 || !context.is_shared(at.namespace()) || object.name.is_empty() {
            return Ok(answer);
        }
        let there = api::get(&context.client, &at.path).await?;
        // What no other run has made is the scenario's own matter: it may be about just this answer.
        let another = there.json.as_ref().filter(|_| there.status == 200).and_then(namespaces::another_run);
        if there.status != 404 && another.is_none() {
            return Ok(answer);
        }
        if another.is_some() {
            others(&at, context, deadline).await?;
        }
        if deadline.left() <= AGAIN {
            return Ok(answer);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn send_post(at: &At<'_>, who: &Requester, context: &Context) -> Result<Http, StepError> {
    if at.object.kind.is("policy", "Eviction") {
        // It deletes its Pod.
        restore::remember(&pod(), at.namespace(), &at.object.name, context).await?;
    }
    let path = format!("{}?fieldManager={MANAGER}&{STRICT}", at.collection);
    let marked = context.foreign && at.object.is_kept();
    let body = body(at.object.manifest.clone(), marked, at.namespace(), context);
    let answer = sent(at, who, (http::Method::POST, &path, "application/json"), body).await?;
    remember(at, &answer, context);
    Ok(answer)
}

/// The kind of a Pod.
fn pod() -> Kind {
    let (group, version, kind, plural) = (String::new(), "v1".into(), "Pod".into(), Some("pods".into()));
    Kind { group, version, kind, plural, namespaced: true }
}

/// Sends a manifest. The API server makes the paths of a custom kind a moment after it says that it serves the kind, so one that is
/// not there is asked for again.
async fn sent(
    at: &At<'_>,
    who: &Requester,
    (method, path, content): (http::Method, &str, &str),
    body: Vec<u8>,
) -> Result<Http, StepError> {
    let until = Moment::now() + SERVED_WITHIN;
    loop {
        let answer = api::send_as(who, method.clone(), path, Some(content), body.clone()).await?;
        let custom = at.object.kind.plural.is_none() && answer.status == 404;
        let words = if custom { api::message(&answer) } else { String::new() };
        let no_path = words.contains("could not find the requested resource") || words.contains("404 page not found");
        if !no_path || until.left() <= AGAIN {
            return Ok(answer);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// A 201 says that the object is new, so that it is ours to remove. What has no identity is an answer, and not kept.
fn remember(at: &At<'_>, answer: &Http, context: &Context) {
    let json = answer.json.as_ref();
    if answer.status != 201 || api::uid(json).is_none() {
        return;
    }
    let name = json.and_then(|json| json["metadata"]["name"].as_str()).unwrap_or(&at.object.name).to_owned();
    let namespace = at.namespace().map(str::to_owned);
    context.remember(Made { kind: at.kind.clone(), namespace, name, uid: api::uid(json) });
}

/// The manifest as bytes, with the alias `curl` of a container's image replaced by the cluster's image, and marked
/// as ours.
fn body(mut manifest: Value, marked: bool, namespace: Option<&str>, context: &Context) -> Vec<u8> {
    if marked {
        namespaces::mark(&mut manifest, namespace);
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
