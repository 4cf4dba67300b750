//! kubectl on the cluster's own node: argument by argument, without a shell, with a deadline.

pub mod host;
pub mod login;

use std::{
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use tokio::{io::AsyncWriteExt as _, process::Command};

use self::host::Host;
pub use self::login::Login;
use super::{
    in_container::InContainer,
    output::{Output, all},
};
use crate::{
    clock::{Moment, timeout_at},
    process::Group,
};

/// The kubectl of a cluster. It can be used as long as the cluster lives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kubectl(How);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum How {
    /// Behind a command of this machine that leads into the node.
    Command {
        /// Behind these words come kubectl and its own.
        prefix: Vec<PathBuf>,
    },
    /// On this machine; another process cannot take it over.
    #[serde(skip)]
    Host(Arc<Host>),
    /// In a container, with the words that are kubectl there.
    Container {
        /// Which.
        container: InContainer,
        /// e.g. `k3s kubectl`.
        words: Vec<String>,
    },
}

/// Ends a command at its deadline, where the node has the means; where not, it ends with the node.
const IN_TIME: &str =
    r#"t=$1; shift; if command -v timeout >/dev/null; then exec timeout -s KILL "$t" "$@"; fi; exec "$@""#;

/// How much longer than its time a call is waited for.
const GRACE: Duration = Duration::from_secs(2);

/// The name of the user, and of the context, in the second kubeconfig.
const USER: &str = "kubewalk-step";

/// Stands for the name of the node's cluster in the second kubeconfig; no credential has this character.
const CLUSTER: char = '@';

/// Takes the first line of its standard input for a second kubeconfig, and leaves the rest to `$@`. So a token is in no argument
/// and in no environment. The file has no name any more when the token comes into it: however this ends, it stays nowhere. Its context
/// is the current one, so that no word of a command line is needed to say who asks, and none can take it back (`--user` of
/// `kubectl create rolebinding` is a subject).
const WITH_CONFIG: &str = r#"umask 077; f=$(mktemp) || exit 125; exec 3<>"$f" || exit 125; rm -f "$f" || exit 125
IFS= read -r c
for k in /etc/kubernetes/admin.conf /etc/rancher/k3s/k3s.yaml "$HOME/.kube/config"; do [ -r "$k" ] && break; done
k=${KUBECONFIG:-$k}; n=$(sed -n 's/^ *cluster: *\([^ ].*\)$/\1/p' "${k%%:*}" | head -n 1 | tr -d "\"'")
[ -n "$n" ] || { echo "the node's kubeconfig names no cluster" >&2; exit 125; }
printf '%s%s%s\n' "${c%%@*}" "$n" "${c#*@}" >&3; unset c
export KUBECONFIG="/proc/self/fd/3:$k"; exec "$@""#;

/// Why there is no end of a call that can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubectlError {
    /// It was seen to run for all of its time, and was killed.
    #[error("it still ran after {seconds} s and was killed")]
    Endless {
        /// The time that it had.
        seconds: u64,
    },
    /// It could not be started, was killed by others, or wrote too much: in one sentence.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for KubectlError {
    fn from(why: String) -> Self {
        KubectlError::Failed(why)
    }
}

impl Kubectl {
    /// kubectl behind a command that runs others where it is, e.g. `supervisor keeper exec --dir D --`.
    pub fn new(prefix: impl IntoIterator<Item = PathBuf>) -> Self {
        Kubectl(How::Command { prefix: prefix.into_iter().collect() })
    }

    /// The kubectl of this machine.
    pub fn here(host: Host) -> Self {
        Kubectl(How::Host(Arc::new(host)))
    }

    /// How it runs on this machine; `None`: it runs in the node.
    pub fn host(&self) -> Option<&Host> {
        match &self.0 {
            How::Host(host) => Some(host),
            How::Command { .. } | How::Container { .. } => None,
        }
    }

    /// The kubectl in a container, called by these words: `["k3s", "kubectl"]`.
    pub fn inside(container: InContainer, words: &[&str]) -> Self {
        Kubectl(How::Container { container, words: words.iter().map(|word| (*word).to_owned()).collect() })
    }

    /// Runs kubectl, as the administrator unless `args` say otherwise, and kills it at the deadline.
    ///
    /// # Errors
    /// It could not be started, was not over in time, was killed, or wrote too much.
    pub async fn run(
        &self,
        args: &[String],
        stdin: Option<&[u8]>,
        login: Login<'_>,
        deadline: Moment,
    ) -> Result<Output, KubectlError> {
        if let How::Host(host) = &self.0 {
            let seconds = deadline.seconds_left();
            let (mut command, _config) = host.command(login, seconds).await?;
            command.args(args);
            return run(command, stdin, seconds, deadline).await;
        }
        let Some(user) = login.user() else { return self.command(&[], args, stdin, deadline).await };
        // The node's kubeconfig says where the server is; this one only adds who asks.
        let context = json!({"cluster": CLUSTER, "user": USER});
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": USER,
            "contexts": [{"name": USER, "context": context}], "users": [{"name": USER, "user": user}],
        });
        let input = SecretString::from(format!("{config}\n{}", String::from_utf8_lossy(stdin.unwrap_or_default())));
        let shell = ["sh", "-c", WITH_CONFIG, "sh"];
        self.command(&shell, args, Some(input.expose_secret().as_bytes()), deadline).await
    }

    async fn command(
        &self,
        shell: &[&str],
        args: &[String],
        stdin: Option<&[u8]>,
        deadline: Moment,
    ) -> Result<Output, KubectlError> {
        // The node ends what outlives its caller: a killed `exec` leaves the process inside.
        let seconds = deadline.seconds_left();
        let prefix = match &self.0 {
            How::Command { prefix } => prefix,
            How::Host(_) => return Err("kubectl of this machine is not in a node".to_owned().into()),
            How::Container { container, words } => {
                let (begun, seconds_word) = (Instant::now(), seconds.to_string());
                let before = ["sh", "-c", IN_TIME, "sh", &seconds_word];
                let before = shell.iter().chain(&before).map(|word| (*word).to_owned());
                let command = before.chain(words.iter().cloned()).chain(args.iter().cloned()).collect();
                let ended = timeout_at(deadline + GRACE, container.exec(command, stdin.map(<[u8]>::to_vec))).await;
                return in_time(ended.map_err(|_| KubectlError::Endless { seconds })??, seconds, begun);
            }
        };
        let (program, before) = prefix.split_first().ok_or_else(|| "this cluster has no kubectl".to_owned())?;
        let mut command = Command::new(program);
        command.args(before).args(shell).args(["timeout", "-s", "KILL", &seconds.to_string(), "kubectl"]).args(args);
        run(command, stdin, seconds, deadline).await
    }
}

/// Runs a command with all that it starts to its end, or ends it at the deadline.
async fn run(
    mut command: Command,
    stdin: Option<&[u8]>,
    seconds: u64,
    deadline: Moment,
) -> Result<Output, KubectlError> {
    let begun = Instant::now();
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::start(&mut command).map_err(|e| format!("it could not be started: {e}"))?;
    let output = match timeout_at(deadline + GRACE, ended(&mut group, stdin)).await {
        Ok(output) => output?,
        Err(_) => return Err(KubectlError::Endless { seconds }),
    };
    in_time(output, seconds, begun)
}

/// The node kills what is not over in time, which looks like any end by KILL. It goes on while this process is stopped.
fn in_time(output: Output, seconds: u64, begun: Instant) -> Result<Output, KubectlError> {
    if output.exit_code == 137 && begun.elapsed() >= Duration::from_secs(seconds) {
        return Err(KubectlError::Endless { seconds });
    }
    Ok(output)
}

async fn ended(group: &mut Group, stdin: Option<&[u8]>) -> Result<Output, String> {
    let child = group.child();
    let (pipe, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async move {
        if let (Some(bytes), Some(mut pipe)) = (stdin, pipe) {
            // A command that ends before it has read everything is not at fault.
            let _ = pipe.write_all(bytes).await;
            let _ = pipe.shutdown().await;
        }
    };
    // What it leaves behind may hold its output open, so its end is waited for beside.
    let ((), stdout, stderr, status) = tokio::join!(feed, all(stdout), all(stderr), group.wait());
    let (stdout, stderr) = (stdout?, stderr?);
    let status = status.map_err(|e| format!("its end was not seen: {e}"))?;
    let exit_code = status.code().ok_or_else(|| format!("it was killed ({status})"))?;
    Ok(Output { exit_code, stdout, stderr })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that is this machine, and whose kubectl is `sh -c`.
    fn shell(folder: &tempfile::TempDir) -> Kubectl {
        let fake = folder.path().join("node");
        let script = "#!/bin/sh\nwhile [ \"$1\" != kubectl ]; do shift; done; shift; exec sh -c \"$@\"\n";
        std::fs::write(&fake, script).expect("written");
        Kubectl::new(["sh".into(), fake])
    }

    async fn run(script: &str, stdin: Option<&[u8]>, limit: Duration) -> Result<Output, KubectlError> {
        let folder = tempfile::tempdir().expect("a folder");
        let args = [script.to_owned(), "it".into(), "$HOME; `id`".into()];
        shell(&folder).run(&args, stdin, Login::Administrator, Moment::now() + limit).await
    }

    #[tokio::test]
    async fn words_stay_words_and_all_comes_back() {
        let script = r#"cat; printf %s "$1"; echo bad >&2; exit 3"#;
        let output = run(script, Some(b"in "), Duration::from_secs(20)).await.expect("an end");
        assert_eq!((output.exit_code, output.stdout.as_slice()), (3, b"in $HOME; `id`".as_slice()));
        assert_eq!(output.stderr, b"bad\n");
    }

    #[tokio::test]
    async fn its_input_may_be_left_unread() {
        let output = run("exit 0", Some(&vec![b'x'; 1 << 20]), Duration::from_secs(20)).await.expect("an end");
        assert_eq!(output.exit_code, 0);
    }

    #[tokio::test]
    async fn it_is_killed_at_the_deadline() {
        let begun = Instant::now();
        let why = run("exec sleep 60", None, Duration::from_millis(200)).await.expect_err("no end");
        assert_eq!(why, KubectlError::Endless { seconds: 1 });
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn too_much_is_not_cut_silently() {
        let why = run("exec head -c 17825792 /dev/zero", None, Duration::from_secs(30)).await.expect_err("too much");
        assert_eq!(why.to_string(), "it wrote more than 16 MiB");
    }

    #[tokio::test]
    async fn a_token_comes_in_a_private_file_that_has_no_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "#!/bin/sh\nf=${KUBECONFIG%%:*}; stat -L -c %a \"$f\"; ls -A \"$TMPDIR\"; echo; cat \"$f\"; echo \"$KUBECONFIG $*\"; cat; exit 4\n";
        let (fake, temp) = (folder.path().join("kubectl"), folder.path().join("temp"));
        std::fs::write(&fake, script).expect("written");
        std::fs::create_dir(&temp).expect("made");
        std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("allowed");
        let path = format!("PATH={}:/usr/bin:/bin", folder.path().display());
        let temp = format!("TMPDIR={}", temp.display());
        let admin = folder.path().join("admin");
        let text = "clusters:\n- cluster:\n    server: x\n  name: c\ncontexts:\n- context:\n    cluster: c-1\n    user: admin\n";
        std::fs::write(&admin, text).expect("written");
        let node = format!("KUBECONFIG={}", admin.display());
        let kubectl = Kubectl::new(["env".into(), path.into(), temp.into(), node.into()]);
        let (token, deadline) = (SecretString::from("very-secret"), Moment::now() + Duration::from_secs(20));
        let args = ["get".to_owned(), "pods".into()];
        let output = kubectl.run(&args, Some(b"line 1\nline 2"), Login::Token(&token), deadline).await.expect("an end");
        let text = String::from_utf8(output.stdout).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((output.exit_code, &lines[..2]), (4, &["600", ""][..]), "{text}");
        let who = r#""contexts":[{"name":"kubewalk-step","context":{"cluster":"c-1","user":"kubewalk-step"}}],"users":[{"name":"kubewalk-step","user":{"token":"very-secret"}}]"#;
        assert!(lines[2].contains(who) && lines[2].contains(r#""current-context":"kubewalk-step""#), "{text}");
        assert_eq!(lines[3], format!("/proc/self/fd/3:{} get pods", admin.display()));
        assert_eq!(lines[4..], ["line 1", "line 2"]);
    }
}
