//! Verbs of rules that are none of a request: only something certain is asked about each.

use super::rule::Rule;
use crate::{
    k8s::{
        rbac_words::several,
        special::{self, asked_of, may_be_asked},
    },
    plan::context::Context,
};

/// Warns of a verb that nothing asks about any resource of the rule.
pub(in crate::plan) fn check(cx: &mut Context<'_>, rule: &Rule<'_>) {
    let (verbs, groups, resources) = (rule.listed("verbs"), rule.listed("apiGroups"), rule.listed("resources"));
    let bases: Vec<&str> = resources.iter().map(|resource| resource.split('/').next().unwrap_or(resource)).collect();
    // What is told of the resource is not told again.
    let told = |base: &&str| special::group_of(&verbs, base).is_some_and(|group| !groups.contains(&group));
    if bases.is_empty()
        || groups.is_empty()
        || bases.iter().any(told)
        || resources.iter().any(|one| several(one).is_some())
    {
        return;
    }
    for (index, verb) in verbs.iter().enumerate() {
        let Some(known) = asked_of(verb) else { continue };
        let may = groups.iter().any(|group| bases.iter().any(|base| may_be_asked(verb, group, base)));
        // An older server has PodSecurityPolicies.
        if may || known.is_empty() && rule.draft.when.is_some() {
            continue;
        }
        let hint = match known {
            [] => "`use` was asked about PodSecurityPolicies, which are gone since Kubernetes 1.25".to_owned(),
            [(group, _), ..] => {
                let plurals: Vec<&str> =
                    known.iter().filter(|(own, _)| own == group).map(|(_, plural)| *plural).collect();
                let group = if group.is_empty() { "the core group".to_owned() } else { format!("API group `{group}`") };
                format!("it is asked about `{}` of {group}", plurals.join("`, `"))
            }
        };
        rule.in_vain(
            cx,
            ("verbs", index),
            format!("nothing asks for `{verb}` on `{}`", resources.join("` and `")),
            hint,
        );
    }
}
