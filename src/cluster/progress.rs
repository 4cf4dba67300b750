//! What a person who waits for a cluster is told meanwhile.

use serde::{Deserialize, Serialize};

use crate::k8s::Version;

/// Something that a person who waits for a cluster wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// The node image must be built first; its own progress goes to standard error.
    BuildingEngine {
        /// Its minor version of Kubernetes.
        kubernetes: Version,
    },
    /// The node image was pulled.
    PulledEngine {
        /// Its minor version of Kubernetes.
        kubernetes: Version,
        /// Its name, with the digest.
        image: String,
        /// As many bytes came over the network.
        bytes: u64,
        /// As many milliseconds it took, with unpacking and looking at all of it.
        ms: u64,
    },
    /// Something worth a line: what was swept, why a kind was passed over.
    Note(String),
    /// An image is being pulled; more of it may turn up.
    Pull {
        /// Its name.
        image: String,
        /// Bytes that are here.
        done: u64,
        /// Bytes in all, as far as is known.
        total: u64,
    },
    /// A phase of the start is done, so many milliseconds after its beginning.
    Phase {
        /// e.g. `api-ready`.
        name: String,
        /// Milliseconds since the start began.
        ms: u64,
    },
    /// A warm cluster is used instead of a new one.
    Warm {
        /// Its name.
        name: String,
    },
    /// A warm cluster is there and is not used.
    NotWarm {
        /// Its name.
        name: String,
        /// Why, as the end of a sentence.
        why: String,
    },
}
