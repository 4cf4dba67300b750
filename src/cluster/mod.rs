//! A real API server for a run: started, told apart from a broken one, and ended with everything that belongs to it.
//!
//! Each of these uses those above it only, which `tests/offline/rooms.rs` sees to:
//!
//! | file or room | is for |
//! |---|---|
//! | [`error`], [`progress`], [`settings`], [`wanted`], [`node`], [`in_container`], [`death`] | what all share: what is asked for, told, and failed |
//! | [`lines`], [`output`], [`limits`], [`machine`] | what other programs write, and what this machine lets them have |
//! | [`own`] | files, folders and locks that only this user can have written, and whose they are |
//! | [`client`] | how an API server is reached, and asked what it has |
//! | [`registry`] | an image registry: pulls by digest, and unpacks |
//! | [`engine`] | the engine that is built: the node image, kind, helm |
//! | [`docker`] | Docker: its images, containers, networks and commands; `without_docker` in a build that has none |
//! | [`kubectl`] | kubectl in a node or on this machine |
//! | [`running`] | a cluster that runs |
//! | [`cleanup`] | what dead runs have left, and namespaces that go |
//! | [`kinds`] | the kinds of cluster, one file each; all give a kubeconfig, facts, and an end |
//! | `start` | which kind it is, and its start |
//! | [`shared`] | clusters that several processes use, and warm ones |
//! | [`rendering`] | kustomizations and charts, by the engine's kubectl and helm |

pub mod cleanup;
pub mod client;
pub mod death;
#[cfg(feature = "docker")]
pub mod docker;
pub mod engine;
pub mod error;
pub mod in_container;
pub mod kinds;
pub mod kubectl;
pub mod limits;
pub mod lines;
pub mod machine;
pub mod node;
pub mod output;
pub mod own;
pub mod progress;
pub mod registry;
pub mod rendering;
pub mod running;
pub mod settings;
pub mod shared;
mod start;
pub mod wanted;
#[cfg(not(feature = "docker"))]
pub mod without_docker;

pub use cleanup::{emptied, namespaces, seal, sweep};
pub use client::{access, kubeconfig_file, plugin, ready};
#[cfg(feature = "docker")]
pub use docker::{bounded, container, daemon, daemon::Daemon, exec, images, trouble};
pub use engine::node_event;
pub use error::{ClusterError, StartError};
#[cfg(target_os = "linux")]
pub use kinds::builtin;
pub use kinds::{auto, kubeconfig, preflight};
pub use kubectl::Kubectl;
pub use node::{Ended, Node, Stays};
pub use own::{
    folder::{self, Folder},
    owner::{self, Owner},
};
pub use progress::Progress;
pub use running::{Cluster, Documents, Facts};
pub use settings::Settings;
pub use shared::{guard, hold, holder, lease, snapshot, warm, whose};
pub use start::{check, start};
pub use wanted::{Existing, Wanted};
#[cfg(not(feature = "docker"))]
pub use without_docker::{Daemon, images};

pub use crate::cluster_kind::ClusterKind;
