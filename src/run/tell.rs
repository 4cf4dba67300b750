//! Where events go.

use crate::event::Event;

/// Where events go.
pub type Tell<'a> = &'a mut (dyn FnMut(Event) + Send);
