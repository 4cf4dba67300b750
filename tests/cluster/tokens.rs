//! The canary: no token in anything that runs leave or show, or in an argument of any process, whatever comes of them. On a
//! real cluster, whose API server writes an audit log, too.
#![cfg(target_os = "linux")]

#[path = "../common/canary/mod.rs"]
mod canary;
#[path = "../common/traces.rs"]
mod traces;

use std::{io::Write as _, path::Path, process::Command};

use canary::{
    KINDS, found, says,
    watch::{self, Watch},
};
use traces::{Place, Said};

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

/// A run that is looked at.
struct Run {
    name: &'static str,
    args: &'static [&'static str],
    stories: Vec<(&'static str, String)>,
    code: i32,
}

fn runs() -> [Run; 4] {
    let failing = |(name, steps, _): (&'static str, String, &str)| {
        let text = format!(
            "title: {name}\nsteps:\n  - title: an account\n    serviceAccount: sa\n  - title: first\n    {steps}\n"
        );
        (name, text)
    };
    let slow = says("slow", "exitCode: 0")
        .replace("    exec:\n", "    timeout: 2s\n    exec:\n")
        .replace("          printf", "          sleep 60; printf");
    let holds = says("it holds", "exitCode: 0");
    [
        Run { name: "passing", args: &[], stories: vec![("holds", holds.clone())], code: 0 },
        // One of them, `save`, cannot be carried out.
        Run { name: "failing", args: &["-v"], stories: stories().into_iter().map(failing).collect(), code: 3 },
        Run { name: "timed out", args: &["-v"], stories: vec![("slow", slow)], code: 3 },
        Run {
            name: "panicking",
            args: &["-v", "--jobs", "1"],
            stories: vec![("a-panics", holds.clone().replace("says its token", "panics")), ("holds", holds)],
            code: 70,
        },
    ]
}

fn play(run: &Run, place: &mut Place, cache: &Path, out: &Path) -> Said {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in &run.stories {
        std::fs::write(folder.path().join(name).with_extension("yaml"), text).expect("it can be written");
    }
    let mut command: Command = place.kubewalk(&["run", "--cluster", "builtin"]);
    command.args(run.args).arg(folder.path()).env("KUBEWALK_CACHE", cache);
    for (kind, name) in KINDS {
        command.arg("--report").arg(format!("{kind}={}", out.join(name).display()));
    }
    if run.name == "panicking" {
        command.env("KUBEWALK_PANIC_IN_STEP", "it panics").env("RUST_BACKTRACE", "full");
    }
    let said = Said::from(&command.output().expect("kubewalk starts"));
    place.note_clusters();
    assert_eq!(said.code, Some(run.code), "{}: {said:?}", run.name);
    assert_eq!(place.left(), Vec::<String>::new(), "{}", run.name);
    said
}

#[test]
fn no_token_is_seen() {
    let cache = watch::audited();
    let mut place = Place::new();
    let watch = Watch::begin(&place.nodes());
    let mut artefacts = Vec::new();
    let mut said_by = std::collections::BTreeMap::new();
    for run in runs() {
        let out = tempfile::tempdir().expect("a folder");
        let said = play(&run, &mut place, cache.path(), out.path());
        said_by.insert(run.name, said.stdout.clone() + &said.stderr);
        artefacts.push((format!("{}: stdout", run.name), said.stdout));
        artefacts.push((format!("{}: stderr", run.name), said.stderr));
        for (_, name) in KINDS {
            let text = std::fs::read_to_string(out.path().join(name)).expect("a report");
            artefacts.push((format!("{}: {name}", run.name), text));
        }
    }
    let mut seen = watch.end();
    let logs = seen.logs();

    // That there was something to be seen.
    for (name, _, words) in &stories() {
        assert!(said_by["failing"].contains(words), "{name}: `{words}` is not said in\n{}", said_by["failing"]);
    }
    for name in ["passing: events.jsonl", "panicking: stderr", "panicking: events.jsonl"] {
        let (_, text) = artefacts.iter().find(|(artefact, _)| artefact == name).expect("an artefact");
        assert!(text.contains("«redacted token»"), "{name} has no token to black out:\n{text}");
    }
    panicked(&artefacts);
    assert!(seen.tokens.len() >= 3, "{} tokens were seen in Pods", seen.tokens.len());
    assert!(seen.arguments.iter().any(|line| line.trim() == "sleep 60"), "no process of a Pod was seen");
    let audited: String = logs.iter().filter(|(name, _)| name == "audit.log").map(|(_, text)| text.as_str()).collect();
    for asked in ["/serviceaccounts/sa/token", "/serviceaccounts/default/token", "selfsubjectreviews", "/pods/p/exec"] {
        assert!(audited.contains(asked), "{asked} is not in the audit log");
    }

    // And nothing is seen.
    let mut hits = Vec::new();
    let tokens: Vec<&str> = seen.tokens.iter().map(String::as_str).collect();
    // The last part of a token, which is its own.
    let signature = |token: &str| token.rsplit('.').next().is_some_and(|own| own.len() < 64);
    assert!(!tokens.iter().any(|token| signature(token)), "they are tokens");
    // Where one of them is, by its last letters: what stands before them says how it came there.
    let known = |text: &str| {
        let at = tokens.iter().find_map(|token| text.find(&token[token.len() - 48..]))?;
        Some(text[..at].chars().rev().take(80).collect::<Vec<_>>().into_iter().rev().collect::<String>())
    };
    for (name, text) in &artefacts {
        hits.extend(found(text).map(|what| format!("{name}: {what}")));
        hits.extend(known(text).map(|before| format!("{name}: a Pod's token behind {before:?}")));
    }
    let foreign = |text: &str| text.contains(" eyJ") || text.contains("Bearer eyJ") || text.contains("\"eyJ");
    for (name, text) in logs
        .iter()
        .map(|(name, text)| (name.as_str(), text))
        .chain(seen.arguments.iter().map(|line| ("arguments", line)))
    {
        hits.extend((known(text).is_some() || foreign(text)).then(|| format!("{name} of the node or of a process")));
    }
    let bytes: usize = artefacts.iter().chain(&logs).map(|(_, text)| text.len()).sum();
    let line = format!(
        "kubewalk: canary: {} hits in {} artefacts and {} logs of nodes ({} bytes), and in the arguments of {} processes; {} tokens were in Pods\n",
        hits.len(),
        artefacts.len(),
        logs.len(),
        bytes,
        seen.arguments.len(),
        tokens.len(),
    );
    std::io::stderr().write_all(line.as_bytes()).expect("standard error");
    assert!(hits.is_empty(), "{hits:#?}");
}

/// The panic is told as a bug of ours, without what it would have told of the Pod; the other scenario has its verdict.
fn panicked(artefacts: &[(String, String)]) {
    let of = |name: &str| {
        let name = format!("panicking: {name}");
        artefacts.iter().find(|(artefact, _)| *artefact == name).map(|(_, text)| text.as_str()).expect("an artefact")
    };
    assert!(of("stderr").contains("kubewalk panicked at src/run/bug.rs:"), "{}", of("stderr"));
    let bug = "error[bug]: this is a bug in kubewalk; it ended the scenario\n   | a test asked for this: ";
    assert!(of("stdout").contains(bug), "{}", of("stdout"));
    let json: serde_json::Value = serde_json::from_str(of("run.json")).expect("JSON");
    let verdicts: Vec<_> =
        json["scenarios"].as_array().expect("scenarios").iter().map(|story| &story["verdict"]).collect();
    assert_eq!(verdicts, ["broken", "held"]);
    assert_eq!(json["exitCode"], 70);
    assert!(of("junit.xml").contains(r#"tests="2" skipped="0" errors="1" failures="0""#), "{}", of("junit.xml"));
}
