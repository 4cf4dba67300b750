//! Tables of real texts: what answers mean, and what holds.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::scenario::expect::{DeniedBy, Expect};

const SA: &str = "system:serviceaccount:a:s";
const LIST: &str = r#"pods is forbidden: User "system:serviceaccount:a:s" cannot list resource "pods" in API group "" in the namespace "a""#;
const API: &str = r#"forbidden: User "system:anonymous" cannot get path "/api""#;

fn raw(status: u16, kind: &str, body: &str) -> Http {
    Http {
        status,
        content_type: Some(kind.into()),
        warnings: vec![],
        body: body.as_bytes().to_vec(),
        json: serde_json::from_str(body).ok(),
        retry_after: None,
        origin: Origin::Unknown,
    }
}

fn body(status: u16, body: &Value) -> Http {
    raw(status, "application/json", &body.to_string())
}

fn failure(code: u16, reason: &str, message: &str, details: Value) -> Http {
    let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code});
    if details.is_null() {
        status.as_object_mut().unwrap().remove("details");
    }
    body(code, &status)
}

fn forbidden(message: &str, details: Value) -> Http {
    failure(403, "Forbidden", message, details)
}

fn meant(user: &str, denial: &str) -> IntendedCall {
    IntendedCall { user: user.into(), denial: denial.into() }
}

fn denier(http: &Http) -> Option<(DeniedBy, String)> {
    match classify(http) {
        Verdict::Denied(denial) => Some((denial.by, denial.detail)),
        _ => None,
    }
}

#[rstest]
#[case::list(LIST, json!({"kind": "pods"}), DeniedBy::Rbac, "list pods in namespace \"a\"")]
#[case::path(API, json!({}), DeniedBy::Rbac, "get path /api")]
#[case::path_without_details(API, Value::Null, DeniedBy::Rbac, "get path /api")]
#[case::suffix(&format!("{LIST}: rbac: RBAC: role.rbac.authorization.k8s.io \"x\" not found"), json!({"kind": "pods"}), DeniedBy::Rbac, "list pods in namespace \"a\"")]
#[case::group(r#"deployments.apps "d" is forbidden: User "x" cannot patch resource "deployments/scale" in API group "apps" in the namespace "a""#,
    json!({"name": "d", "group": "apps", "kind": "deployments"}), DeniedBy::Rbac, "patch deployments/scale \"d\" of API group apps in namespace \"a\"")]
#[case::node(r#"secrets "s" is forbidden: User "system:node:x" cannot get resource "secrets" in API group "" in the namespace "a": no relationship found between node 'x' and this object"#,
    json!({"name": "s", "kind": "secrets"}), DeniedBy::Rbac, "get secrets \"s\" in namespace \"a\"")]
#[case::rbac_words_without_details(
    LIST,
    Value::Null,
    DeniedBy::Admission,
    "somebody who uses RBAC's words, but whose `details` are about something else"
)]
#[case::rbac_words_other_details(LIST, json!({"kind": "secrets"}), DeniedBy::Admission, "somebody who uses RBAC's words, but whose `details` are about something else")]
#[case::escalation("roles.rbac.authorization.k8s.io \"r1\" is forbidden: user \"system:serviceaccount:ns:rm\" (groups=[\"system:serviceaccounts\" \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}",
    json!({"name": "r1", "group": "rbac.authorization.k8s.io", "kind": "roles"}), DeniedBy::Escalation, "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}")]
#[case::aggregation("clusterroles.rbac.authorization.k8s.io \"c\" is forbidden: must have cluster-admin privileges to use the aggregationRule",
    json!({"name": "c", "kind": "clusterroles"}), DeniedBy::Escalation, "must have cluster-admin privileges to use the aggregationRule")]
#[case::webhook_copies_rbac(&format!("admission webhook \"v.example\" denied the request: {LIST}"), Value::Null, DeniedBy::Webhook, "v.example")]
#[case::webhook_without_words(
    "admission webhook \"v.example\" denied the request without explanation",
    Value::Null,
    DeniedBy::Webhook,
    "v.example"
)]
#[case::policy("pods \"v\" is forbidden: ValidatingAdmissionPolicy 'no-default-sa' with binding 'b' denied request: use a dedicated ServiceAccount",
    json!({"name": "v", "kind": "pods"}), DeniedBy::Policy, "no-default-sa")]
#[case::pod_security("pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false",
    json!({"name": "p", "kind": "pods"}), DeniedBy::PodSecurity, "restricted:latest")]
#[case::exceeded("pods \"x\" is forbidden: exceeded quota: pq, requested: pods=1, used: pods=0, limited: pods=0", json!({"name": "x", "kind": "pods"}), DeniedBy::Quota, "pq")]
#[case::failed("pods \"x\" is forbidden: failed quota: cq: must specify requests.cpu for: x", json!({"name": "x", "kind": "pods"}), DeniedBy::Quota, "cq")]
#[case::no_account("pods \"nosa\" is forbidden: error looking up service account a/nope: serviceaccount \"nope\" not found",
    json!({"name": "nosa", "kind": "pods"}), DeniedBy::Admission, "error looking up service account a/nope: serviceaccount \"nope\" not found")]
#[case::terminating("configmaps \"c\" is forbidden: unable to create new content in namespace a because it is being terminated",
    json!({"name": "c", "kind": "configmaps", "causes": [{"reason": "NamespaceTerminating", "message": "namespace a is being terminated", "field": "metadata.namespace"}]}), DeniedBy::NamespaceTerminating, "unable to create new content in namespace a because it is being terminated")]
#[case::crd("create not allowed while custom resource definition is terminating", json!({"kind": "widgets"}), DeniedBy::Admission, "create not allowed while custom resource definition is terminating")]
#[case::nothing_said("pods \"p1\" is forbidden: ", json!({"name": "p1", "kind": "pods"}), DeniedBy::Admission, "")]
#[case::quota_inside(&format!("pods \"x\" is forbidden: my plugin says: exceeded quota: {LIST}"), json!({"name": "x", "kind": "pods"}), DeniedBy::Admission, &format!("my plugin says: exceeded quota: {LIST}"))]
fn who_denies(#[case] message: &str, #[case] details: Value, #[case] by: DeniedBy, #[case] detail: &str) {
    assert_eq!(denier(&forbidden(message, details)), Some((by, detail.to_owned())));
}

#[rstest]
#[case::policy_by_default_422(failure(422, "Invalid", "pods \"v\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", json!({"name": "v", "kind": "pods"})), DeniedBy::Policy)]
#[case::policy_with_401(failure(401, "Unauthorized", "pods \"v\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", json!({})), DeniedBy::Policy)]
#[case::webhook_by_default_400(
    failure(400, "", "admission webhook \"v\" denied the request: no", Value::Null),
    DeniedBy::Webhook
)]
fn denied_with_another_code(#[case] http: Http, #[case] by: DeniedBy) {
    assert_eq!(denier(&http).unwrap().0, by);
}

#[rstest]
#[case(body(200, &json!({"kind": "PodList"})), Verdict::Allowed)]
#[case(failure(401, "Unauthorized", "Unauthorized", Value::Null), Verdict::Unauthenticated)]
#[case(failure(404, "NotFound", "pods \"x\" not found", json!({"name": "x"})), Verdict::NotFound)]
#[case(raw(404, "text/plain; charset=utf-8", "404 page not found\n"), Verdict::NotFound)]
#[case(failure(409, "AlreadyExists", "serviceaccounts \"demo-sa\" already exists", json!({})), Verdict::Conflict)]
#[case(failure(422, "Invalid", "Secret \"s0\" is invalid", json!({})), Verdict::Invalid)]
#[case(failure(429, "TooManyRequests", "storage is (re)initializing", json!({"retryAfterSeconds": 1})), Verdict::TooManyRequests)]
#[case(failure(500, "InternalError", "Internal error occurred: failed calling webhook \"v.example\": failed to call webhook: Post \"https://x\": connection refused", json!({})), Verdict::After("an admission webhook could not be asked"))]
#[case(failure(500, "InternalError", "Internal error occurred: etcdserver: request timed out", json!({})), Verdict::ServerError)]
#[case(failure(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", json!({"causes": [{"reason": "DisruptionBudget", "message": "The disruption budget b needs 1 healthy pods and has 1 currently"}]})), Verdict::After("a PodDisruptionBudget keeps the Pod"))]
#[case(failure(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", json!({})), Verdict::TooManyRequests)]
#[case(failure(500, "InternalError", "Internal error occurred: This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.", json!({})), Verdict::After("more than one PodDisruptionBudget is about the Pod"))]
#[case(failure(500, "", "failed to create typed patch object (a/web; apps/v1, Kind=Deployment): .spec.replicaz: field not declared in schema", json!({})), Verdict::After("the manifest does not fit its kind"))]
#[case(failure(500, "", ".metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}", json!({})), Verdict::After("the manifest does not fit its kind"))]
#[case(failure(400, "BadRequest", "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"dataa\"", json!({})), Verdict::After("the manifest does not fit its kind"))]
#[case(failure(504, "Timeout", "Timeout: request did not complete within requested timeout - context deadline exceeded", json!({})), Verdict::ServerError)]
#[case(raw(503, "text/plain", "service unavailable\n"), Verdict::ServerError)]
#[case(failure(405, "MethodNotAllowed", "the server does not allow this method", json!({})), Verdict::Other)]
#[case(raw(403, "text/html", "<html><head><title>Blocked</title>"), Verdict::NotKubernetes(ForeignResponse::Html(Some("Blocked".into()))))]
#[case(raw(502, "", "\n<!DOCTYPE html><p>"), Verdict::NotKubernetes(ForeignResponse::Html(None)))]
#[case(raw(403, "text/plain", "Forbidden (user=system:serviceaccount:a:s, verb=get, resource=nodes, subresource(s)=[pods proxy])"), Verdict::NotKubernetes(ForeignResponse::PlainRefusal(plain_refusal::PlainRefusal { form: plain_refusal::Form::Kubelet, user: SA.into(), verb: "get".into(), resource: "nodes".into(), subresources: vec!["pods".into(), "proxy".into()] })))]
#[case(
    raw(400, "", "Client sent an HTTP request to an HTTPS server.\n"),
    Verdict::NotKubernetes(ForeignResponse::HttpToHttps)
)]
#[case(raw(403, "application/json", ""), Verdict::NotKubernetes(ForeignResponse::Empty))]
#[case(raw(403, "text/plain", "forbidden"), Verdict::NotKubernetes(ForeignResponse::Text))]
#[case(body(403, &json!({"error": "forbidden"})), Verdict::NotKubernetes(ForeignResponse::Json(None)))]
#[case(body(403, &json!({"kind": "Status", "apiVersion": "v1", "status": "Success"})), Verdict::NotKubernetes(ForeignResponse::OtherStatus("status \"Success\", code none".into())))]
fn verdicts(#[case] http: Http, #[case] verdict: Verdict) {
    assert_eq!(classify(&http), verdict);
}

fn classes(yaml: &str, answer: &Answer, meant: Option<&IntendedCall>) -> Vec<(String, Class)> {
    let expect: Expect = serde_saphyr::from_str(yaml).unwrap();
    judge(&expect, answer, meant).into_iter().map(|mismatch| (mismatch.pointer, mismatch.class)).collect()
}

#[rstest]
#[case("{status: 403}", LIST, &[])]
#[case("{status: 403, reason: Forbidden, message: 'pods is forbidden: User'}", LIST, &[])]
#[case("{reason: Forbidden}", LIST, &[])]
#[case("{by: rbac}", LIST, &[])]
#[case("{message: 'pods is forbidden: '}", LIST, &[])]
#[case("{}", LIST, &[("", Class::Refused)])]
#[case("{json: {kind: PodList}}", LIST, &[("/expect", Class::Refused)])]
#[case("{status: 200}", LIST, &[("/expect/status", Class::Refused)])]
#[case("{status: 401, reason: Unauthorized}", LIST, &[("/expect/status", Class::Refused), ("/expect/reason", Class::Reason)])]
#[case("{status: 403, reason: NotFound, json: {code: 404}}", LIST, &[("/expect/reason", Class::Reason), ("/expect/json/code", Class::Json)])]
#[case("{status: 403, by: quota}", LIST, &[("/expect/status", Class::OtherDenier)])]
#[case("{by: quota}", LIST, &[("/expect/by", Class::OtherDenier)])]
#[case("{reason: Forbidden}", &LIST.replace("a:s", "b:s"), &[("/expect/reason", Class::WrongIdentity)])]
#[case("{status: 403}", &LIST.replace("list", "watch"), &[("/expect/status", Class::OtherRequest)])]
#[case("{status: 403}", &LIST.replace("a\"", "a1\""), &[("/expect/status", Class::OtherRequest)])]
#[case("{status: 403}", &format!("{LIST}: RBAC: role \"x\" not found"), &[])]
fn a_refusal(#[case] yaml: &str, #[case] message: &str, #[case] found: &[(&str, Class)]) {
    let answer = Answer::Curl(forbidden(message, json!({"kind": "pods"})));
    let found: Vec<_> = found.iter().map(|(pointer, class)| ((*pointer).to_owned(), *class)).collect();
    assert_eq!(classes(yaml, &answer, Some(&meant(SA, LIST))), found);
}

#[rstest]
#[case("{}", &[])]
#[case("{status: 200, json: {kind: PodList}}", &[])]
#[case("{path: [{at: $.kind, equals: PodList}], exitCode: 0}", &[])]
#[case("{status: 403, message: x, json: {code: 403}}", &[("/expect/status", Class::Allowed)])]
#[case("{reason: NotFound}", &[("/expect/reason", Class::Status)])]
#[case("{message: 'pods \"x\"'}", &[("/expect/message", Class::Status)])]
#[case("{status: 201}", &[("/expect/status", Class::Status)])]
#[case("{exitCode: 6}", &[("/expect/exitCode", Class::ExitCode)])]
#[case("{object: {kind: X}, path: [{at: $.x, absent: false}]}", &[("/expect/object/kind", Class::Object), ("/expect/path/0/absent", Class::Path)])]
fn a_list(#[case] yaml: &str, #[case] found: &[(&str, Class)]) {
    let answer = Answer::Curl(body(200, &json!({"kind": "PodList"})));
    let found: Vec<_> = found.iter().map(|(pointer, class)| ((*pointer).to_owned(), *class)).collect();
    assert_eq!(classes(yaml, &answer, Some(&meant(SA, LIST))), found);
}

#[rstest]
#[case("{status: 403}", 6, &[("/expect/status", Class::NotReached)])]
#[case("{}", 28, &[("", Class::NotReached)])]
#[case("{exitCode: 6}", 6, &[])]
#[case("{exitCode: 6}", 7, &[("/expect/exitCode", Class::NotReached)])]
#[case("{exitCode: 6, stderr: {contains: resolve}}", 6, &[])]
#[case("{exitCode: 6, reason: Forbidden, json: {}}", 6, &[("/expect/reason", Class::NotReached), ("/expect/json", Class::NotReached)])]
#[case("{exitCode: 6, status: 403}", 6, &[("/expect/status", Class::NotReached)])]
fn not_reached(#[case] yaml: &str, #[case] exit_code: i32, #[case] found: &[(&str, Class)]) {
    let answer = Answer::CurlFailed { exit_code, stderr: "curl: (6) Could not resolve host: kubernetes\n".into() };
    let found: Vec<_> = found.iter().map(|(pointer, class)| ((*pointer).to_owned(), *class)).collect();
    assert_eq!(classes(yaml, &answer, Some(&meant(SA, LIST))), found);
}

#[rstest]
#[case("{}", 0, "x", &[])]
#[case("{}", 1, "", &[("", Class::ExitCode)])]
#[case("{exitCode: 1, stderr: oops}", 1, "", &[])]
#[case("{stdout: x}", 0, "x\n", &[])]
#[case("{stdout: x, json: {a: 1}}", 0, "{\"a\": 1}", &[("/expect/stdout", Class::Stdout)])]
#[case("{json: {a: 1}}", 0, "no", &[("/expect/json", Class::Json)])]
#[case("{status: 403, by: rbac, reason: x, message: b}", 0, "", &[("/expect/status", Class::Status)])]
#[case("{stdout: b, stderr: c}", 2, "x", &[("/expect", Class::ExitCode), ("/expect/stdout", Class::Stdout), ("/expect/stderr", Class::Stderr)])]
fn a_command(#[case] yaml: &str, #[case] exit_code: i32, #[case] stdout: &str, #[case] found: &[(&str, Class)]) {
    let answer = Answer::Exec { exit_code, stdout: stdout.into(), stderr: b"oops\n".to_vec() };
    let found: Vec<_> = found.iter().map(|(pointer, class)| ((*pointer).to_owned(), *class)).collect();
    assert_eq!(classes(yaml, &answer, None), found);
}

#[test]
fn a_page_is_no_success() {
    let page = Answer::Curl(raw(200, "text/html", "<html>sign in</html>"));
    assert_eq!(classes("{}", &page, Some(&meant(SA, LIST)))[0].1, Class::NotKubernetes);
    assert_eq!(classes("{}", &page, None), []);
    assert_eq!(classes("{stdout: ok}", &Answer::Curl(raw(200, "text/plain", "ok")), Some(&meant(SA, LIST))), []);
}

/// What is known of an answer without a body: of HEAD.
#[rstest]
#[case(Origin::ApiServer { only_reads: true }, 403, "status: 403", None)]
#[case(Origin::ApiServer { only_reads: true }, 403, "{status: 403, by: rbac}", None)]
#[case(Origin::ApiServer { only_reads: true }, 403, "{status: 403, by: admission}", Some(Class::OtherDenier))]
#[case(Origin::ApiServer { only_reads: true }, 403, "{status: 403, by: endpoint}", Some(Class::OtherDenier))]
#[case(Origin::ApiServer { only_reads: true }, 403, "status: 200", Some(Class::Refused))]
#[case(Origin::ApiServer { only_reads: true }, 403, "reason: Forbidden", Some(Class::Reason))]
#[case(Origin::ApiServer { only_reads: true }, 401, "status: 401", None)]
#[case(Origin::ApiServer { only_reads: true }, 401, "status: 403", Some(Class::Unauthenticated))]
#[case(Origin::ApiServer { only_reads: true }, 404, "status: 404", None)]
#[case(Origin::ApiServer { only_reads: true }, 405, "status: 403", Some(Class::Status))]
#[case(Origin::ApiServer { only_reads: true }, 503, "status: 403", Some(Class::Server))]
// Behind a proxy, or for what admission sees.
#[case(Origin::ApiServer { only_reads: false }, 403, "status: 403", Some(Class::Status))]
#[case(Origin::ApiServer { only_reads: false }, 403, "{status: 403, by: admission}", Some(Class::Status))]
#[case(Origin::ApiServer { only_reads: false }, 403, "{status: 403, by: endpoint}", Some(Class::OtherDenier))]
#[case(Origin::ApiServer { only_reads: false }, 401, "status: 401", Some(Class::NotKubernetes))]
#[case(Origin::Unknown, 403, "status: 403", Some(Class::NotKubernetes))]
#[case(Origin::Unknown, 401, "status: 401", Some(Class::NotKubernetes))]
fn an_answer_without_a_body_is_judged_by_its_head(
    #[case] origin: Origin,
    #[case] status: u16,
    #[case] expect: &str,
    #[case] class: Option<Class>,
) {
    let expect: Expect = serde_saphyr::from_str(expect).expect("an expectation");
    let http = Http { origin, ..raw(status, "application/json", "") };
    let found = judge(&expect, &Answer::Curl(http), Some(&meant(SA, LIST)));
    assert_eq!(found.first().map(|found| found.class), class, "{found:?}");
}

#[test]
fn a_body_that_is_there_is_judged_by_its_words() {
    let page = Http { origin: Origin::ApiServer { only_reads: true }, ..raw(403, "text/html", "<html>no</html>") };
    assert!(matches!(classify(&page), Verdict::NotKubernetes(ForeignResponse::Html(None))));
    let has = |wanted: &'static str| move |name: &str| name == wanted;
    assert_eq!(Origin::of_head(has("audit-id")), Origin::ApiServer { only_reads: false });
    assert_eq!(Origin::of_head(has("x-content-type-options")), Origin::Unknown);
}
