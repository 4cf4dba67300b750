//! `delete`: one object.

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
    for (key, selector) in target::selectors(object) {
        if selector.is_some() {
            cx.findings
                .error(&below(&at, key), format!("`{key}` with `delete`"))
                .at_key()
                .hint("delete one object by its `name`");
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
