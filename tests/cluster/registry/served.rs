//! A real registry on loopback (go-containerregistry's), small images in it, and one who stands before it and does not let everything
//! through.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Where an image is in it.
pub const NAME: &str = "kubewalk/engine";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn good(command: &mut Command) -> String {
    let said = command.output().expect("it starts");
    assert!(said.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

/// The SHA-256 of some bytes.
pub fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A registry that ends with its test, however that ends.
pub struct Registry {
    process: Child,
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// Where it keeps what it has, and where images are made.
    pub folder: tempfile::TempDir,
}

impl Registry {
    pub fn start() -> Registry {
        static CRANE: OnceLock<PathBuf> = OnceLock::new();
        let crane = CRANE.get_or_init(|| {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crane");
            let module = root().join(".ci/crane");
            good(
                Command::new("go")
                    .arg("-C")
                    .arg(module)
                    .args(["build", "-o"])
                    .arg(&path)
                    .arg("github.com/google/go-containerregistry/cmd/crane"),
            );
            path
        });
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("blobs")).expect("a folder");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(crane).args([
            "registry",
            "serve",
            "--address",
            "127.0.0.1:0",
            "--disk",
        ]);
        let mut process = command.arg(folder.path().join("blobs")).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut said = BufReader::new(process.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("serving on port") {
            line.clear();
            assert!(said.read_line(&mut line).expect("it speaks") > 0, "the registry ended");
        }
        let port = line.trim().rsplit(' ').next().expect("a port").to_owned();
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Registry { process, host: format!("127.0.0.1:{port}"), folder }
    }

    /// Pushes an engine's folder as users' releases do, and gives the digest of its manifest.
    pub fn push(&self, engine: &Path) -> String {
        let (script, layout) = (root().join("scripts/engine-image"), self.folder.path().join("layout"));
        good(Command::new(&script).arg("pack").arg(engine).arg(&layout));
        let pushed = good(Command::new(&script).arg("push").arg(&layout).arg(format!("{}/{NAME}:1", self.host)));
        pushed.rsplit_once("@sha256:").expect("a digest").1.to_owned()
    }

    /// The manifest of an image in it.
    pub fn manifest(&self, digest: &str) -> Value {
        let answer = self.ask("GET", &format!("manifests/sha256:{digest}"), "*/*", &[]);
        serde_json::from_slice(&answer).expect("a manifest")
    }

    /// Puts a manifest there, as it is.
    pub fn put_manifest(&self, manifest: &Value) -> String {
        let bytes = manifest.to_string().into_bytes();
        let kind = manifest["mediaType"].as_str().expect("a type");
        self.ask("PUT", &format!("manifests/sha256:{}", sum(&bytes)), kind, &bytes);
        sum(&bytes)
    }

    /// Puts a layer there, and gives its descriptor.
    pub fn put_layer(&self, bytes: &[u8]) -> Value {
        let digest = format!("sha256:{}", sum(bytes));
        self.ask("POST", &format!("blobs/uploads/?digest={digest}"), "application/octet-stream", bytes);
        json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": bytes.len()})
    }

    fn ask(&self, verb: &str, path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.host).expect("it listens");
        let head = format!(
            "{verb} /v2/{NAME}/{path} HTTP/1.1\r\nHost: {}\r\nAccept: {kind}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.host,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        let at = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        assert!(answer.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&answer));
        answer.split_off(at + 4)
    }
}

/// A registry's front by https, and a proxy that alone leads to it.
pub struct Elsewhere {
    front: Child,
    /// The file with its certificate.
    pub certificate: PathBuf,
    /// Of the proxy: `127.0.0.1:PORT`.
    pub proxy: String,
    /// The heads of all requests to the proxy.
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Elsewhere {
    /// Under this name, for who logs in so (`USER:PASSWORD`).
    pub fn start(registry: &Registry, name: &'static str, login: &str) -> Elsewhere {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("front");
        good(
            Command::new("go")
                .arg("-C")
                .arg(root().join(".ci/crane"))
                .args(["build", "-o"])
                .arg(&program)
                .arg("./front"),
        );
        let certificate = registry.folder.path().join("front.pem");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program).args([name, &registry.host]).arg(&certificate).arg(login);
        let mut front = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut port = String::new();
        BufReader::new(front.stdout.take().expect("a pipe")).read_line(&mut port).expect("it speaks");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = listener.local_addr().expect("an address").to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (heads, target) = (Arc::clone(&asked), format!("127.0.0.1:{}", port.trim()));
        // It ends with the process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (heads, target) = (Arc::clone(&heads), target.clone());
                std::thread::spawn(move || lead(client, name, &target, &heads));
            }
        });
        Elsewhere { front, certificate, proxy, asked }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.front.kill();
        let _ = self.front.wait();
    }
}

/// What a proxy does: leads to the one host that it knows.
fn lead(mut client: TcpStream, name: &str, target: &str, heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let head = head_of(&mut client)?;
    let known = head.starts_with(&format!("CONNECT {name}:443 "));
    heads.lock().expect("no test has failed here").push(head);
    if !known {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    }
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    std::io::copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    let _ = back.join();
    Ok(())
}

/// A request up to its empty line.
fn head_of(client: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder like that of an engine, of this program's hash, with little in it: nothing of it can be started.
pub fn small_engine(at: &Path) {
    let bin = at.join("rootfs/usr/local/bin");
    fs::create_dir_all(&bin).and_then(|()| fs::create_dir_all(at.join("images"))).expect("made");
    // Of what cannot be made smaller, so that a stream can be cut in the middle.
    let (mut noise, mut state) = (Vec::new(), 1_u64);
    while noise.len() < 3 << 20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.extend_from_slice(&state.to_le_bytes());
    }
    fs::write(bin.join("kube"), &noise).expect("written");
    std::os::unix::fs::symlink("kube", bin.join("kubectl")).expect("linked");
    fs::write(at.join("supervisor"), "none").expect("written");
    let file = |path: &str| {
        let bytes = fs::read(at.join(path)).expect("there");
        json!({"path": path, "size": bytes.len(), "sha256": sum(&bytes)})
    };
    let hash = kubewalk::cluster::engine::hash();
    let list = format!(
        "{{\n  \"engine\": \"{hash}\",\n  \"minor\": \"1.37\",\n  \"files\": {},\n  \"links\": {}\n}}\n",
        json!([file("rootfs/usr/local/bin/kube"), file("supervisor")]),
        json!([{"path": "rootfs/usr/local/bin/kubectl", "to": "kube"}]),
    );
    fs::write(at.join("manifest.json"), list).and_then(|()| fs::write(at.join("COMPLETE"), "")).expect("written");
}

/// What one who stands before a registry does with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Changes its last byte.
    Spoils,
    /// Ends it after so many bytes, each time, and never gives a part from the middle.
    Cuts(usize),
    /// Ends it after so many bytes, once.
    CutsOnce(usize),
    /// Gives so many bytes and then nothing.
    Stops(usize),
    /// Gives a little at a time.
    Trickles,
    /// Gives this status instead.
    Answers(u16),
    /// Gives 503 twice.
    IsBusyTwice,
    /// Wants a token first, which another address of it gives.
    WantsToken,
}

/// One who does so with the answers to some requests, and passes all others on.
pub struct Between {
    /// Where it listens.
    pub host: String,
    /// The heads of all requests.
    pub asked: Arc<Mutex<Vec<String>>>,
}

/// The token that it wants.
pub const TOKEN: &str = "c2VzYW1lLW9wZW4tdGhlLWRvb3I";

impl Between {
    /// Before `registry`; `of` is in the path of the requests that are meant.
    pub fn start(registry: &str, of: &'static str, does: Does) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (heads, registry, own) = (Arc::clone(&asked), registry.to_owned(), host.clone());
        // It ends with the process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (heads, registry, own) = (Arc::clone(&heads), registry.clone(), own.clone());
                std::thread::spawn(move || {
                    let _ = pass(client, &registry, &own, of, does, &heads);
                });
            }
        });
        Between { host, asked }
    }
}

fn pass(
    mut client: TcpStream,
    registry: &str,
    own: &str,
    of: &str,
    does: Does,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let head = head_of(&mut client)?;
    let meant = head.lines().next().is_some_and(|line| line.contains(of));
    let before = {
        let mut heads = heads.lock().expect("no test has failed here");
        let before = heads.iter().filter(|head| head.lines().next().is_some_and(|line| line.contains(of))).count();
        heads.push(head.clone());
        before
    };
    let mut say = |status: u16, more: &str, body: &str| {
        write!(
            client,
            "HTTP/1.1 {status} Word\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n{body}",
            body.len()
        )
    };
    if head.starts_with("GET /token") {
        return say(200, "", &json!({"token": TOKEN}).to_string());
    }
    match does {
        Does::Answers(status) if meant => return say(status, "", ""),
        Does::IsBusyTwice if meant && before < 2 => return say(503, "", ""),
        Does::WantsToken if !head.contains(TOKEN) => {
            let more = format!("WWW-Authenticate: Bearer realm=\"http://{own}/token\",service=\"s\",scope=\"x\"\r\n");
            return say(401, &more, "");
        }
        _ => {}
    }
    let mut server = TcpStream::connect(registry)?;
    let keeps = |line: &&str| {
        let name = line.to_ascii_lowercase();
        !(name.starts_with("connection:") || name.starts_with("range:") && matches!(does, Does::Cuts(_)))
    };
    let lines: Vec<&str> = head.trim_end().split("\r\n").filter(keeps).collect();
    write!(server, "{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"))?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    match does {
        _ if !meant => client.write_all(&answer)?,
        Does::Spoils => {
            *answer.last_mut().expect("a body") ^= 1;
            client.write_all(&answer)?;
        }
        Does::CutsOnce(_) if before > 0 => client.write_all(&answer)?,
        Does::Cuts(bytes) | Does::CutsOnce(bytes) => {
            client.write_all(&answer[..(body + bytes).min(answer.len())])?;
        }
        Does::Stops(bytes) => {
            client.write_all(&answer[..body + bytes])?;
            std::thread::sleep(Duration::from_secs(60));
        }
        Does::Trickles => {
            for piece in answer.chunks(512) {
                client.write_all(piece)?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        _ => client.write_all(&answer)?,
    }
    client.shutdown(Shutdown::Both)
}
