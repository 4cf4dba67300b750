//! See `tests/docker/attacks.rs`.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use kubewalk::{event::exchange, expect::Answer};

use crate::{
    page::Attack,
    traces::{Place, Said},
};

/// A fake API server whose answers have no end. Gives a kubeconfig with the context `fake`.
fn endless(folder: &Path, begins: &'static str) -> std::path::PathBuf {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 16 << 10]);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{begins}");
                let (mut sent, part) = (stream.write_all(head.as_bytes()), "[[1,2,".repeat(10_000));
                while sent.is_ok() {
                    sent = stream.write_all(part.as_bytes());
                }
            });
        }
    });
    let path = folder.join("kubeconfig");
    let text = format!(
        "{{apiVersion: v1, kind: Config, clusters: [{{name: fake, cluster: {{server: 'http://127.0.0.1:{port}'}}}}], contexts: [{{name: fake, \
         context: {{cluster: fake, user: fake}}}}], users: [{{name: fake, user: {{token: abc}}}}], current-context: fake}}"
    );
    std::fs::write(&path, text).expect("written");
    path
}

/// Runs kubewalk with at most so much memory, and gives what it said.
fn in_little_memory(place: &Place, args: &[&str], kubeconfig: &Path) -> Said {
    let mut command = std::process::Command::new("prlimit");
    place.settle(&mut command);
    command
        .arg("--as=3221225472")
        .arg("--")
        .arg(env!("CARGO_BIN_EXE_kubewalk"))
        .args(args)
        .env("KUBECONFIG", kubeconfig);
    Said::from(&command.output().expect("prlimit starts"))
}

#[test]
fn attack_a08_a_fake_api_server_whose_answers_have_no_end() {
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let scenario = folder.path().join("a.yaml");
    std::fs::write(&scenario, "title: a\nsteps:\n  - title: b\n    serviceAccount: c\n").expect("written");
    let scenario = scenario.display().to_string();
    for begins in ["", "{\"gitVersion\":\"v1.37.0\",\"items\":["] {
        let kubeconfig = endless(folder.path(), begins);
        let file = kubeconfig.display().to_string();
        let runs: [&[&str]; 3] = [
            &["run", "--cluster", "kubeconfig", "--context", "fake", &scenario],
            &["sweep", "--cluster", "kubeconfig", "--context", "fake"],
            &["explain", "--kubeconfig", &file, "--as", "serviceaccount/a/b", "list", "pods"],
        ];
        for args in runs {
            let begun = Instant::now();
            let said = in_little_memory(&place, args, &kubeconfig);
            assert!(matches!(said.code, Some(3 | 6)), "{args:?}: {said:?}");
            assert!(begun.elapsed() < Duration::from_secs(200), "{args:?}: {:?}", begun.elapsed());
            assert!(!said.stderr.contains("memory allocation"), "{said:?}");
        }
    }
    let tried = "an API server whose answers have no end: run, sweep, explain, with 3 GiB of address space";
    Attack::new("A08", tried, file!())
        .held("each ends with exit code 3: an answer has at most 64 MiB, and one that a step shows 16");
}

#[test]
fn attack_a11_a_path_that_would_not_end() {
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let check = |at: &str| {
        let file = folder.path().join("a.yaml");
        let text = format!(
            "title: a\nsteps:\n  - title: b\n    get: {{kind: Pod}}\n    expect: {{path: [{{at: \"{at}\", count: 0}}]}}\n"
        );
        std::fs::write(&file, text).expect("written");
        let begun = Instant::now();
        let said = Said::from(&place.kubewalk(&["check"]).arg(&file).output().expect("kubewalk starts"));
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
        said
    };
    let said = check("$..a..b..c..d..e..f");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!((said.stdout + &said.stderr).contains("a path has at most 4 times `..`"));
    assert_eq!(check(&format!("$[?{}1{}]", "(".repeat(5000), ")".repeat(5000))).code, Some(2));
    assert_eq!(check("$.items[*].metadata..name").code, Some(0));
    let tried = "JSON paths with many descents, or thousands of brackets; patterns too big for their text";
    Attack::new("A11", tried, file!()).held(
        "refused by `check`, or when the answer is so big that they would not end: `a JSON path that ends in time`",
    );
}

#[test]
fn attack_a22_much_output_takes_no_time_to_be_told() {
    for part in
        [&b"x"[..], b"eyJhbGciOiJSUzI1NiJ9.", b"[[[", b"{\"a\":[1,", b"password: x\n", b"-----BEGIN PRIVATE KEY-----\n"]
    {
        let stdout = part.repeat((16 << 20) / part.len());
        let begun = Instant::now();
        let told = exchange::response(&Answer::Exec { exit_code: 0, stdout: stdout.clone(), stderr: stdout });
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert!(told.body.is_some_and(|body| body.text.len() <= 4200 && body.bytes >= 16_000_000));
    }
    Attack::new("A22", "16 MiB of output on both streams, of several kinds", file!()).held(
        "told within the step's time: only what is shown is filtered, and what a credential in it may go on with",
    );
}

#[test]
fn attack_k27_big_bodies_and_watches_without_an_end() {
    let (mut place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let big = "x".repeat(900_000);
    let curl = |more: &str| {
        format!("curl: {{in: p, url: 'https://kubernetes.default/api/v1/namespaces/{{namespace}}/{more}}}")
    };
    let stories = [
        (
            "big",
            format!(
                "  - title: an account\n    serviceAccount: maker\n  - title: a role\n    role: {{name: r, rules: [{{apiGroups: [''], resources: [configmaps], verbs: [create]}}]}}\n  \
                 - title: bound\n    bind: {{role: r, to: [{{serviceAccount: maker}}]}}\n  - title: a Pod\n    pod: {{name: p, image: curl, serviceAccount: maker}}\n  - title: sent\n    {}\n    expect: {{status: 201, within: 5s}}\n",
                curl(&format!("configmaps', token: mounted, method: POST, body: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: big}}, data: {{k: {big}}}}}"))
            ),
        ),
        (
            "request",
            "  - title: watched\n    timeout: 3s\n    request: {path: '/api/v1/namespaces/{namespace}/pods?watch=true'}\n".into(),
        ),
        (
            "curl",
            format!(
                "  - title: an account\n    serviceAccount: seer\n  - title: a role\n    role: {{name: r, rules: [{{apiGroups: [''], resources: [pods], verbs: [watch]}}]}}\n  \
                 - title: bound\n    bind: {{role: r, to: [{{serviceAccount: seer}}]}}\n  - title: a Pod\n    pod: {{name: p, image: curl, serviceAccount: seer}}\n  - title: watched\n    timeout: 3s\n    {}\n",
                curl("pods?watch=true', token: mounted")
            ),
        ),
    ];
    for (name, steps) in &stories {
        let text = format!("title: {name}\nsteps:\n{steps}");
        std::fs::write(folder.path().join(name).with_extension("yaml"), text).expect("written");
    }
    let said = place.run(&["run", "--jobs", "1", "--cluster", "builtin", &folder.path().display().to_string()]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(said.stdout.matches("the answer did not end in time").count().min(2), 2, "{}", said.stdout);
    assert_eq!(said.stdout.matches("a watch never ends by itself").count(), 2, "{}", said.stdout);
    assert!(!said.stdout.contains("NetworkPolicy") && !said.stdout.contains("too long"), "{}", said.stdout);
    assert!(said.stdout.contains("✓ 5 sent"), "{}", said.stdout);
    let tried = "a body of 900 kB from inside a Pod; a watch without an end by `request` and by `curl`";
    Attack::new("K27", tried, file!()).held("the body arrives; both watches fail with exit code 1 and the same words");
}
