//! Reports: pure functions of the event stream.

pub mod snippet;
pub mod terminal;
mod words;

pub use snippet::{Caret, snippet};
pub use terminal::{Terminal, Verbosity};
