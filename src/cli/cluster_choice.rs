//! The options that say which cluster is started.

use clap::Args;

use crate::{cluster_kind::Choice, k8s::Version, settings};

/// A kind of cluster and a version of Kubernetes.
#[derive(Debug, Args)]
pub struct ClusterChoice {
    /// The kind of cluster; `auto` takes the first that works and says which.
    #[arg(long, value_enum, default_value_t = Choice::Auto, env = "KUBEWALK_CLUSTER")]
    pub cluster: Choice,
    /// The minor version of Kubernetes, e.g. 1.36; left out, the newest that the kind of cluster has.
    #[arg(long, value_name = "MINOR", value_parser = settings::minor, env = "KUBEWALK_KUBERNETES")]
    pub kubernetes: Option<Version>,
}
