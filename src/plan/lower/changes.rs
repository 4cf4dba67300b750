//! What a step changes in the world of the story: objects made and deleted.

use super::request_objects;
use crate::{
    k8s::well_known::EVERYWHERE,
    plan::{
        Action, Object,
        context::{Context, Draft, Placed, below},
        resolve::{bindings, story::Story, world::Known},
        when,
    },
    scenario::Verb,
};

/// Makes all objects of a step.
pub(in crate::plan) fn make_all<'a>(story: &mut Story<'a>, cx: &mut Context<'_>, draft: &'a Draft<'a>) -> Vec<Object> {
    draft.objects.iter().for_each(|placed| make(story, cx, draft, placed));
    draft.objects.iter().map(|placed| placed.object.clone()).collect()
}

/// Notes all objects of a step as they are.
pub(in crate::plan) fn note_all<'a>(story: &mut Story<'a>, draft: &'a Draft<'a>) {
    draft.objects.iter().for_each(|placed| story.world.add(known(draft, placed)));
}

/// What a call from a Pod, or a request, makes or deletes.
pub(in crate::plan) fn by_call<'a>(story: &mut Story<'a>, draft: &'a Draft<'a>, action: Option<&Action>) {
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
        // What kubectl makes in a namespace, kubectl may have deleted since.
        let told = |before: &&Known<'_>| namespace.is_none() || story.drafts[before.step].verb != Some(Verb::Kubectl);
        let before = before.filter(together).filter(told);
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
    if object.kind.is("policy", "Eviction") {
        story.world.delete(("", "Pod"), namespace, &object.name, draft.index);
    }
    if object.is_kept() {
        story.world.add(known(draft, placed));
    }
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
