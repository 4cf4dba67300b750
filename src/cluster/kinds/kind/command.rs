//! The kind command: which one, and what it says.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{io::AsyncWriteExt as _, process::Command};

use super::config::Config;
use crate::{
    clock::{Moment, timeout_at},
    cluster::{
        ClusterError, Progress, Settings,
        docker::kind_network::Name,
        engine,
        lines::Lines,
        own::program::{self, Missing},
    },
    process::{self, Group},
};

/// From the start of kind, with all images here.
pub const READY_WITHIN: Duration = Duration::from_secs(240);

/// How many of kind's last lines an error shows.
const LOG_LINES: usize = 20;

/// How much of a line is kept, in letters.
const MOST_SHOWN: usize = 4096;

/// The most that a short command of kind may write, in bytes.
const MOST_WORDS: usize = 1 << 20;

/// How long a program may take to say its version.
const SAYS_WITHIN: Duration = Duration::from_secs(20);

/// How many are kept: what went wrong is said above the log of the command that failed.
const KEPT_LINES: usize = 400;

/// What kind says at the end of each of its steps, and what the step is called here.
const STEPS: [(&str, &str); 7] = [
    ("Ensuring node image", "node-image"),
    ("Preparing nodes", "nodes"),
    ("Writing configuration", "configuration"),
    ("Starting control-plane", "control-plane"),
    ("Installing CNI", "network"),
    ("Installing StorageClass", "storage"),
    ("Joining worker nodes", "workers"),
];

/// kind calls Docker's command line, and so does the keeper. Gives where it is.
///
/// # Errors
/// When it is not there.
pub async fn docker_is_there() -> Result<PathBuf, ClusterError> {
    let remedy = "install Docker's command line, or use --cluster k3s, which needs only its engine";
    let docker = program::find("docker").map_err(|e| e.into_error(remedy))?;
    match process::output(Command::new(&docker).arg("--version"), None, SAYS_WITHIN, MOST_WORDS).await {
        Ok(_) => Ok(docker),
        Err(e) => Err(ClusterError::new(format!("the command docker, which kind needs, {e}"), remedy)),
    }
}

/// The kind command.
#[derive(Debug)]
pub struct Kind(PathBuf);

impl Kind {
    /// The one on the PATH, else the pinned one, which is built first when it is not there.
    pub async fn find(settings: &Settings, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Self, ClusterError> {
        let own = match program::find("kind") {
            Ok(own) => own,
            Err(Missing::NotThere(_)) => return Ok(Kind(engine::ensure_kind(settings, progress).await?)),
            Err(foreign) => return Err(foreign.into_error("")),
        };
        match process::output(Command::new(&own).arg("version"), None, SAYS_WITHIN, MOST_WORDS).await {
            Ok(said) if said.status.success() => Ok(Kind(own)),
            _ => Ok(Kind(engine::ensure_kind(settings, progress).await?)),
        }
    }

    fn command(&self, name: &Name) -> Command {
        let mut command = Command::new(&self.0);
        // It calls Docker's command line by its name.
        command.env("PATH", program::path());
        // A network of its own; kind calls the variable experimental and has had it since 2020.
        command.env("KIND_EXPERIMENTAL_DOCKER_NETWORK", name.as_str()).env("KIND_EXPERIMENTAL_PROVIDER", "docker");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Makes the cluster, and tells `creating` which process does so, and when it has ended. Containers are there even if
    /// this fails.
    pub async fn create(
        &self,
        name: &Name,
        config: &Config,
        kubeconfig: &Path,
        creating: &(dyn Fn(Option<u32>) + Sync),
        deadline: Moment,
        phase: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), ClusterError> {
        let mut command = self.command(name);
        command.args(["create", "cluster", "--retain", "--name", name.as_str(), "--config", "-", "--kubeconfig"]);
        command.arg(kubeconfig);
        if let Some(image) = &config.image {
            command.args(["--image", image]);
        }
        // Not ended by a Ctrl-C at the terminal: its helpers would be, one by one, and it would call that a failure.
        let started = Group::start(&mut command);
        let mut group = started.map_err(|e| ClusterError::plain(format!("cannot start kind: {e}")))?;
        let child = group.child();
        creating(child.id());
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        if let Some(mut stdin) = stdin {
            // A kind that does not read it says why, or is ended below.
            let _ = timeout_at(deadline, stdin.write_all(config.text.as_bytes())).await;
        }
        let mut said = VecDeque::new();
        if let Some(stderr) = stderr {
            let mut lines = Lines::new(stderr);
            loop {
                let line = match timeout_at(deadline, lines.next_line()).await {
                    Ok(Ok(Some(line))) => line,
                    Ok(Ok(None)) => break,
                    Ok(Err(e)) => return Err(ClusterError::plain(format!("kind was ended: it wrote {e}"))),
                    Err(_) => return Err(too_slow(&said)),
                };
                if let Some(step) = finished(&line) {
                    phase(step);
                }
                said.push_back(line.chars().take(MOST_SHOWN).collect::<String>());
                if said.len() > KEPT_LINES {
                    said.pop_front();
                }
            }
        }
        let status = group.wait().await.map_err(|e| ClusterError::plain(format!("lost kind: {e}")))?;
        creating(None);
        if status.success() { Ok(()) } else { Err(failure(said.make_contiguous(), &config.from)) }
    }

    /// Puts an image archive into the nodes.
    pub async fn load(&self, name: &Name, archive: &Path, deadline: Moment) -> Result<(), ClusterError> {
        let mut command = self.command(name);
        command.args(["load", "image-archive", "--name", name.as_str()]).arg(archive);
        let what = format!("cannot load {} into the kind nodes", archive.display());
        let loaded = process::output(&mut command, None, READY_WITHIN, MOST_WORDS);
        match timeout_at(deadline, loaded).await {
            Ok(Ok(said)) if said.status.success() => Ok(()),
            Ok(Ok(said)) => Err(ClusterError { message: what, remedy: None, log: last(&said.stderr) }),
            Ok(Err(e)) => Err(ClusterError::plain(format!("{what}: kind {e}"))),
            Err(_) => Err(ClusterError::plain(format!("{what}: it was not done in time"))),
        }
    }
}

/// The step that a line of kind says is done.
fn finished(line: &str) -> Option<&'static str> {
    let title = line.trim_start().strip_prefix('✓')?.trim_start();
    STEPS.iter().find(|(begins, _)| title.starts_with(begins)).map(|(_, name)| *name)
}

fn last(bytes: &[u8]) -> Vec<String> {
    let lines: Vec<String> = String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].to_vec()
}

fn too_slow(said: &VecDeque<String>) -> ClusterError {
    let log = said.iter().skip(said.len().saturating_sub(LOG_LINES)).cloned().collect();
    let message = format!("kind did not make the cluster within {} s", READY_WITHIN.as_secs());
    ClusterError { message, remedy: None, log }
}

/// What kind said went wrong: it begins its sentence with `ERROR: `, and the log of the command that failed follows.
fn failure(said: &[String], config: &str) -> ClusterError {
    let sentence = said.iter().rev().find_map(|line| line.strip_prefix("ERROR: "));
    let sentence = sentence.map(|text| text.strip_prefix("failed to create cluster: ").unwrap_or(text));
    let log = said[said.len().saturating_sub(LOG_LINES)..].to_vec();
    let Some(sentence) = sentence else {
        return ClusterError { message: "kind could not make the cluster".into(), remedy: None, log };
    };
    let (message, remedy) = if sentence.starts_with("failed to pull image") {
        let remedy = "fetch it with docker pull, or name one that is here in KUBEWALK_KIND_IMAGE";
        (format!("kind cannot get its node image: {sentence}"), Some(remedy.to_owned()))
    } else if !said.iter().any(|line| line.contains('•') || line.contains('✓')) {
        // It had not begun.
        (format!("kind does not take {config}: {sentence}"), Some("correct that file".to_owned()))
    } else {
        (format!("kind could not make the cluster: {sentence}"), None)
    };
    ClusterError { message, remedy, log }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_kind_have_names_here() {
        assert_eq!(finished(" ✓ Preparing nodes 📦"), Some("nodes"));
        assert_eq!(finished(" ✓ Ensuring node image (kindest/node:v1.37.0) 🖼"), Some("node-image"));
        assert_eq!(finished(" • Preparing nodes 📦  ..."), None);
        assert_eq!(finished(" ✗ Preparing nodes 📦"), None);
    }

    fn after(said: &str) -> ClusterError {
        failure(&said.lines().map(str::to_owned).collect::<Vec<_>>(), "kind-config.yaml")
    }

    #[test]
    fn kind_s_own_sentence_is_passed_on() {
        let e = after(
            "Creating cluster \"k\" ...\n • Ensuring node image (a:1) 🖼  ...\n ✗ Ensuring node image (a:1) 🖼\nERROR: failed to create cluster: failed to pull image \"a:1\": command \"docker pull a:1\" failed\nCommand Output: no such host",
        );
        assert!(e.message.starts_with("kind cannot get its node image: failed to pull image \"a:1\""), "{e}");
        assert_eq!(e.log.last().map(String::as_str), Some("Command Output: no such host"));
        let e = after(
            "ERROR: failed to create cluster: unable to decode config: yaml: unmarshal errors:\n  line 3: field foo not found",
        );
        assert!(e.message.starts_with("kind does not take kind-config.yaml: unable to decode config"), "{e}");
        let e = after(
            "Creating cluster \"k\" ...\n ✓ Preparing nodes 📦\nERROR: failed to create cluster: failed to init node with kubeadm",
        );
        assert_eq!(e.message, "kind could not make the cluster: failed to init node with kubeadm");
        assert_eq!(after("killed").message, "kind could not make the cluster");
    }
}
