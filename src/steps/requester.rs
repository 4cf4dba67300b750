//! Who sends a request: a client, and the headers that say as whom.

use http::HeaderMap;
use secrecy::SecretString;

use crate::plan::Credential;

/// Who sends requests now.
pub struct Requester {
    /// The client.
    pub client: kube::Client,
    /// The headers that say who asks.
    pub headers: HeaderMap,
    /// The token that the headers carry.
    pub token: Option<SecretString>,
    /// The kind of credential.
    pub credential: Credential,
}
