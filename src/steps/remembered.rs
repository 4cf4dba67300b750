//! Tokens that the API server still remembers: for 10 s it does not look again whether the account, the Pod, the Secret or the
//! Node is there by which a good token lives. What a step asks with such a token is held back until the server has forgotten it,
//! so that neither a success nor a denial of the dead counts.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{Context, StepError, api, pod_exec, token};
use crate::{
    clock::Moment,
    expect::jwt,
    k8s::{
        kubectl::{grammar, table::Effect},
        well_known::MOUNT,
    },
    plan::{Action, Credential, Identity, Place, Step},
    scenario::verbs::Method,
};

/// The longest that is waited for a server to forget: 10 s in every version, and as much again for one that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long is waited where the caller may not ask the server about a token.
const MEMORY: Duration = Duration::from_secs(11);

/// How often it is asked.
const AGAIN: Duration = Duration::from_millis(100);

/// Whether a token may have died with what this step has deleted.
pub fn may_delete(step: &Step) -> bool {
    let evicts = |path: &str| path.split('?').next().is_some_and(|path| path.ends_with("/eviction"));
    match &step.action {
        Action::Delete(_) => true,
        Action::Kubectl(call) => !grammar::read(&call.args).is_ok_and(|call| call.command.effect == Effect::Reads),
        Action::Request(call) => call.method == Method::Delete || evicts(&call.path),
        Action::Curl(call) => call.method == Method::Delete || evicts(&call.url),
        // What a command does is known by its words alone.
        Action::Exec(exec) => {
            let said = exec.command.join(" ").to_lowercase();
            said.contains("delete") || said.contains("eviction")
        }
        _ => false,
    }
}

/// Waits until the server has forgotten the token that a step sends, if what it lives by is gone; then says what that was.
///
/// # Errors
/// [`StepError::Waited`] when it is not forgotten until the deadline; when the API server does not answer.
pub async fn wait(step: &Step, context: &Context, deadline: Moment) -> Result<Option<String>, StepError> {
    let Some(token) = sent(step, context).await? else { return Ok(None) };
    let Some(died) = died_with(&token, context).await? else { return Ok(None) };
    if let Credential::Account { namespace, name } = &step.caller.credential
        && !matches!(step.action, Action::Curl(_) | Action::Exec(_))
    {
        // A token of kubewalk's own making: one of the account as it is now is made instead.
        context.identities.forget(namespace, name);
        return Ok(None);
    }
    let until = (Moment::now() + PATIENCE).min(deadline);
    loop {
        match token::review(&token, &[], context).await {
            Ok(status) if status["authenticated"] == true => {}
            Ok(_) => return Ok(Some(died)),
            Err(StepError::Refused(_)) => {
                tokio::time::sleep(MEMORY.min(until.left())).await;
                return Ok(Some(died));
            }
            Err(fault) => return Err(fault),
        }
        if until.left().is_zero() {
            return Err(StepError::Waited {
                what: format!("nothing was asked: this token died with {died}, and the API server still remembers it"),
                expected: Some("a token that the API server has forgotten".into()),
                last: "the token is accepted".into(),
                hint: Some("it forgets a token within 10 s: leave the step as long, e.g. `timeout: 30s`".into()),
            });
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The token that a step sends, as far as something of it can be gone.
async fn sent(step: &Step, context: &Context) -> Result<Option<SecretString>, StepError> {
    match &step.action {
        Action::Curl(curl) => match &curl.saved_token {
            Some(name) => context.identities.saved(name).map(Some),
            None if curl.mounted_token => mounted(&curl.place, &curl.identity, context).await,
            None => Ok(None),
        },
        Action::Exec(exec) if exec.command.iter().any(|word| word.contains("token")) => {
            mounted(&exec.place, &exec.identity, context).await
        }
        Action::Exec(_) => Ok(None),
        _ => match &step.caller.credential {
            Credential::Saved(name) => context.identities.saved(name).map(Some),
            Credential::Account { namespace, name } => Ok(context.identities.known_token(namespace, name)),
            _ => Ok(None),
        },
    }
}

/// The token of a Pod whose account is gone, or is not older than the Pod. What cannot be read is left to the call itself.
async fn mounted(place: &Place, identity: &Identity, context: &Context) -> Result<Option<SecretString>, StepError> {
    let Identity::ServiceAccount { namespace, name } = identity else { return Ok(None) };
    let account = object("serviceaccounts", namespace, name, context);
    let pod = object("pods", &place.namespace, &place.pod, context);
    let (account, pod) = tokio::join!(account, pod);
    let (account, pod) = (account?, pod?);
    let made = |object: &Value| object["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    let older = account.zip(pod.clone()).is_some_and(|(account, pod)| made(&account) < made(&pod));
    if older || pod.is_none() {
        return Ok(None);
    }
    let read = ["cat".to_owned(), format!("{MOUNT}/token")];
    // Its shell, if there is one, answers in a tenth of the time that an exec of its own takes.
    let output = match context.shells.run(place, &|| read.to_vec(), None).await {
        Some(output) => output,
        None => pod_exec::run(place, &read, None, &context.client).await,
    };
    let text = output.ok().filter(|output| output.exit_code == 0).map(|output| output.stdout);
    let text = text.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()).filter(|text| !text.is_empty());
    Ok(text.map(|text| {
        crate::redact::register(&text);
        SecretString::from(text)
    }))
}

/// An object of the core group; `None`: there is none.
async fn object(plural: &str, namespace: &str, name: &str, context: &Context) -> Result<Option<Value>, StepError> {
    let place = if namespace.is_empty() { String::new() } else { format!("namespaces/{}/", api::escape(namespace)) };
    let http = api::get(&context.client, &format!("/api/v1/{place}{plural}/{}", api::escape(name))).await?;
    match http.status {
        404 => Ok(None),
        200 => Ok(http.json),
        // A caller who may not look knows nothing of its end.
        _ => Err(api::busy(&http).unwrap_or_else(|| StepError::Refused(api::message(&http)))),
    }
}

/// What a token lived by and is not there any more, or is another one of the same name.
async fn died_with(token: &SecretString, context: &Context) -> Result<Option<String>, StepError> {
    let Ok(read) = jwt::decode(token.expose_secret(), None) else { return Ok(None) };
    let lives = lives_by(&read["claims"]);
    let looked = join_all(lives.iter().map(|life| object(life.plural, &life.namespace, &life.name, context))).await;
    for (life, there) in lives.iter().zip(looked) {
        let there = match there {
            Ok(there) => there,
            Err(StepError::Refused(_)) => continue,
            Err(fault) => return Err(fault),
        };
        let Life { kind, name, .. } = life;
        match there {
            None => return Ok(Some(format!("{kind} {name}, which was deleted"))),
            Some(there) if !life.is(&there, token) => {
                return Ok(Some(format!("{kind} {name}, which was deleted; the one made anew is another one")));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

/// Something by which a token lives.
#[derive(Debug, PartialEq, Eq)]
struct Life {
    kind: &'static str,
    plural: &'static str,
    namespace: String,
    name: String,
    /// Of a Secret that holds the token itself, the claims say none.
    uid: Option<String>,
}

impl Life {
    fn is(&self, there: &Value, token: &SecretString) -> bool {
        match &self.uid {
            Some(uid) => there["metadata"]["uid"] == uid.as_str(),
            None => {
                let held = there["data"]["token"].as_str().and_then(|text| STANDARD.decode(text).ok());
                held.is_none_or(|held| held == token.expose_secret().as_bytes())
            }
        }
    }
}

/// What the claims of a ServiceAccount's token name, in both forms: that of a TokenRequest, and that of a Secret.
fn lives_by(claims: &Value) -> Vec<Life> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let life = |kind, plural, namespace: Option<String>, name: Option<String>, uid| {
        Some(Life { kind, plural, namespace: namespace.unwrap_or_default(), name: name?, uid })
    };
    let bound = &claims["kubernetes.io"];
    let namespace = || text(&bound["namespace"]);
    let of = |key: &str, kind, plural, namespace| {
        let one = &bound[key];
        one.is_object().then(|| life(kind, plural, namespace, text(&one["name"]), text(&one["uid"]))).flatten()
    };
    // The node of a token that is bound to a Pod is only told.
    let node = of("node", "Node", "nodes", None).filter(|_| bound["pod"].is_null());
    let legacy = |part: &str| text(&claims[&format!("kubernetes.io/serviceaccount/{part}")]);
    let account = legacy("service-account.name");
    let [of_secret, secret] = match legacy("namespace") {
        Some(place) => [
            life("ServiceAccount", "serviceaccounts", Some(place.clone()), account, legacy("service-account.uid")),
            life("Secret", "secrets", Some(place), legacy("secret.name"), None),
        ],
        None => [None, None],
    };
    [
        of("serviceaccount", "ServiceAccount", "serviceaccounts", namespace()),
        of("pod", "Pod", "pods", namespace()),
        of("secret", "Secret", "secrets", namespace()),
        node,
        of_secret,
        secret,
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::{plan, scenario};

    fn names(claims: &Value) -> Vec<String> {
        lives_by(claims)
            .into_iter()
            .map(|life| {
                format!("{} {}/{} {}", life.kind, life.namespace, life.name, life.uid.as_deref().unwrap_or("-"))
            })
            .collect()
    }

    #[test]
    fn a_token_lives_by_what_its_claims_name() {
        let mut claims = json!({"kubernetes.io": {
            "namespace": "a", "serviceaccount": {"name": "me", "uid": "1"}, "pod": {"name": "p", "uid": "2"},
            "node": {"name": "n", "uid": "3"},
        }});
        assert_eq!(names(&claims), ["ServiceAccount a/me 1", "Pod a/p 2"]);
        claims["kubernetes.io"].as_object_mut().expect("a map").remove("pod");
        assert_eq!(names(&claims), ["ServiceAccount a/me 1", "Node /n 3"]);
        let secret = json!({
            "kubernetes.io/serviceaccount/namespace": "a", "kubernetes.io/serviceaccount/secret.name": "s",
            "kubernetes.io/serviceaccount/service-account.name": "me",
            "kubernetes.io/serviceaccount/service-account.uid": "1",
        });
        assert_eq!(names(&secret), ["ServiceAccount a/me 1", "Secret a/s -"]);
        assert_eq!(names(&json!({"sub": "somebody"})), Vec::<String>::new());
    }

    #[rstest]
    #[case("delete: {kind: ConfigMap, name: a}", true)]
    #[case("kubectl: {args: [delete, sa, me]}", true)]
    #[case("kubectl: {args: [drain, node]}", true)]
    #[case("kubectl: {args: [get, pods]}", false)]
    #[case("request: {method: DELETE, path: /api/v1/namespaces/default/pods/p}", true)]
    #[case("request: {method: POST, path: '/api/v1/namespaces/default/pods/p/eviction?dryRun=All', body: {}}", true)]
    #[case("request: {path: /api/v1/namespaces/default/pods/p}", false)]
    #[case("get: {kind: Pod}", false)]
    fn what_may_end_a_token(#[case] step: &str, #[case] may: bool) {
        let text = format!("title: t\nsteps: [{{title: t, {step}}}]");
        let document = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        let plan = plan::plan(document, &plan::Names { suffix: "x".into() }).expect("a plan");
        assert_eq!(may_delete(&plan.steps[0]), may);
    }
}
