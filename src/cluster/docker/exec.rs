//! A command in a container, through Docker's API: Docker's own command line is not needed.

use std::time::Duration;

use futures::StreamExt as _;
use testcontainers::bollard::{
    Docker,
    container::LogOutput,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
};
use tokio::io::AsyncWriteExt as _;

use super::daemon::{Daemon, on};
use crate::{
    clock::poll,
    cluster::{
        in_container::InContainer,
        output::{MOST_OUTPUT, Output, too_much},
    },
};

/// How long Docker may take to note the exit code, in looks of [`AGAIN`] each.
const LOOKS: usize = 100;

/// How long after a look at the exit code it is looked at again.
const AGAIN: Duration = Duration::from_millis(20);

impl InContainer {
    /// Runs a command in it; see [`run`].
    ///
    /// # Errors
    /// In one sentence.
    pub async fn exec(&self, command: Vec<String>, stdin: Option<Vec<u8>>) -> Result<Output, String> {
        let daemon = Daemon::connect(self.host.as_deref()).await.map_err(|e| e.to_string())?;
        let id = self.id.clone();
        on(async move { run(&daemon.client, &id, command, stdin).await }).await
    }
}

/// Runs a command, feeds it, and gives all that it wrote.
///
/// # Errors
/// In one sentence: it could not be started, its output broke off, or it wrote too much.
pub async fn run(client: &Docker, id: &str, command: Vec<String>, stdin: Option<Vec<u8>>) -> Result<Output, String> {
    let options = CreateExecOptions {
        cmd: Some(command),
        attach_stdin: Some(stdin.is_some()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..Default::default()
    };
    let not_started = |e| format!("it could not be started: {e}");
    let exec = client.create_exec(id, options).await.map_err(not_started)?;
    let started = client.start_exec(&exec.id, None::<StartExecOptions>).await.map_err(not_started)?;
    let StartExecResults::Attached { mut output, mut input } = started else {
        return Err("it could not be started: Docker did not attach to it".into());
    };
    let feed = async move {
        if let Some(bytes) = stdin {
            // A command that ends before it has read everything is not at fault.
            let _ = input.write_all(&bytes).await;
            let _ = input.shutdown().await;
        }
        // Kept until the command has ended: to close it would end the output, too.
        input
    };
    let read = async {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(part) = output.next().await {
            match part.map_err(|e| format!("its output broke off: {e}"))? {
                LogOutput::StdErr { message } => stderr.extend_from_slice(&message),
                other => stdout.extend_from_slice(&other.into_bytes()),
            }
            if stdout.len() > MOST_OUTPUT || stderr.len() > MOST_OUTPUT {
                return Err(too_much());
            }
        }
        Ok((stdout, stderr))
    };
    let (input, read) = tokio::join!(feed, read);
    drop(input);
    let (stdout, stderr) = read?;
    Ok(Output { exit_code: exit_code(client, &exec.id).await?, stdout, stderr })
}

/// Docker notes the exit code a moment after the output has ended.
async fn exit_code(client: &Docker, exec: &str) -> Result<i32, String> {
    let mut looks = 0..LOOKS;
    poll(AGAIN, || {
        let is_over = looks.next().is_none();
        async move {
            if is_over {
                return Some(Err("its end was not seen".into()));
            }
            let seen = match client.inspect_exec(exec).await {
                Ok(seen) => seen,
                Err(e) => return Some(Err(format!("its end was not seen: {e}"))),
            };
            let (Some(code), Some(false)) = (seen.exit_code, seen.running) else { return None };
            Some(i32::try_from(code).map_err(|_| format!("its exit code {code} is none")))
        }
    })
    .await
}
