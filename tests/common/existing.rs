//! The cluster that the tests of this process share, as one that exists: by a kubeconfig that leads to 127.0.0.1.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    io::Write as _,
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use kube::config::Kubeconfig;
use kubewalk::testing;

const HERE: &str = "https://127.0.0.1:";

/// The file. A cluster in a Docker that is reached from a container has no such address; then a thread is one.
pub fn kubeconfig() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let path = testing::shared().kubeconfig();
        let config = Kubeconfig::read_from(path).expect("a kubeconfig");
        let server = config.clusters[0].cluster.as_ref().and_then(|cluster| cluster.server.clone()).expect("a server");
        if server.starts_with(HERE) {
            return path.to_owned();
        }
        let port = lead_to(server.trim_start_matches("https://").to_owned());
        let text = std::fs::read_to_string(path).expect("a kubeconfig").replace(&server, &format!("{HERE}{port}"));
        // It goes with the cluster's folder, which processes may share.
        let here = path.with_file_name(format!("kubeconfig-{}", std::process::id()));
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&here);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("written");
        here
    })
}

/// What is in the file, and the port of the API server.
pub fn text_and_port() -> (String, u16) {
    let text = std::fs::read_to_string(kubeconfig()).expect("a kubeconfig");
    let port = text.split(HERE).nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
    (text, port.expect("a port"))
}

/// A port of 127.0.0.1 that leads to an address.
fn lead_to(address: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(&address) else { continue };
            let pair = || Ok::<_, std::io::Error>((near.try_clone()?, far.try_clone()?));
            for (mut from, mut to) in [pair(), pair().map(|(near, far)| (far, near))].into_iter().flatten() {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    port
}
