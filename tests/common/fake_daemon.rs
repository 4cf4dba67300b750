//! A fake Docker daemon: it answers by a script what a real one cannot be made to answer. It proves what kubewalk says then,
//! and nothing about Docker.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

mod published;
pub use published::{OnCall, Published};

/// How it answers when an image is to be pulled.
#[derive(Debug, Clone, Copy)]
pub enum Pull {
    /// At once, with this status and message.
    Refused(u16, &'static str),
    /// In the stream that has begun well.
    Broken(&'static str),
    /// So many bytes of one layer, and then never again a word.
    Stuck {
        /// Bytes that have come.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
}

/// An answer without an end.
#[derive(Debug, Clone, Copy)]
pub enum Flood {
    /// One JSON text.
    Json,
    /// The same, and it is refused.
    Refusal,
    /// JSON texts, one a line.
    Lines,
    /// One part of a log or of the output of a command, of 4 GB.
    Frame,
    /// Many of them, which are no lines.
    Frames,
    /// Short lines of a log.
    Log,
}

/// What it does.
#[derive(Clone, Default)]
pub struct Script {
    /// What a pull comes to; `None`: every image is there already.
    pub pull: Option<Pull>,
    /// The log of every container.
    pub log: Vec<String>,
    /// Takes connections and never says a word.
    pub silent: bool,
    /// Never answers when a container is to be removed.
    pub keeps: bool,
    /// The cluster that it shows in every container: a kubeconfig, and the real API server's port.
    pub cluster: Option<(String, u16)>,
    /// The answer to a request with these words in it has no end; see [`Flood`].
    pub flood: Option<(&'static str, Flood)>,
    /// The line that holds a container removes it when it breaks, as the node behind a real one does.
    pub holds: bool,
    /// Is told of each request to Docker, and of each message to the cluster, before anything is done.
    pub on_call: Option<OnCall>,
}

/// It lives as long as the test process.
pub struct FakeDaemon {
    /// Where it listens.
    pub socket: PathBuf,
    state: Arc<Mutex<State>>,
    _dir: tempfile::TempDir,
}

#[derive(Default)]
struct State {
    script: Script,
    containers: BTreeMap<String, Made>,
    /// How many there were.
    made: usize,
    execs: usize,
    asked: Vec<String>,
    /// Connections that end with the daemon.
    open: Vec<UnixStream>,
    dead: bool,
}

struct Made {
    name: String,
    labels: Value,
    published: Option<Published>,
}

impl FakeDaemon {
    /// One that takes connections and never says a word.
    pub fn silent() -> Self {
        Self::start(Script { silent: true, ..Script::default() })
    }

    /// One that has no image.
    pub fn pulling(pull: Pull) -> Self {
        Self::start(Script { pull: Some(pull), ..Script::default() })
    }

    /// One that does what a script says.
    pub fn start(script: Script) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let socket = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let state = Arc::new(Mutex::new(State { script, ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &state));
            }
        });
        FakeDaemon { socket, state, _dir: dir }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes what it does from now on.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.lock().script);
    }

    /// The names of the containers that there are.
    pub fn containers(&self) -> Vec<String> {
        self.lock().containers.values().map(|made| made.name.clone()).collect()
    }

    /// Method and path of all requests.
    pub fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    /// Waits until so many such requests have come.
    #[track_caller]
    pub fn until(&self, times: usize, words: &str) {
        let begun = Instant::now();
        while self.asked().iter().filter(|asked| asked.contains(words)).count() < times {
            assert!(begun.elapsed() < Duration::from_secs(30), "it was not asked {words}: {:#?}", self.asked());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends all connections and takes no more, as after the death of the daemon; its containers are frozen.
    pub fn die(&self) {
        let mut state = self.lock();
        state.dead = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        state.containers.values().filter_map(|made| made.published.as_ref()).for_each(Published::cut);
    }

    /// Takes connections again, with the containers that there were.
    pub fn live(&self) {
        self.lock().dead = false;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: UnixStream, state: &Mutex<State>) {
    let script = {
        let mut state = lock(state);
        if state.dead {
            return;
        }
        state.open.push(stream.try_clone().expect("a stream"));
        state.script.clone()
    };
    if script.silent {
        let _ = stream.read_to_end(&mut Vec::new());
        return;
    }
    let Some((method, path, body)) = read(&stream) else { return };
    if let Some(on_call) = &script.on_call {
        on_call();
    }
    lock(state).asked.push(format!("{method} {path}"));
    if let Some((words, flood)) = script.flood
        && format!("{method} {path}").contains(words)
    {
        return flooded(&mut stream, flood, path.contains("/exec/"));
    }
    let (place, query) = path.split_once('?').unwrap_or((path.as_str(), ""));
    // Behind the version of the API.
    let parts: Vec<&str> = place.trim_start_matches('/').split('/').filter(|part| !part.starts_with("v1.")).collect();
    match (method.as_str(), parts.as_slice()) {
        (_, ["version"]) => whole(&mut stream, 200, r#"{"Version": "fake", "ApiVersion": "1.41"}"#),
        (_, ["containers", "json"]) => whole(&mut stream, 200, &list(&lock(state), query)),
        ("GET", ["networks"]) => whole(&mut stream, 200, "[]"),
        ("POST", ["images", "create"]) => pull(&mut stream, script.pull),
        ("GET", ["images", .., "get"]) => whole(&mut stream, 200, "an archive"),
        ("GET", ["images", .., "json"]) if script.pull.is_none() => whole(&mut stream, 200, r#"{"Id": "sha256:1"}"#),
        ("POST", ["containers", "create"]) => {
            let id = create(state, query, &body, &script);
            whole(&mut stream, 201, &json!({"Id": id, "Warnings": []}).to_string());
        }
        ("DELETE", ["containers", _]) if script.keeps => {
            let _ = stream.read_to_end(&mut Vec::new());
        }
        ("DELETE", ["containers", id]) => {
            lock(state).containers.remove(*id);
            whole(&mut stream, 204, "");
        }
        ("POST", ["exec", id, "start"]) => exec(&mut stream, id, state, &script),
        (_, ["exec", id, "json"]) => {
            let known = script.cluster.is_some() || id.ends_with("line");
            whole(&mut stream, 200, &json!({"ExitCode": i32::from(!known), "Running": false}).to_string());
        }
        (_, ["containers", id, rest @ ..]) if lock(state).containers.contains_key(*id) => {
            container(&mut stream, id, rest, &body, state, &script);
        }
        _ => whole(&mut stream, 404, r#"{"message": "no such thing in the fake"}"#),
    }
}

/// Writes until nobody listens.
fn flooded(stream: &mut UnixStream, flood: Flood, is_exec: bool) {
    let (status, begins, part): (u16, Vec<u8>, Vec<u8>) = match flood {
        Flood::Json => (200, b"{\"Id\": \"".to_vec(), vec![b'x'; 64 << 10]),
        Flood::Refusal => (500, b"{\"message\": \"".to_vec(), vec![b'x'; 64 << 10]),
        Flood::Lines => {
            let lines: Vec<_> =
                (0..2000).map(|n| json!({"status": "Downloading", "id": n.to_string()}).to_string() + "\n").collect();
            (200, vec![], lines.concat().into_bytes())
        }
        Flood::Frame => (200, vec![1, 0, 0, 0, 255, 255, 255, 255], vec![b'x'; 64 << 10]),
        Flood::Frames => (200, vec![], frame(&vec![b'x'; 16 << 10])),
        Flood::Log => (200, vec![], frame("what nobody asked for\n".repeat(1000).as_bytes())),
    };
    let head = format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
    let upgraded = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".to_owned();
    let mut sent = stream.write_all(if is_exec { &upgraded } else { &head }.as_bytes());
    sent = sent.and_then(|()| stream.write_all(&begins));
    while sent.is_ok() {
        sent = stream.write_all(&part);
    }
}

fn container(stream: &mut UnixStream, id: &str, rest: &[&str], body: &str, state: &Mutex<State>, script: &Script) {
    let there = || {
        let state = lock(state);
        state.containers.contains_key(id) && !state.dead
    };
    match rest {
        ["json"] => {
            let port = lock(state).containers[id].published.as_ref().map_or(1, |it| it.port).to_string();
            let ports = json!({"6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]});
            let seen = json!({"Id": id, "State": {"Running": true}, "NetworkSettings": {"Ports": ports}});
            whole(stream, 200, &seen.to_string());
        }
        ["exec"] => {
            lock(state).execs += 1;
            // Which one it is and where, its name says.
            let kind = if body.contains("cat >/dev/null") { "line" } else { "call" };
            let nth = lock(state).execs;
            whole(stream, 201, &json!({"Id": format!("{nth}-{id}-{kind}")}).to_string());
        }
        ["logs"] => {
            begin(stream);
            for line in &script.log {
                chunk(stream, &frame(format!("{line}\n").as_bytes()));
            }
            while there() {
                thread::sleep(Duration::from_millis(10));
            }
            let _ = stream.write_all(b"0\r\n\r\n");
        }
        ["wait"] => {
            while there() {
                thread::sleep(Duration::from_millis(10));
            }
            whole(stream, 200, r#"{"StatusCode": 137}"#);
        }
        ["start"] => whole(stream, 204, ""),
        _ => whole(stream, 200, ""),
    }
}

/// The line that holds a container lasts as long as the caller; any other command prints the kubeconfig.
fn exec(stream: &mut UnixStream, id: &str, state: &Mutex<State>, script: &Script) {
    let head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
                Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    let _ = stream.write_all(head.as_bytes());
    if id.ends_with("line") {
        let _ = stream.read_to_end(&mut Vec::new());
        if let (true, Some(container)) = (script.holds, id.split('-').nth(1)) {
            lock(state).containers.remove(container);
        }
    } else if let Some((kubeconfig, _)) = &script.cluster {
        let _ = stream.write_all(&frame(kubeconfig.as_bytes()));
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

fn create(state: &Mutex<State>, query: &str, body: &str, script: &Script) -> String {
    let labels = serde_json::from_str::<Value>(body).unwrap_or_default()["Labels"].clone();
    let name = query.split('&').find_map(|pair| pair.strip_prefix("name=")).unwrap_or("nameless").to_owned();
    let published = script.cluster.as_ref().map(|(_, port)| Published::to(*port, script.on_call.clone()));
    let mut state = lock(state);
    state.made += 1;
    let id = format!("{:064x}", state.made);
    state.containers.insert(id.clone(), Made { name, labels, published });
    id
}

/// The containers with the label that the query asks for.
fn list(state: &State, query: &str) -> String {
    let run = query.split("kubewalk.run%3D").nth(1).and_then(|rest| rest.split('%').next());
    let of = |made: &&Made| run.is_none_or(|run| made.labels["dev.kubewalk.run"] == run);
    let with_id = state.containers.iter().filter(|(_, made)| of(made));
    let all: Vec<Value> = with_id
        .map(|(id, made)| json!({"Id": id, "Names": [format!("/{}", made.name)], "Labels": made.labels}))
        .collect();
    // A question for another label finds none of ours.
    if query.contains("dev.kubewalk.run") { json!(all).to_string() } else { "[]".into() }
}

fn pull(stream: &mut UnixStream, pull: Option<Pull>) {
    match pull {
        None => whole(stream, 404, r#"{"message": "the fake has no registry"}"#),
        Some(Pull::Refused(status, message)) => whole(stream, status, &json!({"message": message}).to_string()),
        Some(Pull::Broken(message)) => {
            begin(stream);
            line(stream, &json!({"status": "Pulling from rancher/k3s", "id": "v1"}));
            line(stream, &json!({"errorDetail": {"message": message}, "error": message}));
            let _ = stream.write_all(b"0\r\n\r\n");
        }
        Some(Pull::Stuck { done, total }) => {
            begin(stream);
            let detail = json!({"current": done, "total": total});
            line(stream, &json!({"status": "Downloading", "id": "a", "progressDetail": detail}));
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}

/// A request: its method, its path, and its body, whichever way that is sent.
fn read(stream: &UnixStream) -> Option<(String, String, String)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let line = |reader: &mut BufReader<UnixStream>| {
        let mut line = String::new();
        reader.read_line(&mut line).ok().map(|_| line.trim_end().to_ascii_lowercase())
    };
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut length, mut chunked) = (0, false);
    loop {
        let header = line(&mut reader)?;
        if header.is_empty() {
            break;
        }
        length = header.strip_prefix("content-length: ").and_then(|value| value.parse().ok()).unwrap_or(length);
        chunked |= header.starts_with("transfer-encoding: chunked");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    while chunked {
        let size = usize::from_str_radix(&line(&mut reader)?, 16).ok()?;
        let mut part = vec![0; size + 2];
        reader.read_exact(&mut part).ok()?;
        chunked = size > 0;
    }
    Some((method, path, String::from_utf8_lossy(&body).into_owned()))
}

fn whole(stream: &mut UnixStream, status: u16, body: &str) {
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let head = if status == 204 { "HTTP/1.1 204 x\r\nConnection: close\r\n\r\n".to_owned() } else { head };
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
}

fn begin(stream: &mut UnixStream) {
    let head =
        "HTTP/1.1 200 x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(head.as_bytes());
}

fn chunk(stream: &mut UnixStream, bytes: &[u8]) {
    let _ = stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes());
    let _ = stream.write_all(&[bytes, b"\r\n"].concat());
}

fn line(stream: &mut UnixStream, said: &Value) {
    chunk(stream, format!("{said}\r\n").as_bytes());
}

/// Bytes of standard output as Docker sends them where there is no terminal.
fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short text").to_be_bytes();
    [&[1, 0, 0, 0][..], &length, bytes].concat()
}
