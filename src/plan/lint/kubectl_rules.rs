//! The rules that `kubectl create role` and `kubectl create clusterrole` make of their arguments.

use serde_json::{Map, json};

use super::rule::{Place, Rule};
use crate::{
    k8s::{
        kubectl::grammar::{self, Call},
        resource_name,
    },
    plan::context::{Context, Draft, below},
};

/// Gives the rule of a step's arguments to `look`, as far as it can be read without a server. What no server has as a resource is
/// refused by kubectl itself.
pub(in crate::plan) fn with_created_rule(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    look: fn(&mut Context<'_>, &Rule<'_>),
) {
    let Some(kubectl) = draft.step.kubectl.as_ref().filter(|_| !draft.refused) else { return };
    let Ok(call) = grammar::read(&kubectl.args) else { return };
    if !matches!(call.command.words, "create role" | "create clusterrole") {
        return;
    }
    let args = below(&draft.at(), "args");
    let words = |flag: &'static str| list_flag_values(&call, &args, flag);
    let mut groups: Vec<(String, String)> = Vec::new();
    let mut resources: Vec<(String, String)> = Vec::new();
    for (word, at) in words("resource") {
        let (base, sub) = resource_name::split(&word);
        let known = match base {
            "*" => Some(("*".to_owned(), "*".to_owned())),
            _ => cx.apis.named(base).map(|own| (own.group.clone(), own.plural.clone())),
        };
        let Some((group, plural)) = known else { continue };
        resources.push((sub.map_or(plural.clone(), |sub| format!("{plural}/{sub}")), at.clone()));
        if !groups.iter().any(|(known, _)| *known == group) {
            groups.push((group, at));
        }
    }
    let lists = [
        ("verbs", words("verb")),
        ("apiGroups", groups),
        ("resources", resources),
        ("resourceNames", words("resource-name")),
        ("nonResourceURLs", words("non-resource-url")),
    ];
    let mut rule = Map::new();
    let mut places = Vec::new();
    for (key, list) in lists {
        let (words, at): (Vec<String>, Vec<String>) = list.into_iter().unzip();
        rule.insert(key.to_owned(), json!(words));
        places.push((key, at));
    }
    look(cx, &Rule { words: &rule, place: Place::Arguments(&places), draft });
}

/// The words of a flag that takes a list, each with the pointer of its argument.
pub(in crate::plan) fn list_flag_values(call: &Call<'_>, args: &str, flag: &'static str) -> Vec<(String, String)> {
    let given = call.values(flag).filter_map(|given| Some((given.value.as_deref()?, given.value_at)));
    given.flat_map(|(value, at)| value.split(',').map(move |word| (word.to_owned(), below(args, at)))).collect()
}
