//! Fault 30: a token that a server, a Pod and a failing step all show, and a Pod that speaks to the CI server.

use std::{
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{
    Files, SOON, end,
    fake_api::{ADMIN, Asked, FakeApi, Reply},
    page::Fault,
    run_in,
    traces::{Place, Said},
};

/// A token that no server made.
const CANARY: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImNhbmFyeSJ9.eyJpc3MiOiJrdWJlcm5ldGVzL3NlcnZpY2VhY2NvdW50Iiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50OmE6c2EifQ.Y2FuYXJ5LXNpZ25hdHVyZS1jYW5hcnktc2lnbmF0dXJl";

const TOKEN: &str = "  - {title: An account, serviceAccount: sa}\n  \
                     - {title: Its token, token: {serviceAccount: sa}, save: {t: token}}\n";
const POD: &str = "  - {title: A Pod, pod: {name: p, image: curl}}\n";

/// What the fake does with the token: it is in an answer, in a refusal, and in a command's output, whole, in base64, and in two
/// pieces; and a Pod speaks to GitHub.
fn script(asked: &Asked) -> Option<Reply> {
    let path = asked.path.split('?').next().unwrap_or_default();
    if path.ends_with("/serviceaccounts/sa/token") {
        let status = json!({"token": CANARY, "expirationTimestamp": "2036-01-01T00:00:00Z"});
        return Some(Reply::json(201, &json!({"kind": "TokenRequest", "status": status})));
    }
    if path == "/echo" {
        return Some(Reply::json(200, &json!({"sent": asked.header("authorization"), "again": CANARY})));
    }
    if path == "/refused" {
        return Some(Reply::refusal(
            403,
            "Forbidden",
            &format!("token {CANARY} is not good, {}", STANDARD.encode(CANARY)),
        ));
    }
    if path.ends_with("/pods/p/exec") {
        let (first, second) = CANARY.split_at(90);
        let words = format!("{CANARY}\nx{}\n", STANDARD.encode(format!("x{CANARY}")));
        let hostile = b"::add-mask::x\n::error file=x::owned\n##[group]x\n\x1b]0;owned\x07\n".to_vec();
        let parts = vec![words.into_bytes(), hostile, first.as_bytes().to_vec(), second.as_bytes().to_vec()];
        return Some(Reply::ended(parts));
    }
    None
}

/// Runs it, and looks at the arguments of all processes meanwhile.
fn watched(command: &mut Command) -> (Said, usize) {
    let child: Child = command.spawn().expect("it starts");
    let ended = std::thread::spawn(move || end(child));
    let mut seen = 0;
    while !ended.is_finished() {
        seen += arguments().iter().filter(|line| shows(line.as_bytes()).is_some()).count();
        std::thread::sleep(Duration::from_millis(2));
    }
    (ended.join().expect("it ends"), seen)
}

fn arguments() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let line = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).ok();
    processes.filter_map(line).map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
}

/// Whether bytes show the token or the administrator's: whole, a piece of 16 letters, or in base64 at any offset.
fn shows(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut forms: Vec<String> =
        (0..3).map(|offset| STANDARD.encode(format!("{}{CANARY}", "y".repeat(offset)))).collect();
    forms.extend([CANARY.to_owned(), ADMIN.to_owned()]);
    // The first letters of a piece in base64 depend on what stands before it.
    let pieces = forms
        .iter()
        .flat_map(|form| (4..form.len() - 20).step_by(16).map(|at| form[at..at + 16].to_owned()).collect::<Vec<_>>());
    pieces.into_iter().find(|piece| text.contains(piece.as_str()))
}

#[test]
fn fault_30_a_token_that_everybody_shows() {
    let mut fault = Fault::new(
        30,
        "a token in answers, refusals, output and panics; commands to the CI server in a Pod's output",
        "fake API server",
        file!(),
    );
    let (place, files, api) = (Place::new(), Files::new(), FakeApi::start(script));
    let kubeconfig = api.kubeconfig(files.path());
    let ours = format!("::error file={}/", files.path().display());
    let request = |path: &str, expect: &str| {
        format!(
            "{TOKEN}  - {{title: It answers, as: {{token: '{{saved.t}}'}}, request: {{path: {path}}}, expect: {expect}}}\n"
        )
    };
    let exec = format!("{POD}  - {{title: It speaks, exec: {{in: p, command: [say]}}, expect: {{stdout: nothing}}}}\n");
    let scenarios = [
        files.scenario("failing", &request("/echo", "{json: {sent: nobody}}")),
        files.scenario("refused", &request("/refused", "{status: 200}")),
        files.scenario("speaking", &exec),
        files.scenario("holding", &request("/echo", "{status: 200}")),
    ];
    let reports = files.path().join("reports");
    let kinds = ["junit", "json", "html", "events"].map(|kind| format!("{kind}={}", reports.join(kind).display()));
    let mut arguments = 0;
    let mut artefacts: Vec<(String, Vec<u8>)> = Vec::new();
    for (round, (failpoint, code)) in [(None, 1), (Some("3"), 70)].into_iter().enumerate() {
        if failpoint.is_some() && !cfg!(debug_assertions) {
            continue; // the failpoint is in debug builds only
        }
        let mut command =
            run_in(&place, &kubeconfig, "fake", &["-v", "--report", "github", "--report", &kinds.join(",")]);
        command.env("GITHUB_STEP_SUMMARY", reports.join("summary")).env("GITHUB_ACTIONS", "true");
        if let Some(step) = failpoint {
            command.env("KUBEWALK_PANIC_IN_STEP", step).env("RUST_BACKTRACE", "1");
        }
        let (said, seen) = watched(command.args(&scenarios));
        assert_eq!((said.code, seen), (Some(code), 0), "{said:?}");
        arguments += seen;
        if failpoint.is_none() {
            fault.saw(&said, 1, "«redacted token»");
            let commands: Vec<&str> = said.stdout.lines().filter(|line| drives(line)).collect();
            assert!(
                // Those of kubewalk itself; the Pod's name no file of ours.
                commands.iter().all(|line| line.starts_with(&ours) || line.starts_with("::notice title=kubewalk")),
                "{commands:?}"
            );
        }
        assert!(!said.stdout.contains(['\u{1b}', '\u{7}']) && !said.stderr.contains(['\u{1b}', '\u{7}']), "{said:?}");
        artefacts.push((format!("standard output {round}"), said.stdout.into_bytes()));
        artefacts.push((format!("standard error {round}"), said.stderr.into_bytes()));
        artefacts.extend(files_below(&reports));
        // As the run would have made them.
        let events = reports.join("events");
        let again = crate::said(place.kubewalk(&["report", "-v"]).arg(events));
        artefacts.push((format!("replay {round}"), again.stdout.into_bytes()));
    }
    // What an audit log has: the requests, without their headers.
    artefacts.extend(api.asked().iter().map(|asked| ("a request".to_owned(), asked.path.clone().into_bytes())));
    let shown: Vec<_> = artefacts.iter().filter_map(|(name, bytes)| Some((name, shows(bytes)?))).collect();
    assert!(shown.is_empty(), "{shown:?}");
    assert!(artefacts.len() > 20, "{}", artefacts.len());
    println!("canary: {} hits in {} artefacts", shown.len(), artefacts.len());
    let hits = format!("{} hits in all artefacts, {arguments} in arguments of processes", shown.len());
    fault.line(1, &hits, "hits");
    fault.nothing_left(&place, SOON);
}

/// Whether a CI server takes the line for a command.
fn drives(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("::") || line.starts_with("##[") || line.contains("##vso[")
}

fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    files.map(|file| (file.path().display().to_string(), std::fs::read(file.path()).expect("a file"))).collect()
}
