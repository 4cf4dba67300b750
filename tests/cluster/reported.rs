//! Reports of real runs: the same live and later, with every end a run can have, and no credential in any of them.
#![cfg(target_os = "linux")]

#[path = "../common/canary/mod.rs"]
mod canary;
#[path = "../common/recorded.rs"]
mod recorded;

use std::{
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use canary::{KINDS, found, says};
use kubewalk::event::stream;
use recorded::{kubewalk, said};

fn folder_of(stories: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in stories {
        std::fs::write(folder.path().join(name).with_extension("yaml"), text).expect("written");
    }
    folder
}

/// A run with every report into `out`.
fn play(stories: &Path, out: &Path, args: &[&str]) -> Command {
    let mut command = kubewalk(&["run", "--cluster", "builtin", "--color", "never"]);
    command.args(args).arg(stories);
    for (kind, name) in KINDS {
        command.arg("--report").arg(format!("{kind}={}", out.join(name).display()));
    }
    command
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn the_search_finds_tokens_and_halves_of_them() {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let claims = r#"{"aud":["https://kubernetes.default.svc.cluster.local"],"iss":"x","kubernetes.io":{"namespace":"kw-holds-abcde","node":{"name":"node"},"serviceaccount":{"name":"sa","uid":"3"}}}"#;
    let signature = "Ab3_".repeat(86);
    let token = format!("{}.{}.{signature}", part(r#"{"alg":"RS256","kid":"A"}"#), part(claims));
    let (first, second) = token.split_at(token.len() / 2);
    for text in
        [&token, first, second, &token[60..260], &STANDARD.encode(&token), &STANDARD.encode(second), "\u{1b}[2J"]
    {
        assert!(found(&format!("a {text} b")).is_some(), "{text}");
    }
    assert_eq!(found("serviceaccount kubernetes.io «redacted token»\n"), None);
}

#[test]
fn reports_are_the_same_live_and_later_and_hold_no_credential() {
    let endless = "title: endless\nsteps:\n  - title: a Pod\n    pod: {name: p, image: curl}\n  - title: it says too much\n    \
                exec: {in: p, command: [sh, -c, 'cat /var/run/secrets/kubernetes.io/serviceaccount/token; head -c 20000000 /dev/zero']}\n";
    let skipped =
        "title: not here\nsteps:\n  - title: long ago\n    when: {kubernetes: '<1.24'}\n    serviceAccount: sa\n";
    let stories = folder_of(&[
        ("fails", says("it fails", "stdout: nothing of this")),
        ("holds", says("it holds", "exitCode: 0")),
        ("skipped", skipped.into()),
        ("endless", endless.into()),
    ]);
    let out = tempfile::tempdir().expect("a folder");
    let (code, stdout, stderr) = said(&mut play(stories.path(), out.path(), &["-v", "--jobs", "4"]));
    assert_eq!(code, 3, "{stdout}{stderr}");

    let later = tempfile::tempdir().expect("a folder");
    let events = out.path().join("events.jsonl");
    let mut again = kubewalk(&["report"]);
    for (kind, name) in &KINDS[1..] {
        again.arg("--report").arg(format!("{kind}={}", later.path().join(name).display()));
    }
    let (code, annotations, wrong) = said(again.arg(&events));
    assert_eq!((code, wrong.as_str()), (0, ""));
    for (_, name) in &KINDS[1..] {
        assert!(read(out.path().join(name)) == read(later.path().join(name)), "{name} is not the same later");
    }
    let (_, shown, _) = said(kubewalk(&["report", "-v", "--color", "never"]).arg(&events));
    let shown: String = shown.split_inclusive('\n').filter(|line| !line.starts_with("cluster: ")).collect();
    assert_eq!(stdout, shown + &annotations, "what the terminal showed is not the same later");

    let xml = read(out.path().join("junit.xml"));
    for (name, inside) in [("fails", "<failure "), ("endless", "<error "), ("skipped", "<skipped ")] {
        let case = xml.split("<testcase ").find(|case| case.contains(&format!("/{name}.yaml\""))).expect("a test case");
        assert!(case.contains(inside), "{name} is no {inside}:\n{case}");
    }
    assert!(xml.contains(r#"tests="4" skipped="1" errors="1" failures="1""#), "{xml}");
    assert!(
        stdout.lines().all(|line| !line.trim_start().starts_with("::") || line.starts_with("::error file=")),
        "{stdout}"
    );
    assert!(!read(out.path().join("page.html")).contains("<script"));

    let mut artefacts = vec![("stdout".to_owned(), stdout), ("stderr".to_owned(), stderr)];
    artefacts.extend(KINDS.map(|(_, name)| (name.to_owned(), read(out.path().join(name)))));
    for (name, text) in &artefacts {
        assert_eq!(found(text), None, "{name}");
    }
    let told = &artefacts[2].1;
    assert!(told.matches("«redacted token»").count() >= 10, "what was said is told:\n{told}");
    let bytes: usize = artefacts.iter().map(|(_, text)| text.len()).sum();
    let line = format!("kubewalk: no trace of a token in {} artefacts of {bytes} bytes\n", artefacts.len());
    std::io::stderr().write_all(line.as_bytes()).expect("standard error");
}

#[test]
fn c30_a_disk_that_is_full_leaves_the_verdict_and_has_its_own_exit_code() {
    let stories =
        folder_of(&[("a", "title: an account\nsteps:\n  - title: an account\n    serviceAccount: sa\n".into())]);
    let mut command =
        kubewalk(&["run", "--cluster", "builtin", "--report", "junit=/dev/full", "--report", "events=/dev/full"]);
    let (code, stdout, stderr) = said(command.arg(stories.path()));
    assert_eq!(code, 7, "{stdout}{stderr}");
    assert!(stdout.contains("1 step held, 0 failed"), "{stdout}");
    for report in ["junit", "events"] {
        let words =
            format!("error[report]: the {report} report could not be written to /dev/full: No space left on device");
        assert_eq!(stderr.matches(&words).count(), 1, "{stderr}");
    }
}

#[test]
fn a_killed_run_leaves_a_stream_that_reports_are_made_of() {
    let text = "title: it is killed\nsteps:\n  - title: a Pod\n    pod: {name: p, image: curl}\n  - title: a long command\n    timeout: 60s\n    \
                exec: {in: p, command: [sleep, '50']}\n";
    let stories = folder_of(&[("a", text.into())]);
    let out = tempfile::tempdir().expect("a folder");
    let mut child =
        play(stories.path(), out.path(), &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let events = out.path().join("events.jsonl");
    let begun = Instant::now();
    while !std::fs::read_to_string(&events).unwrap_or_default().contains("\"number\":2") {
        assert!(
            child.try_wait().expect("a child").is_none() && begun.elapsed() < Duration::from_secs(120),
            "step 2 did not begin"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("it is killed");
    assert_eq!(child.wait().expect("it ends").signal(), Some(9));
    assert!(stream::read(&read(events.clone())).is_ok_and(|records| records.len() > 4));
    let junit = out.path().join("junit.xml");
    assert!(!junit.exists(), "no half report");
    let (code, ..) = said(kubewalk(&["report", "--report", &format!("junit={}", junit.display())]).arg(&events));
    let xml = read(junit);
    assert_eq!(code, 0);
    assert!(xml.contains("was it killed?") && xml.contains("the run was stopped in step 2: a long command"), "{xml}");
}
