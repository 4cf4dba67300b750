//! Walks the steps in order and knows what exists when.

use std::{cell::Cell, collections::HashMap};

use super::{
    Context, accounts, below, bodies, calls, can, captures, customs,
    draft::{Draft, Placed},
    expectations, identity, kubectl, outside, reviews, targets, tokens, when,
    world::{Known, Which, World, which},
};
use crate::{
    plan::{Action, Step, kinds::nearest},
    scenario::schema,
};

/// The steps as a story: what was made so far, and what will be.
pub(super) struct Story<'a> {
    pub drafts: &'a [Draft<'a>],
    pub world: World<'a>,
    pub saved: captures::Names,
    /// Of each object, the first step that makes it, and the first that tries to and expects to be refused.
    makers: [HashMap<Which<'a>, (&'a Draft<'a>, &'a Placed)>; 2],
    /// How many names have been given out to find one that was meant.
    looked: Cell<usize>,
    /// Pointers of namespaces that are told already as not there.
    unknown: Vec<String>,
}

/// As many names are compared with words that name nothing. A file with thousands of objects and as many slips gets no suggestions
/// for the last of them.
const MOST_NAMES: usize = 100_000;

/// Makes the steps of the plan.
pub(super) fn tell<'a>(cx: &mut Context<'_>, drafts: &'a [Draft<'a>]) -> Vec<Step> {
    let makers = [false, true].map(|refused| makers(drafts, refused));
    let mut story = Story {
        drafts,
        world: World::default(),
        saved: captures::Names::new(),
        makers,
        looked: Cell::new(0),
        unknown: Vec::new(),
    };
    let mut steps = Vec::new();
    for draft in drafts {
        captures::uses(cx, draft, &mut story);
        let caller = identity::read(cx, draft, &story);
        let action = story.act(cx, draft);
        let save = captures::saves(cx, draft, action.as_ref(), &mut story);
        let expected = expectations::read(cx, draft);
        let (Some(verb), Some(action)) = (draft.verb, action) else {
            continue;
        };
        customs::bodies(cx, draft, &action);
        let questions = reviews::read(cx, draft, (&action, &caller, &expected), &story);
        steps.push(Step {
            number: draft.index + 1,
            pointer: draft.pointer.clone(),
            title: draft.step.title.clone(),
            say: draft.step.say.clone(),
            rows: (draft.step.rows.iter().map(|row| row.0.clone())).collect(),
            timeout: draft.timeout,
            verb,
            action,
            expected,
            when: draft.when.clone(),
            caller,
            save,
            on_purpose: false,
            questions,
            placed: match verb {
                "apply" | "create" => draft.objects.iter().map(|placed| placed.pointer.clone()).collect(),
                _ => Vec::new(),
            },
        });
    }
    captures::unused(cx, &story);
    captures::skipped(cx, &story, &steps);
    steps
}

impl<'a> Story<'a> {
    fn act(&mut self, cx: &mut Context<'_>, draft: &'a Draft<'a>) -> Option<Action> {
        let step: &schema::Step = draft.step;
        match draft.verb? {
            "can" => can::read(cx, draft, step.can.as_ref()?, self),
            "kubectl" => {
                draft.objects.iter().for_each(|placed| self.world.add(known(draft, placed)));
                kubectl::read(cx, draft, step.kubectl.as_ref()?)
            }
            "get" => targets::get(cx, draft, step.get.as_ref()?, self).map(Action::Get),
            "delete" => {
                let target = targets::delete(cx, draft, step.delete.as_ref()?, self)?;
                if !draft.refused {
                    let kind = (target.kind.group.as_str(), target.kind.kind.as_str());
                    let name = target.name.as_deref().unwrap_or_default();
                    let namespace = target.namespace.as_deref();
                    self.world.delete(kind, namespace, name, draft.index);
                }
                Some(Action::Delete(target))
            }
            "wait" => {
                let wait = step.wait.as_ref()?;
                let target = targets::wait(cx, draft, wait, self)?;
                Some(Action::Wait(target, wait.until.clone()))
            }
            "curl" => {
                let action = calls::curl(cx, draft, step.curl.as_ref()?, self);
                self.call_changes(draft, action.as_ref());
                action
            }
            "exec" => calls::exec(cx, draft, step.exec.as_ref()?, self),
            "whoami" => Some(Action::Whoami),
            "token" => tokens::token(cx, draft, step.token.as_ref()?, self),
            "patch" => tokens::patch(cx, draft, step.patch.as_ref()?, self),
            "request" => {
                let action = outside::request(cx, draft, step.request.as_ref()?);
                self.call_changes(draft, action.as_ref());
                action
            }
            verb => {
                for placed in &draft.objects {
                    self.make(cx, draft, placed);
                }
                let mut objects: Vec<_> = (draft.objects.iter().map(|placed| placed.object.clone())).collect();
                match verb {
                    "create" => Some(Action::Create(objects)),
                    "pod" => objects.pop().map(Action::Pod),
                    _ => Some(Action::Apply(objects)),
                }
            }
        }
    }

    /// What a call from a Pod, or a request, makes or deletes.
    fn call_changes(&mut self, draft: &'a Draft<'a>, action: Option<&Action>) {
        if draft.refused {
            return;
        }
        for placed in &draft.objects {
            self.world.add(known(draft, placed));
        }
        let asked = action.map(Action::requests).unwrap_or_default();
        if let Some((kind, namespace, name)) = bodies::deleted(asked.first()) {
            let kind = (kind.group.as_str(), kind.kind.as_str());
            let namespace = namespace.filter(|_| kind != ("", "Namespace"));
            self.world.delete(kind, namespace, name, draft.index);
        }
    }

    /// A step makes an object.
    fn make(&mut self, cx: &mut Context<'_>, draft: &'a Draft<'a>, placed: &'a Placed) {
        let object = &placed.object;
        let kind = (object.kind.group.as_str(), object.kind.kind.as_str());
        let namespace = object.namespace.as_deref();
        if !draft.refused {
            self.check_namespace(cx, placed);
            accounts::check(cx, draft, placed, self);
            let before = self.world.alive(kind, namespace, &object.name);
            let together =
                |before: &&Known<'_>| when::together(self.drafts[before.step].when.as_ref(), draft.when.as_ref());
            let before = before.filter(together);
            if let Some(before) = before.filter(|_| draft.verb != Some("apply") && !object.name.is_empty()) {
                let message =
                    format!("{} `{}` is made already, by step {}", object.kind.kind, object.name, before.step + 1);
                cx.findings
                    .error(&placed.name_at, message)
                    .label("a second time")
                    .second(before.pointer, "made here")
                    .hint("change it by `apply`, or delete it first");
            }
        }
        if draft.refused {
            return;
        }
        self.world.add(known(draft, placed));
    }

    fn check_namespace(&mut self, cx: &mut Context<'_>, placed: &Placed) {
        let Some(namespace) = placed.object.namespace.as_deref() else {
            return;
        };
        // Those that every cluster has take what is made in them; it is removed afterwards.
        if namespace == cx.namespace || self.exists(namespace) || targets::EVERYWHERE.contains(&namespace) {
            return;
        }
        if let Some(into) = &placed.into {
            // Once for a file of many objects.
            if self.unknown.last() != Some(into) {
                self.unknown.push(into.clone());
                let hint = "make it by an earlier step of kind Namespace, or in the file";
                self.no_namespace(cx, into, namespace, hint);
            }
            return;
        }
        let at = below(&below(&placed.pointer, "metadata"), "namespace");
        let hint = "leave the line out: the scenario's own namespace is filled in";
        self.no_namespace(cx, &at, namespace, hint);
    }

    /// Whether a step made this Namespace.
    pub(super) fn exists(&self, namespace: &str) -> bool {
        let kind = ("", "Namespace");
        self.world.alive(kind, None, namespace).is_some()
    }

    /// Says that a namespace is not there, or not yet.
    pub(super) fn no_namespace(&self, cx: &mut Context<'_>, at: &str, namespace: &str, hint: &str) {
        if let Some((draft, placed)) = self.made_by(("", "Namespace"), None, namespace) {
            cx.findings
                .error(at, format!("namespace `{namespace}` is not there at this step"))
                .second(&placed.name_at, format!("made by step {}", draft.index + 1))
                .hint("move that step up");
            return;
        }
        let all = self.world.all_alive(("", "Namespace"));
        let near = nearest(namespace, all.map(|known| known.object.name.as_str()));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => hint.to_owned(),
        };
        cx.findings.error(at, format!("no earlier step makes namespace `{namespace}`")).hint(hint);
    }

    /// The first step, early or late, that makes an object.
    pub(super) fn made_by(
        &self,
        kind: (&str, &str),
        namespace: Option<&str>,
        name: &str,
    ) -> Option<(&'a Draft<'a>, &'a Placed)> {
        self.makers[0].get(&(kind, namespace, name)).copied()
    }

    /// The step that tries to make an object and expects to be refused.
    pub(super) fn refused_by(&self, kind: (&str, &str), namespace: Option<&str>, name: &str) -> Option<&'a Draft<'a>> {
        self.makers[1].get(&(kind, namespace, name)).map(|(draft, _)| *draft)
    }

    /// The names of all objects of a kind that any step makes, among which one may be meant.
    pub(super) fn names(&self, group: &str, kind: &str) -> Vec<&'a str> {
        if self.looked.get() > MOST_NAMES {
            return Vec::new();
        }
        let drafts = self.drafts.iter().filter(|draft| !draft.refused);
        let names = (drafts.flat_map(|draft| &draft.objects))
            .filter(|placed| placed.object.kind.is(group, kind))
            .map(|placed| placed.object.name.as_str());
        let names: Vec<&str> = names.collect();
        self.looked.set(self.looked.get() + names.len());
        names
    }
}

/// Of each object, the first step that makes it, or tries to.
fn makers<'a>(drafts: &'a [Draft<'a>], refused: bool) -> HashMap<Which<'a>, (&'a Draft<'a>, &'a Placed)> {
    let mut found = HashMap::new();
    for draft in drafts.iter().filter(|draft| draft.refused == refused) {
        for placed in &draft.objects {
            found.entry(which(&placed.object)).or_insert((draft, placed));
        }
    }
    found
}

fn known<'a>(draft: &'a Draft<'a>, placed: &'a Placed) -> Known<'a> {
    Known { pointer: &placed.name_at, step: draft.index, object: &placed.object, gone: None }
}
