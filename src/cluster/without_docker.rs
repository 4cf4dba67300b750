//! Stands for the room `docker` in a build without the feature of that name: there is no Docker, an error of the environment.

use std::convert::Infallible;

use crate::cluster::{ClusterError, in_container::InContainer, output::Output};

/// There is none.
pub fn error() -> ClusterError {
    ClusterError::new(
        "this build of kubewalk has no Docker",
        "enable the feature `docker` of kubewalk, or use --cluster builtin, which needs none (Linux and root)",
    )
}

/// A Docker that has answered: it has no value in this build.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// Its version.
    pub version: String,
    /// No value.
    pub never: Infallible,
}

impl Daemon {
    /// Finds none.
    ///
    /// # Errors
    /// Always.
    pub async fn connect(_host: Option<&str>) -> Result<Daemon, ClusterError> {
        Err(error())
    }
}

impl InContainer {
    /// Runs nothing.
    ///
    /// # Errors
    /// Always.
    pub async fn exec(&self, _command: Vec<String>, _stdin: Option<Vec<u8>>) -> Result<Output, String> {
        Err(error().to_string())
    }
}

/// Images in Docker.
pub mod images {
    use super::Daemon;
    use crate::cluster::ClusterError;

    /// Whether an image is in Docker.
    ///
    /// # Errors
    /// When Docker does not say.
    pub async fn here(daemon: &Daemon, _image: &str) -> Result<bool, ClusterError> {
        match daemon.never {}
    }
}
