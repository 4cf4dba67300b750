//! Which object `get`, `delete`, `wait` and `patch` mean.

use crate::{
    k8s::{selector::Selector, well_known::EVERYWHERE},
    plan::{
        Kind, Target,
        context::{Context, Draft, below},
        lower::kind::check_name,
        resolve::{
            story::Story,
            whereabouts::{Whereabouts, find},
        },
    },
    scenario::{Verb, verbs::ObjectRef},
};

/// The target of `patch`.
pub(in crate::plan) fn of_patch(
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

/// The selectors of a list, which one object has not.
pub(in crate::plan) fn selectors(object: &ObjectRef) -> [(&'static str, &Option<String>); 2] {
    [("labelSelector", &object.label_selector), ("fieldSelector", &object.field_selector)]
}

/// Says of a label selector that the API server cannot read it. A step may claim just that.
pub(in crate::plan) fn readable(cx: &mut Context<'_>, draft: &Draft<'_>, selector: Option<&String>) {
    let Some(selector) = selector.filter(|text| !text.contains('{')) else { return };
    let bad =
        draft.step.expect.iter().flat_map(|expects| expects.items()).any(|(_, expect)| expect.status == Some(400));
    if let (Err(part), false) = (Selector::read(selector), bad) {
        let what = if part.is_empty() {
            "a comma with nothing beside it".into()
        } else {
            format!("`{part}` is no condition on a label")
        };
        cx.findings
            .error(&below(&draft.at(), "labelSelector"), what)
            .hint("e.g. `app=web`, `app!=web`, `app in (a, b)`, `app`, `!app`, with commas between");
    }
}

/// The namespace of a target, `None` for cluster-wide kinds and after an error.
pub(in crate::plan) fn namespace(
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
                    let does = if draft.verb == Some(Verb::Patch) { "changes" } else { "deletes" };
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
pub(in crate::plan) fn named(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    kind: &Kind,
    namespace: Option<&str>,
    name: &str,
    story: &Story<'_>,
) {
    if draft.refused {
        return;
    }
    let at = below(&draft.at(), "name");
    let before = cx.findings.errors();
    check_name(cx, &at, kind, name, draft.when.as_ref());
    let key = (kind.group.as_str(), kind.kind.as_str());
    if cx.findings.errors() > before {
        return;
    }
    let hint = match find(story, key, namespace, name, &[]) {
        Whereabouts::Alive | Whereabouts::Gone(_) | Whereabouts::Later(..) | Whereabouts::Nowhere => return,
        Whereabouts::Elsewhere(other) => format!("it is in namespace `{other}`: say `namespace: {other}`"),
        Whereabouts::Near(near) => format!("did you mean `{near}`?"),
    };
    cx.findings.warn(&at, format!("no step makes {} `{name}`", kind.kind)).hint(hint);
}
