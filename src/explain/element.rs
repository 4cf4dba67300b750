//! What a rule or a binding can lack.

/// What a miss lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Element {
    /// `verbs`.
    Verb,
    /// `resources`.
    Resource,
    /// The part of a resource after the slash.
    Subresource,
    /// `apiGroups`.
    ApiGroup,
    /// `resourceNames`.
    Name,
    /// `nonResourceURLs`.
    Path,
    /// The binding holds in another namespace.
    Namespace,
    /// The binding's subject is of another kind.
    SubjectKind,
    /// The binding's subject has another name.
    SubjectName,
    /// The binding's subject is of another namespace.
    SubjectNamespace,
    /// No binding gives the role to any subject here.
    Binding,
    /// The binding's role does not exist.
    Role,
    /// The binding's role has no rules at all.
    Rules,
}

/// A list that does not grow beyond reading.
pub(super) fn shortened(list: &[String]) -> String {
    const MANY: usize = 6;
    let head = list[..list.len().min(MANY)].join(", ");
    if list.len() > MANY { format!("{head} and {} more", list.len() - MANY) } else { head }
}
