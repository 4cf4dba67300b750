//! `kubewalk sweep`.

use clap::Args;

use super::run::{ExistingCluster, Which};
use crate::{
    cluster::{
        Cluster, ClusterError, ClusterKind, Daemon, Settings, StartError, Wanted, namespaces,
        sweep::{self, Swept},
    },
    exit_code::Exit,
    settings,
    stop::Stop,
};

#[derive(Debug, Args)]
pub struct Options {
    /// Only says what would be removed.
    #[arg(long, env = "KUBEWALK_DRY_RUN")]
    dry_run: bool,
    /// With `kubeconfig`: looks in that cluster, and not on this machine.
    #[arg(long, value_enum, default_value_t = Which::Auto)]
    cluster: Which,
    #[command(flatten)]
    existing: ExistingCluster,
}

pub fn main(options: &Options) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let settings = settings::from_env();
    let existing = match options.existing.existing(options.cluster) {
        Ok(existing) => existing,
        Err(exit) => return Ok(exit),
    };
    let swept = runtime.block_on(async {
        if options.cluster == Which::Kubeconfig {
            let wanted = Wanted { existing, ..ClusterKind::Kubeconfig.into() };
            return in_cluster(&wanted, &settings, options.dry_run).await;
        }
        let docker = Daemon::connect(settings.docker_host.as_deref()).await;
        if let Err(e) = &docker {
            tell!("kubewalk: not looked for in Docker: {e}");
        }
        Ok(sweep::sweep(&sweep::places(&settings, docker.as_ref().ok()), options.dry_run).await)
    });
    let swept = match swept {
        Ok(swept) => swept,
        Err(error) => {
            tell!("error: {error}\n   = remedy: {}", error.remedy.as_deref().unwrap_or("look at the cluster"));
            return Ok(Exit::Environment);
        }
    };
    let verb = if options.dry_run { "would remove" } else { "removed" };
    let mut text: String = swept.removed.iter().map(|what| format!("{verb} {what}\n")).collect();
    text.extend(swept.kept.iter().map(|why| format!("could not remove {why}\n")));
    text.extend(swept.unseen.iter().map(|why| format!("could not look for {why}\n")));
    if text.is_empty() {
        text.push_str("no run that was killed has left anything\n");
    }
    let exit = match (swept.unseen.is_empty(), swept.kept.is_empty()) {
        (false, _) => Exit::Environment,
        (true, false) => Exit::CleanUp,
        (true, true) => Exit::Held,
    };
    Ok(super::print(&text).worst(exit))
}

/// What dead runs have left in a cluster that exists.
async fn in_cluster(wanted: &Wanted, settings: &Settings, dry_run: bool) -> Result<Swept, ClusterError> {
    let cluster = match Cluster::start(wanted, settings, &Stop::never(), &mut |_| ()).await {
        Ok(cluster) => cluster,
        Err(StartError::Failed(error)) => return Err(error),
        Err(stopped @ StartError::Stopped(_)) => return Err(ClusterError::plain(stopped.to_string())),
    };
    let (removed, kept) = namespaces::sweep(&cluster.client().await?, dry_run).await?;
    Ok(Swept { removed, kept, unseen: vec![] })
}
