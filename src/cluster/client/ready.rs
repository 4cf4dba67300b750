//! Whether a cluster can be used, asked of its API and not of its log: the log says little of what Pods will meet.

use std::time::Duration;

use k8s_openapi::api::{
    core::v1::{ConfigMap, Node, ServiceAccount},
    discovery::v1::EndpointSlice,
};
use kube::{Api, Client, api::ListParams};
use tokio::time::Instant;

use crate::{
    clock::{Moment, timeout_at},
    cluster::Progress,
};

/// Between two questions; each takes a few milliseconds.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// One answer may take so long; a server that is starting sometimes takes a connection and is silent.
const ONE_ANSWER: Duration = Duration::from_secs(5);

/// What must be so, in the order in which it comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// `/readyz` answers the administrator with 200.
    Api,
    /// The namespace `default` has its ServiceAccount `default`, or no Pod can be made there.
    ServiceAccount,
    /// It has `kube-root-ca.crt`, or Pods cannot check the API server's certificate.
    RootCa,
    /// A node is Ready, and takes Pods.
    Node,
    /// The Service `kube-dns` has a ready endpoint.
    Dns,
}

/// All of them.
pub const ALL: [Thing; 5] = [Thing::Api, Thing::ServiceAccount, Thing::RootCa, Thing::Node, Thing::Dns];

impl Thing {
    /// The name of the phase that is over when it is so; the engine's own names.
    pub fn phase(self) -> &'static str {
        match self {
            Thing::Api => "api-ready",
            Thing::ServiceAccount => "service-account",
            Thing::RootCa => "root-ca",
            Thing::Node => "node-ready",
            Thing::Dns => "dns",
        }
    }

    /// Asks once.
    async fn ask(self, client: &Client) -> Result<(), String> {
        let said = |e: kube::Error| e.to_string();
        match self {
            Thing::Api => {
                let request = http::Request::get("/readyz").body(vec![]).map_err(|e| e.to_string())?;
                client.request_text(request).await.map(drop).map_err(said)
            }
            Thing::ServiceAccount => {
                let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
                accounts.get("default").await.map(drop).map_err(said)
            }
            Thing::RootCa => {
                let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
                maps.get("kube-root-ca.crt").await.map(drop).map_err(said)
            }
            Thing::Node => {
                let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await.map_err(said)?;
                if nodes.items.is_empty() {
                    return Err("there is no node yet".into());
                }
                let states: Vec<String> = nodes.items.iter().filter_map(not_ready).collect();
                if states.len() == nodes.items.len() { Err(states.join("; ")) } else { Ok(()) }
            }
            Thing::Dns => {
                let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), "kube-system");
                let of = ListParams::default().labels("kubernetes.io/service-name=kube-dns");
                let slices = slices.list(&of).await.map_err(said)?;
                let mut ends = slices.items.iter().flat_map(|slice| slice.endpoints.iter().flatten());
                let ready = ends.any(|end| {
                    end.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
                        && !end.addresses.is_empty()
                });
                if ready { Ok(()) } else { Err("the Service kube-dns has no ready endpoint".into()) }
            }
        }
    }
}

/// Why a node takes no Pods.
fn not_ready(node: &Node) -> Option<String> {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.into_iter().flatten().find(|condition| condition.type_ == "Ready");
    match ready {
        None => return Some(format!("node {name} has no condition Ready yet")),
        Some(ready) if ready.status != "True" => {
            return Some(format!(
                "node {name} is not ready: {}",
                ready.message.as_deref().unwrap_or("it does not say why")
            ));
        }
        Some(_) => {}
    }
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let taint = taints.into_iter().flatten().find(|taint| taint.effect != "PreferNoSchedule")?;
    Some(format!("node {name} still has the taint {}", taint.key))
}

/// Whether the API server says that it is ready, and says so soon.
pub async fn now(client: &Client) -> bool {
    matches!(timeout_at(Moment::now() + ONE_ANSWER, Thing::Api.ask(client)).await, Ok(Ok(())))
}

/// Waits until all of `things` are so, and reports each as a phase.
///
/// # Errors
/// What was not so at the deadline, with the last answer.
pub async fn wait(
    client: &Client,
    things: &[Thing],
    begun: Instant,
    deadline: Moment,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), String> {
    for thing in things {
        let mut last = "no answer yet".to_owned();
        loop {
            let until = deadline.min(Moment::now() + ONE_ANSWER);
            match timeout_at(until, thing.ask(client)).await {
                Ok(Ok(())) => break,
                Ok(Err(e)) => last = e,
                Err(_) => {}
            }
            if deadline.left().is_zero() {
                return Err(format!("{} is still missing; the last answer: {last}", thing.phase()));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        progress(Progress::Phase { name: thing.phase().into(), ms });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(status: &str, taints: serde_json::Value) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "n"}, "spec": {"taints": taints},
            "status": {"conditions": [{"type": "Ready", "status": status, "message": "no network"}]}
        }))
        .expect("a node")
    }

    #[test]
    fn a_node_counts_when_it_is_ready_and_takes_pods() {
        assert_eq!(not_ready(&node("True", json!([]))), None);
        assert_eq!(not_ready(&node("True", json!([{"key": "k", "effect": "PreferNoSchedule"}]))), None);
        assert_eq!(not_ready(&node("False", json!([]))).as_deref(), Some("node n is not ready: no network"));
        let tainted = node("True", json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]));
        assert_eq!(not_ready(&tainted).as_deref(), Some("node n still has the taint node.kubernetes.io/not-ready"));
    }
}
