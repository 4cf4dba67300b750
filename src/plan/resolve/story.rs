//! The steps as a story: what was made so far, and what will be.

use std::{cell::Cell, collections::HashMap};

use super::{
    kept,
    world::{Which, World, which},
};
use crate::{
    plan::{
        context::{Context, Draft, Placed, words::NAMESPACE},
        kinds::nearest,
    },
    scenario::placeholder,
};

/// The steps as a story: what was made so far, and what will be.
pub(in crate::plan) struct Story<'a> {
    pub drafts: &'a [Draft<'a>],
    pub world: World<'a>,
    pub saved: kept::Names,
    /// Of each object, the first step that makes it, and the first that tries to and expects to be refused.
    makers: [HashMap<Which<'a>, (&'a Draft<'a>, &'a Placed)>; 2],
    /// How many names have been given out to find one that was meant.
    looked: Cell<usize>,
    /// Pointers of namespaces that are told already as not there.
    pub unknown: Vec<String>,
}

/// As many names are compared with words that name nothing. A file with thousands of objects and as many slips gets no suggestions
/// for the last of them.
const MOST_NAMES: usize = 100_000;

impl<'a> Story<'a> {
    /// The beginning of a story, before its first step.
    pub(in crate::plan) fn new(drafts: &'a [Draft<'a>]) -> Self {
        Story {
            drafts,
            world: World::default(),
            saved: kept::Names::new(),
            makers: [false, true].map(|refused| makers(drafts, refused)),
            looked: Cell::new(0),
            unknown: Vec::new(),
        }
    }

    /// Whether a step made this Namespace.
    pub(in crate::plan) fn exists(&self, namespace: &str) -> bool {
        let kind = ("", "Namespace");
        self.world.alive(kind, None, namespace).is_some()
    }

    /// Says that a namespace is not there, or not yet.
    pub(in crate::plan) fn no_namespace(&self, cx: &mut Context<'_>, at: &str, namespace: &str, hint: &str) {
        // What only looks like a placeholder is told as such.
        if placeholder::slip(namespace).is_some() {
            return;
        }
        if namespace == NAMESPACE {
            cx.findings
                .error(at, format!("`{{{namespace}}}` stands for the letters `{namespace}` themselves"))
                .hint(format!("did you mean `{namespace}`?"));
            return;
        }
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
    pub(in crate::plan) fn made_by(
        &self,
        kind: (&str, &str),
        namespace: Option<&str>,
        name: &str,
    ) -> Option<(&'a Draft<'a>, &'a Placed)> {
        self.makers[0].get(&(kind, namespace, name)).copied()
    }

    /// The step that tries to make an object and expects to be refused.
    pub(in crate::plan) fn refused_by(
        &self,
        kind: (&str, &str),
        namespace: Option<&str>,
        name: &str,
    ) -> Option<&'a Draft<'a>> {
        self.makers[1].get(&(kind, namespace, name)).map(|(draft, _)| *draft)
    }

    /// The names of all objects of a kind that any step makes, among which one may be meant.
    pub(in crate::plan) fn names(&self, group: &str, kind: &str) -> Vec<&'a str> {
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
