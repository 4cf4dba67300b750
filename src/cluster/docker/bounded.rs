//! Docker's client, over connections that count what comes: no answer of a daemon fills the memory.
//!
//! bollard reads an answer whole, and a stream until its next item is whole, however long that is. It takes a transport of ours,
//! so each request has a connection of its own that breaks off after so many bytes. testcontainers makes its requests by a
//! client of its own; while one of those is made, the memory of this process is looked at instead.

use std::{
    ffi::OsString,
    io,
    os::unix::ffi::OsStringExt as _,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::FutureExt as _;
use http::{HeaderValue, Uri, header::HOST};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use testcontainers::bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

use crate::cluster::{ClusterError, access::MOST_BODY};
use crate::sync::locked;

/// The most that an image may have that Docker gives, in bytes.
const MOST_IMAGE: u64 = 2 << 30;

/// The most that may come of a stream between two of its items, in bytes. Docker cuts a log into parts of 16 KiB.
const MOST_ITEM: u64 = 2 << 20;

/// How long Docker may take to begin its answer, in seconds; testcontainers' own.
const TIMEOUT: u64 = 120;

/// How much more memory this process may take while testcontainers waits for an answer, in bytes.
const MOST_MEMORY: u64 = 512 << 20;

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What a daemon says when it says too much.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("an answer has more than {} MiB, which is none of Docker's", .0 >> 20)]
pub struct TooMuch(u64);

/// Whether an error is that.
pub fn too_much(e: &Error) -> Option<TooMuch> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(e);
    while let Some(e) = cause {
        let inner = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<TooMuch>()) {
            return Some(*found);
        }
        cause = e.source();
    }
    None
}

/// As an error of the environment.
pub fn flooded(at: &str, what: TooMuch) -> ClusterError {
    ClusterError::new(
        format!("Docker at {at} is not to be believed: {what}"),
        "see what listens there: `docker version`",
    )
}

/// Where a daemon is.
#[derive(Debug, Clone)]
enum Place {
    Unix(PathBuf),
    Tcp(String),
}

/// How much may come.
#[derive(Debug, Clone)]
enum Allowance {
    /// In each answer.
    Each,
    /// Between two items of a stream.
    Items(Arc<Item>),
}

/// What has come of a stream since its last item.
#[derive(Debug, Default)]
pub struct Item {
    come: AtomicU64,
    exceeded: AtomicBool,
}

impl Item {
    /// The stream gave one.
    pub fn whole(&self) {
        self.come.store(0, Ordering::Relaxed);
    }

    /// Whether it broke off because one was too long.
    pub fn exceeded(&self) -> Option<TooMuch> {
        self.exceeded.load(Ordering::Relaxed).then_some(TooMuch(MOST_ITEM))
    }
}

/// A daemon, by connections that count.
#[derive(Debug, Clone)]
pub struct Counted {
    /// `None`: by TLS, which only bollard itself can; then nothing counts.
    place: Option<Place>,
    own: Docker,
}

impl Counted {
    /// The daemon of testcontainers' own client.
    pub fn new(own: Docker) -> Self {
        Counted { place: place(&own), own }
    }

    /// A client whose answers are limited one by one.
    ///
    /// # Errors
    /// None that are known.
    pub fn client(&self) -> Result<Docker, Error> {
        self.connect(Allowance::Each)
    }

    /// A client for one stream, however long it is in all. [`Item::whole`] is called for each of its items.
    ///
    /// # Errors
    /// None that are known.
    pub fn stream(&self) -> Result<(Docker, Arc<Item>), Error> {
        let item = Arc::new(Item::default());
        Ok((self.connect(Allowance::Items(Arc::clone(&item)))?, item))
    }

    fn connect(&self, allowance: Allowance) -> Result<Docker, Error> {
        let Some(place) = self.place.clone() else { return Ok(self.own.clone()) };
        let transport =
            move |request: BollardRequest| -> Sending { Box::pin(send(place.clone(), allowance.clone(), request)) };
        Docker::connect_with_custom_transport(transport, Some("http://docker"), TIMEOUT, API_DEFAULT_VERSION)
    }
}

type Sending = Pin<Box<dyn Future<Output = Result<http::Response<hyper::body::Incoming>, Error>> + Send>>;

/// Where a client sends its requests: one is begun and given up before anything is sent.
fn place(own: &Docker) -> Option<Place> {
    let seen = Arc::new(Mutex::new(None));
    let note = Arc::clone(&seen);
    let asking = own.clone().with_request_modifier(move |request| {
        *locked(&note) = Some(request.uri().clone());
        request
    });
    drop(asking.version().now_or_never());
    let uri: Uri = locked(&seen).take()?;
    match uri.scheme_str()? {
        "unix" => {
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            let path = uri.host()?.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
            Some(Place::Unix(OsString::from_vec(path).into()))
        }
        "http" => Some(Place::Tcp(format!("{}:{}", uri.host()?, uri.port_u16().unwrap_or(80)))),
        _ => None,
    }
}

/// Sends one request by a connection of its own.
async fn send(
    place: Place,
    allowance: Allowance,
    mut request: BollardRequest,
) -> Result<http::Response<hyper::body::Incoming>, Error> {
    let most = match (&allowance, request.uri().path()) {
        (Allowance::Items(_), _) => MOST_ITEM,
        (Allowance::Each, path) if path.contains("/images/") && path.ends_with("/get") => MOST_IMAGE,
        (Allowance::Each, _) => MOST_BODY as u64,
    };
    let item = match allowance {
        Allowance::Items(item) => item,
        Allowance::Each => Arc::default(),
    };
    let host = match &place {
        Place::Tcp(address) => HeaderValue::try_from(address).map_err(|e| Error::from(io::Error::other(e)))?,
        Place::Unix(_) => HeaderValue::from_static("docker"),
    };
    request.headers_mut().insert(HOST, host);
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = path.into();
    }
    match place {
        Place::Unix(path) => exchange(Counting { stream: UnixStream::connect(path).await?, item, most }, request).await,
        Place::Tcp(address) => {
            exchange(Counting { stream: TcpStream::connect(address).await?, item, most }, request).await
        }
    }
}

async fn exchange<S>(
    stream: Counting<S>,
    request: BollardRequest,
) -> Result<http::Response<hyper::body::Incoming>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer, or when no caller reads that any more.
    tokio::spawn(connection.with_upgrades());
    Ok(sender.send_request(request).await?)
}

/// A connection that breaks off when too much has come.
#[derive(Debug)]
struct Counting<S> {
    stream: S,
    item: Arc<Item>,
    most: u64,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counting<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let come = (buf.filled().len() - before) as u64;
        if self.item.come.fetch_add(come, Ordering::Relaxed) + come > self.most {
            self.item.exceeded.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::other(TooMuch(self.most))));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counting<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A call of testcontainers, which is given up when this process takes much more memory meanwhile.
///
/// # Errors
/// When it does.
pub async fn guarded<T>(at: &str, call: impl Future<Output = T>) -> Result<T, ClusterError> {
    let most = resident().map(|now| now + MOST_MEMORY);
    let grown = async {
        let Some(most) = most else { return std::future::pending().await };
        while resident().is_none_or(|now| now <= most) {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        done = call => Ok(done),
        () = grown => Err(flooded(at, TooMuch(MOST_MEMORY))),
    }
}

/// The memory of this process, in bytes.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
