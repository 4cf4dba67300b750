//! A command in a Pod's container, by the API server's websocket.

use kube::api::{Api, AttachParams, AttachedProcess};
use tokio::io::AsyncWriteExt as _;

use crate::{cluster::output::all, plan::Place, redact};

/// The end of a command.
#[derive(Debug, Clone)]
pub struct Output {
    /// 0 to 255.
    pub exit_code: i32,
    /// All of it.
    pub stdout: Vec<u8>,
    /// All of it.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Makes the Secrets known that the command has printed.
    pub(super) fn learn_secrets(&self) {
        [&self.stdout, &self.stderr].into_iter().for_each(|bytes| redact::secrets::learn(bytes));
    }
}

/// Runs a command by an exec of its own.
///
/// # Errors
/// In one sentence.
pub(super) async fn run(
    place: &Place,
    command: &[String],
    stdin: Option<&[u8]>,
    client: &kube::Client,
) -> Result<Output, String> {
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(client.clone(), &place.namespace);
    let mut params =
        AttachParams::default().stdin(stdin.is_some()).stdout(true).stderr(true).max_stdout_buf_size(64 << 10);
    params.container = place.container.clone();
    let mut process = match pods.exec(&place.pod, command, &params).await {
        // A Pod of several containers: the first one is meant, which only the Pod knows.
        Err(kube::Error::Api(status)) if status.message.contains("a container name must be specified") => {
            let pod = pods.get(&place.pod).await.map_err(|e| refusal(&e))?;
            params.container = pod.spec.and_then(|spec| spec.containers.into_iter().next()).map(|first| first.name);
            pods.exec(&place.pod, command, &params).await.map_err(|e| refusal(&e))?
        }
        other => other.map_err(|e| refusal(&e))?,
    };
    let status = process.take_status().ok_or("kube gave no status channel")?;
    let (stdout, stderr) = (process.stdout(), process.stderr());
    // Without a status the stream was cut: what came may be a part, and nothing is known about the end. Then the two others
    // never end, and neither do they when one of them brings too much.
    let told =
        async { status.await.ok_or_else(|| "the connection was cut before the command's end was told".to_owned()) };
    let ((), stdout, stderr, status) = tokio::try_join!(feed(&mut process, stdin), all(stdout), all(stderr), told)?;
    Ok(Output { exit_code: exit_code(&status)?, stdout, stderr })
}

async fn feed(process: &mut AttachedProcess, stdin: Option<&[u8]>) -> Result<(), String> {
    if let (Some(bytes), Some(mut pipe)) = (stdin, process.stdin()) {
        pipe.write_all(bytes).await.map_err(|e| format!("its standard input broke: {e}"))?;
        pipe.shutdown().await.map_err(|e| format!("its standard input broke: {e}"))?;
    }
    Ok(())
}

/// The exit code from the status that closes an exec, or why there is none: then the kubelet or the container runtime
/// failed, not the command.
fn exit_code(status: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Status) -> Result<i32, String> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let cause = status.details.as_ref().and_then(|details| details.causes.as_ref()).into_iter().flatten();
    let code = cause
        .filter(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .find_map(|cause| cause.message.as_deref()?.parse().ok());
    match code {
        Some(code) => Ok(code),
        None => Err(status.message.clone().unwrap_or_else(|| "it failed without a word".into())),
    }
}

fn refusal(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => {
            format!("{} ({}), asked as kubewalk's own administrator", status.message, status.code)
        }
        other => other.to_string(),
    }
}

/// Random letters that nothing else contains, to mark an end by.
pub(super) fn random_mark() -> String {
    use rand::RngExt as _;
    let mut rng = rand::rng();
    (0..20).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(json: serde_json::Value) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Status {
        serde_json::from_value(json).expect("a Status")
    }

    #[test]
    fn the_commands_end_and_the_runtimes_are_told_apart() {
        assert_eq!(exit_code(&status(json!({"status": "Success"}))), Ok(0));
        let six = json!({
            "status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated with exit code 6",
            "details": {"causes": [{"reason": "ExitCode", "message": "6"}]},
        });
        assert_eq!(exit_code(&status(six)), Ok(6));
        let runtime =
            json!({"status": "Failure", "reason": "InternalError", "message": "error adding pid 7 to cgroups"});
        assert_eq!(exit_code(&status(runtime)), Err("error adding pid 7 to cgroups".into()));
    }
}
