//! What the words of a kubectl command, or its standard input, are about.

use serde_json::Value;

use crate::{
    k8s::{Apis, Resource, kubectl::grammar::Call},
    plan::Request,
};

/// An object, or all of a resource.
#[derive(Debug, Clone)]
pub(super) struct About {
    group: String,
    plural: String,
    kind: String,
    namespace: Option<String>,
    name: Option<String>,
}

impl About {
    pub(super) fn ask(&self, verb: &str, sub: Option<&str>) -> Request {
        Request::Resource {
            verb: verb.to_owned(),
            group: self.group.clone(),
            resource: self.plural.clone(),
            subresource: sub.map(str::to_owned),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// One object, or the list.
    pub(super) fn read(&self) -> Request {
        self.read_part(None)
    }

    pub(super) fn read_part(&self, sub: Option<&str>) -> Request {
        self.ask(if self.name.is_some() { "get" } else { "list" }, sub)
    }

    /// Makes it: such a request says no name.
    pub(super) fn created(&self) -> Request {
        About { name: None, ..self.clone() }.ask("create", None)
    }

    /// Of a collection kubectl deletes one after the other.
    pub(super) fn deleted(&self) -> Vec<Request> {
        let list = self.name.is_none().then(|| self.read());
        std::iter::once(self.ask("delete", None)).chain(list).collect()
    }

    /// What kubectl has printed tells what it did: `configmap/c created`.
    pub(super) fn applied(&self, by_server: bool, printed: &str) -> Vec<Request> {
        let name = self.name.as_deref().unwrap_or_default();
        let did = |what: &str| {
            let ends = format!("/{name} {what}");
            let of_it = |line: &str| line.starts_with(&self.kind.to_lowercase()) && line.contains(&ends);
            printed.lines().any(of_it)
        };
        let (patch, create) = (self.ask("patch", None), self.created());
        match by_server {
            // What is not there is created, which is asked after the patch.
            true => vec![patch, create],
            false if did("created") => vec![create, self.read()],
            false if did("unchanged") => vec![self.read()],
            false if did("configured") => vec![patch, self.read()],
            false => vec![patch, create, self.read()],
        }
    }

    /// `auth reconcile` updates what is there, and creates the rest.
    pub(super) fn reconciled(&self) -> Vec<Request> {
        vec![self.ask("update", None), self.created(), self.read()]
    }
}

/// A review about the caller itself.
pub(super) fn review(group: &str, plural: &str) -> Request {
    Request::Resource {
        verb: "create".into(),
        group: group.into(),
        resource: plural.into(),
        subresource: None,
        namespace: None,
        name: None,
    }
}

/// One request about all of a resource of the core group.
pub(super) fn whole(verb: &str, plural: &str, namespace: Option<&str>) -> Vec<Request> {
    vec![Request::Resource {
        verb: verb.into(),
        group: String::new(),
        resource: plural.into(),
        subresource: None,
        namespace: namespace.map(str::to_owned),
        name: None,
    }]
}

/// What `all` stands for in `kubectl get all`.
const ALL: [&str; 10] = [
    "pods",
    "replicationcontrollers",
    "services",
    "daemonsets.apps",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "horizontalpodautoscalers.autoscaling",
    "cronjobs.batch",
    "jobs.batch",
];

/// The words of a call and its standard input.
pub(super) struct Words<'a> {
    call: &'a Call<'a>,
    apis: &'a Apis,
    stdin: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn new(call: &'a Call<'a>, apis: &'a Apis, stdin: &'a str) -> Self {
        Words { call, apis, stdin }
    }

    fn value(&self, flag: &'static str) -> Option<&'a str> {
        self.call.values(flag).last().and_then(|given| given.value.as_deref())
    }

    /// The namespace that the words name; `None`: all.
    fn namespace(&self) -> Option<String> {
        if self.call.is_on("all-namespaces") {
            return None;
        }
        Some(self.value("namespace").filter(|name| !name.is_empty()).unwrap_or("default").to_owned())
    }

    fn about(&self, own: &Resource, name: Option<&str>) -> About {
        About {
            group: own.group.clone(),
            plural: own.plural.clone(),
            kind: own.kind.clone(),
            // A Namespace is in itself.
            namespace: match own.namespaced {
                true => self.namespace(),
                false => name.filter(|_| own.group.is_empty() && own.plural == "namespaces").map(str::to_owned),
            },
            name: name.map(str::to_owned),
        }
    }

    fn words(&self) -> Vec<&'a str> {
        self.call.words.iter().map(|(_, word)| *word).collect()
    }

    /// What it is about, by its words or by the manifests of its standard input.
    pub(super) fn objects(&self) -> Vec<About> {
        self.objects_of(&self.words())
    }

    /// The same, but for words that say something else.
    pub(super) fn objects_among(&self, other: &dyn Fn(&str) -> bool) -> Vec<About> {
        let words: Vec<&str> = self.words().into_iter().filter(|word| !other(word)).collect();
        self.objects_of(&words)
    }

    /// The same, where the last word says something else.
    pub(super) fn objects_before_last(&self) -> Vec<About> {
        let words = self.words();
        self.objects_of(&words[..words.len().saturating_sub(1)])
    }

    fn objects_of(&self, words: &[&str]) -> Vec<About> {
        if self.value("filename") == Some("-") { self.manifests() } else { self.of(words) }
    }

    fn manifests(&self) -> Vec<About> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(self.stdin).unwrap_or_default();
        let items = documents.iter().flat_map(|document| match document["items"].as_array() {
            Some(items) if document["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) => {
                items.iter().collect()
            }
            _ => vec![document],
        });
        let about = |manifest: &Value| {
            let version = manifest["apiVersion"].as_str()?;
            let group = version.rsplit_once('/').map_or("", |(group, _)| group);
            let own = self.apis.of_kind(group, manifest["kind"].as_str()?)?;
            let mut about = self.about(own, manifest["metadata"]["name"].as_str());
            if let Some(named) = manifest["metadata"]["namespace"].as_str().filter(|_| own.namespaced) {
                about.namespace = Some(named.to_owned());
            }
            Some(about)
        };
        items.filter_map(about).collect()
    }

    /// `TYPE/NAME…`, `TYPE NAME…`, `TYPE,TYPE…`.
    pub(super) fn of(&self, words: &[&str]) -> Vec<About> {
        let about = |word: &str, name: Option<&str>| Some(self.about(self.apis.named(word)?, name));
        let Some((first, names)) = words.split_first() else { return Vec::new() };
        if first.contains('/') {
            let pairs = words.iter().filter_map(|word| word.split_once('/'));
            return pairs.filter_map(|(word, name)| about(word, Some(name))).collect();
        }
        let kinds = first.split(',').flat_map(|word| if word == "all" { ALL.to_vec() } else { vec![word] });
        if !names.is_empty() {
            let pairs = kinds.flat_map(|kind| names.iter().map(move |name| (kind, *name)));
            return pairs.filter_map(|(kind, name)| about(kind, Some(name))).collect();
        }
        // Of one name that is selected the authorizer is told.
        let field = self.value("field-selector").unwrap_or_default();
        let name = field.strip_prefix("metadata.name=").filter(|name| !name.contains([',', '=']));
        let selected = |own: About| About { name: name.map(str::to_owned), ..own };
        let selected = |kind: &str| about(kind, None).map(selected);
        kinds.filter_map(selected).collect()
    }

    /// All of a resource, in the namespace of the call.
    pub(super) fn all(&self, plural: &str) -> Option<About> {
        let own = self.apis.named(plural)?;
        // A new Namespace is in none.
        let namespace = self.namespace().filter(|_| own.namespaced);
        Some(About { namespace, ..self.about(own, None) })
    }

    /// All of a resource in all namespaces.
    pub(super) fn everywhere(&self, plural: &str) -> Option<About> {
        Some(About { namespace: None, ..self.all(plural)? })
    }

    /// The objects of a resource that the words name, with or without it: `n`, `node/n`.
    pub(super) fn named(&self, plural: &'a str) -> impl Iterator<Item = About> {
        let words = if self.value("filename") == Some("-") { Vec::new() } else { self.words() };
        let names = words.into_iter().map(|word| word.rsplit_once('/').map_or(word, |(_, name)| name).to_owned());
        let own = self.apis.named(plural);
        let all = names.filter_map(move |name| Some(self.about(own?, Some(&name))));
        all.chain(self.manifests().into_iter().filter(|_| self.value("filename") == Some("-")))
    }

    /// Whether the first word names an object of this resource.
    pub(super) fn first_is_of(&self, plural: &str) -> bool {
        let first = self.words().first().and_then(|word| word.split_once('/')).map(|(kind, _)| kind);
        first.and_then(|kind| self.apis.named(kind)).is_some_and(|own| own.plural == plural)
    }

    /// The object that the first word names; without a resource, it is one of this.
    pub(super) fn first_in(&self, plural: &str) -> Option<About> {
        let words = self.words();
        let (kind, name) = words.first()?.split_once('/').unwrap_or((plural, words.first()?));
        Some(self.about(self.apis.named(kind)?, Some(name)))
    }

    /// A part of a Pod, which may be found by its labels or by what owns it.
    pub(super) fn in_pods(&self, verb: &str, part: &str) -> Vec<Request> {
        let Some(pods) = self.all("pods") else { return Vec::new() };
        match self.first_in("pods") {
            Some(pod) if pod.plural == "pods" => vec![pod.ask(verb, Some(part)), pod.read()],
            Some(owner) => vec![pods.ask(verb, Some(part)), owner.read(), pods.read()],
            None => vec![pods.ask(verb, Some(part)), pods.read()],
        }
    }

    /// `cp` runs a command in the Pod before the colon: `pod:/path`, `namespace/pod:/path`.
    pub(super) fn copied(&self) -> Vec<Request> {
        let Some(mut pods) = self.all("pods") else { return Vec::new() };
        let words = self.words();
        let Some((pod, _)) = words.iter().find_map(|word| word.split_once(':')) else { return Vec::new() };
        let (place, name) = pod.rsplit_once('/').map_or((None, pod), |(place, name)| (Some(place), name));
        pods.namespace = place.map(str::to_owned).or(pods.namespace);
        pods.name = Some(name.to_owned());
        vec![pods.ask("create", Some("exec")), pods.read()]
    }

    /// What the metrics server is asked for.
    pub(super) fn metrics(&self, plural: &str, namespaced: bool) -> Request {
        let about = About {
            group: "metrics.k8s.io".into(),
            plural: plural.into(),
            kind: String::new(),
            namespace: self.namespace().filter(|_| namespaced),
            name: self.words().first().map(|&name| name.to_owned()),
        };
        about.read()
    }
}
