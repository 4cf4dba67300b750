//! `kubectl`: the real one, on the cluster's node.

use tokio::time::Instant;

use super::{Context, Fault};
use crate::{expect::Answer, plan::Kubectl};

/// Runs it.
///
/// # Errors
/// [`Fault::Kubectl`]: it could not be started, was not over at the deadline, or its end was not seen.
pub async fn run(kubectl: &Kubectl, context: &Context, deadline: Instant) -> Result<Answer, Fault> {
    // The hook: an identity will bring a kubeconfig of its own; nothing plans one today.
    if kubectl.identity.is_some() {
        return Err(Fault::Kubectl("kubectl as another identity than the administrator is not there yet".into()));
    }
    let stdin = kubectl.stdin.as_ref().map(String::as_bytes);
    let output = context.kubectl.run(&kubectl.args, stdin, deadline).await.map_err(Fault::Kubectl)?;
    Ok(Answer::Exec { exit_code: output.exit_code, stdout: output.stdout, stderr: output.stderr })
}
