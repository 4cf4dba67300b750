//! The page of a class: a server on this machine's own address. Only a user who knows its path may use it: the path has a
//! key that no other user can guess, and requests that another page has sent, or that came by another name of this machine,
//! are refused.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{self, Body},
    extract::{Request, State},
    response::{
        IntoResponse as _, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use http::{HeaderMap, Method, StatusCode, header};
use rand::RngExt as _;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::{connections, room::Room};
use crate::{
    presenter::{Command, View, page},
    redact::redact,
};

/// The most of a command that is read, in bytes.
const MOST: usize = 4096;

/// The characters of a key, and how many it has: 120 bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345679";
const KEY: usize = 24;

/// A page that is served.
#[derive(Debug)]
pub struct Server {
    /// Where the person who leads opens it.
    pub leads: String,
    /// Where it can only be followed.
    pub follows: String,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What each request is answered from.
struct Shared {
    room: Arc<Room>,
    address: SocketAddr,
    leads: String,
    follows: String,
    speed: u32,
}

impl Server {
    /// Begins to serve a room.
    ///
    /// # Errors
    /// When nothing can be served on this machine's own address.
    pub async fn start(room: Arc<Room>, speed: Option<u32>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (leads, follows, speed) = (key(), key(), speed.unwrap_or(0));
        let at = |key: &str| format!("http://{address}/{key}/");
        let (leader, follower) = (at(&leads), at(&follows));
        let shared = Arc::new(Shared { room, address, leads, follows, speed });
        let app = Router::new().fallback(answer).with_state(shared);
        let task = tokio::spawn(connections::serve(listener, app));
        Ok(Server { leads: leader, follows: follower, task })
    }
}

fn key() -> String {
    let mut rng = rand::rng();
    (0..KEY).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let mut response = served(&shared, request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", page::POLICY),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    response
}

async fn served(shared: &Shared, request: Request) -> Response {
    if !is_from_here(request.headers(), request.method(), shared.address) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let path = request.uri().path().to_owned();
    let Some((key, name)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let follows = key == shared.follows;
    if !follows && key != shared.leads {
        return StatusCode::NOT_FOUND.into_response();
    }
    let typed = |kind: &'static str, text: String| ([(header::CONTENT_TYPE, kind)], text).into_response();
    match (request.method(), name) {
        (&Method::GET, "") => typed("text/html; charset=utf-8", page::page(follows, shared.speed)),
        (&Method::GET, "class.css") => typed("text/css; charset=utf-8", page::style()),
        (&Method::GET, "class.js") => typed("text/javascript; charset=utf-8", page::SCRIPT.to_owned()),
        (&Method::GET, "events") => {
            Sse::new(told(shared.room.views())).keep_alive(KeepAlive::default()).into_response()
        }
        (&Method::POST, "say") if follows => StatusCode::FORBIDDEN.into_response(),
        (&Method::POST, "say") => said(shared, request.into_body()).await.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether a request was sent by a page of ours, or by a user who typed its address: not by another page that knows the
/// port, and not by another name that this machine was given.
fn is_from_here(headers: &HeaderMap, method: &Method, address: SocketAddr) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = address.to_string();
    let origin = format!("http://{host}");
    let own_origin = match text(header::ORIGIN) {
        Some(said) => said == origin,
        None => *method == Method::GET,
    };
    text(header::HOST) == Some(host.as_str()) && own_origin
}

async fn said(shared: &Shared, body: Body) -> StatusCode {
    let Ok(bytes) = body::to_bytes(body, MOST).await else { return StatusCode::PAYLOAD_TOO_LARGE };
    match serde_json::from_slice::<Command>(&bytes) {
        Ok(command) => {
            shared.room.say(command);
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// The view of now, and each that follows.
fn told(views: watch::Receiver<View>) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    stream::unfold((views, true), |(mut views, first)| async move {
        if !first && views.changed().await.is_err() {
            return None;
        }
        let json = serde_json::to_string(&*views.borrow_and_update()).unwrap_or_default();
        Some((Ok(sse::Event::default().data(redact(&json))), (views, false)))
    })
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;
    use crate::presenter::{Deed, Lesson};

    async fn asks(address: &str, lines: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let request = format!("{lines}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[tokio::test]
    async fn only_who_knows_the_key_and_comes_from_the_page_is_heard() {
        let room = Arc::new(Room::new(vec![Lesson::default()], false));
        room.open().await;
        let server = Server::start(Arc::clone(&room), Some(40)).await.expect("it listens");
        let address = server.leads.trim_start_matches("http://").split('/').next().expect("an address").to_owned();
        let (leads, follows) = (
            server.leads.split_once(&address).expect("a path").1,
            server.follows.split_once(&address).expect("a path").1,
        );
        assert!(leads.len() == KEY + 2 && leads != follows && address.starts_with("127.0.0.1:"), "{leads}");
        let own = format!("Host: {address}");
        let code = |answer: String| answer.split(' ').nth(1).unwrap_or_default().to_owned();

        let page = asks(&address, &format!("GET {leads} HTTP/1.1\r\n{own}"), "").await;
        assert!(page.contains("200 OK") && page.contains("<form") && page.contains("default-src 'none'"), "{page}");
        for (lines, expected) in [
            (format!("GET / HTTP/1.1\r\n{own}"), "404"),
            (format!("GET /{} HTTP/1.1\r\n{own}", "a".repeat(KEY) + "/"), "404"),
            (format!("GET {leads} HTTP/1.1\r\nHost: rebound.example"), "403"),
            (format!("GET {leads} HTTP/1.1\r\n{own}\r\nOrigin: http://evil.example"), "403"),
            (format!("GET {leads}events HTTP/1.1\r\n{own}\r\nOrigin: null"), "403"),
            (format!("DELETE {leads} HTTP/1.1\r\n{own}\r\nOrigin: http://{address}"), "404"),
        ] {
            assert_eq!(code(asks(&address, &lines, "").await), expected, "{lines}");
        }
        let says = |path: &str, origin: &str| {
            format!("POST {path}say HTTP/1.1\r\n{own}\r\nContent-Type: application/json{origin}")
        };
        let ours = format!("\r\nOrigin: http://{address}");
        let next = r#"{"do":"next"}"#;
        for (path, origin, body, expected) in [
            (leads, "", next, "403"),
            (leads, "\r\nOrigin: http://evil.example", next, "403"),
            (follows, ours.as_str(), next, "403"),
            (leads, ours.as_str(), "{}", "400"),
            (leads, ours.as_str(), r#"{"do":"quit"}"#, "204"),
        ] {
            assert_eq!(code(asks(&address, &says(path, origin), body).await), expected, "{path} {origin} {body}");
        }
        assert_eq!(room.listen().await, Deed::Nothing, "quit is asked about");
        let quits = room.views().borrow().note.clone().unwrap_or_default();
        assert!(quits.starts_with("q again"), "only one command was heard: {quits}");
    }
}
