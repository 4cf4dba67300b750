//! Docker's engine: is it there, and does it answer.
//!
//! All that speaks to it runs on one small runtime of this process, not on the caller's: a cluster that tests share outlives
//! the runtime of the test that started it.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use testcontainers::{
    bollard::{Docker, errors::Error},
    core::client::docker_client_instance,
};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::{
    cluster::{
        ClusterError,
        bounded::{Counted, Item},
        trouble,
    },
    where_docker_is,
};

/// How long Docker may take to say that it is there.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Docker, which has answered.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// A client whose answers are limited.
    pub client: Docker,
    /// Where it is, e.g. `unix:///var/run/docker.sock`, `tcp://10.0.0.9:2376`.
    pub at: String,
    counted: Counted,
    /// Its version.
    pub version: String,
}

impl Daemon {
    /// The Docker of `DOCKER_HOST`, or else the one of this machine.
    ///
    /// # Errors
    /// That there is none, that it does not let us in, or that it does not answer within five seconds.
    pub async fn connect(host: Option<&str>) -> Result<Daemon, ClusterError> {
        if let Some((what, remedy)) = where_docker_is::refused() {
            return Err(ClusterError::new(what, remedy));
        }
        let at = host.unwrap_or(DEFAULT_HOST).to_owned();
        on(async move {
            let asked = async {
                let own = docker_client_instance().await.map_err(|e| trouble::client(&e, &at))?;
                let counted = Counted::new(own);
                let client = counted.client().map_err(|e| trouble::connection(&e, &at))?;
                let version = client.version().await.map_err(|e| trouble::connection(&e, &at))?;
                Ok(Daemon { client, at: at.clone(), counted, version: version.version.unwrap_or_default() })
            };
            tokio::time::timeout(ANSWERS_WITHIN, asked)
                .await
                .unwrap_or_else(|_| Err(trouble::silent(&at, ANSWERS_WITHIN)))
        })
        .await
    }

    /// A client for one stream without an end; see [`Counted::stream`].
    ///
    /// # Errors
    /// When there is none.
    pub fn stream(&self) -> Result<(Docker, Arc<Item>), Error> {
        self.counted.stream()
    }
}

/// Where Docker is when nothing is said.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The runtime for everything that speaks to Docker.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("kubewalk-docker").enable_all().build().expect("a thread can be started")
    })
}

/// Runs a piece of work there, and ends it when no caller waits for it any more.
pub async fn on<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let mut task = Ends(runtime().spawn(work));
    match (&mut task.0).await {
        Ok(done) => done,
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    }
}

/// A task that is ended when this is dropped.
#[derive(Debug)]
pub struct Ends<T>(pub JoinHandle<T>);

impl<T> Drop for Ends<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
