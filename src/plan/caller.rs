//! Who asks, and by which credential.

use super::Identity;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What is sent with the request.
    pub credential: Credential,
    /// Who the API server must take the caller for; `None` for the administrator, and for a text that is no token.
    pub identity: Option<Identity>,
}

/// What a request carries to say who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// What the cluster's kubeconfig has.
    Administrator,
    /// Nothing.
    Anonymous,
    /// A token of this ServiceAccount, asked for by TokenRequest.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The administrator's, and headers that say whom he speaks for.
    Impersonation {
        /// The user.
        user: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// A token that an earlier step saved under this name.
    Saved(String),
    /// A bearer text that is no token.
    Text(String),
}

impl Default for Caller {
    fn default() -> Self {
        Self { credential: Credential::Administrator, identity: None }
    }
}

impl Caller {
    /// kubectl's flags that ask as this caller; a token is stood for by its owner's name.
    pub fn kubectl(&self) -> Vec<String> {
        let flags = |user: &str, groups: &[String]| {
            let groups = groups.iter().map(|group| format!("--as-group={group}"));
            std::iter::once(format!("--as={user}")).chain(groups).collect()
        };
        match (&self.credential, &self.identity) {
            (Credential::Administrator | Credential::Text(_), _) | (_, None) => vec![],
            (_, Some(Identity::Anonymous)) => flags("system:anonymous", &["system:unauthenticated".to_owned()]),
            (_, Some(Identity::User { name, groups })) => flags(name, groups),
            (_, Some(account @ Identity::ServiceAccount { .. })) => flags(&account.username(), &[]),
        }
    }
}
