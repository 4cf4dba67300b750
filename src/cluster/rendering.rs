//! Renders kustomizations and charts: by the engine's kubectl and by helm, on copies of the files that they are made of.
//!
//! Both tools read what others wrote. So each runs in a folder that has only those files, as a process group with an end to its time,
//! its memory and its output, with an environment of ours, without a PATH to start anything from, and without a network where the
//! machine can take it away. What was rendered is kept in the cache by all that it depends on.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::process::Command;

use super::{
    ClusterError, Progress, Settings, engine,
    own::{
        self,
        program::{self, Missing},
    },
};
use crate::{
    exit_code::Exit,
    k8s::Version,
    manifests::{Render, Rendering, Tool, Trouble, kustomize},
    process,
};

/// How long a tool may take.
const WITHIN: Duration = Duration::from_secs(60);

/// The time of processors and the address space that it may use: seconds, and kB.
const CPU_SECONDS: &str = "60";
const MEMORY: &str = "4194304";

/// Runs the rest in its limits; without a network, if there is `unshare` (`$1`) and it may.
const BOUNDED: &str = r#"ulimit -c 0; ulimit -t "$2" 2>/dev/null; ulimit -v "$3" 2>/dev/null; u=$1; shift 3
if [ -n "$u" ] && "$u" -n -- "$0" -c : 2>/dev/null; then exec "$u" -n -- "$@"; fi; exec "$@""#;

/// Who renders in this process.
pub struct Renderer {
    settings: Settings,
    /// For which version of Kubernetes; `None`: the engine's newest.
    kubernetes: Option<Version>,
    starts: bool,
    progress: fn(&Progress),
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer")
            .field("cache", &self.settings.cache)
            .field("starts", &self.starts)
            .finish_non_exhaustive()
    }
}

/// A tool on this machine.
struct Found {
    program: PathBuf,
    /// What is the same as long as the program is.
    identity: String,
    /// Whether it is a part of the engine or built with it, so that it is checked before it is started.
    is_ours: bool,
}

impl Found {
    /// The kubectl of an engine's image.
    fn in_engine(image: &Path) -> Self {
        let program = image.join("rootfs/usr/local/bin/kubectl");
        Found { program, identity: format!("engine {}", engine::hash()), is_ours: true }
    }

    /// The helm that was built from its module.
    fn built_helm(program: PathBuf) -> Self {
        Found { program, identity: format!("helm {}", engine::helm_hash()), is_ours: true }
    }
}

impl Renderer {
    /// One that starts the tools, and builds them first where they are missing. Charts are rendered for this version of Kubernetes, or
    /// the engine's newest.
    pub fn new(settings: Settings, kubernetes: Option<Version>, progress: fn(&Progress)) -> Self {
        Renderer { settings, kubernetes, starts: true, progress }
    }

    /// One that starts nothing: it knows what was rendered before.
    pub fn of_what_is_known(settings: Settings, kubernetes: Option<Version>) -> Self {
        Renderer { settings, kubernetes, starts: false, progress: |_| () }
    }

    /// The tool, if it is here.
    fn find(&self, tool: Tool) -> Result<Option<Found>, ClusterError> {
        let on_path = |name: &str| match program::find(name) {
            Ok(program) => {
                let about =
                    program.metadata().map_err(|e| ClusterError::plain(format!("cannot look at {name}: {e}")))?;
                let identity =
                    format!("{} {} {}.{}", program.display(), about.len(), about.mtime(), about.mtime_nsec());
                Ok(Some(Found { program, identity, is_ours: false }))
            }
            Err(Missing::NotThere(_)) => Ok(None),
            Err(foreign) => Err(foreign.into_error("")),
        };
        match tool {
            Tool::Kustomize => {
                if let Some(dir) = engine::built(&self.settings.cache) {
                    return Ok(Some(Found::in_engine(&dir)));
                }
                on_path("kubectl")
            }
            Tool::Helm => {
                if let Some(found) = on_path("helm")? {
                    return Ok(Some(found));
                }
                let built = engine::built_helm(&self.settings.cache);
                Ok(built.map(Found::built_helm))
            }
        }
    }

    /// The tool, built if need be, and looked at before it is started.
    async fn ensure(&self, tool: Tool) -> Result<Found, ClusterError> {
        if let Some(found) = self.find(tool)?.filter(|found| !found.is_ours) {
            return Ok(found);
        }
        let mut progress = |what: Progress| (self.progress)(&what);
        // What is started is the path that was checked.
        Ok(match tool {
            Tool::Kustomize => Found::in_engine(&engine::ensure(&self.settings, &mut progress).await?),
            Tool::Helm => Found::built_helm(engine::ensure_helm(&self.settings, &mut progress).await?),
        })
    }

    /// What was rendered before of the same.
    fn kept(&self, key: &str) -> Option<String> {
        let cache = own::cache(&self.settings.cache).ok()?;
        let file = own::trusted(&cache.join("rendered").join(key)).ok()?;
        let bytes = crate::scenario::open::read_real(&file, kustomize::MOST as u64).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// Keeps it. A cache that cannot be written is no reason not to run.
    fn keep(&self, key: &str, text: &str) {
        let keep = || -> Result<(), Box<dyn std::error::Error>> {
            let folder = own::trusted_folder(&own::cache(&self.settings.cache)?.join("rendered"))?;
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(text.as_bytes())?;
            file.persist(folder.join(key))?;
            Ok(())
        };
        let _ = keep();
    }

    async fn started(&self, what: &Rendering) -> Result<(String, String), Trouble> {
        let lacks = |e: ClusterError| Trouble::Environment { why: e.message, remedy: e.remedy.unwrap_or_default() };
        let found = self.ensure(what.tool).await.map_err(lacks)?;
        let key = what.key(&found.identity);
        if let Some(text) = self.kept(&key) {
            return Ok((key, text));
        }
        let plain = |e: &dyn std::fmt::Display| Trouble::Environment { why: e.to_string(), remedy: String::new() };
        let place = own::temporary("kubewalk-render-").map_err(lacks)?;
        let work = place.path().canonicalize().map_err(|e| plain(&e))?;
        laid_out(&work, what).map_err(|e| plain(&e))?;
        let mut command = bounded(&found.program, &work).map_err(|e| lacks(e.into_error("")))?;
        command.args(&what.args);
        let ended = tokio::select! {
            ended = process::output(&mut command, None, WITHIN, kustomize::MOST) => ended,
            signal = signalled() => {
                drop(place);
                std::process::exit(i32::from(Exit::Signal(signal).code()));
            }
        };
        let name = what.tool.word();
        let output = match ended {
            Ok(output) => output,
            Err(process::Failed::NotStarted(e)) => return Err(plain(&format!("{name} cannot be started: {e}"))),
            Err(failed) => return Err(Trouble::Refused(format!("it {failed}"))),
        };
        let words = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.replace(&format!("{}/", work.join(FILES).display()), "").replace(&work.display().to_string(), "")
        };
        if !output.status.success() {
            let said = words(&output.stderr);
            let said = if said.trim().is_empty() { format!("it ended with {}", output.status) } else { said };
            return Err(Trouble::Refused(said));
        }
        let text =
            String::from_utf8(output.stdout).map_err(|_| Trouble::Refused("what it writes is not UTF-8".into()))?;
        Ok((key, text))
    }
}

impl Render for Renderer {
    fn kubernetes(&self) -> String {
        engine::Release::kubernetes_of(self.kubernetes)
    }

    fn render(&self, what: &Rendering) -> Result<String, Trouble> {
        if !self.starts {
            let known = self.find(what.tool).ok().flatten().and_then(|found| self.kept(&what.key(&found.identity)));
            return known.ok_or_else(|| Trouble::NotStarted {
                why: format!(
                    "this command starts no program, and {} has not rendered just this before",
                    what.tool.word()
                ),
                remedy: "`kubewalk check --render` renders it, if you trust its author; so does `kubewalk run`".into(),
            });
        }
        let started = process::on_own_thread(|| self.started(what));
        let (key, text) = started.map_err(|e| Trouble::Environment { why: e.to_string(), remedy: String::new() })??;
        self.keep(&key, &text);
        Ok(text)
    }
}

/// Below the private folder: the files, and what a tool takes for its home.
const FILES: &str = "files";
const HOME: &str = "home";

/// Writes the files into a folder that no other user can enter.
fn laid_out(work: &Path, what: &Rendering) -> std::io::Result<()> {
    let mut folders = fs::DirBuilder::new();
    folders.recursive(true).mode(0o700);
    folders.create(work.join(HOME))?;
    let files = work.join(FILES);
    folders.create(&files)?;
    for (name, bytes) in &what.files {
        let path = files.join(name);
        folders.create(path.parent().unwrap_or(&files))?;
        fs::write(path, bytes)?;
    }
    // Where it begins must be there, also when nothing is in it.
    Ok(())
}

/// A program in its limits, with nothing of the person's environment.
fn bounded(program: &Path, work: &Path) -> Result<Command, Missing> {
    let shell = program::find("sh")?;
    let unshare = match program::find("unshare") {
        Ok(unshare) if rustix::process::geteuid().is_root() => unshare,
        _ => PathBuf::new(),
    };
    let home = work.join(HOME);
    let mut command = Command::new(&shell);
    command.arg("-c").arg(BOUNDED).arg(&shell).arg(unshare).args([CPU_SECONDS, MEMORY]).arg(program);
    command.current_dir(work.join(FILES)).env_clear();
    command.env("PATH", home.join("nothing")).env("HOME", &home).env("TMPDIR", &home).env("LC_ALL", "C.UTF-8");
    for (name, folder) in [
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_DATA_HOME", "data"),
        ("HELM_CONFIG_HOME", "helm/config"),
        ("HELM_CACHE_HOME", "helm/cache"),
        ("HELM_DATA_HOME", "helm/data"),
        ("HELM_PLUGINS", "helm/plugins"),
        ("KUBECACHEDIR", "kube"),
        ("KUBECONFIG", "no-kubeconfig"),
    ] {
        command.env(name, home.join(folder));
    }
    command.env("HELM_NO_PLUGINS", "1").env("KUBECTL_KUBERC", "false").env("GOMEMLIMIT", "1GiB").env("GOMAXPROCS", "2");
    // What would go out all the same goes nowhere.
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    command.env("GIT_ALLOW_PROTOCOL", "none");
    Ok(command)
}

/// Waits for a signal that ends this program, and gives its number.
async fn signalled() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)];
    let [one, two, three] = kinds.map(|(kind, number)| async move {
        match signal(kind) {
            Ok(mut signals) => {
                signals.recv().await;
                number
            }
            Err(_) => std::future::pending().await,
        }
    });
    tokio::select! { number = one => number, number = two => number, number = three => number }
}
