//! Walks the steps in order, lowers each to what it does, and keeps what exists when.

use crate::{
    k8s::well_known::EVERYWHERE,
    plan::{
        Action, Object, Step,
        context::{Context, Draft, Placed, below},
        lint::endless_wait,
        lower::{
            caller, can, curl, delete, exec, expect, get, kubectl, patch, request, request_objects, save, token, wait,
        },
        resolve::{bindings, saved, story::Story, world::Known},
        when,
    },
    scenario::{Verb, schema},
};

/// Makes the steps of the plan.
pub(super) fn steps<'a>(cx: &mut Context<'_>, drafts: &'a [Draft<'a>]) -> Vec<Step> {
    let mut story = Story::new(drafts);
    let mut steps = Vec::new();
    for draft in drafts {
        saved::uses(cx, draft, &mut story);
        let caller = caller::read(cx, draft, &story);
        let action = act(&mut story, cx, draft);
        let save = save::read(cx, draft, action.as_ref(), &mut story);
        let expected = expect::read(cx, draft);
        let (Some(verb), Some(action)) = (draft.verb, action) else {
            continue;
        };
        steps.push(Step {
            number: draft.index + 1,
            pointer: draft.pointer.clone(),
            title: draft.step.title.clone(),
            say: draft.step.say.clone(),
            rows: (draft.step.rows.iter().map(|row| row.0.clone())).collect(),
            timeout: draft.timeout,
            verb,
            action,
            expected,
            when: draft.when.clone(),
            caller,
            save,
            on_purpose: false,
        });
    }
    saved::unused(cx, &story);
    saved::skipped(cx, &story, &steps);
    steps
}

fn act<'a>(story: &mut Story<'a>, cx: &mut Context<'_>, draft: &'a Draft<'a>) -> Option<Action> {
    let step: &schema::Step = draft.step;
    match draft.verb? {
        Verb::Can => can::read(cx, draft, step.can.as_ref()?, story),
        Verb::Kubectl => {
            draft.objects.iter().for_each(|placed| story.world.add(known(draft, placed)));
            kubectl::read(cx, draft, step.kubectl.as_ref()?)
        }
        Verb::Get => get::read(cx, draft, step.get.as_ref()?, story).map(Action::Get),
        Verb::Delete => {
            let target = delete::read(cx, draft, step.delete.as_ref()?, story)?;
            if !draft.refused {
                let kind = (target.kind.group.as_str(), target.kind.kind.as_str());
                let name = target.name.as_deref().unwrap_or_default();
                let namespace = target.namespace.as_deref();
                story.world.delete(kind, namespace, name, draft.index);
            }
            Some(Action::Delete(target))
        }
        Verb::Wait => {
            let wait = step.wait.as_ref()?;
            let target = wait::read(cx, draft, wait, story)?;
            endless_wait::check(cx, draft, wait, &target, story);
            Some(Action::Wait(target, wait.until.clone()))
        }
        Verb::Curl => {
            let action = curl::read(cx, draft, step.curl.as_ref()?, story);
            call_changes(story, draft, action.as_ref());
            action
        }
        Verb::Exec => exec::read(cx, draft, step.exec.as_ref()?, story),
        Verb::Whoami => Some(Action::Whoami),
        Verb::Token => token::read(cx, draft, step.token.as_ref()?, story),
        Verb::Patch => patch::read(cx, draft, step.patch.as_ref()?, story),
        Verb::Request => {
            let action = request::read(cx, draft, step.request.as_ref()?);
            call_changes(story, draft, action.as_ref());
            action
        }
        Verb::Create => Some(Action::Create(make_all(story, cx, draft))),
        Verb::Pod => make_all(story, cx, draft).pop().map(Action::Pod),
        Verb::Apply | Verb::ServiceAccount | Verb::Role | Verb::ClusterRole | Verb::Bind => {
            Some(Action::Apply(make_all(story, cx, draft)))
        }
    }
}

/// Makes all objects of a step.
fn make_all<'a>(story: &mut Story<'a>, cx: &mut Context<'_>, draft: &'a Draft<'a>) -> Vec<Object> {
    draft.objects.iter().for_each(|placed| make(story, cx, draft, placed));
    draft.objects.iter().map(|placed| placed.object.clone()).collect()
}

/// What a call from a Pod, or a request, makes or deletes.
fn call_changes<'a>(story: &mut Story<'a>, draft: &'a Draft<'a>, action: Option<&Action>) {
    if draft.refused {
        return;
    }
    for placed in &draft.objects {
        story.world.add(known(draft, placed));
    }
    let asked = action.map(Action::requests).unwrap_or_default();
    if let Some((kind, namespace, name)) = request_objects::deleted(asked.first()) {
        let kind = (kind.group.as_str(), kind.kind.as_str());
        let namespace = namespace.filter(|_| kind != ("", "Namespace"));
        story.world.delete(kind, namespace, name, draft.index);
    }
}

/// A step makes an object.
fn make<'a>(story: &mut Story<'a>, cx: &mut Context<'_>, draft: &'a Draft<'a>, placed: &'a Placed) {
    let object = &placed.object;
    let kind = (object.kind.group.as_str(), object.kind.kind.as_str());
    let namespace = object.namespace.as_deref();
    if !draft.refused {
        check_namespace(story, cx, placed);
        bindings::check(cx, draft, placed, story);
        let before = story.world.alive(kind, namespace, &object.name);
        let together =
            |before: &&Known<'_>| when::together(story.drafts[before.step].when.as_ref(), draft.when.as_ref());
        let before = before.filter(together);
        if let Some(before) = before.filter(|_| draft.verb != Some(Verb::Apply) && !object.name.is_empty()) {
            let message =
                format!("{} `{}` is made already, by step {}", object.kind.kind, object.name, before.step + 1);
            cx.findings
                .error(&placed.name_at, message)
                .label("a second time")
                .second(before.pointer, "made here")
                .hint("change it by `apply`, or delete it first");
        }
    }
    if draft.refused {
        return;
    }
    story.world.add(known(draft, placed));
}

fn check_namespace(story: &mut Story<'_>, cx: &mut Context<'_>, placed: &Placed) {
    let Some(namespace) = placed.object.namespace.as_deref() else {
        return;
    };
    // Those that every cluster has take what is made in them; it is removed afterwards.
    if namespace == cx.namespace || story.exists(namespace) || EVERYWHERE.contains(&namespace) {
        return;
    }
    if let Some(into) = &placed.into {
        // Once for a file of many objects.
        if story.unknown.last() != Some(into) {
            story.unknown.push(into.clone());
            let hint = "make it by an earlier step of kind Namespace, or in the file";
            story.no_namespace(cx, into, namespace, hint);
        }
        return;
    }
    let at = below(&below(&placed.pointer, "metadata"), "namespace");
    let hint = "leave the line out: the scenario's own namespace is filled in";
    story.no_namespace(cx, &at, namespace, hint);
}

fn known<'a>(draft: &'a Draft<'a>, placed: &'a Placed) -> Known<'a> {
    Known { pointer: &placed.name_at, step: draft.index, object: &placed.object, gone: None }
}
