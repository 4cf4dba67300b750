//! `kubewalk sweep`.

use clap::Args;

use crate::{
    cluster::{Daemon, sweep},
    exit_code::Exit,
    settings,
};

#[derive(Debug, Args)]
pub struct Options {
    /// Only says what would be removed.
    #[arg(long, env = "KUBEWALK_DRY_RUN")]
    dry_run: bool,
}

pub fn main(options: &Options) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let settings = settings::from_env();
    let swept = runtime.block_on(async {
        let docker = Daemon::connect(settings.docker_host.as_deref()).await;
        if let Err(e) = &docker {
            tell!("kubewalk: not looked for in Docker: {e}");
        }
        sweep::sweep(&sweep::places(&settings, docker.as_ref().ok()), options.dry_run).await
    });
    let verb = if options.dry_run { "would remove" } else { "removed" };
    let mut text: String = swept.removed.iter().map(|what| format!("{verb} {what}\n")).collect();
    text.extend(swept.kept.iter().map(|why| format!("could not remove {why}\n")));
    if text.is_empty() {
        text.push_str("no run that was killed has left anything\n");
    }
    let exit = if swept.kept.is_empty() { Exit::Held } else { Exit::CleanUp };
    Ok(super::print(&text).worst(exit))
}
