//! Where Docker is: what `DOCKER_HOST` says, else Docker's context, else the first of its usual sockets that is there.
//!
//! Docker's own command line goes by contexts, and so do the commands that kubewalk starts (`kind`). testcontainers knows only the
//! variable, and cannot be told otherwise. So [`enter`] begins this program anew with the variable, when another place than
//! testcontainers' own is meant. In a test program that cannot be done; there [`refused`] says what to set.

use std::{
    io::ErrorKind,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{given_file, settings};

/// The most that one of Docker's own files may have, in bytes.
const MOST: u64 = 16 << 20;

/// A Docker that is not where testcontainers looks by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As `DOCKER_HOST` says it.
    pub host: String,
    /// The folder with the certificates of TLS.
    pub certificates: Option<PathBuf>,
    /// Who says so, in a few words.
    pub by: String,
}

/// Why it is not known where Docker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: &'static str,
}

/// What a look needs of the machine.
struct Machine<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    config: Option<PathBuf>,
    is_there: &'a dyn Fn(&Path) -> bool,
}

/// Where Docker is. `None`: where `DOCKER_HOST` says, or at the usual place.
///
/// # Errors
/// When a context is chosen that is not there, cannot be read, or leads to where nothing here can go.
pub fn find() -> Result<Option<Place>, Unknown> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    Machine { variable: &variable, config: settings::docker_config(), is_there: &there_and_ours }.find()
}

impl Machine<'_> {
    fn find(&self) -> Result<Option<Place>, Unknown> {
        if (self.variable)("DOCKER_HOST").is_some() {
            return Ok(None);
        }
        let (name, by) = match (self.variable)("DOCKER_CONTEXT") {
            Some(name) => (Some(name), "DOCKER_CONTEXT"),
            None => (self.current_context()?, "`docker context use`"),
        };
        match name.as_deref() {
            None | Some("default") => Ok(self.socket()),
            Some(name) => self.context(name, by).map(Some),
        }
    }

    /// The context that Docker's own file names.
    fn current_context(&self) -> Result<Option<String>, Unknown> {
        let Some(file) = self.config.as_deref().filter(|file| file.exists()) else { return Ok(None) };
        // A user without contexts has often no file that others may read, and needs none.
        let Ok(config) = json(file) else { return Ok(None) };
        Ok(config["currentContext"].as_str().filter(|name| !name.is_empty()).map(str::to_owned))
    }

    /// What Docker's own store says of a context.
    fn context(&self, name: &str, by: &str) -> Result<Place, Unknown> {
        let shown = name.escape_debug();
        let wrong = |why: String| Unknown {
            what: format!("the Docker context `{shown}`, which {by} chooses, {why}"),
            remedy: "see `docker context ls`, choose another, or say where Docker is with DOCKER_HOST",
        };
        let store = self.config.as_deref().and_then(Path::parent).map(|folder| folder.join("contexts"));
        let store = store.ok_or_else(|| wrong("cannot be looked up without a home folder".into()))?;
        let id: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = store.join("meta").join(&id).join("meta.json");
        if !file.exists() {
            return Err(wrong("is not there".into()));
        }
        let meta = json(&file).map_err(|why| wrong(format!("cannot be read: {} {why}", file.display())))?;
        let host = meta["Endpoints"]["docker"]["Host"].as_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("names no Docker".into()))?;
        if !["unix://", "tcp://", "http://", "https://"].iter().any(|scheme| host.starts_with(scheme)) {
            let shown = host.split("://").next().unwrap_or_default().escape_debug().to_string();
            return Err(wrong(format!("leads there by `{shown}`, which kubewalk cannot do; run it on that machine")));
        }
        let certificates = Some(store.join("tls").join(&id).join("docker")).filter(|folder| folder.is_dir());
        Ok(Place { host: host.to_owned(), certificates, by: format!("the Docker context `{shown}` of {by}") })
    }

    /// The first socket that is there and that testcontainers does not find by itself: of a Docker without root, then of Podman.
    fn socket(&self) -> Option<Place> {
        let below = |variable: &str, name: &str| Some(PathBuf::from((self.variable)(variable)?).join(name));
        let found_by_itself = [
            Some(PathBuf::from("/var/run/docker.sock")),
            below("XDG_RUNTIME_DIR", ".docker/run/docker.sock"),
            below("HOME", ".docker/run/docker.sock"),
            below("HOME", ".docker/desktop/docker.sock"),
        ];
        if found_by_itself.into_iter().flatten().any(|path| (self.is_there)(&path)) {
            return None;
        }
        let others = [
            (below("XDG_RUNTIME_DIR", "docker.sock"), "the socket of a Docker without root"),
            (below("XDG_RUNTIME_DIR", "podman/podman.sock"), "the socket of a Podman without root"),
            (Some(PathBuf::from("/run/podman/podman.sock")), "the socket of Podman"),
        ];
        let found = others.into_iter().find_map(|(path, by)| Some((path.filter(|path| (self.is_there)(path))?, by)));
        found.map(|(path, by)| Place {
            host: format!("unix://{}", path.display()),
            certificates: None,
            by: by.to_owned(),
        })
    }
}

/// Whether a socket is there that root, this user, or sudo's caller has made. `XDG_RUNTIME_DIR` may be any user's folder.
fn there_and_ours(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| given_file::is_ours(&about))
}

/// One of Docker's own files, if no other user can have written it.
fn json(path: &Path) -> Result<Value, String> {
    let (file, about) = given_file::open(path).map_err(|e| format!("cannot be opened: {e}"))?;
    if !given_file::is_ours(&about) {
        return Err(format!("belongs to another user ({})", about.uid()));
    }
    if about.mode() & 0o022 != 0 {
        return Err("can be written by others".into());
    }
    let text = given_file::text_within(file, MOST).map_err(|e| e.to_string())?;
    serde_json::from_str(&text).map_err(|e| format!("is no JSON: {e}"))
}

/// Begins this program anew with `DOCKER_HOST`, if Docker is elsewhere than testcontainers looks. Comes back if it is not, or if that
/// is not known; a caller that then speaks to Docker hears why, by [`refused`].
pub fn enter() {
    let Ok(Some(place)) = find() else { return };
    let mut command = Command::new("/proc/self/exe");
    if !cfg!(target_os = "linux") {
        let Ok(own) = std::env::current_exe() else { return };
        command = Command::new(own);
    }
    let mut words = std::env::args_os();
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    command.args(words).env("DOCKER_HOST", &place.host);
    if let Some(folder) = &place.certificates {
        command.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", folder);
    }
    // If it cannot begin, this one goes on and says by itself where Docker should be.
    let _ = command.exec();
}

/// Why Docker cannot be spoken to from here, if that is so: what is wrong, and what to do.
pub fn refused() -> Option<(String, String)> {
    match find() {
        Ok(None) => endless_certificate(),
        Ok(Some(place)) => Some((
            format!(
                "Docker is at {} (by {}), and this program looks for it where DOCKER_HOST says",
                place.host, place.by
            ),
            format!("export DOCKER_HOST={}", place.host),
        )),
        Err(unknown) => Some((unknown.what, unknown.remedy.to_owned())),
    }
}

/// Which of the files with Docker's certificates has no end, and what to do.
fn endless_certificate() -> Option<(String, String)> {
    let folder = PathBuf::from(std::env::var_os("DOCKER_CERT_PATH").filter(|folder| !folder.is_empty())?);
    let wrong = |name: &str| {
        let file = folder.join(name);
        let e = given_file::read(&file, MOST).err().filter(|e| e.kind() != ErrorKind::NotFound)?;
        Some((
            format!("DOCKER_CERT_PATH has {}, and it cannot be used: {e}", file.display()),
            "let DOCKER_CERT_PATH name the folder with ca.pem, cert.pem and key.pem".to_owned(),
        ))
    };
    ["ca.pem", "cert.pem", "key.pem"].into_iter().find_map(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with these variables, files of Docker's, and sockets.
    fn look(variables: &[(&str, &str)], config: &Path, sockets: &[&str]) -> Result<Option<Place>, Unknown> {
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let is_there = |path: &Path| sockets.iter().any(|socket| path == Path::new(socket));
        Machine { variable: &variable, config: Some(config.join("config.json")), is_there: &is_there }.find()
    }

    fn store(folder: &Path, name: &str, host: &str) {
        let id: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
        let meta = folder.join("contexts/meta").join(id);
        std::fs::create_dir_all(&meta).expect("a folder");
        let text = serde_json::json!({"Name": name, "Endpoints": {"docker": {"Host": host}}}).to_string();
        std::fs::write(meta.join("meta.json"), text).expect("written");
    }

    fn host(found: Result<Option<Place>, Unknown>) -> Option<String> {
        found.expect("known").map(|place| place.host)
    }

    #[test]
    fn the_variable_is_first_then_the_context_then_the_sockets() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let usual = ["/var/run/docker.sock", "/run/u/docker.sock"];
        assert_eq!(host(look(&[], at, &usual)), None);
        store(at, "mine", "unix:///run/u/docker.sock");
        store(at, "far", "tcp://10.0.0.7:2376");
        std::fs::write(at.join("config.json"), r#"{"currentContext": "mine"}"#).expect("written");
        assert_eq!(host(look(&[], at, &usual)).as_deref(), Some("unix:///run/u/docker.sock"));
        assert_eq!(host(look(&[("DOCKER_CONTEXT", "far")], at, &usual)).as_deref(), Some("tcp://10.0.0.7:2376"));
        assert_eq!(host(look(&[("DOCKER_CONTEXT", "default")], at, &usual)), None);
        assert_eq!(host(look(&[("DOCKER_HOST", "unix:///x"), ("DOCKER_CONTEXT", "far")], at, &usual)), None);
    }

    #[test]
    fn a_context_that_leads_nowhere_is_told_and_never_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let told =
            |name: &str| look(&[("DOCKER_CONTEXT", name)], at, &["/var/run/docker.sock"]).expect_err("it is told").what;
        assert_eq!(told("gone"), "the Docker context `gone`, which DOCKER_CONTEXT chooses, is not there");
        store(at, "ssh", "ssh://me@there");
        assert!(told("ssh").ends_with("leads there by `ssh`, which kubewalk cannot do; run it on that machine"));
        store(at, "empty", "");
        assert!(told("empty").ends_with("names no Docker"));
        assert!(told("a\u{1b}[2Jb").starts_with("the Docker context `a\\u{1b}[2Jb`"));
        // Another user's words about where Docker is count for nothing.
        use std::os::unix::fs::PermissionsExt as _;
        store(at, "open", "tcp://10.0.0.7:1");
        let id: String = Sha256::digest("open").iter().map(|byte| format!("{byte:02x}")).collect();
        let meta = at.join("contexts/meta").join(id).join("meta.json");
        std::fs::set_permissions(meta, std::fs::Permissions::from_mode(0o666)).expect("a mode");
        assert!(told("open").ends_with("can be written by others"), "{}", told("open"));
    }

    #[test]
    fn a_docker_without_root_and_podman_are_found_by_their_sockets() {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = [("XDG_RUNTIME_DIR", "/run/user/7"), ("HOME", "/home/me")];
        let found = |sockets: &[&str]| host(look(&runtime, folder.path(), sockets));
        let (podman, docker) = ("/run/user/7/podman/podman.sock", "/run/user/7/docker.sock");
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[docker, podman]).as_deref(), Some("unix:///run/user/7/docker.sock"));
        assert_eq!(
            found(&[podman, "/run/podman/podman.sock"]).as_deref(),
            Some("unix:///run/user/7/podman/podman.sock")
        );
        assert_eq!(found(&["/run/podman/podman.sock"]).as_deref(), Some("unix:///run/podman/podman.sock"));
        assert_eq!(found(&[docker, "/home/me/.docker/desktop/docker.sock"]), None, "testcontainers finds that one");
    }

    #[test]
    fn a_socket_of_another_user_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("docker.sock");
        std::fs::write(&socket, "").expect("written");
        assert!(there_and_ours(&socket));
        assert!(!there_and_ours(&folder.path().join("none")));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&socket, Some(4711), None).expect("another owner");
            assert!(!there_and_ours(&socket));
        }
    }

    #[test]
    fn certificates_of_a_context_are_used() {
        let folder = tempfile::tempdir().expect("a folder");
        store(folder.path(), "far", "tcp://10.0.0.7:2376");
        let id: String = Sha256::digest("far").iter().map(|byte| format!("{byte:02x}")).collect();
        let tls = folder.path().join("contexts/tls").join(id).join("docker");
        std::fs::create_dir_all(&tls).expect("a folder");
        let place = look(&[("DOCKER_CONTEXT", "far")], folder.path(), &[]).expect("known").expect("a place");
        assert_eq!(place.certificates, Some(tls));
    }
}
