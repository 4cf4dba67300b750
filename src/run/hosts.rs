//! Which server a step calls from a Pod, when only the cluster knows: a saved host, or a kubelet whose refusal is meant.

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::{
    plan::{self, Action, Curl, Step},
    redact::show,
    scenario::expect::DeniedBy,
    steps::{Context, StepError, api},
};

/// The port of a kubelet whose Node does not name it.
const KUBELET: u64 = 10250;

fn claimed(step: &Step) -> Option<DeniedBy> {
    let all = step.expected.iter().filter_map(|item| item.expect.by);
    all.into_iter().find(|by| matches!(by, DeniedBy::Kubelet | DeniedBy::KubeRbacProxy))
}

/// Reads a URL with its saved values, and looks at who has the address.
///
/// # Errors
/// When it is no URL; when a token would go to a saved host that is none of the cluster's; and when a kubelet's refusal is claimed of
/// an address that is no kubelet's, or the reverse.
pub(super) async fn settle(step: &mut Step, context: &Context) -> Result<(), StepError> {
    let claimed = claimed(step);
    let Action::Curl(call) = &mut step.action else { return Ok(()) };
    // Also of a saved value in the path: it may make another path of it.
    plan::settle(call).map_err(|why| wrong("a URL", format!("{why}: `{}`", shown(&call.url))))?;
    if !call.late && claimed.is_none() {
        return Ok(());
    }
    let Some((host, port)) = address(&call.url) else { return Ok(()) };
    let nodes = Nodes { context, listed: OnceCell::new() };
    if call.late && call.request.is_none() && (call.mounted_token || call.saved_token.is_some()) {
        stays_in_cluster(call, &host, port, &nodes).await?;
    }
    let Some(by) = claimed else { return Ok(()) };
    let Some(nodes) = nodes.get().await? else { return Ok(()) };
    let is_kubelet = nodes.iter().any(|node| has(node, &host) && kubelet_port(node) == u64::from(port));
    match (by, is_kubelet) {
        (DeniedBy::Kubelet, false) => {
            let all: Vec<String> = nodes.iter().flat_map(addresses).collect();
            let all = all.join(", ");
            let why = "is no kubelet of this cluster: its nodes have";
            Err(wrong(
                "the address of a kubelet",
                format!("`by: kubelet`, but {host}:{port} {why} {all}, port {KUBELET}"),
            ))
        }
        (DeniedBy::KubeRbacProxy, true) => {
            let why = format!("`by: kube-rbac-proxy`, but {host}:{port} is a kubelet: write `by: kubelet`");
            Err(wrong("an address that is no kubelet's", why))
        }
        _ => Ok(()),
    }
}

fn shown(text: &str) -> String {
    show::line(text, show::VALUE)
}

fn wrong(expected: &str, why: String) -> StepError {
    let (what, expected) = ("the call was not made".into(), Some(expected.to_owned()));
    StepError::Waited { what, expected, last: show::line(&why, show::BODY), hint: None }
}

/// Host and port of a URL.
fn address(url: &str) -> Option<(String, u16)> {
    let uri: http::Uri = url.parse().ok()?;
    let usual = if uri.scheme_str()? == "http" { 80 } else { 443 };
    let host = uri.host()?.trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
    Some((host, uri.port_u16().unwrap_or(usual)))
}

/// A token goes to a saved host only when that is a server of this cluster. What stands in the file, its author has said.
async fn stays_in_cluster(call: &mut Curl, host: &str, port: u16, nodes: &Nodes<'_>) -> Result<(), StepError> {
    let context = nodes.context;
    let named = is_named(host, &call.place.namespace, context).await?;
    let services = if named { None } else { list("/api/v1/services", context).await? };
    let own = services.iter().flatten().find(|service| has_ip(&service["spec"]["clusterIPs"], host));
    if let Some(service) = own {
        let is_api = service["metadata"]["name"] == "kubernetes" && service["metadata"]["namespace"] == "default";
        if is_api && port == 443 && call.url.starts_with("https://") {
            call.request = Some(plan::Request::from_http(call.method.word(), call.path()));
        }
        return Ok(());
    }
    if named || nodes.get().await?.into_iter().flatten().any(|node| has(node, host)) {
        return Ok(());
    }
    let with_address = format!("/api/v1/pods?fieldSelector=status.podIP%3D{}", api::escape(host));
    if list(&with_address, context).await?.is_some_and(|pods| !pods.is_empty()) {
        return Ok(());
    }
    let why = format!(
        "its token would go to `{host}`, a saved value that is no node, Service or Pod of this cluster; if that is meant, write \
         the host into the URL"
    );
    Err(wrong("the address of a node, Service or Pod", why))
}

/// Whether a name is that of a Service, as Pods resolve it.
async fn is_named(host: &str, own: &str, context: &Context) -> Result<bool, StepError> {
    let parts: Vec<&str> = host.split('.').collect();
    let (name, namespace) = match parts.as_slice() {
        [name] => (*name, own),
        [name, namespace] | [name, namespace, "svc"] | [name, namespace, "svc", "cluster", "local"] => {
            (*name, *namespace)
        }
        _ => return Ok(false),
    };
    let path = format!("/api/v1/namespaces/{}/services/{}", api::escape(namespace), api::escape(name));
    let http = api::get(&context.client, &path).await?;
    // The name of another host, behind that of a Service.
    let leads_out = http.json.as_ref().is_some_and(|service| service["spec"]["type"] == "ExternalName");
    Ok(http.status == 200 && !leads_out)
}

fn has_ip(list: &Value, host: &str) -> bool {
    list.as_array().into_iter().flatten().any(|ip| ip == host)
}

fn addresses(node: &Value) -> Vec<String> {
    let all = node["status"]["addresses"].as_array().into_iter().flatten();
    all.filter_map(|address| address["address"].as_str()).map(str::to_lowercase).collect()
}

fn has(node: &Value, host: &str) -> bool {
    addresses(node).iter().any(|address| address == host)
}

fn kubelet_port(node: &Value) -> u64 {
    node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"].as_u64().unwrap_or(KUBELET)
}

/// A list, unless kubewalk may not see it.
async fn list(path: &str, context: &Context) -> Result<Option<Vec<Value>>, StepError> {
    Ok(api::list_if_allowed(&context.client, path).await?.ok())
}

/// The cluster's nodes, which are listed when they are needed, and once.
struct Nodes<'a> {
    context: &'a Context,
    listed: OnceCell<Option<Vec<Value>>>,
}

impl Nodes<'_> {
    /// All of them, unless kubewalk may not see them.
    async fn get(&self) -> Result<Option<&[Value]>, StepError> {
        let listed = self.listed.get_or_try_init(|| list("/api/v1/nodes", self.context)).await?;
        Ok(listed.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://10.0.0.1:10250/metrics", Some(("10.0.0.1", 10250)))]
    #[case("https://Node-A./x", Some(("node-a", 443)))]
    #[case("http://web.a.svc/x?y", Some(("web.a.svc", 80)))]
    #[case("https://[fd00::1]:10250/pods", Some(("fd00::1", 10250)))]
    #[case("nothing", None)]
    fn whom_a_url_names(#[case] url: &str, #[case] wanted: Option<(&str, u16)>) {
        let found = address(url);
        assert_eq!(found.as_ref().map(|(host, port)| (host.as_str(), *port)), wanted);
    }
}
