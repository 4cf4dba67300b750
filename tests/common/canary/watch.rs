//! The machine while runs go on: the arguments of all processes, the logs of nodes, the tokens in Pods; and a node whose API
//! server writes an audit log.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Read as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use sha2::{Digest as _, Sha256};

/// A look at the machine that goes on until it is ended.
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What was there.
#[derive(Default)]
pub struct Seen {
    /// The arguments of every process, those in nodes and Pods included, each once.
    pub arguments: BTreeSet<String>,
    /// The tokens that Pods had mounted.
    pub tokens: BTreeSet<String>,
    /// The logs of nodes, open, since the files go with the node.
    logs: BTreeMap<PathBuf, File>,
}

impl Watch {
    /// Looks at all processes, and at the nodes whose folders are in `temp`.
    pub fn begin(temp: &Path) -> Watch {
        let (over, temp) = (Arc::new(AtomicBool::new(false)), temp.to_owned());
        let until = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !until.load(Ordering::Relaxed) {
                seen.look(&temp);
                std::thread::sleep(Duration::from_millis(2));
            }
            seen
        });
        Watch { over, thread }
    }

    pub fn end(self) -> Seen {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it ends")
    }
}

impl Seen {
    fn look(&mut self, temp: &Path) {
        for process in below(Path::new("/proc")) {
            let Ok(line) = fs::read(process.join("cmdline")) else { continue };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.starts_with("/usr/local/bin/kubelet ") {
                for pod in below(&process.join("root/var/lib/kubelet/pods")) {
                    let volumes = below(&pod.join("volumes/kubernetes.io~projected"));
                    self.tokens.extend(volumes.iter().filter_map(|dir| fs::read_to_string(dir.join("token")).ok()));
                }
            }
            self.arguments.insert(line);
        }
        for log in below(temp).iter().flat_map(|cluster| below(&cluster.join("logs"))) {
            if let (false, Ok(file)) = (self.logs.contains_key(&log), File::open(&log)) {
                self.logs.insert(log, file);
            }
        }
    }

    /// The logs of nodes, by their names.
    pub fn logs(&mut self) -> Vec<(String, String)> {
        let read = |(path, file): (&PathBuf, &mut File)| {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("a log");
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, String::from_utf8_lossy(&bytes).into_owned())
        };
        self.logs.iter_mut().map(read).collect()
    }
}

fn below(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// What the API server is to write down of every request: all but its body and the answer's.
const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n";

/// A cache with a copy of the engine in which the API server is told to write an audit log beside the node's other logs.
pub fn audited() -> tempfile::TempDir {
    let settings = kubewalk::settings::from_env();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let engine = runtime.block_on(kubewalk::cluster::engine::ensure(&settings, &mut |_| ())).expect("it can be built");
    // Beside it, since links cannot lead to another file system.
    let copy = tempfile::Builder::new().prefix("audited-").tempdir_in(&settings.cache).expect("a folder");
    fs::create_dir(copy.path().join("engine")).expect("a folder");
    let status = Command::new("cp").arg("-al").arg(&engine).arg(copy.path().join("engine")).status().expect("cp runs");
    assert!(status.success());
    let programs = copy.path().join("engine").join(engine.file_name().expect("a hash")).join("rootfs/usr/local");
    let (program, ours) = (programs.join("bin/kube-apiserver"), programs.join("audited"));
    fs::create_dir(&ours).expect("a folder");
    fs::write(ours.join("policy.yaml"), POLICY).expect("written");
    symlink(Path::new("../bin").join(fs::read_link(&program).expect("a link")), ours.join("kube-apiserver"))
        .expect("a link");
    fs::remove_file(&program).expect("a link less");
    let script = "#!/bin/sh\nexec /usr/local/audited/kube-apiserver \"$@\" --audit-policy-file=/usr/local/audited/policy.yaml \
                  --audit-log-path=/kubewalk/logs/audit.log\n";
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
    list(&copy.path().join("engine").join(engine.file_name().expect("a hash")));
    copy
}

/// Lists what was changed in the copy's manifest, as a build of it would have done: what is not listed so is not executed.
fn list(engine: &Path) {
    let manifest = engine.join("manifest.json");
    let mut listed: serde_json::Value =
        serde_json::from_slice(&fs::read(&manifest).expect("a manifest")).expect("JSON");
    let local = "rootfs/usr/local";
    let (links, target) = (listed["links"].as_array_mut().expect("links"), format!("{local}/bin/kube-apiserver"));
    let link = links.iter_mut().find(|link| link["path"] == target.as_str()).expect("the program is a link");
    let moved = format!("{local}/audited/kube-apiserver");
    let to = fs::read_link(engine.join(&moved)).expect("a link");
    *link = serde_json::json!({"path": moved, "to": to});
    for path in [target, format!("{local}/audited/policy.yaml")] {
        let bytes = fs::read(engine.join(&path)).expect("a file");
        let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = serde_json::json!({"path": path, "size": bytes.len(), "sha256": sum});
        listed["files"].as_array_mut().expect("files").push(file);
    }
    // The file is shared with the engine that it is a copy of.
    fs::remove_file(&manifest).expect("a manifest less");
    fs::write(&manifest, listed.to_string()).expect("written");
}
