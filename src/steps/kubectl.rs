//! `kubectl`: the real one, on the cluster's node.

use super::{Context, Fault, Made, api, identity::Who};
use crate::{
    clock::Moment,
    cluster::kubectl::Login,
    expect::Answer,
    plan::{
        Credential, Kubectl, Object,
        kubectl::{Place, check},
    },
};

/// Runs it as `who`.
///
/// # Errors
/// [`Fault::Argument`]: with the values that were saved it is a command line that is refused. [`Fault::Kubectl`]: it could not be started, was not over at the deadline, or its end was not seen.
pub async fn run(kubectl: &Kubectl, who: &Who, context: &Context, deadline: Moment) -> Result<Answer, Fault> {
    let stdin = kubectl.stdin.as_ref().map(String::as_bytes);
    let (login, flags) = login(who);
    let args: Vec<String> = flags.into_iter().chain(words(kubectl, context)?).collect();
    let before = uids(kubectl, context).await;
    let output = context.kubectl.run(&args, stdin, login, deadline).await.map_err(Fault::Kubectl)?;
    // What was there before is not ours, though kubectl may have changed it; what is not there was not made.
    for (object, (before, now)) in kubectl.makes.iter().zip(before.into_iter().zip(uids(kubectl, context).await)) {
        if now.is_some() && now != before {
            let (kind, namespace) = (object.kind.clone(), object.namespace.clone());
            context.remember(Made { kind, namespace, name: object.name.clone(), uid: now });
        }
    }
    Ok(Answer::Exec { exit_code: output.exit_code, stdout: output.stdout, stderr: output.stderr })
}

/// The identities of what a call may make, as they are now.
async fn uids(kubectl: &Kubectl, context: &Context) -> Vec<Option<String>> {
    futures::future::join_all(kubectl.makes.iter().map(|object| uid(object, context))).await
}

async fn uid(object: &Object, context: &Context) -> Option<String> {
    let kind = api::resolve(&object.kind, context).await.ok()?;
    let namespace = object.namespace.as_deref().filter(|_| kind.namespaced);
    let there = api::get(&context.client, &api::path(&kind, namespace, Some(&object.name))).await.ok()?;
    api::uid(there.json.as_ref().filter(|_| there.status == 200))
}

/// The command line, now that all values are in it: looked at once more, and on this machine in the form that can be read in one
/// way only.
fn words(kubectl: &Kubectl, context: &Context) -> Result<Vec<String>, Fault> {
    let host = context.kubectl.host();
    let place = host.map_or(Place::Node, |host| Place::Host { yes: host.yes(), own: kubectl.own.as_deref() });
    match check(&kubectl.args, place) {
        Ok(call) if host.is_some() => Ok(call.canonical()),
        Ok(_) => Ok(kubectl.args.clone()),
        Err(refused) => Err(Fault::Argument(refused.into_iter().map(|one| one.what).collect::<Vec<_>>().join("; "))),
    }
}

/// As whom kubectl logs in, and the flags by which it asks for another.
fn login(who: &Who) -> (Login<'_>, Vec<String>) {
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
