//! The kinds of cluster, one file each.
//!
//! All give the same thing: a kubeconfig, facts, and an end.

pub mod auto;
#[cfg(target_os = "linux")]
pub mod builtin;
pub mod docker;
pub mod k3s;
pub mod kind;
pub mod kubeconfig;
