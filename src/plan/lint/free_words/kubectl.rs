//! The names in a command line of kubectl.

use super::class::Class;
use crate::{
    k8s::kubectl::grammar::{self, Call},
    plan::context::Context,
};

/// The commands whose words are a resource and names, or `RESOURCE/NAME`.
const OF_OBJECTS: [&str; 9] = ["get", "describe", "delete", "edit", "patch", "label", "annotate", "scale", "wait"];

/// The commands whose first word is a Pod.
const OF_PODS: [&str; 4] = ["logs", "exec", "attach", "port-forward"];

/// All names of objects, and those for whom a call speaks.
pub(super) fn names(cx: &Context<'_>, args: &[String]) -> Vec<(Class, String)> {
    let Ok(call) = grammar::read(args) else { return Vec::new() };
    let values = |flag: &'static str| call.values(flag).filter_map(|given| given.value.clone()).collect::<Vec<_>>();
    let mut found: Vec<(Class, String)> = Vec::new();
    found.extend(values("as").into_iter().map(|name| (Class::User, name)));
    found.extend(values("as-group").into_iter().map(|name| (Class::Group, name)));
    found.extend(values("namespace").into_iter().map(|name| (Class::namespaces(), name)));
    let words = call.words.iter().map(|(_, word)| *word);
    match call.command.words {
        "create token" => found.extend(words.take(1).map(|name| (Class::accounts(), name.to_owned()))),
        command if OF_PODS.contains(&command) => {
            found.extend(words.take(1).filter_map(|word| match word.split_once('/') {
                Some((resource, name)) => Some((class(cx, resource)?, name.to_owned())),
                None => Some((Class::Object(String::new(), "pods".into()), word.to_owned())),
            }));
        }
        command if OF_OBJECTS.contains(&command) => found.extend(objects(cx, &call)),
        _ => {}
    }
    found.retain(|(_, name)| !name.contains(['{', '=']));
    found
}

fn objects(cx: &Context<'_>, call: &Call<'_>) -> Vec<(Class, String)> {
    let words: Vec<&str> = call.words.iter().map(|(_, word)| *word).collect();
    if words.first().is_some_and(|first| first.contains('/')) {
        let pairs = words.iter().filter_map(|word| word.split_once('/'));
        return pairs.filter_map(|(resource, name)| Some((class(cx, resource)?, name.to_owned()))).collect();
    }
    let Some((class, names)) = words.split_first().and_then(|(first, names)| Some((class(cx, first)?, names))) else {
        return Vec::new();
    };
    names.iter().map(|name| (class.clone(), (*name).to_owned())).collect()
}

fn class(cx: &Context<'_>, word: &str) -> Option<Class> {
    cx.apis.named(word).map(|own| Class::Object(own.group.clone(), own.plural.clone()))
}

/// The resource that a call is about.
pub(super) fn resource(cx: &Context<'_>, args: &[String]) -> Option<Class> {
    let call = grammar::read(args).ok()?;
    class(cx, call.words.first()?.1)
}

/// Its label selectors, and its field selectors.
pub(super) fn selectors(args: &[String]) -> (Vec<String>, Vec<String>) {
    let Ok(call) = grammar::read(args) else { return Default::default() };
    let of = |flag: &'static str| call.values(flag).filter_map(|given| given.value.clone()).collect();
    (of("selector"), of("field-selector"))
}
