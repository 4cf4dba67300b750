//! `delete`: one object.

use super::{kind::kind_of, target};
use crate::{
    plan::{
        Target,
        context::{Context, Draft, below, words::if_fresh},
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
    for (key, selector) in target::selectors(object) {
        if let Some(selector) = selector {
            let finding = cx.findings.error(&below(&at, key), format!("`{key}` with `delete`")).at_key();
            if object.name.is_some() {
                finding.hint("delete one object by its `name`");
                continue;
            }
            let namespace =
                kind.namespaced.then(|| object.namespace.clone().unwrap_or_else(|| cx.namespace.to_owned()));
            let all = Target { kind, namespace, name: None, label_selector: None, field_selector: None };
            let selector = if selector.contains([' ', '\'']) { "…" } else { selector };
            let path = if_fresh(cx.namespace, &all.path(&all.kind));
            finding.hint(format!(
                "delete one object by its `name`, or all of these by `request: {{method: DELETE, path: '{path}?{key}={selector}'}}`"
            ));
            return None;
        }
    }
    let namespace =
        target::namespace(cx, draft, &kind, (object.name.as_deref(), object.namespace.as_deref()), story, false);
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
                .second(&deletion(gone), "deleted here");
        }
        Some(None) => {}
        None => target::named(cx, draft, &kind, namespace.as_deref(), name, story),
    }
    Some(Target { kind, namespace, name: Some(name.clone()), label_selector: None, field_selector: None })
}
