//! `get`, `delete` and `wait`: which object is meant.

use super::{
    Context, below,
    draft::Draft,
    manifests::{check_name, kind_of},
    story::Story,
    waits,
};
use crate::{
    plan::{Kind, Target, kinds::nearest},
    scenario::verbs::{ObjectRef, Until, Wait},
};

/// Namespaces that every cluster has.
pub(super) const EVERYWHERE: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Reads the target of `get`.
pub(super) fn get(cx: &mut Context<'_>, draft: &Draft<'_>, object: &ObjectRef, story: &Story<'_>) -> Option<Target> {
    let at = draft.at();
    let kind = kind_of(cx, &at, draft.refused, &object.kind, object.api_version.as_deref())?;
    let all = object.namespace.as_deref() == Some("*");
    if all && let Some(name) = &object.name {
        cx.findings
            .error(&below(&at, "namespace"), format!("`{name}` of all namespaces"))
            .label("one object is in one namespace")
            .hint(format!("to look everywhere, list with `fieldSelector: metadata.name={name}`"));
    }
    if object.name.is_some() {
        for (key, selector) in selectors(object) {
            if selector.is_some() {
                cx.findings
                    .error(&below(&at, key), format!("`{key}` beside a `name`"))
                    .at_key()
                    .label("selects from a list")
                    .second_key(&below(&at, "name"), "asks for one object")
                    .hint("leave out one of them");
            }
        }
    }
    let namespace = if all && kind.namespaced {
        None
    } else {
        namespace(cx, draft, &kind, (object.name.as_deref(), object.namespace.as_deref()), story, true)
    };
    if let Some(name) = &object.name {
        named(cx, draft, &kind, namespace.as_deref(), name, story);
    }
    Some(Target {
        kind,
        namespace,
        name: object.name.clone(),
        label_selector: object.label_selector.clone(),
        field_selector: object.field_selector.clone(),
    })
}

/// Reads the target of `delete`.
pub(super) fn delete(cx: &mut Context<'_>, draft: &Draft<'_>, object: &ObjectRef, story: &Story<'_>) -> Option<Target> {
    let at = draft.at();
    let kind = kind_of(cx, &at, draft.refused, &object.kind, object.api_version.as_deref())?;
    for (key, selector) in selectors(object) {
        if selector.is_some() {
            cx.findings
                .error(&below(&at, key), format!("`{key}` with `delete`"))
                .at_key()
                .hint("delete one object by its `name`");
        }
    }
    let namespace = namespace(cx, draft, &kind, (object.name.as_deref(), object.namespace.as_deref()), story, false);
    let Some(name) = &object.name else {
        cx.findings.error(&at, "`delete` without a `name`").hint("add `name: …`; a step deletes one object");
        return None;
    };
    let key = (kind.group.as_str(), kind.kind.as_str());
    let before = story.world.last(key, namespace.as_deref(), name);
    match before.map(|known| known.gone) {
        _ if draft.refused => {}
        Some(Some(gone)) => {
            cx.findings
                .error(&below(&at, "name"), format!("{} `{name}` is deleted already, by step {}", kind.kind, gone + 1))
                .second(&below(&format!("/steps/{gone}"), "delete"), "deleted here");
        }
        Some(None) => {}
        None => named(cx, draft, &kind, namespace.as_deref(), name, story),
    }
    Some(Target { kind, namespace, name: Some(name.clone()), label_selector: None, field_selector: None })
}

/// Reads the target of `wait`.
pub(super) fn wait(cx: &mut Context<'_>, draft: &Draft<'_>, wait: &Wait, story: &Story<'_>) -> Option<Target> {
    let at = draft.at();
    let kind = kind_of(cx, &at, false, &wait.kind, wait.api_version.as_deref())?;
    let namespace = namespace(cx, draft, &kind, (Some(&wait.name), wait.namespace.as_deref()), story, true);
    let until = below(&at, "for");
    match &wait.until {
        Until::Condition(condition) if condition.trim().is_empty() => {
            cx.findings
                .error(&below(&until, "condition"), "a condition without a name")
                .hint("e.g. `condition: Ready`");
        }
        Until::Object(object) if object.is_empty() => {
            cx.findings
                .error(&below(&until, "object"), "every object contains this")
                .hint("to wait until it is there, write `for: exists`");
        }
        _ => {}
    }
    if !matches!(wait.until, Until::Deleted) {
        named(cx, draft, &kind, namespace.as_deref(), &wait.name, story);
    }
    let target = Target { kind, namespace, name: Some(wait.name.clone()), label_selector: None, field_selector: None };
    waits::check(cx, draft, wait, &target, story);
    Some(target)
}

/// The target of `patch`.
pub(super) fn change(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    kind: Kind,
    (name, said): (&str, Option<&str>),
    story: &Story<'_>,
) -> Target {
    let namespace = namespace(cx, draft, &kind, (Some(name), said), story, draft.refused);
    named(cx, draft, &kind, namespace.as_deref(), name, story);
    Target { kind, namespace, name: Some(name.to_owned()), label_selector: None, field_selector: None }
}

fn selectors(object: &ObjectRef) -> [(&'static str, &Option<String>); 2] {
    [("labelSelector", &object.label_selector), ("fieldSelector", &object.field_selector)]
}

/// The namespace of a target, `None` for cluster-wide kinds and after an error.
fn namespace(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    kind: &Kind,
    (name, said): (Option<&str>, Option<&str>),
    story: &Story<'_>,
    reads: bool,
) -> Option<String> {
    let at = below(&draft.at(), "namespace");
    match said {
        Some(_) if !kind.namespaced => {
            cx.findings
                .error(&at, format!("a {} has no namespace", kind.kind))
                .label("its kind is cluster-wide")
                .hint("remove the line");
            None
        }
        None if !kind.namespaced => None,
        None => Some(cx.namespace.to_owned()),
        Some("*") => {
            cx.findings.error(&at, "`*` stands for all namespaces only where `get` lists").hint("name one namespace");
            None
        }
        Some(namespace) => {
            let there = namespace == cx.namespace || story.exists(namespace);
            if !there && EVERYWHERE.contains(&namespace) {
                let own = name
                    .is_some_and(|name| story.world.alive((&kind.group, &kind.kind), Some(namespace), name).is_some());
                if !reads && !own {
                    let does = if draft.verb == Some("patch") { "changes" } else { "deletes" };
                    cx.findings
                        .error(&at, format!("a scenario {does} nothing in namespace `{namespace}`"))
                        .hint("only what it has made there, and in its own namespaces");
                }
            } else if !there && !draft.refused {
                story.no_namespace(cx, &at, namespace, "make it by an earlier step of kind Namespace");
            }
            Some(namespace.to_owned())
        }
    }
}

/// Checks the name, and warns if it looks like a slip of the fingers.
fn named(cx: &mut Context<'_>, draft: &Draft<'_>, kind: &Kind, namespace: Option<&str>, name: &str, story: &Story<'_>) {
    if draft.refused {
        return;
    }
    let at = below(&draft.at(), "name");
    let before = cx.findings.errors();
    check_name(cx, &at, kind, name);
    let key = (kind.group.as_str(), kind.kind.as_str());
    if cx.findings.errors() > before || story.made_by(key, namespace, name).is_some() {
        return;
    }
    let names = story.names(&kind.group, &kind.kind);
    if let Some(near) = nearest(name, names.into_iter()) {
        cx.findings.warn(&at, format!("no step makes {} `{name}`", kind.kind)).hint(format!("did you mean `{near}`?"));
    }
}
