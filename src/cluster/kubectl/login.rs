//! As whom kubectl logs in.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// As whom kubectl logs in.
#[derive(Debug, Clone, Copy)]
pub enum Login<'a> {
    /// By the node's own kubeconfig.
    Administrator,
    /// By nothing.
    Nobody,
    /// By a bearer token.
    Token(&'a SecretString),
}

impl Login<'_> {
    /// The user's entry in a kubeconfig; nothing for the one that is there.
    pub(super) fn user(self) -> Option<Value> {
        match self {
            Login::Administrator => None,
            // Without any credential kubectl asks a person for a name; a blank token is none to the server.
            Login::Nobody => Some(json!({"token": " "})),
            Login::Token(token) => Some(json!({"token": token.expose_secret()})),
        }
    }
}
