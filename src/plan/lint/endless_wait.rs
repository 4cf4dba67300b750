//! Waits that cannot end: the steps happen in order, so what a wait needs must have happened before it.

use serde_json::{Map, Value};

use crate::{
    k8s::{kubectl::grammar, object::article, well_known::RBAC},
    plan::{
        Kind, Target,
        context::{Context, Draft, below},
        kinds::{self, nearest},
        lower,
        resolve::{
            story::Story,
            whereabouts::{Whereabouts, find},
        },
    },
    scenario::verbs::{Until, Wait},
};

/// Kinds that only the story makes or deletes, as group and kind.
const BY_STEPS_ONLY: [(&str, &str); 8] = [
    ("", "ConfigMap"),
    ("", "Namespace"),
    ("", "Pod"),
    ("", "ServiceAccount"),
    (RBAC, "ClusterRole"),
    (RBAC, "ClusterRoleBinding"),
    (RBAC, "Role"),
    (RBAC, "RoleBinding"),
];

/// Kinds without a list of conditions.
const WITHOUT_CONDITIONS: [(&str, &str); 9] = [
    ("", "ConfigMap"),
    ("", "Endpoints"),
    ("", "LimitRange"),
    ("", "Secret"),
    ("", "ServiceAccount"),
    (RBAC, "ClusterRole"),
    (RBAC, "ClusterRoleBinding"),
    (RBAC, "Role"),
    (RBAC, "RoleBinding"),
];

/// Conditions of kinds that tutorials wait for.
const CONDITIONS: [(&str, &[&str]); 10] = [
    (
        "Pod",
        &["Ready", "ContainersReady", "Initialized", "PodScheduled", "PodReadyToStartContainers", "DisruptionTarget"],
    ),
    ("Deployment", &["Available", "Progressing", "ReplicaFailure"]),
    ("ReplicaSet", &["ReplicaFailure"]),
    ("Job", &["Complete", "Failed", "Suspended", "SuccessCriteriaMet", "FailureTarget"]),
    ("Node", &["Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"]),
    ("CustomResourceDefinition", &["Established", "NamesAccepted", "Terminating"]),
    ("APIService", &["Available"]),
    ("HorizontalPodAutoscaler", &["ScalingActive", "AbleToScale", "ScalingLimited"]),
    // Their status has a list, in which no controller writes.
    ("StatefulSet", &[]),
    ("DaemonSet", &[]),
];

/// The words of `status.phase`.
const PHASES: [(&str, &[&str]); 2] =
    [("Pod", &["Pending", "Running", "Succeeded", "Failed", "Unknown"]), ("Namespace", &["Active", "Terminating"])];

/// Checks a wait whose target is known.
pub(in crate::plan) fn check(cx: &mut Context<'_>, draft: &Draft<'_>, wait: &Wait, target: &Target, story: &Story<'_>) {
    let at = draft.at();
    let until = below(&at, "for");
    match &wait.until {
        Until::Condition(condition) => known_condition(cx, &below(&until, "condition"), &target.kind, condition),
        Until::Object(object) => possible_object(cx, &below(&until, "object"), wait, &target.kind, object),
        _ => {}
    }
    let name_at = below(&at, "name");
    match &wait.until {
        Until::Deleted => deleted(cx, &name_at, wait, target, story),
        _ => made(cx, &name_at, draft.index, wait, target, story),
    }
}

fn is_one_of(kind: &Kind, list: &[(&str, &str)]) -> bool {
    list.iter().any(|(group, word)| kind.is(group, word))
}

fn known_condition(cx: &mut Context<'_>, at: &str, kind: &Kind, condition: &str) {
    if is_one_of(kind, &WITHOUT_CONDITIONS) {
        cx.findings
            .error(at, format!("this wait cannot end: a {} has no conditions", kind.kind))
            .hint("to wait until it is there, write `for: exists`");
        return;
    }
    other_condition(cx, at, kind, condition, ("`for: {object: {status: {", ": 1}}}`"));
}

/// The same of `kubectl wait --for=condition=…`.
pub(in crate::plan) fn by_kubectl(cx: &mut Context<'_>, drafts: &[Draft<'_>]) {
    for draft in drafts.iter().filter(|draft| !draft.refused) {
        let Some(kubectl) = &draft.step.kubectl else { continue };
        let Ok(call) = grammar::read(&kubectl.args) else { continue };
        if call.command.words != "wait" {
            continue;
        }
        let word = call.words.first().map(|(_, word)| word.split('/').next().unwrap_or(word));
        let own = word.and_then(|word| cx.apis.named(word));
        let kind = own.and_then(|own| kinds::find(&own.kind, Some(&own.api_version())).ok());
        for given in call.values("for") {
            let condition = given.value.as_deref().and_then(|value| value.strip_prefix("condition="));
            let (Some(condition), Some(kind)) = (condition, &kind) else { continue };
            let condition = condition.split('=').next().unwrap_or(condition);
            let at = below(&below(&draft.at(), "args"), given.value_at);
            other_condition(cx, &at, kind, condition, ("`--for=jsonpath={.status.", "}=1`"));
        }
    }
}

/// Warns of a condition that is a slip of one of this kind, or one of other kinds; `number` is how one waits for a number.
fn other_condition(cx: &mut Context<'_>, at: &str, kind: &Kind, condition: &str, number: (&str, &str)) {
    let Some((_, known)) = CONDITIONS.iter().find(|(of, _)| *of == kind.kind) else { return };
    if known.contains(&condition) {
        return;
    }
    // Somebody else's controller may write any other word.
    let of_others =
        CONDITIONS.iter().any(|(_, others)| others.iter().any(|other| other.eq_ignore_ascii_case(condition)));
    let hint = match (nearest(condition, known.iter().copied()), kind.kind.as_str(), *known) {
        (Some(near), ..) => format!("did you mean `{near}`?"),
        _ if !of_others => return,
        (None, "StatefulSet", _) => format!("wait for a number: {}readyReplicas{}", number.0, number.1),
        (None, "DaemonSet", _) => format!("wait for a number: {}numberReady{}", number.0, number.1),
        (None, _, [first, ..])
            if ["Ready", "Available", "Complete"].iter().any(|other| other.eq_ignore_ascii_case(condition)) =>
        {
            format!("did you mean `{first}`?")
        }
        (None, ..) => format!("it has `{}`", known.join("`, `")),
    };
    let a = article(&kind.kind);
    cx.findings
        .warn(at, format!("this wait may not end: {a} {} has no condition `{condition}` of its own", kind.kind))
        .hint(hint);
}

fn possible_object(cx: &mut Context<'_>, at: &str, wait: &Wait, kind: &Kind, object: &Map<String, Value>) {
    let whole = Value::Object(object.clone());
    for (pointer, is) in [("/metadata/name", wait.name.as_str()), ("/kind", kind.kind.as_str())] {
        if let Some(said) = whole.pointer(pointer).filter(|said| *said != is) {
            cx.findings
                .error(
                    &format!("{at}{pointer}"),
                    format!("this wait cannot end: `{}` is not `{is}`", said.as_str().unwrap_or("…")),
                )
                .hint("leave it out: the wait is about one object already");
        }
    }
    let phase = whole.pointer("/status/phase").and_then(Value::as_str);
    let known = PHASES.iter().find(|(of, _)| *of == kind.kind);
    if let (Some(phase), Some((_, known))) = (phase, known)
        && !known.contains(&phase)
    {
        let hint = match nearest(phase, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if phase == "Ready" => "that is a condition: write `for: {condition: Ready}`".to_owned(),
            None => format!("one of {}", known.join(", ")),
        };
        cx.findings
            .error(
                &format!("{at}/status/phase"),
                format!("this wait cannot end: a {} has no phase `{phase}`", kind.kind),
            )
            .hint(hint);
    }
}

/// Whether a step could make or delete objects of which nothing is known here.
fn has_unknown_effects(story: &Story<'_>, before: usize) -> bool {
    story.drafts.iter().take(before).any(lower::may_do_anything)
}

/// What controllers make by themselves in every namespace and cluster.
fn made_by_cluster(cx: &Context<'_>, target: &Target, name: &str, story: &Story<'_>) -> bool {
    let elsewhere =
        (target.namespace.as_deref()).is_some_and(|namespace| namespace != cx.namespace && !story.exists(namespace));
    elsewhere
        || name.starts_with("system:")
        || name.starts_with("kube-")
        || matches!(name, "default" | "cluster-admin" | "admin" | "edit" | "view")
}

fn made(cx: &mut Context<'_>, at: &str, index: usize, wait: &Wait, target: &Target, story: &Story<'_>) {
    let kind = (target.kind.group.as_str(), target.kind.kind.as_str());
    let namespace = target.namespace.as_deref();
    let what = format!("{} `{}`", kind.1, wait.name);
    if !is_one_of(&target.kind, &BY_STEPS_ONLY)
        || made_by_cluster(cx, target, &wait.name, story)
        || has_unknown_effects(story, index)
    {
        return;
    }
    match find(story, kind, namespace, &wait.name, &[]) {
        Whereabouts::Alive => {}
        Whereabouts::Later(maker, placed) => {
            cx.findings
                .error(at, format!("this wait cannot end: {what} is made only later"))
                .second(&placed.name_at, format!("made by step {}", maker.index + 1))
                .hint("move that step up");
        }
        Whereabouts::Gone(gone) => {
            cx.findings
                .error(at, format!("this wait cannot end: {what} is gone"))
                .second_key(&below("/steps", gone), format!("deleted by step {}", gone + 1))
                .hint("make it anew before the wait");
        }
        // It is said where the target is read.
        Whereabouts::Near(_) | Whereabouts::Elsewhere(_) => {}
        Whereabouts::Nowhere => {
            // A Pod may be a controller's, and have a name that is no surprise.
            let controllers = ["StatefulSet", "DaemonSet", "ReplicaSet", "Deployment", "Job", "CronJob", "Node"];
            let by_controller = story.drafts.iter().flat_map(|draft| &draft.objects).any(|placed| {
                placed.object.kind.plural.is_none() || controllers.contains(&placed.object.kind.kind.as_str())
            });
            if !by_controller {
                cx.findings
                    .warn(at, format!("this wait cannot end: no step makes {what}"))
                    .hint("make it by an earlier step");
            }
        }
    }
}

fn deleted(cx: &mut Context<'_>, at: &str, wait: &Wait, target: &Target, story: &Story<'_>) {
    let kind = (target.kind.group.as_str(), target.kind.kind.as_str());
    let Some(known) = story.world.alive(kind, target.namespace.as_deref(), &wait.name) else {
        return;
    };
    let owned = known.object.manifest.pointer("/metadata/ownerReferences").is_some();
    if !is_one_of(&target.kind, &BY_STEPS_ONLY) || owned || has_unknown_effects(story, usize::MAX) {
        return;
    }
    cx.findings
        .warn(at, format!("this wait cannot end: no step deletes {} `{}`", kind.1, wait.name))
        .second(known.pointer, format!("made by step {}", known.step + 1))
        .hint("add a step `delete` before; it waits by itself until the object is gone");
}
