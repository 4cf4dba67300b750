//! From which Pod a call is made: what is known of it before the run, or that there can be none.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    k8s::well_known::POD,
    plan::{
        Of, Owner, Place,
        context::{Context, below, words::PREFIX as SAVED},
        kinds::{OWN, nearest},
        place::selector,
        resolve::{
            pod_facts::{PodFacts, pod_facts},
            reference::deletion,
            story::Story,
            whereabouts::{Whereabouts, find},
        },
    },
    scenario::{
        Verb,
        places::{In, InLabels},
    },
};

/// A Pod or a template that a step makes, and where.
struct Made<'s> {
    facts: PodFacts,
    pointer: &'s str,
}

/// Finds the Pod and the container, or says why they are not there. Without facts the Pod is only known when the step runs.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    (at, index): (&str, usize),
    said: &In,
    container: Option<&str>,
    story: &Story<'_>,
) -> Option<(Place, Option<PodFacts>)> {
    let pod_at = below(at, "in");
    let look = Look { at: &pod_at, index, story };
    let (mut place, made) = match said {
        In::Word(word) => look.word(cx, word)?,
        In::Labels(labels) => look.labels(cx, labels)?,
    };
    place.container = container.map(ToOwned::to_owned);
    if let (Some(container), Some(Made { facts, pointer })) = (container, &made)
        && !container.contains(SAVED)
        && !facts.containers.iter().any(|other| other == container)
    {
        let hint = match nearest(container, facts.containers.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has `{}`", facts.containers.join("`, `")),
        };
        let what = if place.of.is_none() { format!("Pod `{}`", place.pod) } else { format!("`{}`", place.sought()) };
        cx.findings
            .error(&below(at, "container"), format!("{what} has no container `{container}`"))
            .second(pointer, "the Pod")
            .hint(hint);
    }
    place.has_curl = made.as_ref().is_some_and(|made| made.facts.has_curl(container));
    Some((place, made.map(|made| made.facts)))
}

/// Where a Pod is looked for.
struct Look<'l, 's> {
    at: &'l str,
    /// The index of the step.
    index: usize,
    story: &'l Story<'s>,
}

type Found<'s> = (Place, Option<Made<'s>>);

impl<'s> Look<'_, 's> {
    fn word(&self, cx: &mut Context<'_>, word: &str) -> Option<Found<'s>> {
        let parts: Vec<&str> = word.split('/').collect();
        let own = cx.namespace;
        if parts.iter().any(|part| part.is_empty()) || parts.len() > 3 {
            cx.findings.error(self.at, format!("`{word}` names no Pod")).hint(
                "e.g. `client`, `deployment/web`, `deployment/NAMESPACE/web`, `pod/web-0`, or `{labels: {app: web}}`",
            );
            return None;
        }
        match *parts.as_slice() {
            [name] => self.named(cx, own, name),
            ["pod", name] => self.any(cx, own, name),
            ["pod", namespace, name] => self.any(cx, namespace, name),
            [kind, name] if Owner::read(kind).is_some() => self.owned(cx, Owner::read(kind)?, own, name),
            [kind, namespace, name] if Owner::read(kind).is_some() => {
                self.owned(cx, Owner::read(kind)?, namespace, name)
            }
            [namespace, name] if self.story.exists(namespace) || namespace == own => self.named(cx, namespace, name),
            [kind, .., name] => {
                let rest = word.split_once('/').map_or(name, |(_, rest)| rest);
                let lower = kind.to_lowercase();
                let meant = if ["po", "pods", "pod"].contains(&lower.as_str()) {
                    Some("pod")
                } else {
                    let words = Owner::ALL.map(Owner::word);
                    Owner::meant(kind).map(Owner::word).or_else(|| nearest(&lower, words.into_iter()))
                };
                if let Some(meant) = meant {
                    cx.findings
                        .error(self.at, format!("`{kind}` is no word for what owns Pods"))
                        .hint(format!("write `{meant}/{rest}`"));
                    return None;
                }
                if ["svc", "service", "services"].contains(&lower.as_str()) {
                    cx.findings
                        .error(self.at, "a Service owns no Pods")
                        .hint("write the labels that it selects: `in: {labels: {app: web}}`");
                    return None;
                }
                if parts.len() == 3 {
                    cx.findings.error(self.at, format!("`{kind}` is no word for what owns Pods")).hint(format!(
                        "`pod`, `{}`; for other kinds say the labels: `in: {{labels: {{app: web}}}}`",
                        Owner::ALL.map(Owner::word).join("`, `")
                    ));
                    return None;
                }
                self.named(cx, kind, name)
            }
            [] => None,
        }
    }

    /// A Pod that a step makes, or that is known to be made by its name.
    fn named(&self, cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<Found<'s>> {
        let place = |of: Option<Of>| Place { namespace: namespace.into(), pod: name.into(), of, ..Place::default() };
        if let Some(known) = self.story.world.alive(POD, Some(namespace), name) {
            let facts = pod_facts(&known.object.manifest);
            return Some((place(None), Some(Made { facts, pointer: known.pointer })));
        }
        if name.contains(SAVED) || namespace.contains(SAVED) {
            return Some((place(Some(Of::Name)), None));
        }
        // `web-0` of a StatefulSet.
        if let Some((of, number)) = name.rsplit_once('-')
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && !number.is_empty()
            && let Some(made) = self.template(Owner::StatefulSet, namespace, of)
        {
            return Some((place(Some(Of::Name)), Some(made)));
        }
        if self.said_to_kubectl(name) {
            return Some((place(Some(Of::Name)), None));
        }
        let elsewhere = namespace != cx.namespace && self.may_be_there(cx, namespace);
        self.none(cx, namespace, name, elsewhere.then(|| format!("pod/{namespace}/{name}")));
        None
    }

    /// Any Pod of that name.
    fn any(&self, cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<Found<'s>> {
        let unknown = !self.may_be_there(cx, namespace) && !name.contains(SAVED) && !namespace.contains(SAVED);
        if unknown || self.story.world.alive(POD, Some(namespace), name).is_some() {
            return self.named(cx, namespace, name);
        }
        let place = Place { namespace: namespace.into(), pod: name.into(), of: Some(Of::Name), ..Place::default() };
        Some((place, None))
    }

    fn owned(&self, cx: &mut Context<'_>, owner: Owner, namespace: &str, name: &str) -> Option<Found<'s>> {
        let of = Some(Of::Owner(owner, name.to_owned()));
        let place = Place { namespace: namespace.into(), of, ..Place::default() };
        let made = self.template(owner, namespace, name);
        if made.is_some() || name.contains(SAVED) || namespace.contains(SAVED) {
            return Some((place, made));
        }
        let kind = (owner.group(), owner.kind());
        let story = self.story;
        if let Some(gone) = story.world.last(kind, Some(namespace), name).and_then(|known| known.gone) {
            cx.findings
                .error(self.at, format!("{} `{name}` is gone at this step", owner.kind()))
                .second(&deletion(gone), format!("deleted by step {}", gone + 1));
            return None;
        }
        if self.may_be_there(cx, namespace) {
            return Some((place, None));
        }
        if let Some((draft, placed)) = story.made_by(kind, Some(namespace), name) {
            cx.findings
                .error(self.at, format!("{} `{name}` is not there yet", owner.kind()))
                .second(&placed.name_at, format!("made by step {}", draft.index + 1))
                .hint("move that step up");
            return None;
        }
        let near =
            nearest(name, story.names(kind.0, kind.1).into_iter()).map(|near| format!("{}/{near}", owner.word()));
        let other = Owner::ALL.into_iter().find(|owner| self.template(*owner, namespace, name).is_some());
        let hint = match (near, other) {
            (_, Some(other)) => format!("did you mean `{}/{name}`?", other.word()),
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, None) => format!(
                "make it by an earlier step: `apply: {{kind: {}, …}}`; if something else makes it, end the line with `# on purpose`",
                owner.kind()
            ),
        };
        cx.findings.error(self.at, format!("no step makes {} `{name}`", owner.kind())).hint(hint);
        None
    }

    fn labels(&self, cx: &mut Context<'_>, said: &InLabels) -> Option<Found<'s>> {
        let namespace = said.namespace.as_deref().unwrap_or(cx.namespace);
        if said.labels.is_empty() {
            cx.findings
                .error(&below(self.at, "labels"), "no label: every Pod would do")
                .hint("e.g. `labels: {app: web}`");
            return None;
        }
        let of = Some(Of::Labels(said.labels.clone()));
        let place = Place { namespace: namespace.into(), of, ..Place::default() };
        let mut matching: Vec<Made<'s>> = self
            .templates(namespace)
            .filter(|(template, _)| has(template, &said.labels))
            .map(|(template, pointer)| Made { facts: pod_facts(template), pointer })
            .collect();
        if let Some(first) = matching.pop() {
            let same = matching.iter().all(|other| other.facts == first.facts);
            return Some((place, same.then_some(first)));
        }
        let open = said.labels.iter().any(|(key, value)| key.contains(SAVED) || value.contains(SAVED));
        if open || namespace.contains(SAVED) || self.may_be_there(cx, namespace) {
            return Some((place, None));
        }
        let there: Vec<String> =
            self.templates(namespace).map(|(template, _)| labels(template)).map(|all| selector(&all)).collect();
        let wanted = selector(&said.labels);
        let mut known: Vec<&str> = there.iter().map(String::as_str).filter(|labels| !labels.is_empty()).collect();
        known.dedup();
        let hint = match (nearest(&wanted, known.iter().copied()), known.as_slice()) {
            // As one writes it here.
            (Some(near), _) => format!("did you mean `{{{}}}`?", near.replace('=', ": ").replace(',', ", ")),
            (None, []) => "no earlier step makes a Pod with labels: add `labels` to one".to_owned(),
            (None, known) => format!("the Pods of earlier steps have `{}`", known.join("`, `")),
        };
        cx.findings.error(&below(self.at, "labels"), format!("no step makes a Pod with `{wanted}`")).hint(hint);
        None
    }

    /// The Pod's template in a workload that a step has made.
    fn template(&self, owner: Owner, namespace: &str, name: &str) -> Option<Made<'s>> {
        let known = self.story.world.alive((owner.group(), owner.kind()), Some(namespace), name)?;
        let template = known.object.manifest.pointer(owner.template())?;
        Some(Made { facts: pod_facts(template), pointer: known.pointer })
    }

    /// Every Pod and every template of Pods that exists in a namespace.
    fn templates(&self, namespace: &str) -> impl Iterator<Item = (&'s Value, &'s str)> {
        let owned = Owner::ALL.into_iter().map(|owner| ((owner.group(), owner.kind()), owner.template()));
        let kinds = owned.chain([(POD, "")]);
        let mut all = Vec::new();
        for (kind, template) in kinds {
            let known = self.story.world.all_alive(kind);
            let here = known.filter(|known| known.object.namespace.as_deref() == Some(namespace));
            all.extend(here.filter_map(|known| Some((known.object.manifest.pointer(template)?, known.pointer))));
        }
        all.into_iter()
    }

    /// Whether there can be Pods in a namespace that no step names: it is none of the scenario's own, or an earlier step does what
    /// kubewalk cannot foresee.
    fn may_be_there(&self, cx: &Context<'_>, namespace: &str) -> bool {
        let fresh = cx.findings.document().scenario.namespace.is_none() && namespace == cx.namespace;
        if !fresh && !self.story.exists(namespace) || cx.findings.on_purpose(&[self.at]) {
            return true;
        }
        self.story.drafts.iter().take(self.index).any(|draft| {
            let step = draft.step;
            let sends = step.request.as_ref().is_some_and(|call| call.body.is_some())
                || step.curl.as_ref().is_some_and(|call| call.body.is_some());
            let custom = draft.objects.iter().any(|placed| {
                let kind = &placed.object.kind;
                let kind = (kind.group.as_str(), kind.kind.as_str());
                let makes_pods = Owner::ALL.iter().any(|owner| kind == (owner.group(), owner.kind()));
                !OWN.iter().any(|own| own.group == kind.0) || makes_pods || placed.object.name.is_empty()
            });
            sends || custom || draft.verb == Some(Verb::Kubectl)
        })
    }

    /// Whether an earlier call of kubectl names the Pod: `kubectl run NAME`, or a manifest on its standard input.
    fn said_to_kubectl(&self, name: &str) -> bool {
        let word = |text: &str| {
            let ends = |c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c));
            text.split(ends).any(|word| word == name)
        };
        self.story.drafts.iter().take(self.index).filter_map(|draft| draft.step.kubectl.as_ref()).any(|call| {
            let makes = call.args.iter().any(|arg| matches!(arg.as_str(), "run" | "create" | "apply" | "replace"));
            makes && (call.args.iter().any(|arg| arg == name) || call.stdin.as_deref().is_some_and(word))
        })
    }

    fn none(&self, cx: &mut Context<'_>, namespace: &str, name: &str, any: Option<String>) {
        let (at, story) = (self.at, self.story);
        let found = find(story, POD, Some(namespace), name, &[]);
        match found {
            Whereabouts::Gone(gone) => {
                cx.findings
                    .error(at, format!("Pod `{name}` is gone at this step"))
                    .second(&deletion(gone), format!("deleted by step {}", gone + 1));
                return;
            }
            Whereabouts::Later(draft, placed) => {
                cx.findings
                    .error(at, format!("Pod `{name}` is not there yet"))
                    .second(&placed.name_at, format!("made by step {}", draft.index + 1))
                    .hint("move that step up");
                return;
            }
            Whereabouts::Alive | Whereabouts::Elsewhere(_) | Whereabouts::Near(_) | Whereabouts::Nowhere => {}
        }
        if let Some(refused) = story.refused_by(POD, Some(namespace), name) {
            let number = refused.index + 1;
            cx.findings
                .error(at, format!("Pod `{name}` is not there: step {number} expects that it is refused"))
                .second(&refused.expect_at(), "expects a refusal");
            return;
        }
        let owner = Owner::ALL.into_iter().find(|owner| self.template(*owner, namespace, name).is_some());
        let hint = match (found, owner, any) {
            (Whereabouts::Elsewhere(other), _, _) => format!("it is in namespace `{other}`: write `{other}/{name}`"),
            (_, Some(owner), _) => format!("its Pods have names of their own: write `{}/{name}`", owner.word()),
            (Whereabouts::Near(near), _, _) => format!("did you mean `{near}`?"),
            (_, None, Some(any)) => format!(
                "add a step `pod: {{name: {name}, image: curl}}` before; a Pod that is there without one is `{any}`"
            ),
            (_, None, None) => format!("add a step `pod: {{name: {name}, image: curl}}` before"),
        };
        cx.findings.error(at, format!("no step makes Pod `{name}`")).hint(hint);
    }
}

fn labels(template: &Value) -> BTreeMap<String, String> {
    let all = template["metadata"]["labels"].as_object().into_iter().flatten();
    all.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn has(template: &Value, wanted: &BTreeMap<String, String>) -> bool {
    let own = labels(template);
    wanted.iter().all(|(key, value)| own.get(key) == Some(value))
}
