//! `exec`: a command in a Pod's container, with a deadline here and inside.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::{
    Context, StepError,
    pod_exec::{self, Output},
    running,
};
use crate::{
    clock::{Moment, timeout_at},
    expect::Answer,
    plan::{Exec, Place},
};

/// How much longer we wait for the end of a command than the command may run inside.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// How much longer than that for a call that ends by itself: its time counts from its own beginning, and a container runtime
/// on a busy machine takes seconds to start it.
pub const STARTS_WITHIN: Duration = Duration::from_secs(8);

/// Runs the step's command.
///
/// # Errors
/// [`StepError::Exec`]: the command could not be started, was not over at the deadline, or its end was not seen.
pub async fn run(exec: &Exec, context: &Context, deadline: Moment) -> Result<Answer, StepError> {
    if let Some(why) = exec.too_long() {
        return Err(StepError::too_long(why));
    }
    let seconds = deadline.seconds_left();
    let mut bounded = vec!["timeout".to_owned(), "-s".into(), "KILL".into(), seconds.to_string()];
    bounded.extend(exec.command.iter().cloned());
    let stdin = exec.stdin.as_ref().map(String::as_bytes);
    // The command runs on while this process is stopped.
    let begun = Instant::now();
    let ended = command(&exec.place, &bounded, stdin, context, deadline + GRACE);
    let known = context.mounted.learn_of_pod(&exec.place.namespace, &exec.place.pod, &context.client);
    let (ended, ()) = tokio::join!(ended, known);
    let ended = match ended {
        // An image without `timeout`: our own deadline has to do.
        Err(StepError::Exec { why, .. }) if why.contains("\"timeout\": executable file not found") => {
            command(&exec.place, &exec.command, stdin, context, deadline + GRACE).await
        }
        other => other,
    };
    let output = explained(ended, &exec.place, context).await?;
    if output.exit_code == 137 && begun.elapsed() >= Duration::from_secs(seconds) {
        return Err(StepError::endless(&exec.command, seconds));
    }
    output.learn_secrets();
    Ok(Answer::Exec { exit_code: output.exit_code, stdout: output.stdout, stderr: output.stderr })
}

/// The end of a command, or why there was none: what its container's state explains.
async fn explained(ended: Result<Output, StepError>, place: &Place, context: &Context) -> Result<Output, StepError> {
    let fault = match ended {
        Ok(output) => return Ok(output),
        Err(fault) => fault,
    };
    match running::without_program(&fault) {
        Some((exit_code, words)) => Ok(Output { exit_code, stdout: Vec::new(), stderr: words.into_bytes() }),
        None => Err(running::explain(place, fault, context).await),
    }
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
) -> Result<Output, StepError> {
    in_time(place, deadline, pod_exec::run(place, command, stdin, &context.client)).await
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
) -> Result<Output, StepError> {
    let alone = AtomicBool::new(false);
    let called = async {
        match context.shells.run(place, command, stdin).await {
            Some(output) if output.is_ok() || !only_reads => output,
            _ => {
                alone.store(true, Ordering::Relaxed);
                pod_exec::run(place, &command(), stdin, &context.client).await
            }
        }
    };
    let called = in_time(place, deadline + STARTS_WITHIN + GRACE, called).await;
    // The shell has read what its Pod has mounted.
    if alone.load(Ordering::Relaxed) && called.is_ok() {
        context.mounted.learn_of_pod(&place.namespace, &place.pod, &context.client).await;
    }
    explained(called, place, context).await
}

async fn in_time(
    place: &Place,
    deadline: Moment,
    work: impl Future<Output = Result<Output, String>>,
) -> Result<Output, StepError> {
    let output = timeout_at(deadline, work).await;
    let output = output.unwrap_or_else(|_| Err("its end was not seen in time".into()));
    output.map_err(|why| StepError::Exec { pod: place.pod.clone(), why })
}
