//! The process that holds a cluster for others, seen from outside: how it is started, and told to end. What it does is in
//! [`hold`](super::hold).
//!
//! It is this program (or test program) once more, in a session of its own, so that neither the end of its starter nor
//! a Ctrl-C at that terminal reaches it. Any kind of cluster can be held so.
//!
//! Until it is ready it hangs on its starter: it speaks in JSON lines on its standard output, and ends when its standard
//! input closes without the word `go`.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

use super::lease::{Folder, State, lock_soon};
use crate::{
    clock::poll,
    cluster::{ClusterError, Progress, StartError, lines::Lines},
    stop::{Stop, unless_stopped},
};

/// How often the holder's log is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long after a look at a holder that ends it is looked at again: it is not our child, so nothing tells us of its end.
const AGAIN: Duration = Duration::from_millis(20);

/// How much of a holder's log is read at once, in bytes.
const AT_ONCE: u64 = 64 << 10;

/// How long a holder may take to end its cluster before we stop waiting (it goes on by itself).
pub const END_BUDGET: Duration = Duration::from_secs(30);

/// A line of a holder to its starter.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum HolderMessage {
    /// What happens on the way to the cluster.
    Progress(Progress),
    /// The cluster can be used.
    Ready,
    /// There is none.
    Failed(ClusterError),
}

/// Starts a holder for a folder that was just made, with `command`, and waits until its cluster can be used.
///
/// # Errors
/// Why there is no cluster, or that the start was stopped; the holder ends then, and removes what it made.
pub async fn start(
    folder: &Folder,
    command: std::process::Command,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<State, StartError> {
    let failed =
        |what: &str, e: &dyn std::fmt::Display| ClusterError::plain(format!("the cluster's holder {what}: {e}"));
    let path = folder.path().join("log");
    let log =
        File::options().append(true).create(true).mode(0o600).open(&path).map_err(|e| failed("has no log", &e))?;
    let mut command = Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn().map_err(|e| failed("cannot be started", &e))?;
    let said = match unless_stopped(stop, listen(&mut child, &path, progress)).await {
        Ok(said) => said,
        Err(signal) => {
            drop(child.stdin.take());
            let _ = tokio::time::timeout(END_BUDGET, child.wait()).await;
            return Err(StartError::Stopped(signal));
        }
    };
    match said {
        Some(HolderMessage::Ready) => {
            let mut stdin = child.stdin.take().expect("standard input is piped");
            stdin.write_all(b"go\n").await.map_err(|e| failed("does not listen", &e))?;
            let gone = || ClusterError::plain("the cluster's holder ended at once");
            Ok(folder.known()?.ok_or_else(gone)?)
        }
        Some(HolderMessage::Failed(error)) => Err(error.into()),
        Some(HolderMessage::Progress(_)) | None => {
            let status = child.wait().await.map_or_else(|e| e.to_string(), |status| status.to_string());
            let message = format!("the cluster's holder ended before the cluster was ready ({status})");
            Err(ClusterError { message, remedy: None, log: last_lines(&path) }.into())
        }
    }
}

/// Passes progress on until the last word. What the holder says to people, of a build or a pull, goes to standard error.
async fn listen(child: &mut Child, log: &Path, progress: &mut (dyn FnMut(Progress) + Send)) -> Option<HolderMessage> {
    let mut lines = Lines::new(child.stdout.take()?);
    let mut shown = 0;
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
                Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                    // It ends when no process listens and its input closes.
                    drop(child.stdin.take());
                    let why = format!("the cluster's holder wrote {e}, which it never does");
                    return Some(HolderMessage::Failed(ClusterError { message: why, remedy: None, log: last_lines(log) }));
                }
                line => match serde_json::from_str(&line.ok()??) {
                    Ok(HolderMessage::Progress(one)) => progress(one),
                    Ok(said) => return Some(said),
                    Err(_) => {} // a test harness has words of its own
                },
            },
            _ = look.tick() => shown += show(log, shown),
        }
    }
}

/// Shows a file from there on, and gives how much that was, in bytes; not more than [`AT_ONCE`].
fn show(log: &Path, from: u64) -> u64 {
    let new = part(log, SeekFrom::Start(from));
    let _ = std::io::stderr().write_all(crate::redact::outlet::plain(&String::from_utf8_lossy(&new)).as_bytes());
    new.len() as u64
}

/// The last lines of a file, of which only the end is read.
fn last_lines(log: &Path) -> Vec<String> {
    let length = log.metadata().map_or(0, |about| about.len());
    let text = String::from_utf8_lossy(&part(log, SeekFrom::Start(length.saturating_sub(AT_ONCE)))).into_owned();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(20)..].to_vec()
}

/// The next bytes of a file from there on.
fn part(log: &Path, from: SeekFrom) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = File::open(log).and_then(|mut file| {
        file.seek(from)?;
        file.take(AT_ONCE).read_to_end(&mut bytes)
    });
    bytes
}

/// Tells the holder of a folder to end its cluster, and waits for that. Gives what could not be removed.
///
/// # Errors
/// When another process uses the cluster, unless `although_used`.
pub async fn end(folder: &Folder, although_used: bool) -> Result<Vec<String>, ClusterError> {
    let using = folder.open("use.lock").ok();
    if !although_used && using.as_ref().is_some_and(|file| lock_soon(file).is_err()) {
        let message = format!("the cluster {} is in use", folder.name());
        return Err(ClusterError::new(message, "wait until the run that uses it is over"));
    }
    // Held until the holder's process has ended, which is after its folder has gone.
    let holder = folder.open("holder.lock").ok();
    // By a word and not by a signal: the number of a process may be another's by now.
    let _ = folder.write("end.json", &true);
    let begun = Instant::now();
    let over = || {
        let there = folder.path().exists();
        if !there && holder.as_ref().is_none_or(|file| file.try_lock().is_ok()) {
            return Some(vec![]);
        }
        if there && folder.is_dead() {
            let left = folder.read("left.json").unwrap_or_default();
            folder.remove();
            return Some(left);
        }
        let late = || vec![format!("the cluster {}, whose holder is still at work", folder.name())];
        (begun.elapsed() > END_BUDGET).then(late)
    };
    Ok(poll(AGAIN, || std::future::ready(over())).await)
}
