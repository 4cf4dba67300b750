//! RBAC's decision, made again from the objects: a pure function that agrees with the API server's authorizer.
//!
//! The rules are those of `plugin/pkg/auth/authorizer/rbac` and `pkg/registry/rbac/validation` of Kubernetes. A
//! ClusterRoleBinding holds everywhere, a RoleBinding in its own namespace only; a role is whatever its `rules` are now
//! (aggregated roles are filled in by a controller, and read as they are); a binding to a role that does not exist grants
//! nothing.

use std::fmt;

use k8s_openapi::{
    api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use crate::{
    k8s::usernames,
    plan::{Identity, Request},
};

/// Everything that RBAC decides by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// All Roles.
    pub roles: Vec<Role>,
    /// All ClusterRoles.
    pub cluster_roles: Vec<ClusterRole>,
    /// All RoleBindings.
    pub role_bindings: Vec<RoleBinding>,
    /// All ClusterRoleBindings.
    pub cluster_role_bindings: Vec<ClusterRoleBinding>,
}

/// Who asks, as the API server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user name, e.g. `system:serviceaccount:a:reader`.
    pub user: String,
    /// All groups, the implied ones included.
    pub groups: Vec<String>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who asks.
    pub caller: Caller,
    /// For what.
    pub request: Request,
}

/// An RBAC object, by its kind and name: `RoleBinding a/readers`, `ClusterRole view`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id {
    /// Role, ClusterRole, RoleBinding, ClusterRoleBinding.
    pub kind: &'static str,
    /// `None` for a cluster-wide kind.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Why a call is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// The binding.
    pub binding: Id,
    /// That of its subjects which the caller is.
    pub subject: Subject,
    /// The role that it names.
    pub role: Id,
    /// Which of its rules, 0 for the first.
    pub index: usize,
    /// The rule.
    pub rule: PolicyRule,
}

/// A RoleBinding or a ClusterRoleBinding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding<'a> {
    /// `None`: a ClusterRoleBinding.
    pub namespace: Option<&'a str>,
    pub name: &'a str,
    pub role_ref: &'a RoleRef,
    pub subjects: &'a [Subject],
    /// Whether it is one of Kubernetes' own.
    pub own: bool,
}

/// A Role or a ClusterRole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnyRole<'a> {
    /// `None`: a ClusterRole.
    pub namespace: Option<&'a str>,
    pub name: &'a str,
    pub rules: &'a [PolicyRule],
    /// Whether a controller fills it from other roles.
    pub aggregated: bool,
    /// Whether it is one of Kubernetes' own.
    pub own: bool,
}

/// The first binding and rule that allow the call; `None`: RBAC does not allow it.
pub fn grant(policy: &Policy, question: &Question) -> Option<Grant> {
    policy.bindings().filter(|binding| binding.reaches(&question.request)).find_map(|binding| {
        let subject =
            binding.subjects.iter().find(|subject| is_caller(&question.caller, subject, binding.namespace))?;
        let role = policy.role(binding)?;
        let index = role.rules.iter().position(|rule| allows(rule, &question.request))?;
        Some(Grant {
            binding: binding.id(),
            subject: subject.clone(),
            role: role.id(),
            index,
            rule: role.rules[index].clone(),
        })
    })
}

impl Caller {
    /// The group, if nothing else is known of the caller.
    pub fn group_alone(&self) -> Option<&str> {
        self.groups.first().filter(|_| self.user.is_empty()).map(String::as_str)
    }

    /// A user with the groups that are said, and those that the API server adds to them.
    pub fn new(user: impl Into<String>, groups: impl IntoIterator<Item = String>) -> Self {
        let user = user.into();
        Self { groups: usernames::groups(&user, groups), user }
    }

    /// The caller that an identity of a scenario is.
    pub fn from_identity(identity: &Identity) -> Self {
        Self { user: identity.username(), groups: identity.groups() }
    }
}

impl Policy {
    /// In the authorizer's order: cluster-wide ones first.
    pub(crate) fn bindings(&self) -> impl Iterator<Item = Binding<'_>> {
        let cluster = self.cluster_role_bindings.iter().map(|binding| Binding {
            namespace: None,
            name: name(&binding.metadata),
            role_ref: &binding.role_ref,
            subjects: list(binding.subjects.as_ref()),
            own: own(&binding.metadata),
        });
        cluster.chain(self.role_bindings.iter().map(|binding| Binding {
            namespace: Some(namespace(&binding.metadata)),
            name: name(&binding.metadata),
            role_ref: &binding.role_ref,
            subjects: list(binding.subjects.as_ref()),
            own: own(&binding.metadata),
        }))
    }

    /// All roles of both kinds.
    pub(super) fn all_roles(&self) -> impl Iterator<Item = AnyRole<'_>> {
        let cluster = self.cluster_roles.iter().map(|role| AnyRole {
            namespace: None,
            name: name(&role.metadata),
            rules: list(role.rules.as_ref()),
            aggregated: role.aggregation_rule.is_some(),
            own: own(&role.metadata),
        });
        cluster.chain(self.roles.iter().map(|role| AnyRole {
            namespace: Some(namespace(&role.metadata)),
            name: name(&role.metadata),
            rules: list(role.rules.as_ref()),
            aggregated: false,
            own: own(&role.metadata),
        }))
    }

    /// The role that a binding names, if it exists.
    pub(crate) fn role(&self, binding: Binding<'_>) -> Option<AnyRole<'_>> {
        let place = match binding.role_ref.kind.as_str() {
            "ClusterRole" => None,
            // A Role is looked for where the binding is.
            "Role" => Some(binding.namespace?),
            _ => return None,
        };
        self.all_roles().find(|role| role.namespace == place && role.name == binding.role_ref.name)
    }
}

impl Binding<'_> {
    pub fn id(&self) -> Id {
        let kind = if self.namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
        Id { kind, namespace: self.namespace.map(str::to_owned), name: self.name.to_owned() }
    }

    /// The role that it names, whether it exists or not.
    pub fn role_id(&self) -> Id {
        let (kind, namespace) = match self.role_ref.kind.as_str() {
            "Role" => ("Role", self.namespace),
            _ => ("ClusterRole", None),
        };
        Id { kind, namespace: namespace.map(str::to_owned), name: self.role_ref.name.clone() }
    }

    /// Whether it holds where the call goes.
    pub fn reaches(&self, request: &Request) -> bool {
        self.namespace.is_none_or(|namespace| place(request) == Some(namespace))
    }
}

impl AnyRole<'_> {
    pub fn id(&self) -> Id {
        let kind = if self.namespace.is_some() { "Role" } else { "ClusterRole" };
        Id { kind, namespace: self.namespace.map(str::to_owned), name: self.name.to_owned() }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// Whether a subject of a binding (in a namespace, or cluster-wide) is the caller.
pub(crate) fn is_caller(caller: &Caller, subject: &Subject, binding: Option<&str>) -> bool {
    match subject.kind.as_str() {
        "User" => caller.user == subject.name,
        "Group" => caller.groups.contains(&subject.name),
        "ServiceAccount" => {
            let namespace = subject.namespace.as_deref().filter(|namespace| !namespace.is_empty()).or(binding);
            namespace.is_some_and(|namespace| usernames::is_account(&caller.user, namespace, &subject.name))
        }
        _ => false,
    }
}

/// Whether a rule allows a request.
pub fn allows(rule: &PolicyRule, request: &Request) -> bool {
    match request {
        Request::Path { verb, path } => verb_fits(rule, verb) && path_fits(rule, path),
        Request::Resource { verb, group, resource, subresource, name, .. } => {
            verb_fits(rule, verb)
                && group_fits(rule, group)
                && resource_fits(rule, resource, subresource.as_deref())
                && name_fits(rule, name.as_deref())
        }
    }
}

pub(super) fn verb_fits(rule: &PolicyRule, verb: &str) -> bool {
    rule.verbs.iter().any(|of| of == "*" || of == verb)
}

pub(super) fn group_fits(rule: &PolicyRule, group: &str) -> bool {
    list(rule.api_groups.as_ref()).iter().any(|of| of == "*" || of == group)
}

/// `*` is everything with all subresources, `*/log` is that subresource of everything; `pods/*` is only a strange name.
pub(super) fn resource_fits(rule: &PolicyRule, resource: &str, subresource: Option<&str>) -> bool {
    let subresource = subresource.filter(|subresource| !subresource.is_empty());
    list(rule.resources.as_ref()).iter().any(|of| {
        of == "*"
            || match subresource {
                None => of == resource,
                Some(sub) => {
                    of.strip_prefix("*/") == Some(sub)
                        || of.strip_prefix(resource).and_then(|rest| rest.strip_prefix('/')) == Some(sub)
                }
            }
    })
}

/// A rule with names allows nothing without a name: no list (but for one name by field selector), no create.
pub(super) fn name_fits(rule: &PolicyRule, name: Option<&str>) -> bool {
    let names = list(rule.resource_names.as_ref());
    names.is_empty() || names.iter().any(|of| of == name.unwrap_or_default())
}

/// Exactly, or by a `*` at the end.
pub(super) fn path_fits(rule: &PolicyRule, path: &str) -> bool {
    list(rule.non_resource_urls.as_ref())
        .iter()
        .any(|of| of == path || of.ends_with('*') && path.starts_with(of.trim_end_matches('*')))
}

/// The namespace of a request, if it has one.
pub(super) fn place(request: &Request) -> Option<&str> {
    match request {
        Request::Resource { namespace, .. } => namespace.as_deref().filter(|namespace| !namespace.is_empty()),
        Request::Path { .. } => None,
    }
}

pub(super) fn list<T>(list: Option<&Vec<T>>) -> &[T] {
    list.map_or(&[], Vec::as_slice)
}

fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

fn namespace(metadata: &ObjectMeta) -> &str {
    metadata.namespace.as_deref().unwrap_or_default()
}

/// Whether the object belongs to Kubernetes itself, by its label or its name.
fn own(metadata: &ObjectMeta) -> bool {
    name(metadata).starts_with("system:")
        || metadata.labels.as_ref().is_some_and(|labels| labels.contains_key("kubernetes.io/bootstrapping"))
}
