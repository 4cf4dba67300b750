//! `kubectl`: the real one, on the cluster's node.

use std::time::Duration;

use super::{Context, Made, Requester, StepError, api, served_kind};
use crate::{
    clock::{Moment, timeout_at},
    cluster::kubectl::{KubectlError, Login},
    expect::{Answer, kubectl_error},
    k8s::kubectl::{Place, check, goes_on, grammar},
    plan::{Credential, Kubectl, Object},
    redact::{self, show},
};

/// What is said of a call that should have been refused, and goes on.
pub const GOES_ON: &str = "expected a refusal, and kubectl goes on: the call was allowed";

/// A refusal comes at once; what goes on longer was not refused.
const REFUSED_WITHIN: Duration = Duration::from_secs(8);

/// Runs it as `who`.
///
/// # Errors
/// [`StepError::Argument`]: with the values that were saved it is a command line that is refused. [`StepError::Kubectl`]: it could not be started, was not over at the deadline, or its end was not seen.
pub async fn run(kubectl: &Kubectl, who: &Requester, context: &Context, deadline: Moment) -> Result<Answer, StepError> {
    if let Some((_, why)) = kubectl.too_long() {
        return Err(StepError::too_long(why));
    }
    let stdin = kubectl.stdin.as_ref().map(String::as_bytes);
    let (login, mut flags) = login(who);
    if says_who(&kubectl.args) {
        // Its own line says it: that is where the plan has it from.
        flags.clear();
    }
    let runner =
        context.foreign && flags.is_empty() && matches!(login, Login::Administrator) && !says_who(&kubectl.args);
    let args: Vec<String> = flags.into_iter().chain(checked_args(kubectl, context)?).collect();
    let before = uids(kubectl, context).await;
    let goes_on = kubectl.denied && goes_on(&kubectl.args);
    let deadline = if goes_on { deadline.min(Moment::now() + REFUSED_WITHIN) } else { deadline };
    let (output, ()) =
        tokio::join!(context.kubectl.run(&args, stdin, login, deadline), learn_secrets(&kubectl.args, context));
    let output = output.map_err(|error| match error {
        KubectlError::Endless { seconds } if goes_on => StepError::Waited {
            what: GOES_ON.into(),
            expected: Some("a refusal".into()),
            last: format!("it still ran after {seconds} s and was ended"),
            hint: None,
        },
        // A call without an end is the scenario's matter.
        KubectlError::Endless { seconds } => endless(&kubectl.args, seconds),
        KubectlError::Failed(why) => StepError::Kubectl(why),
    })?;
    [&output.stdout, &output.stderr].into_iter().for_each(|bytes| redact::secrets::learn(bytes));
    // What was there before is not ours, though kubectl may have changed it; what is not there was not made.
    for (object, (before, now)) in kubectl.makes.iter().zip(before.into_iter().zip(uids(kubectl, context).await)) {
        if now.is_some() && now != before {
            let (kind, namespace) = (object.kind.clone(), object.namespace.clone());
            context.remember(Made { kind, namespace, name: object.name.clone(), uid: now });
        }
    }
    let refused = kubectl_error::refusals(&String::from_utf8_lossy(&output.stderr));
    if let Some((refused, _)) = refused.into_iter().next().filter(|_| runner && output.exit_code != 0) {
        let what = show::line(&refused.describe(), show::BODY);
        return Err(StepError::Refused(format!(
            "whoever runs the scenarios lacks a right that this kubectl needs: {what}"
        )));
    }
    Ok(Answer::Exec { exit_code: output.exit_code, stdout: output.stdout, stderr: output.stderr })
}

/// Whether kubectl is told as whom it asks, so that a refusal is not about the person who runs the scenarios.
fn says_who(args: &[String]) -> bool {
    let Ok(call) = grammar::read(args) else { return true };
    ["as", "as-group", "as-uid", "token"].iter().any(|flag| call.values(flag).next().is_some())
}

/// A call whose time was over. Some wait by themselves, and nothing is wrong with them.
fn endless(args: &[String], seconds: u64) -> StepError {
    let command = grammar::read(args).map_or("", |call| call.command.words);
    let waits = match command {
        "delete" => {
            "`kubectl delete` waits until the object is gone, which a finalizer or a grace may keep: the verb `delete` says which; \
             `--wait=false` does not wait"
        }
        "wait" | "rollout status" => {
            "the verb `wait` says what keeps the object from it; `--timeout` ends kubectl earlier"
        }
        _ => return StepError::endless(args, seconds),
    };
    match StepError::endless(args, seconds) {
        StepError::Waited { what, expected, last, .. } => {
            StepError::Waited { what, expected, last, hint: Some(waits.into()) }
        }
        other => other,
    }
}

/// The identities of what a call may make, as they are now.
async fn uids(kubectl: &Kubectl, context: &Context) -> Vec<Option<String>> {
    futures::future::join_all(kubectl.makes.iter().map(|object| uid(object, context))).await
}

async fn uid(object: &Object, context: &Context) -> Option<String> {
    let kind = served_kind::resolve(&object.kind, &context.client).await.ok()?;
    let namespace = object.namespace.as_deref().filter(|_| kind.namespaced);
    let there = api::get(&context.client, &api::path(&kind, namespace, Some(&object.name))).await.ok()?;
    api::uid(there.json.as_ref().filter(|_| there.status == 200))
}

/// The command line, now that all values are in it: looked at once more, and on this machine in the form that can be read in one
/// way only.
fn checked_args(kubectl: &Kubectl, context: &Context) -> Result<Vec<String>, StepError> {
    let host = context.kubectl.host();
    let place = host.map_or(kubectl.in_node(), |host| Place::Host { yes: host.yes(), own: kubectl.own.as_deref() });
    match check(&kubectl.args, place) {
        Ok(call) if host.is_some() => Ok(call.canonical()),
        Ok(_) => Ok(kubectl.args.clone()),
        Err(refused) => {
            Err(StepError::Argument(refused.into_iter().map(|one| one.what).collect::<Vec<_>>().join("; ")))
        }
    }
}

/// Makes known what kubectl may print without saying what it is: Secrets in a format of the scenario's own (`-o jsonpath`), and
/// the tokens of Pods, by what runs in them or by their logs.
async fn learn_secrets(args: &[String], context: &Context) {
    let namespace = namespace(args);
    let has = |words: &[&str]| {
        args.iter()
            .any(|arg| arg.split(['/', ',', '.']).any(|part| words.contains(&part.to_ascii_lowercase().as_str())))
    };
    let secrets = async {
        if has(&["secret", "secrets"]) {
            let path = match &namespace {
                Some(namespace) => format!("/api/v1/namespaces/{}/secrets", api::escape(namespace)),
                None => "/api/v1/secrets".to_owned(),
            };
            // It is learned where it comes in.
            let _ = api::get(&context.client, &path).await;
        }
    };
    let tokens = async {
        if has(&["exec", "logs", "attach", "cp", "debug", "run"]) {
            context.mounted.learn_of_namespace(namespace.as_deref().unwrap_or("default"), &context.client).await;
        }
    };
    let patience = Moment::now() + std::time::Duration::from_secs(5);
    let _ = timeout_at(patience, async { tokio::join!(secrets, tokens) }).await;
}

/// The namespace that kubectl's words name; `None`: all.
fn namespace(args: &[String]) -> Option<String> {
    let Ok(call) = grammar::read(args) else { return Some("default".to_owned()) };
    let named = call.values("namespace").last().and_then(|given| given.value.clone());
    (!call.is_on("all-namespaces")).then(|| named.unwrap_or_else(|| "default".to_owned()))
}

/// As whom kubectl logs in, and the flags by which it asks for another.
fn login(who: &Requester) -> (Login<'_>, Vec<String>) {
    match (&who.credential, &who.token) {
        (_, Some(token)) => (Login::Token(token), vec![]),
        (Credential::Anonymous, None) => (Login::Nobody, vec![]),
        (Credential::Impersonation { user, groups }, None) => {
            let groups = groups.iter().map(|group| format!("--as-group={group}"));
            (Login::Administrator, std::iter::once(format!("--as={user}")).chain(groups).collect())
        }
        _ => (Login::Administrator, vec![]),
    }
}
