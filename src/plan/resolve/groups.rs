//! Groups: whether anything is in one of this name.

use crate::plan::context::Context;

/// Warns about groups that no user is in.
pub(in crate::plan) fn check(cx: &mut Context<'_>, at: &str, name: &str) {
    if let Some(rest) = name.strip_prefix("system:serviceaccount:") {
        let hint = match rest.split_once(':') {
            Some(_) => "this is a user: write `kind: ServiceAccount`".to_owned(),
            None => format!("did you mean `system:serviceaccounts:{rest}`?"),
        };
        cx.findings.warn(at, format!("nobody is in the group `{name}`")).hint(hint);
    }
}
