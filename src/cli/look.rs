//! How `kubewalk run` lets a user look at what failed: it is kept, or the run waits; and which part of a scenario is played.

use std::{num::NonZeroUsize, process::Stdio, time::Duration};

use clap::Args;
use futures::future::BoxFuture;

use super::inside::{self, Inside};
use crate::{
    cluster::{Cluster, Existing, Settings},
    cluster_kind::{Choice, ClusterKind},
    exit_code::Exit,
    plan::{Part, Plan},
    redact::show,
    run::look::{Keep, Look, Looks},
};

#[derive(Debug, Args)]
pub struct Looking {
    /// Keeps the cluster, and in it what a scenario made that failed, for `kubewalk shell`; with `all`, also what held. It ends when it
    /// has not been used for a while, or by `kubewalk cluster down`.
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "failed", env = "KUBEWALK_KEEP")]
    keep: Option<Keep>,
    /// With --keep: how long after its last use the cluster ends, e.g. `90s`, `30m`, `2h`. A warm one has its own time.
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = crate::duration::option, env = "KUBEWALK_KEEP_FOR")]
    keep_for: Duration,
    /// Waits at each scenario that failed, before its clean-up, until the person at the terminal says to go on. Scenarios run one after
    /// the other then.
    #[arg(long)]
    pause_on_failure: bool,
    /// Of one scenario: begins at this step. Of the steps before it, those are played that make something, keep a value, run a command
    /// or wait.
    #[arg(long, value_name = "N")]
    from_step: Option<NonZeroUsize>,
    /// Of one scenario: ends after this step.
    #[arg(long, value_name = "N")]
    to_step: Option<NonZeroUsize>,
}

impl Looking {
    /// Whether it can be so on this kind of cluster and at this terminal; else says why not.
    pub fn check(&self, kind: Choice) -> Result<(), Exit> {
        if self.keep.is_some() && kind == Choice::Of(ClusterKind::Kubeconfig) {
            eprint_line!(
                "error: --keep keeps a cluster of kubewalk's own, and with --cluster kubeconfig there is none\n  \
                 = help: --pause-on-failure waits before the clean-up, there as well"
            );
            return Err(Exit::Invalid);
        }
        let terminal =
            rustix::termios::isatty(rustix::stdio::stdin()) && rustix::termios::isatty(rustix::stdio::stderr());
        if self.pause_on_failure && !terminal {
            eprint_line!(
                "error: --pause-on-failure waits for somebody at a terminal, and standard input or standard error is none\n  \
                 = help: --keep keeps what failed, for `kubewalk shell`"
            );
            return Err(Exit::Invalid);
        }
        Ok(())
    }

    /// Leaves out the steps that are not to be played, or says what is wrong with the numbers.
    pub fn part(&self, plans: &mut [Plan]) -> Result<(), Exit> {
        let number = |option: Option<NonZeroUsize>| option.map(NonZeroUsize::get);
        let part = Part { from: number(self.from_step), to: number(self.to_step) };
        let option = if part.from.is_some() { "--from-step" } else { "--to-step" };
        if part == Part::default() {
            return Ok(());
        }
        let wrong = match (plans, part) {
            (_, Part { from: Some(from), to: Some(to) }) if from > to => {
                format!("--from-step {from} comes after --to-step {to}")
            }
            ([plan], part) => match plan.only(part) {
                Ok(()) => return Ok(()),
                Err(none) => {
                    let path = plan.document.source.path.to_string_lossy();
                    format!("{} has {} steps, and no step {none}", show::line(&path, show::BODY), plan.steps.len())
                }
            },
            (plans, _) => {
                format!("{option} is about one scenario, and {} are selected\n  = help: name its file", plans.len())
            }
        };
        eprint_line!("error: {wrong}");
        Err(Exit::Invalid)
    }

    /// Whether only a part of a scenario is played, so that its end is no verdict about it.
    pub fn is_a_part(&self) -> bool {
        self.from_step.is_some() || self.to_step.is_some()
    }

    /// How long a cluster stays with what is kept in it, if anything is to be kept.
    pub fn ttl(&self) -> Option<Duration> {
        self.keep.map(|_| self.keep_for)
    }

    /// Whether the run waits for the person at the terminal.
    pub fn pauses(&self) -> bool {
        self.pause_on_failure
    }

    /// Who looks at what failed.
    pub fn look<'a>(&self, pause: &'a Pause) -> Look<'a> {
        let now = self.pause_on_failure.then_some(pause as &dyn Looks);
        Look { keep: self.keep.unwrap_or_default(), now, broken: false, guide: None }
    }
}

/// The person at the terminal.
#[derive(Debug)]
pub struct Pause {
    /// Where the engine is.
    pub settings: Settings,
    /// The cluster that exists, if it is one.
    pub existing: Option<Existing>,
}

impl Looks for Pause {
    fn at<'a>(&'a self, plan: &'a Plan, cluster: &'a Cluster) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let path = plan.document.source.path.to_string_lossy();
            let words = format!("{path} has failed; all that it made is still there, in namespace {}", plan.namespace);
            eprint_line!("kubewalk: {}", show::line(&words, show::BODY));
            let (files, context) = match &self.existing {
                Some(existing) => (existing.files.clone(), existing.context.clone()),
                None => (vec![cluster.kubeconfig().to_owned()], None),
            };
            let inside = Inside { files, context, namespace: plan.namespace.clone() };
            loop {
                eprint_line!("kubewalk: Enter goes on and cleans up; s and Enter opens a shell there");
                if line().await.is_none_or(|line| line.trim() != "s") {
                    return;
                }
                // Standard output may be a file of results, and a shell speaks to the terminal.
                let terminal = rustix::io::dup(rustix::stdio::stderr()).map_or_else(|_| Stdio::inherit(), Stdio::from);
                if let Err(error) = inside::open(&inside, (&[], terminal), &self.settings).await {
                    eprint_line!("error: {}", show::line(&error.message, show::BODY));
                }
            }
        })
    }
}

/// A line of the terminal; `None`: there are no more.
async fn line() -> Option<String> {
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread of its own: nothing can break off its wait, and the run must end all the same.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        let _ = tell.send(read.ok().filter(|read| *read > 0).map(|_| line));
    });
    told.await.ok().flatten()
}
