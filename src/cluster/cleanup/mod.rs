//! Whose things are, and how what dead runs have left is found and removed.

pub mod folder;
pub mod namespaces;
pub mod owner;
pub mod seal;
pub mod sweep;
