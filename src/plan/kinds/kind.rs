//! A kind of object, and where the API server has it.

use std::any::TypeId;

use k8s_openapi::{ClusterResourceScope, Resource};

/// A kind of object, and where the API server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// `""` for the core group.
    pub group: String,
    /// e.g. `v1`.
    pub version: String,
    /// e.g. `RoleBinding`.
    pub kind: String,
    /// e.g. `rolebindings`; `None` for a kind that is not Kubernetes' own (the cluster is asked).
    pub plural: Option<String>,
    /// Whether its objects live in a namespace; a guess of `true` when `plural` is `None`.
    pub namespaced: bool,
}

impl Kind {
    /// One of Kubernetes' own kinds.
    pub(super) fn own<K: Resource>() -> Self
    where
        K::Scope: 'static,
    {
        Self {
            group: K::GROUP.into(),
            version: K::VERSION.into(),
            kind: K::KIND.into(),
            plural: Some(K::URL_PATH_SEGMENT.into()),
            namespaced: TypeId::of::<K::Scope>() != TypeId::of::<ClusterResourceScope>(),
        }
    }

    /// The `apiVersion` of its manifests: `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether it is this kind of this group, whatever the version.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// Whether it is sent to a part of another object: its plural is that object's, and the part.
    pub fn is_part(&self) -> bool {
        self.plural.as_ref().is_some_and(|plural| plural.contains('/'))
    }

    /// What kubectl calls it: `pods`, `roles.rbac.authorization.k8s.io`.
    pub fn kubectl(&self) -> String {
        let word = self.plural.clone().unwrap_or_else(|| self.kind.to_lowercase());
        if self.group.is_empty() {
            word
        } else if self.plural.is_some() {
            format!("{word}.{}", self.group)
        } else {
            format!("{word}.{}.{}", self.version, self.group)
        }
    }
}
