//! Reports: pure functions of the event stream.

pub mod snippet;
pub mod terminal;

pub use snippet::{Caret, snippet};
pub use terminal::{Terminal, Verbosity};
