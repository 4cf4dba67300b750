//! A fake API server: it answers by a script what a real one cannot be made to answer. It proves what kubewalk makes of such
//! answers, and nothing about Kubernetes.
#![allow(dead_code, reason = "each test program uses its part")]

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use base64::Engine as _;
use serde_json::{Value, json};

/// The administrator's credential, which must not be seen anywhere either.
pub const ADMIN: &str = "fake-administrator-0123456789";

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// With its query, as it was sent.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether it is this call, whatever its query is.
    pub fn is(&self, method: &str, end: &str) -> bool {
        self.method == method && self.path.split('?').next().is_some_and(|path| path.ends_with(end))
    }
}

/// What it does with a request.
pub enum Reply {
    /// Status, content type, body.
    Http(u16, &'static str, String),
    /// Not a word, until the other side has gone.
    Silence,
    /// The connection breaks without an answer.
    Reset,
    /// The exec's frames: channel (1 standard output, 2 standard error, 3 the end) and bytes; then the connection closes.
    Exec(Vec<(u8, Vec<u8>)>),
    /// A watch in which nothing happens.
    Watch,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Reply::Http(status, "application/json", body.to_string())
    }

    /// A Status that refuses.
    pub fn refusal(code: u16, reason: &str, message: &str) -> Self {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
            "message": message, "details": {},
        });
        Self::json(code, &status)
    }

    /// A command that ended with 0.
    pub fn ended(stdout: Vec<Vec<u8>>) -> Self {
        let end = br#"{"metadata":{},"status":"Success"}"#.to_vec();
        Reply::Exec(stdout.into_iter().map(|part| (1, part)).chain([(3, end)]).collect())
    }
}

type Script = dyn Fn(&Asked) -> Option<Reply> + Send + Sync;

/// It lives as long as the test process.
pub struct FakeApi {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    namespaces: BTreeSet<String>,
    asked: Vec<Asked>,
    /// The watches that are open.
    watches: Vec<TcpStream>,
    away: bool,
}

impl FakeApi {
    /// One that does what the script says, and for the rest what scenarios need to go on.
    pub fn start(script: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let script: Arc<Script> = Arc::new(script);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, script) = (Arc::clone(&shared), Arc::clone(&script));
                thread::spawn(move || serve(stream, &state, &*script));
            }
        });
        FakeApi { port, state }
    }

    /// A kubeconfig with the context `fake`.
    pub fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let config = json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "fake", "cluster": {"server": format!("http://127.0.0.1:{}", self.port)}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "users": [{"name": "fake", "user": {"token": ADMIN}}],
        });
        let path = folder.join("kubeconfig");
        std::fs::write(&path, config.to_string()).expect("written");
        path
    }

    /// Ends all watches, and answers nothing any more but what the script does, as a server that starts anew.
    pub fn go_away(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.away = true;
        for watch in state.watches.drain(..) {
            let _ = watch.shutdown(Shutdown::Both);
        }
    }

    /// Answers again.
    pub fn come_back(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).away = false;
    }

    /// All that was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }

    /// Namespaces that were made and not removed.
    pub fn namespaces(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).namespaces.iter().cloned().collect()
    }

    /// Waits until such a request has come.
    #[track_caller]
    pub fn until(&self, what: impl Fn(&Asked) -> bool) {
        self.until_now(|api| api.asked().iter().any(&what));
    }

    /// Waits until this is so.
    #[track_caller]
    pub fn until_now(&self, is_so: impl Fn(&Self) -> bool) {
        let begun = std::time::Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < Duration::from_secs(30), "it was not asked: {:#?}", self.asked());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, script: &Script) {
    let Some(asked) = read(&stream) else { return };
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    lock().asked.push(asked.clone());
    let reply = script(&asked).unwrap_or_else(|| {
        let mut state = lock();
        if state.away { Reply::Reset } else { usual(&asked, &mut state) }
    });
    if matches!(reply, Reply::Watch) {
        lock().watches.push(stream.try_clone().expect("a stream"));
    }
    send(&mut stream, &asked, reply);
    let _ = stream.shutdown(Shutdown::Write);
}

fn send(stream: &mut TcpStream, asked: &Asked, reply: Reply) {
    match reply {
        Reply::Http(status, kind, body) => {
            let head = format!(
                "HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat());
        }
        Reply::Silence => {
            let _ = stream.read_to_end(&mut Vec::new());
        }
        Reply::Reset => {}
        Reply::Exec(frames) => {
            let key = asked.header("Sec-WebSocket-Key").unwrap_or_default();
            let digest = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
            let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, digest.as_bytes());
            let accept = base64::engine::general_purpose::STANDARD.encode(digest.as_ref());
            let head = format!(
                "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\
                 Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes());
            for (channel, bytes) in frames {
                // Binary, whole, not masked, with a length of 64 bits.
                let length = (bytes.len() as u64 + 1).to_be_bytes();
                if stream.write_all(&[&[0x82, 127][..], &length, &[channel], &bytes].concat()).is_err() {
                    return;
                }
            }
        }
        Reply::Watch => {
            let head = "HTTP/1.1 200 x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().map(|_| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    while let Some((key, value)) = line()?.split_once(": ") {
        headers.push((key.to_owned(), value.to_owned()));
    }
    let mut asked = Asked { method, path, headers, body: String::new() };
    let length = asked.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}

/// The uid of a namespace.
fn uid(namespace: &str) -> String {
    format!("uid-of-{namespace}")
}

/// What a server that is well answers, as far as runs ask it.
fn usual(asked: &Asked, state: &mut State) -> Reply {
    let path = asked.path.split('?').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let body = || serde_json::from_str::<Value>(&asked.body).unwrap_or_default();
    match (asked.method.as_str(), path) {
        (_, "/version") => Reply::json(200, &json!({"major": "1", "minor": "37", "gitVersion": "v1.37.0"})),
        (_, "/readyz") => Reply::Http(200, "text/plain", "ok".into()),
        (_, "/api/v1/nodes") => Reply::json(200, &json!({"kind": "NodeList", "items": [{"metadata": {"name": "n"}}]})),
        ("POST", path) if path.ends_with("subjectaccessreviews") => {
            Reply::json(201, &json!({"status": {"allowed": true}}))
        }
        ("POST", "/api/v1/namespaces") => {
            let mut made = body();
            let name = made["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            made["metadata"]["uid"] = uid(&name).into();
            state.namespaces.insert(name);
            Reply::json(201, &made)
        }
        ("DELETE", path) if path.starts_with("/api/v1/namespaces/") && path.matches('/').count() == 4 => {
            state.namespaces.remove(name);
            Reply::json(200, &json!({"kind": "Namespace", "metadata": {"name": name, "uid": uid(name)}}))
        }
        ("GET", path) if path.matches('/').count() == 4 && state.namespaces.contains(name) => {
            Reply::json(200, &json!({"kind": "Namespace", "metadata": {"name": name, "uid": uid(name)}}))
        }
        ("DELETE", _) => Reply::json(200, &json!({"kind": "Status", "status": "Success"})),
        ("POST" | "PATCH" | "PUT", _) => {
            let mut made = body();
            made["metadata"]["uid"] = "1".into();
            Reply::json(201, &made)
        }
        ("GET", _) if asked.path.contains("watch=") => Reply::Watch,
        ("GET", "/api/v1/namespaces") => {
            let of =
                |name: &&String| !asked.path.contains("metadata.name%3D") || asked.path.contains(&format!("%3D{name}"));
            let items =
                state.namespaces.iter().filter(of).map(|name| json!({"metadata": {"name": name, "uid": uid(name)}}));
            let items: Vec<Value> = items.collect();
            Reply::json(200, &json!({"kind": "NamespaceList", "metadata": {"resourceVersion": "1"}, "items": items}))
        }
        ("GET", _) if asked.path.contains("fieldSelector=metadata.name%3D") => {
            let name = asked.path.split("metadata.name%3D").nth(1).and_then(|rest| rest.split('&').next());
            let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
            let item = json!({"metadata": {"name": name}, "status": status});
            Reply::json(200, &json!({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": [item]}))
        }
        ("GET", path) if path.ends_with(&format!("/pods/{name}")) => Reply::json(200, &running(name)),
        (_, "/api") => {
            Reply::refusal(403, "Forbidden", "forbidden: User \"system:anonymous\" cannot get path \"/api\"")
        }
        _ => Reply::refusal(404, "NotFound", "the fake has none"),
    }
}

/// A Pod whose one container runs.
fn running(name: &str) -> Value {
    json!({
        "kind": "Pod",
        "metadata": {"name": name, "uid": "1"},
        "spec": {"containers": [{"name": "main"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "main", "ready": true, "state": {"running": {}}}],
        },
    })
}
