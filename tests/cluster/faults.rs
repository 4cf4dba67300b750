//! Thirty faults, each a test that is named by its number. What they see is the page `docs/faults.md`; see
//! `tests/cluster/faults/page.rs`.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "the figures, shown with --nocapture")]

#[path = "faults/api_server.rs"]
mod api_server;
#[path = "faults/cluster.rs"]
mod cluster;
#[path = "faults/docker_daemon.rs"]
mod docker_daemon;
#[path = "faults/everybody.rs"]
mod everybody;
#[path = "../common/existing.rs"]
mod existing;
#[path = "../common/fake_api.rs"]
mod fake_api;
#[path = "../common/fake_daemon.rs"]
mod fake_daemon;
#[path = "faults/files.rs"]
mod files;
#[path = "faults/output.rs"]
mod output;
#[path = "faults/page.rs"]
mod page;
#[path = "faults/pods.rs"]
mod pods;
#[path = "../common/rows.rs"]
mod rows;
#[path = "faults/signals.rs"]
mod signals;
#[path = "../common/traces.rs"]
mod traces;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use traces::{Place, Said};

/// Until all of a run has gone that nobody waits for.
const SOON: Duration = Duration::from_secs(5);

/// Scenarios of a test, outside of what is looked at for traces.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a scenario with these steps.
    fn scenario(&self, name: &str, steps: &str) -> PathBuf {
        let path = self.path().join(name).with_extension("yaml");
        let title = path.file_stem().expect("a name").display();
        std::fs::write(&path, format!("title: {title}\nsteps:\n{steps}")).expect("written");
        path
    }
}

/// `kubewalk run` in a cluster that exists, by a kubeconfig with this context.
fn run_in(place: &Place, kubeconfig: &Path, context: &str, args: &[&str]) -> Command {
    let mut command = place.kubewalk(&["run", "--cluster", "kubeconfig", "--context", context]);
    command.args(args).env("KUBECONFIG", kubeconfig).env_remove("KUBEWALK_REPORT");
    command
}

/// To its end.
fn said(command: &mut Command) -> Said {
    Said::from(&command.output().expect("it starts"))
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process id");
    kill_process(pid, signal).expect("it is there");
}

fn end(child: Child) -> Said {
    Said::from(&child.wait_with_output().expect("it ends"))
}
