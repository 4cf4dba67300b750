//! What would grant just one call, as YAML that can be applied.

use std::fmt::Write as _;

use super::{
    element::Element,
    evaluate::{Binding, Id, Policy, Question, is_caller, place},
    misses::{Miss, who},
};
use crate::{expect::refused::yaml_scalar, k8s::usernames, plan::Request};

/// What would grant a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// What to do with it, without a period or colon.
    pub title: String,
    /// Manifests, or one rule when it belongs into a role that exists.
    pub yaml: String,
    /// The role whose `rules` it belongs to; `None`: it is whole manifests.
    pub adds_to: Option<Id>,
}

const GROUP: &str = "rbac.authorization.k8s.io";

/// What would grant a refused call, in the way that is nearest to what is there already.
pub fn patch(policy: &Policy, question: &Question, nearest: Option<&Miss>) -> Patch {
    nearest.and_then(|miss| near(policy, question, miss)).unwrap_or_else(|| whole(policy, question))
}

fn near(policy: &Policy, question: &Question, miss: &Miss) -> Option<Patch> {
    let found = |binding: &Binding<'_>| miss.binding.as_ref().is_some_and(|id| *id == binding.id());
    let binding = policy.bindings().find(found);
    let role = policy.all_roles().find(|role| role.id() == miss.role);
    // What others have, too, is not widened for this one.
    let alone = |binding: &Binding<'_>| {
        binding.subjects.len() == 1
            && binding.subjects[0].kind != "Group"
            && is_caller(&question.caller, &binding.subjects[0], binding.namespace)
            && policy.bindings().filter(|other| other.role_id() == miss.role).count() == 1
    };
    match miss.lacks.first()? {
        Element::Role => {
            let binding = binding.filter(alone)?;
            let mut yaml = String::new();
            manifest(&mut yaml, &miss.role, &format!("rules:\n  {}", rule(&question.request)));
            Some(Patch { title: format!("the {} that {} names", miss.role.kind, binding.id()), yaml, adds_to: None })
        }
        Element::SubjectKind
        | Element::SubjectName
        | Element::SubjectNamespace
        | Element::Namespace
        | Element::Binding => {
            let role = role.filter(|role| !role.own)?;
            let cluster = miss.binding.as_ref().is_some_and(|id| id.namespace.is_none());
            let namespace = if cluster { None } else { place(&question.request) };
            // A Role can be bound in its own namespace only.
            if role.namespace.is_some() && role.namespace != namespace {
                return None;
            }
            let title = format!("this gives {} the whole of {}", who(&question.caller), role.id());
            Some(Patch { title, yaml: bind(policy, question, &role.id(), namespace), adds_to: None })
        }
        _ => {
            binding.filter(|binding| !binding.own && alone(binding))?;
            role.filter(|role| !role.own && !role.aggregated)?;
            let title = format!("with this rule, {} would grant just that", miss.role);
            Some(Patch { title, yaml: rule(&question.request) + "\n", adds_to: Some(miss.role.clone()) })
        }
    }
}

/// A role and a binding of its own.
fn whole(policy: &Policy, question: &Question) -> Patch {
    let namespace = place(&question.request);
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let what = match &question.request {
        Request::Path { verb, path } => format!("{verb}{path}"),
        Request::Resource { verb, resource, subresource, .. } => {
            format!("{verb}-{resource}{}", subresource.as_ref().map(|sub| format!("-{sub}")).unwrap_or_default())
        }
    };
    let taken = |name: &str| policy.all_roles().any(|role| role.namespace == namespace && role.name == name);
    let role = Id { kind, namespace: namespace.map(str::to_owned), name: free(&what, taken) };
    let mut yaml = String::new();
    manifest(&mut yaml, &role, &format!("rules:\n  {}", rule(&question.request)));
    yaml += "---\n";
    yaml += &bind(policy, question, &role, namespace);
    Patch { title: "this would grant just that".into(), yaml, adds_to: None }
}

/// A binding for the caller.
fn bind(policy: &Policy, question: &Question, role: &Id, namespace: Option<&str>) -> String {
    let caller = &question.caller.user;
    let (short, subject) = match usernames::account(caller) {
        Some((namespace, name)) => {
            let (name_text, namespace) = (yaml_scalar(name), yaml_scalar(namespace));
            (name, format!("{{kind: ServiceAccount, name: {name_text}, namespace: {namespace}}}"))
        }
        None if let Some(group) = question.caller.group_alone() => {
            (group, format!("{{kind: Group, name: {}, apiGroup: {GROUP}}}", yaml_scalar(group)))
        }
        None => (caller.as_str(), format!("{{kind: User, name: {}, apiGroup: {GROUP}}}", yaml_scalar(caller))),
    };
    let taken = |name: &str| policy.bindings().any(|binding| binding.namespace == namespace && binding.name == name);
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let name = free(&format!("{}-{short}", role.name), taken);
    let id = Id { kind, namespace: namespace.map(str::to_owned), name };
    let mut text = String::new();
    let reference = format!("roleRef: {{kind: {}, name: {}, apiGroup: {GROUP}}}", role.kind, yaml_scalar(&role.name));
    manifest(&mut text, &id, &format!("{reference}\nsubjects:\n  - {subject}"));
    text
}

fn manifest(text: &mut String, id: &Id, rest: &str) {
    let namespace = id.namespace.as_ref().map(|namespace| format!(", namespace: {}", yaml_scalar(namespace)));
    let (namespace, name) = (namespace.unwrap_or_default(), yaml_scalar(&id.name));
    let _ = writeln!(text, "apiVersion: {GROUP}/v1\nkind: {}\nmetadata: {{name: {name}{namespace}}}\n{rest}", id.kind);
}

/// The rule that allows just this, as an item of `rules`.
fn rule(request: &Request) -> String {
    match request {
        Request::Path { verb, path } => {
            format!("- {{nonResourceURLs: [{}], verbs: [{}]}}", yaml_scalar(path), yaml_scalar(verb))
        }
        Request::Resource { verb, group, resource, subresource, name, .. } => {
            let full = match subresource.as_deref().filter(|sub| !sub.is_empty()) {
                Some(sub) => format!("{resource}/{sub}"),
                None => resource.clone(),
            };
            let names = name.as_ref().filter(|name| !name.is_empty());
            let names = names.map(|name| format!(", resourceNames: [{}]", yaml_scalar(name))).unwrap_or_default();
            let (group, full, verb) = (yaml_scalar(group), yaml_scalar(&full), yaml_scalar(verb));
            format!("- {{apiGroups: [{group}], resources: [{full}], verbs: [{verb}]{names}}}")
        }
    }
}

/// A name that is good for an object and not taken.
fn free(wish: &str, taken: impl Fn(&str) -> bool) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
    let wish = wish.replace('*', "any").chars().map(good).collect::<String>();
    let wish = wish.trim_matches(['-', '.']).to_owned();
    let numbered = (2..).map(|number| format!("{wish}-{number}"));
    std::iter::once(wish.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(wish)
}
