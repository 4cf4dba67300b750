//! A place in Docker that has kubectl.

use serde::{Deserialize, Serialize};

/// A container, by where its Docker is and its id: what another process needs to know, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InContainer {
    /// As `DOCKER_HOST` says it; `None`: this machine's.
    pub host: Option<String>,
    /// Its id or name.
    pub id: String,
}
