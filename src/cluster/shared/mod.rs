//! Clusters that several processes use: the process that holds one, its folder, and whether it is still as new.

pub mod guard;
pub mod hold;
pub mod holder;
pub mod lease;
pub mod snapshot;
pub mod warm;
pub mod whose;
