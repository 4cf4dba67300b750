//! What a command line of kubectl asks the API server for: which binding allowed it is told by that.
//!
//! Source: `kubectl/pkg/cmd` of kubectl 1.37. What a command is about comes first, and then what it asks on the way to it.

mod about;

use self::about::{About, Words, review, whole};
use super::request::Request;
use crate::k8s::{
    Apis,
    kubectl::{
        grammar::{self, Call},
        is_dry_run,
    },
};

/// A call of kubectl, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// Its arguments.
    pub args: &'a [String],
    /// Its standard input.
    pub stdin: Option<&'a str>,
    /// What it has printed, which tells whether an object was there before.
    pub printed: &'a str,
}

/// The requests of a call; none of a command that asks nothing, or whose words are about kinds that are not known. It has made one of
/// them at least, and which ones depends on what was there.
pub fn requests(called: Called<'_>, apis: &Apis) -> Vec<Request> {
    let Ok(call) = grammar::read(called.args) else { return Vec::new() };
    if call.is_on("local") {
        return Vec::new();
    }
    if let Some(path) = call.values("raw").last().and_then(|given| given.value.as_ref()) {
        let method = match call.command.words {
            "get" => "GET",
            "create" => "POST",
            "replace" => "PUT",
            "delete" => "DELETE",
            _ => return Vec::new(),
        };
        return vec![Request::from_http(method, path)];
    }
    let words = Words::new(&call, apis, called.stdin.unwrap_or_default());
    let mut all = asked(&call, &words, called.printed);
    if is_dry_run(called.args) && !called.args.iter().any(|word| word == "--dry-run=server") {
        let reads = |verb: &str| matches!(verb, "get" | "list");
        all.retain(|request| matches!(request, Request::Resource { verb, .. } if reads(verb)));
    }
    all
}

fn asked(call: &Call<'_>, words: &Words<'_>, printed: &str) -> Vec<Request> {
    let sub = call.values("subresource").last().and_then(|given| given.value.as_deref());
    let changes = |verb: &str, about: Vec<About>, sub: Option<&str>| {
        about.iter().flat_map(|about| [about.ask(verb, sub), about.read()]).collect::<Vec<_>>()
    };
    let creates =
        |plural: &str| words.all(plural).map(|about| about.ask("create", None)).into_iter().collect::<Vec<_>>();
    let lists = |plural: &str| words.all(plural).map(|about| about.read()).into_iter().collect::<Vec<_>>();
    match call.command.words {
        "get" => words.objects().iter().map(|about| about.read_part(sub)).collect(),
        "describe" | "apply view-last-applied" | "rollout history" => reads(&words.objects()),
        "rollout status" | "wait" => {
            words.objects().iter().flat_map(|about| [about.read(), about.ask("list", None)]).collect()
        }
        "delete" => words.objects().iter().flat_map(About::deleted).collect(),
        "patch" => changes("patch", words.objects(), sub),
        "apply" => words.objects().iter().flat_map(|about| about.applied(call.is_on("server-side"), printed)).collect(),
        "diff" | "apply set-last-applied" => changes("patch", words.objects(), None),
        "rollout pause" | "rollout restart" | "rollout resume" | "rollout undo" | "set resources" | "set subject" => {
            changes("patch", words.objects(), None)
        }
        "label" | "annotate" | "set env" if call.is_on("list") => reads(&words.objects_among(&is_change)),
        "label" | "annotate" | "set env" | "set image" | "set selector" | "taint" => {
            changes("patch", words.objects_among(&is_change), None)
        }
        "set serviceaccount" => changes("patch", words.objects_before_last(), None),
        "replace" if call.is_on("force") => {
            words.objects().iter().flat_map(|about| [about.ask("delete", None), about.created()]).collect()
        }
        "replace" => changes("update", words.objects(), sub),
        "scale" => {
            let known = ["current-replicas", "resource-version"].iter().any(|flag| call.values(flag).next().is_some());
            changes(if known { "update" } else { "patch" }, words.objects(), Some("scale"))
        }
        "create" => words.objects().iter().map(About::created).collect(),
        "create token" => words.named("serviceaccounts").map(|about| about.ask("create", Some("token"))).collect(),
        "create job" => {
            let from = call.values("from").filter_map(|given| given.value.as_deref());
            let read = from.flat_map(|from| words.of(&[from])).map(|about| about.read());
            creates("jobs").into_iter().chain(read).collect()
        }
        "run" if call.values("expose").any(grammar::Given::on) => {
            [creates("pods"), creates("services")].into_iter().flatten().collect::<Vec<Request>>()
        }
        "run" => creates("pods"),
        "expose" => creates("services").into_iter().chain(reads(&words.objects())).collect(),
        "autoscale" => creates("horizontalpodautoscalers").into_iter().chain(reads(&words.objects())).collect(),
        "auth reconcile" => words.objects().iter().flat_map(About::reconciled).collect(),
        "auth can-i" if call.is_on("list") => vec![review("authorization.k8s.io", "selfsubjectrulesreviews")],
        "auth can-i" => vec![review("authorization.k8s.io", "selfsubjectaccessreviews")],
        "auth whoami" => vec![review("authentication.k8s.io", "selfsubjectreviews")],
        "certificate approve" | "certificate deny" => {
            let requested = words.named("certificatesigningrequests");
            requested.flat_map(|about| [about.ask("update", Some("approval")), about.read()]).collect()
        }
        "cordon" | "uncordon" => changes("patch", words.named("nodes").collect(), None),
        "drain" => {
            let evicts = if call.is_on("disable-eviction") { ("delete", None) } else { ("create", Some("eviction")) };
            let pods = words.everywhere("pods");
            let pods = pods.into_iter().flat_map(|pods| [pods.ask(evicts.0, evicts.1), pods.read()]);
            changes("patch", words.named("nodes").collect(), None).into_iter().chain(pods).collect()
        }
        "logs" => words.in_pods("get", "log"),
        "exec" => words.in_pods("create", "exec"),
        "attach" => words.in_pods("create", "attach"),
        "port-forward" => words.in_pods("create", "portforward"),
        "cp" => words.copied(),
        "debug" if words.first_is_of("nodes") || call.values("copy-to").next().is_some() => {
            let about = words.first_in("pods").into_iter();
            creates("pods").into_iter().chain(about.map(|about| about.read())).collect()
        }
        "debug" => {
            let of_pod = |about: About| [about.ask("patch", Some("ephemeralcontainers")), about.read()];
            words.first_in("pods").into_iter().flat_map(of_pod).collect()
        }
        "events" => lists("events"),
        "top node" => vec![words.metrics("nodes", false)],
        "top pod" => vec![words.metrics("pods", true)],
        "cluster-info" => whole("list", "services", Some("kube-system")),
        "cluster-info dump" => whole("list", "nodes", None),
        "api-resources" | "api-versions" | "explain" => {
            ["/api", "/apis"].map(|path| Request::Path { verb: "get".into(), path: path.into() }).to_vec()
        }
        "version" => vec![Request::Path { verb: "get".into(), path: "/version".into() }],
        created => match created.strip_prefix("create ").and_then(|rest| rest.split(' ').next()) {
            Some(kind) => creates(match kind {
                "quota" => "resourcequotas",
                kind => kind,
            }),
            None => Vec::new(),
        },
    }
}

fn reads(about: &[About]) -> Vec<Request> {
    about.iter().map(About::read).collect()
}

/// Whether a word says what is changed: `a=b`, `a-`, a taint `a=b:NoSchedule`, `a:NoSchedule-`.
fn is_change(word: &str) -> bool {
    word.contains('=') || word.ends_with('-') || word.contains(':')
}

#[cfg(test)]
mod tests;
