//! What the process does that holds a cluster for others; how it is started is in [`holder`](super::holder).

use std::{
    fs::File,
    io::{BufRead as _, Write as _},
    time::{Duration, Instant, SystemTime},
};

use tokio::signal::unix::{SignalKind, signal};

use super::{
    guard,
    holder::HolderMessage,
    lease::{Ask, Folder, State, Until},
    snapshot, warm,
};
use crate::{
    cluster::{Cluster, ClusterError, Settings, StartError, start},
    stop::{self, Stop, Stopper, Why},
};

/// How often a holder looks whether it is still needed.
const LOOK: Duration = Duration::from_millis(100);

/// Becomes the holder of a folder's cluster: starts it, keeps it as long as it was asked for, ends it, and removes the folder.
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
                // Given back by the end of this process, for which `holder::end` waits.
                std::mem::forget(held);
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
    let until = ask.until.clone();
    let (cluster, guarded) = match begin(folder, ask, settings, fresh, stop).await {
        Ok(begun) => begun,
        Err(StartError::Stopped(_)) => {
            folder.remove();
            return 3;
        }
        Err(StartError::Failed(error)) => {
            // Others who want this cluster hear the same, and need not try again.
            let _ = folder.write("failed.json", &error);
            say(&HolderMessage::Failed(error));
            if let Until::Gone(_) = until {
                wait(folder, None, &until, using, stop).await;
            }
            folder.remove();
            return 3;
        }
    };
    say(&HolderMessage::Ready);
    let guard = async {
        match guarded {
            Some((client, since)) => guard::watch(&client, since, folder).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(folder, Some(&cluster), &until, using, stop) => {}
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
    let mut progress = |progress| say(&HolderMessage::Progress(progress));
    let warm = matches!(ask.until, Until::Unused(_));
    let cluster = if warm || fresh {
        start(&ask.wanted, settings, stop, &mut progress).await?
    } else {
        warm::or_new(&ask.wanted, settings, stop, &mut progress).await?
    };
    let told = async {
        let mut guarded = None;
        if warm {
            let client = cluster.client().await?;
            let pristine = snapshot::settled(&client).await?;
            folder.write("pristine.json", &pristine).map_err(|e| ClusterError::plain(e.to_string()))?;
            // Before another process knows of the cluster.
            guarded = Some((client.clone(), guard::begin(&client).await?));
        }
        folder
            .write("state.json", &State::from_cluster(&cluster, ask))
            .map_err(|e| ClusterError::plain(e.to_string()))?;
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
async fn wait(folder: &Folder, cluster: Option<&Cluster>, until: &Until, using: &File, stop: &Stop) {
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
        // The lock is kept when the answer is yes, so that no other process begins to use what ends.
        let free = using.try_lock().is_ok();
        if !free || self::touched(using) != touched {
            touched = self::touched(using);
            last = Instant::now();
        }
        let over = match until {
            Until::Unused(seconds) => told || last.elapsed() >= Duration::from_secs(*seconds),
            Until::Gone(process) => !process.lives(),
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

fn say(said: &HolderMessage) {
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
