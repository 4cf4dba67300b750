//! What `doctor` says about this machine beside what a cluster needs: proxy variables, inotify instances, memory and disk.

use std::{fs, path::Path};

/// So many inotify instances a node takes.
const INSTANCES: u64 = 25;

/// So much memory a node takes, in MiB.
const MEMORY: u64 = 600;

/// So much disk the building of the engine takes, in MiB.
const DISK: u64 = 6 * 1024;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// What.
    pub name: &'static str,
    /// What is so.
    pub found: String,
    /// Whether it may keep a run from going well.
    pub narrow: bool,
}

/// Looks at this machine, and the cache in it, in which the engine is `built`. `set` tells whether a variable of the environment has a
/// value.
pub fn look(cache: &Path, built: bool, set: impl Fn(&str) -> bool) -> Vec<Noted> {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    [
        cgroups(),
        Some(proxies(set)),
        number("/proc/sys/fs/inotify/max_user_instances").map(instances),
        available().map(memory),
        free(cache).map(|free| disk(free, built)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The version of cgroups.
fn cgroups() -> Option<Noted> {
    let version = match fs::exists("/sys/fs/cgroup/cgroup.controllers").ok()? {
        true => "v2",
        false if fs::exists("/sys/fs/cgroup").ok()? => "v1",
        false => return None,
    };
    Some(Noted { name: "cgroups", found: format!("{version}; a node of ours takes v1 and v2"), narrow: false })
}

/// The memory that is free for programs, in MiB.
pub fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// The proxy variables that have a value, and what they touch; never the values, which may hold a password.
fn proxies(set: impl Fn(&str) -> bool) -> Noted {
    let names =
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];
    let found: Vec<&str> = names.into_iter().filter(|name| set(name)).collect();
    let found = match found.as_slice() {
        [] => "none is set".to_owned(),
        names => format!(
            "{} set: downloads for the engine's build use them, and a cluster that exists elsewhere cannot be called through a proxy; \
             clusters that kubewalk starts are called directly",
            match names {
                [one] => format!("{one} is"),
                many => format!("{} are", many.join(", ")),
            }
        ),
    };
    Noted { name: "proxy variables", found, narrow: false }
}

fn instances(most: u64) -> Noted {
    let found = match most / INSTANCES {
        0 => format!(
            "{most} for each user, and a node takes about {INSTANCES}: raise them with `sysctl fs.inotify.max_user_instances=512`"
        ),
        nodes => format!("{most} for each user: enough for about {nodes} clusters at a time"),
    };
    Noted { name: "inotify instances", found, narrow: most < INSTANCES }
}

fn memory(available: u64) -> Noted {
    let narrow = available < MEMORY;
    let more = if narrow { format!("; a cluster takes about {MEMORY} at rest") } else { String::new() };
    Noted { name: "memory", found: format!("{available} MiB are free{more}"), narrow }
}

fn disk(free: u64, built: bool) -> Noted {
    let narrow = !built && free < DISK;
    let more = if narrow { format!("; the engine's build takes about {DISK}") } else { String::new() };
    Noted { name: "disk", found: format!("{free} MiB are free where the cache is{more}"), narrow }
}

/// The free space in MiB where the cache is, or will be.
pub fn free(cache: &Path) -> Option<u64> {
    let there = cache.ancestors().find(|folder| folder.is_dir())?;
    let found = rustix::fs::statvfs(there).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_but_not_its_value() {
        assert_eq!(proxies(|_| false).found, "none is set");
        assert!(proxies(|name| name == "HTTPS_PROXY").found.starts_with("HTTPS_PROXY is set: "));
        let two = proxies(|name| name.eq_ignore_ascii_case("NO_PROXY")).found;
        assert!(two.starts_with("NO_PROXY, no_proxy are set: "), "{two}");
    }

    #[test]
    fn what_is_too_little_is_narrow() {
        assert!(instances(10).narrow && !instances(128).narrow);
        assert!(instances(128).found.contains("about 5 clusters"));
        assert!(memory(200).narrow && !memory(8000).narrow);
        assert!(disk(100, false).narrow && !disk(100, true).narrow && !disk(90_000, false).narrow);
    }
}
