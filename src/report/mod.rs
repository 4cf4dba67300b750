//! Reports: pure functions of the event stream.

pub mod diagram;
pub mod findings;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod pages;
pub mod snippet;
pub mod story;
pub mod terminal;
pub mod trouble;
pub mod versions;
mod words;

pub use snippet::{Caret, snippet};
pub use terminal::{Terminal, Verbosity};
