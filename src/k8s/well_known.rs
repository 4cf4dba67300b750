//! Names that every cluster has.

/// RBAC's group.
pub const RBAC: &str = "rbac.authorization.k8s.io";

/// Namespaces that every cluster has.
pub const EVERYWHERE: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];
