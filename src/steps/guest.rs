//! A container for calls from a Pod whose own have no curl or no shell.
//!
//! It is an ephemeral container of the image `curl`. It has the Pod's network, and the same volume mounted that has the Pod's token,
//! so the call is made from the same address with the very same token file. Two other ways were left: a program copied into the
//! Pod needs a file system that can be written and something that writes there, which just such an image has not; and the API
//! server's proxy leads to a Pod, not out of it.
//!
//! Kubernetes never removes an ephemeral container: it stays until its Pod goes. So none is put into a Pod that belongs to others.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Context, Made, StepError, api, pod_exec};
use crate::{clock::Moment, k8s::well_known::MOUNT, plan::Place, sync::locked};

/// A user that is not root, for Pods that name none.
const NOBODY: u64 = 65532;

/// Looks whether a call can be made in a container of a Pod, and if it cannot, changes the place to a container that is made for it.
///
/// # Errors
/// When such a container is needed and cannot be had.
pub async fn prepare(place: &mut Place, pod: &Value, context: &Context, deadline: Moment) -> Result<(), StepError> {
    let Some(container) = container(pod, place.container.as_deref()) else { return Ok(()) };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&container["name"]);
    if container["image"] == context.curl_image.as_str() {
        return Ok(());
    }
    let key = (text(&pod["metadata"]["uid"]), name.clone());
    let known = locked(&context.guests).get(&key).cloned();
    let guest = match known {
        Some(known) => known,
        None => {
            let found = match lacks(place, &name, context).await {
                None => return Ok(()),
                Some(false) => None,
                Some(true) => Some(put(place, pod, container, context, deadline).await?),
            };
            locked(&context.guests).insert(key, found.clone());
            found
        }
    };
    if let Some(guest) = guest {
        place.container = Some(guest);
        place.added = true;
        let told = format!("an ephemeral container beside `{name}`, whose image has no curl or no shell");
        place.told = if place.told.is_empty() { told } else { format!("{}; {told}", place.told) };
    }
    Ok(())
}

/// The container of that name, or the first.
pub fn container<'p>(pod: &'p Value, name: Option<&str>) -> Option<&'p Value> {
    let list = |key: &str| pod["spec"][key].as_array().into_iter().flatten();
    let mut all = list("containers").chain(list("initContainers")).chain(list("ephemeralContainers"));
    match name {
        Some(name) => all.find(|container| container["name"] == name),
        None => all.next(),
    }
}

/// Whether curl or a shell lacks; `None`: that is unknown, and the call itself will say more.
async fn lacks(place: &Place, container: &str, context: &Context) -> Option<bool> {
    let place = Place { container: Some(container.to_owned()), ..place.clone() };
    let look = ["sh", "-c", "command -v curl"].map(str::to_owned);
    match pod_exec::run(&place, &look, None, &context.client).await {
        Ok(output) => Some(output.exit_code != 0),
        Err(why) if why.contains("executable file not found") || why.contains("no such file or directory") => {
            Some(true)
        }
        Err(_) => None,
    }
}

/// Puts a container into the Pod and waits until it runs.
async fn put(
    place: &Place,
    pod: &Value,
    beside: &Value,
    context: &Context,
    deadline: Moment,
) -> Result<String, StepError> {
    let fault = |why: String| StepError::Exec { pod: place.pod.clone(), why };
    if context.is_shared(Some(&place.namespace)) && !is_ours(place, pod, context).await? {
        return Err(fault(
            "its image has no curl or no shell, and the Pod is not one of this scenario's on a cluster of others: an ephemeral \
             container, which would stay in it, is not put there"
                .into(),
        ));
    }
    let name = format!("kubewalk-{}", &pod_exec::random_mark()[..8]);
    // Only into the very Pod that was looked at: another one of its name may be another caller's.
    let body = json!({
        "metadata": {"uid": pod["metadata"]["uid"]},
        "spec": {"ephemeralContainers": [manifest(&name, pod, beside, &context.curl_image)]},
    });
    let path = format!("/api/v1/namespaces/{}/pods/{}", api::escape(&place.namespace), api::escape(&place.pod));
    let http = api::send(
        &context.client,
        http::Method::PATCH,
        &format!("{path}/ephemeralcontainers"),
        Some("application/strategic-merge-patch+json"),
        body.to_string().into_bytes(),
    )
    .await?;
    if let Some(busy) = api::busy(&http) {
        return Err(busy);
    }
    if http.status != 200 {
        let words = api::message(&http);
        return Err(fault(format!(
            "its image has no curl or no shell, and an ephemeral container was refused ({}): {words}",
            http.status
        )));
    }
    loop {
        let http = api::get(&context.client, &path).await?;
        let states = http.json.as_ref().map(|pod| &pod["status"]["ephemeralContainerStatuses"]);
        let own = states.and_then(Value::as_array).into_iter().flatten().find(|state| state["name"] == name.as_str());
        let state = own.map(|own| own["state"].clone()).unwrap_or_default();
        if state["running"].is_object() {
            return Ok(name);
        }
        let waiting = state["waiting"]["reason"].as_str().unwrap_or_default();
        let never = waiting.starts_with("Err") || waiting.ends_with("Error") || waiting.contains("BackOff");
        if never || state["terminated"].is_object() || http.status == 404 || deadline.left().is_zero() {
            return Err(fault(format!("the ephemeral container for the call does not run: {state}")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether the scenario made the Pod, or what it belongs to: these very ones. Others of their names are not the scenario's.
async fn is_ours(place: &Place, pod: &Value, context: &Context) -> Result<bool, StepError> {
    use crate::plan::Of;
    let here = |made: &&Made| made.namespace.as_deref() == Some(place.namespace.as_str()) && made.uid.is_some();
    let made: Vec<Made> = {
        let made = locked(&context.made);
        made.iter().filter(here).cloned().collect()
    };
    let is = |made: &Made, object: Option<&Value>| made.uid.is_some() && made.uid == api::uid(object);
    if made.iter().any(|one| one.kind.is("", "Pod") && is(one, Some(pod))) {
        return Ok(true);
    }
    let Some(Of::Owner(owner, name)) = &place.of else { return Ok(false) };
    // That the Pod is one of the owner of this name was seen before this, so one that was made meanwhile does not count.
    for one in made.iter().filter(|one| one.kind.is(owner.group(), owner.kind()) && one.name == *name) {
        let there = api::get(&context.client, &api::path(&one.kind, one.namespace.as_deref(), Some(name))).await?;
        if there.status == 200 && is(one, there.json.as_ref()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The container: as much of the one beside it as decides whether it may run there and may read the token, and nothing else.
fn manifest(name: &str, pod: &Value, beside: &Value, image: &str) -> Value {
    let user = |of: &Value| of["securityContext"]["runAsUser"].as_u64();
    let mut security = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    match (user(beside), user(&pod["spec"])) {
        (Some(own), _) => security["runAsUser"] = own.into(),
        // The Pod's own holds for all its containers.
        (None, Some(_)) => {}
        (None, None) => security["runAsUser"] = NOBODY.into(),
    }
    if user(beside).or_else(|| user(&pod["spec"])) != Some(0) {
        security["runAsNonRoot"] = true.into();
    }
    if let Some(group) = beside["securityContext"]["runAsGroup"].as_u64() {
        security["runAsGroup"] = group.into();
    }
    let mounts = beside["volumeMounts"].as_array().into_iter().flatten();
    let token = mounts.filter(|mount| mount["mountPath"].as_str().is_some_and(|at| at.trim_end_matches('/') == MOUNT));
    let token = token.map(|mount| json!({"name": mount["name"], "mountPath": MOUNT, "readOnly": true}));
    json!({
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        // It ends with its Pod at once, and after an hour by itself.
        "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"],
        "securityContext": security,
        "volumeMounts": token.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_token_of_the_one_beside_it_and_no_rights_of_its_own() {
        let beside = json!({"name": "app", "image": "app", "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true},
        ]});
        let pod = json!({"spec": {"containers": [beside]}});
        let made = manifest("g", &pod, &beside, "curl");
        assert_eq!(made["volumeMounts"], json!([{"name": "kube-api-access-x", "mountPath": MOUNT, "readOnly": true}]));
        assert_eq!(made["securityContext"]["runAsUser"], NOBODY);
        assert_eq!(made["securityContext"]["capabilities"], json!({"drop": ["ALL"]}));
        assert!(made["securityContext"]["privileged"].is_null() && made["targetContainerName"].is_null());
    }

    #[test]
    fn it_runs_as_the_user_who_can_read_the_token() {
        let own =
            json!({"name": "app", "securityContext": {"runAsUser": 1000, "runAsGroup": 3000, "privileged": true}});
        let made = manifest("g", &json!({"spec": {"securityContext": {"runAsUser": 5}}}), &own, "curl");
        assert_eq!(
            (&made["securityContext"]["runAsUser"], &made["securityContext"]["runAsGroup"]),
            (&json!(1000), &json!(3000))
        );
        assert!(made["securityContext"]["privileged"].is_null());
        let none = json!({"name": "app"});
        let made = manifest("g", &json!({"spec": {"securityContext": {"runAsUser": 5}}}), &none, "curl");
        assert!(made["securityContext"]["runAsUser"].is_null());
        let root = json!({"name": "app", "securityContext": {"runAsUser": 0}});
        let made = manifest("g", &json!({"spec": {}}), &root, "curl");
        assert!(made["securityContext"]["runAsNonRoot"].is_null());
    }
}
