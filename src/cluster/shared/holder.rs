//! The process that holds a cluster for others: how it is started, and what it does.
//!
//! It is this program (or test program) once more, in a session of its own, so that neither the end of who started it nor
//! a Ctrl-C at that terminal reaches it. Any kind of cluster can be held so.
//!
//! Until it is ready it hangs on its starter: it speaks in JSON lines on its standard output, and ends when its standard
//! input closes without the word `go`.

use std::{
    fs::File,
    io::{BufRead as _, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use crate::cluster::{
    Cluster, ClusterError, Progress, Settings, StartError, guard,
    lease::{Ask, Folder, State, Until, lock_soon},
    lines::Lines,
    snapshot, warm,
};
use crate::stop::{self, Stop, Stopper, Why, unless_stopped};

/// How often a holder looks whether it is still needed.
const LOOK: Duration = Duration::from_millis(100);

/// How much of a holder's log is read at once, in bytes.
const AT_ONCE: u64 = 64 << 10;

/// How long a holder may take to end its cluster before we stop waiting (it goes on by itself).
pub const END_BUDGET: Duration = Duration::from_secs(30);

/// A line of a holder to its starter.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Progress(Progress),
    Ready,
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
        Some(Said::Ready) => {
            let mut stdin = child.stdin.take().expect("standard input is piped");
            stdin.write_all(b"go\n").await.map_err(|e| failed("does not listen", &e))?;
            let gone = || ClusterError::plain("the cluster's holder ended at once");
            Ok(folder.known()?.ok_or_else(gone)?)
        }
        Some(Said::Failed(error)) => Err(error.into()),
        Some(Said::Progress(_)) | None => {
            let status = child.wait().await.map_or_else(|e| e.to_string(), |status| status.to_string());
            let message = format!("the cluster's holder ended before the cluster was ready ({status})");
            Err(ClusterError { message, remedy: None, log: last_lines(&path) }.into())
        }
    }
}

/// Passes progress on until the last word. What the holder says to people, of a build or a pull, goes to standard error.
async fn listen(child: &mut Child, log: &Path, progress: &mut (dyn FnMut(Progress) + Send)) -> Option<Said> {
    let mut lines = Lines::of(child.stdout.take()?);
    let mut shown = 0;
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
                Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                    // It ends when nobody listens and its input closes.
                    drop(child.stdin.take());
                    let why = format!("the cluster's holder wrote {e}, which it never does");
                    return Some(Said::Failed(ClusterError { message: why, remedy: None, log: last_lines(log) }));
                }
                line => match serde_json::from_str(&line.ok()??) {
                    Ok(Said::Progress(one)) => progress(one),
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

/// Is the holder of a folder's cluster: starts it, keeps it as long as it was asked for, ends it, and removes the folder.
/// Gives an exit code: 0, 3 when there was no cluster, 6 when something could not be removed.
pub fn hold(folder: &Folder, settings: &Settings, fresh: bool) -> u8 {
    // The error is that we lead a session already.
    let _ = rustix::process::setsid();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return 3 };
    let code = runtime.block_on(async {
        let (stopper, stop) = stop::pair();
        end_with_the_starter(&stopper);
        end_with_signals(&stopper);
        match (folder.open("holder.lock"), folder.open("use.lock"), folder.read::<Ask>("ask.json")) {
            (Ok(held), Ok(using), Some(ask)) if held.try_lock().is_ok() => {
                let code = life(folder, ask, &using, settings, fresh, &stop).await;
                drop(held);
                code
            }
            _ => 3,
        }
    });
    // The thread that listens to the starter may still wait for it.
    runtime.shutdown_background();
    code
}

async fn life(folder: &Folder, ask: Ask, using: &File, settings: &Settings, fresh: bool, stop: &Stop) -> u8 {
    let until = ask.until;
    let (cluster, guarded) = match begin(folder, ask, settings, fresh, stop).await {
        Ok(begun) => begun,
        Err(StartError::Stopped(_)) => {
            folder.remove();
            return 3;
        }
        Err(StartError::Failed(error)) => {
            // Others who want this cluster hear the same, and need not try again.
            let _ = folder.write("failed.json", &error);
            say(&Said::Failed(error));
            if let Until::Gone(_) = until {
                wait(folder, None, until, using, stop).await;
            }
            folder.remove();
            return 3;
        }
    };
    say(&Said::Ready);
    let guard = async {
        match guarded {
            Some((client, since)) => guard::watch(&client, since, folder).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(folder, Some(&cluster), until, using, stop) => {}
        () = guard => {}
    }
    let _ = std::fs::remove_file(folder.path().join("state.json"));
    let left = cluster.end().await.left;
    if left.is_empty() {
        folder.remove();
        return 0;
    }
    let _ = folder.write("left.json", &left);
    6
}

/// Starts the cluster and tells of it in the folder; gives with what its Pods are watched, when runs use it one after the other.
async fn begin(
    folder: &Folder,
    ask: Ask,
    settings: &Settings,
    fresh: bool,
    stop: &Stop,
) -> Result<(Cluster, Option<(kube::Client, guard::Since)>), StartError> {
    let mut progress = |progress| say(&Said::Progress(progress));
    let warm = matches!(ask.until, Until::Unused(_));
    let cluster = if warm || fresh {
        Cluster::start(&ask.wanted, settings, stop, &mut progress).await?
    } else {
        warm::or_new(&ask.wanted, settings, stop, &mut progress).await?
    };
    let told = async {
        let mut guarded = None;
        if warm {
            let client = cluster.client().await?;
            let pristine = snapshot::settled(&client).await?;
            folder.write("pristine.json", &pristine).map_err(|e| ClusterError::plain(e.to_string()))?;
            // Before anybody knows of the cluster.
            guarded = Some((client.clone(), guard::begin(&client).await?));
        }
        folder.write("state.json", &State::of(&cluster, ask)).map_err(|e| ClusterError::plain(e.to_string()))?;
        Ok::<_, ClusterError>(guarded)
    };
    match told.await {
        Ok(guarded) => Ok((cluster, guarded)),
        Err(error) => {
            cluster.discard().await;
            Err(error.into())
        }
    }
}

/// Waits until the cluster is no longer needed, or told to end. What dies in it meanwhile is told in the folder.
async fn wait(folder: &Folder, cluster: Option<&Cluster>, until: Until, using: &File, stop: &Stop) {
    let mut last = Instant::now();
    let mut touched = touched(using);
    let mut told = false;
    loop {
        tokio::select! {
            _ = stop.requested() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if !folder.path().exists() || folder.path().join("end.json").exists() {
            return;
        }
        if let Some(error) = cluster.and_then(Cluster::broken).filter(|_| !told) {
            told = folder.write("broken.json", &error).is_ok();
        }
        // The lock is kept when the answer is yes, so that nobody begins to use what ends.
        let free = using.try_lock().is_ok();
        if !free || self::touched(using) != touched {
            touched = self::touched(using);
            last = Instant::now();
        }
        let over = match until {
            Until::Unused(seconds) => told || last.elapsed() >= Duration::from_secs(seconds),
            Until::Gone(process) => !lives(process),
        };
        if free && over {
            return;
        }
        if free {
            let _ = using.unlock();
        }
    }
}

fn touched(using: &File) -> Option<SystemTime> {
    using.metadata().and_then(|about| about.modified()).ok()
}

fn lives(process: i32) -> bool {
    rustix::process::Pid::from_raw(process).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

fn say(said: &Said) {
    if let Ok(line) = serde_json::to_string(said) {
        let _ = writeln!(std::io::stdout(), "{}", crate::redact::redact(&line));
    }
}

fn end_with_the_starter(stopper: &Stopper) {
    let stopper = stopper.clone();
    std::thread::spawn(move || {
        let mut word = String::new();
        let read = std::io::stdin().lock().read_line(&mut word);
        if read.is_err() || word != "go\n" {
            stopper.stop(Why::Signal(1));
        } else if let Ok(nowhere) = File::options().write(true).open("/dev/null") {
            // The starter listens no more. After a minute a test harness says that a test is slow, and ends where it cannot.
            let _ = rustix::stdio::dup2_stdout(nowhere);
        }
    });
}

fn end_with_signals(stopper: &Stopper) {
    for (kind, number) in [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)] {
        let Ok(mut signals) = signal(kind) else { continue };
        let stopper = stopper.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stopper.stop(Why::Signal(number));
        });
    }
}

/// Tells the holder of a folder to end its cluster, and waits for that. Gives what could not be removed.
///
/// # Errors
/// When somebody uses the cluster, unless `although_used`.
pub async fn end(folder: &Folder, although_used: bool) -> Result<Vec<String>, ClusterError> {
    let using = folder.open("use.lock").ok();
    if !although_used && using.as_ref().is_some_and(|file| lock_soon(file).is_err()) {
        let message = format!("the cluster {} is in use", folder.name());
        return Err(ClusterError::new(message, "wait until the run that uses it is over"));
    }
    // By a word and not by a signal: the number of a process may be another's by now.
    let _ = folder.write("end.json", &true);
    let begun = Instant::now();
    while folder.path().exists() {
        if folder.is_dead() {
            let left = folder.read("left.json").unwrap_or_default();
            folder.remove();
            return Ok(left);
        }
        if begun.elapsed() > END_BUDGET {
            return Ok(vec![format!("the cluster {}, whose holder is still at work", folder.name())]);
        }
        // The holder is not our child, so nothing tells us of its end.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(vec![])
}
