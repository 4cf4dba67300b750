//! How a cluster is reached: from a kubeconfig to a client's settings.

use http_body_util::{LengthLimitError, Limited};
use hyper_util::{
    client::legacy::{Builder, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::client::{ClientBuilder, ConfigExt as _};
use tower::{ServiceBuilder, filter::AsyncFilterLayer, util::MapResponseLayer};

use super::plugin;
use crate::cluster::ClusterError;

/// How to reach the cluster of a kubeconfig, of its text.
pub(in crate::cluster) async fn config_of(kubeconfig: &str) -> Result<kube::Config, ClusterError> {
    client_config(kube::config::Kubeconfig::from_yaml(kubeconfig).map_err(|e| gone(&e))?).await
}

/// The same from its content.
pub(in crate::cluster) async fn client_config(
    kubeconfig: kube::config::Kubeconfig,
) -> Result<kube::Config, ClusterError> {
    let options = kube::config::KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|e| gone(&e))?;
    // An answer is judged as it came: a 429 or 503 that the client swallowed would hide what the scenario asks for.
    config.default_retry = false;
    // A cluster of our own is where we started it, and no proxy of the environment knows the way there.
    config.proxy_url = None;
    plugin::settle(&mut config).await?;
    Ok(config)
}

/// A config without the proxy that the environment names, if the server is this machine's own. There is no way through a proxy.
///
/// # Errors
/// When the server is elsewhere, and a proxy stands between.
pub(crate) fn direct(mut config: kube::Config) -> Result<kube::Config, ClusterError> {
    let host = config.cluster_url.host().unwrap_or_default().to_owned();
    if is_own(&host) {
        config.proxy_url = None;
    }
    if config.proxy_url.is_none() {
        return Ok(config);
    }
    Err(ClusterError::new(
        format!("a proxy stands between this machine and {host}, and kubewalk speaks to an API server directly only"),
        "the environment (HTTPS_PROXY, https_proxy) or the kubeconfig (proxy-url) names it; if the server is reached without it: \
         `env -u HTTPS_PROXY -u https_proxy kubewalk …`",
    ))
}

/// Whether a host is this machine's own.
pub(in crate::cluster) fn is_own(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// As whom the program names itself to an API server.
pub const USER_AGENT: &str = concat!("kubewalk/", env!("CARGO_PKG_VERSION"));

/// The most that an answer of an API server may have, in bytes, whatever asked for it: a list that a run needs is shorter,
/// and what is longer would fill the memory. A watch that brings more is begun anew.
pub const MOST_BODY: usize = 64 << 20;

/// An answer that breaks off with an error where it is too long.
fn limited<B>(response: http::Response<B>) -> http::Response<Limited<B>> {
    response.map(|body| Limited::new(body, MOST_BODY))
}

/// Whether an answer broke off because it was too long.
pub fn too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<LengthLimitError>())
}

/// A client that sends at once. kube's own waits for the server's acknowledgement before it sends what follows a TLS handshake or
/// the head of a request, and that comes 40 ms later (Nagle's algorithm meets a delayed acknowledgement): with every exec, and
/// with most that has a body. To a proxy, kube's own it is.
pub fn client(mut config: kube::Config) -> kube::Result<kube::Client> {
    // So that an audit log tells what kubewalk asks from what others do; `scripts/bench-requests` counts by it.
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(USER_AGENT)));
    if config.proxy_url.is_some() {
        return Ok(ClientBuilder::try_from(config)?.with_layer(&MapResponseLayer::new(limited)).build());
    }
    // kube would start the plugin by itself.
    let plugin = config.auth_info.exec.take().map(|exec| {
        AsyncFilterLayer::new(move |request| {
            let exec = exec.clone();
            async move { plugin::signed(request, &exec).await }
        })
    });
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(config.connect_timeout);
    let https = config.rustls_https_connector_with_connector(http)?;
    let service = ServiceBuilder::new()
        .map_response(limited)
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .option_layer(plugin)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(Builder::new(TokioExecutor::new()).build(https));
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// A node's own kubeconfig, made for a caller who reaches its API server at another address. The certificate is good for
/// 127.0.0.1; for any other host the file names what it is good for.
///
/// # Errors
/// When it names no server, or several.
pub fn kubeconfig_for(text: &str, server: &str) -> Result<String, ClusterError> {
    let is_server = |line: &&str| line.trim_start().starts_with("server: https://");
    let [line] = text.lines().filter(is_server).collect::<Vec<_>>()[..] else {
        return Err(ClusterError::plain("the node's kubeconfig is not one of a single server"));
    };
    let indent = &line[..line.len() - line.trim_start().len()];
    let mut new = format!("{indent}server: {server}");
    if !server.starts_with("https://127.0.0.1:") {
        new.push_str(&format!("\n{indent}tls-server-name: localhost"));
    }
    Ok(text.replace(line, &new))
}

/// What it means when the file cannot be used.
pub(in crate::cluster) fn gone(e: &dyn std::fmt::Display) -> ClusterError {
    ClusterError::plain(format!("the cluster's kubeconfig is unusable: {e}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://127.0.0.1:6443", Some(false))]
    #[case("https://[::1]:6443", Some(false))]
    #[case("https://localhost:6443", Some(false))]
    #[case("https://api.example:6443", None)]
    fn a_proxy_is_for_what_is_elsewhere(#[case] server: &str, #[case] proxied: Option<bool>) {
        let mut config = kube::Config::new(server.parse().expect("a URL"));
        config.proxy_url = Some("http://proxy.example:3128".parse().expect("a URL"));
        let direct = direct(config);
        assert_eq!(direct.as_ref().ok().map(|config| config.proxy_url.is_some()), proxied);
        if let Err(error) = direct {
            assert!(error.message.contains("api.example"), "{}", error.message);
        }
    }
}
