//! kubectl on this machine, for a cluster that exists: with a kubeconfig of ours, which knows one cluster and one user, and in a
//! home of ours, so that nothing of the person's configuration, cache or plugins is read or written.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::{
    client::ConfigExt as _,
    config::{AuthInfo, Kubeconfig},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::process::Command;
use tower::{ServiceBuilder, ServiceExt as _};

use super::login::Login;
use crate::{
    cluster::{ClusterError, client::plugin, own::program},
    given_file, redact,
    sync::locked,
};

/// The most that a file which the person's kubeconfig names may have, in bytes.
const MOST: u64 = 1 << 20;

/// The name of all that is in the kubeconfig.
const NAME: &str = "kubewalk";

/// Variables of the person's environment that kubectl gets: how the network is reached, and nothing about whom.
const PASSED_ON: [&str; 8] =
    ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "SSL_CERT_DIR", "SSL_CERT_FILE"];

/// What the calls of kubectl on this machine share.
#[derive(Debug)]
pub struct Host {
    /// Whether the person said that everything in the cluster may be touched.
    yes: bool,
    /// A private folder: kubectl's home.
    folder: PathBuf,
    /// The cluster's entry.
    cluster: Value,
    /// The person's entry.
    user: AuthInfo,
    /// How kubewalk itself reaches the cluster.
    config: kube::Config,
    calls: AtomicU32,
}

/// A kubeconfig that goes when it is dropped.
#[derive(Debug)]
pub struct Config(PathBuf);

impl Drop for Config {
    fn drop(&mut self) {
        // Its folder goes with the run at the latest.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Host {
    /// For the current context of a kubeconfig.
    ///
    /// # Errors
    /// When a file that it names cannot be read.
    pub fn new(kubeconfig: &Kubeconfig, config: kube::Config, folder: &Path, yes: bool) -> Result<Self, ClusterError> {
        let unusable = |e: &dyn std::fmt::Display| ClusterError::plain(format!("the kubeconfig cannot be used: {e}"));
        let current = kubeconfig.current_context.as_deref().unwrap_or_default();
        let context = kubeconfig.contexts.iter().find(|one| one.name == current).and_then(|one| one.context.as_ref());
        let context = context.ok_or_else(|| unusable(&format!("it has no context {current}")))?;
        let cluster = kubeconfig.clusters.iter().find(|one| one.name == context.cluster);
        let cluster = cluster.and_then(|one| one.cluster.clone()).unwrap_or_default();
        let user = kubeconfig.auth_infos.iter().find(|one| Some(&one.name) == context.user.as_ref());
        let user = user.and_then(|one| one.auth_info.clone()).unwrap_or_default();
        let mut cluster = serde_json::to_value(cluster).map_err(|e| unusable(&e))?;
        flatten(&mut cluster, &["certificate-authority"]).map_err(|e| unusable(&e))?;
        Ok(Host { yes, folder: folder.to_owned(), cluster, user, config, calls: AtomicU32::new(0) })
    }

    /// Whether the person said that everything in the cluster may be touched.
    pub fn yes(&self) -> bool {
        self.yes
    }

    /// kubectl without arguments, ended after so many seconds also when no process is left to end it; and its kubeconfig,
    /// which must live as long.
    ///
    /// # Errors
    /// In one sentence: there is no kubectl, or its kubeconfig cannot be made.
    pub async fn command(&self, login: Login<'_>, seconds: u64) -> Result<(Command, Config), String> {
        let program = program::find("kubectl").map_err(|missing| missing.to_string())?;
        let timeout = program::find("timeout").map_err(|missing| missing.to_string())?;
        let user = match login.user() {
            Some(user) => user,
            None => self.person().await?,
        };
        let file = self.write(&user).map_err(|e| format!("its kubeconfig cannot be written: {e}"))?;
        let mut command = Command::new(timeout);
        command.args(["-s", "KILL", &seconds.to_string()]).arg(program);
        command.env_clear();
        let there = |name: &&str| std::env::var_os(name).map(|value| ((*name).to_owned(), value));
        command.envs(PASSED_ON.iter().filter_map(there));
        command.env("PATH", program::path()).env("HOME", &self.folder);
        command.env("TMPDIR", &self.folder).env("KUBECACHEDIR", self.folder.join("cache")).env("KUBECONFIG", &file.0);
        command.env("KUBECTL_KUBERC", "false").env("LC_ALL", "C.UTF-8").current_dir(&self.folder);
        Ok((command, file))
    }

    /// The person's entry, with all that it names in it.
    async fn person(&self) -> Result<Value, String> {
        let mut user = serde_json::to_value(&self.user).map_err(|e| e.to_string())?;
        let flat = flatten(&mut user, &["client-certificate", "client-key"]);
        flat.map_err(|e| format!("the person's credential cannot be read: {e}"))?;
        if let Some(path) = user["tokenFile"].as_str().map(str::to_owned) {
            // It may be another one each time.
            let token = given_file::read_text(path.as_ref(), MOST);
            let token = token.map_err(|e| format!("the person's token cannot be read: {e}"))?;
            remove(&mut user, &["tokenFile"]);
            if user["token"].is_null() {
                user["token"] = token.trim().into();
            }
        }
        // A plugin is asked by kubewalk itself, which ends it as a whole; kubectl would not.
        if let Some(exec) = &self.config.auth_info.exec {
            let given = plugin::credential(exec).await?;
            if let Some((certificate, key)) = given.certificate {
                user["client-certificate-data"] = STANDARD.encode(certificate).into();
                user["client-key-data"] = STANDARD.encode(key.expose_secret()).into();
            }
            if let Some(token) = given.token {
                user["token"] = token.expose_secret().into();
            }
            remove(&mut user, &["exec"]);
        } else if self.user.auth_provider.is_some()
            && let Some(token) = bearer(&self.config).await?
        {
            remove(&mut user, &["auth-provider"]);
            user["token"] = token.into();
        }
        for secret in ["token", "password"] {
            user[secret].as_str().into_iter().for_each(redact::register);
        }
        Ok(user)
    }

    fn write(&self, user: &Value) -> io::Result<Config> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": NAME,
            "clusters": [{"name": NAME, "cluster": self.cluster}],
            "users": [{"name": NAME, "user": user}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        });
        let path = self.folder.join(format!("kubectl-{}", self.calls.fetch_add(1, Ordering::Relaxed)));
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let config_file = Config(path);
        file.write_all(config.to_string().as_bytes())?;
        Ok(config_file)
    }
}

/// Puts the content of files in the place of their names.
fn flatten(entry: &mut Value, keys: &[&str]) -> io::Result<()> {
    for key in keys {
        let data = format!("{key}-data");
        if let (Some(path), true) = (entry[*key].as_str(), entry[&data].is_null()) {
            entry[&data] = STANDARD.encode(given_file::read(path.as_ref(), MOST)?).into();
        }
        remove(entry, &[key]);
    }
    remove(entry, &["extensions"]);
    remove_nulls(entry);
    Ok(())
}

fn remove_nulls(entry: &mut Value) {
    if let Some(map) = entry.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
}

fn remove(entry: &mut Value, keys: &[&str]) {
    if let Some(map) = entry.as_object_mut() {
        keys.iter().for_each(|key| drop(map.remove(*key)));
    }
}

/// The bearer token with which kubewalk itself asks, from wherever the person's entry gets it.
async fn bearer(config: &kube::Config) -> Result<Option<String>, String> {
    let failed = |e: &dyn std::fmt::Display| format!("the person's credential plugin gave none: {e}");
    let seen = Arc::new(Mutex::new(None));
    let note = Arc::clone(&seen);
    let keep = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let header = request.headers().get(http::header::AUTHORIZATION).cloned();
        *locked(&note) = header;
        std::future::ready(Ok::<_, tower::BoxError>(http::Response::new(kube::client::Body::empty())))
    });
    let service = ServiceBuilder::new()
        .option_layer(config.auth_layer().map_err(|e| failed(&e))?)
        .map_err(tower::BoxError::from)
        .service(keep);
    let request = http::Request::new(kube::client::Body::empty());
    service.oneshot(request).await.map_err(|e| failed(&e))?;
    let header = locked(&seen).take();
    Ok(header.and_then(|header| header.to_str().ok()?.strip_prefix("Bearer ").map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn given(user: &str, folder: &Path) -> Kubeconfig {
        std::fs::write(folder.join("ca"), "a certificate").expect("written");
        let text = format!(
            "current-context: it\n\
             clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1', certificate-authority: '{0}/ca'}}}}, {{name: prod, cluster: {{server: 'https://prod'}}}}]\n\
             contexts: [{{name: it, context: {{cluster: c, user: u}}}}, {{name: prod, context: {{cluster: prod, user: p}}}}]\n\
             users: [{{name: u, user: {user}}}, {{name: p, user: {{token: of-prod}}}}]\n",
            folder.display(),
        );
        Kubeconfig::from_yaml(&text).expect("a kubeconfig")
    }

    async fn host(user: &str, folder: &Path) -> Host {
        let kubeconfig = given(user, folder);
        let mut config = kube::Config::new("https://127.0.0.1:1".parse().expect("an address"));
        config.auth_info = kubeconfig.auth_infos[0].auth_info.clone().expect("a user");
        Host::new(&kubeconfig, config, folder, false).expect("a host")
    }

    async fn written(host: &Host, login: Login<'_>) -> (Value, Vec<(String, Option<String>)>) {
        let (command, file) = host.command(login, 5).await.expect("a command");
        let text = std::fs::read_to_string(&file.0).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.0.metadata().expect("there").permissions());
        assert_eq!(mode & 0o777, 0o600);
        let text_of = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        let variables = command.as_std().get_envs().map(|(name, value)| (text_of(name), value.map(text_of))).collect();
        assert!(command.as_std().get_args().all(|word| !word.to_string_lossy().contains("very-secret")));
        let path = file.0.clone();
        drop(file);
        assert!(!path.exists());
        (serde_json::from_str(&text).expect("JSON"), variables)
    }

    #[tokio::test]
    async fn its_kubeconfig_knows_one_cluster_and_one_user() {
        let folder = tempfile::tempdir().expect("a folder");
        let host = host("{token: very-secret}", folder.path()).await;
        let (config, variables) = written(&host, Login::Administrator).await;
        assert_eq!(config["users"], json!([{"name": "kubewalk", "user": {"token": "very-secret"}}]));
        let cluster =
            json!({"server": "https://127.0.0.1:1", "certificate-authority-data": STANDARD.encode("a certificate")});
        assert_eq!(config["clusters"], json!([{"name": "kubewalk", "cluster": cluster}]));
        assert_eq!(config["contexts"].as_array().map(Vec::len), Some(1));
        let value = |name: &str| variables.iter().find(|(one, _)| one == name).and_then(|(_, value)| value.clone());
        let home = folder.path().display().to_string();
        assert_eq!((value("HOME"), value("KUBECTL_KUBERC")), (Some(home), Some("false".to_owned())));
        assert!(variables.iter().all(|(_, value)| !value.as_deref().unwrap_or_default().contains("very-secret")));
        // Nothing of the person's clouds: no variable but these comes from the environment.
        let ours = ["PATH", "HOME", "TMPDIR", "KUBECACHEDIR", "KUBECONFIG", "KUBECTL_KUBERC", "LC_ALL"];
        let others: Vec<_> = variables.iter().filter(|(name, _)| !ours.contains(&name.as_str())).collect();
        assert!(others.iter().all(|(name, _)| PASSED_ON.contains(&name.as_str())), "{others:?}");
    }

    #[tokio::test]
    async fn who_asks_instead_brings_nothing_of_the_person() {
        let folder = tempfile::tempdir().expect("a folder");
        let host = host("{token: of-the-person, as: jane}", folder.path()).await;
        let token = SecretString::from("very-secret");
        let (config, _) = written(&host, Login::Token(&token)).await;
        assert_eq!(config["users"][0]["user"], json!({"token": "very-secret"}));
        let (config, _) = written(&host, Login::Nobody).await;
        assert_eq!(config["users"][0]["user"], json!({"token": " "}));
        let (config, _) = written(&host, Login::Administrator).await;
        assert_eq!(config["users"][0]["user"], json!({"token": "of-the-person", "as": "jane"}));
    }

    #[tokio::test]
    async fn a_plugin_is_asked_by_kubewalk_and_not_by_kubectl() {
        let folder = tempfile::tempdir().expect("a folder");
        let says = r#"{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "of-the-plugin"}}"#;
        std::fs::write(folder.path().join("says"), says).expect("written");
        let user = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: cat, args: ['{}/says'], interactiveMode: Never}}}}",
            folder.path().display()
        );
        let host = host(&user, folder.path()).await;
        let (config, _) = written(&host, Login::Administrator).await;
        assert_eq!(config["users"][0]["user"], json!({"token": "of-the-plugin"}));
    }

    #[tokio::test]
    async fn files_that_are_named_are_read_and_not_passed_on() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["cert", "key", "token"] {
            std::fs::write(folder.path().join(name), format!("a {name}\n")).expect("written");
        }
        let at = folder.path().display();
        let user = format!("{{client-certificate: '{at}/cert', client-key: '{at}/key', tokenFile: '{at}/token'}}");
        let host = host(&user, folder.path()).await;
        let (config, _) = written(&host, Login::Administrator).await;
        let data = |text: &str| STANDARD.encode(text);
        let expected = json!({"token": "a token", "client-certificate-data": data("a cert\n"), "client-key-data": data("a key\n")});
        assert_eq!(config["users"][0]["user"], expected);
    }
}
