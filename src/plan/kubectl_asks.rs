//! What a command line of kubectl asks the API server for, as far as its words say: which binding allowed it is told by that.

use super::request::Request;
use crate::k8s::{
    Apis,
    kubectl::grammar::{self, Call},
};

/// The requests, in the order of the words; none of a command that asks in another way. Only kinds of Kubernetes' own are known.
pub fn requests(args: &[String]) -> Vec<Request> {
    let Ok(call) = grammar::read(args) else { return Vec::new() };
    if let Some(path) = call.values("raw").last().and_then(|given| given.value.as_ref()) {
        return match call.command.words {
            "get" => vec![Request::from_http("GET", path)],
            "delete" => vec![Request::from_http("DELETE", path)],
            _ => Vec::new(),
        };
    }
    match call.command.words {
        "get" | "describe" => objects(&call, "get", "list"),
        "delete" => objects(&call, "delete", "deletecollection"),
        "patch" | "label" | "annotate" => objects(&call, "patch", ""),
        "logs" => in_pods(&call, "get", "log"),
        "exec" => in_pods(&call, "create", "exec"),
        "attach" => in_pods(&call, "create", "attach"),
        "port-forward" => in_pods(&call, "create", "portforward"),
        _ => Vec::new(),
    }
}

/// The namespace that the words name.
fn namespace(call: &Call<'_>) -> Option<String> {
    let named = || call.values("namespace").last().and_then(|given| given.value.clone());
    if call.is_on("all-namespaces") { None } else { named().or_else(|| Some("default".into())) }
}

/// Of objects with a name, and of a collection.
fn objects(call: &Call<'_>, of_one: &str, of_all: &str) -> Vec<Request> {
    let apis = Apis::of_scenario(Vec::new(), Vec::new());
    let about = |verb: &str, word: &str, name: Option<&str>| {
        let own = apis.named(word)?;
        Some(Request::Resource {
            verb: verb.to_owned(),
            group: own.group.clone(),
            resource: own.plural.clone(),
            subresource: None,
            namespace: namespace(call).filter(|_| own.namespaced),
            name: name.map(str::to_owned),
        })
    };
    let words: Vec<&str> = call.words.iter().map(|(_, word)| *word).filter(|word| !word.contains('=')).collect();
    // `label pods p a-`, with which a label is removed.
    let words: Vec<&str> = words.into_iter().filter(|word| !word.ends_with('-')).collect();
    let Some((first, names)) = words.split_first() else { return Vec::new() };
    if first.contains('/') {
        let pairs = words.iter().filter_map(|word| word.split_once('/'));
        return pairs.filter_map(|(word, name)| about(of_one, word, Some(name))).collect();
    }
    if names.is_empty() {
        let words = first.split(',').filter(|_| !of_all.is_empty());
        return words.filter_map(|word| about(of_all, word, None)).collect();
    }
    names.iter().filter_map(|name| about(of_one, first, Some(name))).collect()
}

/// Of a part of a Pod; by the name of another object kubectl looks for one.
fn in_pods(call: &Call<'_>, verb: &str, part: &str) -> Vec<Request> {
    let Some((_, word)) = call.words.first() else { return Vec::new() };
    let name = match word.split_once('/') {
        Some(("pod" | "pods" | "po", name)) => name,
        Some(_) => return Vec::new(),
        None => word,
    };
    vec![Request::Resource {
        verb: verb.to_owned(),
        group: String::new(),
        resource: "pods".into(),
        subresource: Some(part.to_owned()),
        namespace: namespace(call),
        name: Some(name.to_owned()),
    }]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "-n a get cm",
        r#"configmaps is forbidden: User "u" cannot list resource "configmaps" in API group "" in the namespace "a""#
    )]
    #[case("get deploy/web -n a", r#"deployments.apps "web" is forbidden: User "u" cannot get resource "deployments" in API group "apps" in the namespace "a""#)]
    #[case(
        "get nodes -n a",
        r#"nodes is forbidden: User "u" cannot list resource "nodes" in API group "" at the cluster scope"#
    )]
    #[case(
        "get pods -A",
        r#"pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope"#
    )]
    #[case(
        "label pod p a=b c- -n a",
        r#"pods "p" is forbidden: User "u" cannot patch resource "pods" in API group "" in the namespace "a""#
    )]
    #[case(
        "logs p -n a",
        r#"pods "p" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "a""#
    )]
    #[case(
        "exec -n a p -- ls",
        r#"pods "p" is forbidden: User "u" cannot create resource "pods/exec" in API group "" in the namespace "a""#
    )]
    #[case("get --raw /metrics", r#"forbidden: User "u" cannot get path "/metrics""#)]
    #[case("apply -f -", "")]
    #[case("get widgets", "")]
    fn what_is_asked(#[case] line: &str, #[case] denial: &str) {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let found: Vec<String> = requests(&args).iter().map(|request| request.denial("u")).collect();
        assert_eq!(found.join("; "), denial);
    }
}
