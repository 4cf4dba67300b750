//! The process that removes a cluster, however the one that started it ends.
//!
//! A shell reads a pipe that this process holds. When the pipe closes, because the run is over, was dropped, or was killed
//! with `kill -9`, the shell kills a `kind create` that is still at work, removes the containers, volumes and network of that
//! name, and says what it could not remove. Signals from the terminal do not reach it.

use std::{
    io::{Read as _, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::cluster::{ClusterError, docker::kind_network::Name, own::program};

/// `sh -c SCRIPT NAME FILTER`. A container that Docker was just making for a killed `kind create` can appear after the first
/// look, so it looks until there is none.
const SCRIPT: &str = r#"
name=$0 filter=$1 create=
trap '' HUP INT TERM QUIT
while read -r word pid; do
    case $word in
    create) create=$pid ;;
    created) create= ;;
    esac
done
[ -z "$create" ] || kill -KILL -- "-$create" 2>/dev/null
containers() { docker ps --all --quiet --filter "$filter" 2>/dev/null; }
for round in 1 2 3 4 5; do
    found=$(containers) && [ -n "$found" ] || break
    docker rm --force --volumes $found >/dev/null 2>&1
done
docker network rm "$name" >/dev/null 2>&1
left=$(containers) || echo "the kind cluster $name, perhaps: Docker does not answer"
for id in $left; do echo "container $id of the kind cluster $name (docker rm -f -v $id)"; done
if docker network inspect "$name" >/dev/null 2>&1; then echo "network $name (docker network rm $name)"; fi
"#;

/// The most that it has to say, in bytes.
const MOST_SAID: u64 = 1 << 20;

/// A running keeper. Dropping it lets it do its work, but does not wait for that.
#[derive(Debug)]
pub struct Keeper {
    name: Name,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Keeper {
    /// Starts the keeper of a cluster that comes later.
    pub fn start(name: &Name) -> Result<Self, ClusterError> {
        let shell = program::find("sh").map_err(|e| e.into_error("make sure that sh is on the PATH"))?;
        let mut command = Command::new(shell);
        command.env("PATH", program::path());
        command.args(["-c", SCRIPT, name.as_str(), &name.filter()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command
            .spawn()
            .map_err(|e| ClusterError::new(format!("cannot start a shell: {e}"), "make sure that sh is on the PATH"))?;
        let stdin = child.stdin.take();
        Ok(Keeper { name: name.clone(), child, stdin })
    }

    /// Tells it which process makes the cluster, or that none does any more.
    pub fn creating(&mut self, pid: Option<u32>) {
        let line = pid.map_or_else(|| "created\n".to_owned(), |pid| format!("create {pid}\n"));
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(line.as_bytes()); // a keeper that was killed is noticed at the end
        }
    }

    /// Lets it remove everything, and waits. Gives what is left.
    pub fn end(mut self) -> Vec<String> {
        drop(self.stdin.take());
        let mut said = String::new();
        let read = self.child.stdout.take().map(|mut stdout| stdout.by_ref().take(MOST_SAID).read_to_string(&mut said));
        match (read, self.child.wait()) {
            (Some(Ok(_)), Ok(status)) if status.code().is_some() => said.lines().map(str::to_owned).collect(),
            // Killed: then another one does it.
            _ => match Keeper::start(&self.name) {
                Ok(another) => another.end(),
                Err(e) => vec![format!("kind cluster {}: {e}", self.name.as_str())],
            },
        }
    }
}
