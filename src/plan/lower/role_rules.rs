//! Rules of Roles: what the API server refuses.

use serde_json::{Map, Value};

use super::kind::json_type;
use crate::{
    k8s::rbac_words::{group_of, listed},
    plan::context::{Context, Draft, below},
};

/// Checks the rules of a Role or ClusterRole; `at` is the pointer of the list.
pub(in crate::plan) fn check(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, kind: &str, rules: &[Value]) {
    for (index, rule) in rules.iter().enumerate() {
        let at = below(at, index);
        let Value::Object(rule) = rule else {
            cx.findings.error(&at, "a rule must be a map").label(format!("this is {}", json_type(rule)));
            continue;
        };
        if !draft.refused {
            shape(cx, &at, kind, rule);
        }
    }
}

/// What the API server answers 422 to.
fn shape(cx: &mut Context<'_>, at: &str, kind: &str, rule: &Map<String, Value>) {
    let empty = |key: &str| listed(rule, key).is_empty();
    if empty("verbs") {
        cx.findings.error(&below(at, "verbs"), "a rule without verbs").hint("e.g. `verbs: [get, list]`");
    }
    match (empty("resources"), empty("nonResourceURLs")) {
        (true, true) => {
            cx.findings
                .error(at, "a rule about nothing: neither `resources` nor `nonResourceURLs`")
                .hint("e.g. `apiGroups: [\"\"], resources: [pods]`");
        }
        (false, false) => {
            cx.findings
                .error(&below(at, "nonResourceURLs"), "a rule for resources and for URLs at once")
                .at_key()
                .second_key(&below(at, "resources"), "the resources")
                .hint("make two rules of it");
        }
        (false, true) if empty("apiGroups") => {
            let group = group_of(listed(rule, "resources")[0]).unwrap_or_default();
            cx.findings
                .error(&below(at, "resources"), "a rule with `resources` needs `apiGroups`")
                .hint(format!("add `apiGroups: [\"{group}\"]`"));
        }
        (true, false) => {
            for key in ["apiGroups", "resourceNames"].into_iter().filter(|key| !empty(key)) {
                cx.findings
                    .error(&below(at, key), format!("`{key}` in a rule for URLs"))
                    .at_key()
                    .second_key(&below(at, "nonResourceURLs"), "the URLs")
                    .hint(format!("remove `{key}`: only a rule with `resources` has them"));
            }
        }
        (false, true) => {}
    }
    if kind == "Role" && !empty("nonResourceURLs") {
        cx.findings
            .error(&below(at, "nonResourceURLs"), "`nonResourceURLs` in a Role")
            .at_key()
            .label("only a ClusterRole can have them")
            .hint("use a ClusterRole and bind it cluster-wide");
    }
}
