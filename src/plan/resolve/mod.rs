//! What a step names: whether it is there at that point of the story.

pub(in crate::plan) mod apis;
pub(in crate::plan) mod bindings;
pub(in crate::plan) mod groups;
pub(in crate::plan) mod kept;
pub(in crate::plan) mod places;
pub(in crate::plan) mod pod_facts;
pub(in crate::plan) mod reference;
pub(in crate::plan) mod saved;
pub(in crate::plan) mod story;
pub(in crate::plan) mod whereabouts;
pub(in crate::plan) mod world;
