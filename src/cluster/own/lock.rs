//! Locks, each with an end to the waiting, and a word about the process that holds it.

use std::{
    fs::{File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    time::{Duration, Instant},
};

/// How often a lock that is held is asked for again.
const LOOK: Duration = Duration::from_millis(10);

/// How a file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By one.
    Alone,
    /// By several together.
    Shared,
}

impl How {
    fn try_on(self, file: &File) -> Result<(), TryLockError> {
        if self == How::Alone { file.try_lock() } else { file.try_lock_shared() }
    }
}

/// Takes a lock, and blocks this thread meanwhile.
///
/// # Errors
/// When it is still held by another process after that time: which, where that can be told; or it cannot be locked.
pub fn within(file: &File, how: How, time: Duration) -> io::Result<()> {
    let begun = Instant::now();
    while !taken(file, how, begun, time)? {
        std::thread::sleep(LOOK.min(time));
    }
    Ok(())
}

/// Takes a lock, and lets other tasks go on meanwhile.
///
/// # Errors
/// As [`within`].
pub async fn soon(file: &File, how: How, time: Duration) -> io::Result<()> {
    let begun = Instant::now();
    while !taken(file, how, begun, time)? {
        tokio::time::sleep(LOOK.min(time)).await;
    }
    Ok(())
}

/// Asks for a lock once: whether it is ours now.
///
/// # Errors
/// As [`within`].
fn taken(file: &File, how: How, begun: Instant, time: Duration) -> io::Result<bool> {
    match how.try_on(file) {
        Ok(()) => Ok(true),
        Err(TryLockError::Error(e)) => Err(e),
        Err(TryLockError::WouldBlock) if begun.elapsed() >= time => Err(held(file, time)),
        Err(TryLockError::WouldBlock) => Ok(false),
    }
}

fn held(file: &File, time: Duration) -> io::Error {
    let who = holder(file).unwrap_or_else(|| "another process".into());
    io::Error::new(io::ErrorKind::WouldBlock, format!("{who} has held it for {time:.0?}"))
}

/// Which process holds the lock of a file, as the kernel lists it: `process 77 (kubewalk)`.
fn holder(file: &File) -> Option<String> {
    let about = file.metadata().ok()?;
    let pid = holder_in(&std::fs::read_to_string("/proc/locks").ok()?, about.ino())?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(format!("process {pid} ({})", name.trim()))
}

/// `1: FLOCK  ADVISORY  WRITE 77 08:01:1234 0 EOF`; a process that waits has an arrow.
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (kind, pid) = (words.next()?, words.nth(2)?);
        let at = words.next()?.rsplit(':').next()?.parse::<u64>().ok()?;
        (kind == "FLOCK" && at == inode).then(|| pid.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_ends_the_waiting_and_says_by_whom() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = || File::options().create(true).append(true).open(dir.path().join("lock")).expect("a file");
        let (ours, theirs) = (file(), file());
        within(&theirs, How::Shared, Duration::ZERO).expect("it is free");
        within(&ours, How::Shared, Duration::ZERO).expect("it is shared");
        let begun = Instant::now();
        let e = within(&ours, How::Alone, Duration::from_millis(50)).expect_err("it is held");
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
        #[cfg(target_os = "linux")]
        assert!(e.to_string().starts_with(&format!("process {} (", std::process::id())), "{e}");
    }

    #[test]
    fn the_kernel_s_list_is_read() {
        let list = "1: POSIX  ADVISORY  WRITE 5 fe:00:42 0 EOF\n2: FLOCK  ADVISORY  WRITE 77 fe:00:42 0 EOF\n\
                    2: -> FLOCK  ADVISORY  WRITE 78 fe:00:42 0 EOF\n";
        assert_eq!(holder_in(list, 42), Some(77));
        assert_eq!(holder_in(list, 43), None);
    }
}
