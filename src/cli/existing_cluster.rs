//! The options that name a cluster that exists.

use clap::Args;

use crate::{
    cluster::Existing,
    cluster_kind::{Choice, ClusterKind},
    exit_code::Exit,
    plan, settings,
};

/// A cluster that exists.
#[derive(Debug, Args)]
pub struct ExistingCluster {
    /// With `--cluster kubeconfig`: the context to use. It must lead to this machine.
    #[arg(long, value_name = "NAME", env = "KUBEWALK_CONTEXT")]
    pub context: Option<String>,
    /// With `--cluster kubeconfig`: the cluster is the right one, wherever it is, and scenarios may change what is not their own.
    #[arg(long)]
    yes_this_cluster: bool,
    /// With `--cluster kubeconfig`: namespaces there that are yours, e.g. `team-a`; several with commas. Scenarios that name no
    /// namespace run in the first, others may use those that are named, and nothing else in the cluster is read, made or listed
    /// but what a scenario itself asks for. The namespaces must be there, and stay.
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "KUBEWALK_NAMESPACE")]
    namespace: Vec<String>,
    /// With `--cluster kubeconfig`: the image behind the alias `curl`; it must have curl and a shell.
    #[arg(long, value_name = "IMAGE", env = "KUBEWALK_CURL_IMAGE")]
    curl_image: Option<String>,
}

impl ExistingCluster {
    /// Which one is meant, if it is said; else says what is missing.
    pub fn existing(&self, kind: Choice) -> Result<Existing, Exit> {
        if kind == Choice::Of(ClusterKind::Kubeconfig) && self.context.is_none() && !self.yes_this_cluster {
            eprint_line!(
                "error: a cluster that exists is used only when its context is named: the current one may not be the one that you mean\n  \
                 = help: add --context NAME; `kubectl config get-contexts` lists them"
            );
            return Err(Exit::Invalid);
        }
        let namespaces: Vec<String> = self.namespace.iter().filter(|name| !name.is_empty()).cloned().collect();
        if kind != Choice::Of(ClusterKind::Kubeconfig) && !namespaces.is_empty() {
            eprint_line!(
                "error: --namespace is for a cluster that exists\n  \
                 = help: add --cluster kubeconfig, or leave it out: elsewhere each scenario gets a namespace of its own"
            );
            return Err(Exit::Invalid);
        }
        if let Some(bad) = namespaces.iter().find_map(|name| plan::names::check(&plan::kinds::namespace(), name).err())
        {
            let help = bad.suggestion.map(|name| format!("\n  = help: try {name}")).unwrap_or_default();
            eprint_line!("error: --namespace: {}{help}", bad.message);
            return Err(Exit::Invalid);
        }
        Ok(Existing {
            files: settings::kubeconfig_files(),
            context: self.context.clone(),
            yes: self.yes_this_cluster,
            namespaces,
            curl_image: self.curl_image.clone(),
        })
    }
}
