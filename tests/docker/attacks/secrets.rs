//! See `tests/docker/attacks.rs`.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    page::Attack,
    traces::{Place, Said},
};

const KINDS: [(&str, &str); 5] = [
    ("events", "events.jsonl"),
    ("junit", "junit.xml"),
    ("json", "run.json"),
    ("html", "page.html"),
    ("github", "g.md"),
];

/// Plays stories on a builtin cluster, with all reports and `-v`, and gives all that was said and written.
fn everything(stories: &[(&str, String)], code: i32) -> String {
    let (mut place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let out = tempfile::tempdir().expect("a folder");
    for (name, steps) in stories {
        let text = format!("title: {name}\nsteps:\n{steps}");
        std::fs::write(folder.path().join(name).with_extension("yaml"), text).expect("written");
    }
    let mut command = place.kubewalk(&["run", "-v", "--cluster", "builtin"]);
    for (kind, name) in KINDS {
        command.arg("--report").arg(format!("{kind}={}", out.path().join(name).display()));
    }
    let said = Said::from(&command.arg(folder.path()).output().expect("kubewalk starts"));
    place.note_clusters();
    assert_eq!(said.code, Some(code), "{}\n{}", said.stdout, said.stderr);
    let reports = KINDS.map(|(_, name)| std::fs::read_to_string(out.path().join(name)).expect("a report"));
    [said.stdout, said.stderr].into_iter().chain(reports).collect::<Vec<_>>().join("\n=====\n")
}

/// A step that fails after it has got its answer, and one that holds.
fn step(title: &str, verb: &str, expect: &str) -> String {
    format!("  - title: {title}\n    {verb}\n    expect: {expect}\n")
}

#[track_caller]
fn none(all: &str, what: &[&str]) {
    for secret in what {
        let encoded = STANDARD.encode(secret);
        let forms = [(*secret).to_owned(), encoded.trim_end_matches('=').to_owned()];
        for form in forms {
            if let Some(at) = all.find(&form) {
                let around: String = all[..at].chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
                panic!("`{form}` is shown behind {around}");
            }
        }
    }
}

const MADE: &str = "  - title: a Secret\n    create: {apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: hunter2, long: correct-h0rse-battery}}\n";

#[test]
fn attack_a07_what_secrets_hold_in_every_outlet() {
    let wrong = [
        ("object", step("claim", "get: {kind: Secret, name: s}", "{object: {data: {password: x}}}")),
        ("path", step("claim", "get: {kind: Secret, name: s}", "{path: [{at: $.data.password, equals: x}]}")),
        ("list", step("claim", "get: {kind: Secret}", "{path: [{at: '$.items[*].data', count: 9}]}")),
        ("yaml", step("claim", "kubectl: {args: [get, secret, s, -o, yaml]}", "{stdout: x}")),
        (
            "jsonpath",
            step("claim", "kubectl: {args: [get, secret, s, -o, 'jsonpath={.data.password}']}", "{stdout: x}"),
        ),
        (
            "template",
            step(
                "claim",
                "kubectl: {args: [get, secret, s, -o, 'go-template={{.data.long | base64decode}}']}",
                "{stdout: x}",
            ),
        ),
        (
            "accepted",
            step(
                "claim",
                "request: {path: '/api/v1/namespaces/{namespace}/secrets/s', headers: {Accept: application/yaml}}",
                "{stdout: x}",
            ),
        ),
        (
            "protobuf",
            step(
                "claim",
                "request: {path: '/api/v1/namespaces/{namespace}/secrets', headers: {Accept: application/vnd.kubernetes.protobuf}}",
                "{stdout: x}",
            ),
        ),
        ("held", step("claim", "get: {kind: Secret, name: s}", "{object: {data: {password: aHVudGVyMg==}}}")),
    ];
    let stories: Vec<_> = wrong.iter().map(|(name, steps)| (*name, MADE.to_owned() + steps)).collect();
    let all = everything(&stories, 1);
    none(&all, &["hunter2", "correct-h0rse-battery"]);
    assert!(all.contains("«redacted"), "{all}");
    assert!(all.contains("`data.password` is not as expected"), "{all}");
    let tried = "expectations on a Secret that fail, and its forms in YAML, protobuf, jsonpath, templates and lists: terminal with `-v` and five reports";
    Attack::new("A07", tried, file!())
        .held("no value of it in any, as it is or in base64; expectations are judged on the true values");
}

#[test]
fn attack_a07b_secrets_that_the_scenario_did_not_write_as_one() {
    let made = "  - title: by words\n    kubectl: {args: [create, secret, generic, w, --from-literal=pin=w0rd-of-kubectl]}\n  - title: applied\n    kubectl: {args: [apply, -f, '-'], stdin: '{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"l\"},\"stringData\":{\"a\":\"last-appl1ed\"}}'}\n";
    let each = "  - title: 'row {each.pw}'\n    each: [{pw: each-r0w-value}]\n    create: {apiVersion: v1, kind: Secret, metadata: {name: e}, stringData: {a: '{each.pw}'}}\n";
    let stories = [
        (
            "annotation",
            made.to_owned()
                + &step("claim", "get: {kind: Secret, name: l}", "{object: {metadata: {annotations: {a: b}}}}"),
        ),
        (
            "words",
            made.to_owned()
                + &step("claim", "kubectl: {args: [get, secret, w, -o, 'jsonpath={.data}']}", "{stdout: x}"),
        ),
        ("rows", each.to_owned() + &step("claim", "get: {kind: Secret, name: e}", "{object: {data: {a: x}}}")),
    ];
    let all = everything(&stories, 1);
    none(&all, &["w0rd-of-kubectl", "last-appl1ed", "each-r0w-value"]);
    let tried = "Secrets made by words of kubectl, by its standard input (with the annotation of what was applied last), and by rows of a table";
    Attack::new("A07b", tried, file!()).held("no value of them in any outlet");
}

#[test]
fn attack_a14_a_pod_that_says_its_token_in_raw_forms() {
    let says = |command: &str| {
        format!(
            "  - title: an account\n    serviceAccount: sa\n  - title: a Pod\n    pod: {{name: p, image: curl, serviceAccount: sa}}\n  - title: it says it\n    exec:\n      in: p\n      command:\n        - sh\n        - -c\n        - |\n          T=/var/run/secrets/kubernetes.io/serviceaccount/token; {command}\n    expect: {{stdout: nothing}}\n"
        )
    };
    let forms = [
        ("wrapped", "base64 $T"),
        ("folded", "fold -w 20 $T"),
        ("middle", "tail -c +200 $T | head -c 60 | base64"),
        ("bytes", "od -An -tx1 $T"),
        ("dumped", "od -c $T"),
        ("twice", "base64 $T | base64"),
        ("marks", "printf 'claims: '; cut -d. -f2 $T"),
    ];
    let stories: Vec<_> = forms.iter().map(|(name, command)| (*name, says(command))).collect();
    let all = everything(&stories, 1);
    // What the middle of every such token says, in base64 at each offset, and once more in base64; its beginning; its bytes.
    let mut traces =
        vec!["eyJhbGci".to_owned(), "ZXlKaGJHY2lP".to_owned(), "65 79 4a 68".to_owned(), "e   y   J".to_owned()];
    for word in ["serviceaccount", "kubernetes.io"] {
        for offset in 0..3 {
            let shifted = STANDARD.encode([&vec![0; offset], word.as_bytes()].concat());
            let inner = shifted[(offset * 8_usize).div_ceil(6)..(offset + word.len()) * 8 / 6].to_owned();
            traces.push(inner);
        }
    }
    for trace in &traces {
        assert!(!all.contains(trace.as_str()), "{trace} is shown:\n{}", &all[..all.len().min(6000)]);
    }
    assert!(all.matches("«redacted token»").count() >= forms.len(), "{all}");
    let tried = "a Pod prints its mounted token in base64 with line breaks, folded, a piece of its middle, as bytes, as characters, in base64 twice";
    Attack::new("A14", tried, file!()).held("blacked out in each: the token was read when the Pod was asked");
}

#[test]
fn attack_a15_credentials_of_others() {
    let mut texts = String::new();
    for (kind, secret) in [
        ("password: ", "hunter2x"),
        ("POSTGRES_PASSWORD=", "hunter3x"),
        ("https://x/?access_token=", "hunter4x"),
        ("Set-Cookie: session=", "hunter5x"),
        ("redis://:", "hunter6x@db"),
        ("", "abcdef.0123456789abcdef"),
        ("", "K10aabbccddeeff00112233::server:0123456789"),
        ("", "ghp_0123456789abcdefABCDEF0123456789abcd"),
        ("", "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7"),
    ] {
        let text = format!("{kind}{secret}");
        let shown = kubewalk::redact::redact(&text).into_owned();
        assert!(!shown.contains(&secret[..8]), "{shown}");
        texts.push_str(&shown);
    }
    assert_eq!(texts.matches("«redacted ").count(), 9, "{texts}");
    let tried = "passwords and tokens of others: in YAML, an environment, URLs, cookies; bootstrap and join tokens; a key without its lines";
    Attack::new("A15", tried, file!()).held("blacked out by their shape; docs/reports.md lists just what a test shows");
}

#[test]
fn attack_k26_the_manifest_of_a_secret_that_the_author_wrote() {
    let stories = [(
        "mine",
        MADE.to_owned()
            + "  - title: another\n    create: {apiVersion: v1, kind: Secret, metadata: {name: t}, stringData: {password: an0ther-one}}\n    expect: {status: 409}\n",
    )];
    let all = everything(&stories, 1);
    none(&all, &["hunter2", "correct-h0rse-battery", "an0ther-one"]);
    let tried = "the values of a Secret's manifest: request, YAML of the step, the line that does the same";
    Attack::new("K26", tried, file!()).held("blacked out in all of them, in every report and on the terminal");
}

#[test]
fn attack_a15b_secrets_that_a_user_names() {
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("a.yaml");
    let text = "title: It knows code-77-moonlight and serial AB12\nredact: ['serial ([A-Z0-9]+)']\nsteps:\n  - title: x\n    serviceAccount: y\n    expect: {status: 999}\n";
    std::fs::write(&file, text).expect("written");
    let run = |secret: &str| {
        let mut command = place.kubewalk(&["run", "--cluster", "builtin", "--secret", secret]);
        Said::from(&command.env("CODE", "code-77-moonlight").arg(&file).output().expect("kubewalk starts"))
    };
    let said = run("code=code-77-moonlight");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        !said.stderr.contains("moonlight") && said.stderr.contains("a value in an argument can be read"),
        "{said:?}"
    );
    let said = run("code=env:CODE");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(!(said.stdout + &said.stderr).contains("moonlight"));
    Attack::new("A15b", "a secret on kubewalk's own command line, and one from the environment", file!())
        .held("the first is refused and not repeated; the second is blacked out");
}
