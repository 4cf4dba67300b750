//! `kubewalk prefetch`.

use std::time::Instant;

use clap::Args;

use super::{cluster_choice::ClusterChoice, environment::eprint_environment, progress, signals, talk::Talk};
use crate::{
    cluster::{self, Cluster, ClusterError, ClusterKind, Progress, Settings, StartError, Wanted, kinds},
    duration::took,
    exit_code::Exit,
    k8s::Version,
    output::print,
    run::millis,
    settings,
    stop::Stop,
};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    choice: ClusterChoice,
    /// Starts no cluster afterwards to measure how long that takes: for a user, or the build of a container, that cannot start one.
    #[arg(long)]
    no_start: bool,
}

/// Where it came from.
#[derive(Debug)]
enum Origin {
    Here,
    Built,
    Pulled { image: String, bytes: u64 },
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    let settings = settings::from_env();
    let kind = options.choice.cluster.kind();
    if kind == Some(ClusterKind::Kubeconfig) {
        eprint_line!("error: a cluster that exists needs nothing from here");
        return Ok(Exit::Invalid);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (_stopper, stop) = runtime.block_on(async { signals::listen("kubewalk sweep".into()) });
    let versions = match *options.choice.kubernetes {
        [] => vec![None],
        ref some => some.iter().copied().map(Some).collect(),
    };
    for kubernetes in versions {
        let wanted = Wanted { kind, kubernetes, anonymous: true, ..Wanted::default() };
        let done = runtime.block_on(prefetch_one(&wanted, !options.no_start, &settings, &stop, talk));
        match done {
            Ok(text) if text.is_empty() => {}
            Ok(text) => match print(&text) {
                Exit::Held => {}
                other => return Ok(other),
            },
            Err(StartError::Stopped(why)) => {
                eprint_line!("kubewalk: stopped by {why}");
                return Ok(why.into());
            }
            Err(StartError::Failed(error)) => return Ok(eprint_environment(&error)),
        }
    }
    Ok(Exit::Held)
}

/// Makes all of one cluster be here, and says what that came to.
async fn prefetch_one(
    wanted: &Wanted,
    start: bool,
    settings: &Settings,
    stop: &Stop,
    talk: Talk,
) -> Result<String, StartError> {
    let mut origin = Origin::Here;
    let mut told = |now: Progress| {
        match &now {
            Progress::BuildingEngine { .. } => origin = Origin::Built,
            Progress::PulledEngine { image, bytes, .. } => {
                origin = Origin::Pulled { image: image.clone(), bytes: *bytes }
            }
            Progress::Pull { image, total, .. } => origin = Origin::Pulled { image: image.clone(), bytes: *total },
            _ => {}
        }
        if !talk.quiet {
            progress::show(now);
        }
    };
    let begun = Instant::now();
    let fetched = kinds::fetch(wanted, settings, stop, &mut told).await?;
    let fetching = millis(begun.elapsed());
    let begun = Instant::now();
    let started = match start {
        true => Some(cluster::start(wanted, settings, stop, &mut told).await?),
        false => None,
    };
    let starting = millis(begun.elapsed());
    let version = wanted.kubernetes;
    let mut text = line(&fetched.what, version, &origin, fetched.bytes, fetching);
    if let Some(cluster) = started {
        text.push_str(&ended(cluster, starting).await?);
    }
    Ok(text)
}

/// What is here now, from where, and what that cost.
fn line(what: &str, version: Option<Version>, origin: &Origin, size: Option<u64>, ms: u64) -> String {
    let version = version.map(|version| format!(" with Kubernetes {version}")).unwrap_or_default();
    let size = size.map(|size| format!("; {} MB on disk", size >> 20)).unwrap_or_default();
    match origin {
        Origin::Here => format!("{what}{version}: was here already{size}\n"),
        Origin::Built => format!("{what}{version}: built in {}{size}\n", took(ms)),
        Origin::Pulled { image, bytes } => {
            format!("{what}{version}: pulled from {image}, {} MB in {}{size}\n", bytes.div_ceil(1 << 20), took(ms))
        }
    }
}

/// Ends the cluster by which the start was measured.
async fn ended(cluster: Cluster, ms: u64) -> Result<String, ClusterError> {
    let kind = cluster.facts().kind;
    let left = cluster.end().await.left;
    if !left.is_empty() {
        return Err(ClusterError::new(format!("this is left behind: {}", left.join(", ")), "kubewalk sweep"));
    }
    Ok(format!("first start: {} until a Pod can run, on {kind}; measured just now\n", took(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_from_where_how_much_and_how_long() {
        let pulled = Origin::Pulled { image: "r.example/e@sha256:00".into(), bytes: 93 << 20 };
        assert_eq!(
            line("the engine's node", Some(Version::new(1, 37)), &pulled, Some(600 << 20), 12_300),
            "the engine's node with Kubernetes 1.37: pulled from r.example/e@sha256:00, 93 MB in 12.3 s; 600 MB on disk\n"
        );
        assert_eq!(line("rancher/k3s:v1", None, &Origin::Here, None, 7), "rancher/k3s:v1: was here already\n");
        assert_eq!(line("x", None, &Origin::Built, None, 480_000), "x: built in 8 min 0 s\n");
    }
}
