//! `exec`: a command in a Pod's container, by the API server's websocket, with a deadline here and inside.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use kube::api::{Api, AttachParams, AttachedProcess};
use tokio::io::AsyncWriteExt as _;

use super::{Context, Fault, running};
use crate::{
    clock::{Moment, timeout_at},
    cluster::kubectl::all,
    expect::Answer,
    plan::{Exec, Place},
    redact,
};

/// How much longer we wait for the end of a command than the command may run inside.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// How much longer than that for a call that ends by itself: its time counts from its own beginning, and a container runtime
/// on a busy machine takes seconds to start it.
pub const STARTS_WITHIN: Duration = Duration::from_secs(8);

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

/// Runs the step's command.
///
/// # Errors
/// [`Fault::Exec`]: the command could not be started, was not over at the deadline, or its end was not seen.
pub async fn run(exec: &Exec, context: &Context, deadline: Moment) -> Result<Answer, Fault> {
    let seconds = deadline.seconds_left();
    let mut bounded = vec!["timeout".to_owned(), "-s".into(), "KILL".into(), seconds.to_string()];
    bounded.extend(exec.command.iter().cloned());
    let stdin = exec.stdin.as_ref().map(String::as_bytes);
    // The command runs on while this process is stopped.
    let begun = Instant::now();
    let ended = command(&exec.place, &bounded, stdin, context, deadline + GRACE);
    let known = context.mounted.of(&exec.place.namespace, &exec.place.pod, context);
    let (ended, ()) = tokio::join!(ended, known);
    let ended = match ended {
        // An image without `timeout`: our own deadline has to do.
        Err(Fault::Exec { why, .. }) if why.contains("\"timeout\": executable file not found") => {
            command(&exec.place, &exec.command, stdin, context, deadline + GRACE).await
        }
        other => other,
    };
    let output = told(ended, &exec.place, context).await?;
    if output.exit_code == 137 && begun.elapsed() >= Duration::from_secs(seconds) {
        return Err(Fault::endless(&exec.command, seconds));
    }
    learn(&output);
    Ok(Answer::Exec { exit_code: output.exit_code, stdout: output.stdout, stderr: output.stderr })
}

/// The end of a command, or why there was none: what its container's state explains.
async fn told(ended: Result<Output, Fault>, place: &Place, context: &Context) -> Result<Output, Fault> {
    let fault = match ended {
        Ok(output) => return Ok(output),
        Err(fault) => fault,
    };
    match running::without_program(&fault) {
        Some((exit_code, words)) => Ok(Output { exit_code, stdout: Vec::new(), stderr: words.into_bytes() }),
        None => Err(running::why(place, fault, context).await),
    }
}

/// Learns the Secrets that a command has printed.
pub(super) fn learn(output: &Output) {
    [&output.stdout, &output.stderr].into_iter().for_each(|bytes| redact::secrets::learn(bytes));
}

/// Runs a command and waits for its end.
///
/// # Errors
/// As [`run`].
async fn command(
    place: &Place,
    command: &[String],
    stdin: Option<&[u8]>,
    context: &Context,
    deadline: Moment,
) -> Result<Output, Fault> {
    in_time(place, deadline, attached(place, command, stdin, &context.client)).await
}

/// The same in the Pod's shell, if there is one. The command must end by itself at the deadline; it is asked for when it is about
/// to begin. What `only_reads` is run once more, without the shell, when that has ended meanwhile.
///
/// # Errors
/// As [`run`].
pub async fn call(
    place: &Place,
    command: &(dyn Fn() -> Vec<String> + Sync),
    stdin: Option<&[u8]>,
    only_reads: bool,
    context: &Context,
    deadline: Moment,
) -> Result<Output, Fault> {
    let alone = AtomicBool::new(false);
    let called = async {
        match context.shells.run(place, command, stdin).await {
            Some(output) if output.is_ok() || !only_reads => output,
            _ => {
                alone.store(true, Ordering::Relaxed);
                attached(place, &command(), stdin, &context.client).await
            }
        }
    };
    let called = in_time(place, deadline + STARTS_WITHIN + GRACE, called).await;
    // The shell has read what its Pod has mounted.
    if alone.load(Ordering::Relaxed) && called.is_ok() {
        context.mounted.of(&place.namespace, &place.pod, context).await;
    }
    told(called, place, context).await
}

async fn in_time(
    place: &Place,
    deadline: Moment,
    work: impl Future<Output = Result<Output, String>>,
) -> Result<Output, Fault> {
    let output = timeout_at(deadline, work).await;
    let output = output.unwrap_or_else(|_| Err("its end was not seen in time".into()));
    output.map_err(|why| Fault::Exec { pod: place.pod.clone(), why })
}

/// Runs a command by an exec of its own.
///
/// # Errors
/// In one sentence.
pub(super) async fn attached(
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
