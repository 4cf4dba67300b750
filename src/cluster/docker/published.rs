//! Where Docker publishes the port of a container, and whether Docker is on this machine.

use testcontainers::bollard::{Docker, query_parameters::InspectNetworkOptions};

use crate::cluster::ClusterError;

/// A Docker behind another machine's address cannot publish there.
pub fn not_its_own(at: &str, address: &str) -> ClusterError {
    ClusterError::new(
        format!(
            "the machine of the Docker at {at} does not have the address {address} itself, so nothing can be published to this machine alone"
        ),
        "run kubewalk on that machine, or reach Docker by an address that its machine has (a VPN, the host's own network)",
    )
}

/// Whether a Docker is reached over the network, and not by a socket or an address of this machine's own.
pub fn is_remote(at: &str) -> bool {
    let address = network_address(at);
    address.is_some_and(|(host, _)| {
        host != "localhost" && !host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// Host and port of a Docker that is reached over the network.
fn network_address(at: &str) -> Option<(String, u16)> {
    if at.starts_with("unix:") || at.starts_with("npipe:") {
        return None;
    }
    let uri = at.parse::<http::Uri>().ok()?;
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some((host, uri.port_u16().unwrap_or(2375)))
}

/// The address at which Docker shall publish the API server: where testcontainers then looks for it, and nowhere else. That is
/// 127.0.0.1, or Docker's bridge when we are in a container ourselves. A Docker that is reached over the network publishes it at
/// the one address by which we reach Docker: never at all of its machine's addresses.
pub async fn published_at(client: &Docker, at: &str) -> Result<String, ClusterError> {
    if let Some((host, port)) = network_address(at) {
        let unknown = |why: &str| {
            ClusterError::new(
                format!("the Docker at {at} has no address that is known here: {why}"),
                "look at DOCKER_HOST",
            )
        };
        let found = tokio::net::lookup_host((host.as_str(), port)).await.map_err(|e| unknown(&e.to_string()))?;
        let found: Vec<_> = found.map(|address| address.ip()).collect();
        // testcontainers asks for the port of an IPv4 address.
        let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
        return first.map(ToString::to_string).ok_or_else(|| unknown("none"));
    }
    if !(at.starts_with("unix:") || at.starts_with("npipe:")) {
        return Err(ClusterError::new(
            format!("{at} is no address of a Docker"),
            "DOCKER_HOST is unix:///PATH or tcp://HOST:PORT",
        ));
    }
    Ok(published_here(client).await)
}

/// Docker of this machine.
async fn published_here(client: &Docker) -> String {
    if !std::path::Path::new("/.dockerenv").exists() {
        return "127.0.0.1".into();
    }
    let bridge = client.inspect_network("bridge", None::<InspectNetworkOptions>).await.ok();
    let ranges = bridge.and_then(|bridge| bridge.ipam?.config).unwrap_or_default();
    ranges.into_iter().find_map(|range| range.gateway).unwrap_or_else(|| "127.0.0.1".into())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("unix:///var/run/docker.sock", None, false)]
    #[case("tcp://127.0.0.1:2375", Some(("127.0.0.1", 2375)), false)]
    #[case("tcp://localhost", Some(("localhost", 2375)), false)]
    #[case("tcp://[::1]:2376", Some(("::1", 2376)), false)]
    #[case("tcp://docker:2375", Some(("docker", 2375)), true)]
    #[case("http://10.0.0.7:1", Some(("10.0.0.7", 1)), true)]
    fn where_docker_is(#[case] at: &str, #[case] address: Option<(&str, u16)>, #[case] remote: bool) {
        assert_eq!(network_address(at), address.map(|(host, port)| (host.to_owned(), port)));
        assert_eq!(is_remote(at), remote);
    }

    #[tokio::test]
    async fn nothing_is_published_at_all_addresses() {
        let client = Docker::connect_with_http("tcp://127.0.0.1:1", 1, testcontainers::bollard::API_DEFAULT_VERSION)
            .expect("a client");
        for (at, address) in [
            ("tcp://127.0.0.1:2375", "127.0.0.1"),
            ("tcp://localhost:2375", "127.0.0.1"),
            ("tcp://192.0.2.7:2375", "192.0.2.7"),
        ] {
            assert_eq!(published_at(&client, at).await.expect(at), address);
        }
        assert!(published_at(&client, "nonsense").await.is_err());
    }
}
