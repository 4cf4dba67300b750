//! The connections of a page that is served: no more than there is room for, and none that keeps its place without asking. Any user of
//! the machine can open one, so those of other users have places of their own, and take none from who leads.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{given_file, settings};

/// As many connections of this user, and of sudo's caller, are served at once: a browser opens six for a page.
const OURS: usize = 128;

/// As many of other users: they may follow, if they were told the address.
const OTHERS: usize = 32;

/// How long the head of a request may take. One that is kept open without a request is closed after that, too; browsers open another.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How long it is waited when the system gives no connection, for want of open files.
const AGAIN: Duration = Duration::from_millis(100);

/// Serves a page, without an end.
pub(super) async fn serve(listener: TcpListener, app: Router) {
    serve_within(listener, app, HEAD_WITHIN, is_another_users).await;
}

async fn serve_within(
    listener: TcpListener,
    app: Router,
    head_within: Duration,
    is_another_users: fn(SocketAddr, SocketAddr) -> bool,
) {
    let (ours, others) = (Arc::new(Semaphore::new(OURS)), Arc::new(Semaphore::new(OTHERS)));
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        // One whose own end is not known any more is closed, and takes no place.
        let Ok(here) = stream.local_addr() else { continue };
        let places = if is_another_users(peer, here) { &others } else { &ours };
        // Without a place it is closed at once.
        let Ok(place) = Arc::clone(places).try_acquire_owned() else { continue };
        let service = TowerToHyperService::new(app.clone());
        tokio::spawn(async move {
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(head_within);
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

/// Whether the other end of a connection within this machine is another user's, as far as the system tells.
fn is_another_users(peer: SocketAddr, here: SocketAddr) -> bool {
    // A socket for IPv6 reaches a listener for IPv4, too, and is in the other table then.
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"]
        .map(|path| given_file::read_text(path.as_ref(), MOST_OF_THE_TABLE).unwrap_or_default());
    user_of(peer, here, &tables).is_some_and(|user| !settings::is_own_user(user))
}

/// The most that is read of one of the kernel's tables of connections, in bytes: 100,000 of them.
const MOST_OF_THE_TABLE: u64 = 16 << 20;

/// The user who has the end `peer` of a connection to `here`, by the kernel's tables (`proc_net_tcp(5)`: the second word is the local
/// address, the third the remote one, the eighth the user).
fn user_of(peer: SocketAddr, here: SocketAddr, tables: &[String]) -> Option<u32> {
    let (peer, here) = (written(peer), written(here));
    let user = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let ends = [words.next()?, words.next()?];
        let same = (0..2).any(|form| ends == [&peer[form], &here[form]]);
        if same { words.nth(4)?.parse().ok() } else { None }
    };
    tables.iter().flat_map(|table| table.lines()).find_map(user)
}

/// An address as the tables for IPv4 and for IPv6 have it: 32 bits at a time, in the order of this machine's bytes.
fn written(address: SocketAddr) -> [String; 2] {
    let hex = |bytes: &[u8]| -> String {
        let number = |four: &[u8]| u32::from_ne_bytes([four[0], four[1], four[2], four[3]]);
        bytes.chunks_exact(4).map(|four| format!("{:08X}", number(four))).collect()
    };
    let port = address.port();
    let (short, long) = match address.ip() {
        IpAddr::V4(ip) => (Some(ip), ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => (ip.to_ipv4_mapped(), ip),
    };
    let short = short.map(|ip| hex(&ip.octets())).unwrap_or_default();
    [short, hex(&long.octets())].map(|ip| format!("{ip}:{port:04X}"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rstest::rstest;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        time::timeout,
    };

    use super::*;

    /// A connection that has sent so much, and what comes back until it is closed or nothing comes.
    async fn sent(to: SocketAddr, text: &str) -> String {
        let mut stream = TcpStream::connect(to).await.expect("a connection");
        let _ = stream.write_all(text.as_bytes()).await;
        let mut answer = vec![0; 1024];
        let read = timeout(Duration::from_millis(500), stream.read(&mut answer)).await;
        let length = read.map_or(0, |read| read.unwrap_or(0));
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    #[tokio::test]
    async fn other_users_take_no_place_from_who_leads_and_none_is_kept_for_nothing() {
        /// The first so many are another user's.
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let first = |_, _| OPENED.fetch_add(1, Ordering::Relaxed) < OTHERS + 10;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let app = Router::new().fallback(async || "page");
        let task = tokio::spawn(serve_within(listener, app, Duration::from_secs(3), first));
        let mut half = Vec::new();
        for _ in 0..OTHERS + 10 {
            let mut stream = TcpStream::connect(at).await.expect("a connection");
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost").await;
            half.push(stream);
        }
        let answer = sent(at, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("page"), "{answer}");
        // Each of the others is closed: those without a place at once, the rest when their time for a head is over.
        for mut stream in half {
            let closed =
                timeout(Duration::from_secs(20), async { while stream.read(&mut [0; 64]).await.unwrap_or(0) > 0 {} });
            closed.await.expect("it is closed");
        }
        task.abort();
    }

    /// Also by IPv6, and by a socket for IPv6 that calls an address of IPv4.
    #[rstest]
    #[case("127.0.0.1", "127.0.0.1")]
    #[case("::1", "::1")]
    #[case("127.0.0.1", "::ffff:127.0.0.1")]
    #[case("::", "127.0.0.1")]
    fn the_tables_of_the_kernel_tell_whose_a_connection_is(#[case] listens: IpAddr, #[case] calls: IpAddr) {
        let listener = std::net::TcpListener::bind((listens, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let _client = std::net::TcpStream::connect((calls, port)).expect("a connection");
        let (stream, peer) = listener.accept().expect("a connection");
        let here = stream.local_addr().expect("an address");
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).expect("a table"));
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(user_of(peer, here, &tables), Some(me));
        assert!(!is_another_users(peer, here));
        let other = SocketAddr::new(peer.ip(), 1);
        assert_eq!(user_of(other, here, &tables), None);
        assert_eq!(user_of(peer, other, &tables), None);
        // The same lines, of another user.
        let theirs = tables.map(|table| {
            let line = |line: &str| {
                let words = line.split_whitespace().enumerate();
                words.map(|(at, word)| if at == 7 { "4242" } else { word }).collect::<Vec<_>>().join(" ")
            };
            table.lines().map(line).collect::<Vec<_>>().join("\n")
        });
        assert_eq!(user_of(peer, here, &theirs), Some(4242));
    }
}
