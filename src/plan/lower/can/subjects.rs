//! Who is asked about: names of accounts that exist, and the groups that the API server gives.

use crate::{
    k8s::usernames,
    plan::{
        can::{Who, given},
        context::{Context, below, words::if_fresh},
        kinds::nearest,
        resolve::{groups, reference, story::Story},
    },
    scenario::{
        can::{Group, Subject, Subjects},
        fix::flow,
    },
};

const ACCOUNT: (&str, &str) = ("", "ServiceAccount");
const WORD: &str = "serviceaccount/";
const FORMS: &str = "`serviceaccount/NAME`, `serviceaccount/NAMESPACE/NAME`, `anonymous`, `{user: NAME, groups: […]}`, or `{group: NAME}`";

/// Reads one or several; `at` is their pointer.
pub(in crate::plan) fn read(cx: &mut Context<'_>, at: &str, subjects: &Subjects, story: &Story<'_>) -> Vec<Who> {
    match subjects {
        Subjects::One(subject) => read_subject(cx, at, subject, story).into_iter().collect(),
        Subjects::Many(list) => {
            let mut all = Vec::new();
            for (index, subject) in list.iter().enumerate() {
                let at = below(at, index);
                let Some(who) = read_subject(cx, &at, subject, story) else { continue };
                if all.contains(&who) {
                    cx.findings.error(&at, format!("{} is named twice", who.words));
                }
                all.push(who);
            }
            all
        }
    }
}

/// The users of whom the line says that they need not exist.
pub(in crate::plan) fn on_purpose(cx: &Context<'_>, at: &str, subjects: &Subjects) -> Vec<String> {
    let one = |at: String, subject: &Subject| match subject {
        Subject::User(user) if cx.findings.on_purpose(&[&below(&at, "user")]) => Some(user.user.clone()),
        Subject::User(_) | Subject::Word(_) | Subject::Group(_) => None,
    };
    match subjects {
        Subjects::One(subject) => one(at.to_owned(), subject).into_iter().collect(),
        Subjects::Many(list) => {
            list.iter().enumerate().filter_map(|(index, subject)| one(below(at, index), subject)).collect()
        }
    }
}

fn read_subject(cx: &mut Context<'_>, at: &str, subject: &Subject, story: &Story<'_>) -> Option<Who> {
    match subject {
        Subject::User(user) => {
            let name = user.user.clone();
            if name.trim().is_empty() {
                cx.findings.error(&below(at, "user"), "a user without a name");
                return None;
            }
            for (index, group) in user.groups.iter().enumerate() {
                groups::check(cx, &below(&below(at, "groups"), index), group);
            }
            let groups = usernames::groups(&name, user.groups.clone());
            Some(Who { words: format!("user {name}"), user: name, groups })
        }
        Subject::Group(Group { group }) => {
            let at = below(at, "group");
            if group.trim().is_empty() {
                cx.findings.error(&at, "a group without a name");
                return None;
            }
            groups::check(cx, &at, group);
            let more: &[&str] = match group.as_str() {
                "system:unauthenticated" | "system:authenticated" => &[],
                name if name.starts_with(usernames::GROUP_PREFIX) => {
                    &["system:serviceaccounts", "system:authenticated"]
                }
                _ => &["system:authenticated"],
            };
            let groups = std::iter::once(group.clone()).chain(more.iter().map(|&group| group.to_owned())).collect();
            Some(Who { words: format!("group {group}"), user: String::new(), groups })
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
                    _ => meant(cx.namespace, &word).unwrap_or_else(|| format!("write {FORMS}")),
                };
                let shown = if_fresh(cx.namespace, &word);
                cx.findings.error(at, format!("`{shown}` is no identity")).hint(hint);
                return None;
            };
            let Some((namespace, name)) = usernames::written(rest, cx.namespace) else {
                cx.findings.error(at, format!("`{word}` is no identity")).hint(format!("write {FORMS}"));
                return None;
            };
            reference::reviewed_account(cx, at, namespace, name, story);
            let user = usernames::username(namespace, name);
            Some(Who { groups: given(&user), words: word, user })
        }
    }
}

/// The subject that was meant, of one that is written as other tools write it.
fn meant(namespace: &str, word: &str) -> Option<String> {
    let user = usernames::meant(word, namespace);
    if let Some((place, name)) = usernames::account(user.as_deref().unwrap_or(word)) {
        let place = if place == namespace { String::new() } else { format!("{place}/") };
        return Some(format!("did you mean `{WORD}{place}{name}`?"));
    }
    let (kind, name) = word.split_once(['/', ':']).filter(|(_, name)| !name.is_empty())?;
    match kind.to_lowercase().trim_end_matches('s') {
        "user" => Some(format!("did you mean `{{user: {}}}`?", flow(name))),
        "group" => {
            Some(format!("a group is asked about by a user who is in it: `{{user: NAME, groups: [{}]}}`", flow(name)))
        }
        _ => None,
    }
}
