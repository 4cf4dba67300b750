//! Pages made from the sources that they speak of: claims and the steps that show them, and the language.
//!
//! Pure functions over what was read; `kubewalk docs` prints the pages, and `tests/offline/docs.rs` fails when a committed one is
//! not what would be printed.

pub mod claims;
mod examples;
mod flow;
pub mod language;
pub mod sbom;
pub mod seen;
pub mod shown;
mod versions;
pub mod what_changed;
