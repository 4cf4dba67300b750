//! `token` and `patch`: what is asked for, and whether it can be.

use serde_json::Value;

use super::{
    Context, below,
    draft::Draft,
    identity,
    manifests::{a, kind_of},
    story::Story,
    targets,
};
use crate::{
    plan::{Action, Change, TokenCall},
    scenario::calls::{BoundKind, Lifetime, Patch, PatchType, TokenRequest},
};

/// Reads a request for a token.
pub(super) fn token(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    token: &TokenRequest,
    story: &Story<'_>,
) -> Option<Action> {
    let at = draft.at();
    let account_at = below(&at, "serviceAccount");
    let said = &token.service_account;
    let (namespace, account) = match said.split('/').collect::<Vec<_>>().as_slice() {
        [name] if !name.is_empty() && !name.contains(':') => (cx.namespace.to_owned(), (*name).to_owned()),
        [namespace, name] if !namespace.is_empty() && !name.is_empty() && *namespace != "serviceaccount" => {
            ((*namespace).to_owned(), (*name).to_owned())
        }
        _ => {
            let last = said.rsplit(['/', ':']).next().unwrap_or_default();
            cx.findings
                .error(&account_at, format!("`{said}` is no ServiceAccount"))
                .hint(format!("`NAME` or `NAMESPACE/NAME`, e.g. `{}`", if last.is_empty() { "demo-sa" } else { last }));
            return None;
        }
    };
    if !draft.refused {
        identity::account(cx, &account_at, &namespace, &account, story);
    }
    if token.from.is_some() {
        let others = [
            ("duration", token.duration.is_some()),
            ("audiences", !token.audiences.is_empty()),
            ("boundTo", token.bound_to.is_some()),
        ];
        for (key, _) in others.into_iter().filter(|(_, there)| *there) {
            cx.findings
                .error(&below(&at, key), format!("`{key}` of a token that is there already"))
                .at_key()
                .second_key(&below(&at, "from"), "takes it from a Secret")
                .hint("leave out one of them");
        }
    }
    let seconds = token.duration.as_ref().and_then(|duration| seconds(cx, draft, &below(&at, "duration"), duration));
    let bound_to = token.bound_to.as_ref().map(|bound| {
        let kind = match bound.kind {
            BoundKind::Pod => "Pod",
            BoundKind::Secret => "Secret",
            BoundKind::Node => "Node",
        };
        if kind != "Node" && !draft.refused {
            exists(cx, &below(&below(&at, "boundTo"), "name"), (kind, &namespace, &bound.name), story);
        }
        (kind.to_owned(), bound.name.clone())
    });
    let secret = token.from.as_ref().map(|from| {
        if !draft.refused {
            exists(cx, &below(&below(&at, "from"), "secret"), ("Secret", &namespace, &from.secret), story);
        }
        from.secret.clone()
    });
    let audiences = token.audiences.clone();
    Some(Action::Token(Box::new(TokenCall { namespace, account, seconds, audiences, bound_to, secret })))
}

fn seconds(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, duration: &Lifetime) -> Option<u64> {
    let text = &duration.0;
    let (digits, unit) = text.split_at(text.len().saturating_sub(1));
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        _ => 3600,
    };
    let Some(seconds) = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) else {
        cx.findings.error(at, format!("`{text}` is no length of time")).hint("e.g. `600s`, `30m`, `2h`");
        return None;
    };
    if !draft.refused && !(600..=1 << 32).contains(&seconds) {
        cx.findings
            .error(at, format!("the API server gives no token for `{text}`"))
            .label("10 minutes at least, and 2^32 seconds at most")
            .hint("to see it refused, add `expect: {status: 422}`");
    }
    Some(seconds)
}

/// Whether an object is there at this step, or says why not.
fn exists(cx: &mut Context<'_>, at: &str, (kind, namespace, name): (&str, &str, &str), story: &Story<'_>) {
    if name.contains(super::captures::PREFIX) || story.world.alive(("", kind), Some(namespace), name).is_some() {
        return;
    }
    let near = crate::plan::kinds::nearest(name, story.names("", kind).into_iter());
    if let Some((maker, made)) = story.made_by(("", kind), Some(namespace), name) {
        let gone = story.world.last(("", kind), Some(namespace), name).and_then(|known| known.gone);
        let (message, second) = match gone {
            Some(gone) => (
                format!("{kind} `{name}` is gone at this step"),
                (below(&format!("/steps/{gone}"), "delete"), "deleted here"),
            ),
            None => (format!("{kind} `{name}` is not there yet"), (made.name_at.clone(), "made later")),
        };
        let _ = maker;
        cx.findings.error(at, message).second(&second.0, second.1);
    } else {
        cx.findings
            .error(at, format!("no step makes {kind} `{name}` in namespace `{namespace}`"))
            .hint_if(near.map(|near| format!("did you mean `{near}`?")));
    }
}

/// Reads a change.
pub(super) fn patch(cx: &mut Context<'_>, draft: &Draft<'_>, patch: &Patch, story: &Story<'_>) -> Option<Action> {
    let at = draft.at();
    let kind = kind_of(cx, &at, draft.refused, &patch.kind, patch.api_version.as_deref())?;
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
                .error(&body_at, format!("`type: json` takes a list of operations, and this is {}", a(body)))
                .hint("e.g. `[{op: remove, path: /metadata/labels/app}]`, or `type: merge`");
        }
        (body, _) => {
            cx.findings.error(&body_at, format!("a part of the object, and this is {}", a(body))).hint("a map");
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
    let target = targets::change(cx, draft, kind, (&name, patch.namespace.as_deref()), story);
    Some(Action::Patch(Box::new(Change {
        target,
        subresource: patch.subresource.clone(),
        how,
        body: patch.body.clone(),
    })))
}
