//! `delete`: one object, or all of a kind that have some labels.

use super::{kind::kind_of, target};
use crate::{
    plan::{
        Target,
        context::{Context, Draft, below},
        resolve::{reference::deletion, story::Story},
    },
    scenario::verbs::ObjectRef,
};

/// Reads the target of `delete`.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    object: &ObjectRef,
    story: &Story<'_>,
) -> Option<Target> {
    let at = draft.at();
    let kind = kind_of(cx, &at, (draft.refused, draft.when.as_ref()), &object.kind, object.api_version.as_deref())?;
    let labels = object.label_selector.as_ref().filter(|_| object.name.is_none());
    for (key, selector) in target::selectors(object) {
        if selector.is_some() && (labels.is_none() || key != "labelSelector") {
            let found = cx.findings.error(&below(&at, key), format!("`{key}` with `delete`")).at_key();
            found.hint("delete one object by its `name`, or by `labelSelector` alone all that have these labels");
        }
    }
    if labels.is_some_and(|labels| labels.trim().is_empty()) {
        cx.findings.error(&below(&at, "labelSelector"), "no label at all").hint("e.g. `app=web`");
    }
    target::readable(cx, draft, labels);
    if labels.is_some() && !kind.namespaced {
        cx.findings
            .error(&below(&at, "labelSelector"), format!("a {} is cluster-wide, and may be another's", kind.kind))
            .at_key()
            .hint("delete one object by its `name`");
    }
    let namespace =
        target::namespace(cx, draft, &kind, (object.name.as_deref(), object.namespace.as_deref()), story, false);
    if let Some(labels) = labels {
        return Some(Target {
            kind,
            namespace,
            name: None,
            label_selector: Some(labels.clone()),
            field_selector: None,
        });
    }
    let Some(name) = &object.name else {
        cx.findings
            .error(&at, "`delete` without a `name`")
            .hint("add `name: …`, or `labelSelector: …` for all that have these labels");
        return None;
    };
    let key = (kind.group.as_str(), kind.kind.as_str());
    let before = story.world.last(key, namespace.as_deref(), name);
    match before.map(|known| known.gone) {
        _ if draft.refused => {}
        Some(Some(gone)) => {
            cx.findings
                .error(&below(&at, "name"), format!("{} `{name}` is deleted already, by step {}", kind.kind, gone + 1))
                .second(&deletion(gone), "deleted here");
        }
        Some(None) => {}
        None => target::named(cx, draft, &kind, namespace.as_deref(), name, story),
    }
    Some(Target { kind, namespace, name: Some(name.clone()), label_selector: None, field_selector: None })
}
