//! A port of this machine that leads to another one, as Docker publishes them: each message that goes in is counted, and all of
//! it can break at once.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Is told of each message before it goes on.
pub type OnCall = Arc<dyn Fn() + Send + Sync>;

/// It lives as long as the test process.
pub struct Published {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    cut: Arc<AtomicBool>,
}

impl Published {
    /// Leads to this port.
    pub fn to(port: u16, on_call: Option<OnCall>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let published = Published {
            port: listener.local_addr().expect("an address").port(),
            open: Arc::default(),
            cut: Arc::default(),
        };
        let (open, cut) = (Arc::clone(&published.open), Arc::clone(&published.cut));
        thread::spawn(move || {
            for here in listener.incoming().map_while(Result::ok) {
                let Ok(there) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                if cut.load(Ordering::Relaxed) {
                    continue;
                }
                let twin = |stream: &TcpStream| stream.try_clone().expect("a stream");
                open.lock().unwrap_or_else(PoisonError::into_inner).push(twin(&here));
                let (back, to_us, on_call) = (twin(&there), twin(&here), on_call.clone());
                thread::spawn(move || pass(here, there, on_call.as_ref()));
                thread::spawn(move || pass(back, to_us, None));
            }
        });
        published
    }

    /// Breaks all connections, and lets no more through.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, on_call: Option<&OnCall>) {
    let mut bytes = [0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if let Some(on_call) = on_call {
            on_call();
        }
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
