//! See `tests/docker/attacks.rs`. Files that a command line, a variable or another file names: pipes of other users, devices, links out
//! of a project.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::symlink,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    machine::{SMALL, shared_folder},
    page::Attack,
    stranger::Stranger,
    traces::{Place, Said},
};

/// Within that, a call that waits for a pipe would not end.
const WAITS: Duration = Duration::from_secs(60);

/// What a call says; it must end in time.
#[track_caller]
fn ends(command: &mut Command) -> Said {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let begun = Instant::now();
    while child.try_wait().expect("waited for").is_none() {
        if begun.elapsed() > WAITS {
            child.kill().expect("killed");
            panic!("it waits: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Said::from(&child.wait_with_output().expect("waited for"))
}

/// A kubeconfig with this server and, in its cluster and its user, these keys.
fn kubeconfig(server: &str, cluster: &str, user: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Config, current-context: it, clusters: [{{name: c, cluster: {{server: '{server}'{cluster}}}}}], contexts: \
         [{{name: it, context: {{cluster: c, user: u}}}}], users: [{{name: u, user: {{{user}}}}}]}}"
    )
}

#[test]
fn attack_a11b_pipes_and_devices_in_the_place_of_files() {
    let attack = Attack::new(
        "A11b",
        "pipes of another user, and devices without an end, in the place of the kubeconfig, of the certificates and tokens that it names, of \
         Docker's own files, and of recorded streams",
        file!(),
    );
    let (stranger, temp, place) = (Stranger::new(), shared_folder(), Place::new());
    let theirs = temp.path().join("theirs");
    stranger.shell(&format!(
        "mkdir -m 755 {0} {0}/docker {0}/certs && mkfifo {0}/pipe {0}/docker/config.json {0}/certs/cert.pem && chmod 666 {0}/pipe",
        theirs.display()
    ));
    let pipe = theirs.join("pipe").display().to_string();
    let explain = ["explain", "--as", "jane", "get", "pods"];
    let run = ["run", "--cluster", "kubeconfig", "--context", "it", SMALL];
    let sweep = ["sweep", "--cluster", "kubeconfig", "--context", "it"];
    for args in [&explain[..], &run, &sweep] {
        let said = ends(place.kubewalk(args).env("KUBECONFIG", &pipe));
        assert_eq!(said.code, Some(3), "{args:?}: {said:?}");
        assert!(format!("{said:?}").contains("it is a pipe of another user's"), "{args:?}: {said:?}");
    }
    let own = tempfile::tempdir().expect("a folder");
    for (cluster, user, why) in [
        (format!(", certificate-authority: {pipe}"), String::new(), "it is a pipe of another user's"),
        (", certificate-authority: /dev/zero".into(), String::new(), "it is a device, which has no end"),
        (String::new(), format!("client-certificate: {pipe}, client-key: {pipe}"), "it is a pipe of another user's"),
        (String::new(), "tokenFile: /dev/zero".into(), "it is a device, which has no end"),
        (String::new(), r#"token: "abc\ndef""#.into(), "a token in it has characters that cannot be sent"),
    ] {
        let file = own.path().join("config");
        std::fs::write(&file, kubeconfig("https://127.0.0.1:1", &cluster, &user)).expect("written");
        for args in [&explain[..], &run, &sweep] {
            let said = ends(place.kubewalk(args).env("KUBECONFIG", &file));
            assert_eq!(said.code, Some(3), "{args:?} {cluster}{user}: {said:?}");
            assert!(format!("{said:?}").contains(why), "{args:?} {cluster}{user}: {said:?}");
        }
    }
    // Docker's own files: what cannot be read is as if it were not there, or is told.
    let doctor = ["doctor"];
    let dry = ["sweep", "--dry-run"];
    for args in [&doctor[..], &dry] {
        ends(place.kubewalk(args).env("DOCKER_CONFIG", theirs.join("docker")).env_remove("DOCKER_HOST"));
    }
    let mut k3s = place.kubewalk(&["run", "--cluster", "k3s", SMALL]);
    k3s.env("DOCKER_HOST", "tcp://127.0.0.1:1")
        .env("DOCKER_TLS_VERIFY", "1")
        .env("DOCKER_CERT_PATH", theirs.join("certs"));
    let said = ends(&mut k3s);
    assert!(said.code == Some(3) && format!("{said:?}").contains("it is a pipe of another user's"), "{said:?}");
    for stream in [pipe.as_str(), "/dev/zero"] {
        for args in [
            &["report", stream][..],
            &["docs", "--from", stream, SMALL],
            &["demo", "--replay", stream],
            &["run", "--shard", "1/2", "--times", stream, SMALL],
        ] {
            let said = ends(&mut place.kubewalk(args));
            assert_eq!(said.code, Some(2), "{args:?}: {said:?}");
        }
    }
    attack.held(
        "each ends at once with exit code 2 or 3: `it is a pipe of another user's`, `it is a device, which has no end`",
    );
}

#[test]
fn attack_a22b_an_api_server_that_sends_a_blank_a_second() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 16 << 10]);
                let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
                while sent.is_ok() {
                    std::thread::sleep(Duration::from_secs(1));
                    sent = stream.write_all(b" ");
                }
            });
        }
    });
    let (place, own) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let file = own.path().join("config");
    std::fs::write(&file, kubeconfig(&server, "", "token: abc")).expect("written");
    for args in [
        &["explain", "--as", "jane", "get", "pods"][..],
        &["run", "--cluster", "kubeconfig", "--context", "it", SMALL],
        &["sweep", "--cluster", "kubeconfig", "--context", "it"],
    ] {
        let said = ends(place.kubewalk(args).env("KUBECONFIG", &file));
        assert_eq!(said.code, Some(3), "{args:?}: {said:?}");
        assert!(format!("{said:?}").contains("did not answer within"), "{args:?}: {said:?}");
    }
    Attack::new(
        "A22b",
        "an API server that begins an answer and sends a blank each second: explain, run, sweep",
        file!(),
    )
    .held("exit 3 within 30 s: the cluster did not answer within so many seconds");
}

#[test]
fn attack_a20c_links_of_a_project_that_lead_out_of_it() {
    let place = Place::new();
    let temp = tempfile::tempdir().expect("a folder");
    let (project, outside) = (temp.path().join("project"), temp.path().join("outside"));
    for folder in [&project.join("reports"), &outside] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let precious = outside.join("precious");
    std::fs::write(&precious, "precious").expect("written");
    let story = "title: T\nsteps: [{title: S, serviceAccount: a}]\n";
    std::fs::write(project.join("s.yaml"), story).expect("written");
    symlink(&precious, project.join("reports/junit.xml")).expect("a link");
    symlink(&outside, project.join("out")).expect("a link");
    symlink(outside.join("new"), project.join("new.json")).expect("a link");
    let refused = |args: &[&str]| {
        let said = ends(place.kubewalk(args).current_dir(&project));
        assert!(matches!(said.code, Some(2 | 7)), "{args:?}: {said:?}");
        assert!(format!("{said:?}").contains("leads out of its project"), "{args:?}: {said:?}");
        assert_eq!(std::fs::read_to_string(&precious).expect("it is there"), "precious", "{args:?}");
        assert_eq!(std::fs::read_dir(&outside).expect("a folder").count(), 1, "{args:?}");
    };
    // With a mark, and by the working directory alone.
    for marked in [false, true] {
        if marked {
            std::fs::write(project.join("kubewalk.toml"), "").expect("written");
        }
        for place in ["reports/junit.xml", "out/deep/junit.xml", "new.json"] {
            refused(&["check", "s.yaml", "--report", &format!("sarif={place}")]);
            refused(&["run", "--untrusted", "--cluster", "builtin", "s.yaml", "--report", &format!("junit={place}")]);
        }
    }
    let absolute = project.join("reports/junit.xml").display().to_string();
    refused(&["check", "s.yaml", "--report", &format!("json={absolute}")]);
    Attack::new(
        "A20c",
        "links that a project brings along, in the place of a report or of its folder, lead to files of the machine",
        file!(),
    )
    .held("an error before anything starts: `a link on the way to it leads out of its project; name the place itself`");
}
