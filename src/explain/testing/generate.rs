//! Policies and questions by chance, from small alphabets in which near misses abound. No subject of one policy occurs in
//! another one.

use k8s_openapi::api::rbac::v1::PolicyRule;
use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

use super::{Caller, Policy, Question, Request};

/// The label of everything that is generated; its value is the tag.
pub const LABEL: &str = "kubewalk.test";

const GROUP: &str = "rbac.authorization.k8s.io";
const VERBS: [&str; 9] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "List"];
const GROUPS: [&str; 5] = ["", "", "apps", "core", "apps/v1"];
const RESOURCES: [&str; 6] = ["pods", "secrets", "deployments", "nodes", "pod", "log"];
const SUBRESOURCES: [&str; 5] = ["log", "logs", "scale", "status", "*"];
const NAMES: [&str; 3] = ["x", "y", "x-y"];
const PATHS: [&str; 9] =
    ["/healthz", "/healthz/", "/healthz/etcd", "/api", "/apis", "/api/v1", "/metrics", "/a/b/c", "/"];
const PATTERNS: [&str; 9] =
    ["/healthz", "/healthz/", "/healthz/*", "/api", "/api*", "/a/**", "/*/c", "/metrics/*", "*"];

/// A policy in these namespaces, and whom it is about.
pub struct Generated {
    /// Its objects.
    pub policy: Policy,
    namespaces: Vec<String>,
    index: usize,
}

fn pick_one<'a>(rng: &mut StdRng, of: &[&'a str]) -> &'a str {
    of.choose(rng).expect("an alphabet")
}

fn some(rng: &mut StdRng, of: &[&str]) -> Vec<String> {
    (0..rng.random_range(1..=2)).map(|_| pick_one(rng, of).to_owned()).collect()
}

fn rule(rng: &mut StdRng, cluster: bool) -> Value {
    let mut verbs = some(rng, &VERBS);
    if rng.random_ratio(1, 8) {
        verbs.push("*".into());
    }
    if cluster && rng.random_ratio(1, 3) {
        return json!({"nonResourceURLs": some(rng, &PATTERNS), "verbs": verbs});
    }
    let mut groups = some(rng, &GROUPS);
    if rng.random_ratio(1, 6) {
        groups.push("*".into());
    }
    let resources: Vec<String> = (0..rng.random_range(1..=2))
        .map(|_| match rng.random_range(0..12) {
            0 => "*".into(),
            1 => format!("*/{}", pick_one(rng, &SUBRESOURCES)),
            2..=5 => format!("{}/{}", pick_one(rng, &RESOURCES), pick_one(rng, &SUBRESOURCES)),
            _ => pick_one(rng, &RESOURCES).to_owned(),
        })
        .collect();
    let mut rule = json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
    if rng.random_ratio(1, 4) {
        rule["resourceNames"] = json!(some(rng, &NAMES));
    }
    rule
}

impl Generated {
    /// One policy; `tag` and `index` make its names unique.
    pub fn new(rng: &mut StdRng, tag: &str, namespaces: &[String], index: usize) -> Self {
        let mut made = Self { policy: Policy::default(), namespaces: namespaces.to_vec(), index };
        let name = |what: &str, number: usize| format!("kw-{tag}-{index}-{what}{number}");
        let labels = json!({LABEL: tag});
        for number in 0..2 {
            let rules: Vec<Value> = (0..rng.random_range(0..=3)).map(|_| rule(rng, false)).collect();
            let namespace = made.namespace(rng);
            let metadata = json!({"name": name("r", number), "namespace": namespace, "labels": labels});
            made.policy.roles.push(object("Role", json!({"metadata": metadata, "rules": rules})));
            let rules: Vec<Value> = (0..rng.random_range(0..=3)).map(|_| rule(rng, true)).collect();
            let mut labels = labels.clone();
            labels["kubewalk.test/part"] = format!("{tag}-{index}").into();
            let metadata = json!({"name": name("c", number), "labels": labels});
            made.policy.cluster_roles.push(object("ClusterRole", json!({"metadata": metadata, "rules": rules})));
        }
        for number in 0..4 {
            let cluster = number == 3;
            let kind = if cluster || rng.random_bool(0.4) { "ClusterRole" } else { "Role" };
            // Number 2 exists only as an aggregated ClusterRole, and not always.
            let role = name(if kind == "Role" { "r" } else { "c" }, rng.random_range(0..=2));
            let role_ref = json!({"apiGroup": GROUP, "kind": kind, "name": role});
            let subjects: Vec<Value> = (0..rng.random_range(1..=3)).map(|_| made.subject(rng, cluster)).collect();
            let mut metadata = json!({"name": name("b", number), "labels": labels});
            if cluster {
                let rest = json!({"metadata": metadata, "roleRef": role_ref, "subjects": subjects});
                made.policy.cluster_role_bindings.push(object("ClusterRoleBinding", rest));
            } else {
                // Mostly where its role is.
                let beside = made.policy.roles.iter().find(|of| of.metadata.name.as_deref() == Some(role.as_str()));
                let beside = beside.and_then(|role| role.metadata.namespace.clone());
                metadata["namespace"] = match beside {
                    Some(namespace) if rng.random_bool(0.8) => namespace.into(),
                    _ => made.namespace(rng).into(),
                };
                let rest = json!({"metadata": metadata, "roleRef": role_ref, "subjects": subjects});
                made.policy.role_bindings.push(object("RoleBinding", rest));
            }
        }
        if index.is_multiple_of(5) {
            let selector = json!([{"matchLabels": {"kubewalk.test/part": format!("{tag}-{index}")}}]);
            let aggregated = json!({"metadata": {"name": name("c", 2), "labels": labels},
                "aggregationRule": {"clusterRoleSelectors": selector}, "rules": []});
            made.policy.cluster_roles.push(object("ClusterRole", aggregated));
        }
        made
    }

    fn namespace(&self, rng: &mut StdRng) -> String {
        self.namespaces.choose(rng).expect("namespaces").clone()
    }

    fn people(&self) -> [String; 4] {
        ["ann", "bob", "devs", "ops"].map(|name| format!("{name}{}", self.index))
    }

    fn account(&self, rng: &mut StdRng) -> String {
        format!("{}{}", pick_one(rng, &["app", "job"]), self.index)
    }

    fn subject(&self, rng: &mut StdRng, cluster: bool) -> Value {
        let [ann, bob, devs, ops] = &self.people();
        let user = |name: &str| json!({"kind": "User", "name": name, "apiGroup": GROUP});
        let group = |name: &str| json!({"kind": "Group", "name": name, "apiGroup": GROUP});
        let namespace = self.namespace(rng);
        match rng.random_range(0..20) {
            0..=4 => user(pick_one(rng, &[ann, bob])),
            5..=9 => group(pick_one(rng, &[devs, ops])),
            // Slips: a group as a user, an account as a user.
            10 => user(pick_one(rng, &[devs, &format!("system:serviceaccount:{namespace}:app{}", self.index)])),
            11 => group(pick_one(rng, &[ann, &format!("system:serviceaccount:{namespace}")])),
            12 if self.index.is_multiple_of(10) => group(&format!("system:serviceaccounts:{namespace}")),
            13 if !cluster => json!({"kind": "ServiceAccount", "name": self.account(rng)}),
            _ => json!({"kind": "ServiceAccount", "name": self.account(rng), "namespace": namespace}),
        }
    }

    /// A question about any subject and anything of the alphabets, or one that a rule answers, or almost.
    pub fn question(&self, rng: &mut StdRng) -> Question {
        if rng.random_bool(0.1) {
            return Question { caller: self.anybody(rng), request: self.anything(rng) };
        }
        let Some(mut question) = self.granted(rng) else {
            return Question { caller: self.anybody(rng), request: self.anything(rng) };
        };
        if rng.random_bool(0.25) {
            self.spoil(rng, &mut question);
        }
        question
    }

    fn anybody(&self, rng: &mut StdRng) -> Caller {
        let [ann, bob, devs, ops] = self.people();
        match rng.random_range(0..5) {
            0 => Caller::new(pick_one(rng, &[&ann, &bob]), []),
            1 => Caller::new(ann, [pick_one(rng, &[&devs, &ops]).to_owned()]),
            2 => Caller::new(pick_one(rng, &[&devs, "system:anonymous"]), []),
            _ => Caller::new(format!("system:serviceaccount:{}:{}", self.namespace(rng), self.account(rng)), []),
        }
    }

    fn anything(&self, rng: &mut StdRng) -> Request {
        if rng.random_ratio(1, 4) {
            return Request::Path { verb: pick_one(rng, &VERBS).into(), path: pick_one(rng, &PATHS).into() };
        }
        Request::Resource {
            verb: pick_one(rng, &VERBS).into(),
            group: pick_one(rng, &GROUPS).into(),
            resource: pick_one(rng, &RESOURCES).into(),
            subresource: rng.random_bool(0.3).then(|| pick_one(rng, &SUBRESOURCES).into()),
            namespace: rng.random_bool(0.8).then(|| self.namespace(rng)),
            name: rng.random_bool(0.4).then(|| pick_one(rng, &NAMES).into()),
        }
    }

    /// A question that some binding means to answer with yes.
    fn granted(&self, rng: &mut StdRng) -> Option<Question> {
        let policy = &self.policy;
        let (namespace, role_ref, subjects) = if rng.random_bool(0.7) {
            let binding = policy.role_bindings.choose(rng)?;
            (binding.metadata.namespace.clone(), &binding.role_ref, binding.subjects.clone()?)
        } else {
            let binding = policy.cluster_role_bindings.choose(rng)?;
            (None, &binding.role_ref, binding.subjects.clone()?)
        };
        let roles = policy.roles.iter().map(|role| (&role.metadata.name, &role.rules));
        let all = roles.chain(policy.cluster_roles.iter().map(|role| (&role.metadata.name, &role.rules)));
        let rules =
            all.filter(|(name, _)| name.as_ref() == Some(&role_ref.name)).find_map(|(_, rules)| rules.clone())?;
        let subject = subjects.choose(rng)?;
        let caller = match subject.kind.as_str() {
            "User" => Caller::new(subject.name.clone(), []),
            "Group" => Caller::new(self.people()[1].clone(), [subject.name.clone()]),
            _ => {
                let of = subject.namespace.clone().or_else(|| namespace.clone()).unwrap_or_default();
                Caller::new(format!("system:serviceaccount:{of}:{}", subject.name), [])
            }
        };
        let place = namespace.or_else(|| rng.random_bool(0.6).then(|| self.namespace(rng)));
        let rule = rules.choose(rng)?;
        let request = answered(rng, rule, place);
        Some(Question { caller, request })
    }

    /// One element becomes another one.
    fn spoil(&self, rng: &mut StdRng, question: &mut Question) {
        let choice = rng.random_range(0..8);
        match &mut question.request {
            _ if choice == 0 => question.caller = self.anybody(rng),
            Request::Path { path, .. } if choice > 3 => *path = pick_one(rng, &PATHS).into(),
            Request::Path { verb, .. } => *verb = pick_one(rng, &VERBS).into(),
            Request::Resource { verb, group, resource, subresource, namespace, name } => match choice {
                1 => *verb = pick_one(rng, &VERBS).into(),
                2 => *group = pick_one(rng, &GROUPS).into(),
                3 => *resource = pick_one(rng, &RESOURCES).into(),
                4 => *subresource = subresource.is_none().then(|| pick_one(rng, &SUBRESOURCES).into()),
                5 => *name = name.is_none().then(|| pick_one(rng, &NAMES).into()),
                6 => *namespace = None,
                _ => *namespace = Some(self.namespace(rng)),
            },
        }
    }
}

/// A request that a rule allows.
fn answered(rng: &mut StdRng, rule: &PolicyRule, namespace: Option<String>) -> Request {
    let mut pick = |of: &Vec<String>, or: &[&str]| {
        let picked = of.choose(rng).map_or("*", String::as_str);
        if picked == "*" { pick_one(rng, or).to_owned() } else { picked.to_owned() }
    };
    let verb = pick(&rule.verbs, &VERBS);
    if let Some(paths) = &rule.non_resource_urls {
        let path = pick(paths, &PATHS);
        return Request::Path { verb, path: path.replace("**", "b/c").replace("/*", "/etcd").replace('*', "/v1") };
    }
    let empty = Vec::new();
    let group = pick(rule.api_groups.as_ref().unwrap_or(&empty), &GROUPS);
    let full = pick(rule.resources.as_ref().unwrap_or(&empty), &RESOURCES);
    let (resource, subresource) = match full.split_once('/') {
        Some(("*", sub)) => (pick(&empty, &RESOURCES), Some(sub.to_owned())),
        Some((resource, sub)) => (resource.to_owned(), Some(sub.to_owned())),
        None => (full, None),
    };
    let name = rule.resource_names.as_ref().map(|names| pick(names, &NAMES));
    Request::Resource { verb, group, resource, subresource, namespace, name }
}

fn object<K: serde::de::DeserializeOwned>(kind: &str, mut object: Value) -> K {
    object["kind"] = kind.into();
    object["apiVersion"] = format!("{GROUP}/v1").into();
    serde_json::from_value(object).expect("an object")
}
