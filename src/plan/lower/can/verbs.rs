//! Whether anything asks for a verb: of a path, of a resource, of those of a table. What nothing asks for is denied to all callers.

use serde_json::Value;

use crate::{
    k8s::{
        nearest,
        rbac_words::{NOT_VERBS, listed},
        special::{self, PATH_VERBS, REQUEST_VERBS, VERBS},
        well_known::RBAC,
    },
    plan::{context::Context, resolve::story::Story},
};

/// What the answer to such a question is worth.
const LABEL: &str = "the answer says nothing about a real call";

/// A verb of a question about a path: of these only the methods of HTTP are asked for.
pub(super) fn of_path(cx: &mut Context<'_>, at: &str, verb: &str, allowed: bool) {
    if verb == "*" || PATH_VERBS.contains(&verb) {
        return;
    }
    // A verb of resources is not a slip for a method.
    let near = nearest(verb, PATH_VERBS.iter().copied()).filter(|_| !VERBS.contains(&verb));
    let (message, hint) = match near {
        Some(near) => (format!("`{verb}` is no verb that any request asks for"), format!("did you mean `{near}`?")),
        None => (
            format!("no request for a path asks for `{verb}`"),
            format!("a path is asked for by the method, one of `{}`", PATH_VERBS.join("`, `")),
        ),
    };
    let finding = if allowed { cx.findings.warn(at, message) } else { cx.findings.error(at, message) };
    finding.label(LABEL).hint(hint);
}

/// A verb of a question about a resource, which may be a slip or a word for something else.
pub(super) fn of_resource(cx: &mut Context<'_>, at: &str, verb: &str, allowed: bool) {
    if verb == "*" || special::is_verb(verb) {
        return;
    }
    let meant = (NOT_VERBS.iter())
        .find(|(word, _)| word.eq_ignore_ascii_case(verb))
        .map(|(_, meant)| (*meant).to_owned())
        .or_else(|| nearest(verb, VERBS.iter().copied()).map(|near| format!("`{near}`")));
    if let Some(meant) = meant {
        let message = format!("`{verb}` is no verb that any request asks for");
        let finding = if allowed { cx.findings.warn(at, message) } else { cx.findings.error(at, message) };
        finding.label(LABEL).hint(format!("did you mean {meant}?"));
    }
}

/// A verb that is denied on resources of Kubernetes' own, and that neither Kubernetes nor a rule of the scenario knows.
pub(super) fn strange(cx: &mut Context<'_>, at: &str, verb: &str, story: &Story<'_>) {
    if verb.contains('*') || special::is_verb(verb) || is_granted(verb, story) {
        return;
    }
    cx.findings.warn(at, format!("nothing in Kubernetes asks for `{verb}`, and no rule of this scenario grants it")).label(LABEL).hint(
        format!(
            "the verbs of requests are `{}`; if a program of one's own asks for this one, end the line with `# on purpose`",
            REQUEST_VERBS.join("`, `")
        ),
    );
}

/// Whether a rule of the scenario names a verb.
fn is_granted(verb: &str, story: &Story<'_>) -> bool {
    let objects = story.drafts.iter().flat_map(|draft| &draft.objects).map(|placed| &placed.object);
    objects
        .filter(|object| object.kind.is(RBAC, "Role") || object.kind.is(RBAC, "ClusterRole"))
        .filter_map(|object| object.manifest.get("rules").and_then(Value::as_array))
        .flatten()
        .filter_map(Value::as_object)
        .any(|rule| listed(rule, "verbs").contains(&verb))
}

/// A special verb beside others, of which nothing is asked about any resource of the table.
pub(super) fn of_table(cx: &mut Context<'_>, at: &str, verb: &str, resources: &[(&str, &str)]) {
    if resources.iter().any(|(group, plural)| special::may_be_asked(verb, group, plural)) {
        return;
    }
    cx.findings
        .warn(at, format!("no request asks for `{verb}` on any of these resources"))
        .label(LABEL)
        .hint(format!("leave it out here; {}", asked_about(verb)));
}

/// What a special verb is asked about, in words.
fn asked_about(verb: &str) -> String {
    match special::asked_of(verb) {
        None | Some([]) => format!("of what Kubernetes serves now, nothing is asked about by `{verb}`"),
        Some(all) => {
            let word = |(group, plural): &(&str, &str)| {
                if group.is_empty() { format!("`{plural}`") } else { format!("`{plural}.{group}`") }
            };
            format!("`{verb}` is asked about {}", all.iter().map(word).collect::<Vec<_>>().join(", "))
        }
    }
}

/// What of one resource, or subresource, the verbs of a question ask.
#[derive(Default, Clone)]
pub(super) struct Asking {
    /// Whether any of them is asked for, or may be.
    some: bool,
    /// What the resource has.
    own: Vec<String>,
}

impl Asking {
    /// Only the cluster, or an authorizer, knows.
    pub fn unknown(&mut self) {
        self.some = true;
    }

    /// A verb of a resource that is served with these.
    pub fn hear(&mut self, verb: &str, (group, plural): (&str, &str), own: &[String]) {
        self.some |= match REQUEST_VERBS.contains(&verb) {
            true => own.iter().any(|own| own == verb),
            false => special::may_be_asked(verb, group, plural),
        };
        self.own = own.to_vec();
    }

    /// Says so when nothing asks for any of the verbs.
    pub fn check(&self, cx: &mut Context<'_>, at: &str, (what, verbs): (&str, &[&str]), allowed: bool) {
        if self.some || verbs.is_empty() {
            return;
        }
        let asked = verbs.iter().map(|verb| format!("`{verb}`")).collect::<Vec<_>>().join(" or ");
        let hint = match verbs {
            [verb, ..] if verbs.iter().all(|verb| special::asked_of(verb).is_some()) => asked_about(verb),
            _ => format!("{what} have `{}`", self.own.join("`, `")),
        };
        let message = format!("no request asks for {asked} on {what}");
        let finding = if allowed { cx.findings.warn(at, message) } else { cx.findings.error(at, message) };
        finding.label(LABEL).hint(hint);
    }
}
