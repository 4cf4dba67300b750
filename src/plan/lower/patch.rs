//! `patch`: what is changed of which object.

use serde_json::Value;

use super::{
    kind::{json_type, kind_of},
    target,
};
use crate::{
    plan::{
        Action, Change,
        context::{Context, Draft, below},
        resolve::story::Story,
    },
    scenario::calls::{Patch, PatchType},
};

/// Reads a change.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    patch: &Patch,
    story: &Story<'_>,
) -> Option<Action> {
    let at = draft.at();
    let kind = kind_of(cx, &at, (draft.refused, draft.when.as_ref()), &patch.kind, patch.api_version.as_deref())?;
    let own = kind.plural.is_some();
    let how = patch.how.unwrap_or(if own { PatchType::Strategic } else { PatchType::Merge });
    if how == PatchType::Strategic && !own {
        cx.findings
            .error(&below(&at, "type"), "a strategic patch of a kind that is not Kubernetes' own")
            .label("the server answers 415")
            .hint("write `type: merge`");
    }
    let body_at = below(&at, "body");
    match (&patch.body, how) {
        (Value::Array(_), PatchType::Json) | (Value::Object(_), PatchType::Merge | PatchType::Strategic) => {}
        _ if draft.refused => {}
        (Value::Array(_), _) => {
            cx.findings.error(&body_at, "a list of operations").hint("that is `type: json`");
        }
        (body, PatchType::Json) => {
            cx.findings
                .error(&body_at, format!("`type: json` takes a list of operations, and this is {}", json_type(body)))
                .hint("e.g. `[{op: remove, path: /metadata/labels/app}]`, or `type: merge`");
        }
        (body, _) => {
            let json = body.as_str().filter(|text| text.trim().starts_with('{'));
            let hint =
                json.map_or_else(|| "a map".to_owned(), |text| format!("write `{}`, without the quotes", text.trim()));
            cx.findings.error(&body_at, format!("a part of the object, and this is {}", json_type(body))).hint(hint);
        }
    }
    if let Some(subresource) = &patch.subresource
        && (subresource.is_empty() || subresource.contains('/'))
    {
        cx.findings
            .error(&below(&at, "subresource"), "this is no subresource")
            .hint("one word, e.g. `scale` or `status`");
    }
    let name = patch.name.clone();
    let target = target::of_patch(cx, draft, kind, (&name, patch.namespace.as_deref()), story);
    Some(Action::Patch(Box::new(Change {
        target,
        subresource: patch.subresource.clone(),
        how,
        body: patch.body.clone(),
    })))
}
