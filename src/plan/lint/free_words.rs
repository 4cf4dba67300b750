//! Denials of words that any author can choose: the audience of a token, the key of an extra. No server knows them, so only
//! the rules of the scenario tell one that is meant from a slip, which is denied to everybody.

use serde_json::Value;

use crate::{
    k8s::{rbac_words::listed, special, well_known::RBAC},
    plan::{
        Action, Request, Step,
        context::{Context, Draft},
        lower,
    },
};

/// Warns of each such question that no rule of the scenario names.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
    let written = |draft: &&Draft<'_>| draft.verb.is_some_and(lower::writes_manifests);
    let named: Vec<&str> = (drafts.iter().filter(written))
        .flat_map(|draft| &draft.objects)
        .map(|placed| &placed.object)
        .filter(|object| object.kind.is(RBAC, "Role") || object.kind.is(RBAC, "ClusterRole"))
        .filter_map(|object| object.manifest.get("rules").and_then(Value::as_array))
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|rule| listed(rule, "resources"))
        .collect();
    for step in steps {
        let Action::Can(can) = &step.action else { continue };
        let mut told: Vec<String> = Vec::new();
        for cell in can.cells.iter().filter(|cell| !cell.allowed && !cell.on_purpose) {
            let Some((what, word)) = word(&cell.request) else { continue };
            if named.contains(&word.as_str()) || told.contains(&word) {
                continue;
            }
            cx.findings
                .warn(&format!("{}{}", step.pointer, cell.pointer), format!("no rule of this scenario names {what} `{word}`"))
                .label("nothing else knows it, so it is denied to everybody")
                .hint("name it in a rule of somebody else, and ask about them, too; if it is meant to be nowhere, end the line with `# on purpose`");
            told.push(word);
        }
    }
}

/// The word of a question that any author can choose, as a rule spells it, and what it is.
fn word(request: &Request) -> Option<(&'static str, String)> {
    let Request::Resource { verb, group, resource, subresource, .. } = request else { return None };
    match subresource {
        None if verb == special::AUDIENCE && group.is_empty() => Some(("the audience", resource.clone())),
        Some(key) if resource == "userextras" => Some(("the extra", format!("{resource}/{key}"))),
        _ => None,
    }
}
