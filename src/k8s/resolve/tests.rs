use rstest::rstest;

use super::*;

/// A cluster with a custom kind.
fn apis() -> Apis {
    let widget = Resource {
        group: "example.dev".into(),
        version: "v1".into(),
        plural: "widgets".into(),
        sub: None,
        kind: "Widget".into(),
        namespaced: false,
        verbs: special::REQUEST_VERBS.map(str::to_owned).to_vec(),
        singular: "widget".into(),
        short: vec!["wd".into()],
    };
    let status = Resource { sub: Some("status".into()), verbs: vec!["get".into()], ..widget.clone() };
    Apis::of_scenario(vec![widget, status], vec!["metrics.k8s.io".into()])
}

/// What is said about a path: `ok`, `unsure`, or the message and the hint.
fn said(served: &Served<'_>) -> String {
    match served {
        Served::Resource(_) | Served::Other => "ok".into(),
        Served::Unsure => "unsure".into(),
        Served::Missing(missing) => format!("{} | {}", missing.message, missing.hint().unwrap_or_default()),
    }
}

#[rstest]
#[case("GET", "/", "ok")]
#[case("GET", "/api/", "ok")]
#[case("GET", "/api/v1/namespaces/a/pods/", "ok")]
#[case("GET", "/api/v1/pods?watch=1", "ok")]
#[case("GET", "/api/v1/namespaces/a/pods/x/log", "ok")]
#[case("GET", "/api/v1/namespaces/a/services/https:web:443/proxy/a/b", "ok")]
#[case("OPTIONS", "/api/v1/namespaces/a/services/https:web:443/proxy/a/b", "ok")]
#[case("OPTIONS", "/metrics", "ok")]
#[case("HEAD", "/api/v1/namespaces/a/secrets", "ok")]
#[case("POST", "/api/v1/namespaces/a/pods/x/exec?command=ls", "ok")]
#[case("POST", "/api/v1/namespaces/a/serviceaccounts/x/token", "ok")]
#[case("PUT", "/api/v1/namespaces/a/finalize", "ok")]
#[case("GET", "/api/v1/namespaces/a", "ok")]
#[case("GET", "/api/v1/watch/namespaces/a/pods", "ok")]
#[case("GET", "/api/v1/namespaces/a/%70ods/x%2Flog", "ok")]
#[case("GET", "/openapi/v3/apis/apps/v1", "ok")]
#[case("GET", "/debug/pprof/heap", "ok")]
#[case("GET", "/apis/example.dev/v1/widgets/x/status", "ok")]
#[case("GET", "/apis/metrics.k8s.io/v1beta1/pods", "unsure")]
#[case("GET", "/apis/other.example.org/v1/things", "unsure")]
#[case("GET", "/apis/example.dev/v1/topics", "unsure")]
fn what_is_there(#[case] method: &str, #[case] path: &str, #[case] expected: &str) {
    assert_eq!(said(&apis().path(method, path)), expected);
}

#[rstest]
#[case(
    "GET",
    "/api/v1/namespaces/a/pods/x/logs",
    "`pods` have no subresource `logs` | did you mean `/api/v1/namespaces/a/pods/x/log`?"
)]
#[case(
    "POST",
    "/api/v1/namespaces/a/pods/x/exce",
    "`pods` have no subresource `exce` | did you mean `/api/v1/namespaces/a/pods/x/exec`?"
)]
#[case("GET", "/api/v1/namespaces/a/Pods", "`v1` has no resource `Pods` | did you mean `/api/v1/namespaces/a/pods`?")]
#[case("GET", "/api/v1/namespaces/a/po", "`v1` has no resource `po` | did you mean `/api/v1/namespaces/a/pods`?")]
#[case(
    "GET",
    "/apis/apps/v1/namespaces/a/deployment/web",
    "`apps/v1` has no resource `deployment` | did you mean `/apis/apps/v1/namespaces/a/deployments/web`?"
)]
#[case(
    "GET",
    "/apis/apps/v2/namespaces/a/deployments",
    "API group `apps` has no version `v2` | did you mean `/apis/apps/v1/namespaces/a/deployments`?"
)]
#[case(
    "GET",
    "/apis/extensions/v1beta1/namespaces/a/deployments",
    "there is no API group `extensions` | did you mean `/apis/apps/v1/namespaces/a/deployments`?"
)]
#[case("GET", "/apis/v1/namespaces/a/pods", "the core group has no name | did you mean `/api/v1/namespaces/a/pods`?")]
#[case(
    "GET",
    "/api/apps/v1/deployments",
    "`apps` is an API group, and no version of the core group | did you mean `/apis/apps/v1/deployments`?"
)]
#[case(
    "GET",
    "/api/v1/namespaces/a/deployments",
    "`v1` has no resource `deployments` | did you mean `/apis/apps/v1/namespaces/a/deployments`?"
)]
#[case("GET", "/api/v1/namespaces/a/nodes", "`nodes` are in no namespace | did you mean `/api/v1/nodes`?")]
#[case(
    "DELETE",
    "/api/v1/secrets/x",
    "`secrets` are in namespaces, so there is no `x` of the whole cluster | \
     did you mean `/api/v1/namespaces/{namespace}/secrets/x`?"
)]
#[case(
    "POST",
    "/api/v1/pods",
    "`pods` of all namespaces can only be listed | did you mean `/api/v1/namespaces/{namespace}/pods`?"
)]
#[case(
    "POST",
    "/api/v1/namespaces/a/pods/x",
    "nothing answers POST at the path of one of the pods | \
     a new one is made by POST at the path of all of them, without `/x`"
)]
#[case(
    "GET",
    "/api/v1/namespaces/a/pods/x/eviction",
    "nothing answers GET at the path of pods/eviction, whose verb is `get` | pods/eviction have `create`"
)]
#[case(
    "OPTIONS",
    "/api/v1/namespaces/a/secrets",
    "nothing answers OPTIONS at the path of secrets | \
     OPTIONS is none of RBAC's verbs, so it is denied to all who have not every verb (`*`)"
)]
#[case("GET", "/api/v1/namespaces/a/pods/x/log/y", "there is nothing below `pods/log` | ")]
#[case(
    "GET",
    "/api/v1/namespace/a/pods",
    "`v1` has no resource `namespace` | did you mean `/api/v1/namespaces/a/pods`?"
)]
#[case("GET", "/apu/v1/pods", "the API server has no path `/apu/v1/pods` | did you mean `/api/v1/pods`?")]
#[case("GET", "/v1/pods", "the API server has no path `/v1/pods` | did you mean `/api/v1/pods`?")]
#[case("GET", "/healtz", "the API server has no path `/healtz` | did you mean `/healthz`?")]
#[case("GET", "/Metrics", "the API server has no path `/Metrics` | did you mean `/metrics`?")]
#[case(
    "GET",
    "/apis/exampel.dev/v1/widgets",
    "there is no API group `exampel.dev` | did you mean `/apis/example.dev/v1/widgets`?"
)]
#[case(
    "GET",
    "/apis/example.dev/v1/widget",
    "`example.dev/v1` has no resource `widget` | did you mean `/apis/example.dev/v1/widgets`?"
)]
#[case(
    "GET",
    "/apis/example.dev/v2/widgets",
    "API group `example.dev` has no version `v2` | did you mean `/apis/example.dev/v1/widgets`?"
)]
#[case(
    "GET",
    "/apis/example.dev/v1/namespaces/a/widgets",
    "`widgets` are in no namespace | did you mean `/apis/example.dev/v1/widgets`?"
)]
#[case(
    "GET",
    "/apis/rbac.authorisation.k8s.io/v1/clusterroles",
    "there is no API group `rbac.authorisation.k8s.io` | did you mean `/apis/rbac.authorization.k8s.io/v1/clusterroles`?"
)]
fn what_is_not(#[case] method: &str, #[case] path: &str, #[case] expected: &str) {
    assert_eq!(said(&apis().path(method, path)), expected);
}

#[rstest]
#[case("create", "", "pods", Some("exec"), "ok")]
#[case("update", "", "pods", Some("finalizers"), "ok")]
#[case("get", "", "nodes", Some("stats"), "ok")]
#[case("impersonate", "", "users", None, "ok")]
#[case("approve", "certificates.k8s.io", "signers", None, "ok")]
#[case("publish", "example.dev", "topics", None, "unsure")]
#[case("get", "metrics.k8s.io", "pods", None, "unsure")]
#[case("*", "*", "*", None, "ok")]
#[case("get", "", "users", None, "there is no resource `users` | only `impersonate` is asked about users")]
#[case("create", "", "pods", Some("exce"), "`pods` have no subresource `exce` | did you mean `exec`?")]
#[case("get", "", "configmaps", Some("log"), "`configmaps` have no subresource `log` | `configmaps` have none")]
#[case("list", "", "deployments", None, "there is no resource `deployments` | did you mean `deployments.apps`?")]
#[case("list", "app", "deployments", None, "there is no resource `deployments.app` | did you mean `deployments.apps`?")]
#[case(
    "list",
    "v1.apps",
    "deployments",
    None,
    "there is no resource `deployments.v1.apps` | did you mean `deployments.apps`?"
)]
#[case("list", "", "pdb", None, "there is no resource `pdb` | did you mean `poddisruptionbudgets.policy`?")]
#[case(
    "list",
    "example.dev",
    "widgts",
    None,
    "there is no resource `widgts.example.dev` | did you mean `widgets.example.dev`?"
)]
#[case(
    "list",
    "exampl.dev",
    "widgets",
    None,
    "there is no resource `widgets.exampl.dev` | did you mean `widgets.example.dev`?"
)]
fn questions(
    #[case] verb: &str,
    #[case] group: &str,
    #[case] plural: &str,
    #[case] sub: Option<&str>,
    #[case] expected: &str,
) {
    assert_eq!(said(&apis().resource(verb, group, plural, sub)), expected);
}

#[test]
fn what_discovery_has_listed_is_all_there_is() {
    let pods = TABLE.resources.iter().find(|own| own.plural == "pods" && own.sub.is_none()).cloned().expect("pods");
    let apis = Apis::discovered(vec![pods], vec![("".into(), "v1".into())], vec!["/healthz".into()]);
    let no_group = "there is no API group `other.example.org` | ";
    assert_eq!(said(&apis.path("GET", "/apis/other.example.org/v1/things")), no_group);
    assert_eq!(said(&apis.path("GET", "/api/v1/pods")), "ok");
    assert_eq!(said(&apis.path("GET", "/healthz")), "ok");
    // What is meant may be known although this server does not have it.
    assert_eq!(said(&apis.path("GET", "/metrixs")), "the API server has no path `/metrixs` | did you mean `/metrics`?");
}
