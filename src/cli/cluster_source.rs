//! Where `kubewalk run` gets its clusters: a warm one, a new one, or one that exists.

use std::{path::Path, time::Duration};

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::{
    cluster::{Cluster, ClusterError, Settings, StartError, Wanted, said, warm},
    event::Event,
    exit_code::Exit,
    plan::Plan,
    run::{millis, retry::ClusterSource, rights, sink::EventSink},
    stop::Stop,
};

/// What calls this program as the holder of a cluster's folder.
///
/// # Errors
/// When it cannot be found.
pub fn holder() -> Result<impl FnOnce(&Path) -> std::process::Command, ClusterError> {
    let program = std::env::current_exe()
        .map_err(|e| ClusterError::plain(format!("kubewalk cannot find its own program: {e}")))?;
    Ok(|folder: &Path| {
        let mut command = std::process::Command::new(program);
        command.args(["cluster", "hold"]).arg(folder);
        command
    })
}

/// Starts the cluster of a run, or takes the one that is there.
pub struct Starter<'a> {
    /// The scenarios that are to run on it.
    pub plans: &'a [Plan],
    /// What it must be.
    pub wanted: Wanted,
    /// Where things are kept.
    pub settings: &'a Settings,
    /// Whether a warm one is left alone.
    pub fresh: bool,
    /// How long it stays with what is kept in it, if anything is to be kept.
    pub keep: Option<Duration>,
    /// Whether its kubeconfig is told.
    pub verbose: bool,
    /// What breaks its start off.
    pub stop: &'a Stop,
    /// The start of the run.
    pub begun: Instant,
}

impl Starter<'_> {
    async fn started(&self, sink: &mut dyn EventSink) -> Result<Box<Cluster>, Exit> {
        let mut progress = |progress| sink.progress(progress);
        let started = match (self.keep, holder()) {
            (Some(ttl), Ok(holder)) => {
                let how = (self.fresh, ttl);
                warm::to_keep(&self.wanted, how, self.settings, holder, self.stop, &mut progress).await
            }
            (Some(_), Err(error)) => Err(error.into()),
            (None, _) if self.fresh => Cluster::start(&self.wanted, self.settings, self.stop, &mut progress).await,
            (None, _) => warm::or_new(&self.wanted, self.settings, self.stop, &mut progress).await,
        };
        let cluster = match started {
            Ok(cluster) => Box::new(cluster),
            Err(StartError::Stopped(why)) => return Err(why.into()),
            Err(StartError::Failed(error)) if said::is_refusal(&error) => return Err(sink.refused(self.plans, error)),
            Err(StartError::Failed(error)) => return Err(sink.abort(error)),
        };
        sink.event(Event::ClusterReady {
            kind: cluster.facts().kind.to_string(),
            kubernetes: cluster.facts().kubernetes.clone(),
            shape: self.wanted.shape.words(),
            elapsed_ms: millis(self.begun.elapsed()),
        });
        if self.verbose {
            let file = cluster.kubeconfig().display();
            sink.note(&format!("kubewalk: until it ends, look around with KUBECONFIG={file}"));
        }
        if cluster.is_foreign()
            && let Err(error) = rights::check(self.plans, &cluster, &self.wanted.existing).await
        {
            let exit = sink.abort(error);
            let ending = Instant::now();
            let left = self.ended(cluster).await;
            let left_behind = if left.is_empty() { Exit::Held } else { Exit::CleanUp };
            sink.event(Event::CleanUp { path: None, took_ms: millis(ending.elapsed()), left });
            return Err(exit.worst(left_behind));
        }
        Ok(cluster)
    }

    async fn ended(&self, cluster: Box<Cluster>) -> Vec<String> {
        // Who stops a run wants its end, and not that of its clean-up.
        let ended = if self.stop.asked().is_some() { cluster.discard().await } else { cluster.end().await };
        ended.left
    }
}

impl ClusterSource for Starter<'_> {
    type Held = Box<Cluster>;

    fn take<'a>(&'a self, sink: &'a mut dyn EventSink) -> BoxFuture<'a, Result<Box<Cluster>, Exit>> {
        Box::pin(self.started(sink))
    }

    fn end(&self, held: Box<Cluster>) -> BoxFuture<'_, Option<Vec<String>>> {
        Box::pin(async { Some(self.ended(held).await) })
    }

    fn is_shared(&self) -> bool {
        false
    }
}
