//! Names that every cluster has.

/// RBAC's group.
pub const RBAC: &str = "rbac.authorization.k8s.io";

/// The group and kind of ServiceAccounts.
pub const ACCOUNT: (&str, &str) = ("", "ServiceAccount");

/// The group and kind of Pods.
pub const POD: (&str, &str) = ("", "Pod");

/// Namespaces that every cluster has.
pub const EVERYWHERE: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Where a Pod's ServiceAccount token and the cluster's CA certificate are mounted.
pub const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
