//! `kubewalk doctor`.

use std::time::Instant;

use clap::Args;

use super::{class, cluster_choice::ClusterChoice, progress, signals, talk::Talk};
use crate::{
    cluster::{
        self, ClusterError, Settings, StartError, Wanted,
        engine::{self, Release},
        kinds::versions,
        machine,
        preflight::{self, Check},
    },
    duration::took,
    exit_code::Exit,
    output::print,
    run::millis,
    settings,
};

#[derive(Debug, Args)]
pub struct Options {
    /// Says whether a class can be given here without a network: starts the cluster that `kubewalk demo` would start, with nothing
    /// pulled or built, measures how long it takes, and ends it.
    #[arg(long)]
    pub(super) class: bool,
    #[command(flatten)]
    choice: ClusterChoice,
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let settings = settings::from_env();
    let mut kinds = vec![("builtin (no Docker, no image registry)", preflight::builtin(&settings, Release::NEWEST))];
    kinds.extend(runtime.block_on(preflight::docker(&settings)));
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let machine: String = (machine::look(&settings.cache, engine::built(&settings.cache).is_some(), set).iter())
        .map(|noted| {
            format!("  {}  {}: {}\n", if noted.narrow { "narrow " } else { "ok     " }, noted.name, noted.found)
        })
        .collect();
    let text: String = kinds.iter().map(|(kind, checks)| about(kind, checks)).collect();
    let works = |(_, checks): &&(_, Vec<Check>)| checks.iter().all(|check| check.missing.is_none());
    let (exit, verdict) = match kinds.iter().find(works) {
        Some(_) => (Exit::Held, "This machine can run scenarios.\n"),
        None => (Exit::Environment, "This machine cannot run scenarios yet.\n"),
    };
    let auto = preflight::auto(&kinds);
    let versions = format!("{} by itself; by --kubernetes also {}", Release::NEWEST, preflight::others(&settings));
    let text = format!("{text}this machine:\n  ok       auto: {auto}\n  ok       engine's Kubernetes: {versions}\n");
    let shown = print(&format!("{text}{machine}{verdict}")).worst(exit);
    if !options.class {
        return Ok(shown);
    }
    if let Err(exit) = class::own_cluster(options.choice.cluster) {
        return Ok(exit);
    }
    let kubernetes = match options.choice.one_version() {
        Ok(kubernetes) => kubernetes,
        Err(exit) => return Ok(exit),
    };
    let wanted = Wanted { kind: options.choice.cluster.kind(), kubernetes, ..Wanted::default() };
    // What a class has is what is here.
    let settings = Settings { offline: true, ..settings };
    if let Ok(release) = versions::of_the_engine(&wanted) {
        kinds[0].1 = preflight::builtin(&settings, release);
    }
    let (noted, disk) = (machine::look(&settings.cache, true, set), machine::free(&settings.cache));
    let before = class::before(&kinds, options.choice.cluster, &noted, disk);
    let (measured, exit) = measured(before.iter().all(|point| point.good), &wanted, &settings, talk)?;
    let points: Vec<class::Point> = before.into_iter().chain(measured).collect();
    Ok(print(&class::page(&points)).worst(shown).worst(exit))
}

/// Starts a cluster and ends it, if nothing speaks against it: how long it takes until a Pod can run in it.
fn measured(
    try_it: bool,
    wanted: &Wanted,
    settings: &Settings,
    talk: Talk,
) -> anyhow::Result<(Option<class::Point>, Exit)> {
    if !try_it {
        return Ok((None, Exit::Environment));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (_stopper, stop) = runtime.block_on(async { signals::listen("kubewalk sweep".into()) });
    let begun = Instant::now();
    let started = runtime.block_on(async {
        let mut told = |now| {
            if !talk.quiet {
                progress::show(now);
            }
        };
        match cluster::start(wanted, settings, &stop, &mut told).await {
            Ok(cluster) => {
                let (ready, kind) = (begun.elapsed(), cluster.facts().kind);
                Ok((ready, kind, cluster.end().await.left))
            }
            Err(e) => Err(e),
        }
    });
    Ok(match started {
        Ok((ready, kind, left)) if left.is_empty() => (
            Some(class::Point::good(
                "time to ready",
                format!("{} until a Pod can run, on {kind}", took(millis(ready))),
            )),
            Exit::Held,
        ),
        Ok((_, _, left)) => (
            Some(class::Point::bad("end", format!("this is left behind: {}", left.join(", ")), "kubewalk sweep")),
            Exit::CleanUp,
        ),
        Err(StartError::Stopped(why)) => return Ok((None, why.into())),
        Err(StartError::Failed(e)) => {
            (Some(class::Point::bad("time to ready", e.message, e.remedy.unwrap_or_default())), Exit::Environment)
        }
    })
}

fn about(kind: &str, checks: &[Check]) -> String {
    let mut text = format!("cluster {kind}:\n");
    for check in checks {
        let mark = if check.missing.is_none() { "ok     " } else { "missing" };
        text.push_str(&format!("  {mark}  {}: {}\n", check.name, check.found));
        if let Some(ClusterError { remedy: Some(remedy), .. }) = &check.missing {
            text.push_str(&format!("           {remedy}\n"));
        }
    }
    text
}
