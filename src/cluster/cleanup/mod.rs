//! What dead runs have left, one file a kind of thing, and how it is found and removed; and namespaces that go.

#[cfg(feature = "docker")]
mod containers;
pub mod emptied;
mod folders;
#[cfg(feature = "docker")]
pub mod kind_clusters;
pub mod namespaces;
mod nodes;
mod place;
pub mod seal;
pub mod sweep;
