//! One connection's worth of HTTP: TLS, a proxy if there is one, and an end to every waiting.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connect, HttpConnector, proxy::Tunnel},
    },
    client::proxy::matcher::Matcher,
    rt::TokioExecutor,
};
use tokio::time::{Instant, timeout_at};

use super::{
    fault::{Fault, innermost},
    reference::is_loopback,
};
use crate::cluster::access::USER_AGENT;

/// How long is waited.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a word; a registry that is silent for longer is stuck.
    pub between: Duration,
    /// For all.
    pub total: Duration,
    until: Instant,
}

/// A pull waits no longer for a connection, or for a word.
const A_WORD: Duration = Duration::from_secs(30);

/// So often a thing is asked for in all, when it breaks off or the registry is busy.
pub(super) const TRIES: u32 = 4;

/// Before each other try, times the number of tries before it.
const PAUSE: Duration = Duration::from_millis(500);

impl Patience {
    /// From now on, with so much time in all.
    pub fn begin(total: Duration) -> Self {
        Patience { between: A_WORD.min(total / 2), total, until: Instant::now() + total }
    }

    /// Waits for something of a host.
    async fn wait<T>(&self, host: &str, thing: impl Future<Output = T>) -> Result<T, Fault> {
        let silent = Instant::now() + self.between;
        timeout_at(silent.min(self.until), thing).await.map_err(|_| {
            if silent < self.until {
                Fault::Silent { host: host.to_owned(), after: self.between }
            } else {
                self.spent()
            }
        })
    }

    fn spent(&self) -> Fault {
        // How far it had come is known above.
        Fault::Slow { after: self.total, done: 0, total: 0 }
    }

    /// Sleeps after so many tries, before another one, if there is time for it.
    pub(super) async fn pause_after(&self, tries: u32) -> Result<(), Fault> {
        timeout_at(self.until, tokio::time::sleep(PAUSE * tries)).await.map_err(|_| self.spent())
    }
}

/// How registries are reached from here.
#[derive(Debug)]
pub struct Transport {
    proxies: Matcher,
    pub(super) patience: Patience,
}

impl Transport {
    /// By the proxies that the environment names.
    pub fn new(proxies: Matcher, patience: Patience) -> Self {
        Transport { proxies, patience }
    }

    /// Asks once; what is answered is whatever it is.
    pub(super) async fn send(&self, uri: &Uri, headers: &HeaderMap) -> Result<Response<Incoming>, Fault> {
        let host = uri.authority().map_or("", |at| at.as_str()).to_owned();
        let mut request = Request::get(uri.clone())
            .body(Empty::<Bytes>::new())
            .map_err(|e| Fault::Malformed { what: "the address".into(), why: e.to_string() })?;
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert(header::USER_AGENT, http::HeaderValue::from_static(USER_AGENT));
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(self.patience.between));
        // A proxy is for what is elsewhere.
        let proxy = self.proxies.intercept(uri).filter(|_| !is_loopback(&host));
        let answer = match proxy {
            None => self.patience.wait(&host, client(http, &host)?.request(request)).await?,
            Some(proxy) => {
                let scheme = proxy.uri().scheme_str().unwrap_or_default();
                if scheme != "http" {
                    return Err(Fault::Proxy { host, scheme: scheme.to_owned() });
                }
                let mut tunnel = Tunnel::new(proxy.uri().clone(), http);
                if let Some(login) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(login.clone());
                }
                self.patience.wait(&host, client(tunnel, &host)?.request(request)).await?
            }
        };
        answer.map_err(|e| Fault::Unreachable { why: innermost(&e), host })
    }

    /// The next piece of an answer's body; `None` at its end.
    pub(super) async fn next(&self, host: &str, body: &mut Incoming) -> Result<Option<Result<Bytes, String>>, Fault> {
        loop {
            match self.patience.wait(host, body.frame()).await? {
                None => return Ok(None),
                Some(Err(e)) => return Ok(Some(Err(innermost(&e)))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(Ok(data)));
                    }
                }
            }
        }
    }
}

/// A client by TLS with the system's certificates, where the address says so.
fn client<C>(connector: C, host: &str) -> Result<Client<HttpsConnector<C>, Empty<Bytes>>, Fault>
where
    HttpsConnector<C>: Connect + Clone,
    C: Clone + Send + 'static,
{
    let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|e| Fault::Unreachable {
        host: host.to_owned(),
        why: format!("this machine's certificates cannot be read: {e}"),
    })?;
    Ok(Client::builder(TokioExecutor::new()).build(tls.https_or_http().enable_http1().wrap_connector(connector)))
}
