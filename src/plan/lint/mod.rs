//! What is looked at when all steps are known, and changes nothing: most of it is only warned about.

pub(in crate::plan) mod absent_fields;
pub(in crate::plan) mod aggregation;
pub(in crate::plan) mod bare_denial;
pub(in crate::plan) mod custom_objects;
pub(in crate::plan) mod endless_wait;
pub(in crate::plan) mod existence;
pub(in crate::plan) mod free_words;
pub(in crate::plan) mod granted_only;
pub(in crate::plan) mod images;
mod kubectl_rules;
pub(in crate::plan) mod mounted_paths;
pub(in crate::plan) mod paths_in_commands;
pub(in crate::plan) mod resource_names;
pub(in crate::plan) mod revived;
mod rule;
mod rule_paths;
mod rule_stars;
pub(in crate::plan) mod rule_words;
pub(in crate::plan) mod scopes;
pub(in crate::plan) mod sent_bodies;
pub(in crate::plan) mod slips;
mod special_verbs;
pub(in crate::plan) mod unpaired_denial;
pub(in crate::plan) mod untrusted;
pub(in crate::plan) mod version_bound_text;
