//! Where `kubewalk run` gets its clusters: a warm one, a new one, or one that exists.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::{
    cluster::{self, Cluster, ClusterError, Settings, StartError, Wanted, node_event, warm},
    event::Event,
    exit_code::Exit,
    plan::Plan,
    run::{millis, retry::ClusterSource, rights, schedule::is_sound, sink::EventSink},
    settings,
    stop::Stop,
};

/// What calls this program as the holder of a cluster's folder.
///
/// # Errors
/// When it cannot be found.
pub fn holder() -> Result<impl FnOnce(&Path) -> std::process::Command, ClusterError> {
    let program = std::env::current_exe()
        .map_err(|e| ClusterError::plain(format!("kubewalk cannot find its own program: {e}")))?;
    Ok(move |folder: &Path| hold(&program, folder, settings::is_offline()))
}

/// What is said on this command line and on no other goes on as a variable.
fn hold(program: &Path, folder: &Path, offline: bool) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    command.args(["cluster", "hold"]).arg(folder);
    if offline {
        command.env(settings::OFFLINE, "1");
    }
    command
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
            (None, _) if self.fresh => cluster::start(&self.wanted, self.settings, self.stop, &mut progress).await,
            (None, _) => warm::or_new(&self.wanted, self.settings, self.stop, &mut progress).await,
        };
        let cluster = match started {
            Ok(cluster) => Box::new(cluster),
            Err(StartError::Stopped(why)) => return Err(why.into()),
            Err(StartError::Failed(error)) if node_event::is_refusal(&error) => {
                return Err(sink.refused(self.plans, error));
            }
            Err(StartError::Failed(error)) => return Err(sink.abort(error)),
        };
        sink.event(Event::ClusterReady {
            kind: cluster.facts().kind.to_string(),
            kubernetes: cluster.facts().kubernetes.clone(),
            shape: self.wanted.shape.describe(),
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
        // A person who stops a run wants its end, and not that of its clean-up.
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

/// Clusters that stay between the rounds of a command that runs scenarios again and again, by the shape of their API server.
#[derive(Debug, Default)]
pub struct Staying {
    clusters: tokio::sync::Mutex<BTreeMap<String, Arc<Cluster>>>,
    spoilt: AtomicBool,
}

impl Staying {
    /// Where a round gets its clusters: those that are there, and new ones by a starter.
    pub fn source<'a>(&'a self, starter: Starter<'a>) -> FromStaying<'a> {
        FromStaying { staying: self, starter }
    }

    /// Notes that what is in them is not as it was.
    pub fn spoil(&self) {
        self.spoilt.store(true, Ordering::Relaxed);
    }

    /// Ends all of them, or gives those back that were warm. Gives what could not be removed.
    pub async fn end(&self) -> Vec<String> {
        let mut left = Vec::new();
        let spoilt = self.spoilt.swap(false, Ordering::Relaxed);
        for cluster in std::mem::take(&mut *self.clusters.lock().await).into_values() {
            if let Some(cluster) = Arc::into_inner(cluster) {
                let ended = if spoilt { cluster.discard().await } else { cluster.end().await };
                left.extend(ended.left);
            }
        }
        left
    }
}

/// Gives a round its clusters.
pub struct FromStaying<'a> {
    staying: &'a Staying,
    starter: Starter<'a>,
}

impl ClusterSource for FromStaying<'_> {
    type Held = Arc<Cluster>;

    fn take<'a>(&'a self, sink: &'a mut dyn EventSink) -> BoxFuture<'a, Result<Arc<Cluster>, Exit>> {
        Box::pin(async {
            let key = self.starter.wanted.shape.key();
            let there = self.staying.clusters.lock().await.get(&key).cloned();
            if let Some(cluster) = there {
                let as_new = !self.staying.spoilt.load(Ordering::Relaxed) && cluster.spoilt().is_none();
                if as_new && is_sound(&cluster).await {
                    return Ok(cluster);
                }
                drop(cluster);
                sink.note("kubewalk: the cluster is not as it was; a new one is started");
                self.staying.spoil();
                let left = self.staying.end().await;
                if !left.is_empty() {
                    sink.event(Event::CleanUp { path: None, took_ms: 0, left });
                }
            }
            let cluster: Arc<Cluster> = Arc::from(self.starter.started(sink).await?);
            self.staying.clusters.lock().await.insert(key, Arc::clone(&cluster));
            Ok(cluster)
        })
    }

    fn end(&self, held: Arc<Cluster>) -> BoxFuture<'_, Option<Vec<String>>> {
        Box::pin(async move {
            // What was broken off was not cleaned up.
            if self.starter.stop.asked().is_some() {
                self.staying.spoil();
            }
            drop(held);
            None
        })
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_holder_is_told_what_a_flag_of_its_starter_says() {
        let said = |offline| {
            let command = hold(Path::new("/bin/kubewalk"), Path::new("/run/held/warm-a"), offline);
            let said = command.get_envs().map(|(name, value)| (name.to_owned(), value.map(OsStr::to_owned)));
            said.collect::<Vec<_>>()
        };
        assert_eq!(said(true), [(settings::OFFLINE.into(), Some("1".into()))]);
        assert!(said(false).is_empty(), "its own variables are the starter's");
    }
}
