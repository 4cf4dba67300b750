//! `kubewalk doctor`.

use super::output::print;
use crate::{
    cluster::{
        ClusterError,
        engine::{self, Release},
        machine,
        preflight::{self, Check},
    },
    exit_code::Exit,
    settings,
};

pub fn main() -> anyhow::Result<Exit> {
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
    Ok(print(&format!("{text}{machine}{verdict}")).worst(exit))
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
