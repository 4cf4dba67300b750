//! Back to what a cluster was before a step.
//!
//! All objects are looked at before a step that may change something. To go back, what is new since then is deleted, what has gone is
//! made again, and what has changed is written back. Some objects are not the same when they are made again: a Pod, an account, a
//! namespace. When such a one is gone, and whenever a look afterwards finds a difference, the scenario is begun anew instead, and
//! the steps before are run again.
//!
//! Only a cluster of our own is gone back in: no other run changes it meanwhile.

pub mod digest;
pub mod key;
pub mod snapshot;

mod callers;
mod changes;
mod restless;
mod settle;
mod undo;

pub use digest::Digest;
pub use key::Key;
pub use snapshot::{Snapshot, look};
pub use undo::{Undone, delete_events, let_go, restore, undo};
