//! Groups: whether anything is in one of this name.

use crate::{
    k8s::{near::is_slip_of_own, usernames, well_known::GROUPS},
    plan::context::{Context, words::if_fresh},
};

/// Warns about groups that no user is in.
pub(in crate::plan) fn check(cx: &mut Context<'_>, at: &str, name: &str) {
    if let Some(rest) = name.strip_prefix(usernames::PREFIX) {
        let hint = match rest.split_once(':') {
            Some(_) => "this is a user: write `kind: ServiceAccount`".to_owned(),
            None => format!("did you mean `{}`?", if_fresh(cx.namespace, &usernames::group(rest))),
        };
        let message = if_fresh(cx.namespace, &format!("nobody is in the group `{name}`"));
        cx.findings.warn(at, message).hint(if_fresh(cx.namespace, &hint));
    } else if let Some(near) = GROUPS.iter().find(|own| is_slip_of_own(name, own)).filter(|_| !GROUPS.contains(&name)) {
        cx.findings.warn(at, format!("nobody is in the group `{name}`")).hint(format!("did you mean `{near}`?"));
    }
}
