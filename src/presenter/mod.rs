//! A scenario as a class: what is shown when, and what each command does. Pure functions and a state machine: a terminal and a browser
//! show the same [`View`], and a cluster or an earlier run's events carry out the same [`Deed`]s.

pub mod class;
pub mod command;
pub mod lesson;
pub mod page;
pub mod screen;
pub mod tape;
pub mod view;

mod answer;
mod picture;
mod typed;

pub use class::{Class, Deed, State};
pub use command::Command;
pub use lesson::Lesson;
pub use picture::Picture;
pub use tape::Tape;
pub use view::View;
