//! The roles and bindings of manifests, and those that every cluster has.

use std::collections::BTreeSet;

use k8s_openapi::{
    api::rbac::v1::{ClusterRole, PolicyRule},
    apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta},
};
use serde_json::{Map, Value, json};

use super::{HOME, Piece, Unwritten};
use crate::{
    explain::{Caller, Policy},
    k8s::{usernames, well_known::EVERYWHERE},
    manifests::select,
};

/// Kubernetes' own roles and bindings, as those of a live cluster of the newest version; `tests/cluster/discovery.rs` holds them current.
const BUILTIN: &str = include_str!("builtin.json");

/// A subject that the manifests make or bind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A ServiceAccount: its namespace, and its name.
    Account(String, String),
    /// A user.
    User(String),
    /// A member of a group.
    Group(String),
}

impl Subject {
    /// As the API server knows such a caller.
    pub fn caller(&self) -> Caller {
        match self {
            Subject::Account(namespace, name) => Caller::new(usernames::username(namespace, name), Vec::new()),
            Subject::User(name) => Caller::new(name.as_str(), Vec::new()),
            Subject::Group(group) => match group.as_str() {
                "system:unauthenticated" => Caller::new("system:anonymous", Vec::new()),
                group => match group.strip_prefix("system:serviceaccounts") {
                    Some("") => Subject::Account(HOME.into(), "default".into()).caller(),
                    Some(rest) => Subject::Account(rest.trim_start_matches(':').into(), "default".into()).caller(),
                    None => Caller::new(SOMEBODY, [group.to_owned()]),
                },
            },
        }
    }

    /// As a scenario names them.
    pub fn who(&self) -> Value {
        let account = |namespace: &str, name: &str| match namespace {
            HOME => json!(format!("serviceaccount/{name}")),
            namespace => json!(format!("serviceaccount/{namespace}/{name}")),
        };
        match self {
            Subject::Account(namespace, name) => account(namespace, name),
            Subject::User(name) => json!({"user": name}),
            Subject::Group(group) => match group.as_str() {
                "system:unauthenticated" => json!("anonymous"),
                "system:authenticated" => json!({"user": SOMEBODY}),
                group => match group.strip_prefix("system:serviceaccounts") {
                    Some("") => account(HOME, "default"),
                    Some(rest) => account(rest.trim_start_matches(':'), "default"),
                    None => json!({"user": SOMEBODY, "groups": [group]}),
                },
            },
        }
    }

    /// For a title.
    pub fn describe(&self) -> String {
        match self {
            Subject::Account(namespace, name) if namespace == HOME => format!("ServiceAccount {name}"),
            Subject::Account(namespace, name) => format!("ServiceAccount {name} of namespace {namespace}"),
            Subject::User(name) => format!("User {name}"),
            Subject::Group(group) => format!("A member of group {group}"),
        }
    }
}

/// A user whom no cluster knows.
const SOMEBODY: &str = "somebody";

/// All that a story is written from.
#[derive(Debug, Default)]
pub struct Found {
    /// The manifests' own roles and bindings, with those that every cluster has.
    pub all: Policy,
    /// The manifests' own bindings.
    pub own: Policy,
    /// Whom they are about.
    pub subjects: BTreeSet<Subject>,
    /// The accounts that they make.
    pub made: BTreeSet<Subject>,
    /// The namespaces that they need and do not make themselves.
    pub namespaces: BTreeSet<String>,
}

/// Reads the manifests.
///
/// # Errors
/// When there is nothing of RBAC, or an object cannot be read.
pub fn read(pieces: &[Piece]) -> Result<Found, Unwritten> {
    let builtin: Vec<Value> = serde_json::from_str(BUILTIN).unwrap_or_default();
    let mut found = Found::default();
    for object in &builtin {
        add(&mut found.all, object, None)?;
    }
    for piece in pieces {
        let home = piece.namespace.as_deref().unwrap_or(HOME);
        for object in piece.objects.iter().filter(|object| select::is_rbac(object)) {
            read_object(&mut found, object, home)?;
        }
    }
    if found.subjects.is_empty() && found.own == Policy::default() {
        return Err(Unwritten::Nothing);
    }
    aggregate(&mut found.all);
    let own = |namespace: &String| namespace != HOME && !EVERYWHERE.contains(&namespace.as_str());
    found.namespaces.retain(own);
    Ok(found)
}

fn read_object(found: &mut Found, object: &Map<String, Value>, home: &str) -> Result<(), Unwritten> {
    let mut object = Value::Object(object.clone());
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let cluster_wide = kind.starts_with("Cluster");
    // An empty one is none, as for kubectl.
    let namespace = object["metadata"]["namespace"].as_str().filter(|name| !name.is_empty()).unwrap_or(home).to_owned();
    if !cluster_wide {
        found.namespaces.insert(namespace.clone());
        object["metadata"]["namespace"] = json!(namespace);
    }
    if kind == "ServiceAccount" {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if !name.is_empty() {
            let account = Subject::Account(namespace, name);
            found.made.insert(account.clone());
            found.subjects.insert(account);
        }
        return Ok(());
    }
    for subject in object["subjects"].as_array_mut().into_iter().flatten() {
        let name = subject["name"].as_str().unwrap_or_default().to_owned();
        match subject["kind"].as_str() {
            Some("ServiceAccount") => {
                // As RBAC has it; and kubewalk fills in its own for a binding that is in none.
                let place = subject["namespace"].as_str().filter(|place| !place.is_empty());
                let place = place.unwrap_or(if cluster_wide { home } else { &namespace }).to_owned();
                subject["namespace"] = json!(place);
                found.namespaces.insert(place.clone());
                found.subjects.insert(Subject::Account(place, name));
            }
            Some("User") => match usernames::account(&name) {
                Some((place, account)) => {
                    found.namespaces.insert(place.to_owned());
                    found.subjects.insert(Subject::Account(place.to_owned(), account.to_owned()));
                }
                None => drop(found.subjects.insert(Subject::User(name))),
            },
            Some("Group") => {
                if let Some(place) = name.strip_prefix(usernames::GROUP_PREFIX) {
                    found.namespaces.insert(place.to_owned());
                }
                found.subjects.insert(Subject::Group(name));
            }
            _ => {}
        }
    }
    // One that the manifests change has their rules, not its former ones.
    add(&mut found.all, &object, Some(&kind))?;
    add(&mut found.own, &object, None)
}

/// Adds an object; with `over`, in the place of one of the same name.
fn add(policy: &mut Policy, object: &Value, over: Option<&str>) -> Result<(), Unwritten> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let unreadable = |e: serde_json::Error| {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        Unwritten::Object(format!("{kind} {name}"), e.to_string())
    };
    macro_rules! put {
        ($list:ident) => {{
            let new = serde_json::from_value(object.clone()).map_err(unreadable)?;
            if over.is_some() {
                put_over(&mut policy.$list, new, |one| &one.metadata);
            } else {
                policy.$list.push(new);
            }
        }};
    }
    match kind {
        "Role" => put!(roles),
        "ClusterRole" => put!(cluster_roles),
        "RoleBinding" => put!(role_bindings),
        "ClusterRoleBinding" => put!(cluster_role_bindings),
        _ => {}
    }
    Ok(())
}

fn put_over<T>(list: &mut Vec<T>, new: T, about: impl Fn(&T) -> &ObjectMeta) {
    let key = |one: &T| (about(one).namespace.clone(), about(one).name.clone());
    let wanted = key(&new);
    if wanted.1.is_some() {
        list.retain(|one| key(one) != wanted);
    }
    list.push(new);
}

/// Fills the aggregated roles, as the controller does.
fn aggregate(policy: &mut Policy) {
    // One may collect another.
    for _ in 0..4 {
        let before = policy.cluster_roles.clone();
        for role in &mut policy.cluster_roles {
            if role.aggregation_rule.is_none() {
                continue;
            }
            let mut rules: Vec<PolicyRule> = Vec::new();
            for rule in
                before.iter().filter(|other| collects(role, other)).flat_map(|other| other.rules.iter().flatten())
            {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
            role.rules = Some(rules);
        }
        if policy.cluster_roles == before {
            break;
        }
    }
}

/// Whether a role has the rules of another one by its labels.
pub fn collects(role: &ClusterRole, other: &ClusterRole) -> bool {
    let selectors = role.aggregation_rule.as_ref().and_then(|rule| rule.cluster_role_selectors.as_ref());
    other.metadata.name != role.metadata.name && selectors.into_iter().flatten().any(|one| fits(one, &other.metadata))
}

fn fits(selector: &LabelSelector, about: &ObjectMeta) -> bool {
    let label = |key: &String| about.labels.as_ref().and_then(|labels| labels.get(key));
    let all = selector.match_labels.iter().flatten().all(|(key, value)| label(key) == Some(value));
    all && selector.match_expressions.iter().flatten().all(|wanted| {
        let among = label(&wanted.key).is_some_and(|value| wanted.values.iter().flatten().any(|one| one == value));
        match wanted.operator.as_str() {
            "In" => among,
            "NotIn" => !among,
            "Exists" => label(&wanted.key).is_some(),
            "DoesNotExist" => label(&wanted.key).is_none(),
            _ => false,
        }
    })
}
