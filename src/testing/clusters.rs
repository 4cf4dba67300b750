//! The clusters that the tests of a process, or of a run of cargo-nextest, share.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;

use super::uncaptured::uncaptured;
use crate::{
    cluster::{
        self, Cluster, ClusterError, Progress, Settings, StartError, Wanted, holder,
        lease::{self, Ask, Folder, Made, Until},
        node_event,
        own::lock::{self, How},
        warm,
        whose::Whose,
    },
    exit_code::Exit,
    run::{exclusion::ExclusionLocks, retry::ClusterSource, schedule::is_sound, sink::EventSink},
    settings,
    shape::Shape,
    stop::Stop,
    sync::locked,
};

/// The usual cluster of this process.
static USUAL: Shared = Shared::new();

/// Those whose API server is other than usual, by their shape.
static SHAPED: Mutex<BTreeMap<String, Arc<Shared>>> = Mutex::new(BTreeMap::new());

/// More of them live at a time only while tests use them: each is a node of half a gigabyte.
const MOST_SHAPED: usize = 2;

/// How long a test waits for the one that starts the cluster of all: the engine may be built first.
const STARTED_WITHIN: Duration = Duration::from_secs(45 * 60);

/// The folders of the clusters that all tests of a run of nextest share, by shape.
static LEASED: Mutex<BTreeMap<String, Folder>> = Mutex::new(BTreeMap::new());

/// The folder of the cluster of this shape, when all tests of a run of nextest share it.
pub fn leased_folder(shape: &Shape) -> Option<Folder> {
    locked(&LEASED).get(&shape.key()).cloned()
}

/// One of these folders that this process uses.
pub fn any_leased() -> Option<Folder> {
    locked(&LEASED).values().next().cloned()
}

/// The folders of all clusters of this run of nextest, also of those that other processes use.
pub fn folders_of_this_run() -> Vec<Folder> {
    let Some(run) = settings::nextest_run() else { return vec![] };
    let all = Folder::all(&settings::from_env().held()).unwrap_or_default();
    all.into_iter().filter(|folder| folder.name().starts_with(&format!("nextest-{run}"))).collect()
}

/// A cluster that tests share, and which scenarios exclude each other on it.
#[derive(Debug)]
struct Shared {
    /// `None`: the next test that needs it starts it.
    cluster: Mutex<Option<Result<Arc<Cluster>, String>>>,
    exclusion: ExclusionLocks,
}

impl Shared {
    const fn new() -> Self {
        Shared { cluster: Mutex::new(None), exclusion: ExclusionLocks::new() }
    }

    /// The cluster, or why there is none; the first caller starts it, and the others wait.
    fn cluster(&self, shape: &Shape) -> Result<Arc<Cluster>, String> {
        locked(&self.cluster).get_or_insert_with(|| start(shape)).clone()
    }

    /// Lets the next test start another one in the place of this one.
    fn replace(&self, unsound: &Arc<Cluster>) {
        let mut now = locked(&self.cluster);
        // Another test may have done so meanwhile.
        if matches!(&*now, Some(Ok(cluster)) if Arc::ptr_eq(cluster, unsound)) {
            *now = None;
        }
    }
}

/// The shared cluster of a shape, as long as a test uses it.
#[derive(Debug, Clone)]
pub struct SharedCluster {
    shape: Shape,
    /// `None`: the usual one.
    shaped: Option<Arc<Shared>>,
    /// Whether one that is not sound any more is replaced.
    replaces: bool,
}

impl SharedCluster {
    /// That of a shape. Those of other shapes end that no test uses, when there are too many.
    pub fn for_shape(shape: &Shape, replaces: bool) -> Self {
        if shape.is_usual() {
            return SharedCluster { shape: shape.clone(), shaped: None, replaces };
        }
        let (shaped, idle) = {
            let mut all = locked(&SHAPED);
            let shaped = Arc::clone(all.entry(shape.key()).or_insert_with(|| Arc::new(Shared::new())));
            (shaped, idle(&mut all))
        };
        idle.into_iter().for_each(end);
        SharedCluster { shape: shape.clone(), shaped: Some(shaped), replaces }
    }

    /// The cluster, or why there is none.
    pub fn cluster(&self) -> Result<Arc<Cluster>, String> {
        self.shared().cluster(&self.shape)
    }

    /// Which scenarios exclude each other on it.
    pub fn exclusion(&self) -> &ExclusionLocks {
        &self.shared().exclusion
    }

    fn shared(&self) -> &Shared {
        self.shaped.as_deref().unwrap_or(&USUAL)
    }
}

impl ClusterSource for SharedCluster {
    type Held = Arc<Cluster>;

    fn take<'a>(&'a self, sink: &'a mut dyn EventSink) -> BoxFuture<'a, Result<Arc<Cluster>, Exit>> {
        let source = self.clone();
        Box::pin(async move {
            // Its start has an async runtime of its own.
            let taken = tokio::task::spawn_blocking(move || source.cluster()).await;
            match taken {
                Ok(Ok(cluster)) => Ok(cluster),
                Ok(Err(why)) => Err(sink.abort(ClusterError::plain(why))),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        })
    }

    fn end(&self, held: Arc<Cluster>) -> BoxFuture<'_, Option<Vec<String>>> {
        Box::pin(async move {
            if self.replaces && !is_sound(&held).await {
                self.shared().replace(&held);
            }
            None
        })
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// Takes those out that no test uses, when there are too many.
fn idle(all: &mut BTreeMap<String, Arc<Shared>>) -> Vec<Shared> {
    let keys: Vec<String> = all.keys().cloned().collect();
    let mut idle = Vec::new();
    for key in keys {
        if all.len() <= MOST_SHAPED {
            break;
        }
        if let Some(shaped) = all.remove(&key) {
            match Arc::try_unwrap(shaped) {
                Ok(shaped) => idle.push(shaped),
                Err(used) => drop(all.insert(key, used)),
            }
        }
    }
    idle
}

/// Ends a cluster of which no test is left that uses it.
fn end(shaped: Shared) {
    let Ok(Some(Ok(cluster))) = shaped.cluster.into_inner() else { return };
    let Some(cluster) = Arc::into_inner(cluster) else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    for left in runtime.block_on(cluster.end()).left {
        uncaptured(&format!("\nkubewalk: left behind: {left}\n"));
    }
}

/// What a text begins with that says that no API server starts with what a scenario asks for.
pub const REFUSED: &str = "its `cluster:` is refused: ";

/// Starts a cluster of this process, takes a warm one, or that of the whole run of nextest.
fn start(shape: &Shape) -> Result<Arc<Cluster>, String> {
    settings::secret::register_secrets()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let mut progress = |progress: Progress| match progress {
        Progress::BuildingEngine { kubernetes } => uncaptured(&format!(
            "\nkubewalk: the engine's node image with Kubernetes {kubernetes} is built first, once; the tests go on after that\n"
        )),
        Progress::Note(text) => uncaptured(&format!("\nkubewalk: {text}\n")),
        Progress::Warm { name } => uncaptured(&format!("\nkubewalk: the warm cluster {name} is used\n")),
        Progress::NotWarm { name, why } => {
            uncaptured(&format!("\nkubewalk: the warm cluster {name} {why}; a new cluster is started\n"));
        }
        Progress::PulledEngine { image, .. } => {
            uncaptured(&format!("\nkubewalk: the engine was pulled from {image}\n"))
        }
        Progress::Pull { .. } | Progress::Phase { .. } => {}
    };
    let wanted = Wanted { shape: shape.clone(), ..settings::wanted()? };
    let (settings, stop) = (settings::from_env(), Stop::never());
    runtime.block_on(async {
        let started = match settings::nextest_run() {
            Some(run) => leased(&run, &wanted, &settings, &stop, &mut progress).await,
            None if settings::fresh() => cluster::start(&wanted, &settings, &stop, &mut progress).await,
            None => warm::or_new(&wanted, &settings, &stop, &mut progress).await,
        };
        started.map(Arc::new).map_err(|error| no_cluster(&error))
    })
}

fn no_cluster(error: &StartError) -> String {
    let refused = matches!(error, StartError::Failed(error) if node_event::is_refusal(error));
    let mut text = if refused { format!("{REFUSED}{error}") } else { format!("there is no cluster: {error}") };
    if let StartError::Failed(e) = error {
        if let Some(remedy) = &e.remedy {
            let _ = write!(text, "\n{remedy}");
        }
        e.log.iter().for_each(|line| {
            let _ = write!(text, "\n  {line}");
        });
    }
    text
}

/// The cluster of this run of nextest; the first of its tests starts the holder.
async fn leased(
    run: &str,
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    let ask = Ask {
        wanted: wanted.clone(),
        until: Until::Gone(lease::runner("cargo-nextest")),
        build: lease::build(),
        whose: Whose::here(),
    };
    lease::sweep(&settings.held());
    let key = wanted.shape.key();
    let name = if key.is_empty() { format!("nextest-{run}") } else { format!("nextest-{run}-{key}") };
    let folder = match Folder::make(&settings.held(), &name, &ask)? {
        Made::New(folder, starter) => {
            let program = std::env::current_exe().map_err(|e| ClusterError::plain(e.to_string()))?;
            let mut command = std::process::Command::new(program);
            command.args(std::env::args_os().skip(1)).env(settings::HOLD, folder.path());
            holder::start(&folder, command, stop, progress).await?;
            drop(starter);
            folder
        }
        Made::AlreadyThere(folder) => {
            let gone = |e: std::io::Error| ClusterError::plain(format!("the shared cluster has gone: {e}"));
            let starter = folder.open("starter.lock").map_err(gone)?;
            lock::soon(&starter, How::Shared, STARTED_WITHIN).await.map_err(gone)?;
            if let Some(error) = folder.read::<ClusterError>("failed.json") {
                return Err(error.into());
            }
            folder
        }
    };
    let cluster = warm::share(folder.clone())?;
    locked(&LEASED).insert(key, folder);
    Ok(cluster)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_clusters_only_those_end_that_nobody_uses() {
        let new = || Arc::new(Shared::new());
        let mut all: BTreeMap<_, _> = ["a", "b", "c", "d"].map(|key| (key.to_owned(), new())).into();
        let used = [Arc::clone(&all["a"]), Arc::clone(&all["c"])];
        assert_eq!(idle(&mut all).len(), 2);
        assert_eq!(all.keys().collect::<Vec<_>>(), ["a", "c"]);
        drop(used);
        assert!(idle(&mut all).is_empty(), "so many may stay");
    }
}
