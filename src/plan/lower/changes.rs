//! What a step changes in the world of the story: objects made and deleted.

use super::request_objects;
use crate::{
    k8s::well_known::EVERYWHERE,
    plan::{
        Action, Object,
        context::{Context, Draft, Placed, below},
        request::parameter,
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
    // What is only tried is neither made nor deleted.
    if draft.refused || action.is_some_and(|action| !action.changes()) {
        return;
    }
    for placed in &draft.objects {
        story.world.add(known(draft, placed));
    }
    let asked = action.map(Action::requests).unwrap_or_default();
    if let Some((kind, namespace)) = request_objects::emptied(asked.first()) {
        let paths = action.map(Action::paths).unwrap_or_default();
        let query = paths.first().and_then(|(_, path)| Some(path.split_once('?')?.1)).unwrap_or_default();
        let labels = parameter(query, "labelSelector").unwrap_or_default();
        if parameter(query, "fieldSelector").is_none() {
            story.world.delete_labelled((&kind.group, &kind.kind), namespace, &labels, draft.index);
        }
    }
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

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::plan::make::testing::{in_default, said};

    const PODS: &str = "/api/v1/namespaces/default/pods";

    fn by_request(query: &str) -> Value {
        json!({"request": {"method": "DELETE", "path": format!("{PODS}{query}")}})
    }

    #[rstest]
    #[case(json!({"delete": {"kind": "Pod", "labelSelector": "app in (web, api)"}}), true)]
    #[case(json!({"delete": {"kind": "Pod", "labelSelector": "app,!tier"}}), true)]
    #[case(json!({"delete": {"kind": "Pod", "labelSelector": "app notin (web)"}}), false)]
    #[case(json!({"delete": {"kind": "Pod", "labelSelector": "!app"}}), false)]
    #[case(by_request("?labelSelector=app+in+%28web%29"), true)]
    #[case(by_request("?labelSelector=app%21%3Dweb"), false)]
    #[case(by_request(""), true)]
    #[case(by_request("?fieldSelector=status.phase%3DFailed"), false)]
    #[case(by_request("?dryRun=All"), false)]
    #[case(by_request("/p?dryRun=All"), false)]
    #[case(by_request("/p"), true)]
    fn what_is_deleted_by_labels_is_gone(#[case] step: Value, #[case] gone: bool) {
        let pod = json!({"create": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "curl"}]}}});
        let found = said(in_default(json!([pod, step, {"exec": {"in": "p", "command": ["ls"]}}])));
        let told = found.iter().any(|line| line.starts_with("error /steps/2/exec/in") && line.contains("gone"));
        assert_eq!(told, gone, "{found:?}");
    }

    #[rstest]
    #[case(json!({"delete": {"kind": "Pod", "labelSelector": "app in web"}}), true)]
    #[case(json!({"get": {"kind": "Pod", "labelSelector": "app=a,"}}), true)]
    #[case(json!({"get": {"kind": "Pod", "labelSelector": "app in web"}, "expect": {"status": 400}}), false)]
    #[case(json!({"get": {"kind": "Pod", "labelSelector": "app notin (web, ), example.com/x"}}), false)]
    fn a_selector_that_the_server_cannot_read_is_told(#[case] step: Value, #[case] told: bool) {
        let found = said(in_default(json!([step])));
        assert_eq!(found.iter().any(|line| line.contains("/labelSelector: ")), told, "{found:?}");
    }
}
