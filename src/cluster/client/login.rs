//! The logins of `docker login`: a registry gives more to those who are known.

pub use docker_credential::DockerCredential;
use docker_credential::{CredentialRetrievalError, get_credential_from_reader};
use serde_json::Value;
use tokio::process::Command;

use super::plugin;
use crate::cluster::own::program;
use crate::{given_file, process, redact, settings};

/// Docker Hub's name in Docker's own file.
const HUB: &str = "https://index.docker.io/v1/";

/// The most that Docker's own file may have, in bytes.
const MOST_CONFIG: u64 = 16 << 20;

/// What a helper calls the user of an identity token.
const TOKEN: &str = "<token>";

/// The login for an image's registry, if there is one.
///
/// # Errors
/// Why a credential helper gave none although it was asked, in one sentence; without a login a pull is possible.
pub async fn login_for(image: &str) -> Result<Option<DockerCredential>, String> {
    let Some(path) = settings::docker_config() else { return Ok(None) };
    let Ok(text) = given_file::read(&path, MOST_CONFIG) else { return Ok(None) };
    let Ok(config) = serde_json::from_slice::<Value>(&text) else { return Ok(None) };
    let login = login(config, registry(image)).await?;
    if let Some(DockerCredential::IdentityToken(secret) | DockerCredential::UsernamePassword(_, secret)) = &login {
        redact::register(secret);
    }
    Ok(login)
}

/// The login in Docker's own file, or of the helper that it names.
async fn login(mut config: Value, server: &str) -> Result<Option<DockerCredential>, String> {
    let take =
        |config: &mut Value, key: &str| config.as_object_mut().and_then(|map| map.remove(key)).unwrap_or_default();
    let (own, all) = (take(&mut config, "credHelpers"), take(&mut config, "credsStore"));
    let named = |helper: &Value| helper.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    if let Some(name) = named(&own[server]) {
        return helper(&name, server).await;
    }
    match (get_credential_from_reader(config.to_string().as_bytes(), server), named(&all)) {
        (Ok(credential), _) => Ok(Some(credential)),
        (Err(CredentialRetrievalError::NoCredentialConfigured), Some(name)) => helper(&name, server).await,
        (Err(_), _) => Ok(None),
    }
}

/// Asks a helper, as Docker does.
async fn helper(name: &str, server: &str) -> Result<Option<DockerCredential>, String> {
    let name = format!("docker-credential-{name}");
    if name.contains('/') {
        return Err(format!("the credential helper {name} is no name of a program"));
    }
    let program = program::find(&name).map_err(|missing| format!("the credential helper {missing}"))?;
    let mut command = Command::new(program);
    command.arg("get").env("PATH", program::path());
    let said = process::output(&mut command, Some(server.as_bytes()), plugin::ANSWERS_WITHIN, plugin::MOST).await;
    let said = said.map_err(|failed| format!("the credential helper {name} {failed}"))?;
    let stdout = String::from_utf8_lossy(&said.stdout);
    if !said.status.success() {
        // What helpers say of a server that they do not know.
        if stdout.contains("credentials not found") {
            return Ok(None);
        }
        return Err(format!(
            "the credential helper {name} failed ({}){}",
            said.status,
            plugin::stderr_in_words(&said.stderr)
        ));
    }
    let answer: Value = serde_json::from_str(&stdout).unwrap_or_default();
    let (Some(user), Some(secret)) = (answer["Username"].as_str(), answer["Secret"].as_str()) else {
        return Err(format!("the credential helper {name} gave no answer with Username and Secret"));
    };
    Ok(Some(match user {
        TOKEN => DockerCredential::IdentityToken(secret.to_owned()),
        user => DockerCredential::UsernamePassword(user.to_owned(), secret.to_owned()),
    }))
}

/// The first part of a name is a registry when it looks like a host, as for Docker itself.
pub fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some(("docker.io" | "index.docker.io" | "registry-1.docker.io", _)) => HUB,
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => HUB,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_without_a_host_is_docker_hubs() {
        assert_eq!(registry("rancher/k3s:v1"), HUB);
        assert_eq!(registry("docker.io/curlimages/curl:8"), HUB);
        assert_eq!(registry("registry-1.docker.io/curlimages/curl:8"), HUB);
        assert_eq!(registry("mirror.example:5000/rancher/k3s:v1"), "mirror.example:5000");
        assert_eq!(registry("localhost/k3s"), "localhost");
    }

    #[tokio::test]
    async fn what_the_file_has_needs_no_helper_unless_one_is_for_this_registry() {
        // `a:b`
        let config = json!({"auths": {"r.example": {"auth": "YTpi"}}, "credsStore": "kubewalk-none"});
        let found = login(config.clone(), "r.example").await.expect("a login").expect("one");
        assert_eq!(found, DockerCredential::UsernamePassword("a".into(), "b".into()));
        let missing = "the credential helper docker-credential-kubewalk-none is not on the PATH";
        assert_eq!(login(config.clone(), "other.example").await.expect_err("no helper"), missing);
        let mut own = config;
        own["credHelpers"] = json!({"r.example": "kubewalk-none"});
        assert_eq!(login(own, "r.example").await.expect_err("no helper"), missing);
        assert_eq!(login(json!({}), "r.example").await, Ok(None));
    }
}
