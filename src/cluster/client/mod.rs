//! How an API server is reached, from a kubeconfig to a client, and asked what it has.

pub mod access;
pub mod discovery;
pub(in crate::cluster) mod kept;
pub mod kubeconfig_file;
pub(in crate::cluster) mod login;
pub mod objects;
pub mod plugin;
pub mod ready;
