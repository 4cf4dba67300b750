//! Kubernetes' own kinds: group, version, plural and scope.

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
