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

/// Groups that Kubernetes itself gives or binds, beside those of one namespace's accounts.
pub const GROUPS: [&str; 7] = [
    "system:masters",
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
    "system:nodes",
    "system:bootstrappers",
    "system:monitoring",
];

/// Users that Kubernetes itself knows, beside nodes and accounts.
pub const USERS: [&str; 5] = [
    "system:anonymous",
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-proxy",
    "system:kube-scheduler",
];

/// The signers of certificates that every cluster has.
pub const SIGNERS: [&str; 4] = [
    "kubernetes.io/kube-apiserver-client",
    "kubernetes.io/kube-apiserver-client-kubelet",
    "kubernetes.io/kubelet-serving",
    "kubernetes.io/legacy-unknown",
];

/// The labels by which ClusterRoles become parts of Kubernetes' own.
pub const AGGREGATE_TO: [&str; 3] = [
    "rbac.authorization.k8s.io/aggregate-to-view",
    "rbac.authorization.k8s.io/aggregate-to-edit",
    "rbac.authorization.k8s.io/aggregate-to-admin",
];
