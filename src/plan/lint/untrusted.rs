//! `--untrusted`: each step that asks for what reaches the node, with its place.

use serde_json::Value;

use crate::{
    k8s::kubectl::grammar,
    plan::{
        Action, Place, Request, Step,
        context::{Context, Draft, below},
        kinds::OWN,
        lower::url,
    },
    reach::{self, Reach},
    scenario::{Verb, beside},
};

/// Looks at all that the steps send.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
    for draft in drafts {
        for placed in &draft.objects {
            // kubectl's are in its standard input, which is looked at below.
            if draft.verb != Some(Verb::Kubectl) {
                let found = reach::manifest(&placed.object.kind.kind, &placed.object.manifest);
                refuse(cx, &placed.pointer, found);
            }
        }
        sent(cx, draft);
    }
    for step in steps {
        let at = below(&step.pointer, step.verb);
        match &step.action {
            Action::Patch(change) => {
                let part = change.subresource.as_deref();
                refuse(cx, &below(&at, "body"), reach::change(&change.target.kind.kind, part, &change.body));
            }
            Action::Kubectl(call) => {
                if let Some((index, what)) = reach::kubectl::reaches(&call.args) {
                    // `--namespace` is put before what the step says.
                    let said = cx.findings.document().scenario.steps.get(step.number - 1);
                    let said = said.and_then(|step| step.kubectl.as_ref()).map_or(0, |call| call.args.len());
                    let index = (index + said).saturating_sub(call.args.len());
                    let at = below(&below(&at, "args"), index);
                    complain(
                        cx,
                        &at,
                        &what,
                        "kubectl runs on the node as root: use `get`, `apply`, `request` or `exec`",
                    );
                }
                if let Some(text) = &call.stdin {
                    let found = in_text(text, reach::manifest);
                    refuse(cx, &below(&at, "stdin"), found);
                }
                if let Ok(read) = grammar::read(&call.args) {
                    for given in read.values("patch") {
                        let text = given.value.as_deref().unwrap_or_default();
                        // It may name any kind, and changes what is there.
                        let found = in_text(text, |_, part| reach::change("", None, part));
                        refuse(cx, &below(&at, "args"), found);
                    }
                }
            }
            Action::Curl(call) => elsewhere(cx, &at, &call.place, drafts),
            Action::Exec(call) => elsewhere(cx, &at, &call.place, drafts),
            _ => {}
        }
    }
}

/// Pods that nothing in the scenario makes may hold the node, where they are not in a namespace of its own.
fn elsewhere(cx: &mut Context<'_>, at: &str, place: &Place, drafts: &[Draft<'_>]) {
    let mut objects = drafts.iter().flat_map(|draft| &draft.objects).map(|placed| &placed.object);
    let own = objects.any(|object| object.kind.is("", "Namespace") && object.name == place.namespace);
    if place.of.is_some() && place.namespace != cx.namespace && !own {
        let what = format!("a Pod of namespace `{}` that it does not make", place.namespace);
        complain(cx, &below(at, "in"), &what, "call from a Pod that a step makes, in the scenario's own namespace");
    }
}

/// The body of a call from a Pod or from outside: an object, or a change of one.
fn sent(cx: &mut Context<'_>, draft: &Draft<'_>) {
    let (text, body) = match (&draft.step.curl, &draft.step.request) {
        (Some(curl), _) => (curl.url.clone(), curl.body.as_ref()),
        (None, Some(call)) => (format!("https://kubernetes{}", call.path), call.body.as_ref()),
        (None, None) => return,
    };
    let (Some(body), Ok(url)) = (body, url::read(&text)) else { return };
    let at = below(&draft.at(), "body");
    let Request::Resource { group, resource, subresource, .. } = Request::from_http("POST", &url.path_and_query) else {
        return;
    };
    let own = OWN.iter().find(|own| own.group == group && own.plural.as_ref() == Some(&resource));
    let known = own.map_or("", |own| own.kind.as_str());
    match body {
        // As YAML or as a text of JSON.
        Value::String(text) => {
            let found = in_text(text, |kind, object| {
                let kind = if kind.is_empty() { known } else { kind };
                reach::change(kind, subresource.as_deref(), object)
            });
            refuse(cx, &at, found);
        }
        body => {
            let kind = body["kind"].as_str().unwrap_or(known);
            // What a POST makes has been looked at among the step's objects.
            if !draft.objects.iter().any(|placed| placed.pointer == at) {
                refuse(cx, &at, reach::change(kind, subresource.as_deref(), body));
            }
        }
    }
}

/// What the objects in a text of YAML or JSON reach, each looked at with its kind; and a text in which others could read more.
fn in_text(text: &str, of: impl Fn(&str, &Value) -> Vec<Reach>) -> Vec<Reach> {
    let Some(values) = beside::values(text) else {
        let what = "a text that is not YAML in one reading only";
        return vec![Reach { pointer: String::new(), what: what.into() }];
    };
    let first = |value: &Value| of(value["kind"].as_str().unwrap_or_default(), value).into_iter().next();
    values.iter().filter_map(first).map(|reach| Reach { pointer: String::new(), ..reach }).collect()
}

fn refuse(cx: &mut Context<'_>, at: &str, found: Vec<Reach>) {
    for reach in found {
        let hint = "leave it out, or run the scenario without --untrusted if you trust its author";
        complain(cx, &format!("{at}{}", reach.pointer), &reach.what, hint);
    }
}

fn complain(cx: &mut Context<'_>, at: &str, what: &str, hint: &str) {
    cx.findings
        .error(at, format!("an untrusted scenario may not reach the node: {what}"))
        .label("reaches the node")
        .hint(hint);
}
