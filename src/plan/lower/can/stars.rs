//! A `*` in a question that must be denied: it asks for all at once, and not for any.

use crate::{
    plan::context::{Context, below},
    scenario::can::{Cells, Words},
};

/// Warns of a `*` that stands alone where others might: beside others the author sees that it is one more question.
pub(super) fn check(cx: &mut Context<'_>, at: &str, cells: &Cells) {
    let Some((key, word)) = alone(cells) else { return };
    let list = match key {
        "verb" => "`verb: [get, list, watch, create, update, patch, delete, deletecollection]`",
        "resource" => "e.g. `resource: [pods, secrets, deployments.apps]`",
        "subresource" => "e.g. `subresource: [log, exec]`",
        _ => "e.g. `url: [/metrics, /logs]`",
    };
    cx.findings
        .warn(
            &below(at, key),
            format!("`{word}` asks for all at once: it is denied to everybody who has not all of it"),
        )
        .label("says nothing of any one of them")
        .hint(format!(
            "list what must be denied, {list}; if it is meant that not all is allowed, end the line with `# on purpose`"
        ));
}

fn alone(cells: &Cells) -> Option<(&'static str, &str)> {
    let keys = [
        ("verb", &cells.verb),
        ("resource", &cells.resource),
        ("subresource", &cells.subresource),
        ("url", &cells.url),
    ];
    keys.into_iter().find_map(|(key, words)| {
        let word = match words.as_ref()? {
            Words::One(word) => word,
            Words::Many(words) => match words.as_slice() {
                [word] => word,
                _ => return None,
            },
        };
        word.contains('*').then_some((key, word.as_str()))
    })
}
