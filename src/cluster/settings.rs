//! Where a cluster may keep things, and what a person may set about all kinds.

use std::{path::PathBuf, time::Duration};

/// How long the pull of one image may take when no setting says otherwise.
const PULL_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a registry may take to say its first word when nothing else is to be tried.
const FIRST_WORD: Duration = Duration::from_secs(60);

/// Where a cluster may keep things.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For what is built once: the node image. Survives runs.
    pub cache: PathBuf,
    /// For what belongs to clusters and goes with them, in rooms of its own: see [`Room`](super::own::Room). Only this user can use
    /// it.
    pub base: PathBuf,
    /// Where Docker is, when a setting says so: `unix:///run/user/1000/docker.sock`.
    pub docker_host: Option<String>,
    /// The image for `--cluster k3s`, when it is not to be one of the table.
    pub k3s_image: Option<String>,
    /// The config for `--cluster kind`, when it is not to be `kind-config.yaml` in the working directory.
    pub kind_config: Option<PathBuf>,
    /// A node image for `--cluster kind`, in place of those that its config names.
    pub kind_image: Option<String>,
    /// Which image has the engine, in place of what the release of this program has published; see
    /// [`published`](crate::cluster::engine::published).
    pub engine_image: Option<String>,
    /// Whether nothing may be pulled or built.
    pub offline: bool,
    /// How long the pull of one image may take.
    pub pull_timeout: Duration,
    /// How long a registry may take to say the first word of a pull.
    pub first_word: Duration,
    /// The most memory that a node may use, in bytes, when it is not to be half of the machine's.
    pub node_memory: Option<u64>,
    /// How long a cluster may take until it is ready, when it is not to be what its kind takes at most.
    pub start_timeout: Option<Duration>,
}

impl Settings {
    /// With these folders, and all else left out.
    pub fn in_folders(cache: PathBuf, base: PathBuf) -> Self {
        Settings {
            cache,
            base,
            docker_host: None,
            k3s_image: None,
            kind_config: None,
            kind_image: None,
            engine_image: None,
            offline: false,
            pull_timeout: PULL_TIMEOUT,
            first_word: FIRST_WORD,
            node_memory: None,
            start_timeout: None,
        }
    }

    /// The room for nodes of the builtin cluster, which their keepers fill.
    pub fn nodes(&self) -> PathBuf {
        self.base.join("nodes")
    }

    /// The room for private folders that go with a run.
    pub fn runs(&self) -> PathBuf {
        self.base.join("runs")
    }

    /// The room for what this user's processes tell each other: which clusters are kept, and by whom.
    pub fn held(&self) -> PathBuf {
        self.base.join("held")
    }

    /// The room for locks and for what was found out once.
    pub fn notes(&self) -> PathBuf {
        self.base.join("notes")
    }
}
