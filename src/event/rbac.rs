//! What a step has shown of RBAC: accounts, roles and bindings that it made or removed, and calls that were allowed or refused.
//! The diagram is drawn from nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    expect::{Answer, Http, kubectl_error, refused::Refused, status::Status},
    k8s::{
        kubectl::{grammar, is_dry_run},
        object::{items_of, name_of, text_at},
    },
    plan::{Action, Identity, Kubectl, Object, Request, Step, Target, can::given},
    scenario::beside,
};

/// One thing that a step has shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Rbac {
    /// An account, a role or a binding is there.
    Made {
        /// Its names, `rules`, `aggregationRule`, `roleRef` and `subjects`, and nothing else of it.
        object: Value,
        /// `false`: only its names are known, since kubectl made or changed it.
        whole: bool,
    },
    /// An account, a role, a binding, or a Namespace with all that is in it, is gone.
    Removed {
        /// e.g. `RoleBinding`.
        kind: String,
        /// Left out for what is cluster-wide.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// Left out: all of that kind in the namespace.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// The authorizer has decided about a call.
    Asked {
        /// The user name, e.g. `system:serviceaccount:a:reader`.
        user: String,
        /// The groups, as far as they are known.
        groups: Vec<String>,
        /// What was asked for.
        call: Call,
        /// Whether it was allowed.
        allowed: bool,
    },
}

/// What the authorizer is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Call {
    /// e.g. `list`.
    pub verb: String,
    /// The path, when it is no resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural.
    pub resource: String,
    /// e.g. `log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// Left out: at the cluster scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Left out for a collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Call {
    /// The same as the authorizer's code takes it.
    pub fn request(&self) -> Request {
        match &self.url {
            Some(path) => Request::Path { verb: self.verb.clone(), path: path.clone() },
            None => Request::Resource {
                verb: self.verb.clone(),
                group: self.group.clone(),
                resource: self.resource.clone(),
                subresource: self.subresource.clone(),
                namespace: self.namespace.clone(),
                name: self.name.clone(),
            },
        }
    }
}

impl From<Request> for Call {
    fn from(request: Request) -> Self {
        match request {
            Request::Path { verb, path } => Call { verb, url: Some(path), ..Call::default() },
            Request::Resource { verb, group, resource, subresource, namespace, name } => {
                Call { verb, url: None, group, resource, subresource, namespace, name }
            }
        }
    }
}

/// The kinds that a diagram has, each with its plural.
const KINDS: [(&str, &str); 5] = [
    ("ServiceAccount", "serviceaccounts"),
    ("Role", "roles"),
    ("ClusterRole", "clusterroles"),
    ("RoleBinding", "rolebindings"),
    ("ClusterRoleBinding", "clusterrolebindings"),
];

/// What a step has shown by its last answer. `calls` is what it asked, and as which identity; `at` is the last of several
/// objects that was asked for, counted from 0.
pub fn shown_by(step: &Step, calls: Option<(&Identity, Vec<Request>)>, answer: &Answer, at: usize) -> Vec<Rbac> {
    let mut shown = changed(step, answer, at);
    shown.extend(decided(step, calls, answer, at));
    shown
}

/// What is there now, and what is gone.
fn changed(step: &Step, answer: &Answer, at: usize) -> Vec<Rbac> {
    let http = match answer {
        Answer::Api(http) | Answer::Curl(http) => Some(http),
        _ => None,
    };
    let good = http.is_some_and(|http| (200..300).contains(&http.status));
    let json = http.and_then(|http| http.json.as_ref());
    match &step.action {
        Action::Apply(objects) | Action::Create(objects) => {
            let sent = objects.iter().take(if good { at + 1 } else { at }).map(|object| &object.manifest);
            // Of the last one, the server's own words are known.
            let last = json.filter(|_| good && at + 1 == objects.len());
            let sent: Vec<_> = sent.take(if last.is_some() { at } else { usize::MAX }).chain(last).collect();
            sent.into_iter().filter_map(made).collect()
        }
        Action::Patch(_) if good => json.and_then(made).into_iter().collect(),
        // The answer is what was deleted.
        Action::Delete(Target { kind, namespace, name: None, .. }) => {
            let items = json.filter(|_| good).and_then(|json| json["items"].as_array()).into_iter().flatten();
            let name = |item: &Value| item["metadata"]["name"].as_str().map(str::to_owned);
            items.filter_map(|item| removed(&kind.kind, namespace.as_deref(), Some(&name(item)?))).collect()
        }
        Action::Delete(Target { kind, namespace, name, .. }) if good || http.is_some_and(|http| http.status == 404) => {
            removed(&kind.kind, namespace.as_deref(), name.as_deref()).into_iter().collect()
        }
        Action::Kubectl(call) => match answer {
            Answer::Exec { stdout, .. } => by_kubectl(call, &String::from_utf8_lossy(stdout)),
            _ => vec![],
        },
        // Of all others, what their requests have changed. What a command inside a Pod does is not known.
        action if good && action.changes() => {
            action.requests().iter().filter_map(|request| by_request(request, json)).collect()
        }
        _ => vec![],
    }
}

/// An object of a diagram; nothing for any other.
fn made(object: &Value) -> Option<Rbac> {
    let kind = text_at(object, "kind");
    KINDS.iter().find(|(known, _)| *known == kind)?;
    let mut kept = Map::new();
    for key in ["kind", "rules", "aggregationRule", "roleRef", "subjects"] {
        if let Some(value) = object.get(key) {
            kept.insert(key.into(), value.clone());
        }
    }
    let mut metadata = Map::new();
    for key in ["name", "namespace", "labels"] {
        if let Some(value) = object["metadata"].get(key) {
            metadata.insert(key.into(), value.clone());
        }
    }
    kept.insert("metadata".into(), metadata.into());
    Some(Rbac::Made { object: kept.into(), whole: true })
}

fn removed(kind: &str, namespace: Option<&str>, name: Option<&str>) -> Option<Rbac> {
    let known = kind == "Namespace" || KINDS.iter().any(|(known, _)| *known == kind);
    let own = |text: &str| text.to_owned();
    known.then(|| Rbac::Removed { kind: kind.to_owned(), namespace: namespace.map(own), name: name.map(own) })
}

/// What a request that went through has changed.
fn by_request(request: &Request, json: Option<&Value>) -> Option<Rbac> {
    let Request::Resource { verb, resource, subresource: None, namespace, name, .. } = request else { return None };
    let kind = match resource.as_str() {
        "namespaces" => "Namespace",
        plural => KINDS.iter().find(|(_, known)| *known == plural)?.0,
    };
    match verb.as_str() {
        "delete" | "deletecollection" => {
            // A Namespace is in itself for the authorizer.
            let namespace = namespace.as_deref().filter(|_| kind != "Namespace");
            removed(kind, namespace, name.as_deref())
        }
        _ => made(json?),
    }
}

/// What kubectl says that it did: `role.rbac.authorization.k8s.io/x created`, `rolebinding… "x" deleted from a namespace`.
fn by_kubectl(call: &Kubectl, said: &str) -> Vec<Rbac> {
    let sent = call.stdin.as_deref().and_then(beside::values).unwrap_or_default();
    let sent: Vec<&Value> = sent.iter().flat_map(|one| std::iter::once(one).chain(items_of(&one["items"]))).collect();
    let read = grammar::read(&call.args).ok();
    let flag = read.as_ref().and_then(|read| read.values("namespace").last()).and_then(|given| given.value.clone());
    let place = flag.or_else(|| call.own.clone()).unwrap_or_else(|| "default".into());
    let dry = is_dry_run(&call.args);
    said.lines().filter(|_| !dry).filter_map(|line| line_of_kubectl(line, &sent, &place)).collect()
}

fn line_of_kubectl(line: &str, sent: &[&Value], place: &str) -> Option<Rbac> {
    let end = line.find(['/', ' '])?;
    let word = line[..end].split('.').next()?;
    let kinds = KINDS.iter().map(|(kind, _)| *kind).chain(["Namespace"]);
    let kind = kinds.into_iter().find(|kind| kind.eq_ignore_ascii_case(word))?;
    let namespaced = matches!(kind, "ServiceAccount" | "Role" | "RoleBinding");
    let rest = &line[end + 1..];
    if let Some(rest) = rest.strip_prefix('"') {
        let (name, rest) = rest.split_once('"')?;
        let named = rest.strip_prefix(" deleted from ").and_then(|rest| rest.strip_suffix(" namespace"));
        return rest
            .starts_with(" deleted")
            .then(|| removed(kind, namespaced.then(|| named.unwrap_or(place)), Some(name)))?;
    }
    let (name, done) = rest.split_once(' ')?;
    let known =
        ["created", "configured", "unchanged", "serverside-applied", "patched", "labeled", "replaced", "edited"];
    if kind == "Namespace" || !known.contains(&done.split_whitespace().next()?) || done.contains("dry run") {
        return None;
    }
    let full = sent.iter().find(|one| text_at(one, "kind") == kind && name_of(one) == name).and_then(|one| made(one));
    let mut shown = full.unwrap_or_else(|| {
        let object = json!({"kind": kind, "metadata": {"name": name}});
        Rbac::Made { object, whole: false }
    });
    if let Rbac::Made { object, .. } = &mut shown
        && namespaced
        && object["metadata"]["namespace"].is_null()
    {
        object["metadata"]["namespace"] = place.into();
    }
    Some(shown)
}

/// What the authorizer has decided.
fn decided(step: &Step, calls: Option<(&Identity, Vec<Request>)>, answer: &Answer, at: usize) -> Vec<Rbac> {
    let asked = |user: &str, groups: &[String], request: Request, allowed: bool| Rbac::Asked {
        user: user.to_owned(),
        groups: groups.to_vec(),
        call: request.into(),
        allowed,
    };
    let mut shown = questions(step, answer);
    let who = calls.as_ref().filter(|(identity, _)| identity.is_known()).map(|(identity, _)| {
        let user = identity.username();
        (user, identity.groups())
    });
    let refused = refusals(answer);
    for (user, request) in &refused {
        let groups = who.as_ref().filter(|(known, _)| known == user).map(|(_, groups)| groups.clone());
        shown.push(asked(user, &groups.unwrap_or_else(|| given(user)), request.clone(), false));
    }
    let (Some((user, groups)), Some((_, requests)), Answer::Api(http) | Answer::Curl(http)) = (who, calls, answer)
    else {
        return shown;
    };
    if !refused.is_empty() {
        return shown;
    }
    // The authorizer comes before what answers with these.
    let through = (200..300).contains(&http.status) || matches!(http.status, 404 | 409 | 422);
    let through = through && (http.status < 300 || Status::in_answer(http).is_some_and(|status| status.failure));
    let allowed: Vec<Request> = match &step.action {
        _ if !through => vec![],
        // What an apply needs beside `patch` depends on what is there.
        Action::Apply(objects) => objects.iter().take(at + 1).filter_map(patched).collect(),
        Action::Create(_) => requests.into_iter().take(at + 1).collect(),
        _ => requests,
    };
    shown.extend(allowed.into_iter().map(|request| asked(&user, &groups, request, true)));
    shown
}

fn patched(object: &Object) -> Option<Request> {
    Some(Request::Resource {
        verb: "patch".into(),
        group: object.kind.group.clone(),
        resource: object.kind.plural.clone()?,
        subresource: None,
        namespace: object.namespace.clone(),
        name: Some(object.name.clone()),
    })
}

/// Answers to questions about rights.
fn questions(step: &Step, answer: &Answer) -> Vec<Rbac> {
    let asked = |cell: &crate::plan::can::Cell, allowed: bool| Rbac::Asked {
        user: cell.who.user.clone(),
        groups: cell.who.groups.clone(),
        call: cell.request.clone().into(),
        allowed,
    };
    match (&step.action, answer) {
        // The answers are in the order of the questions.
        (Action::Can(can), Answer::Reviews(reviews)) => {
            can.cells.iter().zip(reviews).map(|(cell, review)| asked(cell, review.allowed)).collect()
        }
        (_, Answer::Exec { stdout, .. }) => {
            let [cell] = step.questions.as_slice() else { return vec![] };
            match String::from_utf8_lossy(stdout).split_whitespace().next() {
                Some("yes") => vec![asked(cell, true)],
                Some("no") => vec![asked(cell, false)],
                _ => vec![],
            }
        }
        (_, Answer::Api(http) | Answer::Curl(http)) => {
            let [cell] = step.questions.as_slice() else { return vec![] };
            let said = http.json.as_ref().and_then(|json| json["status"]["allowed"].as_bool());
            said.map(|allowed| asked(cell, allowed)).into_iter().collect()
        }
        _ => vec![],
    }
}

/// The refusals by the authorizer in an answer: who was refused what, by the server's own words.
fn refusals(answer: &Answer) -> Vec<(String, Request)> {
    let of = |message: &str| Refused::parse(message).map(|refused| (refused.user.clone(), refused.request()));
    let of_status = |http: &Http| {
        let status = Status::in_answer(http).filter(|status| status.failure && status.reason == "Forbidden")?;
        of(status.message).filter(|_| http.status == 403)
    };
    match answer {
        Answer::Api(http) | Answer::Curl(http) => of_status(http).into_iter().collect(),
        Answer::Exec { stderr, .. } => {
            let refusals = kubectl_error::refusals(&String::from_utf8_lossy(stderr)).into_iter();
            refusals.map(|(refused, _)| (refused.user.clone(), refused.request())).collect()
        }
        Answer::Reviews(_) | Answer::CurlFailed { .. } => vec![],
    }
}
