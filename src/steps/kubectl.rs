//! `kubectl`: the real one, on the cluster's node.

use super::{Context, Fault, Made, api, identity::Who};
use crate::{
    clock::{Moment, timeout_at},
    cluster::kubectl::Login,
    expect::Answer,
    plan::{Credential, Kubectl},
    redact,
};

/// Runs it as `who`.
///
/// # Errors
/// [`Fault::Kubectl`]: it could not be started, was not over at the deadline, or its end was not seen.
pub async fn run(kubectl: &Kubectl, who: &Who, context: &Context, deadline: Moment) -> Result<Answer, Fault> {
    let stdin = kubectl.stdin.as_ref().map(String::as_bytes);
    let (login, flags) = login(who);
    let args: Vec<String> = flags.into_iter().chain(kubectl.args.iter().cloned()).collect();
    let (output, ()) = tokio::join!(context.kubectl.run(&args, stdin, login, deadline), known(&kubectl.args, context));
    let output = output.map_err(Fault::Kubectl)?;
    [&output.stdout, &output.stderr].into_iter().for_each(|bytes| redact::secrets::learn(bytes));
    if output.exit_code == 0 {
        for object in &kubectl.makes {
            let (kind, namespace) = (object.kind.clone(), object.namespace.clone());
            context.remember(Made { kind, namespace, name: object.name.clone() });
        }
    }
    Ok(Answer::Exec { exit_code: output.exit_code, stdout: output.stdout, stderr: output.stderr })
}

/// Makes known what kubectl may print without saying what it is: Secrets in a format of the scenario's own (`-o jsonpath`), and
/// the tokens of Pods, by what runs in them or by their logs.
async fn known(args: &[String], context: &Context) {
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
            context.mounted.all(namespace.as_deref().unwrap_or("default"), context).await;
        }
    };
    let patience = Moment::now() + std::time::Duration::from_secs(5);
    let _ = timeout_at(patience, async { tokio::join!(secrets, tokens) }).await;
}

/// The namespace that kubectl's words name; `None`: all.
fn namespace(args: &[String]) -> Option<String> {
    let mut found = Some("default".to_owned());
    let mut rest = args.iter().take_while(|arg| *arg != "--").peekable();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-A" | "--all-namespaces" => return None,
            "-n" | "--namespace" => found = rest.peek().map(|name| (*name).clone()).or(found),
            _ => {
                let joined = arg.strip_prefix("--namespace=").or_else(|| arg.strip_prefix("-n"));
                found = joined.map(|name| name.trim_start_matches('=').to_owned()).or(found);
            }
        }
    }
    found
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
