//! `kubewalk sweep`.

use clap::Args;

use super::existing_cluster::ExistingCluster;
use crate::{
    cluster::{
        self, ClusterError, Daemon, Settings, StartError, Wanted, holder,
        lease::Folder,
        namespaces,
        sweep::{self, Swept},
        whose::Whose,
    },
    cluster_kind::{Choice, ClusterKind},
    exit_code::Exit,
    output::print,
    redact::show,
    settings,
    stop::Stop,
    where_docker_is,
};

#[derive(Debug, Args)]
pub struct Options {
    /// Only says what would be removed.
    #[arg(long, env = "KUBEWALK_DRY_RUN")]
    dry_run: bool,
    /// Ends the clusters of this project, too, in which `kubewalk run --keep` has kept something.
    #[arg(long)]
    kept: bool,
    /// With `kubeconfig`: looks in that cluster, and not on this machine.
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    cluster: Choice,
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
        if options.cluster == Choice::Of(ClusterKind::Kubeconfig) {
            let wanted = Wanted { existing, ..ClusterKind::Kubeconfig.into() };
            return in_cluster(&wanted, &settings, options.dry_run).await;
        }
        let docker = Daemon::connect(settings.docker_host.as_deref()).await;
        let mut swept = sweep::sweep(&sweep::places(&settings, docker.as_ref().ok()), options.dry_run).await;
        if options.kept {
            end_kept(&settings, options.dry_run, &mut swept).await;
        }
        match docker {
            Ok(_) => {}
            Err(_) if !settings::docker_may_be_here() && matches!(where_docker_is::find(), Ok(None)) => {
                swept.looked.push("Docker, which is not here".into())
            }
            Err(e) => swept.unseen.push(format!("containers and kind clusters in Docker: {}", e.message)),
        }
        Ok(swept)
    });
    let swept = match swept {
        Ok(swept) => swept,
        Err(error) => {
            let error = ClusterError { message: show::line(&error.message, show::BODY), ..error };
            eprint_line!("error: {error}\n   = remedy: {}", error.remedy.as_deref().unwrap_or("look at the cluster"));
            return Ok(Exit::Environment);
        }
    };
    let text = swept_text(&swept, options.dry_run);
    let exit = match (swept.unseen.is_empty(), swept.kept.is_empty()) {
        (false, _) => Exit::Environment,
        (true, false) => Exit::CleanUp,
        (true, true) => Exit::Held,
    };
    Ok(print(&text).worst(exit))
}

/// Ends the clusters of the work that is done here in which something is kept.
async fn end_kept(settings: &Settings, dry_run: bool, swept: &mut Swept) {
    let here = Whose::here();
    let all = match Folder::all(&settings.held()) {
        Ok(all) => all,
        Err(error) => return swept.unseen.push(format!("clusters that are kept: {}", error.message)),
    };
    let before = swept.removed.len() + swept.kept.len();
    for folder in all.iter().filter(|folder| !folder.kept().is_empty()) {
        if folder.known().ok().flatten().is_none_or(|state| state.ask.whose != here) {
            continue;
        }
        let paths: Vec<_> = folder.kept().iter().map(|kept| kept.path.display().to_string()).collect();
        let what = format!("the cluster {}, with what was kept of {}", folder.name(), paths.join(", "));
        let ended = if dry_run { Ok(vec![]) } else { holder::end(folder, false).await };
        match ended {
            Ok(left) if left.is_empty() => swept.removed.push(what),
            Ok(left) => swept.kept.push(format!("{what}: {}", left.join(", "))),
            Err(error) => swept.kept.push(format!("{what}: {}", error.message)),
        }
    }
    if swept.removed.len() + swept.kept.len() == before {
        eprint_line!("kubewalk: nothing is kept here");
    }
}

/// What was done, and where nothing was found: only of places that were looked at.
fn swept_text(swept: &Swept, dry_run: bool) -> String {
    let verb = if dry_run { "would remove" } else { "removed" };
    let name = |text: &str| show::line(text, show::BODY);
    let mut text: String = swept.removed.iter().map(|what| format!("{verb} {}\n", name(what))).collect();
    text.extend(swept.kept.iter().map(|why| format!("could not remove {}\n", name(why))));
    text.extend(swept.unseen.iter().map(|why| format!("could not look for {}\n", name(why))));
    let looked = name(&swept.looked.join(", "));
    match (swept.removed.is_empty() && swept.kept.is_empty(), swept.looked.is_empty()) {
        (true, false) => text.push_str(&format!("runs that were killed have left nothing in: {looked}\n")),
        (true, true) => text.push_str("what runs that were killed have left is not known\n"),
        (false, _) => {}
    }
    text
}

/// What dead runs have left in a cluster that exists.
async fn in_cluster(wanted: &Wanted, settings: &Settings, dry_run: bool) -> Result<Swept, ClusterError> {
    let cluster = match cluster::start(wanted, settings, &Stop::never(), &mut |_| ()).await {
        Ok(cluster) => cluster,
        Err(StartError::Failed(error)) => return Err(error),
        Err(stopped @ StartError::Stopped(_)) => return Err(ClusterError::plain(stopped.to_string())),
    };
    let (removed, kept) = namespaces::sweep(&cluster.client().await?, &wanted.existing.namespaces, dry_run).await?;
    let looked = match wanted.existing.namespaces.as_slice() {
        [] => "namespaces of the cluster".to_owned(),
        named => format!("the namespaces that are named of the cluster: {}", named.join(", ")),
    };
    Ok(Swept { removed, kept, looked: vec![looked], unseen: vec![] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_only_where_it_was_looked() {
        let places = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let swept = Swept { looked: places(&["a", "b"]), ..Swept::default() };
        assert_eq!(swept_text(&swept, false), "runs that were killed have left nothing in: a, b\n");
        let swept = Swept { looked: places(&["a"]), unseen: places(&["b: no rights\n::error::x"]), ..Swept::default() };
        let text = swept_text(&swept, false);
        assert_eq!(
            text,
            "could not look for b: no rights\\n::error::x\nruns that were killed have left nothing in: a\n"
        );
        let swept = Swept { unseen: places(&["b: no rights"]), ..Swept::default() };
        assert!(swept_text(&swept, true).ends_with("is not known\n"));
        let swept = Swept { removed: places(&["c"]), ..Swept::default() };
        assert_eq!(swept_text(&swept, true), "would remove c\n");
    }
}
