//! Images that the Pods of the engine's own node cannot have: it has no way out to a registry.

use serde_json::Value;

use crate::{
    cluster_kind::ClusterKind,
    plan::{
        Action, Object, Step,
        context::{Context, Draft, below},
        place::{Of, Owner, Place},
        when::{When, everywhere},
    },
    scenario::{Verb, verbs::Until},
};

/// The kinds of cluster whose Pods have no way out.
const CLOSED: [ClusterKind; 2] = [ClusterKind::Builtin, ClusterKind::Docker];

/// What a claim needs of an object's Pods.
enum Needs<'a> {
    /// That all of their containers run.
    All,
    /// That this one does; `None`: the first.
    Container(Option<&'a str>),
}

/// Warns of images that must be pulled where nothing can be, if a step needs a Pod of theirs to run.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
    let users: Vec<&Step> = (steps.iter())
        .filter(|step| matches!(step.action, Action::Wait(..) | Action::Curl(_) | Action::Exec(_)))
        .collect();
    for draft in drafts.iter().filter(|draft| !draft.refused) {
        for placed in &draft.objects {
            let kind = placed.object.kind.kind.as_str();
            let template = match Owner::ALL.into_iter().find(|owner| owner.kind() == kind) {
                Some(owner) => owner.template(),
                None if kind == "Pod" => "",
                None => continue,
            };
            let manifest = &placed.object.manifest;
            if wanting(manifest, template, &Needs::All).is_none() || !is_closed(draft.when.as_ref()) {
                continue;
            }
            let needs = match draft.verb {
                Some(Verb::Pod) => Some(Needs::All),
                _ => users.iter().find_map(|step| needs(step, &placed.object, template)),
            };
            let Some((at, image)) = needs.and_then(|needs| wanting(manifest, template, &needs)) else { continue };
            let at = match draft.verb {
                Some(Verb::Pod) => below(&placed.pointer, "image"),
                _ => format!("{}{at}", placed.pointer),
            };
            cx.findings
                .warn(&at, format!("a cluster of kind `builtin` or `docker` cannot pull `{image}`"))
                .label("its Pods have no way out to a registry")
                .hint("write `image: curl`, which is on every node and has a shell; if this image is meant, run the steps only where \
                       there is a registry: `when: {cluster: [k3s, kind, kubeconfig]}`");
        }
    }
}

/// Whether there may be such a cluster.
fn is_closed(when: Option<&When>) -> bool {
    when.is_none_or(|when| everywhere().any(|here| CLOSED.contains(&here.cluster) && when.holds(&here)))
}

/// What a step needs of the Pods of an object.
fn needs<'a>(step: &'a Step, object: &Object, template: &str) -> Option<Needs<'a>> {
    match &step.action {
        Action::Wait(target, until) => {
            let same = (&target.kind.kind, target.name.as_ref(), &target.namespace)
                == (&object.kind.kind, Some(&object.name), &object.namespace);
            (same && needs_running(until)).then_some(Needs::All)
        }
        Action::Curl(call) => calls(&call.place, object, template),
        Action::Exec(exec) => calls(&exec.place, object, template),
        _ => None,
    }
}

/// Whether this is only so when the containers run.
fn needs_running(until: &Until) -> bool {
    match until {
        Until::Condition(word) => matches!(word.as_str(), "Ready" | "ContainersReady" | "Available" | "Complete"),
        Until::Object(part) => part.get("status").is_some_and(|status| {
            let some = |key: &str| status[key].as_u64().is_some_and(|count| count > 0);
            matches!(status["phase"].as_str(), Some("Running" | "Succeeded"))
                || ["readyReplicas", "availableReplicas", "numberReady", "succeeded"].into_iter().any(some)
        }),
        Until::Exists | Until::Deleted => false,
    }
}

/// Whether a call is made in a Pod of an object.
fn calls<'a>(place: &'a Place, object: &Object, template: &str) -> Option<Needs<'a>> {
    let kind = object.kind.kind.as_str();
    let here = object.namespace.as_ref() == Some(&place.namespace)
        && match &place.of {
            None | Some(Of::Name) => kind == "Pod" && place.pod == object.name,
            Some(Of::Owner(owner, name)) => owner.kind() == kind && *name == object.name,
            Some(Of::Labels(labels)) => {
                let own = object.manifest.pointer(&format!("{template}/metadata/labels"));
                own.is_some_and(|own| labels.iter().all(|(key, value)| own[key] == value.as_str()))
            }
        };
    here.then_some(Needs::Container(place.container.as_deref()))
}

/// The first image that must be pulled, and where it stands in the manifest.
fn wanting<'v>(manifest: &'v Value, template: &str, needs: &Needs<'_>) -> Option<(String, &'v str)> {
    let spec = format!("{template}/spec");
    ["initContainers", "containers"].into_iter().find_map(|key| {
        let list = manifest.pointer(&format!("{spec}/{key}")).and_then(Value::as_array)?;
        list.iter().enumerate().find_map(|(index, container)| {
            let image = container["image"].as_str().filter(|image| is_pulled(image))?;
            // Init containers run before every other.
            let needed = key == "initContainers"
                || match needs {
                    Needs::All => true,
                    Needs::Container(None) => index == 0,
                    Needs::Container(Some(name)) => container["name"] == *name,
                };
            needed.then(|| (format!("{spec}/{key}/{index}/image"), image))
        })
    })
}

/// Whether an image is none of kubewalk's own, and none that is only known when the step runs.
fn is_pulled(image: &str) -> bool {
    !image.trim().is_empty() && image != "curl" && !image.starts_with("kubewalk.local/") && !image.contains('{')
}
