//! What each verb takes, in Kubernetes' own words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{can::Words, places::In};

/// One manifest, or a list of them, just as kubectl takes them. `metadata.namespace` and the namespace of a
/// ServiceAccount among a binding's subjects are filled in when left out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Manifests {
    /// All manifests of a file, which may have several documents or lists, e.g. `{file: role.yaml}`: Namespaces and
    /// CustomResourceDefinitions first, the others in their order.
    File(ManifestFile),
    /// All manifests of a folder, e.g. `{dir: ../config/rbac}`.
    Dir(ManifestDir),
    /// What a kustomization makes, e.g. `{kustomize: ../config/default}`.
    Kustomize(Kustomization),
    /// What a chart makes, e.g. `{helm: {chart: ../charts/app, values: [../charts/app/ci.yaml]}}`.
    Helm(HelmChart),
    /// One object.
    One(Map<String, Value>),
    /// Several objects, sent in this order.
    Many(#[schemars(length(min = 1))] Vec<Map<String, Value>>),
}

/// A file of manifests.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ManifestFile {
    /// Its name, from the scenario's folder, e.g. `manifests/role.yml` or `../../config/rbac/role.yaml`. It is in the scenario's
    /// project: the folder of `kubewalk.toml`, else that of `.git` or `Cargo.toml`, else the scenario's own. A folder `manifests` is
    /// never searched for scenarios.
    pub file: String,
    /// `true`: `{namespace}` and `{saved.NAME}` in its texts are filled in, as in the scenario's own. Left out: the file is sent
    /// as it is written, as kubectl would.
    #[serde(default)]
    pub fill: bool,
    /// The namespace of all objects in it that name none, as `kubectl apply -n NAME` has it: one that an earlier step or the file
    /// itself makes, or one of Kubernetes' own. Left out: the scenario's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Only some of the objects. Left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
    /// `rbac`: only ServiceAccounts, Roles, ClusterRoles and their bindings, so that rights can be tried without the images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
}

/// A folder of manifests.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ManifestDir {
    /// Its name, from the scenario's folder, e.g. `../config/rbac`: all `*.yaml`, `*.yml` and `*.json` in it, in the order of
    /// their names, as `kubectl apply -f` takes them; folders below it and a `kustomization.yaml` are left out.
    pub dir: String,
    /// `true`: `{namespace}` and `{saved.NAME}` in the texts are filled in. Left out: they are sent as they are written.
    #[serde(default)]
    pub fill: bool,
    /// The namespace of all objects that name none. Left out: the scenario's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Only some of the objects. Left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
    /// `rbac`: only ServiceAccounts, Roles, ClusterRoles and their bindings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
}

/// A folder with a kustomization.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Kustomization {
    /// Its name, from the scenario's folder, e.g. `../config/default`. It is rendered by `kubectl kustomize` from files of the
    /// project alone: nothing is fetched, no plugin and no helm is started.
    pub kustomize: String,
    /// The namespace of all objects that name none. Left out: the scenario's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Only some of the objects. Left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
    /// `rbac`: only ServiceAccounts, Roles, ClusterRoles and their bindings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
}

/// A chart that is rendered.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HelmChart {
    /// The chart. It is rendered by `helm template` from files of the project alone, with its CustomResourceDefinitions and without
    /// hooks and tests: nothing is fetched, no plugin and no post-renderer is started. It is rendered for the version of Kubernetes that
    /// is asked for (`--kubernetes`; of several, the first), else for the newest builtin one. With `--untrusted` it is refused.
    pub helm: Chart,
    /// Only some of the objects. Left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
    /// `rbac`: only ServiceAccounts, Roles, ClusterRoles and their bindings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
}

/// Which chart, and with what.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Chart {
    /// The chart's folder, from the scenario's folder, e.g. `../charts/app`; what it depends on is in its `charts/`.
    pub chart: String,
    /// Files with values, from the scenario's folder; a later one is stronger. Left out: the chart's own values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Words>,
    /// The name of the release. Left out: that of the chart's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The namespace of the release, and of all objects that name none. Left out: the scenario's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Which objects of several; what is said must all be true of them.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Select {
    /// Of this kind, or of one of these, e.g. `[Role, RoleBinding]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Words>,
    /// Of this name, or of one of these; `*` stands for any text, e.g. `app-*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Words>,
    /// With these labels, e.g. `app=web,tier!=db`, as `kubectl -l` takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What alone is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Only {
    /// ServiceAccounts, Roles, ClusterRoles and their bindings.
    Rbac,
}

/// Which object, or which objects.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ObjectRef {
    /// The kind, e.g. `Pod`.
    pub kind: String,
    /// The apiVersion, e.g. `rbac.authorization.k8s.io/v1`. Left out: the one that Kubernetes' own kinds have.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The name. Left out: `get` lists all objects of the kind, and `delete` takes a `labelSelector`.
    #[serde(default)]
    pub name: Option<String>,
    /// The namespace, if it is not the scenario's own; `*` with `get` lists those of all namespaces.
    #[serde(default)]
    pub namespace: Option<String>,
    /// A label selector for a list, e.g. `app=web`; with `delete`, all that have these labels are deleted.
    #[serde(default)]
    pub label_selector: Option<String>,
    /// A field selector for a list, e.g. `metadata.name=default`.
    #[serde(default)]
    pub field_selector: Option<String>,
}

/// What to wait for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Wait {
    /// The kind, e.g. `Pod`.
    pub kind: String,
    /// The apiVersion. Left out: the one that Kubernetes' own kinds have.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The name.
    pub name: String,
    /// The namespace, if it is not the scenario's own.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The state.
    #[serde(rename = "for")]
    pub until: Until,
}

/// A state that an object can be waited for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Until {
    /// The object exists.
    Exists,
    /// The object is gone.
    Deleted,
    /// A condition of this type has status `True`, e.g. `condition: Ready`.
    Condition(String),
    /// The object contains this part, e.g. `object: {status: {phase: Running}}`.
    Object(Map<String, Value>),
}

/// A Pod of one container that does nothing, so that curl and exec can run in it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Pod {
    /// The Pod's name.
    pub name: String,
    /// The image; `curl` is an alias for a small image with curl and a shell that every cluster kind has preloaded.
    pub image: String,
    /// `spec.serviceAccountName`. Left out: Kubernetes fills in `default`.
    #[serde(default)]
    pub service_account: Option<String>,
    /// `spec.automountServiceAccountToken`. Left out: as the ServiceAccount says, or else `true`.
    #[serde(default)]
    pub automount_service_account_token: Option<bool>,
    /// `metadata.labels`.
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, String>,
}

/// A ServiceAccount: its name, or a name with settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ServiceAccount {
    /// Just the name.
    Name(String),
    /// With settings.
    Full(ServiceAccountFields),
}

/// A ServiceAccount with settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceAccountFields {
    /// The name.
    pub name: String,
    /// `automountServiceAccountToken`. Left out: `true`, unless the Pod says otherwise.
    #[serde(default)]
    pub automount_service_account_token: Option<bool>,
}

/// A Role or ClusterRole.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Role {
    /// The name.
    pub name: String,
    /// What it allows.
    pub rules: Vec<Rule>,
}

/// One rule (`rbac.authorization.k8s.io/v1` PolicyRule).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    /// API groups; `""` is the core group.
    #[serde(default)]
    pub api_groups: Vec<String>,
    /// Resources in the plural, `pods/log` for a subresource.
    #[serde(default)]
    pub resources: Vec<String>,
    /// What may be done: get, list, watch, create, update, patch, delete, deletecollection …
    pub verbs: Vec<String>,
    /// Only the objects of these names.
    #[serde(default)]
    pub resource_names: Vec<String>,
    /// URL paths such as `/metrics` (ClusterRole only).
    #[serde(default, rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
}

/// A RoleBinding or ClusterRoleBinding.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Bind {
    /// The binding's name. Left out: `ROLE_SUBJECT`, as the tutorial names it.
    #[serde(default)]
    pub name: Option<String>,
    /// The Role's name. Exactly one of `role` and `clusterRole`.
    #[serde(default)]
    pub role: Option<String>,
    /// The ClusterRole's name.
    #[serde(default)]
    pub cluster_role: Option<String>,
    /// The subjects that get the role.
    pub to: Vec<Subject>,
    /// A ClusterRoleBinding instead of a RoleBinding: the right holds in all namespaces. Left out: `false`.
    #[serde(default)]
    pub cluster_wide: bool,
}

/// Who is bound.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// A ServiceAccount, `NAME` of the scenario's namespace or `NAMESPACE/NAME`.
    ServiceAccount(String),
    /// A user name.
    User(String),
    /// A group name, e.g. `system:authenticated`.
    Group(String),
}

/// A call by curl from inside a Pod.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Curl {
    /// The Pod to call from. Where its image has no curl or no shell, kubewalk puts an ephemeral container beside it for the
    /// call, with the same network and the same mounted token; it stays in the Pod until the Pod goes.
    #[serde(rename = "in")]
    pub pod: In,
    /// The container. Left out: the Pod's first.
    #[serde(default)]
    pub container: Option<String>,
    /// The URL to call. `https://kubernetes` resolves in namespace `default` only; elsewhere say `https://kubernetes.default`.
    /// `{namespace}` becomes the scenario's namespace. A host, or the whole URL, may be a saved value; a token goes only to a saved
    /// host that belongs to the cluster.
    pub url: String,
    /// The HTTP method. Left out: GET, or POST with a `body`.
    #[serde(default)]
    pub method: Option<Method>,
    /// Where the bearer token comes from. Left out: none is sent, the call is anonymous.
    #[serde(default)]
    pub token: Option<Token>,
    /// Does not check the server's certificate (curl `--insecure`). Left out: `false`.
    #[serde(default)]
    pub insecure: bool,
    /// Checks the server's certificate against the mounted `ca.crt`. Left out: `true` unless `insecure` or
    /// `cacert: false` is said or the URL is not https.
    #[serde(default)]
    pub cacert: Option<bool>,
    /// Further request headers.
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
    /// A JSON body.
    #[serde(default)]
    pub body: Option<Value>,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "HTTP's own words")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

impl Method {
    /// HTTP's own word: `GET`.
    pub fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Head => "HEAD",
            Method::Options => "OPTIONS",
        }
    }
}

/// Where a bearer token comes from. It goes to curl by its standard input, never by an argument.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Token {
    /// The file that Kubernetes mounts into the Pod, read anew at each call.
    Mounted,
    /// The token that an earlier step saved under this name.
    Saved(String),
}

/// A command in a container.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Exec {
    /// The Pod.
    #[serde(rename = "in")]
    pub pod: In,
    /// The container. Left out: the Pod's first.
    #[serde(default)]
    pub container: Option<String>,
    /// The program and its arguments; no shell reads them.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// What the command reads on its standard input.
    #[serde(default)]
    pub stdin: Option<String>,
}
