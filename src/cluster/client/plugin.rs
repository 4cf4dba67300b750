//! Programs that give credentials: the plugins of a kubeconfig (`exec:`) and the helpers of `docker login`.
//!
//! The libraries start them as they are, without a deadline and without an end to what they start themselves. So kubewalk starts
//! them: as a process group that ends as a whole, in a limited time, with a limited output, and without a terminal.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use crate::{
    cluster::{
        ClusterError,
        own::program::{self, Missing},
    },
    process, redact,
    sync::locked,
};

/// How long a program may take: it may ask a service elsewhere.
pub(in crate::cluster) const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// The most that it may write: a credential is some kB.
pub(in crate::cluster) const MOST: usize = 1 << 20;

/// So long before its end a credential is asked for anew.
const AHEAD: SignedDuration = SignedDuration::from_secs(10);

/// The versions of the protocol that client-go speaks, too.
const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// A shorter value in its environment is a word of its settings, as `dev`.
const SHORTEST_SECRET: usize = 8;

/// What a plugin gave.
#[derive(Debug, Clone, Default)]
pub struct Credential {
    /// A bearer token.
    pub token: Option<SecretString>,
    /// A certificate and its key, as PEM.
    pub certificate: Option<(String, SecretString)>,
    /// When it ends, if the plugin says so.
    expires: Option<Timestamp>,
}

/// The answer of a plugin.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

type Kept = Arc<tokio::sync::Mutex<Option<Credential>>>;

/// What each plugin gave, so that the clients of a run share it.
static KNOWN: OnceLock<Mutex<HashMap<String, Kept>>> = OnceLock::new();

/// The credential of a plugin: the one that is known as long as it is good, else a new one.
///
/// # Errors
/// In one sentence.
pub async fn credential(exec: &ExecConfig) -> Result<Credential, String> {
    // The same command for another cluster may give another credential.
    let key = format!("{}{}", json!(exec), json!(exec.cluster));
    let kept = {
        let mut known = locked(KNOWN.get_or_init(Mutex::default));
        Arc::clone(known.entry(key).or_default())
    };
    let mut kept = kept.lock().await;
    if let Some(good) = &*kept
        && good.expires.is_none_or(|end| Timestamp::now() + AHEAD < end)
    {
        return Ok(good.clone());
    }
    let new = ask(exec).await?;
    *kept = Some(new.clone());
    Ok(new)
}

/// Words in the names of variables whose values are secret; a name that ends otherwise is about a file or an address.
const SECRETS: [&str; 6] = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "ACCESS_KEY", "API_KEY"];
const ENDS: [&str; 6] = ["_FILE", "_PATH", "_DIR", "_URL", "_URI", "_ID"];

/// Keeps out of every text what a plugin is given that is secret: the plugins of clouds go by the person's environment
/// (`AWS_SECRET_ACCESS_KEY`, `AZURE_CLIENT_SECRET`), which they need, and may repeat it where they fail.
fn learn_given<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) {
    for (name, value) in variables {
        let upper = name.to_ascii_uppercase();
        let secret = SECRETS.iter().any(|word| upper.contains(word)) && !ENDS.iter().any(|end| upper.ends_with(end));
        if secret && value.len() >= SHORTEST_SECRET && !value.starts_with('/') {
            redact::register(value);
        }
    }
}

async fn ask(exec: &ExecConfig) -> Result<Credential, String> {
    let name = exec.command.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or("the kubeconfig has a credential plugin without a command")?;
    let version = exec.api_version.as_deref().unwrap_or_default();
    if !VERSIONS.contains(&version) {
        return Err(format!(
            "the credential plugin {name} has the apiVersion `{version}`; known are {}",
            VERSIONS.join(", ")
        ));
    }
    if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
        return Err(format!(
            "the credential plugin {name} wants a terminal (`interactiveMode: Always`), and a run has none for it"
        ));
    }
    let program = program::find(name).map_err(|missing| match (&missing, &exec.install_hint) {
        (Missing::NotThere(_), Some(hint)) => format!("the credential plugin {missing}: {hint}"),
        _ => format!("the credential plugin {missing}"),
    })?;
    let mut spec = json!({"interactive": false});
    if exec.provide_cluster_info {
        spec["cluster"] = json!(exec.cluster);
    }
    let info = json!({"apiVersion": version, "kind": "ExecCredential", "spec": spec});
    let mut command = Command::new(program);
    command.args(exec.args.iter().flatten()).env("PATH", program::path());
    for entry in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (entry.get("name"), entry.get("value")) {
            command.env(name, value);
        }
    }
    command.env("KUBERNETES_EXEC_INFO", info.to_string());
    let own: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    learn_given(own.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let given = exec.env.iter().flatten().filter_map(|entry| Some((entry.get("name")?, entry.get("value")?)));
    learn_given(given.map(|(name, value)| (name.as_str(), value.as_str())));
    let said = process::output(&mut command, None, ANSWERS_WITHIN, MOST).await;
    let said = said.map_err(|failed| format!("the credential plugin {name} {failed}"))?;
    if !said.status.success() {
        // What the kubeconfig hands to it may be a secret, and a plugin may repeat it.
        let given = exec.env.iter().flatten().filter_map(|entry| entry.get("value"));
        let given: Vec<&str> = given.map(String::as_str).filter(|value| value.len() >= SHORTEST_SECRET).collect();
        let words = given.iter().fold(stderr_in_words(&said.stderr), |words, value| words.replace(value, redact::DATA));
        return Err(format!("the credential plugin {name} failed ({}){words}", said.status));
    }
    read(&said.stdout, version).map_err(|why| format!("the answer of the credential plugin {name} {why}"))
}

/// Why not, as the end of a sentence; nothing of what was read is repeated, since it may be a credential.
fn read(stdout: &[u8], version: &str) -> Result<Credential, String> {
    let text = String::from_utf8_lossy(stdout);
    let answer: Answer =
        serde_saphyr::from_str(&text).map_err(|_| "is no ExecCredential in JSON or YAML".to_owned())?;
    if answer.kind != "ExecCredential" || answer.api_version != version {
        return Err(format!("is not an ExecCredential of {version}"));
    }
    let status = answer.status.ok_or("has no status")?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (token, certificate, key) =
        (filled(status.token), filled(status.client_certificate_data), filled(status.client_key_data));
    token.iter().chain(&key).for_each(|secret| redact::register(secret));
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, SecretString::from(key))),
        (None, None) => None,
        _ => return Err("has only one of clientCertificateData and clientKeyData".into()),
    };
    if token.is_none() && certificate.is_none() {
        return Err("has neither a token nor a certificate".into());
    }
    let expires = match filled(status.expiration_timestamp) {
        Some(text) => Some(text.parse().map_err(|_| "has an expirationTimestamp that is no time".to_owned())?),
        None => None,
    };
    Ok(Credential { token: token.map(SecretString::from), certificate, expires })
}

/// The last of what a program had to say, for an error.
pub(in crate::cluster) fn stderr_in_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(3)..].join("; ");
    if last.is_empty() { last } else { format!(": {}", last.chars().take(500).collect::<String>()) }
}

/// Asks the plugin of a config, if it has one: what it gives for the connection comes into the config, and a token is put into
/// each request by [`super::access::client`].
///
/// # Errors
/// What the plugin lacks; that it is one that Kubernetes has removed.
pub async fn settle(config: &mut kube::Config) -> Result<(), ClusterError> {
    removed(&config.auth_info)?;
    let Some(exec) = &config.auth_info.exec else { return Ok(()) };
    let remedy = "try `kubectl get --raw /version` with the same context: what kubectl says there helps";
    let given = credential(exec).await.map_err(|why| ClusterError::new(why, remedy))?;
    if let Some((certificate, key)) = given.certificate {
        config.auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
        config.auth_info.client_key_data = Some(SecretString::from(STANDARD.encode(key.expose_secret())));
    }
    Ok(())
}

/// The commands of an `auth-provider`, which kube would start by itself.
fn removed(user: &AuthInfo) -> Result<(), ClusterError> {
    match &user.auth_provider {
        Some(provider) if provider.config.contains_key("cmd-path") => Err(ClusterError::new(
            format!(
                "the kubeconfig gets its credential from the command of the auth-provider {}, which Kubernetes has removed in 1.26",
                provider.name
            ),
            "write it as a plugin (`exec:`); your provider's tool does so (gcloud container clusters get-credentials)",
        )),
        _ => Ok(()),
    }
}

/// A request with the token of a plugin.
///
/// # Errors
/// What the plugin lacks.
pub async fn signed<B>(mut request: http::Request<B>, exec: &ExecConfig) -> Result<http::Request<B>, String> {
    if let Some(token) = credential(exec).await?.token {
        let header = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
        let mut header =
            header.map_err(|_| "the token of the credential plugin has letters that no header may have")?;
        header.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, header);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = VERSIONS[0];

    fn exec(script: &str) -> ExecConfig {
        let config =
            json!({"apiVersion": V1, "command": "sh", "args": ["-c", script], "interactiveMode": "IfAvailable"});
        serde_json::from_value(config).expect("a plugin")
    }

    fn says(status: &serde_json::Value) -> String {
        json!({"apiVersion": V1, "kind": "ExecCredential", "status": status}).to_string()
    }

    #[tokio::test]
    async fn a_plugin_gets_what_the_protocol_says_and_no_terminal() {
        let script = r#"read x && exit 9; case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) ;; *) exit 8;; esac
            printf '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t-%s"}}' "$MORE""#;
        let mut exec = exec(script);
        exec.env = Some(vec![HashMap::from([("name".into(), "MORE".into()), ("value".into(), "more".into())])]);
        let given = credential(&exec).await.expect("a credential");
        assert_eq!(given.token.expect("a token").expose_secret(), "t-more");
        let signed = signed(http::Request::new(()), &exec).await.expect("signed");
        assert_eq!(signed.headers()[AUTHORIZATION], "Bearer t-more");
    }

    #[tokio::test]
    async fn a_plugin_gets_the_persons_environment_and_its_secrets_stay_out_of_every_text() {
        // What a test runs in has this; a plugin of a cloud looks for AWS_PROFILE and its like in the same way.
        let answer = says(&json!({"token": "t"}));
        let script = format!(r#"test -n "$HOME" && echo '{answer}'"#);
        assert!(credential(&exec(&script)).await.is_ok());
        let given = [
            ("AWS_SECRET_ACCESS_KEY", "aws-value-of-a-test", true),
            ("AAD_SERVICE_PRINCIPAL_CLIENT_SECRET", "aad-value-of-a-test", true),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "file-of-a-test", false),
            ("AWS_PROFILE", "profile-of-a-test", false),
            ("AZURE_CONFIG_DIR", "folder-of-a-test", false),
        ];
        learn_given(given.iter().map(|(name, value, _)| (*name, *value)));
        for (name, value, secret) in given {
            assert_eq!(redact::redact(value) != value, secret, "{name}");
        }
    }

    #[tokio::test]
    async fn it_is_asked_again_only_when_its_credential_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        for (end, asked) in [("2020-01-01T00:00:00Z", 2), ("2999-01-01T00:00:00Z", 1)] {
            let count = folder.path().join(asked.to_string());
            let answer = says(&json!({"token": "t", "expirationTimestamp": end}));
            let exec = exec(&format!("echo x >> {}; echo '{answer}'", count.display()));
            for _ in 0..2 {
                credential(&exec).await.expect("a credential");
            }
            assert_eq!(std::fs::read_to_string(count).expect("written").lines().count(), asked);
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_it_is_said_without_its_answer() {
        for (script, words) in [
            ("echo no login >&2; exit 3".to_owned(), "the credential plugin sh failed (exit status: 3): no login"),
            ("echo hunter2".into(), "the answer of the credential plugin sh is no ExecCredential in JSON or YAML"),
            (
                format!("echo '{}'", says(&json!({}))),
                "the answer of the credential plugin sh has neither a token nor a certificate",
            ),
            (
                format!("echo '{}'", says(&json!({"clientKeyData": "hunter2"}))),
                "the answer of the credential plugin sh has only one of clientCertificateData and clientKeyData",
            ),
            ("cat /dev/zero".into(), "the credential plugin sh wrote more than 1024 KiB, and was ended"),
        ] {
            assert_eq!(credential(&exec(&script)).await.expect_err("no credential"), words);
        }
        let mut other = exec("true");
        other.command = Some("kubewalk-no-such-plugin".into());
        other.install_hint = Some("apt install it".into());
        let said = credential(&other).await.expect_err("no program");
        assert_eq!(said, "the credential plugin kubewalk-no-such-plugin is not on the PATH: apt install it");
        other.interactive_mode = Some(ExecInteractiveMode::Always);
        assert!(credential(&other).await.expect_err("no terminal").contains("wants a terminal"));
    }
}
