//! What is nearest to a grant: each binding and rule that lacks one thing, and which.

use super::{
    element::{Element, shortened},
    evaluate::{AnyRole, Binding, Caller, Grant, Id, Policy, Question, allows, is_caller, list, place},
    slips::{self, Lack},
};
use crate::{
    k8s::usernames,
    plan::{Request, kinds},
};
use k8s_openapi::api::rbac::v1::{PolicyRule, Subject};

/// A binding or role that almost grants the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The binding; `None` when it is the binding that lacks.
    pub binding: Option<Id>,
    /// The role, which may not exist.
    pub role: Id,
    /// Which of its rules, 0 for the first.
    pub rule: Option<usize>,
    /// What lacks: one element, or two of one rule when nothing is nearer.
    pub lacks: Vec<Element>,
    /// For people, without a period.
    pub sentence: String,
    /// The lower the nearer.
    cost: u32,
}

/// More are never of use.
const KEPT: usize = 8;

/// What no user wrote for this caller, but the API server for its own parts, comes last.
const OWN: u32 = 20;

/// A binding that names another subject entirely.
const OTHERS: u32 = 6;

/// Two elements of one rule that lack.
const TWO: u32 = 10;

/// The misses of a call that is not allowed, the nearest first.
pub fn nearest(policy: &Policy, question: &Question) -> Vec<Miss> {
    let mut found: Vec<Miss> = policy.bindings().flat_map(|binding| of_binding(policy, binding, question)).collect();
    found.extend(unbound(policy, question, &found));
    if found.iter().any(|miss| miss.lacks.len() == 1 && miss.cost < OWN) {
        found.retain(|miss| miss.lacks.len() == 1);
    }
    found.sort_by_key(|miss| miss.cost);
    // Another subject's binding is of interest only when there is nothing of the caller's own.
    let nearest = found.first().map_or(0, |miss| miss.cost);
    found.retain(|miss| nearest >= OTHERS || miss.cost < OTHERS);
    found.dedup_by(|a, b| a.sentence == b.sentence);
    found.truncate(KEPT);
    found
}

fn of_binding(policy: &Policy, binding: Binding<'_>, question: &Question) -> Vec<Miss> {
    let request = &question.request;
    let named = binding.subjects.iter().any(|subject| is_caller(&question.caller, subject, binding.namespace));
    let reaches = binding.reaches(request);
    let miss = |rule, lacks, sentence: String, cost: u32| Miss {
        binding: Some(binding.id()),
        role: binding.role_id(),
        rule,
        lacks,
        sentence,
        cost: if binding.own { cost + OWN } else { cost },
    };
    let Some(role) = policy.role(binding) else {
        if !(named && reaches) {
            return vec![];
        }
        let (words, cost) = absent(policy, binding, request);
        return vec![miss(None, vec![Element::Role], words, cost)];
    };
    let granting = role.rules.iter().position(|rule| allows(rule, request));
    match (named, reaches, granting) {
        (true, true, _) if role.rules.is_empty() => {
            let why = if role.aggregated {
                ": it is aggregated, so what is written into it is overwritten, and no role has the labels that it gathers"
            } else {
                ""
            };
            let words =
                format!("{} gives {} {}, which has no rules{why}", binding.id(), who(&question.caller), role.id());
            vec![miss(None, vec![Element::Rules], words, 4)]
        }
        (true, true, _) => of_rules(&role, binding, request, miss),
        (true, false, Some(rule)) => {
            let words = elsewhere(binding, &role, &question.caller, request);
            vec![miss(Some(rule), vec![Element::Namespace], words, 2)]
        }
        (false, true, Some(rule)) => {
            let slip = binding.subjects.iter().find_map(|subject| {
                let slip = slips::subject(&question.caller, subject, binding.namespace)?;
                Some((subject, slip))
            });
            let names = |subject: &Subject, more: &str| {
                let (subject, caller) = (named_as(subject, binding.namespace), made_by(&question.caller, subject));
                format!("{} names {subject}; the call is made by {caller}{more}", binding.id())
            };
            match slip {
                Some((subject, (element, more))) => {
                    // A slip against a binding of the server's own is a coincidence.
                    vec![miss(Some(rule), vec![element], names(subject, &more), 1)]
                }
                None if binding.own => vec![],
                None => {
                    let (words, element) = match binding.subjects.first() {
                        Some(subject) => (names(subject, ""), Element::SubjectName),
                        None => (format!("{} names nobody", binding.id()), Element::SubjectName),
                    };
                    vec![miss(Some(rule), vec![element], words, OTHERS)]
                }
            }
        }
        _ => vec![],
    }
}

/// The rules of a role that the caller has here.
fn of_rules(
    role: &AnyRole<'_>,
    binding: Binding<'_>,
    request: &Request,
    miss: impl Fn(Option<usize>, Vec<Element>, String, u32) -> Miss,
) -> Vec<Miss> {
    let lacking = role.rules.iter().enumerate().filter_map(|(index, rule)| Some((index, slips::lacks(rule, request)?)));
    let near = lacking.filter(|(_, lacks)| lacks.len() == 1 || lacks.len() == 2 && lacks.iter().any(|lack| lack.slip));
    near.map(|(index, lacks)| {
        let cost = lacks.iter().map(|lack| lack.cost).sum::<u32>() + if lacks.len() == 2 { TWO } else { 0 };
        let clauses: Vec<&str> = lacks.iter().map(|lack| lack.clause.as_str()).collect();
        let words =
            format!("rule {} of {}, bound by {}, {}", index + 1, role.id(), binding.id(), clauses.join("; and it "));
        miss(Some(index), lacks.iter().map(|Lack { element, .. }| *element).collect(), words, cost)
    })
    .collect()
}

/// Roles that would grant the call, and that no binding that reaches it names.
fn unbound(policy: &Policy, question: &Question, found: &[Miss]) -> Vec<Miss> {
    let request = &question.request;
    let here =
        |role: &AnyRole<'_>| !role.own && role.namespace.is_none_or(|namespace| place(request) == Some(namespace));
    let free = |role: &AnyRole<'_>| {
        let id = role.id();
        !found.iter().any(|miss| miss.role == id && miss.lacks == [Element::Namespace])
            && !policy.bindings().any(|binding| binding.reaches(request) && binding.role_id() == id)
    };
    let granting = policy.all_roles().filter(here).filter_map(|role| {
        let rule = role.rules.iter().position(|rule| allows(rule, request))?;
        free(&role).then_some((role, rule))
    });
    granting
        .map(|(role, rule)| {
            let bind = match place(request) {
                Some(namespace) => format!("no RoleBinding in namespace {namespace} and no ClusterRoleBinding"),
                None => "no ClusterRoleBinding".into(),
            };
            let sentence = format!("{} would grant it, but {bind} gives it to anybody", role.id());
            Miss { binding: None, role: role.id(), rule: Some(rule), lacks: vec![Element::Binding], sentence, cost: 3 }
        })
        .collect()
}

/// A binding whose role does not exist: where one of that name is, or one with almost that name.
fn absent(policy: &Policy, binding: Binding<'_>, request: &Request) -> (String, u32) {
    let (id, wanted) = (binding.role_id(), binding.role_ref.name.as_str());
    let said = format!("{} names {id}, which does not exist", binding.id());
    let grants = |role: &AnyRole<'_>| role.rules.iter().any(|rule| allows(rule, request));
    let Some(other) = policy.all_roles().filter(|role| role.name == wanted).max_by_key(grants) else {
        let near = |role: &AnyRole<'_>| role.namespace == id.namespace.as_deref();
        let similar = kinds::nearest(wanted, policy.all_roles().filter(near).map(|role| role.name));
        return match similar {
            Some(similar) => (format!("{said}; did it mean {} {similar}?", id.kind), 1),
            None => (said, 4),
        };
    };
    let more = match (other.namespace, binding.namespace) {
        (None, _) => format!("there is a {}, for which roleRef.kind must be ClusterRole", other.id()),
        (Some(_), None) => {
            format!("there is a {}, but a ClusterRoleBinding cannot name a Role", other.id())
        }
        (Some(_), Some(_)) if id.kind == "ClusterRole" => {
            format!("there is a {}, for which roleRef.kind must be Role", other.id())
        }
        (Some(_), Some(_)) => {
            format!("there is a {}, but a RoleBinding reaches only Roles of its own namespace", other.id())
        }
    };
    (format!("{said}; {more}"), if grants(&other) { 1 } else { 4 })
}

/// A RoleBinding of another namespace.
fn elsewhere(binding: Binding<'_>, role: &AnyRole<'_>, caller: &Caller, request: &Request) -> String {
    let here = binding.namespace.unwrap_or_default();
    let call = match request {
        Request::Path { path, .. } => {
            format!("the call is about the path {path}, for which only a ClusterRoleBinding counts")
        }
        Request::Resource { resource, .. } => match place(request) {
            Some(namespace) => format!("the call is about namespace {namespace}"),
            None => format!(
                "the call is about {resource} at the cluster scope (all namespaces, or none), for which only a \
                 ClusterRoleBinding counts"
            ),
        },
    };
    format!("{} gives {} {}, but in namespace {here} only; {call}", binding.id(), who(caller), role.id())
}

/// A grant in one sentence.
pub fn granted(grant: &Grant, question: &Question) -> String {
    let subject = named_as(&grant.subject, grant.binding.namespace.as_deref());
    let caller = who(&question.caller);
    let through = if grant.subject.kind == "Group" { format!("{subject}, to which {caller} belongs,") } else { caller };
    let reach = match (&grant.binding.namespace, grant.role.kind) {
        (Some(namespace), "ClusterRole") => format!(" in namespace {namespace}"),
        _ => String::new(),
    };
    let Grant { binding, role, index, rule, .. } = grant;
    format!("{binding} gives {through} {role}{reach}, whose rule {} allows {}", index + 1, rule_words(rule))
}

/// When nothing is near.
pub fn nothing_near(question: &Question) -> String {
    format!("no binding gives {} anything like it", who(&question.caller))
}

/// `get, list on pods`.
pub(super) fn rule_words(rule: &PolicyRule) -> String {
    let (paths, names) = (list(rule.non_resource_urls.as_ref()), list(rule.resource_names.as_ref()));
    if !paths.is_empty() {
        return format!("{} on the paths {}", shortened(&rule.verbs), shortened(paths));
    }
    let groups: Vec<&str> =
        list(rule.api_groups.as_ref()).iter().map(String::as_str).filter(|group| !group.is_empty()).collect();
    let of = if groups.is_empty() { String::new() } else { format!(" of API group {}", groups.join(", ")) };
    let named = if names.is_empty() { String::new() } else { format!(" named {}", shortened(names)) };
    format!("{} on {}{of}{named}", shortened(&rule.verbs), shortened(list(rule.resources.as_ref())))
}

/// The caller in words.
pub fn who(caller: &Caller) -> String {
    match usernames::account(&caller.user) {
        Some((namespace, name)) => format!("ServiceAccount {name} of namespace {namespace}"),
        None if caller.user == "system:anonymous" => "system:anonymous (a call without a token)".into(),
        None => match caller.group_alone() {
            Some(group) => format!("Group {group}"),
            None => format!("User {}", caller.user),
        },
    }
}

/// The caller in the words of a subject that is almost the same.
fn made_by(caller: &Caller, subject: &Subject) -> String {
    match usernames::account(&caller.user) {
        Some((namespace, name)) if subject.kind == "ServiceAccount" => format!("{name} of namespace {namespace}"),
        _ => who(caller),
    }
}

/// A subject in words.
fn named_as(subject: &Subject, binding: Option<&str>) -> String {
    let namespace = subject.namespace.as_deref().filter(|namespace| !namespace.is_empty()).or(binding);
    match (subject.kind.as_str(), namespace) {
        ("ServiceAccount", Some(namespace)) => format!("ServiceAccount {} of namespace {namespace}", subject.name),
        ("ServiceAccount", None) => format!("ServiceAccount {} of no namespace", subject.name),
        (kind, _) => format!("{kind} {}", subject.name),
    }
}
