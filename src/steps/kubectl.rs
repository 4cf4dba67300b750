//! `kubectl`: the real one, on the cluster's node.

use super::{Context, Fault, Made, identity::Who};
use crate::{
    clock::Moment,
    cluster::kubectl::Login,
    expect::Answer,
    plan::{Credential, Kubectl},
};

/// Runs it as `who`.
///
/// # Errors
/// [`Fault::Kubectl`]: it could not be started, was not over at the deadline, or its end was not seen.
pub async fn run(kubectl: &Kubectl, who: &Who, context: &Context, deadline: Moment) -> Result<Answer, Fault> {
    let stdin = kubectl.stdin.as_ref().map(String::as_bytes);
    let (login, flags) = login(who);
    let args: Vec<String> = flags.into_iter().chain(kubectl.args.iter().cloned()).collect();
    let output = context.kubectl.run(&args, stdin, login, deadline).await.map_err(Fault::Kubectl)?;
    if output.exit_code == 0 {
        for object in &kubectl.makes {
            let (kind, namespace) = (object.kind.clone(), object.namespace.clone());
            context.remember(Made { kind, namespace, name: object.name.clone() });
        }
    }
    Ok(Answer::Exec { exit_code: output.exit_code, stdout: output.stdout, stderr: output.stderr })
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
