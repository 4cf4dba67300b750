//! What exists at a point of the story.

use std::collections::HashMap;

use crate::{k8s::selector::Selector, plan::Object};

/// Which object: its group and kind, its namespace, its name.
pub(in crate::plan) type Which<'a> = ((&'a str, &'a str), Option<&'a str>, &'a str);

/// Which object this is.
pub(in crate::plan) fn which(object: &Object) -> Which<'_> {
    ((&object.kind.group, &object.kind.kind), object.namespace.as_deref(), &object.name)
}

/// An object that a step made.
pub(in crate::plan) struct Known<'a> {
    /// The pointer of its name.
    pub pointer: &'a str,
    /// The index of its step.
    pub step: usize,
    /// The object.
    pub object: &'a Object,
    /// The index of the step that deleted it.
    pub gone: Option<usize>,
}

/// Everything that the steps so far made.
#[derive(Default)]
pub(in crate::plan) struct World<'a> {
    known: Vec<Known<'a>>,
    /// Of each object, the last place among them.
    last: HashMap<Which<'a>, usize>,
}

impl<'a> World<'a> {
    /// A step made an object.
    pub(in crate::plan) fn add(&mut self, known: Known<'a>) {
        self.last.insert(which(known.object), self.known.len());
        self.known.push(known);
    }

    /// The last that was made of this kind and name, deleted or not.
    pub(in crate::plan) fn last(&self, kind: (&str, &str), namespace: Option<&str>, name: &str) -> Option<&Known<'a>> {
        self.last.get(&(kind, namespace, name)).map(|at| &self.known[*at])
    }

    /// The one that exists now.
    pub(in crate::plan) fn alive(&self, kind: (&str, &str), namespace: Option<&str>, name: &str) -> Option<&Known<'a>> {
        self.last(kind, namespace, name).filter(|known| known.gone.is_none())
    }

    /// All of a kind that exist now.
    pub(in crate::plan) fn all_alive(&self, kind: (&str, &str)) -> impl Iterator<Item = &Known<'a>> {
        (self.known.iter()).filter(move |known| known.gone.is_none() && known.object.kind.is(kind.0, kind.1))
    }

    /// A step deleted all of a kind that have these labels. What is only known when it runs takes nothing away.
    pub(in crate::plan) fn delete_labelled(
        &mut self,
        kind: (&str, &str),
        namespace: Option<&str>,
        selector: &str,
        step: usize,
    ) {
        let Ok(selector) = Selector::read(selector) else { return };
        let known = self.known.iter_mut().filter(|known| known.gone.is_none());
        for known in known.filter(|known| known.object.kind.is(kind.0, kind.1)) {
            let labels = &known.object.manifest["metadata"]["labels"];
            if known.object.namespace.as_deref() == namespace && selector.takes(labels) {
                known.gone = Some(step);
            }
        }
    }

    /// A step deleted an object; with a Namespace goes all that is in it.
    pub(in crate::plan) fn delete(&mut self, kind: (&str, &str), namespace: Option<&str>, name: &str, step: usize) {
        for known in self.known.iter_mut().filter(|known| known.gone.is_none()) {
            let object = known.object;
            let it = object.kind.is(kind.0, kind.1) && object.namespace.as_deref() == namespace && object.name == name;
            let in_it = kind == ("", "Namespace") && object.namespace.as_deref() == Some(name);
            if it || in_it {
                known.gone = Some(step);
            }
        }
    }
}
