//! Rules with `resourceNames`: for which verbs a name is known when the server decides.

use super::rule::Rule;
use crate::plan::context::Context;

/// Warns about verbs for which the names of a rule help little or nothing.
pub(in crate::plan) fn check(cx: &mut Context<'_>, rule: &Rule<'_>) {
    let names = rule.listed("resourceNames");
    let resources = rule.listed("resources");
    // The URL of a subresource has the name of its object, even in a POST.
    let Some(resource) = resources.iter().find(|resource| !resource.contains('/')).filter(|_| !names.is_empty()) else {
        return;
    };
    let verbs = rule.listed("verbs");
    let lists = verbs.iter().position(|verb| matches!(*verb, "list" | "watch"));
    for (index, verb) in verbs.iter().enumerate() {
        let (message, label, hint) = match *verb {
            // Server-side apply of a new object asks for `create` and knows its name.
            "create" if verbs.contains(&"patch") => continue,
            "create" => (
                "`create` with `resourceNames` grants no POST",
                "a new object's name is not in the URL, so no name fits",
                "give `create` a rule of its own without `resourceNames`; only server-side apply, which needs `patch`, too, \
                 says the name"
                    .to_owned(),
            ),
            "deletecollection" => (
                "`deletecollection` with `resourceNames` grants nothing",
                "it deletes all, so no name fits",
                "write `delete`, which is about one object".to_owned(),
            ),
            // Once for both.
            "list" | "watch" if lists != Some(index) => continue,
            "list" | "watch" => (
                "`list` and `watch` with `resourceNames` grant nearly nothing",
                "only a list of this one name is allowed",
                match *names {
                    [name] => format!(
                        "ask for `{resource}?fieldSelector=metadata.name={name}`, or use `get`; for all, a rule without \
                         `resourceNames`"
                    ),
                    _ => "use `get`, or a rule without `resourceNames`".to_owned(),
                },
            ),
            _ => continue,
        };
        cx.findings
            .warn(&rule.at("verbs", index), message)
            .label(label)
            .second_key(&rule.list_at("resourceNames"), "limited to these names")
            .hint(hint);
    }
}
