//! What a step does, and all that differs from one deed to another: what it asks, what it changes, its texts, its line.
//!
//! Each question is one match without `_`, so that the compiler names all of them when a verb is added.

use std::time::Duration;

use super::{
    Call, Change, Curl, Exec, Kubectl, Object, Target, TokenCall, asks,
    can::{self, Can, Cell, Who},
    equivalent::{lines, outside, shell},
    fill::texts::{self, Filler},
    kinds::Kind,
    request::Request,
};
use crate::{
    k8s::{
        kubectl::{grammar, is_dry_run, table::Effect},
        special,
    },
    scenario::verbs::{Method, Until},
};

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Access reviews, all at once.
    Can(can::Can),
    /// kubectl on the cluster's node.
    Kubectl(Kubectl),
    /// Server-side apply of each object.
    Apply(Vec<Object>),
    /// POST of each object.
    Create(Vec<Object>),
    /// POST of a Pod, then wait until it is Ready.
    Pod(Object),
    /// GET of one object, or of a list when the target has no name.
    Get(Target),
    /// DELETE of one object, then wait until it is gone.
    Delete(Target),
    /// Wait until an object is in a state.
    Wait(Target, Until),
    /// curl inside a Pod.
    Curl(Box<Curl>),
    /// A command inside a Pod.
    Exec(Exec),
    /// A request from outside the cluster.
    Request(Box<Call>),
    /// A SelfSubjectReview.
    Whoami,
    /// A TokenRequest, or the token of a Secret.
    Token(Box<TokenCall>),
    /// PATCH of one object.
    Patch(Box<Change>),
}

/// What of others an action might change, beside the objects that it makes.
pub(super) enum Touches<'a> {
    /// Nothing.
    Nothing,
    /// This object.
    Object(&'a Target),
    /// What these requests are about.
    Requested(Vec<Request>),
    /// What this call of kubectl is about.
    Command(&'a Kubectl),
}

impl Action {
    /// The requests that the authorizer sees, in order: it may refuse each of them. Empty for kinds whose plural only the
    /// cluster knows, and for what is not asked of the API server.
    pub fn requests(&self) -> Vec<Request> {
        match self {
            Action::Curl(call) => call.request.clone().into_iter().collect(),
            _ => self.paths().iter().map(|(method, path)| Request::from_http(method, path)).collect(),
        }
    }

    /// The methods and paths of the same requests.
    pub fn paths(&self) -> Vec<(&'static str, String)> {
        let target = |method: &'static str, target: &Target| {
            let known = target.kind.plural.is_some();
            known.then(|| (method, target.path(&target.kind))).into_iter().collect()
        };
        let made = |object: &Object| Some(("POST", object.path(false)?));
        match self {
            Action::Curl(call) => {
                let is_api = call.request.is_some();
                is_api.then(|| (call.method.word(), asks::path_of(&call.url).to_owned())).into_iter().collect()
            }
            Action::Request(call) => vec![(call.method.word(), call.path.clone())],
            Action::Get(object) => target("GET", object),
            Action::Delete(object) => target("DELETE", object),
            // An object that is not there yet needs `create`, too.
            Action::Apply(objects) => (objects.iter())
                .filter_map(|one| one.path(true))
                .flat_map(|path| [("PATCH", path.clone()), ("POST", path)])
                .collect(),
            Action::Create(objects) => objects.iter().filter_map(made).collect(),
            Action::Pod(one) => made(one).into_iter().collect(),
            Action::Can(_) | Action::Kubectl(_) | Action::Wait(..) | Action::Exec(_) => vec![],
            Action::Whoami => vec![("POST", asks::WHOAMI.to_owned())],
            Action::Token(call) => vec![(if call.secret.is_some() { "GET" } else { "POST" }, call.path())],
            Action::Patch(change) => {
                let kind = &change.target.kind;
                kind.plural.as_ref().map(|_| ("PATCH", change.path(kind))).into_iter().collect()
            }
        }
    }

    /// The kinds that it is about.
    pub fn kinds_mut(&mut self) -> Vec<&mut Kind> {
        match self {
            Action::Apply(objects) | Action::Create(objects) => {
                objects.iter_mut().map(|object| &mut object.kind).collect()
            }
            Action::Pod(object) => vec![&mut object.kind],
            Action::Get(target) | Action::Delete(target) | Action::Wait(target, _) => vec![&mut target.kind],
            Action::Patch(change) => vec![&mut change.target.kind],
            Action::Can(_)
            | Action::Kubectl(_)
            | Action::Curl(_)
            | Action::Exec(_)
            | Action::Request(_)
            | Action::Whoami
            | Action::Token(_) => vec![],
        }
    }

    /// Whether it changes nothing, so that it may be asked again. A GET by which a program is run or reached does more than
    /// read.
    pub fn only_reads(&self) -> bool {
        let connects = |request: &Request| {
            matches!(request, Request::Resource { subresource: Some(part), .. }
                if matches!(part.as_str(), "exec" | "attach" | "portforward" | "proxy"))
        };
        let reads = |method: Method| matches!(method, Method::Get | Method::Head | Method::Options);
        let method = match self {
            Action::Get(_) | Action::Wait(..) | Action::Can(_) | Action::Whoami => return true,
            Action::Curl(curl) => curl.method,
            Action::Request(call) => call.method,
            Action::Kubectl(_) | Action::Apply(_) | Action::Create(_) | Action::Pod(_) | Action::Delete(_) => {
                return false;
            }
            Action::Exec(_) | Action::Token(_) | Action::Patch(_) => return false,
        };
        reads(method) && !self.requests().iter().any(connects)
    }

    /// Whether a success of this action leaves something behind.
    pub fn changes(&self) -> bool {
        let asks = |request: &Request| match request {
            Request::Resource { group, resource, subresource, .. } => {
                special::only_asks(group, resource) || subresource.as_deref() == Some("token")
            }
            Request::Path { .. } => false,
        };
        let tries = |path: &str, body: Option<&String>| {
            path.contains("dryRun=") || body.is_some_and(|body| body.contains("\"dryRun\""))
        };
        match self {
            // Of what is not kept, an eviction alone does something.
            Action::Create(objects) => {
                objects.iter().any(|object| object.is_kept() || object.kind.is("policy", "Eviction"))
            }
            Action::Apply(_) | Action::Pod(_) | Action::Patch(_) | Action::Delete(_) => true,
            Action::Kubectl(kubectl) => kubectl_changes(&kubectl.args) && !is_dry_run(&kubectl.args),
            Action::Curl(call) => {
                !self.only_reads() && !tries(&call.url, call.body.as_ref()) && !call.request.iter().any(asks)
            }
            Action::Request(call) => {
                !self.only_reads() && !tries(&call.path, call.body.as_ref()) && !self.requests().iter().any(asks)
            }
            // What a command in a Pod does is not known; the others only ask.
            Action::Exec(_)
            | Action::Get(_)
            | Action::Wait(..)
            | Action::Can(_)
            | Action::Whoami
            | Action::Token(_) => false,
        }
    }

    /// What of others it might change.
    pub(super) fn touches(&self) -> Touches<'_> {
        match self {
            Action::Delete(target) => Touches::Object(target),
            Action::Patch(change) => Touches::Object(&change.target),
            Action::Curl(_) | Action::Request(_) => Touches::Requested(self.requests()),
            Action::Kubectl(kubectl) => Touches::Command(kubectl),
            // What these make is looked at as objects, but what is sent to a part of one; the others change nothing.
            Action::Create(objects) if objects.iter().any(|object| object.kind.is_part()) => {
                Touches::Requested(self.requests())
            }
            Action::Apply(_) | Action::Create(_) | Action::Pod(_) => Touches::Nothing,
            Action::Can(_) | Action::Get(_) | Action::Wait(..) | Action::Exec(_) => Touches::Nothing,
            Action::Whoami | Action::Token(_) => Touches::Nothing,
        }
    }

    /// Changes every text of it.
    pub(super) fn fill(&mut self, filler: &mut dyn Filler) {
        match self {
            Action::Can(Can { cells, sample: _ }) => {
                for Cell { pointer: _, who: Who { words, user, groups }, request, allowed: _, api: _, on_purpose: _ } in
                    cells
                {
                    texts::all([words, user].into_iter().chain(groups), filler);
                    texts::request(request, filler);
                }
            }
            Action::Kubectl(Kubectl { args, added: _, own: _, stdin, denied: _, makes }) => {
                texts::all(args.iter_mut().chain(stdin), filler);
                makes.iter_mut().for_each(|object| texts::object(object, filler));
            }
            Action::Apply(objects) | Action::Create(objects) => {
                objects.iter_mut().for_each(|object| texts::object(object, filler));
            }
            Action::Pod(object) => texts::object(object, filler),
            Action::Get(target) | Action::Delete(target) => texts::target(target, filler),
            Action::Wait(target, until) => {
                texts::target(target, filler);
                match until {
                    Until::Exists | Until::Deleted => {}
                    Until::Condition(condition) => filler.fill_text(condition),
                    Until::Object(part) => part.values_mut().for_each(|value| filler.value(value)),
                }
            }
            Action::Curl(call) => texts::curl(call, filler),
            Action::Exec(Exec { place, identity, command, stdin }) => {
                texts::place(place, filler);
                texts::identity(identity, filler);
                texts::all(command.iter_mut().chain(stdin), filler);
            }
            Action::Request(call) => {
                let Call { method: _, path, body, content_type, headers } = &mut **call;
                texts::all([path].into_iter().chain(content_type).chain(headers.values_mut()), filler);
                if let Some(body) = body {
                    filler.body(body);
                }
            }
            Action::Whoami => {}
            Action::Token(call) => {
                let TokenCall { namespace, account, seconds: _, audiences, bound_to, secret } = &mut **call;
                let bound_to = bound_to.as_mut().map(|(_, name)| name);
                texts::all([namespace, account].into_iter().chain(audiences).chain(bound_to).chain(secret), filler);
            }
            Action::Patch(change) => {
                let Change { target, subresource, how: _, body } = &mut **change;
                texts::target(target, filler);
                texts::all(subresource, filler);
                filler.value(body);
            }
        }
    }

    /// The kubectl lines that do the same; what waits does so as long as the step may take.
    pub(super) fn lines(&self, limit: Duration) -> String {
        match self {
            Action::Can(can) => lines::questions(can),
            Action::Kubectl(kubectl) => {
                let mut words = shell::owned_words(["kubectl"]);
                words.extend(kubectl.args.iter().cloned());
                shell::piped(kubectl.stdin.as_deref(), &words)
            }
            // Fields that another step's verb has set are taken over, as a run does.
            Action::Apply(objects) => lines::manifests("kubectl apply --server-side --force-conflicts", objects),
            Action::Create(objects) => lines::create(objects),
            Action::Pod(pod) => {
                let create = lines::piped_in("kubectl create -f -", std::slice::from_ref(pod));
                let mut wait = shell::owned_words(["kubectl", "wait", "--for=condition=Ready"]);
                wait.push(format!("pod/{}", pod.name));
                shell::in_namespace(&mut wait, pod.namespace.as_deref());
                wait.push(lines::timeout(limit));
                format!("{create}\n{}", shell::line(&wait))
            }
            Action::Get(target) => lines::get(target),
            // kubectl itself would list them, and delete one after the other.
            Action::Delete(target) if target.name.is_none() => {
                shell::line(&["kubectl".into(), "delete".into(), "--raw".into(), target.path(&target.kind)])
            }
            Action::Delete(target) => {
                let mut delete = shell::owned_words(["kubectl", "delete"]);
                shell::object(&mut delete, target);
                shell::line(&delete)
            }
            Action::Wait(target, until) => lines::wait(limit, target, until),
            Action::Curl(call) => lines::curl(call),
            Action::Exec(command) => lines::exec(command),
            Action::Request(call) => outside::request(call),
            Action::Whoami => "kubectl auth whoami -o json".into(),
            Action::Token(call) => outside::token(call),
            Action::Patch(change) => outside::patch(change),
        }
    }
}

/// Whether kubectl is asked for something else than to read.
fn kubectl_changes(args: &[String]) -> bool {
    // What runs in a Pod is not known, as for `exec`.
    !grammar::read(args).is_ok_and(|call| matches!(call.command.effect, Effect::Reads | Effect::Inside))
}
