//! A fake Docker daemon: it answers by a script what a real one cannot be made to answer. It proves what kubewalk says then,
//! and nothing about Docker.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    thread,
};

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

/// It lives as long as the test process.
pub struct FakeDaemon {
    /// Where it listens.
    pub socket: PathBuf,
    _dir: tempfile::TempDir,
}

impl FakeDaemon {
    /// One that takes connections and never says a word.
    pub fn silent() -> Self {
        Self::start(|stream| {
            let mut lines = BufReader::new(stream).lines();
            while let Some(Ok(_)) = lines.next() {}
        })
    }

    /// One that has no image.
    pub fn pulling(pull: Pull) -> Self {
        Self::start(move |stream| answer(stream, pull))
    }

    fn start(serve: impl Fn(UnixStream) + Clone + Send + 'static) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let socket = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serve = serve.clone();
                thread::spawn(move || serve(stream));
            }
        });
        FakeDaemon { socket, _dir: dir }
    }
}

fn answer(mut stream: UnixStream, pull: Pull) {
    let mut head = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
    let request = head.next().unwrap_or_default();
    while head.next().is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    match path.split('?').next().unwrap_or_default() {
        path if path.ends_with("/version") => whole(&mut stream, 200, r#"{"Version": "fake", "ApiVersion": "1.41"}"#),
        path if path.ends_with("/containers/json") => whole(&mut stream, 200, "[]"),
        path if path.contains("/images/") && path.ends_with("/json") => {
            whole(&mut stream, 404, r#"{"message": "no such image"}"#);
        }
        path if path.ends_with("/images/create") => match pull {
            Pull::Refused(status, message) => whole(&mut stream, status, &format!(r#"{{"message": "{message}"}}"#)),
            Pull::Broken(message) => {
                begin(&mut stream);
                chunk(&mut stream, r#"{"status": "Pulling from rancher/k3s", "id": "v1"}"#);
                chunk(&mut stream, &format!(r#"{{"errorDetail": {{"message": "{message}"}}, "error": "{message}"}}"#));
                let _ = stream.write_all(b"0\r\n\r\n");
            }
            Pull::Stuck { done, total } => {
                begin(&mut stream);
                let detail = format!(r#"{{"current": {done}, "total": {total}}}"#);
                chunk(&mut stream, &format!(r#"{{"status": "Downloading", "id": "a", "progressDetail": {detail}}}"#));
                loop {
                    thread::park();
                }
            }
        },
        path => whole(&mut stream, 500, &format!(r#"{{"message": "the fake daemon knows no {path}"}}"#)),
    }
}

fn whole(stream: &mut UnixStream, status: u16, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
    let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
}

fn begin(stream: &mut UnixStream) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes());
}

fn chunk(stream: &mut UnixStream, json: &str) {
    let _ = stream.write_all(format!("{:x}\r\n{json}\r\n\r\n", json.len() + 2).as_bytes());
}
