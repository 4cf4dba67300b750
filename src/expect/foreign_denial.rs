//! `by: kubelet`, `kube-rbac-proxy` and `endpoint`: whether an answer is a refusal by that server, and about the call that was made.

use super::{
    Class, ForeignResponse, Http, Mismatch, Verdict, classify,
    hints::{shown_user, wrong_identity},
    plain_refusal::Form,
    status::{server_words, status_text},
    status_mismatch::unexpected_status,
};
use crate::{
    redact::show,
    scenario::{expect::DeniedBy, verbs::Method},
};

/// Whether an answer is a refusal by the server that is meant.
pub(super) fn denial(by: DeniedBy, pointer: &str, http: &Http, verdict: &Verdict) -> Option<Mismatch> {
    let who = by.title();
    let expected = format!("403 Forbidden by {who}");
    let mut mismatch = unexpected_status(pointer, "403", &expected, http, verdict, None);
    if http.status != 403 {
        if *verdict == Verdict::Allowed {
            mismatch.class = Class::Allowed;
            mismatch.got += ": the call was allowed";
        }
        // Another server than the API server is what is called.
        mismatch.message = format!("expected 403 by {who}, got {}", http.status);
        if matches!(verdict, Verdict::NotKubernetes(_)) {
            mismatch.class = if http.status == 401 { Class::Unauthenticated } else { Class::Status };
            mismatch.hint = (http.status == 401).then(|| {
                "who is called does not know the token, so it asked nobody about rights; `token: mounted` sends the Pod's".into()
            });
        }
        return Some(mismatch);
    }
    let other = match verdict {
        Verdict::NotKubernetes(ForeignResponse::PlainRefusal(refusal)) if refusal.is_by(by) => return None,
        Verdict::NotKubernetes(ForeignResponse::PlainRefusal(refusal)) => refusal.speaker().to_owned(),
        Verdict::NotKubernetes(foreign) if by == DeniedBy::Endpoint => match foreign {
            // No server says anything in it.
            ForeignResponse::Empty => "nobody who says so: the body is empty".to_owned(),
            _ => return None,
        },
        Verdict::NotKubernetes(foreign) => format!("somebody else, with {}", foreign.describe()),
        Verdict::Denied(denial) => format!("the API server: by {}", denial.short()),
        Verdict::Unsaid => "nobody who says so".to_owned(),
        _ => "the API server".to_owned(),
    };
    mismatch.class = Class::OtherDenier;
    mismatch.message = format!("403, but refused by {other}, not by {who}");
    mismatch.got = format!("{}, refused by {other}", status_text(http.status));
    mismatch.server_words = server_words(http);
    mismatch.hint = match verdict {
        Verdict::NotKubernetes(ForeignResponse::PlainRefusal(refusal)) => Some(match refusal.form {
            Form::Kubelet => "if that is meant, write `by: kubelet`".into(),
            Form::Proxy if refusal.resource == "nodes" => "if that is meant, write `by: kubelet`".into(),
            Form::Proxy => "if that is meant, write `by: kube-rbac-proxy`".into(),
            Form::Filter => {
                "if that is meant, write `by: endpoint` with `stdout: {startsWith: Authorization denied}`".into()
            }
        }),
        Verdict::Denied(denial) => Some(format!("if that is meant, write `by: {}`", denial.by.word())),
        Verdict::NotKubernetes(_) => {
            Some("if that is meant, write `by: endpoint` and what it says, e.g. `stdout: {contains: …}`".into())
        }
        _ => None,
    };
    Some(mismatch)
}

/// What a call to such a server was about.
#[derive(Debug, Clone, Copy)]
pub struct ForeignCall<'a> {
    /// As whom.
    pub user: &'a str,
    /// How.
    pub method: Method,
    /// The path, without its query.
    pub path: &'a str,
}

/// Whether a refusal that names its user and what was asked is about another call than the one that was made.
pub fn other_call(by: DeniedBy, http: &Http, called: ForeignCall<'_>) -> Option<Mismatch> {
    let Verdict::NotKubernetes(ForeignResponse::PlainRefusal(refusal)) = classify(http) else { return None };
    let who = by.title();
    let mismatch = |class, message, hint| {
        Some(Mismatch {
            pointer: "/expect/by".into(),
            message,
            expected: format!("403 Forbidden by {who} for {}", shown_user(called.user)),
            got: format!("403 Forbidden by {} for {}", refusal.speaker(), shown_user(&refusal.user)),
            server_words: server_words(http),
            hint: Some(hint),
            class,
        })
    };
    if refusal.user != called.user {
        let message =
            format!("403, but the call was made as {}, not as {}", shown_user(&refusal.user), shown_user(called.user));
        return mismatch(Class::WrongIdentity, message, wrong_identity(&refusal.user, called.user));
    }
    if refusal.form == Form::Filter {
        return None;
    }
    let verbs = if by == DeniedBy::Kubelet { kubelet_verb(called.method) } else { proxy_verbs(called.method) };
    if !refusal.verb.is_empty() && !verbs.contains(&refusal.verb.as_str()) {
        return mismatch(
            Class::OtherRequest,
            "403, but for another request than the step means".into(),
            format!("it understood: verb {} (meant: {})", show::line(&refusal.verb, 80), verbs.join(" or ")),
        );
    }
    let part = subresource(called.path);
    // Before 1.33 all but metrics, stats and logs was `nodes/proxy`.
    let fine = matches!(part, "pods" | "healthz" | "configz" | "statusz");
    if by == DeniedBy::Kubelet && !refusal.subresources.iter().any(|own| own == part || fine && own == "proxy") {
        return mismatch(
            Class::OtherRequest,
            "403, but for another request than the step means".into(),
            format!("it asked about nodes/{} (meant: nodes/{part})", refusal.subresources.join(", nodes/")),
        );
    }
    None
}

/// The verb that a kubelet asks about.
fn kubelet_verb(method: Method) -> &'static [&'static str] {
    match method {
        Method::Get => &["get"],
        Method::Post => &["create"],
        Method::Put => &["update"],
        Method::Patch => &["patch"],
        Method::Delete => &["delete"],
        Method::Head | Method::Options => &[""],
    }
}

/// The verbs that kube-rbac-proxy asks about: those of resources, or the method for a path.
fn proxy_verbs(method: Method) -> &'static [&'static str] {
    match method {
        Method::Get => &["get"],
        Method::Head => &["get", "head", ""],
        Method::Post => &["create", "post"],
        Method::Put => &["update", "put"],
        Method::Patch => &["patch"],
        Method::Delete => &["delete"],
        Method::Options => &["options", ""],
    }
}

/// The subresource of `nodes` that a kubelet asks about a path; `proxy` for all others.
pub fn subresource(path: &str) -> &'static str {
    let is = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    const PARTS: [(&str, &str); 10] = [
        ("/stats", "stats"),
        ("/metrics", "metrics"),
        ("/logs", "log"),
        ("/checkpoint", "checkpoint"),
        ("/statusz", "statusz"),
        ("/pods", "pods"),
        ("/runningpods", "pods"),
        ("/healthz", "healthz"),
        ("/configz", "configz"),
        ("/flagz", "configz"),
    ];
    PARTS.iter().find(|(root, _)| is(root)).map_or("proxy", |(_, part)| part)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        expect::{Answer, judge},
        scenario::expect::Expect,
    };

    const ME: &str = "system:serviceaccount:a:me";
    const KUBELET: &str =
        "Forbidden (user=system:serviceaccount:a:me, verb=get, resource=nodes, subresource(s)=[pods proxy])\n";
    const OLD_KUBELET: &str =
        "Forbidden (user=system:serviceaccount:a:me, verb=get, resource=nodes, subresource=metrics)";
    const PROXY: &str = "Forbidden (user=system:serviceaccount:a:me, verb=get, resource=, subresource=)\n";
    const FILTER: &str = "Authorization denied for user system:serviceaccount:a:me\n";
    const RBAC: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"forbidden: User \"system:serviceaccount:a:me\" cannot get path \"/metrics\"","reason":"Forbidden","details":{},"code":403}"#;

    fn http(status: u16, body: &str) -> Http {
        Http {
            content_type: Some("text/plain".into()),
            body: body.into(),
            json: crate::expect::json::parse(body.as_bytes()),
            ..Http::with_object(status, None)
        }
    }

    fn wrong(expect: &str, status: u16, body: &str) -> Option<(Class, String)> {
        let expect: Expect = serde_saphyr::from_str(expect).expect("an expectation");
        let found = judge(&expect, &Answer::Curl(http(status, body)), None);
        found.into_iter().next().map(|found| (found.class, found.message))
    }

    #[rstest]
    #[case("kubelet", KUBELET)]
    #[case("kubelet", OLD_KUBELET)]
    #[case("kube-rbac-proxy", PROXY)]
    #[case("kube-rbac-proxy", OLD_KUBELET)]
    #[case("endpoint", FILTER)]
    #[case("endpoint", "no\n")]
    #[case("endpoint", "<html>no</html>")]
    fn each_is_known_by_its_words(#[case] by: &str, #[case] body: &str) {
        assert_eq!(wrong(&format!("{{status: 403, by: {by}}}"), 403, body), None);
    }

    #[rstest]
    #[case("kubelet", PROXY, "403, but refused by kube-rbac-proxy, not by a kubelet")]
    #[case("kubelet", RBAC, "403, but refused by the API server: by RBAC, not by a kubelet")]
    #[case("kubelet", FILTER, "403, but refused by an endpoint that asks the API server by itself, not by a kubelet")]
    #[case(
        "kubelet",
        "Forbidden",
        "403, but refused by somebody else, with plain text, not a Kubernetes Status, not by a kubelet"
    )]
    #[case("kube-rbac-proxy", KUBELET, "403, but refused by a kubelet, not by kube-rbac-proxy")]
    #[case("kube-rbac-proxy", RBAC, "403, but refused by the API server: by RBAC, not by kube-rbac-proxy")]
    #[case("endpoint", KUBELET, "403, but refused by a kubelet, not by the server that is called")]
    #[case("endpoint", PROXY, "403, but refused by kube-rbac-proxy, not by the server that is called")]
    #[case("endpoint", RBAC, "403, but refused by the API server: by RBAC, not by the server that is called")]
    #[case(
        "endpoint",
        "",
        "403, but refused by nobody who says so: the body is empty, not by the server that is called"
    )]
    fn another_party_does_not_count(#[case] by: &str, #[case] body: &str, #[case] message: &str) {
        let found = wrong(&format!("{{status: 403, by: {by}}}"), 403, body);
        assert_eq!(found, Some((Class::OtherDenier, message.to_owned())));
    }

    #[rstest]
    #[case(200, "up 1", Class::Allowed)]
    #[case(401, "Unauthorized", Class::Unauthenticated)]
    #[case(404, "404 page not found", Class::Status)]
    #[case(502, "bad gateway", Class::Server)]
    fn another_status_is_no_refusal(#[case] status: u16, #[case] body: &str, #[case] class: Class) {
        for by in ["kubelet", "kube-rbac-proxy", "endpoint"] {
            let found = wrong(&format!("{{status: 403, by: {by}}}"), status, body).expect("a mismatch");
            assert_eq!(found.0, class, "{by}: {}", found.1);
        }
    }

    #[rstest]
    #[case(DeniedBy::Kubelet, KUBELET, ME, Method::Get, "/pods", None)]
    #[case(DeniedBy::Kubelet, KUBELET, ME, Method::Get, "/run/a/b/c", None)]
    #[case(DeniedBy::Kubelet, KUBELET, ME, Method::Get, "/metrics", Some(Class::OtherRequest))]
    #[case(DeniedBy::Kubelet, OLD_KUBELET, ME, Method::Get, "/metricz", Some(Class::OtherRequest))]
    #[case(DeniedBy::Kubelet, OLD_KUBELET, ME, Method::Get, "/metrics/cadvisor", None)]
    #[case(DeniedBy::Kubelet, OLD_KUBELET, ME, Method::Get, "/stats/summary", Some(Class::OtherRequest))]
    #[case(DeniedBy::Kubelet, KUBELET, ME, Method::Post, "/pods", Some(Class::OtherRequest))]
    #[case(DeniedBy::Kubelet, KUBELET, "system:serviceaccount:b:me", Method::Get, "/pods", Some(Class::WrongIdentity))]
    #[case(DeniedBy::Kubelet, KUBELET, "system:anonymous", Method::Get, "/pods", Some(Class::WrongIdentity))]
    #[case(DeniedBy::KubeRbacProxy, PROXY, ME, Method::Get, "/metrics", None)]
    #[case(DeniedBy::KubeRbacProxy, PROXY, ME, Method::Post, "/metrics", Some(Class::OtherRequest))]
    #[case(DeniedBy::Endpoint, FILTER, ME, Method::Get, "/metrics", None)]
    #[case(DeniedBy::Endpoint, FILTER, "system:serviceaccount:a:other", Method::Get, "/m", Some(Class::WrongIdentity))]
    #[case(DeniedBy::Endpoint, "no", ME, Method::Get, "/metrics", None)]
    fn a_refusal_is_about_this_call(
        #[case] by: DeniedBy,
        #[case] body: &str,
        #[case] user: &str,
        #[case] method: Method,
        #[case] path: &str,
        #[case] class: Option<Class>,
    ) {
        let found = other_call(by, &http(403, body), ForeignCall { user, method, path });
        assert_eq!(found.as_ref().map(|found| found.class), class, "{found:?}");
    }

    #[test]
    fn rbacs_denial_is_none_of_these() {
        for body in [KUBELET, OLD_KUBELET, PROXY, FILTER] {
            assert!(wrong("{status: 403}", 403, body).is_some(), "{body}");
        }
    }
}
