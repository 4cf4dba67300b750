//! `wait`: which object, and for what.

use serde_json::Value;

use super::{json_path, kind::kind_of, target};
use crate::{
    plan::{
        Target,
        context::{Context, Draft, below},
        resolve::story::Story,
    },
    scenario::verbs::{Until, Wait},
};

/// Reads the target of `wait`.
pub(in crate::plan) fn read(cx: &mut Context<'_>, draft: &Draft<'_>, wait: &Wait, story: &Story<'_>) -> Option<Target> {
    let at = draft.at();
    let kind = kind_of(cx, &at, (false, draft.when.as_ref()), &wait.kind, wait.api_version.as_deref())?;
    let namespace = target::namespace(cx, draft, &kind, (Some(&wait.name), wait.namespace.as_deref()), story, true);
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
        Until::Object(object) => {
            json_path::keys(
                cx,
                &below(&until, "object"),
                &Value::Object(object.clone()),
                (json_path::Of::Awaited, "$"),
            );
        }
        _ => {}
    }
    if !matches!(wait.until, Until::Deleted) {
        target::named(cx, draft, &kind, namespace.as_deref(), &wait.name, story);
    }
    Some(Target { kind, namespace, name: Some(wait.name.clone()), label_selector: None, field_selector: None })
}
