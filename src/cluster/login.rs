//! The logins of `docker login`: a registry gives more to those who are known.

use docker_credential::{DockerCredential, get_credential};
use testcontainers::bollard::auth::DockerCredentials;

/// Docker Hub's name in Docker's own file.
const HUB: &str = "https://index.docker.io/v1/";

/// The login for an image's registry, if there is one.
pub fn of(image: &str) -> Option<DockerCredentials> {
    let server = registry(image);
    Some(match get_credential(server).ok()? {
        DockerCredential::IdentityToken(token) => DockerCredentials {
            identitytoken: Some(token),
            serveraddress: Some(server.to_owned()),
            ..DockerCredentials::default()
        },
        DockerCredential::UsernamePassword(name, password) => DockerCredentials {
            username: Some(name),
            password: Some(password),
            serveraddress: Some(server.to_owned()),
            ..DockerCredentials::default()
        },
    })
}

/// The first part of a name is a registry when it looks like a host, as for Docker itself.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => HUB,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_host_is_docker_hubs() {
        assert_eq!(registry("rancher/k3s:v1"), HUB);
        assert_eq!(registry("mirror.example:5000/rancher/k3s:v1"), "mirror.example:5000");
        assert_eq!(registry("localhost/k3s"), "localhost");
    }
}
