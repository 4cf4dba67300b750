//! `get`: an object, or a list.

use super::{kind::kind_of, target};
use crate::{
    plan::{
        Target,
        context::{Context, Draft, below},
        resolve::story::Story,
    },
    scenario::verbs::ObjectRef,
};

/// Reads the target of `get`.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    object: &ObjectRef,
    story: &Story<'_>,
) -> Option<Target> {
    let at = draft.at();
    let kind = kind_of(cx, &at, (draft.refused, draft.when.as_ref()), &object.kind, object.api_version.as_deref())?;
    target::readable(cx, draft, object.label_selector.as_ref());
    let all = object.namespace.as_deref() == Some("*");
    if all && let Some(name) = &object.name {
        cx.findings
            .error(&below(&at, "namespace"), format!("`{name}` of all namespaces"))
            .label("one object is in one namespace")
            .hint(format!("to look everywhere, list with `fieldSelector: metadata.name={name}`"));
    }
    if object.name.is_some() {
        for (key, selector) in target::selectors(object) {
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
        target::namespace(cx, draft, &kind, (object.name.as_deref(), object.namespace.as_deref()), story, true)
    };
    if let Some(name) = &object.name {
        target::named(cx, draft, &kind, namespace.as_deref(), name, story);
    }
    Some(Target {
        kind,
        namespace,
        name: object.name.clone(),
        label_selector: object.label_selector.clone(),
        field_selector: object.field_selector.clone(),
    })
}
