//! What a step asked and what came back, as reports show it: redacted, escaped, and cut after some length, which is said.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    expect::{Answer, Http, Reviewed, hidden::APPLIED, json},
    plan::{Action, Credential, Place, Step, asks},
    redact::{self, DATA, show},
    text,
};

/// The most of a body or an output that is kept, in bytes.
pub const CAP: usize = 4096;

/// So much of a body or an output is looked at for credentials: one that begins in what is kept may go on behind it.
const LOOKED_AT: usize = 32 << 10;

/// The most requests of one step that are kept.
const MOST: usize = 40;

/// One request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord {
    /// e.g. `GET https://kubernetes.default/api`, `list pods in namespace a`.
    pub what: String,
    /// The user name that the server is to see, e.g. `system:anonymous`; `None`: the cluster's administrator, or a caller without credentials.
    pub by: Option<String>,
    /// The Pod in which it was asked: `a/client`.
    pub place: Option<String>,
    /// `Name: value`; what carries a credential is blacked out.
    pub headers: Vec<String>,
    /// The body or standard input.
    pub body: Option<Excerpt>,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResponseRecord {
    /// The HTTP status.
    pub status: Option<u16>,
    /// The exit code of curl, a command, or kubectl.
    pub exit_code: Option<i32>,
    /// Those that are looked at: `Content-Type`, `Warning`.
    pub headers: Vec<String>,
    /// The body; standard output of a command.
    pub body: Option<Excerpt>,
    /// Standard error.
    pub stderr: Option<Excerpt>,
}

/// The beginning of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Excerpt {
    /// The text that is kept.
    pub text: String,
    /// The length of the whole, in bytes, as it came.
    pub bytes: usize,
    /// Whether some is left out.
    pub cut: bool,
}

impl Excerpt {
    /// The beginning of what came; `None` when nothing did.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty()).then(|| Self::from_text(&String::from_utf8_lossy(bytes), bytes.len()))
    }

    fn from_text(text: &str, bytes: usize) -> Self {
        if redact::is_full() {
            return Self { text: format!("{DATA}: there are more Secrets than can be told apart"), bytes, cut: true };
        }
        // Of a long text only the beginning is looked at, as only the beginning is kept.
        let seen = &text[..text::floor(text, LOOKED_AT)];
        let clean = redact::redact(seen);
        let end = text::floor(&clean, CAP);
        let cut = end < clean.len() || seen.len() < text.len();
        Self { text: text::escape(clean[..end].trim_end_matches('\n'), true), bytes, cut }
    }

    /// `text` with a last line that says what is left out.
    pub fn shown(&self) -> String {
        if self.cut {
            format!("{}\n… cut here; the whole has {} bytes", self.text, self.bytes)
        } else {
            self.text.clone()
        }
    }
}

/// The lines of the block of YAML that begins at a byte of a file, without their common indentation.
pub fn step_yaml(text: &str, start: usize) -> String {
    let start = text::floor(text, start);
    let column = start - text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = " ".repeat(column);
    let rest = text[start..].lines().skip(1);
    let inside = rest.map_while(|line| if line.trim().is_empty() { Some("") } else { line.strip_prefix(&indent) });
    let all: Vec<&str> = text[start..].lines().take(1).chain(inside).map(str::trim_end).collect();
    show::block(all.join("\n").trim_end(), CAP)
}

/// What a step asks.
pub fn requests(step: &Step) -> Vec<RequestRecord> {
    let by = step.caller.identity.as_ref().map(|identity| line(&identity.username()));
    let plain = |what: String| RequestRecord { what: line(&what), by: by.clone(), ..RequestRecord::default() };
    let objects = |word: &str, objects: &[crate::plan::Object]| {
        let one = |object: &crate::plan::Object| {
            let place = object.namespace.as_ref().map(|ns| format!(" in namespace {ns}")).unwrap_or_default();
            let manifest = pretty(&object.manifest);
            RequestRecord {
                body: Some(Excerpt::from_text(&manifest, manifest.len())),
                ..plain(format!("{word} {} {}{place}", object.kind.kind, object.name))
            }
        };
        objects.iter().map(one).collect::<Vec<_>>()
    };
    let mut all = match &step.action {
        Action::Curl(call) => vec![RequestRecord {
            by: Some(line(&call.identity.username())),
            place: Some(place(&call.place)),
            headers: headers(&call.headers, call.mounted_token || call.saved_token.is_some()),
            body: call.body.as_ref().and_then(|body| output(body.as_bytes())),
            ..plain(format!("{} {}", call.method.word(), call.url))
        }],
        Action::Request(call) => vec![RequestRecord {
            headers: headers(&call.headers, carries_token(&step.caller.credential)),
            body: call.body.as_ref().and_then(|body| output(body.as_bytes())),
            ..plain(format!("{} {}", call.method.word(), call.path))
        }],
        Action::Exec(exec) => vec![RequestRecord {
            place: Some(place(&exec.place)),
            body: exec.stdin.as_ref().and_then(|stdin| output(stdin.as_bytes())),
            ..plain(exec.command.join(" "))
        }],
        Action::Kubectl(call) => vec![RequestRecord {
            body: call.stdin.as_ref().and_then(|stdin| output(stdin.as_bytes())),
            ..plain(format!("kubectl {}", call.args.join(" ")))
        }],
        Action::Can(can) => (can.cells.iter().zip(crate::plan::can::lines(can)))
            .map(|(cell, words)| RequestRecord { by: Some(line(cell.who.key())), ..plain(words.join(" ")) })
            .collect(),
        Action::Apply(list) => objects("apply", list),
        Action::Create(list) => objects("create", list),
        Action::Pod(object) => objects("create", std::slice::from_ref(object)),
        Action::Patch(change) => {
            let body = pretty(&change.body);
            vec![RequestRecord {
                body: Some(Excerpt::from_text(&body, body.len())),
                ..plain(format!("patch {}", target(&change.target)))
            }]
        }
        Action::Get(object) => vec![plain(format!("get {}", target(object)))],
        Action::Delete(object) => vec![plain(format!("delete {}", target(object)))],
        Action::Wait(object, _) => vec![plain(format!("watch {}", target(object)))],
        Action::Whoami => vec![plain(format!("POST {}", asks::WHOAMI))],
        Action::Token(call) => {
            vec![plain(format!("{} {}", if call.secret.is_some() { "GET" } else { "POST" }, call.path()))]
        }
    };
    if all.len() > MOST {
        let more = all.len() - MOST;
        all.truncate(MOST);
        all.push(RequestRecord { what: format!("… and {more} more"), ..RequestRecord::default() });
    }
    all
}

/// What came back.
pub fn response(answer: &Answer) -> ResponseRecord {
    match answer {
        Answer::Api(http) | Answer::Curl(http) => http_answer(http),
        Answer::CurlFailed { exit_code, stderr } => ResponseRecord {
            exit_code: Some(*exit_code),
            stderr: Excerpt::from_bytes(stderr.as_bytes()),
            ..ResponseRecord::default()
        },
        Answer::Exec { exit_code, stdout, stderr } => ResponseRecord {
            exit_code: Some(*exit_code),
            body: output(stdout),
            stderr: Excerpt::from_bytes(stderr),
            ..ResponseRecord::default()
        },
        Answer::Reviews(reviews) => {
            let lines: Vec<String> = reviews.iter().map(reviewed).collect();
            ResponseRecord { body: Excerpt::from_bytes(lines.join("\n").as_bytes()), ..ResponseRecord::default() }
        }
    }
}

fn reviewed(review: &Reviewed) -> String {
    let word = if review.allowed { "yes" } else { "no" };
    let real = review.real.as_ref().map(|real| format!("; {} gave {}", real.request, real.http.status));
    format!("{word}: {}{}", review.words, real.unwrap_or_default())
}

fn http_answer(http: &Http) -> ResponseRecord {
    let content_type = http.content_type.iter().map(|kind| format!("Content-Type: {kind}"));
    let warnings = http.warnings.iter().take(MOST).map(|warning| format!("Warning: {warning}"));
    let body = match &http.json {
        Some(json) => Some(Excerpt::from_text(&pretty(json), http.body.len())),
        None => Excerpt::from_bytes(&http.body),
    };
    ResponseRecord {
        status: Some(http.status),
        headers: content_type.chain(warnings).map(|header| line(&header)).collect(),
        body,
        ..ResponseRecord::default()
    }
}

/// kubectl and curl print objects, too, and a Secret among them must not be read.
fn output(stdout: &[u8]) -> Option<Excerpt> {
    match json::parse(stdout) {
        Some(json @ Value::Object(_)) => Some(Excerpt::from_text(&pretty(&json), stdout.len())),
        _ => Excerpt::from_bytes(stdout),
    }
}

/// The JSON over several lines, without what Secrets hold, and without `managedFields`, which kubectl does not show either.
fn pretty(json: &Value) -> String {
    let mut json = json.clone();
    let all = json["kind"].as_str().is_some_and(|kind| kind == "SecretList");
    hide(&mut json);
    // In a list of one kind, the items do not name it.
    if let (true, Some(items)) = (all, json.get_mut("items").and_then(Value::as_array_mut)) {
        items.iter_mut().for_each(hide_values);
    }
    // What is deep in itself has more blanks than anything else: only the beginning is written.
    let mut head = json::Head::new(LOOKED_AT + 1);
    let _ = serde_json::to_writer_pretty(&mut head, &json);
    head.to_string_lossy()
}

fn hide(json: &mut Value) {
    if json["kind"].as_str().is_some_and(|kind| kind == "Secret") {
        hide_values(json);
    }
    if let Some(Value::Object(metadata)) = json.get_mut("metadata") {
        metadata.remove("managedFields");
    }
    match json {
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(map) => map.values_mut().for_each(hide),
        _ => {}
    }
}

fn hide_values(secret: &mut Value) {
    for key in ["data", "stringData"] {
        if let Some(Value::Object(map)) = secret.get_mut(key) {
            map.values_mut().for_each(|value| *value = DATA.into());
        }
    }
    if let Some(Value::Object(annotations)) = secret.pointer_mut("/metadata/annotations") {
        annotations.remove(APPLIED);
    }
}

fn headers(headers: &std::collections::BTreeMap<String, String>, token: bool) -> Vec<String> {
    let authorization = token.then(|| format!("Authorization: Bearer {}", redact::TOKEN));
    authorization.into_iter().chain(headers.iter().map(|(name, value)| line(&format!("{name}: {value}")))).collect()
}

fn carries_token(credential: &Credential) -> bool {
    matches!(credential, Credential::Account { .. } | Credential::Saved(_) | Credential::Text(_))
}

fn place(place: &Place) -> String {
    let container = place.container.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
    let told = if place.told.is_empty() { String::new() } else { format!(" ({})", place.told) };
    let pod = if place.pod.is_empty() { place.sought() } else { place.pod.clone() };
    line(&format!("{}/{pod}{container}{told}", place.namespace))
}

fn target(target: &crate::plan::Target) -> String {
    let name = target.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let namespace = target.namespace.as_ref().map(|ns| format!(" in namespace {ns}")).unwrap_or_default();
    let labels = target.label_selector.as_ref().map(|labels| format!(" with labels {labels}")).unwrap_or_default();
    format!("{}{name}{namespace}{labels}", target.kind.kind)
}

fn line(text: &str) -> String {
    show::line(text, show::BODY)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn http(json: Value) -> Answer {
        Answer::Api(Http { warnings: vec!["old\x1b[2J".into()], ..Http::with_object(200, Some(json)) })
    }

    #[test]
    fn what_a_secret_holds_is_not_told() {
        let secret = json!({"kind": "Secret", "metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}});
        let list = json!({"kind": "SecretList", "items": [{"metadata": {"name": "s"}, "data": {"k": "aHVudGVyMg=="}}]});
        let mixed = json!({"kind": "List", "items": [secret]});
        for json in [secret, list, mixed] {
            let body = response(&http(json)).body.expect("a body");
            assert!(body.text.contains(DATA) && !body.text.contains("aHVudGVyMg"), "{}", body.text);
            let printed = Answer::Exec { exit_code: 0, stdout: body.text.clone().into_bytes(), stderr: vec![] };
            assert!(!response(&printed).body.expect("output").text.contains("aHVudGVyMg"));
        }
    }

    #[test]
    fn a_step_is_told_as_it_is_written() {
        let text = "title: a\nsteps:\n  - title: b\n    say: |\n      two\n\n      lines\n\n  # about c\n  - title: c\r\n    x: {a: 1}\n";
        assert_eq!(step_yaml(text, text.find("title: b").expect("b")), "title: b\nsay: |\n  two\n\n  lines");
        assert_eq!(step_yaml(text, text.find("title: c").expect("c")), "title: c\nx: {a: 1}");
    }

    #[test]
    fn what_kubernetes_keeps_for_itself_is_left_out() {
        let pods = json!({"items": [{"metadata": {"name": "p", "managedFields": [{"manager": "kubelet"}]}}]});
        let body = response(&http(pods)).body.expect("a body");
        assert!(body.text.contains("\"p\"") && !body.text.contains("kubelet"), "{}", body.text);
    }

    #[test]
    fn what_is_left_out_is_said_and_nothing_drives_a_terminal() {
        let long = response(&Answer::Exec { exit_code: 3, stdout: vec![b'x'; 9000], stderr: b"\x1b]0;a\x07".to_vec() });
        let body = long.body.expect("output");
        assert_eq!((body.text.len(), body.bytes, body.cut, long.exit_code), (CAP, 9000, true, Some(3)));
        assert!(body.shown().ends_with("\n… cut here; the whole has 9000 bytes"));
        assert_eq!(long.stderr.expect("a text").text, "\\u{1b}]0;a\\u{7}");
        assert_eq!(response(&http(json!({}))).headers[1], "Warning: old\\u{1b}[2J");
    }

    #[test]
    fn a_credential_is_cut_out_before_the_text_is_cut() {
        let jwt = format!("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.{}", "x".repeat(600));
        let text = format!("{}{jwt}", " ".repeat(CAP - 20));
        let body = Excerpt::from_bytes(text.as_bytes()).expect("a text");
        assert!(!body.text.contains("eyJ"), "{}", body.text.trim());
    }
}
