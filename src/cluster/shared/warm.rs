//! Warm clusters: started ahead by `kubewalk cluster up`, and used by one run after the other.
//!
//! A run that uses one must not see that it is not new. So its content is compared with what it held when it was, before
//! the run and after it; one that differs is ended.
//!
//! It is for the work for which it was started: see [`whose`](super::whose). One that another run uses at this moment is left
//! to it; then the next that fits is taken, or a new one is started.

use std::{fs::File, path::Path, sync::Mutex, time::Duration};

use futures::future::BoxFuture;

use super::{
    guard, holder,
    lease::{self, Ask, Folder, Kept, Made, State, Until},
    snapshot::{Difference, Snapshot},
    whose::Whose,
};
use crate::{
    clock::{Moment, poll, timeout_at},
    cluster::{
        Cluster, ClusterError, ClusterKind, Ended, Node, Progress, Settings, StartError, Stays, Wanted,
        client::kept::client_of,
        emptied::{self, Going},
        own::lock::{self, How},
        start,
    },
    k8s::{Version, well_known::EVERYWHERE},
    stop::{Stop, unless_stopped},
    sync::locked,
};

/// How long an earlier run's objects may take to go.
const GOING_BUDGET: Duration = Duration::from_secs(30);

/// How long a run's namespaces may take to go at its end, before they are left to the next one.
const OVER_BUDGET: Duration = Duration::from_secs(5);

/// How often the folder of its holder is looked at for the death of the node.
const LOOK: Duration = Duration::from_millis(100);

/// How long the API server may take to say that it is ready.
const READY_BUDGET: Duration = Duration::from_secs(3);

/// A cluster that another process holds, while we use it.
#[derive(Debug)]
pub struct Used {
    folder: Folder,
    state: State,
    /// Locked as long as it is open: exclusively when warm, shared when leased.
    using: File,
    /// What a warm cluster held when it was new.
    pristine: Option<Snapshot>,
    /// Whether this process has started it for itself, so that it ends with its use unless something is kept in it.
    own: bool,
    /// Held by the caller that notes that something is kept in it.
    keeping: Mutex<()>,
}

/// A warm cluster that fits, or a new one.
///
/// # Errors
/// As [`start`](fn@crate::cluster::start).
pub async fn or_new(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    if wanted.kind != Some(ClusterKind::Kubeconfig)
        && let Some(cluster) = free(wanted, settings, stop, progress).await?
    {
        return Ok(cluster);
    }
    start(wanted, settings, stop, progress).await
}

/// A cluster in which what failed can be kept: a warm one that fits, unless `fresh`, or a new one that ends with this use of it if
/// nothing is kept, and else when it has not been used for `ttl`. `command` makes the call of its holder.
///
/// # Errors
/// As [`start`](fn@crate::cluster::start).
pub async fn to_keep(
    wanted: &Wanted,
    (fresh, ttl): (bool, Duration),
    settings: &Settings,
    command: impl FnOnce(&Path) -> std::process::Command,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    if !fresh && let Some(cluster) = free(wanted, settings, stop, progress).await? {
        return Ok(cluster);
    }
    let (folder, starter) = made(wanted, ttl, settings)?;
    // Before it is ready: no other run is to use it.
    let unusable = |e: std::io::Error| ClusterError::plain(format!("the new cluster's folder cannot be used: {e}"));
    let using = folder.open("use.lock").map_err(unusable)?;
    lease::lock_soon(&using).map_err(unusable)?;
    let state = holder::start(&folder, command(folder.path()), stop, progress).await?;
    drop(starter);
    let pristine = folder.read("pristine.json");
    Ok(Used { folder, state, using, pristine, own: true, keeping: Mutex::default() }.cluster())
}

/// A warm cluster that fits and is free.
async fn free(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Option<Cluster>, StartError> {
    lease::sweep(&settings.held());
    let (here, mut others) = (Whose::here(), Vec::new());
    // A folder that is not ours alone is not used; that is no reason to fail.
    for folder in Folder::all(&settings.held()).unwrap_or_default() {
        let name = folder.name();
        let known = match folder.known() {
            Ok(known) => known,
            Err(error) => {
                progress(Progress::NotWarm { name, why: format!("is left alone: {error}") });
                continue;
            }
        };
        let Some(state) = known.filter(|state| fits(state, wanted)) else { continue };
        if state.ask.whose != here {
            others.push((name, state.ask.whose));
            continue;
        }
        if let Some(kept) = folder.kept().pop() {
            let why = format!("is left alone, with what is kept of {}", kept.path.display());
            progress(Progress::NotWarm { name, why });
            continue;
        }
        match unless_stopped(stop, take(folder.clone(), state)).await.map_err(StartError::Stopped)? {
            Ok(cluster) => {
                progress(Progress::Warm { name });
                return Ok(Some(cluster));
            }
            Err(Unfit::Busy) => progress(Progress::NotWarm { name, why: "is in use".into() }),
            Err(Unfit::Spoilt(why)) => {
                progress(Progress::NotWarm { name, why: format!("is ended: {why}") });
                let _ = holder::end(&folder, true).await;
            }
        }
    }
    // A person who has started one elsewhere wants to know why it is not used.
    if let Some((name, whose)) = others.pop() {
        progress(Progress::NotWarm { name, why: format!("belongs to the work in {}", whose.describe()) });
    }
    Ok(None)
}

/// Whether this is a warm cluster as it is wanted, whosever it is.
pub fn fits(state: &State, wanted: &Wanted) -> bool {
    let warm = matches!(state.ask.until, Until::Unused(_));
    let kind = wanted.kind.is_none_or(|kind| kind == state.kind);
    let has = [state.ask.wanted.kubernetes, Version::of_release(&state.kubernetes)];
    let version = wanted.kubernetes.is_none_or(|version| has.contains(&Some(version)));
    let shape = state.ask.wanted.shape == wanted.shape;
    // A scenario that asks for a server that does not let `system:anonymous` in wants just that.
    let anonymous = state.anonymous || !wanted.anonymous || !wanted.shape.anonymous_everywhere();
    let trust = state.ask.wanted.untrusted == wanted.untrusted;
    warm && kind && version && shape && anonymous && trust && state.ask.build == lease::build()
}

/// Why a warm cluster is not used.
enum Unfit {
    Busy,
    Spoilt(String),
}

/// Takes a warm cluster for us alone, if it is sound and as it was when it was new.
async fn take(folder: Folder, state: State) -> Result<Cluster, Unfit> {
    let using = folder.open("use.lock").map_err(|_| Unfit::Busy)?;
    lease::lock_soon(&using).map_err(|_| Unfit::Busy)?;
    // It may have ended before we had the lock.
    if folder.state().is_none() {
        return Err(Unfit::Busy);
    }
    folder.touch(&using);
    let pristine: Snapshot =
        folder.read("pristine.json").ok_or_else(|| Unfit::Spoilt("nobody knows how it was when it was new".into()))?;
    let used = Used { folder, state, using, pristine: Some(pristine), own: false, keeping: Mutex::default() };
    if let Some(why) = used.spoilt() {
        return Err(Unfit::Spoilt(why));
    }
    let difference = used.at_rest().await.map_err(|e| Unfit::Spoilt(e.message))?;
    // Again: what an earlier run did at its very end may have been told only now.
    if let Some(why) = used.spoilt() {
        return Err(Unfit::Spoilt(why));
    }
    let all: Vec<_> = difference.stays.into_iter().chain(difference.going).collect();
    if !all.is_empty() {
        return Err(Unfit::Spoilt(all.join(", ")));
    }
    Ok(used.cluster())
}

/// Uses a cluster together with others, as long as this process lives.
///
/// # Errors
/// When it has gone.
pub fn share(folder: Folder) -> Result<Cluster, ClusterError> {
    let gone = || ClusterError::plain(format!("the cluster {} has ended", folder.name()));
    let using = folder.open("use.lock").map_err(|_| gone())?;
    // Its holder looks at it for a moment at a time.
    lock::within(&using, How::Shared, Duration::from_secs(10)).map_err(|_| gone())?;
    let state = folder.known()?.ok_or_else(gone)?;
    Ok(Used { folder, state, using, pristine: None, own: false, keeping: Mutex::default() }.cluster())
}

/// Starts a warm cluster that ends when it has not been used for `ttl`. `command` makes the call of its holder.
///
/// # Errors
/// Why there is none; nothing stays behind then.
pub async fn up(
    wanted: &Wanted,
    ttl: Duration,
    settings: &Settings,
    command: impl FnOnce(&Path) -> std::process::Command,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(Folder, State), StartError> {
    let (folder, starter) = made(wanted, ttl, settings)?;
    let started = holder::start(&folder, command(folder.path()), stop, progress).await;
    drop(starter);
    started.map(|state| (folder, state))
}

/// The folder of a new warm cluster, which no process removes as long as the file is open.
fn made(wanted: &Wanted, ttl: Duration, settings: &Settings) -> Result<(Folder, File), ClusterError> {
    let ask = Ask {
        wanted: wanted.clone(),
        until: Until::Unused(ttl.as_secs()),
        build: lease::build(),
        whose: Whose::here(),
    };
    let name = format!("warm-{}", random_letters());
    match Folder::make(&settings.held(), &name, &ask)? {
        Made::New(folder, starter) => Ok((folder, starter)),
        Made::AlreadyThere(folder) => Err(ClusterError::plain(format!("there is a cluster {} already", folder.name()))),
    }
}

fn random_letters() -> String {
    use rand::RngExt as _;
    let mut random = rand::rng();
    (0..5).map(|_| char::from(b"bcdfghjklmnpqrstvwxz2456789"[random.random_range(0..27)])).collect()
}

/// Removes the Events where no namespace of a run takes them along: they come by themselves, so that one which a run has planted could
/// not be told from others, and the next run would see it.
async fn forget_events(client: &kube::Client) {
    let forgotten = EVERYWHERE.map(|namespace| {
        let path = format!("/api/v1/namespaces/{namespace}/events");
        client.request_text(http::Request::delete(path).body(Vec::new()).expect("a request"))
    });
    // A cluster that does not answer is told by the next look at it.
    let _ = futures::future::join_all(forgotten).await;
}

impl Used {
    fn cluster(self) -> Cluster {
        let (facts, kubeconfig, kubectl) =
            (self.state.facts(), self.state.kubeconfig.clone(), self.state.kubectl.clone());
        Cluster::new(facts, kubeconfig, kubectl, Box::new(self))
    }

    /// How the cluster differs from a new one, once what goes has gone or did not go in time.
    async fn at_rest(&self) -> Result<Difference, ClusterError> {
        let Some(pristine) = &self.pristine else { return Ok(Difference::default()) };
        let client = self.ready().await?;
        let deadline = Moment::now() + GOING_BUDGET;
        let (difference, ()) = tokio::join!(pristine.compare(&client), forget_events(&client));
        let difference = difference?;
        if difference.going.is_empty() || !difference.stays.is_empty() {
            return Ok(difference);
        }
        // A run that was ended by force could not do it. What it leaves to Kubernetes is waited for.
        let _ = timeout_at(deadline, emptied::finish(&client, None, deadline)).await;
        pristine.compare_at_rest(&client, deadline.left()).await
    }

    /// What of a run stays, when it is over. Its namespaces go meanwhile, so that the next one need not wait for them; how all is
    /// then, the next one looks itself.
    async fn over(&self) -> Result<Vec<String>, ClusterError> {
        let Some(pristine) = &self.pristine else { return Ok(vec![]) };
        let client = self.ready().await?;
        // Before the lists: what they do not have in these namespaces is not there any more, and need not be looked for again.
        let (going, ()) = tokio::join!(Going::find(&client, None), forget_events(&client));
        let going = going?;
        let (difference, empty) = pristine.compare_with(&client, &going.names()).await?;
        if difference.stays.is_empty() && !difference.going.is_empty() {
            let deadline = Moment::now() + OVER_BUDGET;
            let _ = timeout_at(deadline, going.finish(&client, &empty, deadline)).await;
        }
        Ok(difference.stays)
    }

    /// A client of its API server, which is ready.
    async fn ready(&self) -> Result<kube::Client, ClusterError> {
        if let Some(error) = self.died() {
            return Err(error);
        }
        let failed = |e: kube::Error| ClusterError::plain(format!("its API server is not ready: {e}"));
        let client = client_of(&self.state.kubeconfig, false).await?;
        let ready = http::Request::get("/readyz").body(Vec::new()).expect("a request");
        match tokio::time::timeout(READY_BUDGET, client.request_text(ready)).await {
            Ok(answer) => answer.map_err(failed)?,
            Err(_) => return Err(ClusterError::plain("its API server does not answer")),
        };
        Ok(client)
    }
}

impl Node for Used {
    fn died(&self) -> Option<ClusterError> {
        if let Some(error) = self.folder.read("broken.json") {
            return Some(error);
        }
        let gone = self.folder.state().is_none();
        gone.then(|| ClusterError::plain(format!("the cluster {} was ended meanwhile", self.folder.name())))
    }

    /// The holder is another process: what it writes into the folder is all that is known of the node.
    fn death(&self) -> BoxFuture<'_, ClusterError> {
        Box::pin(poll(LOOK, || std::future::ready(self.died())))
    }

    fn lives_on(&self) -> bool {
        true
    }

    fn keep(&self, path: &Path, namespace: &str) -> Option<Stays> {
        let Until::Unused(seconds) = self.state.ask.until else { return None };
        let _one = locked(&self.keeping);
        let kept = Kept { path: path.to_owned(), real: path.canonicalize().ok(), namespace: namespace.to_owned() };
        self.folder.keep(kept).ok()?;
        Some(Stays { name: self.folder.name(), seconds })
    }

    fn spoil(&self, why: &str) {
        guard::note(&self.folder, why);
    }

    fn spoilt(&self) -> Option<String> {
        // What is kept is looked at, and no run uses its cluster.
        let kept = || !self.folder.kept().is_empty();
        self.pristine.as_ref().filter(|_| !self.own && !kept()).and_then(|_| guard::known(&self.folder))
    }

    /// Gives it back. One that is not as it was ends, and what is left in it is told.
    fn end(&self) -> BoxFuture<'_, Ended> {
        Box::pin(async {
            if self.pristine.is_none() {
                let _ = self.using.unlock();
                return Ended::default();
            }
            if self.own || self.spoilt().is_some() || !self.folder.kept().is_empty() {
                return self.discard().await;
            }
            let left = self.over().await.unwrap_or_else(|error| vec![error.message]);
            if left.is_empty() {
                self.folder.touch(&self.using);
                let _ = self.using.unlock();
                return Ended::default();
            }
            let mut ended = self.discard().await;
            ended.left.splice(0..0, left);
            ended
        })
    }

    fn discard(&self) -> BoxFuture<'_, Ended> {
        Box::pin(async {
            if !self.folder.kept().is_empty() {
                self.folder.touch(&self.using);
                let _ = self.using.unlock();
                return Ended::default();
            }
            match holder::end(&self.folder, true).await {
                Ok(left) => Ended { left },
                Err(error) => Ended { left: vec![error.message] },
            }
        })
    }
}
