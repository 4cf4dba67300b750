//! Whether an object that a step names is there at this step: the one answer that every verb words for itself.

use super::story::Story;
use crate::plan::{
    context::{Draft, Placed},
    kinds::nearest,
};

/// Where an object is at a point of the story.
pub(in crate::plan) enum Whereabouts<'s> {
    /// An earlier step made it.
    Alive,
    /// It was there, and this step (its index) deleted it.
    Gone(usize),
    /// A later step makes it.
    Later(&'s Draft<'s>, &'s Placed),
    /// A step makes one of this name in this other namespace.
    Elsewhere(&'s str),
    /// No step makes it, but one of a name that is near.
    Near(&'s str),
    /// No step makes one like it.
    Nowhere,
}

/// Looks for an object by its kind, namespace and name; `more` are names that are there beside those of the steps.
pub(in crate::plan) fn find<'s>(
    story: &'s Story<'s>,
    kind: (&str, &str),
    namespace: Option<&str>,
    name: &str,
    more: &'s [&'s str],
) -> Whereabouts<'s> {
    if let Some(known) = story.world.last(kind, namespace, name) {
        return known.gone.map_or(Whereabouts::Alive, Whereabouts::Gone);
    }
    if let Some((draft, placed)) = story.made_by(kind, namespace, name) {
        return Whereabouts::Later(draft, placed);
    }
    if let Some(other) = elsewhere(story, kind, name) {
        return Whereabouts::Elsewhere(other);
    }
    match nearest(name, story.names(kind.0, kind.1).into_iter().chain(more.iter().copied())) {
        Some(near) => Whereabouts::Near(near),
        None => Whereabouts::Nowhere,
    }
}

/// The namespace in which one of this name is, or will be.
fn elsewhere<'s>(story: &'s Story<'s>, kind: (&str, &str), name: &str) -> Option<&'s str> {
    let alive = story.world.all_alive(kind).find(|known| known.object.name == name).map(|known| known.object);
    let any = || {
        let objects = story.drafts.iter().filter(|draft| !draft.refused).flat_map(|draft| &draft.objects);
        objects.map(|placed| &placed.object).find(|object| object.kind.is(kind.0, kind.1) && object.name == name)
    };
    alive.or_else(any)?.namespace.as_deref()
}
