//! Whose a thing is that may outlive a run, so that a later run can tell what is ours and dead.
//!
//! A process id alone says little: it is soon another's. So it goes with the time at which the process started, with the boot
//! that this time counts from, and with the namespace in which the number is meant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What every label of ours begins with.
pub const LABEL: &str = "dev.kubewalk.";

/// A process, named beyond doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The run: ten hex digits.
    pub run: String,
    /// Its process.
    pub pid: u32,
    /// When that process started, as its system says it.
    pub start: String,
    /// The boot of the machine, where that can be told; else empty.
    pub boot: String,
    /// The namespace in which `pid` is meant, where there are such; else empty.
    pub pidns: String,
}

impl Owner {
    /// A new run of this process.
    pub fn new() -> Self {
        let pid = std::process::id();
        let run = format!("{:010x}", rand::random::<u64>() & 0xff_ffff_ffff);
        let (boot, pidns) = here();
        Owner { run, pid, start: started(pid).unwrap_or_default(), boot, pidns }
    }

    /// As labels of a container.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let values = [
            ("run", self.run.clone()),
            ("pid", self.pid.to_string()),
            ("start", self.start.clone()),
            ("boot", self.boot.clone()),
            ("pidns", self.pidns.clone()),
        ];
        values.into_iter().map(|(name, value)| (format!("{LABEL}{name}"), value)).collect()
    }

    /// What labels say, if they are those of [`Owner::labels`].
    pub fn from_labels<'a>(label: impl Fn(&str) -> Option<&'a String>) -> Option<Self> {
        let value = |name: &str| label(&format!("{LABEL}{name}")).cloned();
        Some(Owner {
            run: value("run").filter(|run| is_run(run))?,
            pid: value("pid")?.parse().ok()?,
            start: value("start")?,
            boot: value("boot")?,
            pidns: value("pidns")?,
        })
    }

    /// Whether the process is gone for sure. One of another boot or namespace cannot be judged from here: it may live on
    /// another machine that uses the same Docker.
    pub fn dead(&self) -> bool {
        let (boot, pidns) = here();
        self.boot == boot && self.pidns == pidns && started(self.pid).is_none_or(|start| start != self.start)
    }
}

/// A process of this machine that has not ended, named beyond doubt as long as the machine runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started; empty when it had gone already.
    start: String,
}

impl Process {
    /// The one that has this number now.
    pub fn now(pid: u32) -> Self {
        Process { pid, start: started(pid).unwrap_or_default() }
    }

    /// Whether it lives; another one of the same number is not it.
    pub fn lives(&self) -> bool {
        started(self.pid).is_some_and(|start| start == self.start)
    }
}

/// Whether this is the name of a run, from which the names of what is its own are computed.
fn is_run(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl Default for Owner {
    fn default() -> Self {
        Owner::new()
    }
}

#[cfg(target_os = "linux")]
fn here() -> (String, String) {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let pidns = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    (boot.trim().to_owned(), pidns.to_string_lossy().into_owned())
}

/// When a process started, in clock ticks since the boot; `None` when there is none, or it is a zombie.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in it may hold spaces and brackets, so counting begins after the last one.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" { None } else { fields.nth(18).map(str::to_owned) }
}

#[cfg(not(target_os = "linux"))]
fn here() -> (String, String) {
    (String::new(), String::new())
}

#[cfg(not(target_os = "linux"))]
fn started(pid: u32) -> Option<String> {
    let said = std::process::Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    (said.status.success() && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_is_not_dead_and_its_labels_say_the_same() {
        let owner = Owner::new();
        assert!(!owner.dead());
        let labels = owner.labels();
        assert_eq!(Owner::from_labels(|name| labels.get(name)), Some(owner));
        assert_eq!(Owner::from_labels(|_| None), None);
        let mut others = labels.clone();
        others.insert(format!("{LABEL}run"), "../0123456".into());
        assert_eq!(Owner::from_labels(|name| others.get(name)), None);
    }

    #[test]
    fn another_process_under_the_same_number_does_not_count() {
        let reused = Owner { start: "1".into(), ..Owner::new() };
        assert!(reused.dead());
        let elsewhere = Owner { boot: "another machine".into(), ..reused };
        assert!(!elsewhere.dead());
    }

    #[test]
    fn a_process_that_has_ended_is_dead() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("it starts");
        let owner = Owner { pid: child.id(), start: started(child.id()).expect("it runs"), ..Owner::new() };
        assert!(!owner.dead());
        let process = Process::now(child.id());
        assert!(process.lives() && !Process { start: "1".into(), ..process.clone() }.lives());
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        assert!(owner.dead() && !process.lives());
    }
}
