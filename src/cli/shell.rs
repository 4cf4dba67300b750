//! `kubewalk shell`: where a scenario was that is kept.

use std::{ffi::OsString, path::PathBuf, process::Stdio, time::Duration};

use clap::Args;

use super::inside::{self, Inside};
use crate::{
    cluster::{
        ClusterError, Settings,
        lease::{self, Folder, Kept, State},
        own::lock::{self, How},
        whose::Whose,
    },
    exit_code::Exit,
    redact::show,
    settings,
};

/// Exit codes: that of the shell or command, 3 the cluster cannot be used, 4 nothing is kept.
#[derive(Debug, Args)]
pub struct Options {
    /// The file of a scenario that `kubewalk run --keep` has kept; left out: the one that was kept last, else a warm cluster.
    scenario: Option<PathBuf>,
    /// A command to run in place of a shell, after `--`.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub fn main(options: &Options) -> anyhow::Result<Exit> {
    let settings = settings::from_env();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let there = match find(options, &settings) {
        Ok(there) => there,
        Err(error) => return Ok(complain(&error)),
    };
    let Some((folder, state, kept)) = there else { return Ok(nothing(options, &settings)) };
    let namespace = kept.as_ref().map_or("default", |kept| kept.namespace.as_str());
    let inside = Inside { files: vec![state.kubeconfig.clone()], context: None, namespace: namespace.to_owned() };
    let done = runtime.block_on(async {
        let using = folder.open("use.lock").map_err(|e| ClusterError::plain(format!("the cluster has gone: {e}")))?;
        // A run that goes on has it alone; when that is over, it does not end under the shell.
        let used = tokio::spawn(async move {
            let _ = lock::soon(&using, How::Shared, Duration::MAX).await;
            using
        });
        if options.command.is_empty() {
            let of = kept.as_ref().map(|kept| format!(", with what is kept of {}", kept.path.display()));
            let place = format!("namespace {namespace} of the cluster {}{}", folder.name(), of.unwrap_or_default());
            eprint_line!(
                "kubewalk: a shell of its administrator in {}; `exit` leaves it",
                show::line(&place, show::BODY)
            );
        }
        let ended = inside::open(&inside, (&options.command, Stdio::inherit()), &settings).await;
        used.abort();
        if let Ok(Ok(using)) = tokio::time::timeout(Duration::ZERO, used).await {
            folder.touch(&using);
        }
        ended
    });
    match done {
        Ok(code) => {
            runtime.shutdown_background();
            std::process::exit(code)
        }
        Err(error) => Ok(complain(&error)),
    }
}

type There = (Folder, State, Option<Kept>);

/// What is kept of the work that is done here, each with its cluster; the last one last.
fn all(settings: &Settings) -> Result<Vec<(Folder, State, Vec<Kept>)>, ClusterError> {
    lease::sweep(&settings.held());
    let here = Whose::here();
    let mut all = Vec::new();
    for folder in Folder::all(&settings.held())? {
        if let Ok(Some(state)) = folder.known()
            && state.ask.whose == here
        {
            let kept = folder.kept();
            all.push((folder, state, kept));
        }
    }
    all.sort_by_key(|(folder, ..)| folder.kept_at());
    Ok(all)
}

fn find(options: &Options, settings: &Settings) -> Result<Option<There>, ClusterError> {
    let real = options.scenario.as_ref().and_then(|path| path.canonicalize().ok());
    let meant = |kept: &Kept| match &options.scenario {
        Some(path) => kept.path == *path || kept.real.is_some() && kept.real == real,
        None => true,
    };
    let mut all = all(settings)?;
    let last = all.iter().rposition(|(_, _, kept)| kept.iter().any(meant));
    if let Some(at) = last {
        let (folder, state, kept) = all.swap_remove(at);
        return Ok(Some((folder, state, kept.into_iter().rfind(meant))));
    }
    if options.scenario.is_some() {
        return Ok(None);
    }
    // One that is warm, and nothing else.
    Ok(all.pop().map(|(folder, state, _)| (folder, state, None)))
}

fn nothing(options: &Options, settings: &Settings) -> Exit {
    let name = |path: &PathBuf| show::line(&path.to_string_lossy(), show::BODY);
    match &options.scenario {
        Some(path) => {
            let kept = all(settings).unwrap_or_default().into_iter().flat_map(|(_, _, kept)| kept);
            let kept: Vec<_> = kept.map(|kept| name(&kept.path)).collect();
            let is = if kept.is_empty() { String::new() } else { format!("; this is: {}", kept.join(", ")) };
            eprint_line!("error: nothing is kept of {}{is}", name(path));
            eprint_line!("  = help: `kubewalk run --keep {}` keeps it when it fails", name(path));
        }
        None => {
            eprint_line!("error: nothing is kept here, and no cluster is warm");
            eprint_line!(
                "  = help: `kubewalk run --keep` keeps what fails; `kubewalk cluster up` starts a warm cluster"
            );
        }
    }
    Exit::Nothing
}

fn complain(error: &ClusterError) -> Exit {
    eprint_line!("error: {}", show::line(&error.message, show::BODY));
    if let Some(remedy) = &error.remedy {
        eprint_line!("  = help: {}", show::line(remedy, show::BODY));
    }
    Exit::Environment
}
