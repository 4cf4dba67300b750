//! `token` and `patch`: what is asked for, and whether it can be.

use crate::{
    plan::{
        Action, TokenCall,
        context::{Context, Draft, below},
        lower::duration,
        resolve::{reference, story::Story},
    },
    scenario::{
        calls::{BoundKind, TokenRequest},
        duration::Lifetime,
    },
};

/// Reads a request for a token.
pub(in crate::plan) fn read(
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
    let denied = draft.step.expect.iter().flat_map(|expects| expects.items()).any(|(_, expect)| expect.is_denial());
    if !draft.refused {
        reference::account(cx, &account_at, &namespace, &account, story);
    } else if denied {
        reference::asked_account(cx, &account_at, (&namespace, &account), story);
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
            reference::object(cx, &below(&below(&at, "boundTo"), "name"), (kind, &namespace, &bound.name), story);
        }
        (kind.to_owned(), bound.name.clone())
    });
    let secret = token.from.as_ref().map(|from| {
        if !draft.refused {
            reference::object(cx, &below(&below(&at, "from"), "secret"), ("Secret", &namespace, &from.secret), story);
        }
        from.secret.clone()
    });
    let audiences = token.audiences.clone();
    Some(Action::Token(Box::new(TokenCall { namespace, account, seconds, audiences, bound_to, secret })))
}

fn seconds(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, duration: &Lifetime) -> Option<u64> {
    let text = &duration.0;
    let read = duration::read(cx, at, text, "e.g. `600s`, `30m`, `2h`")?;
    let seconds = read.as_secs();
    if read.subsec_millis() != 0 {
        cx.findings
            .error(at, format!("`{text}` is no number of whole seconds, which is what the API server takes"))
            .hint("e.g. `600s`, `30m`, `2h`");
        return None;
    }
    if !draft.refused && !(600..=1 << 32).contains(&seconds) {
        cx.findings
            .error(at, format!("the API server gives no token for `{text}`"))
            .label("10 minutes at least, and 2^32 seconds at most")
            .hint("to see it refused, add `expect: {status: 422}`");
    }
    Some(seconds)
}
