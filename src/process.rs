//! A child process as a group: what it starts belongs to it, and it ends as a whole.
//!
//! A signal of the terminal does not reach a group of its own, so each ends when the future that waits for it is dropped: at a
//! deadline, at Ctrl-C, at the end of a run. And that it has ended is looked at, as long as its first process is not reaped and
//! its number cannot be another's.

use std::{
    io,
    process::{ExitStatus, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

use crate::sync::locked;

/// How long a group that was killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// A process, named beyond doubt, and its name for people.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    pid: u32,
    start: String,
    name: String,
}

/// What did not end although it was killed.
static STUCK: Mutex<Vec<Member>> = Mutex::new(Vec::new());

/// A running child and all that it has started in its process group.
#[derive(Debug)]
pub struct Group {
    child: Child,
    leader: Option<Pid>,
    /// How long it may clean up after a TERM before it is killed.
    patience: Duration,
}

impl Group {
    /// Starts a command as the first process of a new group.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Group { child, leader, patience: Duration::ZERO })
    }

    /// The same for a command that cleans up by itself after a TERM, and is killed only later.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Its first process, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until the first process ends, and ends what it left behind.
    ///
    /// # Errors
    /// When its end cannot be seen.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(leader) = self.leader {
            let seen = move || loop {
                // Not reaped yet: until then no other process can get its number.
                match waitid(WaitId::Pid(leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                    Err(rustix::io::Errno::INTR) => {}
                    _ => return,
                }
            };
            tokio::task::spawn_blocking(seen).await.map_err(io::Error::other)?;
            self.leader = None;
            end(leader, Duration::ZERO);
        }
        self.child.wait().await
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader.take() {
            end(leader, self.patience);
        }
    }
}

/// What a command wrote until its end.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
}

/// Why a command has no [`Output`]. As the end of a sentence that begins with its name.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It did not begin.
    #[error("cannot be started: {0}")]
    NotStarted(io::Error),
    /// It ran, and its end or its output could not be seen.
    #[error("was lost: {0}")]
    Lost(io::Error),
    /// So many bytes at most.
    #[error("wrote more than {} KiB, and was ended", .0 >> 10)]
    TooMuch(usize),
    /// So long at most.
    #[error("did not end within {} s, and was ended with all that it had started", .0.as_secs())]
    TooLate(Duration),
}

/// Waits for work on a thread and a runtime of its own: the caller may be on a runtime already, where nothing may wait so.
///
/// # Errors
/// When there is no runtime for it, or it has panicked.
pub fn on_own_thread<T: Send, F: Future<Output = T>>(work: impl FnOnce() -> F + Send) -> io::Result<T> {
    let waited = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(work()))
    };
    let panicked = || Err(io::Error::other("the thread that waited for it has panicked"));
    std::thread::scope(|scope| scope.spawn(waited).join().unwrap_or_else(|_| panicked()))
}

/// Runs a command as a group, feeds it, and gives what it wrote. It ends as a whole when it takes too long, writes too much, or
/// no caller waits any more.
///
/// # Errors
/// See [`Failed`].
pub async fn output(
    command: &mut Command,
    stdin: Option<&[u8]>,
    within: Duration,
    most: usize,
) -> Result<Output, Failed> {
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::start(command).map_err(Failed::NotStarted)?;
    let (pipe, stdout, stderr) = (group.child.stdin.take(), group.child.stdout.take(), group.child.stderr.take());
    let feed = async {
        if let (Some(bytes), Some(mut pipe)) = (stdin, pipe) {
            // A command that ends before it has read everything is not at fault.
            let _ = pipe.write_all(bytes).await;
        }
        Ok(())
    };
    let ended = async { group.wait().await.map_err(Failed::Lost) };
    // What it leaves behind may hold its output open, so its end is waited for beside.
    let all = async { tokio::try_join!(feed, all(stdout, most), all(stderr, most), ended) };
    let ((), stdout, stderr, status) =
        tokio::time::timeout(within, all).await.map_err(|_| Failed::TooLate(within))??;
    Ok(Output { status, stdout, stderr })
}

async fn all(stream: Option<impl AsyncRead + Unpin>, most: usize) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(most as u64 + 1).read_to_end(&mut bytes).await.map_err(Failed::Lost)?;
    }
    if bytes.len() > most { Err(Failed::TooMuch(most)) } else { Ok(bytes) }
}

/// Ends a group whose first process is not reaped yet, and looks that it is gone.
fn end(leader: Pid, patience: Duration) {
    let group = leader.as_raw_pid().cast_unsigned();
    let gone = |within: Duration| {
        let begun = Instant::now();
        loop {
            let left = members(group);
            if left.is_empty() || begun.elapsed() >= within {
                return left;
            }
            std::thread::sleep(LOOK);
        }
    };
    if !patience.is_zero() {
        let _ = kill_process_group(leader, Signal::TERM);
        gone(patience);
    }
    // Those that have gone already are no fault.
    let _ = kill_process_group(leader, Signal::KILL);
    let left = gone(GONE_WITHIN);
    locked(&STUCK).extend(left);
}

/// What was started, was killed, and is still there, each in a line.
pub fn still_there() -> Vec<String> {
    let mut stuck = locked(&STUCK);
    stuck.retain(|member| read(member.pid).is_some_and(|(_, now)| now == *member));
    stuck.iter().map(|member| format!("process {} ({})", member.pid, member.name)).collect()
}

/// The processes of a group that are not dead.
#[cfg(target_os = "linux")]
fn members(group: u32) -> Vec<Member> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(read).filter(|(of, _)| *of == group).map(|(_, member)| member).collect()
}

#[cfg(not(target_os = "linux"))]
fn members(_group: u32) -> Vec<Member> {
    vec![]
}

/// The group of a process, and who it is; `None` when it is dead.
#[cfg(target_os = "linux")]
fn read(pid: u32) -> Option<(u32, Member)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in it may hold spaces and brackets, so counting begins after the last one.
    let (before, after) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let (state, group, start) = (fields.first()?, fields.get(2)?.parse().ok()?, (*fields.get(19)?).to_owned());
    let name = before.split_once('(').map(|(_, name)| name.to_owned()).unwrap_or_default();
    (!matches!(*state, "Z" | "X")).then_some((group, Member { pid, start, name }))
}

#[cfg(not(target_os = "linux"))]
fn read(_pid: u32) -> Option<(u32, Member)> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    use super::*;

    /// A shell that starts two more, says their numbers, and stays.
    async fn family(script: &str) -> (Group, Vec<u32>) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        let mut group = Group::start(&mut command).expect("it starts");
        let mut lines = BufReader::new(group.child().stdout.take().expect("a pipe")).lines();
        let line = lines.next_line().await.expect("it reads").expect("a line");
        (group, line.split(' ').map(|pid| pid.parse().expect("a number")).collect())
    }

    fn alive(pids: &[u32]) -> Vec<u32> {
        pids.iter().copied().filter(|pid| read(*pid).is_some()).collect()
    }

    #[tokio::test]
    async fn what_is_dropped_ends_as_a_whole() {
        let (group, pids) = family("trap '' TERM INT; (sleep 600) & (sleep 600) & echo $$ $!; wait").await;
        let leader = pids[0];
        assert_eq!(alive(&pids), pids);
        assert!(members(leader).len() >= 3, "{:?}", members(leader));
        drop(group);
        assert!(alive(&pids).is_empty() && members(leader).is_empty() && still_there().is_empty());
    }

    #[tokio::test]
    async fn what_a_command_leaves_behind_ends_with_it() {
        let (mut group, pids) = family("sleep 600 & echo $$ $!; exit 7").await;
        let status = group.wait().await.expect("an end");
        assert!(status.code() == Some(7) && alive(&pids).is_empty() && members(pids[0]).is_empty());
    }

    #[tokio::test]
    async fn a_command_that_hangs_or_floods_ends_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pids");
        let run = async |script: &str, within| {
            let script = format!("sleep 600 & echo $$ $! > {}; {script}", file.display());
            let failed =
                output(Command::new("sh").args(["-c", &script]), None, within, 1 << 10).await.expect_err("no end");
            let pids = std::fs::read_to_string(&file).expect("written");
            let pids: Vec<u32> = pids.split_whitespace().map(|pid| pid.parse().expect("a number")).collect();
            assert!(pids.len() == 2 && alive(&pids).is_empty(), "{pids:?}");
            failed.to_string()
        };
        let late = run("wait", Duration::from_secs(1)).await;
        assert_eq!(late, "did not end within 1 s, and was ended with all that it had started");
        let much = run("trap '' PIPE; while :; do echo x 2>&-; done", Duration::from_secs(60)).await;
        assert_eq!(much, "wrote more than 1 KiB, and was ended");
        let much = run("exec cat /dev/zero >&2", Duration::from_secs(60)).await;
        assert_eq!(much, "wrote more than 1 KiB, and was ended");
    }

    #[tokio::test]
    async fn who_cleans_up_is_let() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("cleaned");
        let script = format!("trap 'echo > {}; exit' TERM; echo $$ $$; sleep 600 & wait", file.display());
        let (group, pids) = family(&script).await;
        drop(group.with_patience(Duration::from_secs(20)));
        assert!(file.exists());
        assert!(alive(&pids).is_empty());
    }
}
