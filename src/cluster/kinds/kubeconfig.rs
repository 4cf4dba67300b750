//! `--cluster kubeconfig`: a cluster that exists. Nothing of it is ours but what a run makes in it.
//!
//! A wrong context is how the wrong cluster is hurt, so the context must be named, and lead to this machine; or the person
//! says in so many words that this cluster is meant.

use futures::future::BoxFuture;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::cluster::{
    Cluster, ClusterError, ClusterKind, Ended, Existing, Facts, Folder, Kubectl, Node, Owner, Settings, StartError,
    Wanted, access, engine::CURL_IMAGE, kubeconfig_file, kubectl::host::Host, plugin, seal,
};
use crate::stop::{Stop, unless_stopped};

/// The image with curl and a shell when the cluster has none of ours.
pub const PUBLIC_CURL_IMAGE: &str = "docker.io/curlimages/curl:8.17.0";

/// How long the API server may take for its first answer.
const ANSWER_BUDGET: std::time::Duration = std::time::Duration::from_secs(10);

/// Nothing holds it: it was there before, and stays. Only kubectl's home goes.
#[derive(Debug)]
struct Stays {
    _home: Folder,
}

impl Node for Stays {
    fn died(&self) -> Option<ClusterError> {
        None
    }

    fn death(&self) -> BoxFuture<'_, ClusterError> {
        Box::pin(std::future::pending())
    }

    fn end(&self) -> BoxFuture<'_, Ended> {
        Box::pin(async { Ended::default() })
    }

    fn lives_on(&self) -> bool {
        true
    }

    fn is_foreign(&self) -> bool {
        true
    }
}

/// Looks at the cluster and what is true of it.
///
/// # Errors
/// When no context is named, or it does not lead to this machine; when the file cannot be used or no server answers.
pub async fn connect(wanted: &Wanted, settings: &Settings, stop: &Stop) -> Result<Cluster, StartError> {
    let existing = &wanted.existing;
    let kubeconfig = choose(kubeconfig_file::read_all(&existing.files)?, existing)?;
    let failed = |e: &dyn std::fmt::Display| ClusterError::plain(format!("the cluster cannot be used: {e}"));
    let options = KubeConfigOptions::default();
    let mut config =
        kube::Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await.map_err(|e| failed(&e))?;
    config.default_retry = false;
    let mut config = access::direct(config)?;
    unless_stopped(stop, plugin::settle(&mut config)).await.map_err(StartError::Stopped)??;
    let look = look(kubeconfig, config, existing, settings);
    let connected = unless_stopped(stop, tokio::time::timeout(ANSWER_BUDGET, look)).await;
    let Ok(cluster) = connected.map_err(StartError::Stopped)? else {
        let seconds = ANSWER_BUDGET.as_secs();
        return Err(ClusterError::plain(format!("the cluster did not answer within {seconds} s")).into());
    };
    Ok(cluster?)
}

/// The kubeconfig with the context that is meant as its current one.
fn choose(mut kubeconfig: Kubeconfig, existing: &Existing) -> Result<Kubeconfig, ClusterError> {
    let names: Vec<_> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    if names.is_empty() {
        let files: Vec<_> = existing.files.iter().map(|file| file.display().to_string()).collect();
        let why = match files.as_slice() {
            [] => "there is no kubeconfig: neither KUBECONFIG nor HOME says where".to_owned(),
            [file] => format!("the kubeconfig {file} has no context, so it leads to no cluster"),
            files => format!("none of the kubeconfigs {} has a context, so they lead to no cluster", files.join(", ")),
        };
        return Err(ClusterError::new(
            why,
            "name another file in KUBECONFIG, or leave --cluster kubeconfig out for a cluster of the run's own",
        ));
    }
    let list = format!("the kubeconfig has: {}", names.join(", "));
    let current = kubeconfig.current_context.clone().filter(|name| !name.is_empty());
    let Some(name) = existing.context.clone().or_else(|| current.clone().filter(|_| existing.yes)) else {
        let why = match current {
            Some(_) => "the current one may not be the one that you mean",
            None => "the kubeconfig has no current one",
        };
        return Err(ClusterError::new(
            format!("a cluster that exists is used only when its context is named: {why}"),
            format!("add --context NAME; {list}"),
        ));
    };
    let Some(context) = kubeconfig.contexts.iter().find(|context| context.name == name) else {
        let which = if existing.context.is_some() { "" } else { ", which it calls its current one" };
        return Err(ClusterError::new(format!("the kubeconfig has no context {name}{which}"), list));
    };
    let cluster = context.context.as_ref().map(|context| context.cluster.clone()).unwrap_or_default();
    let found = kubeconfig.clusters.iter().find(|one| one.name == cluster).and_then(|one| one.cluster.as_ref());
    let Some((cluster, server)) = found.and_then(|one| Some((one, one.server.clone()?))) else {
        let what = if found.is_some() { "names no server" } else { "is not in the kubeconfig" };
        return Err(ClusterError::new(
            format!("the context {name} leads to no server: its cluster {cluster:?} {what}"),
            list,
        ));
    };
    if !existing.yes && (cluster.proxy_url.is_some() || !is_local(&server)) {
        return Err(ClusterError::new(
            format!("the context {name} leads to {server}, which is not on this machine"),
            "scenarios make and remove objects; if that is all right in this cluster, add --yes-this-cluster",
        ));
    }
    kubeconfig.current_context = Some(name);
    Ok(kubeconfig)
}

/// Whether the server's address is this machine's own.
fn is_local(server: &str) -> bool {
    let Ok(uri) = server.parse::<http::Uri>() else { return false };
    access::is_own(uri.host().unwrap_or_default())
}

async fn look(
    kubeconfig: Kubeconfig,
    mut config: kube::Config,
    existing: &Existing,
    settings: &Settings,
) -> Result<Cluster, ClusterError> {
    let failed = |e: &dyn std::fmt::Display| ClusterError::plain(format!("the cluster cannot be used: {e}"));
    let client = access::client(config.clone()).map_err(|e| failed(&e))?;
    let own = config.clone();
    config.auth_info = kube::config::AuthInfo::default();
    let bare = access::client(config).map_err(|e| failed(&e))?;
    let nodes = async {
        // A user who owns a namespace only does not look at the nodes.
        match existing.namespaces.is_empty() {
            true => ask(&client, "/api/v1/nodes").await.ok(),
            false => None,
        }
    };
    let (version, anonymous, nodes) = tokio::join!(ask(&client, "/version"), status(&bare, "/api"), nodes);
    let version = version.map_err(|e| failed(&e))?;
    // A user who may not list nodes gets to know with the first Pod.
    let nodes = nodes.as_ref().and_then(|list| list["items"].as_array());
    let ours = nodes.into_iter().flatten().any(has_our_image);
    let facts = Facts {
        pods: nodes.is_none_or(|nodes| !nodes.is_empty()),
        anonymous: anonymous.map_err(|e| failed(&e))? != 401,
        kind: ClusterKind::Kubeconfig,
        kubernetes: version["gitVersion"].as_str().unwrap_or_default().to_owned(),
        curl_image: match &existing.curl_image {
            Some(image) => image.clone(),
            None => if ours { CURL_IMAGE } else { PUBLIC_CURL_IMAGE }.to_owned(),
        },
    };
    let path = existing.files.first().cloned().unwrap_or_default();
    seal::settle(settings)?;
    let home = Folder::make(&settings.runs(), &Owner::new())?;
    let kubectl = Kubectl::here(Host::new(&kubeconfig, own, home.path(), existing.all())?);
    Ok(Cluster::new(facts, path, kubectl, Box::new(Stays { _home: home })).reached_by(kubeconfig))
}

fn has_our_image(node: &Value) -> bool {
    let images = node["status"]["images"].as_array();
    let mut names = images.into_iter().flatten().filter_map(|image| image["names"].as_array()).flatten();
    names.any(|name| name == CURL_IMAGE)
}

async fn ask(client: &kube::Client, path: &str) -> Result<Value, kube::Error> {
    client.request(http::Request::get(path).body(Vec::new()).expect("a request")).await
}

async fn status(client: &kube::Client, path: &str) -> Result<u16, kube::Error> {
    let request = http::Request::get(path).body(kube::client::Body::empty()).expect("a request");
    Ok(client.send(request).await?.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(server: &str) -> Kubeconfig {
        let text = format!(
            "current-context: prod\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
             contexts: [{{name: prod, context: {{cluster: c, user: u}}}}, {{name: lost, context: {{cluster: x, user: u}}}}]\n\
             users: [{{name: u}}]\n"
        );
        Kubeconfig::from_yaml(&text).expect("a kubeconfig")
    }

    fn refused(server: &str, context: Option<&str>, yes: bool) -> Option<String> {
        let context = context.map(str::to_owned);
        choose(kubeconfig(server), &Existing { context, yes, ..Existing::default() }).err().map(|e| e.message)
    }

    #[test]
    fn the_current_context_alone_is_never_enough() {
        let why = refused("https://127.0.0.1:6443", None, false).expect("refused");
        assert!(why.contains("only when its context is named"), "{why}");
        assert_eq!(refused("https://prod.example:6443", None, true), None);
    }

    #[test]
    fn a_named_context_must_lead_to_this_machine() {
        for server in ["https://127.0.0.1:6443", "https://[::1]:6443", "https://localhost:6443", "https://127.1.2.3"] {
            assert_eq!(refused(server, Some("prod"), false), None, "{server}");
        }
        for server in ["https://10.0.0.1:6443", "https://prod.example", "https://localhost.example", "127.0.0.1.x:1"] {
            let why = refused(server, Some("prod"), false).expect(server);
            assert!(why.contains("not on this machine"), "{why}");
            assert_eq!(refused(server, Some("prod"), true), None, "{server}");
        }
    }

    #[test]
    fn behind_a_proxy_nothing_is_local() {
        let mut behind = kubeconfig("https://127.0.0.1:6443");
        behind.clusters[0].cluster.as_mut().expect("a cluster").proxy_url = Some("http://proxy.example".into());
        let named = Existing { context: Some("prod".into()), ..Existing::default() };
        assert!(choose(behind, &named).expect_err("refused").message.contains("not on this machine"));
    }

    /// What is said of a kubeconfig, with the remedy.
    fn said(text: &str, context: Option<&str>, yes: bool) -> (String, String) {
        let existing = Existing {
            context: context.map(str::to_owned),
            yes,
            files: vec!["/home/me/config".into()],
            ..Existing::default()
        };
        let error = choose(Kubeconfig::from_yaml(text).expect("a kubeconfig"), &existing).expect_err("refused");
        (error.message, error.remedy.expect("a remedy"))
    }

    #[test]
    fn a_context_that_leads_nowhere_is_said() {
        let of = |current: &str| {
            format!(
                "current-context: '{current}'\nclusters: [{{name: bare, cluster: {{}}}}]\ncontexts: [{{name: lost, context: \
                 {{cluster: x}}}}, {{name: bare, context: {{cluster: bare}}}}]\n"
            )
        };
        let list = "the kubeconfig has: lost, bare";
        for (current, context, yes, message) in [
            ("", Some("x"), true, "the kubeconfig has no context x"),
            ("gone", None, true, "the kubeconfig has no context gone, which it calls its current one"),
            ("", Some("lost"), true, "the context lost leads to no server: its cluster \"x\" is not in the kubeconfig"),
            ("", Some("bare"), true, "the context bare leads to no server: its cluster \"bare\" names no server"),
        ] {
            assert_eq!(said(&of(current), context, yes), (message.into(), list.into()));
        }
        let (message, remedy) = said(&of(""), None, true);
        assert!(message.ends_with("the kubeconfig has no current one"), "{message}");
        assert_eq!(remedy, format!("add --context NAME; {list}"));
    }

    #[test]
    fn a_kubeconfig_without_any_context_is_said_to_be_one() {
        for (context, yes) in [(Some("me"), false), (None, true), (None, false)] {
            let (message, remedy) = said("users: [{name: u}]", context, yes);
            assert_eq!(message, "the kubeconfig /home/me/config has no context, so it leads to no cluster");
            assert!(remedy.starts_with("name another file in KUBECONFIG"), "{remedy}");
        }
        let error = choose(Kubeconfig::default(), &Existing::default()).expect_err("refused");
        assert!(error.message.starts_with("there is no kubeconfig"), "{}", error.message);
    }

    #[test]
    fn a_file_that_is_not_there_is_said() {
        let error = kubeconfig_file::read_all(&["/nowhere/config".into()]).expect_err("refused");
        assert_eq!(error.message, "cannot use the kubeconfig /nowhere/config: there is no such file");
    }
}
