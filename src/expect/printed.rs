//! A refusal that a command prints: the `Status` on the standard output of a curl of one's own, or kubectl's error. It is
//! compared as text, and so would hold whichever caller was refused; here it is looked at as any other refusal.

use serde_json::Value;

use super::{
    Class, Denial, Http, IntendedCall, Mismatch, Verdict, classify,
    hints::{SEEN_BY_OTHERS, shown_user, who_may, wrong_identity},
    http_answer, is_bare_denial, kubectl_error,
    status::{server_words, status_text},
};
use crate::{
    redact::show,
    scenario::{
        expect::{DeniedBy, Expect, Text, TextRule},
        outcome::Wanted,
    },
};

/// What is wrong with a printed refusal that the expectations are met by.
pub(super) fn refusal_mismatch(
    expect: &Expect,
    json: Option<&Value>,
    stderr: &str,
    meant: Option<&IntendedCall>,
) -> Option<Mismatch> {
    let status = json.filter(|json| json["kind"] == "Status" && json["code"] == 403).map(http);
    let (pointer, verdict, words) = match &status {
        Some(http) if about_output(expect) => {
            let words = server_words(http);
            (output_pointer(expect), classify(http), words)
        }
        _ => {
            // As whom kubectl asked is not always known.
            meant?;
            expect.stderr.as_ref()?;
            let (refused, message) = kubectl_error::refusals(stderr).into_iter().next()?;
            let denial = Denial { by: DeniedBy::Rbac, detail: refused.describe(), refused: Some(refused) };
            ("/expect/stderr", Verdict::Denied(denial), Some(show::block(&message, show::BODY)))
        }
    };
    let mismatch = |class, message: String, got: String, hint: String| Mismatch {
        pointer: pointer.into(),
        message,
        expected: match meant {
            Some(meant) => format!("403 Forbidden by RBAC for {}", shown_user(&meant.user)),
            None => "403 Forbidden by RBAC".into(),
        },
        got,
        server_words: words.clone(),
        hint: Some(hint),
        class,
    };
    match &verdict {
        Verdict::Denied(Denial { refused: Some(refused), .. }) => {
            let right = meant.is_some_and(|meant| meant.user == refused.user);
            if right || says(expect, &refused.user) {
                return None;
            }
            let meant = meant.map_or("the account of this step", |meant| meant.user.as_str());
            Some(mismatch(
                Class::WrongIdentity,
                format!("403, but the call was made as {}, not as {meant}", shown_user(&refused.user)),
                format!("403 Forbidden: {} may not {}", shown_user(&refused.user), refused.describe()),
                format!(
                    "{}; if just this is meant, name who is refused: `path: [{{at: $.message, matches: 'User \"{}\" cannot'}}]`",
                    wrong_identity(&refused.user, meant),
                    show::line(&refused.user, show::VALUE)
                ),
            ))
        }
        // A scenario that quotes the words means them.
        Verdict::Denied(denial) if !quotes(expect) => Some(mismatch(
            Class::OtherDenier,
            format!("403, but refused by {}, not by RBAC", denial.short()),
            format!("403 Forbidden, refused by {}", denial.describe()),
            "if that is meant, expect its words: `path: [{at: $.message, matches: …}]`".into(),
        )),
        _ => None,
    }
}

/// What to do about a refusal that a command hides.
const UNSEEN: &str =
    "a refusal must be seen: without `-o /dev/null`, `--fail` and the like; `curl` as a verb sees the answer itself";

/// A failure of the API server that a command has printed: a `Status`, or kubectl's line about one.
pub fn failure(json: Option<&Value>, stderr: &str) -> Option<Http> {
    let is_failure = |json: &&Value| json["kind"] == "Status" && json["status"] == "Failure";
    if let Some(json) = json.filter(is_failure) {
        let code = json["code"].as_u64().and_then(|code| u16::try_from(code).ok())?;
        return Some(Http { status: code, ..http(json) });
    }
    kubectl_error::first(stderr).map(kubectl_error::Said::answer)
}

/// What is said of a command that has succeeded where it was to print a failure.
const SUCCEEDED: &str = "the command has succeeded";

/// The status that a command was to print.
fn short(expect: &Expect) -> String {
    match (expect.wanted(), expect.status) {
        (Wanted::Denial(by, None), _) => format!("a refusal by {}", by.title()),
        (Wanted::Denial(_, Some(status)) | Wanted::Exactly(status), _) | (_, Some(status)) => status.to_string(),
        (Wanted::Success | Wanted::Failure, None) => "a failure".into(),
    }
}

/// A command has succeeded, and nothing that it has printed is a failure.
fn succeeded(expect: &Expect) -> Mismatch {
    Mismatch {
        message: format!("expected {}, and {SUCCEEDED}", short(expect)),
        hint: Some(UNSEEN.into()),
        ..Mismatch::new(
            http_answer::status_pointer(expect),
            Class::Status,
            wanted(expect),
            "exit code 0, and no failure of the API server in what it has printed",
        )
    }
}

/// What a printed failure is called that is expected.
fn wanted(expect: &Expect) -> String {
    match expect.status {
        Some(status) => format!("a `Status` with {}", status_text(status)),
        None => "a `Status` of a failure".into(),
    }
}

/// Says of kubectl, with these arguments, what its success means: unlike another command, it does not end well when it was refused.
pub fn kubectl_succeeded(found: &mut [Mismatch], expect: &Expect, args: &[String], meant: Option<&IntendedCall>) {
    let Some(mismatch) = found.iter_mut().find(|found| found.message.ends_with(SUCCEEDED)) else { return };
    let has = |flag: &str| args.iter().any(|word| word == flag);
    mismatch.message = format!("expected {}, and kubectl has succeeded", short(expect));
    mismatch.got = "exit code 0: the call was allowed".into();
    mismatch.expected = expect.status.map_or_else(|| mismatch.expected.clone(), status_text);
    mismatch.hint = None;
    if has("--dry-run=client") {
        mismatch.got = "exit code 0: kubectl has changed nothing, and perhaps asked nothing".into();
        mismatch.hint = Some("with `--dry-run=client` nothing is sent; `--dry-run=server` asks the API server".into());
    } else if matches!(expect.wanted(), Wanted::Denial(..)) {
        mismatch.class = Class::Allowed;
        mismatch.hint = matches!(expect.wanted(), Wanted::Denial(DeniedBy::Rbac, _)).then(|| who_may(meant));
    } else if expect.is_not_found() && (has("--ignore-not-found") || has("--ignore-not-found=true")) {
        mismatch.hint = Some("with `--ignore-not-found` a 404 is no failure of kubectl's: leave it out".into());
    }
}

/// What is wrong with the failure that a command has printed, when one is expected.
pub(super) fn failure_mismatches(
    expect: &Expect,
    json: Option<&Value>,
    (code, stderr): (i32, &[u8]),
    meant: Option<&IntendedCall>,
) -> Vec<Mismatch> {
    let stderr = String::from_utf8_lossy(stderr);
    let unsaid = kubectl_error::first(&stderr).filter(|said| said.reason.is_none() && json.is_none());
    if let Some(said) = unsaid
        && let Verdict::Denied(denial) = classify(&said.clone().answer())
    {
        return without_reason(expect, said, &denial, meant);
    }
    let Some(http) = failure(json, &stderr) else {
        if code == 0 && !kubectl_error::tells_of_refusal(&stderr) {
            return vec![succeeded(expect)];
        }
        let pointer = http_answer::status_pointer(expect);
        return vec![Mismatch {
            pointer: pointer.into(),
            message: "the command has printed no failure of the API server".into(),
            expected: wanted(expect),
            // It is the command that has said so, and no server.
            got: match stderr.trim() {
                "" => "no `Status` on its standard output, and no `Error from server` of kubectl's".into(),
                words => format!("no `Status`, and on its standard error `{}`", show::line(words, show::VALUE)),
            },
            server_words: None,
            hint: Some(match stderr.trim_start().starts_with("error: ") {
                _ if kubectl_error::tells_of_refusal(&stderr) => SEEN_BY_OTHERS.into(),
                true => "kubectl itself did not go on, so nothing was refused: mend its `args`".into(),
                false => UNSEEN.into(),
            }),
            class: Class::Status,
        }];
    };
    http_answer::judge(&about_status(expect), &http, meant)
}

/// What is expected of a failure. The output as such is looked at by itself.
fn about_status(expect: &Expect) -> Expect {
    Expect {
        status: expect.status,
        by: expect.by,
        reason: expect.reason.clone(),
        message: expect.message.clone(),
        ..Expect::default()
    }
}

/// What is wrong with a refusal of which kubectl tells without its reason: by whom, and its words. With which status is not said, so
/// nothing contradicts the one that is claimed of this denier.
fn without_reason(
    expect: &Expect,
    said: kubectl_error::Said,
    denial: &Denial,
    meant: Option<&IntendedCall>,
) -> Vec<Mismatch> {
    if expect.by == Some(denial.by) || expect.status.is_none() && expect.by.is_none() && expect.reason.is_none() {
        let reason = expect.reason.clone().unwrap_or_default();
        let http = said.answer_as(expect.status.unwrap_or(403), &reason);
        return http_answer::judge(&about_status(expect), &http, meant);
    }
    let wanted = match (expect.wanted(), &expect.reason) {
        (Wanted::Denial(by, _), _) => format!("a refusal by {}", by.title()),
        (_, Some(reason)) => format!("a failure with reason {reason}"),
        _ => status_text(expect.status.unwrap_or_default()),
    };
    vec![Mismatch {
        message: match expect.wanted() {
            Wanted::Denial(by, _) => format!("refused by {}, not by {}", denial.short(), by.title()),
            _ => format!("refused by {}, and kubectl does not say with which status", denial.short()),
        },
        server_words: Some(show::block(&said.message, show::BODY)),
        hint: Some(format!(
            "if that is meant, name who refused: `by: {}` beside the status that it answers with",
            denial.by.word()
        )),
        ..Mismatch::new(
            http_answer::status_pointer(expect),
            Class::OtherDenier,
            wanted,
            format!("refused by {}", denial.describe()),
        )
    }]
}

fn http(json: &Value) -> Http {
    Http::with_object(403, Some(json.clone()))
}

/// Whether anything is expected of the standard output.
pub(crate) fn about_output(expect: &Expect) -> bool {
    expect.json.is_some() || !expect.path.is_empty() || expect.stdout.is_some()
}

fn output_pointer(expect: &Expect) -> &'static str {
    if expect.json.is_some() {
        "/expect/json"
    } else if expect.path.is_empty() {
        "/expect/stdout"
    } else {
        "/expect/path"
    }
}

/// Every text of an expectation about output.
fn texts(expect: &Expect) -> Vec<String> {
    let rule = |text: &Text| match text {
        Text::Is(text)
        | Text::Rule(
            TextRule::Equals(text) | TextRule::StartsWith(text) | TextRule::Contains(text) | TextRule::Matches(text),
        ) => Some(text.clone()),
        Text::Rule(TextRule::Lacks(_)) => None,
    };
    let values = expect.path.iter().flat_map(|path| [&path.equals, &path.contains]).chain([&expect.json]).flatten();
    let rules = [&expect.stdout, &expect.stderr].into_iter().flatten().filter_map(rule);
    let mut all: Vec<String> = values.flat_map(strings).chain(rules).collect();
    all.extend(expect.path.iter().filter_map(|path| path.matches.clone()));
    all
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(map) => map.values().flat_map(strings).collect(),
        _ => vec![],
    }
}

/// Whether the expectation names a user.
fn says(expect: &Expect, user: &str) -> bool {
    let escaped = regex::escape(user);
    texts(expect).iter().any(|text| text.contains(user) || text.contains(&escaped))
}

/// Whether the expectation has more of the refusal than its bare words.
fn quotes(expect: &Expect) -> bool {
    texts(expect).iter().any(|text| !is_bare_denial(text) && text.chars().filter(|c| c.is_alphabetic()).count() > 7)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::expect::{Answer, judge};

    fn status(user: &str) -> String {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
            "message": format!("pods is forbidden: User \"{user}\" cannot list resource \"pods\" in API group \"\" in the namespace \"a\""),
            "details": {"kind": "pods"},
        })
        .to_string()
    }

    fn quota() -> String {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
            "message": "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
            "details": {"name": "a", "kind": "pods"},
        })
        .to_string()
    }

    const ME: &str = "system:serviceaccount:a:me";

    /// How kubectl begins what the server refuses.
    const KUBECTL: &str = "Error from server (Forbidden): ";

    /// What kubectl says of a refusal.
    fn kubectl(user: &str) -> String {
        format!(
            "{KUBECTL}error when creating \"STDIN\": pods is forbidden: User \"{user}\" cannot create resource \"pods\" in API group \"\" in the namespace \"a\"\n"
        )
    }

    /// What `kubectl apply` says of one, when it may not look at the object.
    fn applied(user: &str) -> String {
        format!(
            "{CUT}Resource: \"/v1, Resource=secrets\", GroupVersionKind: \"/v1, Kind=Secret\"\nName: \"s\", Namespace: \"a\"\n\
             from server for: \"STDIN\": secrets \"s\" is forbidden: User \"{user}\" cannot get resource \"secrets\" in API group \"\" in the namespace \"a\"\n"
        )
    }

    /// What `kubectl create configmap` says of a policy, which answers 422 unless it chooses another code.
    const CREATED: &str = "error: failed to create configmap: configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: too small";

    /// Its beginning, which names no user.
    const CUT: &str = "Error from server (Forbidden): error when retrieving current configuration of:\n";

    /// What `kubectl exec` and `kubectl cp` say of one.
    fn run_in_a_pod(user: &str) -> String {
        format!(
            "error: unable to upgrade connection: pods \"p\" is forbidden: User \"{user}\" cannot create resource \"pods/exec\" in API group \"\" in the namespace \"a\"\n"
        )
    }

    #[rstest]
    #[case("status: 403", 0, status(ME), "", None)]
    #[case("status: 403", 22, status(ME), "", None)]
    #[case("{status: 403, exitCode: 0}", 22, status(ME), "", Some(Class::ExitCode))]
    #[case("status: 403", 0, status("system:anonymous"), "", Some(Class::WrongIdentity))]
    #[case("status: 403", 0, quota(), "", Some(Class::OtherDenier))]
    #[case("{status: 403, by: quota}", 0, quota(), "", None)]
    #[case("{status: 403, by: quota}", 0, status(ME), "", Some(Class::OtherDenier))]
    #[case("reason: Forbidden", 0, status(ME), "", None)]
    #[case("{status: 403, message: pods is forbidden}", 0, status(ME), "", None)]
    #[case("status: 404", 0, status(ME), "", Some(Class::Refused))]
    #[case("status: 403", 0, String::new(), "", Some(Class::Status))]
    #[case("status: 403", 6, String::new(), "curl: (6) Could not resolve host: x", Some(Class::Status))]
    #[case("status: 403", 0, "forbidden 403".to_owned(), "", Some(Class::Status))]
    #[case("status: 403", 1, String::new(), &kubectl(ME), None)]
    #[case("status: 403", 1, String::new(), &kubectl("system:serviceaccount:b:me"), Some(Class::WrongIdentity))]
    #[case(
        "status: 403",
        1,
        String::new(),
        "Error from server (Forbidden): pods \"a\" is forbidden: exceeded quota: q, requested: pods=1",
        Some(Class::OtherDenier)
    )]
    #[case(
        "{status: 403, by: quota}",
        1,
        String::new(),
        "error: failed to create configmap: configmaps \"a\" is forbidden: exceeded quota: q, requested: configmaps=1",
        None
    )]
    #[case(
        "status: 403",
        1,
        String::new(),
        "error: failed to create configmap: configmaps \"a\" is forbidden: exceeded quota: q, requested: configmaps=1",
        Some(Class::OtherDenier)
    )]
    #[case(
        "status: 403",
        1,
        String::new(),
        "error: failed to create configmap: the server is forbidden to you",
        Some(Class::Status)
    )]
    #[case("{status: 422, by: policy}", 1, String::new(), CREATED, None)]
    #[case("{status: 403, by: policy}", 1, String::new(), CREATED, None)]
    #[case("{status: 422, by: policy, message: {contains: too small}}", 1, String::new(), CREATED, None)]
    #[case("{status: 422, by: policy, message: {contains: too big}}", 1, String::new(), CREATED, Some(Class::Message))]
    #[case("{message: {contains: too small}}", 1, String::new(), CREATED, None)]
    #[case("{status: 400, by: webhook}", 1, String::new(), CREATED, Some(Class::OtherDenier))]
    #[case("status: 422", 1, String::new(), CREATED, Some(Class::OtherDenier))]
    #[case("status: 403", 1, String::new(), CREATED, Some(Class::OtherDenier))]
    #[case("status: 404", 1, String::new(), CREATED, Some(Class::OtherDenier))]
    #[case(
        "{status: 400, by: webhook}",
        1,
        String::new(),
        "error: failed to create configmap: admission webhook \"v\" denied the request: no",
        None
    )]
    #[case(
        "{status: 422, by: policy}",
        1,
        String::new(),
        "The configmaps \"a\" is invalid: : ValidatingAdmissionPolicy 'p' with binding 'b' denied request: too small",
        None
    )]
    #[case(
        "{status: 403, by: policy}",
        1,
        String::new(),
        "The configmaps \"a\" is invalid: : ValidatingAdmissionPolicy 'p' with binding 'b' denied request: too small",
        Some(Class::OtherDenier)
    )]
    #[case("status: 422", 1, String::new(), "The Role \"r\" is invalid: rules[0].verbs: Required value", None)]
    #[case("status: 403", 1, String::new(), &applied(ME), None)]
    #[case("reason: Forbidden", 1, String::new(), &applied(ME), None)]
    #[case("{status: 403, by: admission}", 1, String::new(), &applied(ME), Some(Class::OtherDenier))]
    #[case("status: 403", 1, String::new(), &applied("system:serviceaccount:b:me"), Some(Class::WrongIdentity))]
    #[case("status: 403", 1, String::new(), &run_in_a_pod(ME), None)]
    #[case("{status: 403, by: admission}", 1, String::new(), &run_in_a_pod(ME), Some(Class::OtherDenier))]
    #[case("status: 403", 1, String::new(), &run_in_a_pod("jane"), Some(Class::WrongIdentity))]
    #[case("status: 403", 1, String::new(), CUT, Some(Class::Status))]
    #[case("{status: 403, by: admission}", 1, String::new(), CUT, Some(Class::Status))]
    #[case("status: 404", 1, String::new(), CUT, Some(Class::Status))]
    #[case("status: 401", 1, String::new(), "error: You must be logged in to the server (Unauthorized)", None)]
    #[case(
        "status: 403",
        1,
        String::new(),
        "error: You must be logged in to the server (Unauthorized)",
        Some(Class::Unauthenticated)
    )]
    #[case("status: 404", 1, String::new(), "Error from server (NotFound): pods \"a\" not found", None)]
    #[case("status: 403", 1, String::new(), "Error from server (NotFound): pods \"a\" not found", Some(Class::Status))]
    fn a_printed_failure_is_judged_as_an_answer(
        #[case] expect: &str,
        #[case] exit_code: i32,
        #[case] stdout: String,
        #[case] stderr: &str,
        #[case] class: Option<Class>,
    ) {
        let expect: Expect = serde_saphyr::from_str(expect).expect("an expectation");
        let answer = Answer::Exec { exit_code, stdout: stdout.into_bytes(), stderr: stderr.into() };
        let meant = IntendedCall { user: ME.into(), denial: String::new() };
        let found = judge(&expect, &answer, Some(&meant));
        assert_eq!(found.first().map(|found| found.class), class, "{found:?}");
    }

    #[rstest]
    #[case(
        "status: 403",
        "get pods",
        "expected 403, and kubectl has succeeded",
        "the call was allowed",
        Class::Allowed,
        "can-i --list --as=system"
    )]
    #[case(
        "reason: Forbidden",
        "get pods",
        "expected 403, and kubectl has succeeded",
        "the call was allowed",
        Class::Allowed,
        "can-i --list"
    )]
    #[case("{status: 422, by: policy}", "get pods", "expected 422, and", "the call was allowed", Class::Allowed, "")]
    #[case(
        "status: 404",
        "get pod p",
        "expected 404, and kubectl has succeeded",
        "the call was allowed",
        Class::Status,
        ""
    )]
    #[case("reason: NotFound", "get pod p", "expected a failure, and", "the call was allowed", Class::Status, "")]
    #[case(
        "status: 404",
        "get pod p --ignore-not-found",
        "expected 404, and",
        "the call was allowed",
        Class::Status,
        "leave it out"
    )]
    #[case(
        "status: 409",
        "create cm c --dry-run=client",
        "expected 409, and",
        "asked nothing",
        Class::Status,
        "`--dry-run=server`"
    )]
    fn a_success_of_kubectl_is_no_refusal(
        #[case] expect: &str,
        #[case] args: &str,
        #[case] message: &str,
        #[case] got: &str,
        #[case] class: Class,
        #[case] hint: &str,
    ) {
        let expect: Expect = serde_saphyr::from_str(expect).expect("an expectation");
        let answer = Answer::Exec { exit_code: 0, stdout: b"pod/p\n".to_vec(), stderr: vec![] };
        let meant = IntendedCall { user: ME.into(), denial: String::new() };
        let mut found = judge(&expect, &answer, Some(&meant));
        let said = (found[0].class, found[0].got.clone(), found[0].hint.clone().unwrap_or_default());
        assert!(
            said.0 == Class::Status && said.1.starts_with("exit code 0, and no failure") && said.2 == UNSEEN,
            "{said:?}"
        );
        let args: Vec<String> = args.split(' ').map(str::to_owned).collect();
        kubectl_succeeded(&mut found, &expect, &args, Some(&meant));
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert!(one.message.starts_with(message) && one.got.contains(got) && one.class == class, "{one:?}");
        assert!(
            one.hint.as_deref().unwrap_or_default().contains(hint) && (one.hint.is_none() == hint.is_empty()),
            "{one:?}"
        );
    }

    #[rstest]
    #[case("error: the server doesn't have a resource type \"pds\"", "doesn't have a resource type", "mend its `args`")]
    #[case("", "no `Error from server`", "a refusal must be seen")]
    #[case(
        "error: failed to create configmap: v.example denied the request: no",
        "denied the request",
        "see the whole answer"
    )]
    fn what_kubectl_says_itself_is_no_word_of_the_server(#[case] stderr: &str, #[case] got: &str, #[case] hint: &str) {
        let expect: Expect = serde_saphyr::from_str("status: 403").expect("an expectation");
        let answer = Answer::Exec { exit_code: 1, stdout: vec![], stderr: stderr.into() };
        let found = judge(&expect, &answer, None);
        assert!(found[0].got.contains(got), "{found:?}");
        assert!(found[0].hint.as_ref().is_some_and(|words| words.contains(hint)), "{found:?}");
        assert_eq!(found[0].server_words, None);
    }

    #[rstest]
    #[case("json: {code: 403}", status(ME), None)]
    #[case("json: {code: 403}", status("system:anonymous"), Some("/expect/json"))]
    #[case("json: {reason: Forbidden}", status("system:serviceaccount:b:me"), Some("/expect/json"))]
    #[case("path: [{at: $.code, equals: 403}]", status("system:anonymous"), Some("/expect/path"))]
    #[case("stdout: {contains: '403'}", status("system:anonymous"), Some("/expect/stdout"))]
    #[case("stdout: {contains: 'User \\\"system:anonymous\\\" cannot'}", status("system:anonymous"), None)]
    #[case(
        "path: [{at: $.message, matches: 'User \"system:anonymous\" cannot list'}]",
        status("system:anonymous"),
        None
    )]
    #[case("json: {code: 403}", quota(), Some("/expect/json"))]
    #[case("path: [{at: $.message, matches: 'exceeded quota: q'}]", quota(), None)]
    #[case("exitCode: 0", status("system:anonymous"), None)]
    fn a_printed_status_is_about_somebody(#[case] expect: &str, #[case] stdout: String, #[case] wrong: Option<&str>) {
        let expect: Expect = serde_saphyr::from_str(expect).expect("an expectation");
        let answer = Answer::Exec { exit_code: 0, stdout: stdout.into_bytes(), stderr: vec![] };
        let meant = IntendedCall { user: ME.into(), denial: String::new() };
        let found = judge(&expect, &answer, Some(&meant));
        assert_eq!(found.first().map(|found| found.pointer.as_str()), wrong, "{found:?}");
    }

    #[rstest]
    #[case(&kubectl(ME), None)]
    #[case(&kubectl("system:serviceaccount:a:other"), Some("/expect/stderr"))]
    #[case(&applied(ME), None)]
    #[case(&applied("system:serviceaccount:a:other"), Some("/expect/stderr"))]
    #[case(&run_in_a_pod("system:serviceaccount:a:other"), Some("/expect/stderr"))]
    fn kubectls_error_is_about_somebody(#[case] stderr: &str, #[case] wrong: Option<&str>) {
        let expect: Expect = serde_saphyr::from_str("{exitCode: 1, stderr: {matches: 'cannot (get|create) resource'}}")
            .expect("an expectation");
        let answer = Answer::Exec { exit_code: 1, stdout: vec![], stderr: stderr.into() };
        let meant = IntendedCall { user: ME.into(), denial: String::new() };
        let found = judge(&expect, &answer, Some(&meant));
        assert_eq!(found.first().map(|found| found.pointer.as_str()), wrong, "{found:?}");
    }
}
