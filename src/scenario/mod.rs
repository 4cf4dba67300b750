//! Text to [`Scenario`]: what a contributor writes, with the place of every value.
//!
//! The types in [`schema`], [`verbs`] and [`expect`] are the one source of the language: the strict reader checks a file
//! against the JSON Schema that schemars makes of them, and so do editors. Nothing here knows Kubernetes' client or an
//! async runtime.
//!
//! One file goes bytes -> `decode` (encodings) -> [`tree`] (YAML, places) -> [`shape`] (the schema) -> types; [`mod@read`]
//! does all of it, and [`diagnostic`] draws what is wrong.

pub mod advice;
pub mod beside;
pub mod calls;
pub mod can;
mod decode;
pub mod diagnostic;
pub mod duration;
pub mod each;
pub mod expect;
pub mod files;
pub mod fix;
pub mod json_schema;
pub mod kubectl;
mod lines;
mod mistake;
mod one_verb;
pub mod open;
pub mod outcome;
pub mod partly;
pub mod placeholder;
pub mod places;
pub mod read;
pub mod schema;
pub mod server;
pub mod shape;
pub mod span;
mod syntax;
#[cfg(test)]
mod tests;
pub mod tree;
pub mod verb;
pub mod verbs;
pub mod when;
mod wording;
mod words;
mod yaml;

pub use diagnostic::{Diagnostic, Severity, Source, Span};
pub use expect::ExpectKey;
pub use json_schema::schema_json;
pub use read::{Document, read, read_file};
pub use schema::{Namespace, Scenario, Step};
pub use verb::Verb;
pub use yaml::spawn_roomy;
