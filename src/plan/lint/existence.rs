//! What is denied must be there: authorization comes before anything else, so a path, a resource or a namespace that does not
//! exist is denied to all callers, and proves nothing.
//!
//! What `check` cannot know, because it is another server's or another version's, the run asks of the cluster.

use crate::{
    k8s::{
        Apis, Missing, Served, Version,
        kubectl::{asked_as, grammar},
        nearest,
        served::{self, Table},
        well_known::EVERYWHERE,
    },
    plan::{
        Action, Kubectl, Request, Step,
        context::{Context, Draft, below, words::if_fresh},
    },
    scenario::{expect::Expect, outcome::Wanted, verbs::Method},
};

/// Looks at the paths of all calls, and notes which of the steps say that they mean it.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &mut [Step]) {
    for step in steps {
        let place = place(step);
        let asked_as = asked_as_at(step);
        let named = named_at(step);
        let places: Vec<&str> = [&place].into_iter().chain(&asked_as).chain(&named).map(String::as_str).collect();
        // Of the claim's line it would mean that the denial has no counterpart.
        step.on_purpose = cx.findings.on_purpose(&places);
        if !step.on_purpose {
            paths(cx, step, &place);
            namespaces(cx, drafts, step, &place);
        }
    }
}

/// Where the path of a step's call stands, or its verb.
fn place(step: &Step) -> String {
    let at = below(&step.pointer, step.verb);
    match &step.action {
        Action::Curl(_) => below(&at, "url"),
        Action::Request(_) => below(&at, "path"),
        Action::Patch(change) if change.subresource.is_some() => below(&at, "subresource"),
        Action::Kubectl(call) => match raw(call) {
            Some((_, _, index)) => below(&below(&at, "args"), index),
            None => at,
        },
        _ => at,
    }
}

/// The method and the path that kubectl is given to ask for as they are, and the argument in which the path stands.
fn raw(call: &Kubectl) -> Option<(&'static str, String, usize)> {
    let read = grammar::read(&call.args).ok()?;
    let method = match read.command.words {
        "get" => Method::Get,
        "delete" => Method::Delete,
        "create" => Method::Post,
        "replace" => Method::Put,
        _ => return None,
    };
    let given = read.values("raw").last()?;
    Some((method.word(), given.value.clone()?, given.value_at.checked_sub(call.added)?))
}

/// Where the object stands that a step names.
fn named_at(step: &Step) -> Vec<String> {
    let at = below(&step.pointer, step.verb);
    match &step.action {
        Action::Get(_) | Action::Delete(_) | Action::Patch(_) => vec![below(&at, "name")],
        Action::Token(_) => vec![below(&at, "serviceAccount")],
        // Any of its words may be the name.
        Action::Kubectl(call) => {
            let own = call.args.len().saturating_sub(call.added);
            (0..own).map(|index| below(&below(&at, "args"), index)).collect()
        }
        _ => vec![],
    }
}

/// Where a line of kubectl's says for whom it asks.
fn asked_as_at(step: &Step) -> Option<String> {
    let Action::Kubectl(call) = &step.action else { return None };
    let asked = asked_as(&grammar::read(&call.args).ok()?)?;
    let args = below(&below(&step.pointer, step.verb), "args");
    Some(below(&args, asked.at.checked_sub(call.added)?))
}

/// The expectation of a denial by RBAC, as a pointer.
fn denial(step: &Step) -> Option<String> {
    let claim = |expect: &Expect| match step.action {
        Action::Kubectl(_) => expect.claim_of_command(),
        _ => expect.is_rbac_denial().then(|| expect.claim()),
    };
    let (item, key) = step.expected.iter().find_map(|item| Some((item, claim(&item.expect)?)))?;
    Some(below(&format!("{}{}", step.pointer, item.pointer), key))
}

/// What is served on the newest version that we ship on which a step runs, if the scenario as such is not for that one; and the
/// table of that version.
pub(super) fn apis(cx: &Context<'_>, step: &Step) -> Option<(Option<Apis>, &'static Table)> {
    // What versions of Kubernetes serve that we do not ship, only they know.
    let runs_on = |version: Version| {
        step.when.as_ref().is_none_or(|when| when.kubernetes.iter().all(|comparison| comparison.holds(version)))
    };
    let table = served::newest(runs_on)?;
    Some((if table.is_newest() { None } else { Some(cx.apis.of_version(table)) }, table))
}

fn paths(cx: &mut Context<'_>, step: &Step, place: &str) {
    let Some((apis, table)) = apis(cx, step) else { return };
    let applies = matches!(step.action, Action::Apply(_));
    let denial = denial(step);
    let success = step.expected.iter().all(|item| item.expect.wanted() == Wanted::Success && !item.expect.must_fail());
    // What is not served is not found either, whatever there is.
    let not_found = step.expected.iter().any(|item| item.expect.is_not_found());
    if !(success || not_found || denial.is_some()) {
        return;
    }
    let raw = match &step.action {
        Action::Kubectl(call) => raw(call).map(|(method, path, _)| (method, path)),
        _ => None,
    };
    for (method, path) in step.action.paths().into_iter().chain(raw) {
        // The authorizer is asked about `create` with the name, and the server gets a PATCH only.
        if applies && method == Method::Post.word() {
            continue;
        }
        let found = apis.as_ref().unwrap_or(&cx.apis).path(method, &path);
        let Served::Missing(mut missing) = found else { continue };
        if let Some(version) = Version::of_release(&table.version).filter(|_| !table.is_newest()) {
            missing.message += &format!(" in Kubernetes {version}");
        }
        let mut hint = hint(cx, &missing);
        // What stands there is the subresource alone.
        if let Some(meant) = missing.meant.as_ref().filter(|_| matches!(step.action, Action::Patch(_))) {
            hint = format!("did you mean `{}`?", meant.rsplit('/').next().unwrap_or(meant));
        }
        match &denial {
            Some(denial) => {
                cx.findings
                    .error(place, format!("a denial proves nothing here: {}", missing.message))
                    .label("RBAC refuses before the server looks whether it is there")
                    .second(denial, "claims a denial")
                    .hint(hint);
            }
            // Another distribution may have more than is known here.
            None if missing.meant.is_none() => {}
            // That a version is not served is a claim of its own.
            None if not_found && missing.meant.as_ref().is_some_and(|meant| is_another_version(&path, meant)) => {}
            None => {
                cx.findings.warn(place, missing.message.clone()).label("the API server answers 404 or 405").hint(hint);
            }
        }
        return;
    }
}

/// Whether two paths differ in the version of their API.
fn is_another_version(path: &str, meant: &str) -> bool {
    let version =
        |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    path.split('/').zip(meant.split('/')).any(|(one, other)| one != other && version(one) && version(other))
}

/// What to do about something that is not there.
pub(super) fn hint(cx: &Context<'_>, missing: &Missing) -> String {
    let hint = missing.hint().map(|hint| if_fresh(cx.namespace, &hint));
    hint.unwrap_or_else(|| "if this is meant, end the line with `# on purpose`".into())
}

/// The namespace of a path, which only a denial does not miss.
fn namespaces(cx: &mut Context<'_>, drafts: &[Draft<'_>], step: &Step, place: &str) {
    let (Some(denial), Action::Curl(_) | Action::Request(_)) = (denial(step), &step.action) else { return };
    for request in step.action.requests() {
        let Request::Resource { namespace: Some(namespace), resource, .. } = &request else { continue };
        let made = || {
            let objects = drafts.iter().flat_map(|draft| &draft.objects);
            objects.filter(|placed| placed.object.kind.is("", "Namespace")).map(|placed| placed.object.name.as_str())
        };
        let known = [cx.namespace].into_iter().chain(EVERYWHERE).chain(made());
        let there = namespace.contains('{') || known.clone().any(|known| known == namespace);
        if resource == "namespaces" || there {
            continue;
        }
        let near = nearest(namespace, known);
        let near = near.map(|near| format!("did you mean `{}`?", if_fresh(cx.namespace, near)));
        let message = format!("a denial proves nothing here: no step makes namespace `{namespace}`");
        let finding = if near.is_some() { cx.findings.error(place, message) } else { cx.findings.warn(place, message) };
        finding
            .label("RBAC refuses before the server looks whether it is there")
            .second(&denial, "claims a denial")
            .hint(near.unwrap_or_else(|| "make it by an earlier step of kind Namespace".into()));
    }
}
