//! Words that any author can choose: names of people, groups and objects, the audience of a token, the key of an extra. No server
//! knows them, so only the scenario itself tells one that is meant from a slip, which is denied to all callers and nowhere there.

mod claims;
mod class;
mod grants;
mod known;
mod kubectl;
mod locate;
mod spoken;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use self::{
    claims::{Claim, Claimed, How},
    class::Class,
};

use crate::{
    k8s::{rbac_words::listed, special, well_known::RBAC},
    plan::{
        Action, Request, Step,
        context::{Context, Draft, words::if_fresh},
        lower,
    },
};

/// A name that is near another, and where it stands.
type Near<'k> = (&'k str, &'k known::Origin);

/// Looks at all claims of a denial or an absence.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
    unnamed(cx, drafts, steps);
    slips(cx, drafts, steps);
    grants::check(cx, drafts, steps);
}

/// Warns of each name that is only in such claims, and is a slip of another one that the scenario, or Kubernetes, has.
fn slips(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
    let claims: Vec<(&Step, Claim)> = steps
        .iter()
        .flat_map(|step| claims::claims_of_step(cx, step).into_iter().map(move |claim| (step, claim)))
        .collect();
    if claims.is_empty() {
        return;
    }
    let succeeding: Vec<&Step> = steps.iter().filter(|step| !Claimed::from_step(step).fails).collect();
    let known = known::collect(cx, drafts, &succeeding, steps);
    let mut told: HashSet<(String, String)> = HashSet::new();
    let said = cx.findings.places();
    // A table asks thousands of questions about some names: each is compared with all others once, and only a slip is looked for.
    let mut found: HashMap<(&Class, &str, Option<&str>), Option<Near<'_>>> = HashMap::new();
    for (step, claim) in &claims {
        let Claim { class, name, how, at, beside } = claim;
        if name.is_empty() || name.contains(['{', '*']) || known.has(class, name) {
            continue;
        }
        let near = *found.entry((class, name.as_str(), beside.as_deref())).or_insert_with(|| {
            let key = |value: &String| known.near_key(name, value);
            let near = known.near(class, name).or_else(|| beside.as_ref().and_then(key));
            near.filter(|_| !spoken::says(cx, drafts, steps, name))
        });
        let nowhere = *class == Class::namespaces() && *how == How::Absent;
        if near.is_none() && *class != Class::User && !nowhere {
            continue;
        }
        let place = locate::locate(cx, step, at, name);
        // One cause is told once.
        if said.contains(&place) {
            continue;
        }
        let shown = if_fresh(cx.namespace, name);
        let only = match how {
            How::Denied => "only what is denied names",
            How::Absent => "only what is claimed not to be there names",
        };
        let why = match how {
            How::Denied => "a slip is denied to everybody",
            How::Absent => "a slip is nowhere, whatever happened",
        };
        if let Some((near, origin)) = near {
            // Of a group that a table or `as` names, this is told where it is read.
            let told_before = *class == Class::Group
                && origin.is_none()
                && (matches!(step.action, Action::Can(_)) || at.starts_with("/as"));
            if !told_before && told.insert((place.clone(), name.clone())) {
                let message = format!("{only} {}", class.describe(&shown));
                let finding = cx.findings.warn(&place, message).label(why);
                let finding = match origin {
                    Some((other, label)) if *other != place => finding.second(other, *label),
                    _ => finding,
                };
                let place = if at.contains("/path/") { "in the path, " } else { "" };
                finding.hint(format!("{place}did you mean `{}`?", if_fresh(cx.namespace, near)));
            }
            continue;
        }
        let account = name.strip_prefix("serviceaccount/").unwrap_or(name);
        if *class == Class::User && known.has(&Class::accounts(), account) && account != "default" {
            if told.insert((place.clone(), name.clone())) {
                cx.findings
                    .warn(&place, format!("`{shown}` is a user here, and not the ServiceAccount of that name"))
                    .label(why)
                    .hint(format!("the account is said as `serviceaccount/{account}`; if a user is meant, end the line with `# on purpose`"));
            }
            continue;
        }
        if nowhere && !spoken::says(cx, drafts, steps, name) && told.insert((place.clone(), name.clone())) {
            cx.findings
                .warn(&place, format!("no step makes namespace `{shown}`"))
                .label("nothing is in it, whatever is claimed")
                .hint("make it by an earlier step of kind Namespace; if it is meant to be nowhere, end the line with `# on purpose`");
        }
    }
}

/// Warns of each audience and extra that is denied and that no rule of the scenario names.
fn unnamed(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::locate::LOOKED;
    use crate::plan::make::testing::{in_default, said};

    /// How many nodes of the document are looked at when this many names are denied, and this many are allowed.
    fn looked(count: usize, allowed: bool) -> usize {
        let names: Vec<String> = (0..count).map(|index| format!("name-{index}")).collect();
        let verbs = ["get", "update", "patch", "delete"];
        let question =
            json!({"who": "serviceaccount/a", "verb": verbs, "resource": "pods", "name": names, "allowed": allowed});
        LOOKED.set(0);
        let found = said(in_default(json!([{"serviceAccount": "a"}, {"can": question}])));
        assert!(found.iter().all(|found| found.starts_with("warning")), "{found:?}");
        LOOKED.get()
    }

    #[test]
    fn a_name_is_not_looked_for_in_a_table_of_many_unless_something_is_said_of_it() {
        assert!(looked(200, false) <= 200, "{}", looked(200, false));
        // Of what is allowed, each place is kept: twice, for what is made and for what is claimed.
        let (some, twice) = (looked(200, true), looked(400, true));
        assert!(twice <= 2 * some + 50 && some < 200 * 10, "{some}, {twice}");
    }
}
