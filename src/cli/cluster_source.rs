//! Where `kubewalk run` gets its clusters: a warm one, a new one, or one that exists.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

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
    clusters: tokio::sync::Mutex<BTreeMap<String, StayingCluster>>,
}

#[derive(Debug)]
struct StayingCluster {
    cluster: Arc<Cluster>,
    /// Whether what is in it is not as it was.
    spoilt: bool,
}

impl StayingCluster {
    /// Ends it, or gives it back if it was warm. Gives what could not be removed.
    async fn end(self) -> Vec<String> {
        let Some(cluster) = Arc::into_inner(self.cluster) else { return vec![] };
        let ended = if self.spoilt { cluster.discard().await } else { cluster.end().await };
        ended.left
    }
}

impl Staying {
    /// Where a round gets its clusters: those that are there, and new ones by a starter.
    pub fn source<'a>(&'a self, starter: Starter<'a>) -> FromStaying<'a> {
        FromStaying { staying: self, starter }
    }

    /// Notes that what is in them is not as it was.
    pub async fn spoil_all(&self) {
        self.clusters.lock().await.values_mut().for_each(|one| one.spoilt = true);
    }

    /// Notes the same of one.
    async fn spoil(&self, shape: &str) {
        self.clusters.lock().await.get_mut(shape).into_iter().for_each(|one| one.spoilt = true);
    }

    /// Ends all of them, or gives those back that were warm. Gives what could not be removed.
    pub async fn end(&self) -> Vec<String> {
        let mut left = Vec::new();
        for one in std::mem::take(&mut *self.clusters.lock().await).into_values() {
            left.extend(one.end().await);
        }
        left
    }

    /// The cluster of a shape, if it is there and as it was; if it is not as it was, it ends. Those of other shapes stay.
    async fn as_it_was(&self, shape: &str, sink: &mut dyn EventSink) -> Option<Arc<Cluster>> {
        let mut clusters = self.clusters.lock().await;
        let StayingCluster { cluster, spoilt } = clusters.get(shape)?;
        if !spoilt && cluster.spoilt().is_none() && is_sound(cluster).await {
            return Some(Arc::clone(cluster));
        }
        let one = clusters.remove(shape)?;
        sink.note("kubewalk: the cluster is not as it was; a new one is started");
        let left = StayingCluster { spoilt: true, ..one }.end().await;
        if !left.is_empty() {
            sink.event(Event::CleanUp { path: None, took_ms: 0, left });
        }
        None
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
            let shape = self.starter.wanted.shape.key();
            if let Some(cluster) = self.staying.as_it_was(&shape, sink).await {
                return Ok(cluster);
            }
            let cluster: Arc<Cluster> = Arc::from(self.starter.started(sink).await?);
            let one = StayingCluster { cluster: Arc::clone(&cluster), spoilt: false };
            self.staying.clusters.lock().await.insert(shape, one);
            Ok(cluster)
        })
    }

    fn end(&self, held: Arc<Cluster>) -> BoxFuture<'_, Option<Vec<String>>> {
        Box::pin(async move {
            // What was broken off was not cleaned up.
            if self.starter.stop.asked().is_some() {
                self.staying.spoil(&self.starter.wanted.shape.key()).await;
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
    use std::{ffi::OsStr, path::PathBuf, sync::Mutex};

    use super::*;
    use crate::{
        cluster::{Ended, Facts, Kubectl, Node, Progress},
        cluster_kind::ClusterKind,
        sync::locked,
    };

    /// A node that has died, and notes that it is ended.
    #[derive(Debug)]
    struct Dead {
        name: &'static str,
        ended: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Node for Dead {
        fn died(&self) -> Option<ClusterError> {
            Some(ClusterError::plain("etcd was killed"))
        }

        fn death(&self) -> BoxFuture<'_, ClusterError> {
            Box::pin(std::future::ready(ClusterError::plain("etcd was killed")))
        }

        fn end(&self) -> BoxFuture<'_, Ended> {
            locked(&self.ended).push(self.name);
            Box::pin(std::future::ready(Ended::default()))
        }
    }

    #[derive(Default)]
    struct Told(Vec<String>);

    impl EventSink for Told {
        fn event(&mut self, event: Event) {
            self.0.push(format!("{event:?}"));
        }

        fn note(&mut self, text: &str) {
            self.0.push(text.to_owned());
        }

        fn progress(&mut self, _progress: Progress) {}

        fn refused(&mut self, _plans: &[Plan], _error: ClusterError) -> Exit {
            Exit::Invalid
        }
    }

    #[tokio::test]
    async fn a_cluster_that_is_not_sound_ends_alone() {
        let (staying, ended) = (Staying::default(), Arc::new(Mutex::new(Vec::new())));
        for name in ["", "audited", "open"] {
            let facts = Facts {
                pods: true,
                anonymous: true,
                kind: ClusterKind::Builtin,
                kubernetes: "v1.37.2".into(),
                curl_image: String::new(),
            };
            let node = Dead { name, ended: Arc::clone(&ended) };
            let kubectl = Kubectl::new(std::iter::empty::<PathBuf>());
            let cluster = Cluster::new(facts, PathBuf::from("/nonexistent/kubeconfig"), kubectl, Box::new(node));
            let one = StayingCluster { cluster: Arc::new(cluster), spoilt: false };
            staying.clusters.lock().await.insert(name.to_owned(), one);
        }
        let mut told = Told::default();
        assert!(staying.as_it_was("audited", &mut told).await.is_none());
        assert_eq!(*locked(&ended), ["audited"], "the others stay: {:?}", told.0);
        assert_eq!(told.0, ["kubewalk: the cluster is not as it was; a new one is started"]);
        assert!(staying.as_it_was("audited", &mut told).await.is_none());
        assert_eq!(told.0.len(), 1, "there is none now, of which nothing is to be said");
        assert!(staying.end().await.is_empty());
        assert_eq!(*locked(&ended), ["audited", "", "open"]);
    }

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
