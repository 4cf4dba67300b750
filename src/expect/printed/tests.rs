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
#[case("path: [{at: $.message, matches: 'User \"system:anonymous\" cannot list'}]", status("system:anonymous"), None)]
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
