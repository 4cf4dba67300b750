//! What this process and its children may use of the machine (`ulimit`), looked at before a cluster is started: with too little
//! each program fails in another way, and none says why.

use std::sync::{PoisonError, RwLock};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::ClusterError;

/// So many open files the node's components need, each: with 256 the walkthrough holds, etcd refuses to start with less than 150.
const NODE_FILES: u64 = 256;

/// So many open files every command needs that speaks to a cluster or to Docker.
pub const FILES: u64 = 64;

/// The most open files that are asked for: more makes programs slow that close all that there could be.
const ENOUGH_FILES: u64 = 4096;

/// The largest file that a node writes, in bytes, with room to spare.
const NODE_FILE_SIZE: u64 = 1 << 30;

/// The address space that a node's program reserves, with room to spare.
const NODE_MEMORY: u64 = 8 << 30;

/// So many threads every command needs that speaks to a cluster or to Docker: those that wait for files and names included.
pub const THREADS: usize = 16;

/// And every other one: those that read.
pub const FEW_THREADS: usize = 3;

/// So much memory every command needs, in bytes.
const MEMORY: u64 = 256 << 20;

/// Raises what may be raised without rights: a limit that is only a default is no reason to fail.
pub fn raise() {
    let enough = |resource, enough: Option<u64>| {
        let found = getrlimit(resource);
        let wished = match (found.maximum, enough) {
            (Some(most), Some(enough)) => Some(most.min(enough)),
            (most, enough) => enough.or(most),
        };
        let lower = match (found.current, wished) {
            (Some(current), Some(wished)) => current < wished,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if lower {
            let _ = setrlimit(resource, Rlimit { current: wished, ..found });
        }
    };
    enough(Resource::Nofile, Some(ENOUGH_FILES));
    enough(Resource::Fsize, None);
    enough(Resource::As, None);
    enough(Resource::Data, None);
    enough(Resource::Nproc, None);
}

/// Whether no file may be larger than some size.
pub fn file_size_is_limited() -> bool {
    getrlimit(Resource::Fsize).current.is_some()
}

/// That so many files may be open at a time.
///
/// # Errors
/// When there may be fewer.
pub fn files(needed: u64) -> Result<(), ClusterError> {
    match getrlimit(Resource::Nofile).current {
        Some(most) if most < needed => Err(ClusterError::new(
            format!("only {most} files may be open at a time, and {needed} are needed"),
            "raise the limit: `ulimit -n 1024`, by root if need be",
        )),
        _ => Ok(()),
    }
}

/// That so many threads can be started at once, whatever limits them: what a user may have, or a cgroup. A library that cannot start
/// one breaks off.
///
/// # Errors
/// When fewer could be.
pub fn threads(needed: usize) -> Result<(), ClusterError> {
    let gate = RwLock::new(());
    std::thread::scope(|scope| {
        // They end when this is given back.
        let _closed = gate.write().unwrap_or_else(PoisonError::into_inner);
        for started in 0..needed {
            let builder = std::thread::Builder::new().stack_size(64 << 10);
            let thread = builder.spawn_scoped(scope, || drop(gate.read().unwrap_or_else(PoisonError::into_inner)));
            thread.map_err(|e| {
                ClusterError::new(
                    format!("only {started} more threads can be started, and {needed} are needed: {e}"),
                    "raise the limit: `ulimit -u 4096`, by root if need be, or the limit of the service or container around this",
                )
            })?;
        }
        Ok(())
    })
}

/// That so much memory may be used.
///
/// # Errors
/// When it may be less.
pub fn memory() -> Result<(), ClusterError> {
    for (resource, option) in [(Resource::As, "v"), (Resource::Data, "d")] {
        if let Some(most) = getrlimit(resource).current.filter(|most| *most < MEMORY) {
            return Err(ClusterError::new(
                format!("only {} MiB of memory may be used, and {} are needed", most >> 20, MEMORY >> 20),
                format!("raise the limit: `ulimit -{option} unlimited`, by root if need be"),
            ));
        }
    }
    Ok(())
}

/// That a node can be started with these limits.
///
/// # Errors
/// The first that is too low.
pub fn of_a_node() -> Result<(), ClusterError> {
    let size = |resource, needed: u64, what: &str, option: &str| match getrlimit(resource).current {
        Some(most) if most < needed => Err(ClusterError::new(
            format!("{what} may not be larger than {most} bytes, and the node needs {} MiB", needed >> 20),
            format!("raise the limit: `ulimit -{option} unlimited`, by root if need be"),
        )),
        _ => Ok(()),
    };
    files(NODE_FILES)?;
    size(Resource::Fsize, NODE_FILE_SIZE, "a file", "f")?;
    size(Resource::As, NODE_MEMORY, "a program's memory", "v")
}
