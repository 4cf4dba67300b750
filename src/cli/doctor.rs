//! `kubewalk doctor`.

use crate::{
    cluster::{ClusterError, preflight},
    exit_code::Exit,
    settings,
};

pub fn main() -> anyhow::Result<Exit> {
    let checks = preflight::builtin(&settings::from_env());
    let mut text = String::from("cluster builtin (no Docker, no image registry):\n");
    let mut exit = Exit::Held;
    for check in &checks {
        let mark = if check.missing.is_none() { "ok     " } else { "missing" };
        text.push_str(&format!("  {mark}  {}: {}\n", check.name, check.found));
        if let Some(ClusterError { remedy: Some(remedy), .. }) = &check.missing {
            text.push_str(&format!("           {remedy}\n"));
        }
        if check.missing.is_some() {
            exit = Exit::Environment;
        }
    }
    text.push_str(if exit == Exit::Held {
        "This machine can run scenarios.\n"
    } else {
        "This machine cannot run scenarios yet.\n"
    });
    Ok(super::print(&text).worst(exit))
}
