//! No token reaches the terminal, or an argument of any process, whatever fails. On a real cluster.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

/// What every JWT begins with, as it is and in base64.
const SHAPES: [&str; 2] = ["eyJ", "ZXlK"];

const TOKEN_REQUEST: &str = "request:
      path: /api/v1/namespaces/{namespace}/serviceaccounts/default/token
      method: POST
      body: {apiVersion: authentication.k8s.io/v1, kind: TokenRequest, spec: {}}";

/// A name, its steps behind an account, and what must be said of them.
fn stories() -> Vec<(&'static str, String, &'static str)> {
    let pod = "pod: {name: p, image: curl}\n  - title: the claim\n    ";
    vec![
        ("claims", "token: {serviceAccount: sa}\n    expect: {json: {lifetime: 1}}".into(), "`lifetime` is not as expected"),
        ("body", format!("{TOKEN_REQUEST}\n    expect: {{json: {{status: {{token: x}}}}}}"), "«redacted token»"),
        ("text", format!("{TOKEN_REQUEST}\n    expect: {{stdout: nothing}}"), "«redacted token»"),
        ("save", format!("{TOKEN_REQUEST}\n    save: {{t: $.status.token}}"), "is a credential, which never becomes a text"),
        (
            "exec",
            format!("{pod}exec: {{in: p, command: [cat, /var/run/secrets/kubernetes.io/serviceaccount/token]}}\n    expect: {{stdout: x}}"),
            "«redacted token»",
        ),
        (
            "curl",
            "token: {serviceAccount: sa}\n    save: {t: token}\n  - title: a Pod\n    ".to_owned()
                + pod
                + "curl: {in: p, url: 'https://kubernetes.default/api', token: {saved: t}}\n    expect: {json: {kind: x}}",
            "`kind` is not as expected",
        ),
        (
            "secret",
            "create: {apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token, metadata: {name: s, annotations: \
             {kubernetes.io/service-account.name: sa}}}\n  - title: it comes\n    token: {serviceAccount: sa, from: {secret: s}}\n  \
             - title: the claim\n    get: {kind: Secret, name: s}\n    expect: {object: {data: {token: x}}}"
                .into(),
            "«redacted token»",
        ),
        (
            "as",
            "token: {serviceAccount: sa}\n    save: {t: token}\n  - title: the claim\n    as: {token: '{saved.t}'}\n    \
             whoami: {}\n    expect: {object: {username: x}, tokenReview: {authenticated: true}}"
                .into(),
            "`username` is not as expected",
        ),
    ]
}

#[test]
fn no_token_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let stories = stories();
    for (name, steps, _) in &stories {
        let text = format!(
            "title: {name}\nsteps:\n  - title: an account\n    serviceAccount: sa\n  - title: first\n    {steps}\n"
        );
        std::fs::write(folder.path().join(name).with_extension("yaml"), text).expect("it can be written");
    }
    let child = Command::new(env!("CARGO_BIN_EXE_kubewalk"))
        .args(["run", "-v", "--cluster", "builtin", "--color", "never"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubewalk starts");
    let done = std::thread::spawn(move || child.wait_with_output().expect("it ends"));
    let mut seen = Vec::new();
    while !done.is_finished() {
        seen.extend(arguments().into_iter().filter(|line| line.contains(" eyJ") || line.contains("Bearer eyJ")));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let output = done.join().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    for (name, _, words) in &stories {
        assert!(said.contains(words), "{name}: `{words}` is not said in\n{said}");
    }
    assert!(!SHAPES.iter().any(|shape| said.contains(shape)), "a token is shown:\n{said}");
    assert!(seen.is_empty(), "a token is an argument: {} times", seen.len());
}

/// The arguments of all processes, those in Pods included.
fn arguments() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let line = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).ok();
    processes.filter_map(line).map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect()
}
