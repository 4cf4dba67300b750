//! Refusals by others than the API server: a kubelet, kube-rbac-proxy, and endpoints that ask the API server about their callers by
//! themselves. All of them answer in plain text.
//!
//! Sources: `pkg/kubelet/server/{server,auth}.go` in Kubernetes, `pkg/filters` in kube-rbac-proxy, and
//! `pkg/metrics/filters` in controller-runtime. Before Kubernetes 1.32 a kubelet's words were those that kube-rbac-proxy still has;
//! there only the address that was called tells them apart.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Class, Http, Mismatch,
    deny::{self, Verdict},
    hints::{user, wrong_identity},
    show,
    status::{server_words, words},
    truth,
};
use crate::{
    expect::deny::Stranger,
    scenario::{expect::DeniedBy, verbs::Method},
};

/// A refusal in plain text that names its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// In whose words.
    pub form: Form,
    /// Who the caller was taken for.
    pub user: String,
    /// What was asked of the authorizer; empty where the words do not say it.
    pub verb: String,
    /// The same.
    pub resource: String,
    /// The same; a kubelet asks for several.
    pub subresources: Vec<String>,
}

/// In whose words a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A kubelet's since 1.32.
    Kubelet,
    /// kube-rbac-proxy's, and an older kubelet's when it is about `nodes`.
    Proxy,
    /// Those of controller-runtime's filter for metrics.
    Filter,
}

static FORBIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^Forbidden \(user=(.*), verb=(\w*), resource=(\S*), subresource(\(s\))?=(\[[\w ]*\]|[\w/]*)\)$")
        .expect("a pattern that the tests compile")
});

/// controller-runtime's words.
const FILTER: &str = "Authorization denied for user ";

impl Door {
    /// Reads a body.
    pub fn read(status: u16, body: &str) -> Option<Self> {
        if status != 403 {
            return None;
        }
        let body = body.trim_end();
        if let Some(user) = body.strip_prefix(FILTER).filter(|user| !user.contains('\n')) {
            let (verb, resource) = (String::new(), String::new());
            return Some(Self { form: Form::Filter, user: user.to_owned(), verb, resource, subresources: vec![] });
        }
        let found = FORBIDDEN.captures(body)?;
        let subresources = found[5].trim_matches(['[', ']']).split_whitespace().map(str::to_owned).collect();
        let form = if found.get(4).is_some() { Form::Kubelet } else { Form::Proxy };
        Some(Self { form, user: found[1].into(), verb: found[2].into(), resource: found[3].into(), subresources })
    }

    /// Who has these words.
    pub fn who(&self) -> &'static str {
        match self.form {
            Form::Kubelet => "a kubelet",
            Form::Proxy if self.resource == "nodes" => "a kubelet (or kube-rbac-proxy)",
            Form::Proxy => "kube-rbac-proxy",
            Form::Filter => "an endpoint that asks the API server by itself",
        }
    }

    /// What was refused, and what would grant it.
    pub(super) fn refused(&self) -> (String, Option<String>) {
        let who = user(&self.user);
        if self.resource.is_empty() || self.form == Form::Filter {
            let verb =
                if self.verb.is_empty() { String::new() } else { format!(" {} this path", show::line(&self.verb, 80)) };
            let what = if verb.is_empty() { format!("{who} may not call it") } else { format!("{who} may not{verb}") };
            let hint = "a ClusterRole with `nonResourceURLs` for the path and the verb, bound cluster-wide, grants it where the \
                        server asks about paths";
            return (what, Some(hint.to_owned()));
        }
        let resource = show::line(&self.resource, 80);
        let first = self.subresources.first().map(|part| format!("/{}", show::line(part, 80))).unwrap_or_default();
        let verb = show::line(&self.verb, 80);
        let hint = format!(
            "a ClusterRole with `{{apiGroups: [''], resources: [{resource}{first}], verbs: [{verb}]}}`, bound cluster-wide, grants it"
        );
        (format!("{who} may not {verb} {resource}{first}"), (self.resource == "nodes").then_some(hint))
    }

    /// What to do when the API server's refusal was meant.
    pub(super) fn hint(&self) -> &'static str {
        match self.form {
            Form::Kubelet => {
                "the API server is https://kubernetes.default; if a kubelet's refusal is meant, write `by: kubelet`"
            }
            Form::Proxy if self.resource == "nodes" => {
                "the API server is https://kubernetes.default; if a kubelet's refusal is meant, write `by: kubelet`"
            }
            Form::Proxy => {
                "whoever answered is not the API server; if kube-rbac-proxy's refusal is meant, write `by: kube-rbac-proxy`"
            }
            Form::Filter => {
                "whoever answered is not the API server; if that is meant, write `by: endpoint` and what it says, e.g. \
                 `stdout: {startsWith: Authorization denied}`"
            }
        }
    }

    fn is_by(&self, by: DeniedBy) -> bool {
        match by {
            DeniedBy::Kubelet => self.resource == "nodes" && matches!(self.form, Form::Kubelet | Form::Proxy),
            DeniedBy::KubeRbacProxy => self.form == Form::Proxy,
            DeniedBy::Endpoint => self.form == Form::Filter,
            _ => false,
        }
    }
}

/// Whether an answer is a refusal by the one who is meant.
pub(super) fn denied(by: DeniedBy, pointer: &str, http: &Http, verdict: &Verdict) -> Option<Mismatch> {
    let who = deny::who(by);
    let expected = format!("403 Forbidden by {who}");
    let mut mismatch = truth::surprise(pointer, "403", &expected, http, verdict, None);
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
        Verdict::NotKubernetes(Stranger::Door(door)) if door.is_by(by) => return None,
        Verdict::NotKubernetes(Stranger::Door(door)) => door.who().to_owned(),
        Verdict::NotKubernetes(stranger) if by == DeniedBy::Endpoint => match stranger {
            // Nobody says anything in it.
            Stranger::Empty => "nobody who says so: the body is empty".to_owned(),
            _ => return None,
        },
        Verdict::NotKubernetes(stranger) => format!("somebody else, with {}", stranger.words()),
        Verdict::Denied(denial) => format!("the API server: by {}", denial.short()),
        _ => "the API server".to_owned(),
    };
    mismatch.class = Class::OtherDenier;
    mismatch.message = format!("403, but refused by {other}, not by {who}");
    mismatch.got = format!("{}, refused by {other}", words(http.status));
    mismatch.server_words = server_words(http);
    mismatch.hint = match verdict {
        Verdict::NotKubernetes(Stranger::Door(door)) => Some(match door.form {
            Form::Kubelet => "if that is meant, write `by: kubelet`".into(),
            Form::Proxy if door.resource == "nodes" => "if that is meant, write `by: kubelet`".into(),
            Form::Proxy => "if that is meant, write `by: kube-rbac-proxy`".into(),
            Form::Filter => {
                "if that is meant, write `by: endpoint` with `stdout: {startsWith: Authorization denied}`".into()
            }
        }),
        Verdict::Denied(denial) => Some(format!("if that is meant, write `by: {}`", deny::key(denial.by))),
        Verdict::NotKubernetes(_) => {
            Some("if that is meant, write `by: endpoint` and what it says, e.g. `stdout: {contains: …}`".into())
        }
        _ => None,
    };
    Some(mismatch)
}

/// What a call to such a server was about.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// As whom.
    pub user: &'a str,
    /// How.
    pub method: Method,
    /// The path, without its query.
    pub path: &'a str,
}

/// Whether a refusal that names its user and what was asked is about another call than the one that was made.
pub fn other_call(by: DeniedBy, http: &Http, called: Called<'_>) -> Option<Mismatch> {
    let Verdict::NotKubernetes(Stranger::Door(door)) = deny::classify(http) else { return None };
    let who = deny::who(by);
    let mismatch = |class, message, hint| {
        Some(Mismatch {
            pointer: "/expect/by".into(),
            message,
            expected: format!("403 Forbidden by {who} for {}", user(called.user)),
            got: format!("403 Forbidden by {} for {}", door.who(), user(&door.user)),
            server_words: server_words(http),
            hint: Some(hint),
            class,
        })
    };
    if door.user != called.user {
        let message = format!("403, but the call was made as {}, not as {}", user(&door.user), user(called.user));
        return mismatch(Class::WrongIdentity, message, wrong_identity(&door.user, called.user));
    }
    if door.form == Form::Filter {
        return None;
    }
    let verbs = if by == DeniedBy::Kubelet { kubelet_verb(called.method) } else { proxy_verbs(called.method) };
    if !door.verb.is_empty() && !verbs.contains(&door.verb.as_str()) {
        return mismatch(
            Class::OtherRequest,
            "403, but for another request than the step means".into(),
            format!("it understood: verb {} (meant: {})", show::line(&door.verb, 80), verbs.join(" or ")),
        );
    }
    let part = subresource(called.path);
    // Before 1.33 all but metrics, stats and logs was `nodes/proxy`.
    let fine = matches!(part, "pods" | "healthz" | "configz" | "statusz");
    if by == DeniedBy::Kubelet && !door.subresources.iter().any(|own| own == part || fine && own == "proxy") {
        return mismatch(
            Class::OtherRequest,
            "403, but for another request than the step means".into(),
            format!("it asked about nodes/{} (meant: nodes/{part})", door.subresources.join(", nodes/")),
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
            status,
            content_type: Some("text/plain".into()),
            warnings: vec![],
            body: body.into(),
            json: crate::expect::json::read(body.as_bytes()),
            retry_after: None,
            took: std::time::Duration::ZERO,
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
        let found = other_call(by, &http(403, body), Called { user, method, path });
        assert_eq!(found.as_ref().map(|found| found.class), class, "{found:?}");
    }

    #[test]
    fn rbacs_denial_is_none_of_these() {
        for body in [KUBELET, OLD_KUBELET, PROXY, FILTER] {
            assert!(wrong("{status: 403}", 403, body).is_some(), "{body}");
        }
    }
}
