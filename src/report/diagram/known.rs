//! What the steps so far have made and shown.

use k8s_openapi::api::rbac::v1::{
    AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject as RbacSubject,
};
use serde_json::Value;

use super::shown::Shown;
use crate::{
    event::rbac::{Call, Rbac},
    explain::evaluate::{self, Caller},
    k8s::{
        object::{name_of, text_at},
        usernames,
    },
    plan::{Request, can::question},
};

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Known {
    things: Vec<Thing>,
    marks: Vec<(Arrow, Shown)>,
    loose: Vec<Loose>,
}

/// An object by its kind and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id {
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
}

#[derive(Debug, PartialEq)]
struct Thing {
    id: Id,
    what: What,
}

#[derive(Debug, PartialEq)]
enum What {
    Account,
    Role { rules: Option<Vec<PolicyRule>>, aggregation: Option<AggregationRule>, labels: Value },
    Binding(Binding),
}

/// A binding; without a role, only its name is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Binding {
    pub id: Id,
    pub subjects: Vec<Subject>,
    pub role: Option<Id>,
    raw: Vec<RbacSubject>,
}

/// A role; `rules` is `None` when no step made it.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub id: Id,
    pub rules: Option<Vec<PolicyRule>>,
}

/// A subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Account { namespace: String, name: String },
    User(String),
    Group(String),
}

/// A call that went by no binding that is known.
#[derive(Debug)]
pub(super) struct Loose {
    who: Subject,
    call: Call,
    pub allowed: bool,
    pub step: usize,
}

#[derive(Debug, PartialEq)]
enum Arrow {
    Subject(Id, Subject),
    Binding(Id),
    Rule(Id, Option<usize>),
}

impl Id {
    fn from_object(object: &Value) -> Self {
        let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
        Id { kind: text_at(object, "kind").to_owned(), namespace, name: name_of(object).to_owned() }
    }

    /// e.g. `RoleBinding in default`.
    pub fn kind_words(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} in {namespace}", self.kind),
            None => self.kind.clone(),
        }
    }
}

impl Subject {
    fn of_user(user: &str) -> Self {
        match usernames::account(user) {
            Some((namespace, name)) => Subject::Account { namespace: namespace.to_owned(), name: name.to_owned() },
            None => Subject::User(user.to_owned()),
        }
    }

    fn from_rbac(subject: &RbacSubject, binding: Option<&String>) -> Self {
        let name = subject.name.clone();
        match subject.kind.as_str() {
            "ServiceAccount" => {
                let namespace = subject.namespace.clone().or_else(|| binding.cloned()).unwrap_or_default();
                Subject::Account { namespace, name }
            }
            "Group" => Subject::Group(name),
            _ => Self::of_user(&name),
        }
    }

    pub fn kind(&self) -> String {
        match self {
            Subject::Account { namespace, .. } => format!("ServiceAccount in {namespace}"),
            Subject::User(_) => "User".into(),
            Subject::Group(_) => "Group".into(),
        }
    }

    pub fn name(&self) -> String {
        match self {
            Subject::Account { name, .. } | Subject::User(name) | Subject::Group(name) => name.clone(),
        }
    }
}

impl Loose {
    pub fn describe(&self) -> String {
        question(&self.call.request())
    }
}

impl Known {
    /// Takes what a step has shown.
    pub fn take(&mut self, step: usize, shown: &[Rbac]) {
        for one in shown {
            match one {
                Rbac::Made { object, whole } => self.made(object, *whole),
                Rbac::Removed { kind, namespace, name } => {
                    self.removed(kind, namespace.as_deref(), name.as_deref());
                }
                Rbac::Asked { user, groups, call, allowed } => self.asked(step, user, groups, call, *allowed),
            }
        }
    }

    fn made(&mut self, object: &Value, whole: bool) {
        let id = Id::from_object(object);
        // The kinds of one namespace have the same keys as those of the whole cluster, whose types are taken for both.
        let mut keys = object.clone();
        if let Value::Object(keys) = &mut keys {
            keys.remove("kind");
        }
        let what = match id.kind.as_str() {
            "ServiceAccount" => What::Account,
            "Role" | "ClusterRole" => {
                let role = serde_json::from_value::<ClusterRole>(keys).unwrap_or_default();
                let rules = whole.then(|| role.rules.unwrap_or_default());
                What::Role { rules, aggregation: role.aggregation_rule, labels: object["metadata"]["labels"].clone() }
            }
            "RoleBinding" | "ClusterRoleBinding" => {
                let bound = whole.then(|| serde_json::from_value::<ClusterRoleBinding>(keys).ok()).flatten();
                let (raw, role) =
                    bound.map_or((vec![], None), |bound| (bound.subjects.unwrap_or_default(), Some(bound.role_ref)));
                let subjects = raw.iter().map(|subject| Subject::from_rbac(subject, id.namespace.as_ref())).collect();
                let role = role.map(|role| role_id(role, id.namespace.as_ref()));
                What::Binding(Binding { id: id.clone(), subjects, role, raw })
            }
            _ => return,
        };
        let thing = Thing { id, what };
        match self.things.iter().position(|known| known.id == thing.id) {
            Some(at) if self.things[at] == thing => {}
            Some(at) => {
                // What calls have shown was of what it has been.
                self.forget(&thing.id);
                self.things[at] = thing;
            }
            None => {
                self.forget(&thing.id);
                self.things.push(thing);
            }
        }
    }

    fn removed(&mut self, kind: &str, namespace: Option<&str>, name: Option<&str>) {
        let gone = |id: &Id| {
            if kind == "Namespace" {
                return name.is_none_or(|name| id.namespace.as_deref() == Some(name));
            }
            id.kind == kind
                && (namespace.is_none() || id.namespace.as_deref() == namespace)
                && name.is_none_or(|name| id.name == name)
        };
        let ids: Vec<Id> = self.things.iter().map(|thing| thing.id.clone()).filter(gone).collect();
        for id in ids {
            self.things.retain(|thing| thing.id != id);
            self.forget(&id);
        }
    }

    fn forget(&mut self, id: &Id) {
        let role_of = |binding: &Id| {
            let found = self.things.iter().find(|thing| thing.id == *binding);
            found.and_then(|thing| match &thing.what {
                What::Binding(binding) => binding.role.clone(),
                _ => None,
            })
        };
        let touched = |arrow: &Arrow| match arrow {
            Arrow::Subject(binding, _) => binding == id,
            Arrow::Binding(binding) => binding == id || role_of(binding).as_ref() == Some(id),
            Arrow::Rule(role, _) => role == id,
        };
        let kept: Vec<bool> = self.marks.iter().map(|(arrow, _)| !touched(arrow)).collect();
        let mut kept = kept.into_iter();
        self.marks.retain(|_| kept.next().unwrap_or(true));
    }

    fn asked(&mut self, step: usize, user: &str, groups: &[String], call: &Call, allowed: bool) {
        let caller = Caller::new(user, groups.iter().cloned());
        let request = call.request();
        let mut ways = self.ways(&caller, &request, false);
        if ways.is_empty() && allowed {
            // A role that no step made may have the rule.
            ways = self.ways(&caller, &request, true);
        }
        let who = match groups.first().filter(|_| user.is_empty()) {
            Some(group) => Subject::Group(group.clone()),
            None => Subject::of_user(user),
        };
        self.loose.retain(|loose| loose.who != who || loose.call != *call);
        if ways.is_empty() {
            self.loose.push(Loose { who, call: call.clone(), allowed, step });
        }
        let shown = if allowed { Shown::Allowed(step) } else { Shown::Denied(step) };
        for arrow in ways {
            self.marks.retain(|(known, _)| *known != arrow);
            self.marks.push((arrow, shown));
        }
    }

    /// The arrows by which RBAC allows a call; or, by roles that no step made, may allow it.
    fn ways(&self, caller: &Caller, request: &Request, unknown: bool) -> Vec<Arrow> {
        let mut found = Vec::new();
        for binding in self.bindings() {
            let reaches =
                binding.id.namespace.as_ref().is_none_or(|namespace| place(request) == Some(namespace.as_str()));
            let Some(role) = binding.role.as_ref().filter(|_| reaches) else { continue };
            let is = |raw: &RbacSubject| evaluate::is_caller(caller, raw, binding.id.namespace.as_deref());
            let subjects: Vec<&Subject> =
                binding.raw.iter().zip(&binding.subjects).filter(|(raw, _)| is(raw)).map(|(_, one)| one).collect();
            if subjects.is_empty() {
                continue;
            }
            let rules: Vec<Option<usize>> = match self.rules(role) {
                Some(rules) => (rules.iter().enumerate())
                    .filter(|(_, rule)| !unknown && evaluate::allows(rule, request))
                    .map(|(index, _)| Some(index))
                    .collect(),
                None if unknown => vec![None],
                None => vec![],
            };
            if rules.is_empty() {
                continue;
            }
            found.extend(subjects.into_iter().map(|one| Arrow::Subject(binding.id.clone(), one.clone())));
            found.push(Arrow::Binding(binding.id.clone()));
            found.extend(rules.into_iter().map(|rule| Arrow::Rule(role.clone(), rule)));
        }
        found
    }

    /// The rules of a role, those of the roles that it is put together of included; `None`: no step made it.
    fn rules(&self, id: &Id) -> Option<Vec<PolicyRule>> {
        let role = |thing: &Thing| match &thing.what {
            What::Role { rules, aggregation, .. } if thing.id == *id => Some((rules.clone(), aggregation.clone())),
            _ => None,
        };
        let (rules, aggregation) = self.things.iter().find_map(role)?;
        let mut rules = rules?;
        let selectors = aggregation.and_then(|rule| rule.cluster_role_selectors).unwrap_or_default();
        for thing in self.things.iter().filter(|thing| thing.id != *id && thing.id.kind == "ClusterRole") {
            let What::Role { rules: Some(others), labels, .. } = &thing.what else { continue };
            let taken = selectors.iter().any(|selector| {
                let wanted = selector.match_labels.iter().flatten();
                selector.match_expressions.is_none()
                    && wanted.into_iter().all(|(key, value)| labels[key.as_str()] == value.as_str())
            });
            if taken {
                rules.extend(others.iter().filter(|rule| !rules.contains(rule)).cloned().collect::<Vec<_>>());
            }
        }
        Some(rules)
    }

    pub fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.things.iter().filter_map(|thing| match &thing.what {
            What::Binding(binding) => Some(binding),
            _ => None,
        })
    }

    /// Accounts that were made, subjects of bindings, and others that have asked.
    pub fn subjects(&self) -> Vec<Subject> {
        let accounts = self.things.iter().filter(|thing| thing.what == What::Account).map(|thing| Subject::Account {
            namespace: thing.id.namespace.clone().unwrap_or_default(),
            name: thing.id.name.clone(),
        });
        let bound = self.bindings().flat_map(|binding| binding.subjects.iter().cloned());
        let asked = self.loose.iter().map(|loose| loose.who.clone());
        let mut all = Vec::new();
        for one in accounts.chain(bound).chain(asked) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// Roles that were made, and those that bindings name.
    pub fn roles(&self) -> Vec<Role> {
        let made = self.things.iter().filter(|thing| matches!(thing.what, What::Role { .. })).map(|thing| &thing.id);
        let bound = self.bindings().filter_map(|binding| binding.role.as_ref());
        let mut all: Vec<Role> = Vec::new();
        for id in bound.chain(made) {
            if !all.iter().any(|role| role.id == *id) {
                all.push(Role { id: id.clone(), rules: self.rules(id) });
            }
        }
        all
    }

    pub fn loose<'a>(&'a self, of: &'a Subject) -> impl Iterator<Item = &'a Loose> {
        self.loose.iter().filter(move |loose| loose.who == *of)
    }

    fn shown(&self, arrow: &Arrow) -> Shown {
        self.marks.iter().find(|(known, _)| known == arrow).map_or(Shown::NotAsked, |(_, shown)| *shown)
    }

    pub fn of_subject(&self, binding: &Id, subject: &Subject) -> Shown {
        self.shown(&Arrow::Subject(binding.clone(), subject.clone()))
    }

    pub fn of_binding(&self, binding: &Id) -> Shown {
        self.shown(&Arrow::Binding(binding.clone()))
    }

    pub fn of_rule(&self, role: &Id, index: Option<usize>) -> Shown {
        self.shown(&Arrow::Rule(role.clone(), index))
    }
}

fn role_id(role: RoleRef, binding: Option<&String>) -> Id {
    let namespace = (role.kind == "Role").then(|| binding.cloned()).flatten();
    Id { kind: role.kind, namespace, name: role.name }
}

fn place(request: &Request) -> Option<&str> {
    match request {
        Request::Resource { namespace, .. } => namespace.as_deref().filter(|namespace| !namespace.is_empty()),
        Request::Path { .. } => None,
    }
}

/// A rule in a few lines: `get, list`, `pods, pods/log`, `of apps`, `named a`.
pub(super) fn rule_lines(rule: &PolicyRule) -> Vec<String> {
    let list = |items: &Option<Vec<String>>| items.clone().unwrap_or_default();
    let mut lines = vec![rule.verbs.join(", ")];
    let paths = list(&rule.non_resource_urls);
    if !paths.is_empty() {
        lines.push(paths.join(", "));
        return lines;
    }
    lines.push(list(&rule.resources).join(", "));
    let groups: Vec<String> = list(&rule.api_groups);
    if groups.iter().any(|group| !group.is_empty()) {
        let named = groups.iter().map(|group| if group.is_empty() { "core" } else { group });
        lines.push(format!("of {}", named.collect::<Vec<_>>().join(", ")));
    }
    let names = list(&rule.resource_names);
    if !names.is_empty() {
        lines.push(format!("named {}", names.join(", ")));
    }
    lines
}
