//! Reports: pure functions of the event stream.

#[cfg(feature = "reports")]
pub mod diagram;
#[cfg(feature = "cli")]
pub mod findings;
pub mod github;
#[cfg(feature = "reports")]
pub mod html;
pub mod json;
#[cfg(feature = "reports")]
pub mod junit;
#[cfg(feature = "reports")]
pub mod pages;
pub mod snippet;
pub mod story;
pub mod terminal;
pub mod trouble;
pub mod versions;
mod words;

pub use snippet::{Caret, snippet};
pub use terminal::{Terminal, Verbosity};
