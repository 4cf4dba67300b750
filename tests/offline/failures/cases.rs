//! Wrong answers, as real clusters give them.

use kubewalk::{
    expect::{Answer, Http, IntendedCall, Origin, RealRequest, Reviewed},
    plan::Request,
};
use serde_json::{Value, json};

const SA: &str = "system:serviceaccount:a:s";
const LIST: &str = r#"pods is forbidden: User "system:serviceaccount:a:s" cannot list resource "pods" in API group "" in the namespace "a""#;
const PATH: &str = r#"forbidden: User "system:anonymous" cannot get path "/api""#;
const APPLIED: &str = "Error from server (Forbidden): error when retrieving current configuration of:\n\
    Resource: \"/v1, Resource=secrets\", GroupVersionKind: \"/v1, Kind=Secret\"\nName: \"s\", Namespace: \"a\"\n\
    from server for: \"STDIN\": secrets \"s\" is forbidden: User \"jane\" cannot get resource \"secrets\" in API group \"\" in the namespace \"a\"\n";
const JWT: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6IkEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

fn raw(status: u16, kind: &str, body: &str) -> Answer {
    Answer::Curl(Http {
        status,
        content_type: Some(kind.into()),
        warnings: vec![],
        body: body.as_bytes().to_vec(),
        json: serde_json::from_str(body).ok(),
        retry_after: None,
        origin: Origin::Unknown,
    })
}

/// An answer of which its head says that an API server gave it.
fn of_api_server(answer: Answer, only_reads: bool) -> Answer {
    let Answer::Curl(http) = answer else { unreachable!("an HTTP answer") };
    Answer::Curl(Http { origin: Origin::ApiServer { only_reads }, ..http })
}

fn ok(body: &Value) -> Answer {
    raw(200, "application/json", &body.to_string())
}

fn warned(body: &Value, warnings: &[&str]) -> Answer {
    let Answer::Curl(http) = ok(body) else { unreachable!() };
    Answer::Curl(Http { warnings: warnings.iter().map(|text| (*text).to_owned()).collect(), ..http })
}

fn failure(code: u16, reason: &str, message: &str, details: Value) -> Answer {
    let mut body =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message});
    for (key, value) in [("reason", json!(reason)), ("details", details), ("code", json!(code))] {
        if !value.is_null() && value != "" {
            body[key] = value;
        }
    }
    raw(code, "application/json", &body.to_string())
}

fn forbidden(message: &str, details: Value) -> Answer {
    failure(403, "Forbidden", message, details)
}

fn curl(exit_code: i32, stderr: &str) -> Answer {
    Answer::CurlFailed { exit_code, stderr: stderr.into() }
}

fn exec(exit_code: i32, stdout: &str, stderr: &str) -> Answer {
    Answer::Exec { exit_code, stdout: stdout.into(), stderr: stderr.into() }
}

fn pods() -> Value {
    json!({"kind": "pods"})
}

fn pod(name: &str) -> Value {
    json!({"name": name, "kind": "pods"})
}

/// Name, expectation as it stands in the file, answer, and who is meant (ServiceAccount s of namespace a, or nobody).
/// Answers to the question that stands at `pointer`: who and what, expected, got, the server's words.
fn reviews(pointer: &str, answers: &[(&str, bool, bool, &str)]) -> Answer {
    let one = |(words, expected, allowed, reason): &(&str, bool, bool, &str)| Reviewed {
        pointer: pointer.into(),
        words: (*words).into(),
        request: Request::Path { verb: "get".into(), path: "/".into() },
        expected: *expected,
        allowed: *allowed,
        reason: (*reason).into(),
        real: None,
    };
    Answer::Reviews(answers.iter().map(one).collect())
}

/// A review that was as expected, and the real request that was not.
fn disproved(expected: bool, answer: Answer) -> Answer {
    let Answer::Curl(http) = answer else { unreachable!("an HTTP answer") };
    let mut all = reviews("/can/allowed", &[("serviceaccount/s: list pods in namespace a", expected, expected, "")]);
    if let Answer::Reviews(list) = &mut all {
        let meant = IntendedCall { user: SA.into(), denial: LIST.into() };
        list[0].real = Some(RealRequest { request: "GET /api/v1/namespaces/a/pods?limit=1".into(), http, meant });
    }
    all
}

#[rustfmt::skip] // one case a line
pub fn cases() -> Vec<(&'static str, String, Answer, Option<IntendedCall>)> {
    let list = || {
        Some(IntendedCall {
            user: SA.into(),
            denial: LIST.into(),
        })
    };
    let anonymous = || {
        Some(IntendedCall {
            user: "system:anonymous".into(),
            denial: PATH.into(),
        })
    };
    let as_anonymous = LIST.replace(SA, "system:anonymous");
    let quota = "pods \"x\" is forbidden: exceeded quota: pq, requested: pods=1, used: pods=0, limited: pods=0";
    let security = "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false)";
    let policy = "pods \"v\" is forbidden: ValidatingAdmissionPolicy 'no-default-sa' with binding 'no-default-sa' denied request: use a dedicated ServiceAccount";
    let escalation = "roles.rbac.authorization.k8s.io \"r1\" is forbidden: user \"system:serviceaccount:a:s\" (groups=[\"system:serviceaccounts\" \"system:serviceaccounts:a\" \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}";
    let three = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "811"}, "items": [
        {"metadata": {"name": "a"}, "spec": {"serviceAccountName": "default"}}, {"metadata": {"name": "b"}}, {"metadata": {"name": "c"}}]});
    let question = "can: {who: serviceaccount/s, verb: list, resource: pods, allowed: false}";
    let table = "can:\n  who: [serviceaccount/s]\n  default: denied\n  asked: {verb: [get, list, delete], resource: [pods, secrets]}\n  allowed: [{verb: list, resource: pods}]";
    let by_view = "RBAC: allowed by RoleBinding \"view_s/a\" of ClusterRole \"view\" to ServiceAccount \"s/a\"";
    let all = ["get pods", "list pods", "delete pods", "get secrets"].map(|what| format!("serviceaccount/s: {what} in namespace a"));
    let asked = |got: [bool; 4]| reviews("/can/asked", &[(&all[0], false, got[0], by_view), (&all[1], false, got[1], by_view), (&all[2], false, got[2], ""), (&all[3], false, got[3], "")]);
    let is_true = question.replace("false", "true");
    vec![
        ("kubectl_forbidden", "", exec(1, "", "Error from server (Forbidden): secrets is forbidden: User \"system:serviceaccount:a:s\" cannot list resource \"secrets\" in API group \"\" in the namespace \"a\"\n"), None),
        ("kubectl_yes_instead_of_no", "{stdout: 'no', exitCode: 1}", exec(0, "yes\n", ""), None),
        ("kubectl_other_reason", "exitCode: 1\nstderr: {contains: is forbidden}", exec(1, "", "error: the server doesn't have a resource type \"secret-s\"\n"), None),
        ("kubectl_not_json", "json: {kind: Role}", exec(0, "NAME        CREATED AT\nlist-pods   2026-11-25T14:00:00Z\n", ""), None),
        ("kubectl_json_differs", "json: {kind: Role, rules: [{verbs: [get]}]}", exec(0, "{\"kind\":\"Role\",\"rules\":[{\"verbs\":[\"list\"]}]}\n", ""), None),
        ("kubectl_applied_admission", "{status: 403, by: admission}", exec(1, "", APPLIED), None),
        ("kubectl_applied_as_another", "status: 403", exec(1, "", APPLIED), list()),
        ("kubectl_applied_cut", "status: 403", exec(1, "", "Error from server (Forbidden): error when applying patch:\n"), None),
        ("kubectl_exec_admission", "{status: 403, by: admission}", exec(1, "", "error: unable to upgrade connection: pods \"p\" is forbidden: User \"jane\" cannot create resource \"pods/exec\" in API group \"\" in the namespace \"a\"\n"), None),
        ("kubectl_webhook_is_no_status", "status: 403", exec(1, "", "error: failed to create configmap: admission webhook \"v.example\" denied the request: no\n"), None),
        ("kubectl_policy_without_a_status", "status: 422", exec(1, "", "error: failed to create configmap: configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no\n"), None),
        ("kubectl_invalid_by_a_policy", "{status: 403, by: policy}", exec(1, "", "The configmaps \"c\" is invalid: : ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no\n"), None),
        ("kubectl_denied_is_no_status", "status: 403", exec(1, "", "Error from server (Forbidden): pods is forbidden\n"), None),
        ("can_allowed", question, reviews("/can/allowed", &[(&all[1], false, true, by_view)]), None),
        ("can_denied", &is_true, reviews("/can/allowed", &[(&all[1], true, false, "")]), None),
        ("can_denied_dangling_role", &is_true, reviews("/can/allowed", &[(&all[1], true, false, "RBAC: role.rbac.authorization.k8s.io \"x\" not found")]), None),
        ("can_one_of_many", table, asked([true, false, false, false]), None),
        ("can_many_of_many", table, asked([true, true, true, false]), None),
        ("can_real_request_refused", &is_true, disproved(true, forbidden(LIST, pods())), None),
        ("can_real_request_allowed", question, disproved(false, ok(&three)), None),
        ("can_real_request_as_another", question, disproved(false, forbidden(&LIST.replace(":a:s", ":a:other"), pods())), None),
        ("allowed_instead_of_refused", "status: 403\nreason: Forbidden", ok(&three), list()),
        ("anonymous_allowed", "status: 403", ok(&json!({"kind": "APIVersions"})), anonymous()),
        ("token_never_sent", "status: 403", forbidden(&as_anonymous, pods()), list()),
        ("token_sent_though_anonymous", "status: 403", forbidden(&PATH.replace("system:anonymous", SA), json!({})), anonymous()),
        ("other_service_account", "status: 403", forbidden(&LIST.replace(":a:s", ":a:default"), pods()), list()),
        ("same_name_other_namespace", "status: 403", forbidden(&LIST.replace(":a:s", ":b:s"), pods()), list()),
        ("other_request", "status: 403", forbidden(&LIST.replace("cannot list", "cannot watch").replace("namespace \"a\"", "namespace \"b\""), pods()), list()),
        ("unauthorized", "status: 403", failure(401, "Unauthorized", "Unauthorized", Value::Null), list()),
        ("anonymous_is_off", "status: 403\nreason: Forbidden\nmessage: 'forbidden: User \"system:anonymous\"'", failure(401, "Unauthorized", "Unauthorized", Value::Null), anonymous()),
        ("kubelet_403", "status: 403", raw(403, "text/plain; charset=utf-8", "Forbidden (user=system:serviceaccount:a:s, verb=get, resource=nodes, subresource(s)=[pods proxy])"), list()),
        ("kubelet_meant_rbac_came", "status: 403\nby: kubelet", forbidden(LIST, json!({"kind": "pods"})), None),
        ("kubelet_meant_proxy_came", "status: 403\nby: kubelet", raw(403, "text/plain; charset=utf-8", "Forbidden (user=system:serviceaccount:a:s, verb=get, resource=, subresource=)"), None),
        ("kubelet_allows", "status: 403\nby: kubelet", raw(200, "text/plain; charset=utf-8", "up 1"), None),
        ("kubelet_refuses", "status: 200", raw(403, "text/plain; charset=utf-8", "Forbidden (user=system:serviceaccount:a:s, verb=get, resource=nodes, subresource(s)=[metrics])"), None),
        ("endpoint_refuses", "status: 200", raw(403, "text/plain; charset=utf-8", "Authorization denied for user system:serviceaccount:a:s"), None),
        ("endpoint_says_other", "status: 403\nby: endpoint\nstdout: {startsWith: Authorization denied}", raw(403, "text/plain; charset=utf-8", "no"), None),
        ("printed_nothing", "status: 403", exec(0, "", ""), list()),
        ("printed_anonymous", "status: 403", exec(0, &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403, "message": as_anonymous, "details": {"kind": "pods"}}).to_string(), ""), list()),
        ("proxy_403", "status: 403", raw(403, "text/html", "<html><head><title>Access \u{1b}[31mdenied</title></head></html>"), list()),
        ("head_403", "status: 403", raw(403, "application/json", ""), list()),
        ("head_403_elsewhere", "status: 403", of_api_server(raw(403, "application/json", ""), false), list()),
        ("head_403_by_admission", "{status: 403, by: admission}", of_api_server(raw(403, "application/json", ""), true), list()),
        ("head_refused", "status: 405", of_api_server(raw(403, "application/json", ""), true), list()),
        ("head_401", "status: 401", raw(401, "application/json", ""), list()),
        ("http_to_https", "status: 403", raw(400, "text/plain; charset=utf-8", "Client sent an HTTP request to an HTTPS server.\n"), list()),
        ("gateway_502", "status: 403", raw(502, "text/html", "<html><title>502 Bad Gateway</title></html>"), list()),
        ("page_200", "status: 200", raw(200, "text/html", "<!DOCTYPE html><title>Sign in</title>"), list()),
        ("quota", "status: 403", forbidden(quota, pod("x")), None),
        ("pod_security", "status: 403", forbidden(security, pod("p")), None),
        ("policy_422", "status: 403", failure(422, "Invalid", policy, pod("v")), None),
        ("policy_422_known", "status: 403\nby: policy", failure(422, "Invalid", policy, pod("v")), None),
        ("webhook_copies_rbac", "status: 403", forbidden(&format!("admission webhook \"v.example\" denied the request: {LIST}"), Value::Null), list()),
        ("webhook_down", "status: 403\nby: webhook", failure(500, "InternalError", "Internal error occurred: failed calling webhook \"v.example\": failed to call webhook: Post \"https://v.example.svc:443/?timeout=10s\": dial tcp 10.96.0.9:443: connect: connection refused", json!({"causes": [{"message": "failed"}]})), None),
        ("escalation", "status: 403", forbidden(escalation, json!({"name": "r1", "group": "rbac.authorization.k8s.io", "kind": "roles"})), None),
        ("no_service_account", "status: 201", forbidden("pods \"nosa\" is forbidden: error looking up service account a/nope: serviceaccount \"nope\" not found", pod("nosa")), None),
        ("namespace_terminating", "", forbidden("configmaps \"c\" is forbidden: unable to create new content in namespace a because it is being terminated", json!({"name": "c", "kind": "configmaps", "causes": [{"reason": "NamespaceTerminating"}]})), None),
        ("rbac_before_quota", "status: 403\nby: quota", forbidden(LIST, pods()), list()),
        ("refused_instead_of_allowed", "{status: 200, json: {kind: PodList}}", forbidden(LIST, pods()), list()),
        ("refused_dangling_role", "status: 200", forbidden(&format!("{LIST}: rbac: RBAC: role.rbac.authorization.k8s.io \"x\" not found"), pods()), list()),
        ("refused_subresource", "status: 200", forbidden("deployments.apps \"d\" is forbidden: User \"system:serviceaccount:a:s\" cannot patch resource \"deployments/scale\" in API group \"apps\" in the namespace \"a\"", json!({"name": "d", "group": "apps", "kind": "deployments"})), None),
        ("refused_path", "status: 200", forbidden(PATH, json!({})), anonymous()),
        ("refused_as_anonymous", "status: 200", forbidden(&as_anonymous, pods()), list()),
        ("not_found_is_not_refused", "status: 403", failure(404, "NotFound", "pods \"x\" not found", pod("x")), list()),
        ("too_many_requests", "status: 403", failure(429, "TooManyRequests", "storage is (re)initializing", json!({"retryAfterSeconds": 1})), list()),
        ("already_exists", "status: 201", failure(409, "AlreadyExists", "serviceaccounts \"demo-sa\" already exists", json!({"name": "demo-sa"})), None),
        ("dns", "status: 403", curl(6, "curl: (6) Could not resolve host: kubernetes"), list()),
        ("dns_service", "status: 200", curl(6, "curl: (6) Could not resolve host: web"), None),
        ("dns_service_elsewhere", "status: 200", curl(6, "curl: (6) Could not resolve host: web.shop.svc.cluster.local"), None),
        ("dns_outside", "status: 200", curl(6, "curl: (6) Could not resolve host: registry.example.com"), None),
        ("administrator_allowed", "status: 403", ok(&pods()), None),
        ("refused_connection", "status: 403", curl(7, "curl: (7) Failed to connect to kubernetes.default port 444 after 1 ms: Couldn't connect to server"), list()),
        ("timeout", "status: 403", curl(28, "curl: (28) Connection timed out after 3001 milliseconds"), list()),
        ("certificate", "status: 200", curl(60, "curl: (60) SSL: no alternative certificate subject name matches target host name 'kube'"), list()),
        ("ca_file", "", curl(77, "curl: (77) error setting certificate file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt"), list()),
        ("http2_line_feed", "status: 403", curl(92, &format!("curl: (92) HTTP/2 stream 1 was not closed cleanly; header was Bearer {JWT}" )), list()),
        ("blocked_network_answers", "exitCode: 28", forbidden(LIST, pods()), list()),
        ("json_differs", "json:\n  kind: PodLst\n  items:\n    - spec: {serviceAccountName: demo-sa}\n  metadata: {resourceVersio: '811'}", ok(&three), list()),
        ("json_value", "json: {metadata: {resourceVersion: 811}}", ok(&three), list()),
        ("not_json", "json: {kind: PodList}", raw(200, "text/plain", "ok\u{7}"), list()),
        ("path_misses", "path:\n  - {at: '$.items[0].spec.serviceAcount', equals: default}\n  - {at: '$.items[*].metadata.name', contains: d}", ok(&three), list()),
        ("token_still_known", "status: 401", forbidden(LIST, pods()), list()),
        ("empty_status_code", "status: 403", raw(403, "application/json", r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"pods is forbidden"}"#), list()),
        ("reason_and_message", "status: 404\nreason: Gone\nmessage: 'pods \"y\" not found'", failure(404, "NotFound", "pods \"x\" not found", pod("x")), list()),
        ("exec_exit", "", exec(127, "", "sh: apk: not found\n"), None),
        ("stdout_blank", "stdout: 'ca.crt namespace token'", exec(0, "ca.crt\u{a0}namespace token\n", ""), None),
        ("stdout_lines", "stdout: {contains: ca.crt}", exec(0, "namespace\ntoken\n", ""), None),
        ("secret_in_output", "stdout: ''", exec(0, &format!("token is {JWT}\n"), ""), None),
        ("long_body", "stdout: ok", exec(0, &"0123456789".repeat(500), ""), None),
        ("user_lacks_a_group", "{status: 200, json: {kind: PodList}}", forbidden(&jane_says("list", "jane"), pods()), jane("list")),
        ("other_user", "status: 403", forbidden(&jane_says("list", "john"), pods()), jane("list")),
        ("user_asked_another_verb", "status: 403", forbidden(&jane_says("watch", "jane"), pods()), jane("list")),
        ("account_instead_of_user", "status: 403", forbidden(LIST, pods()), jane("list")),
        ("anonymous_instead_of_user", "status: 403", forbidden(&as_anonymous, pods()), jane("list")),
        ("user_allowed", "status: 403", ok(&three), jane("list")),
        ("impersonation_refused", "status: 200", forbidden("users \"jane\" is forbidden: User \"system:serviceaccount:a:s\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope", json!({"name": "jane", "kind": "users"})), list()),
        ("warning_missing", "warning: would violate PodSecurity", ok(&three), None),
        ("warning_other", "{status: 200, warning: {contains: deprecated}}", warned(&three, &["299 - \"would violate PodSecurity \\\"restricted:latest\\\": x\"", "299 - \"spec.x is ignored\""]), None),
        ("warning_unwanted", "noWarning: true", warned(&three, &["299 - \"spec.x is ignored\""]), None),
        ("absent_but_there", "absent: true", ok(&json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}})), None),
        ("absent_but_held", "absent: true", ok(&json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/hold"]}})), None),
        ("absent_of_an_unknown_kind", "absent: true", failure(404, "NotFound", "the server could not find the requested resource", json!({})), None),
        ("absent_refused", "absent: true", forbidden(LIST, pods()), list()),
        ("absent_no_status", "absent: true", raw(404, "text/plain", "404 page not found\n"), None),
        ("empty_but_three", "empty: true", ok(&three), None),
        ("empty_of_an_object", "empty: true", ok(&json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}})), None),
        ("elements_but_none", "empty: false", ok(&json!({"kind": "PodList", "apiVersion": "v1", "items": []})), None),
        ("token_claims", "json: {lifetime: 1800, signature: valid, claims: {aud: [vault]}}", ok(&json!({"header": {"alg": "RS256"}, "claims": {"aud": ["https://kubernetes.default.svc"], "iat": 1, "exp": 3601}, "lifetime": 3600, "signature": "unknownKey"})), None),
        ("whoami_groups", "object: {username: jane, groups: [devs, 'system:authenticated']}", ok(&json!({"username": "jane", "groups": ["system:authenticated"]})), None),
    ]
    .into_iter()
    .map(|(name, expect, answer, meant): (_, &str, _, _)| (name, expect.to_owned(), answer, meant))
    .collect()
}

/// What RBAC says of a user's call.
fn jane_says(verb: &str, user: &str) -> String {
    format!(
        "pods is forbidden: User \"{user}\" cannot {verb} resource \"pods\" in API group \"\" in the namespace \"a\""
    )
}

/// The user jane, who is impersonated.
fn jane(verb: &str) -> Option<IntendedCall> {
    Some(IntendedCall { user: "jane".into(), denial: jane_says(verb, "jane") })
}
