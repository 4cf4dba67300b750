//! Groups where a caller is named: `{groups: [devs]}` without a user, and `group` where the key is `groups`.

use serde_json::{Map, Value as Json};

use super::{
    super::{
        Diagnostic,
        fix::{Edit, flow},
        tree::{Entry, Node, Value},
    },
    instead, mended,
};

/// What was meant by a mapping with the keys `user` and `groups`, or one of them; `keys` are those that it may have. `place` is what it is
/// called, and `element` whether it is one of several.
pub(in crate::scenario) fn meant(
    text: &str,
    node: &Node,
    entries: &[Entry],
    (keys, place, element): (&Map<String, Json>, &str, bool),
) -> Option<Diagnostic> {
    let only = |known: &[&str]| entries.iter().all(|entry| known.contains(&entry.key.as_str()));
    let of = |key: &str| entries.iter().find(|entry| entry.key == key);
    if !keys.contains_key("groups") {
        // `{group: [a, b]}`
        let names = names(&of("group")?.value).filter(|names| names.len() > 1 && only(&["group"]))?;
        return Some(several(node, &names, element));
    }
    if !keys.contains_key("user") || !only(&["user", "group", "groups"]) {
        return None;
    }
    let named = of("groups").or_else(|| of("group"))?;
    let all = names(&named.value)?;
    if let Some(one) = of("group").filter(|_| of("user").is_some() && of("groups").is_none()) {
        let written = format!("groups: {}", list(&all));
        let whole = instead("", &one.value, text, &list(&all)).fix;
        let fix = if whole.is_empty() { whole } else { [vec![Edit::replace(one.key_span, "groups")], whole].concat() };
        return Some(mended("a user is in `groups`", one.key_span, &format!("write `{written}`"), fix));
    }
    if of("user").is_some() {
        return None;
    }
    // Whoever acts is somebody; that `groups` alone say nobody is told where callers are read.
    if keys.contains_key("token") {
        of("group")?;
        let written = format!("{{user: NAME, groups: {}}}", list(&all));
        let message = format!("{place} says nobody: groups belong to a user");
        return Some(mended(&message, node.span, &format!("name one, who need not exist: `{written}`"), Vec::new()));
    }
    match all.as_slice() {
        [one] => {
            let written = format!("{{group: {}}}", flow(one));
            let fix = instead("", node, text, &written).fix;
            let hint = format!("whoever is in a group is `{written}`");
            Some(mended(&format!("{place} has groups and no user"), node.span, &hint, fix))
        }
        _ => Some(several(node, &all, element)),
    }
}

/// A subject of a binding is one group.
pub(in crate::scenario) fn subject(text: &str, node: &Node, element: bool) -> Option<Diagnostic> {
    let Value::Map(entries) = &node.value else { return None };
    let [only] = entries.as_slice() else { return None };
    let all = names(&only.value).filter(|all| !all.is_empty() && matches!(only.key.as_str(), "group" | "groups"))?;
    if only.key == "group" && all.len() < 2 {
        return None;
    }
    let each: Vec<String> = all.iter().map(|name| format!("{{group: {}}}", flow(name))).collect();
    let written = if element || each.len() < 2 { each.join(", ") } else { format!("[{}]", each.join(", ")) };
    let fix = instead("", node, text, &written).fix;
    Some(mended("a subject is one group", node.span, &format!("write `{written}`"), fix))
}

fn several(node: &Node, all: &[String], element: bool) -> Diagnostic {
    let each: Vec<String> = all.iter().map(|name| format!("{{group: {}}}", flow(name))).collect();
    let each = if element { each.join(", ") } else { format!("[{}]", each.join(", ")) };
    let hint = format!(
        "one question each: `{each}`; about somebody who is in all of them: `{{user: NAME, groups: {}}}`",
        list(all)
    );
    mended("a question is about one group, or about a user", node.span, &hint, Vec::new())
}

/// The names of one group, or of several.
fn names(value: &Node) -> Option<Vec<String>> {
    let text = |node: &Node| match &node.value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    match &value.value {
        Value::List(items) if !items.is_empty() => items.iter().map(text).collect(),
        Value::String(text) => Some(vec![text.clone()]),
        _ => None,
    }
}

fn list(names: &[String]) -> String {
    format!("[{}]", names.iter().map(|name| flow(name)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rstest::rstest;

    /// What is said of a step, and what is written instead.
    fn told(step: &str) -> Vec<String> {
        let text = format!("title: t\nsteps:\n  - {{title: s, {step}}}\n");
        let found = crate::scenario::read(Path::new("a.yaml"), text.as_bytes()).expect_err("it is wrong").1;
        found.into_iter().map(|one| format!("{} ({})", one.message, one.hint.unwrap_or_default())).collect()
    }

    #[rstest]
    #[case(
        "can: {who: {groups: [devs]}, verb: get, resource: pods, allowed: false}",
        "`who` has groups and no user (whoever is in a group is `{group: devs}`)"
    )]
    #[case(
        "can: {who: {groups: devs}, verb: get, resource: pods, allowed: false}",
        "`who` has groups and no user (whoever is in a group is `{group: devs}`)"
    )]
    #[case(
        "can: {who: {groups: [a, b]}, verb: get, resource: pods, allowed: false}",
        "a question is about one group, or about a user (one question each: `[{group: a}, {group: b}]`; about somebody who is in all of them: `{user: NAME, groups: [a, b]}`)"
    )]
    #[case(
        "can: {who: [{group: [a, b]}], verb: get, resource: pods, allowed: false}",
        "a question is about one group, or about a user (one question each: `{group: a}, {group: b}`; about somebody who is in all of them: `{user: NAME, groups: [a, b]}`)"
    )]
    #[case(
        "can: {who: {user: jane, group: devs}, verb: get, resource: pods, allowed: false}",
        "a user is in `groups` (write `groups: [devs]`)"
    )]
    #[case(
        "as: {group: devs}, get: {kind: Pod}",
        "`as` says nobody: groups belong to a user (name one, who need not exist: `{user: NAME, groups: [devs]}`)"
    )]
    #[case(
        "bind: {clusterRole: view, to: [{groups: [a, b]}]}",
        "a subject is one group (write `{group: a}, {group: b}`)"
    )]
    fn one_error_says_what_is_meant(#[case] step: &str, #[case] said: &str) {
        assert_eq!(told(step), [said]);
    }
}
