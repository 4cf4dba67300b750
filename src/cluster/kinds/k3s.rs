//! `--cluster k3s`: `rancher/k3s` in Docker, the quickest way where Docker and a registry are reached.

use std::{sync::Arc, time::Duration};

use testcontainers::{CopyDataSource, CopyToContainer};
use tokio::time::Instant;

use super::{curl, fetched::Fetched, versions};
use crate::cluster::{
    Cluster, ClusterError, ClusterKind, Daemon, Facts, Folder, Kubectl, Owner, Progress, Settings, StartError, Wanted,
    access::kubeconfig_for,
    container::{self, Container, NodeImage, Rights},
    images::{self, Patience},
    ready, sweep,
};
use crate::{
    clock::{Moment, poll},
    k8s::Version,
    stop::{Stop, unless_stopped},
};

const KUBECONFIG: &str = "/etc/rancher/k3s/k3s.yaml";

/// k3s imports what it finds here before its first Pod.
const AIRGAP: &str = "/var/lib/rancher/k3s/agent/images/kubewalk-curl.tar";

/// From the start of the container.
const READY_WITHIN: Duration = Duration::from_secs(180);

/// How long after a look for its kubeconfig it is looked for again.
const AGAIN: Duration = Duration::from_millis(100);

/// The first version whose kubelet refuses cgroups v1 unless one insists.
const CGROUPS_V1_REFUSED: Version = Version::new(1, 35);

/// What `k3s` is told. What scenarios do not need is left out, because it only makes the start longer.
pub fn args(tag: &str, anonymous: bool) -> Vec<String> {
    let mut args: Vec<String> = [
        "server",
        "--disable=traefik,servicelb,metrics-server,local-storage",
        "--disable-helm-controller",
        "--disable-cloud-controller",
    ]
    .map(str::to_owned)
    .to_vec();
    // Older ones do not know the flag.
    if Version::of_release(tag).is_none_or(|version| version >= CGROUPS_V1_REFUSED) {
        args.push("--kubelet-arg=fail-cgroupv1=false".into());
    }
    if anonymous {
        args.push("--kube-apiserver-arg=anonymous-auth=true".into());
    }
    args
}

/// Whether there is an image of the version that is wanted.
///
/// # Errors
/// When there is none.
pub fn check(wanted: &Wanted, settings: &Settings) -> Result<(), ClusterError> {
    versions::k3s_image(wanted, settings).map(drop)
}

/// Makes its images be in Docker.
///
/// # Errors
/// What Docker or the registry lacks, or that it was stopped.
pub async fn fetch(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Fetched, StartError> {
    let (image, patience) = (versions::k3s_image(wanted, settings)?, Patience::from_settings(settings));
    let daemon = Daemon::connect(settings.docker_host.as_deref()).await?;
    images::ensure(&daemon, &image, patience, stop, progress).await?;
    curl::image(&daemon, settings, patience, stop, progress).await?;
    Ok(Fetched { what: format!("the image {image}"), bytes: None })
}

/// Starts a server and waits until its API says that all is there.
///
/// # Errors
/// What Docker, the registry or k3s lack, or that the run was stopped; nothing stays then.
pub async fn start(
    wanted: &Wanted,
    settings: &Settings,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    let image = versions::k3s_image(wanted, settings)?;
    let host = settings.docker_host.as_deref();
    let daemon = Daemon::connect(host).await?;
    sweep::before_a_run(settings, &daemon, progress).await;
    let patience = Patience::from_settings(settings);
    images::ensure(&daemon, &image, patience, stop, progress).await?;
    let (curl_image, curl) = curl::image(&daemon, settings, patience, stop, progress).await?;
    let owner = Owner::new();
    let folder = Folder::make(&settings.runs(), &owner)?;
    let (name, tag) = image.rsplit_once(':').unwrap_or((&image, "latest"));
    let node = NodeImage {
        name: name.to_owned(),
        tag: tag.to_owned(),
        args: args(tag, wanted.anonymous),
        tmpfs: vec!["/run", "/var/run"],
        memory: settings.node_memory,
        files: vec![CopyToContainer::new(CopyDataSource::Data(curl), AIRGAP)],
        // Its makers ask for a privileged container; kubewalk's authors have not tried it with less.
        rights: Rights::All,
    };
    let begun = Instant::now();
    let (node, _lines) = container::start(&daemon, host, node, &owner, folder, stop).await?;
    let within = settings.start_timeout.unwrap_or(READY_WITHIN);
    let up = unless_stopped(stop, bring_up(&node, wanted.anonymous, curl_image, (begun, within), progress)).await;
    match up {
        Ok(Ok(cluster)) => Ok(cluster),
        Ok(Err(e)) => {
            node.end().await;
            Err(e.into())
        }
        Err(signal) => {
            node.end().await;
            Err(StartError::Stopped(signal))
        }
    }
}

async fn bring_up(
    node: &Arc<Container>,
    anonymous: bool,
    curl_image: String,
    (begun, within): (Instant, Duration),
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, ClusterError> {
    let deadline = Moment::now() + within;
    let late = |why: &str| late(node, begun, why);
    let text = kubeconfig(node, deadline, &late).await?;
    let kubeconfig = node.write("kubeconfig", &kubeconfig_for(&text, &node.server)?)?;
    let kubectl = Kubectl::inside(node.place(), &["k3s", "kubectl"]);
    let facts = Facts { pods: true, anonymous, kind: ClusterKind::K3s, kubernetes: String::new(), curl_image };
    let mut cluster = Cluster::new(facts, kubeconfig, kubectl, Box::new(Arc::clone(node)));
    let client = cluster.client().await?;
    tokio::select! {
        ready = ready::wait(&client, &ready::ALL, begun, deadline, progress) => ready.map_err(|e| late(&e))?,
        died = node.death() => return Err(died),
    }
    let version = client.apiserver_version().await.map_err(|e| late(&e.to_string()))?;
    cluster.facts.kubernetes = version.git_version;
    Ok(cluster)
}

/// The administrator's kubeconfig, as soon as k3s has written it.
async fn kubeconfig(
    node: &Container,
    deadline: Moment,
    late: &impl Fn(&str) -> ClusterError,
) -> Result<String, ClusterError> {
    poll(AGAIN, || async {
        if let Some(died) = node.died() {
            return Some(Err(died));
        }
        let said = node.exec(["cat", KUBECONFIG].map(str::to_owned).to_vec(), None).await;
        if let Ok(said) = &said
            && said.exit_code == 0
            && kube::config::Kubeconfig::from_yaml(&String::from_utf8_lossy(&said.stdout))
                .is_ok_and(|config| config.current_context.is_some())
        {
            return Some(Ok(String::from_utf8_lossy(&said.stdout).into_owned()));
        }
        deadline.left().is_zero().then(|| Err(late(&format!("it has not written {KUBECONFIG}"))))
    })
    .await
}

fn late(node: &Container, begun: Instant, why: &str) -> ClusterError {
    ClusterError {
        message: format!("k3s was not ready after {:.0} s: {why}", begun.elapsed().as_secs_f64()),
        remedy: Some("a slow or busy machine may need another try; otherwise the log lines say why".into()),
        log: node.last_lines(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_calls_and_the_old_cgroups_are_asked_for_only_where_needed() {
        let has = |args: &[String], text: &str| args.iter().any(|arg| arg.contains(text));
        let old = args("v1.34.9-k3s1", false);
        assert!(!has(&old, "fail-cgroupv1") && !has(&old, "anonymous"), "{old:?}");
        let new = args("v1.36.1-k3s1", true);
        assert!(has(&new, "fail-cgroupv1=false") && has(&new, "anonymous-auth=true"), "{new:?}");
    }
}
