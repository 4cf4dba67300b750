//! A shell, or a command, in a namespace of a cluster: with a kubeconfig that says so, and kubectl on its PATH.

use std::{
    ffi::{OsStr, OsString},
    io::Write as _,
    os::unix::{
        fs::{OpenOptionsExt as _, symlink},
        process::ExitStatusExt as _,
    },
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::json;
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use crate::cluster::{
    ClusterError, Settings, engine, kubeconfig_file,
    own::{self, program},
};

/// Where a shell is.
#[derive(Debug)]
pub struct Inside {
    /// The kubeconfig files that lead to the cluster.
    pub files: Vec<PathBuf>,
    /// The context in them; `None`: their current one.
    pub context: Option<String>,
    /// The namespace.
    pub namespace: String,
}

/// The name of the context that a shell begins in.
const CONTEXT: &str = "kubewalk";

/// Runs a command there, or without one a shell, with this standard output, and gives its exit code.
///
/// # Errors
/// When it cannot be started.
pub async fn open(
    inside: &Inside,
    (command, stdout): (&[OsString], Stdio),
    settings: &Settings,
) -> Result<i32, ClusterError> {
    let unusable = |e: &dyn std::fmt::Display| ClusterError::plain(format!("a shell cannot be prepared: {e}"));
    // Private, and gone with this process.
    let folder = own::temporary("kubewalk-shell-")?;
    let config = folder.path().join("kubeconfig");
    std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&config)
        .and_then(|mut file| file.write_all(context(inside)?.as_bytes()))
        .map_err(|e| unusable(&e))?;
    let mut path = vec![];
    match kubectl(settings) {
        Ok(kubectl) => {
            let bin = folder.path().join("bin");
            std::fs::create_dir(&bin).and_then(|()| symlink(kubectl, bin.join("kubectl"))).map_err(|e| unusable(&e))?;
            path.push(bin);
        }
        Err(e) => eprint_line!("kubewalk: there is no kubectl for it: {}", e.message),
    }
    path.extend(std::env::split_paths(&program::path()));
    let path = std::env::join_paths(path).map_err(|e| unusable(&e))?;
    let files = std::iter::once(&config).chain(&inside.files);
    let files = std::env::join_paths(files).map_err(|e| unusable(&e))?;
    let mut child = match command.split_first() {
        Some((program, arguments)) => {
            let mut child = Command::new(program);
            child.args(arguments);
            child
        }
        None => Command::new(shell()?),
    };
    child.stdout(stdout).env("PATH", path).env("KUBECONFIG", files).env("NAMESPACE", &inside.namespace);
    // What it finds out about this cluster is no other's.
    child.env("KUBECACHEDIR", folder.path().join("cache"));
    let name = |program: &OsStr| program.to_string_lossy().into_owned();
    let child = child.spawn().map_err(|e| {
        let what = command.first().map_or_else(|| "the shell".into(), |program| name(program));
        ClusterError::plain(format!("{what} cannot be started: {e}"))
    })?;
    ended(child).await.map_err(|e| unusable(&e))
}

/// A kubeconfig with a context of its own; the clusters and users that it names stand in the files behind it, so that nothing secret
/// is written once more.
fn context(inside: &Inside) -> std::io::Result<String> {
    let mut merged = kube::config::Kubeconfig::default();
    for file in &inside.files {
        let one = kubeconfig_file::read(file).map_err(std::io::Error::other)?;
        merged = merged.merge(one).map_err(|e| std::io::Error::other(kubeconfig_file::error_in_words(&e)))?;
    }
    let name = inside.context.clone().or(merged.current_context).unwrap_or_default();
    let context = merged.contexts.into_iter().find(|one| one.name == name).and_then(|one| one.context);
    let context = context.ok_or_else(|| std::io::Error::other(format!("the kubeconfig has no context {name}")))?;
    let context = json!({"cluster": context.cluster, "user": context.user, "namespace": inside.namespace});
    let contexts = json!([{"name": CONTEXT, "context": context}]);
    let whole = json!({"apiVersion": "v1", "kind": "Config", "current-context": CONTEXT, "contexts": contexts});
    Ok(format!("{whole:#}\n"))
}

/// The engine's kubectl, which needs no node to run; without an engine, that of this machine.
fn kubectl(settings: &Settings) -> Result<PathBuf, ClusterError> {
    match engine::checked(&settings.cache)? {
        Some(engine) => Ok(engine.join("rootfs/usr/local/bin/kubectl")),
        None => program::find("kubectl").map_err(|e| e.into_error("install kubectl")),
    }
}

/// The person's shell, by the name that `SHELL` has, if it is on the PATH.
fn shell() -> Result<PathBuf, ClusterError> {
    let named = std::env::var_os("SHELL");
    let named = named.as_deref().and_then(|shell| Path::new(shell).file_name()).and_then(OsStr::to_str);
    let found = named.and_then(|name| program::find(name).ok());
    found.map_or_else(|| program::find("sh").map_err(|e| e.into_error("install a shell")), Ok)
}

/// Waits for the end of a process that has the terminal. A Ctrl-C there is for it; what else would end this process ends it first.
async fn ended(mut child: Child) -> std::io::Result<i32> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut hangups = signal(SignalKind::hangup())?;
    let status = loop {
        let passed_on = tokio::select! {
            status = child.wait() => break status?,
            _ = interrupts.recv() => None,
            _ = terminations.recv() => Some(rustix::process::Signal::TERM),
            _ = hangups.recv() => Some(rustix::process::Signal::HUP),
        };
        let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        if let (Some(signal), Some(pid)) = (passed_on, pid) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    };
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(1)))
}
