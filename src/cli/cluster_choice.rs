//! The options that say which cluster is started.

use clap::Args;

use crate::{cluster_kind::Choice, exit_code::Exit, k8s::Version, settings};

/// A kind of cluster and a version of Kubernetes.
#[derive(Debug, Args)]
pub struct ClusterChoice {
    /// The kind of cluster; `auto` takes the first that works and says which.
    #[arg(long, value_enum, default_value_t = Choice::Auto, env = "KUBEWALK_CLUSTER")]
    pub cluster: Choice,
    /// The minor version of Kubernetes, e.g. 1.36; left out, the newest that the kind of cluster has. One that it does not have is an
    /// error that names those that it has.
    #[arg(long, value_name = "MINOR", value_parser = settings::minor, value_delimiter = ',', env = "KUBEWALK_KUBERNETES")]
    pub kubernetes: Vec<Version>,
    /// What a line to run one scenario again must say as this command line did.
    #[arg(skip)]
    pub again: Vec<String>,
}

impl ClusterChoice {
    /// The only version, for commands that take one; left out, that of the kind.
    ///
    /// # Errors
    /// That several are said, which is told.
    pub fn one_version(&self) -> Result<Option<Version>, Exit> {
        match *self.kubernetes {
            [] => Ok(None),
            [version] => Ok(Some(version)),
            [..] => {
                eprint_line!(
                    "error: this command takes one version of Kubernetes\n  \
                     = help: several are compared by `kubewalk run --kubernetes 1.20,1.37`"
                );
                Err(Exit::Invalid)
            }
        }
    }
}
