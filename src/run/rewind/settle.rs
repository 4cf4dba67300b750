//! The wait until what was deleted has no effect any more.
//!
//! The API server's authorizer reads roles and bindings by watches, a moment after they were written. What was written before the
//! roles and bindings of a probe has been read when these have an effect, because a watch tells changes in their order.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    clock::Moment,
    plan::Names,
    steps::{StepError, api},
};

/// How long after a question it is asked again.
const AGAIN: Duration = Duration::from_millis(5);

/// The group of what the probe is about; no API server serves it.
const GROUP: &str = "probe.kubewalk.invalid";

const ROOT: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Waits until the authorizer knows all roles and bindings that were written before.
///
/// # Errors
/// When the API server does not answer, or does not let a probe have an effect until the deadline.
pub async fn settled(client: &kube::Client, namespace: &str, deadline: Moment) -> Result<(), StepError> {
    let name = format!("kubewalk-probe-{}", Names::random().suffix);
    let inside = format!("{ROOT}/namespaces/{}", api::escape(namespace));
    let probes = [
        ("ClusterRole", format!("{ROOT}/clusterroles"), role(&name, "wide")),
        ("ClusterRoleBinding", format!("{ROOT}/clusterrolebindings"), binding(&name, "ClusterRole")),
        ("Role", format!("{inside}/roles"), role(&name, "near")),
        ("RoleBinding", format!("{inside}/rolebindings"), binding(&name, "Role")),
    ];
    let mut done = Ok(());
    for (kind, path, mut manifest) in probes.clone() {
        manifest["apiVersion"] = "rbac.authorization.k8s.io/v1".into();
        manifest["kind"] = kind.into();
        let body = manifest.to_string().into_bytes();
        done = match api::send(client, http::Method::POST, &path, Some("application/json"), body).await {
            Ok(sent) if sent.status == 201 => continue,
            Ok(sent) => Err(StepError::Refused(format!("a probe was refused: {}", api::message(&sent)))),
            Err(fault) => Err(fault),
        };
        break;
    }
    while done.is_ok() {
        let known =
            async { Ok(may(client, namespace, &name, "wide").await? && may(client, namespace, &name, "near").await?) };
        match known.await {
            Ok(true) => break,
            Ok(false) if !deadline.left().is_zero() => tokio::time::sleep(AGAIN).await,
            Ok(false) => done = Err(StepError::Refused("the authorizer does not learn of new roles in time".into())),
            Err(fault) => done = Err(fault),
        }
    }
    // All of them, whatever came of one: no record knows them.
    for (_, path, _) in probes {
        let gone = api::send(client, http::Method::DELETE, &format!("{path}/{name}"), None, vec![]).await;
        done = done.and(gone.map(drop));
    }
    done
}

fn role(name: &str, resource: &str) -> Value {
    json!({"metadata": {"name": name}, "rules": [{"apiGroups": [GROUP], "resources": [resource], "verbs": ["get"]}]})
}

fn binding(name: &str, kind: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
    })
}

/// Whether the probe's user may do what one of its roles says.
async fn may(client: &kube::Client, namespace: &str, user: &str, resource: &str) -> Result<bool, StepError> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": {"verb": "get", "group": GROUP, "resource": resource, "namespace": namespace}},
    });
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let body = review.to_string().into_bytes();
    let answer = api::send(client, http::Method::POST, path, Some("application/json"), body).await?;
    Ok(answer.json.is_some_and(|json| json["status"]["allowed"] == true))
}
