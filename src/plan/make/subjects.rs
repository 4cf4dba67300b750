//! Who is asked about: names of accounts that exist, and the groups that the API server gives.

use super::{Context, below, story::Story};
use crate::{
    plan::{
        can::{Who, given},
        kinds::nearest,
    },
    scenario::can::{Subject, Subjects},
};

const ACCOUNT: (&str, &str) = ("", "ServiceAccount");
const WORD: &str = "serviceaccount/";
const FORMS: &str =
    "`serviceaccount/NAME`, `serviceaccount/NAMESPACE/NAME`, `anonymous`, or `{user: NAME, groups: […]}`";

/// Reads one or several; `at` is their pointer.
pub(super) fn read(cx: &mut Context<'_>, at: &str, subjects: &Subjects, story: &Story<'_>) -> Vec<Who> {
    match subjects {
        Subjects::One(subject) => one(cx, at, subject, story).into_iter().collect(),
        Subjects::Many(list) => {
            let mut all = Vec::new();
            for (index, subject) in list.iter().enumerate() {
                let at = below(at, index);
                let Some(who) = one(cx, &at, subject, story) else { continue };
                if all.contains(&who) {
                    cx.findings.error(&at, format!("{} is named twice", who.words));
                }
                all.push(who);
            }
            all
        }
    }
}

fn one(cx: &mut Context<'_>, at: &str, subject: &Subject, story: &Story<'_>) -> Option<Who> {
    match subject {
        Subject::User(user) => {
            let name = user.user.clone();
            if name.trim().is_empty() {
                cx.findings.error(&below(at, "user"), "a user without a name");
                return None;
            }
            let mut groups = user.groups.clone();
            for group in given(&name) {
                if !groups.contains(&group) {
                    groups.push(group);
                }
            }
            Some(Who { words: format!("user {name}"), user: name, groups })
        }
        Subject::Word(word) => {
            let word = word.clone();
            if word == "anonymous" {
                let user = "system:anonymous".to_owned();
                return Some(Who { groups: given(&user), words: word, user });
            }
            let Some(rest) = word.strip_prefix(WORD) else {
                let near =
                    nearest(word.split('/').next().unwrap_or_default(), ["serviceaccount", "anonymous"].into_iter());
                let hint = match near {
                    Some("anonymous") => "did you mean `anonymous`?".into(),
                    Some(near) if word.contains('/') => {
                        format!("did you mean `{near}/{}`?", word.split_once('/').unwrap_or_default().1)
                    }
                    _ if story.made_by(ACCOUNT, Some(cx.namespace), &word).is_some() => format!("write `{WORD}{word}`"),
                    _ => format!("write {FORMS}"),
                };
                cx.findings.error(at, format!("`{word}` is no identity")).hint(hint);
                return None;
            };
            let (namespace, name) = rest.split_once('/').unwrap_or((cx.namespace, rest));
            if name.is_empty() || namespace.is_empty() || name.contains('/') {
                cx.findings.error(at, format!("`{word}` is no identity")).hint(format!("write {FORMS}"));
                return None;
            }
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            account(cx, at, &namespace, &name, story);
            let user = format!("system:serviceaccount:{namespace}:{name}");
            Some(Who { groups: given(&user), words: word, user })
        }
    }
}

/// Reviews never look whether an account exists, so a misspelt one would be denied everything.
fn account(cx: &mut Context<'_>, at: &str, namespace: &str, name: &str, story: &Story<'_>) {
    let everywhere = super::targets::EVERYWHERE.contains(&namespace);
    if namespace != cx.namespace && !everywhere && !story.exists(namespace) {
        return story.no_namespace(cx, at, namespace, "the account's namespace must be there");
    }
    // A deleted account may be asked about: its bindings stay.
    let known = story.world.last(ACCOUNT, Some(namespace), name).is_some();
    if known || name == "default" || namespace.starts_with("kube-") {
        return;
    }
    if let Some((maker, made)) = story.made_by(ACCOUNT, Some(namespace), name) {
        cx.findings
            .error(at, format!("ServiceAccount `{name}` is not there at this step"))
            .second(&made.name_at, format!("made by step {}", maker.index + 1))
            .hint("make the account before it is asked about");
        return;
    }
    let near = nearest(name, story.names(ACCOUNT.0, ACCOUNT.1).into_iter().chain(["default"]));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "add a step `serviceAccount: {name}`; to ask about one that does not exist on purpose, write \
             `{{user: 'system:serviceaccount:{namespace}:{name}'}}`"
        ),
    };
    let hint = super::pairs::if_fresh(cx.namespace, &hint);
    cx.findings
        .error(at, format!("no step makes ServiceAccount `{name}`"))
        .label("the answer would be about nobody")
        .hint(hint);
}
