//! What a scenario needs of a cluster that is not its own: the rights of the person who runs it, and what of others it would
//! touch.

pub mod everybody;

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Action, Credential, Kind, Object, Of, Plan, Request, Step, Target, asks};
use crate::{
    k8s::{
        kubectl::{self, Place},
        resource_name, special, usernames,
    },
    scenario::{Diagnostic, Severity, outcome::Wanted},
};

/// The ConfigMap by which runs take turns in a namespace that is not their own.
pub const TURN: &str = "kubewalk-turn";

/// The requests that the person who runs the scenario must be allowed, each once and with the pointer of the first step that
/// needs it (`""`: the scenario itself). What a step expects to be refused, or asks as another identity, is not among them;
/// what a Role may hold is decided by the API server, from the rules in it.
pub fn rights(plan: &Plan) -> Vec<(String, Request)> {
    let mut needed: Vec<(String, Request)> = Vec::new();
    let mut at = String::new();
    let mut need = |at: &str, request: Request| {
        if !needed.iter().any(|(_, known)| *known == request) {
            needed.push((at.to_owned(), request));
        }
    };
    if plan.fresh_namespace {
        need(&at, resource("create", "", "namespaces", None, None));
        need(&at, resource("delete", "", "namespaces", None, Some(&plan.namespace)));
        for (plural, name) in [("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt")] {
            for verb in ["get", "watch"] {
                need(&at, resource(verb, "", plural, Some(&plan.namespace), Some(name)));
            }
        }
    } else {
        // By an object in it, runs take turns in a namespace.
        need(&at, resource("create", "", "configmaps", Some(&plan.namespace), None));
        for verb in ["get", "delete"] {
            need(&at, resource(verb, "", "configmaps", Some(&plan.namespace), Some(TURN)));
        }
    }
    for step in &plan.steps {
        at.clone_from(&step.pointer);
        let mut needs = rights_of_caller(step);
        if step.caller.credential == Credential::Administrator && !unauthorized(step) {
            needs.extend(step.action.requests());
        }
        needs.extend(rights_of_action(step, plan));
        for object in made(&step.action).iter().filter(|object| object.is_kept()) {
            let inside = object.namespace.as_ref().is_some_and(|namespace| *namespace == plan.namespace);
            if !(refused(step) || inside && plan.fresh_namespace) {
                needs.extend(object_request("DELETE", object));
            }
        }
        needs.into_iter().for_each(|right| need(&at, right));
    }
    needed
}

fn resource(verb: &str, group: &str, plural: &str, namespace: Option<&str>, name: Option<&str>) -> Request {
    let (plural, subresource) = resource_name::split(plural);
    Request::Resource {
        verb: verb.to_owned(),
        group: group.to_owned(),
        resource: plural.to_owned(),
        subresource: subresource.map(str::to_owned),
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
    }
}

/// What it takes to ask as another identity.
fn rights_of_caller(step: &Step) -> Vec<Request> {
    match &step.caller.credential {
        Credential::Account { namespace, name } => {
            vec![resource("create", "", "serviceaccounts/token", Some(namespace), Some(name))]
        }
        Credential::Impersonation { user, groups } => {
            let one = |plural, namespace, name| resource("impersonate", "", plural, namespace, Some(name));
            let user = match usernames::account(user) {
                Some((namespace, name)) => one("serviceaccounts", Some(namespace), name),
                None => one("users", None, user),
            };
            std::iter::once(user).chain(groups.iter().map(|group| one("groups", None, group))).collect()
        }
        Credential::Administrator | Credential::Anonymous | Credential::Saved(_) | Credential::Text(_) => vec![],
    }
}

/// What kubewalk asks by itself to carry the step out.
fn rights_of_action(step: &Step, plan: &Plan) -> Vec<Request> {
    match &step.action {
        Action::Curl(call) => {
            let asks = step.expected.iter().any(|item| item.expect.is_denial_elsewhere());
            [exec(&call.place), if asks { vec![resource("list", "", "nodes", None, None)] } else { vec![] }].concat()
        }
        Action::Exec(call) => exec(&call.place),
        Action::Pod(pod) if !refused(step) => watched("", "pods", pod.namespace.as_deref(), &pod.name),
        Action::Wait(target, _) => rights_of_target(target),
        // Whether they are gone is looked up.
        Action::Delete(Target { kind, namespace, name: None, .. }) if !refused(step) => {
            let list = |plural: &String| resource("list", &kind.group, plural, namespace.as_deref(), None);
            kind.plural.iter().map(list).collect()
        }
        Action::Can(can) => reviews(can, plan),
        _ => vec![],
    }
}

/// What it takes to ask the questions: about the scenario's own namespace, when that is all that the person may have, in it.
fn reviews(can: &super::can::Can, plan: &Plan) -> Vec<Request> {
    let group = "authorization.k8s.io";
    let local = |cell: &&super::can::Cell| !plan.fresh_namespace && cell.is_in(&plan.namespace);
    let (inside, elsewhere): (Vec<_>, Vec<_>) = can.cells.iter().partition(local);
    let here = resource("create", group, "localsubjectaccessreviews", Some(&plan.namespace), None);
    let there = resource("create", group, "subjectaccessreviews", None, None);
    let asked = [(inside.is_empty(), here), (elsewhere.is_empty(), there)];
    asked.into_iter().filter(|(none, _)| !none).map(|(_, review)| review).collect()
}

fn exec(place: &super::Place) -> Vec<Request> {
    // By websocket: a GET, for which servers since 1.35 ask for `create`, too.
    let pod = Some(place.pod.as_str()).filter(|name| !name.is_empty());
    let one = |verb| resource(verb, "", "pods/exec", Some(&place.namespace), pod);
    [vec![one("get"), one("create")], sought(place)].concat()
}

/// What it takes to find the Pod.
fn sought(place: &super::Place) -> Vec<Request> {
    let here = Some(place.namespace.as_str());
    let pods = || resource("list", "", "pods", here, None);
    match &place.of {
        None => vec![],
        Some(Of::Name) => vec![resource("get", "", "pods", here, Some(&place.pod))],
        Some(Of::Labels(_)) => vec![pods()],
        Some(Of::Owner(owner, name)) => {
            let own = resource("get", owner.group(), owner.plural(), here, Some(name));
            let between = owner.between().map(|set| resource("list", set.group(), set.plural(), here, None));
            [own, pods()].into_iter().chain(between).collect()
        }
    }
}

fn rights_of_target(target: &Target) -> Vec<Request> {
    let Some(plural) = &target.kind.plural else { return vec![] };
    watched(&target.kind.group, plural, target.namespace.as_deref(), target.name.as_deref().unwrap_or_default())
}

fn watched(group: &str, plural: &str, namespace: Option<&str>, name: &str) -> Vec<Request> {
    let name = Some(name).filter(|name| !name.is_empty());
    ["get", "watch"].map(|verb| resource(verb, group, plural, namespace, name)).into()
}

/// Whether the step is about being refused, on whichever version, so that it makes nothing.
fn refused(step: &Step) -> bool {
    !step.expected.is_empty() && step.expected.iter().all(|item| item.expect.is_failure())
}

/// Whether the step expects that authorization, or what comes before it, refuses: then the right is not needed. What admission
/// refuses, or is not found, has been authorized.
fn unauthorized(step: &Step) -> bool {
    let mut all = step.expected.iter();
    !step.expected.is_empty()
        && all.all(|item| {
            item.expect.is_rbac_denial() || matches!(item.expect.wanted(), Wanted::Exactly(401) | Wanted::Failure)
        })
}

/// Objects that an action makes or changes as manifests.
pub fn made(action: &Action) -> &[Object] {
    match action {
        Action::Apply(objects) | Action::Create(objects) => objects,
        Action::Pod(object) => std::slice::from_ref(object),
        _ => &[],
    }
}

fn object_request(method: &str, object: &Object) -> Option<Request> {
    object.kind.plural.as_ref()?;
    let namespace = object.namespace.as_deref().filter(|_| object.kind.namespaced);
    Some(Request::from_http(method, &asks::path(&object.kind, namespace, Some(&object.name))))
}

/// Cluster-wide objects that the scenario makes and later removes, so that none of that name may be there: each kind and
/// name once.
pub fn makes_cluster_wide(plan: &Plan) -> Vec<(&Kind, &str)> {
    let mut found: Vec<(&Kind, &str)> = Vec::new();
    for object in plan.steps.iter().flat_map(|step| made(&step.action)) {
        let one = (&object.kind, object.name.as_str());
        if !object.kind.namespaced && !object.name.is_empty() && object.is_kept() && !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// What of others the scenario would change: the pointer of a step (`""`: the scenario itself), and what that is. In a namespace
/// that the person names as theirs it may make objects, and change those that it made.
pub fn touches(plan: &Plan, named: &[String]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if !plan.fresh_namespace && !named.contains(&plan.namespace) {
        found.push((String::new(), format!("uses the namespace {}, which is not its own", plan.namespace)));
    }
    let cluster_wide = makes_cluster_wide(plan);
    let own_namespace = |name: &str| {
        (plan.fresh_namespace && name == plan.namespace)
            || cluster_wide.iter().any(|(kind, made)| kind.kind == "Namespace" && *made == name)
    };
    let own_object = |group: &str, plural: &str, name: Option<&String>| {
        cluster_wide.iter().any(|(kind, made)| {
            kind.group == group && kind.plural.as_deref() == Some(plural) && name.is_none_or(|name| name == made)
        })
    };
    let made_in: BTreeSet<(&str, &str, &str)> = (plan.steps.iter().flat_map(|step| made(&step.action)))
        .filter(|object| object.is_kept())
        .filter_map(|object| {
            let namespace =
                object.namespace.as_deref().filter(|namespace| named.iter().any(|name| name == namespace))?;
            Some((namespace, object.kind.plural.as_deref().unwrap_or_default(), object.name.as_str()))
        })
        .collect();
    for step in &plan.steps {
        for request in step.action.requests().into_iter().chain(by_address(&step.action)) {
            let Request::Resource { verb, group, resource, subresource, namespace, name } = &request else { continue };
            let leads_on = subresource.as_deref().is_some_and(kubectl::leads_on_by) || verb == "proxy";
            let reads = matches!(verb.as_str(), "get" | "list" | "watch") && !leads_on;
            if reads || special::only_asks(group, resource) {
                continue;
            }
            let whole = subresource.as_ref().filter(|_| leads_on).map(|sub| format!("{resource}/{sub}"));
            let resource = whole.as_ref().unwrap_or(resource);
            let what = match namespace {
                Some(namespace) if resource != "namespaces" => {
                    let makes = verb == "create" && subresource.is_none();
                    let plural = resource.split('/').next().unwrap_or_default();
                    let made = name.as_ref().is_some_and(|name| made_in.contains(&(namespace, plural, name)));
                    let theirs = named.contains(namespace) && (makes || made);
                    let here = named.contains(namespace);
                    let name = name.as_deref().filter(|_| here).map(|name| format!(" {name}")).unwrap_or_default();
                    let not_made = if here { ", which the scenario does not make" } else { "" };
                    (!own_namespace(namespace) && !theirs)
                        .then(|| format!("{resource}{name} in the namespace {namespace}{not_made}"))
                }
                // A step that deletes all of a kind deletes those of others.
                _ => (verb == "deletecollection" || !own_object(group, resource, name.as_ref()))
                    .then(|| format!("{resource} {}", name.as_deref().unwrap_or_default()).trim_end().to_owned()),
            };
            if let Some(what) = what {
                found.push((step.pointer.clone(), format!("would {verb} {what}")));
            }
        }
        if let Some(place) = called_from(&step.action).filter(|place| !own_namespace(&place.namespace)) {
            let made = match &place.of {
                None => true,
                Some(Of::Name) => made_in.contains(&(&place.namespace, "pods", &place.pod)),
                Some(Of::Owner(owner, name)) => made_in.contains(&(&place.namespace, owner.plural(), name)),
                Some(Of::Labels(_)) => false,
            };
            if !(made && named.contains(&place.namespace)) {
                let what = format!("would run a command in a Pod of the namespace {}", place.namespace);
                found.push((step.pointer.clone(), format!("{what}, which the scenario does not make")));
            }
        }
        if matches!(&step.action, Action::Kubectl(call) if kubectl::check(&call.args, there(plan, false)).is_err()) {
            found.push((step.pointer.clone(), "calls kubectl, whose effect nobody foresees".to_owned()));
        }
    }
    found
}

/// The Pod from which a step calls.
fn called_from(action: &Action) -> Option<&super::Place> {
    match action {
        Action::Curl(call) => Some(&call.place),
        Action::Exec(call) => Some(&call.place),
        _ => None,
    }
}

/// What a call asks of the API server if the address that it names is the server's, which only the cluster knows.
fn by_address(action: &Action) -> Option<Request> {
    let Action::Curl(call) = action else { return None };
    let path = asks::path_of(&call.url);
    let is_api = ["/api/", "/apis/"].iter().any(|root| path.starts_with(root));
    (call.request.is_none() && is_api).then(|| Request::from_http(call.method.word(), path))
}

/// What is refused in a cluster that exists, each with its place. `yes`: everything there may be touched.
pub fn refused_there(plan: &Plan, yes: bool) -> Vec<Diagnostic> {
    let mut found = refused_kubectl(plan, yes);
    if !yes {
        found.extend(plan.for_everybody.iter().cloned());
    }
    found
}

/// What of kubectl's command lines is refused in a cluster that exists, each with its place. `yes`: everything there may be
/// touched.
fn refused_kubectl(plan: &Plan, yes: bool) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in &plan.steps {
        let Action::Kubectl(call) = &step.action else { continue };
        for one in kubectl::check(&call.args, there(plan, yes)).err().into_iter().flatten() {
            // What was added is never refused.
            let pointer = format!("{}/kubectl/args/{}", step.pointer, one.at.saturating_sub(call.added));
            let (severity, span) = (Severity::Error, Some(plan.document.span(&pointer)));
            let (message, hint) = (one.what, one.hint);
            found.push(Diagnostic {
                file: None,
                severity,
                message,
                span,
                label: None,
                second: None,
                hint,
                fix: Vec::new(),
                environment: false,
            });
        }
    }
    found
}

/// A cluster that exists, for the scenario's calls of kubectl.
fn there(plan: &Plan, yes: bool) -> Place<'_> {
    Place::Host { yes, own: plan.fresh_namespace.then_some(plan.namespace.as_str()) }
}

/// The body of a SelfSubjectAccessReview that asks for a right.
pub fn review(right: &Request) -> Value {
    let (key, attributes) = right.attributes();
    let spec = serde_json::json!({ key: attributes });
    serde_json::json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec})
}

/// A right in words: `create pods/exec x in namespace y`.
pub fn right_in_words(right: &Request) -> String {
    match right {
        Request::Resource { verb, group, resource, subresource, namespace, name } => {
            let group = if group.is_empty() { String::new() } else { format!(".{group}") };
            let sub = subresource.as_ref().map(|sub| format!("/{sub}")).unwrap_or_default();
            let name = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            let place = namespace.as_ref().map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
            format!("{verb} {resource}{group}{sub}{name}{place}")
        }
        Request::Path { verb, path } => format!("{verb} {path}"),
    }
}

#[cfg(test)]
mod tests;
