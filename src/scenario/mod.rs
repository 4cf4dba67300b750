//! Text to [`Scenario`]: what a contributor writes, with the place of every value.
//!
//! The types in [`schema`], [`verbs`] and [`expect`] are the one source of the language: the strict reader checks a file
//! against the JSON Schema that schemars makes of them, and so do editors. Nothing here knows Kubernetes' client or an
//! async runtime.

pub mod diagnostic;
pub mod expect;
pub mod read;
pub mod schema;
pub mod shape;
pub mod tree;
pub mod verbs;

pub use diagnostic::{Diagnostic, Severity, Source, Span};
pub use read::{Document, read};
pub use schema::{Namespace, Scenario, Step};
