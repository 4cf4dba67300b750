//! A shell that waits in a Pod for the scenario's calls. To start a process in a Pod costs the container runtime 40 ms and
//! more; a shell that is there already starts curl in one or two.
//!
//! It is a short way and never the only one: where there is no shell, or it has ended, the call takes an exec of its own. What a
//! scenario itself wants executed (`exec`) does so always, because a shell adds to the environment.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{
    FutureExt as _,
    future::{self, BoxFuture, Shared},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{Api, AttachParams, AttachedProcess};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::oneshot,
};

use super::pod_exec::{Output, random_mark};
use crate::{
    clock::{Moment, timeout_at},
    cluster::output::{MOST_OUTPUT, too_much},
    k8s::well_known::MOUNT,
    plan::{Action, Place, Plan, equivalent},
    redact,
    sync::locked,
};

/// How long a shell may have had nothing to do and still be used: what lies between here and a cluster may drop a silent
/// connection without a word.
const FRESH: Duration = Duration::from_secs(20);

/// How long a call waits for the shell's start before it takes an exec of its own.
const OPENING: Duration = Duration::from_secs(2);

type Key = (String, String);

/// By namespace and name, the Pods in which a scenario calls; each with its shell, from the Pod's start on.
type Pods = HashMap<Key, Option<BoxFuture<'static, Option<Shell>>>>;

/// Ends when a shell has read its Pod's token and the filter knows it: with the uid of the Pod that this token is bound to.
pub type Reading = Shared<BoxFuture<'static, Option<String>>>;

/// The shells of a scenario, one at most for each Pod.
pub struct Shells {
    pods: Mutex<Pods>,
}

impl Shells {
    /// Of the Pods in which a plan's steps call. A container that a step names has none.
    pub fn for_plan(plan: &Plan) -> Self {
        let called = plan.steps.iter().filter_map(|step| match &step.action {
            Action::Curl(curl) if curl.place.container.is_none() => Some((key(&curl.place), None)),
            _ => None,
        });
        Self { pods: Mutex::new(called.collect()) }
    }

    /// Begins to start the shell of a Pod that is Ready, if calls from it are to come. No caller waits for it.
    pub fn open(&self, namespace: &str, pod: &str, client: &kube::Client) -> Option<Reading> {
        let key = (namespace.to_owned(), pod.to_owned());
        let mut pods = self.lock();
        let place = pods.get_mut(&key)?;
        let (known, reading) = oneshot::channel();
        let opening = tokio::spawn(Shell::start(client.clone(), key, known));
        *place = Some(opening.map(|opened| opened.ok().flatten()).boxed());
        Some(reading.map(|read| read.ok().flatten()).boxed().shared())
    }

    /// Runs a command in the Pod's shell. `None`: there is none that could, and the command has not run.
    ///
    /// # Errors
    /// The command may have run, and its end was not seen.
    pub async fn run(
        &self,
        place: &Place,
        command: &(dyn Fn() -> Vec<String> + Sync),
        stdin: Option<&[u8]>,
    ) -> Option<Result<Output, String>> {
        // A here-document gives its last line an end.
        if place.container.is_some() || stdin.is_some_and(|bytes| !bytes.ends_with(b"\n")) {
            return None;
        }
        // The call that uses it has it alone, and loses it when it does not come to its end.
        let opening = self.lock().get_mut(&key(place))?.take()?;
        let mut shell = timeout_at(Moment::now() + OPENING, opening).await.ok()??;
        let output = shell.run(&command(), stdin).await?;
        if output.is_ok()
            && let Some(place) = self.lock().get_mut(&key(place))
        {
            *place = Some(future::ready(Some(shell)).boxed());
        }
        Some(output)
    }

    fn lock(&self) -> MutexGuard<'_, Pods> {
        locked(&self.pods)
    }
}

fn key(place: &Place) -> Key {
    (place.namespace.clone(), place.pod.clone())
}

/// A `sh` that reads its standard input.
struct Shell {
    stdin: Box<dyn AsyncWrite + Send + Unpin>,
    stdout: Box<dyn AsyncRead + Send + Unpin>,
    stderr: Box<dyn AsyncRead + Send + Unpin>,
    ended: Shared<BoxFuture<'static, Option<Status>>>,
    used: Moment,
    _process: Option<AttachedProcess>,
}

impl Shell {
    async fn start(
        client: kube::Client,
        (namespace, pod): Key,
        known: oneshot::Sender<Option<String>>,
    ) -> Option<Self> {
        let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(client, &namespace);
        let params = AttachParams::default().stdin(true).stdout(true).stderr(true).max_stdout_buf_size(64 << 10);
        let mut process = pods.exec(&pod, ["sh"], &params).await.ok()?;
        let mut shell = Self {
            stdin: Box::new(process.stdin()?),
            stdout: Box::new(process.stdout()?),
            stderr: Box::new(process.stderr()?),
            ended: process.take_status()?.boxed().shared(),
            used: Moment::now(),
            _process: Some(process),
        };
        // What is said in this Pod may be its token: the filter knows it first. Where there is none, that is an answer, too.
        let read = ["cat".to_owned(), format!("{}/token", MOUNT)];
        if let Ok(output) = shell.run(&read, None).await? {
            let token = String::from_utf8_lossy(&output.stdout);
            redact::register(token.trim());
            let _ = known.send(pod_of(token.trim()));
        }
        Some(shell)
    }

    /// As [`Shells::run`].
    async fn run(&mut self, command: &[String], stdin: Option<&[u8]>) -> Option<Result<Output, String>> {
        if self.used.elapsed() > FRESH || self.ended.clone().now_or_never().is_some() {
            return None;
        }
        let mark = random_mark();
        let script = script(command, stdin, &mark);
        // A shell that has not read the closing brace runs nothing.
        self.stdin.write_all(&script).await.ok()?;
        let output = self.output(&mark).await;
        self.used = Moment::now();
        Some(output)
    }

    async fn output(&mut self, mark: &str) -> Result<Output, String> {
        let Self { stdout, stderr, ended, .. } = self;
        let end = end(mark);
        let both = async { tokio::try_join!(until(stdout, &end), until(stderr, &end)) };
        let (stdout, mut stderr) = tokio::select! {
            both = both => both?,
            _ = ended.clone() => return Err("the Pod's shell ended before the command's end was told".into()),
        };
        let told = stderr.windows(mark.len()).rposition(|window| window == mark.as_bytes());
        let code = stderr.split_off(told.ok_or("the Pod's shell did not tell how the command ended")?);
        let code = String::from_utf8_lossy(&code[mark.len()..]);
        let exit_code = code.parse().map_err(|_| format!("the Pod's shell told {code:?} as the command's end"))?;
        Ok(Output { exit_code, stdout, stderr })
    }
}

/// The uid of the Pod that a mounted token is bound to, as it says itself.
fn pod_of(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    claims["kubernetes.io"]["pod"]["uid"].as_str().map(str::to_owned)
}

/// With what a stream ends: nothing that comes before it, whole or in parts, ends so.
fn end(mark: &str) -> String {
    format!("{mark}.")
}

/// What the shell reads: the command, and after it on both streams that they have ended, with the exit code.
fn script(command: &[String], stdin: Option<&[u8]>, mark: &str) -> Vec<u8> {
    let words: Vec<String> = command.iter().map(|word| equivalent::quote(word)).collect();
    let mut script = format!("{{ {} ", words.join(" ")).into_bytes();
    match stdin {
        // It goes by a pipe: it is in no argument and no file.
        Some(bytes) => {
            script.extend(format!("<<'{mark}'\n").bytes());
            script.extend(bytes);
            script.extend(format!("{mark}\n").bytes());
        }
        None => script.extend(b"</dev/null\n"),
    }
    let end = end(mark);
    let told = format!("k=$?; printf %s {end}; printf %s%s%s {mark} \"$k\" {end} >&2; }}\n");
    script.extend(told.bytes());
    script
}

/// Reads up to an end, with which the stream pauses, and leaves it out.
async fn until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        let read = stream.read_buf(&mut bytes).await.map_err(|e| format!("its output broke off: {e}"))?;
        if read == 0 {
            return Err("its output ended before the command's end was told".into());
        }
        if bytes.len() > MOST_OUTPUT + end.len() {
            return Err(too_much());
        }
    }
    bytes.truncate(bytes.len() - end.len());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_which_pod_it_is_bound_to() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"kubernetes.io":{"namespace":"n","pod":{"name":"p","uid":"u-1"}}}"#);
        assert_eq!(pod_of(&format!("e30.{claims}.c2ln")).as_deref(), Some("u-1"));
        let claims = URL_SAFE_NO_PAD.encode(r#"{"kubernetes.io":{"namespace":"n"}}"#);
        assert_eq!(pod_of(&format!("e30.{claims}.c2ln")), None);
        assert_eq!(pod_of("cat: can't open '/token'"), None);
    }

    /// A shell of this machine, in place of one in a Pod.
    fn local() -> Shell {
        use std::process::Stdio;
        let mut child = tokio::process::Command::new("sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh");
        Shell {
            stdin: Box::new(child.stdin.take().expect("a pipe")),
            stdout: Box::new(child.stdout.take().expect("a pipe")),
            stderr: Box::new(child.stderr.take().expect("a pipe")),
            ended: async move { child.wait().await.ok().map(|_| Status::default()) }.boxed().shared(),
            used: Moment::now(),
            _process: None,
        }
    }

    async fn said(shell: &mut Shell, words: &[&str], stdin: Option<&str>) -> (i32, String, String) {
        let command: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let output = shell.run(&command, stdin.map(str::as_bytes)).await.expect("a shell").expect("an end");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.exit_code, text(output.stdout), text(output.stderr))
    }

    #[tokio::test]
    async fn one_command_after_the_other_with_its_own_streams_and_end() {
        let mut shell = local();
        assert_eq!(said(&mut shell, &["printf", "a b\n'"], None).await, (0, "a b\n'".into(), String::new()));
        let failing = ["sh", "-c", "printf out; printf err >&2; exit 6"];
        assert_eq!(said(&mut shell, &failing, None).await, (6, "out".into(), "err".into()));
        let config = "header = \"Authorization: Bearer $HOME `x` \\n\"\n";
        assert_eq!(said(&mut shell, &["cat"], Some(config)).await, (0, config.into(), String::new()));
        // Without input of its own it must not read the next command.
        assert_eq!(said(&mut shell, &["cat"], None).await, (0, String::new(), String::new()));
        assert_eq!(said(&mut shell, &["sh", "-c", "kill -9 $$"], None).await.0, 137);
        assert_eq!(said(&mut shell, &["no-such-command"], None).await.0, 127);
    }

    #[tokio::test]
    async fn a_command_is_asked_for_when_its_shell_is_there() {
        let place = Place { namespace: "a".into(), pod: "p".into(), ..Place::default() };
        let opening = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Some(local())
        };
        let shells = Shells { pods: Mutex::new(HashMap::from([(key(&place), Some(opening.boxed()))])) };
        let begun = std::time::Instant::now();
        // As curl's time limit: counted before the shell is there, it would end too late.
        let command = || vec!["echo".to_owned(), begun.elapsed().as_millis().to_string()];
        let output = shells.run(&place, &command, None).await.expect("a shell").expect("an end");
        let after: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
        assert!(after >= 300, "{after}");
    }

    #[tokio::test]
    async fn what_is_no_text_stays_what_it_is() {
        let command = ["sh", "-c", r"printf '\377\376' >&2; printf '\200'"].map(str::to_owned);
        let output = local().run(&command, None).await.expect("a shell").expect("an end");
        assert_eq!((output.stdout, output.stderr), (vec![0x80], vec![0xff, 0xfe]));
    }

    #[tokio::test]
    async fn a_mark_is_no_end_wherever_the_stream_is_cut() {
        let whole = b"curl: x\nqqqq0qqqq.";
        for cut in 1..whole.len() {
            let (mut near, mut far) = tokio::io::duplex(64);
            near.write_all(&whole[..cut]).await.expect("room");
            let reading = tokio::spawn(async move { until(&mut far, &end("qqqq")).await });
            tokio::task::yield_now().await;
            near.write_all(&whole[cut..]).await.expect("room");
            assert_eq!(reading.await.expect("no panic").expect("an end"), b"curl: x\nqqqq0", "{cut}");
        }
    }

    #[tokio::test]
    async fn much_output_on_both_streams_arrives_whole() {
        let both = ["sh", "-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"];
        let (code, stdout, stderr) = said(&mut local(), &both, None).await;
        assert_eq!((code, stdout.len(), stderr.len()), (0, 300_000, 300_000));
    }

    #[tokio::test]
    async fn a_shell_that_ends_within_a_command_is_a_fault_and_one_that_has_ended_is_not_used() {
        let mut shell = local();
        let killed = ["sh", "-c", "kill -9 $PPID"].map(str::to_owned);
        assert!(shell.run(&killed, None).await.expect("it was sent").is_err());
        let again = ["true"].map(str::to_owned);
        assert!(shell.run(&again, None).await.is_none());
    }
}
