//! Rules about paths that are no resources: a path, and what is asked of one.

use super::rule::Rule;
use crate::{
    k8s::{
        nearest,
        rbac_words::{NOT_OF_PATHS, several},
        special::PATH_VERBS,
    },
    plan::context::Context,
};

const PATHS: &str = "nonResourceURLs";

/// Looks at the paths of a rule, and at its verbs.
pub(in crate::plan) fn check(cx: &mut Context<'_>, rule: &Rule<'_>) {
    for (index, path) in rule.listed(PATHS).into_iter().enumerate().filter(|(_, path)| *path != "*") {
        let at = (PATHS, index);
        if let Some(parts) = several(path) {
            let hint = format!("write each as an element of its own: `[{}]`", parts.join(", "));
            rule.in_vain(cx, at, format!("no path is called `{path}`"), hint);
        } else if !path.starts_with('/') {
            let hint = match path.split_once("://") {
                Some((_, rest)) => format!("write the path alone: `{}`", rest.find('/').map_or("/", |at| &rest[at..])),
                None => format!("did you mean `/{path}`?"),
            };
            rule.in_vain(cx, at, format!("`{path}` does not begin with `/`"), hint);
        } else if let Some((before, _)) = path.trim_end_matches('*').split_once('*') {
            let message = format!("in `{path}`, a star does not stand at the end");
            let hint = format!("only there it stands for anything, also for more than one part: `{before}*`");
            rule.in_vain(cx, at, message, hint);
        } else if let Some((before, _)) = path.split_once(['?', '#']) {
            let message = format!("the path of no request is `{path}`: its query is not looked at");
            rule.in_vain(cx, at, message, format!("did you mean `{before}`?"));
        } else if let Some(near) = near(cx, path) {
            rule.in_vain(cx, at, format!("the API server has no path `{path}`"), format!("did you mean `{near}`?"));
        }
    }
    for (index, verb) in rule.listed("verbs").into_iter().enumerate() {
        if verb == "*" || PATH_VERBS.contains(&verb) || several(verb).is_some() {
            continue;
        }
        let other = NOT_OF_PATHS.iter().find(|(word, _)| word.eq_ignore_ascii_case(verb)).map(|(_, meant)| *meant);
        let hint = match other.or_else(|| nearest(verb, PATH_VERBS.iter().copied())) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("a path is asked for `{}`", PATH_VERBS.join("`, `")),
        };
        rule.in_vain(cx, ("verbs", index), format!("nothing asks for `{verb}` on a path"), hint);
    }
}

/// The path that was probably meant, or one below it.
fn near(cx: &Context<'_>, path: &str) -> Option<String> {
    let bare = path.trim_end_matches('*').trim_end_matches('/');
    let end = &path[bare.len()..];
    if bare.is_empty() {
        return None;
    }
    if let Some(near) = cx.apis.path_near(bare) {
        return Some(format!("{near}{end}"));
    }
    let first = bare[1..].find('/').map(|at| at + 1)?;
    let near = cx.apis.path_near(&bare[..first])?;
    Some(format!("{near}{}{end}", &bare[first..]))
}
