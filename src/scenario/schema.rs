//! The outer shape of a scenario file: a title, and steps.

use schemars::JsonSchema;
use serde::Deserialize;

use serde_json::{Map, Value, json};

use super::{
    calls, can::Can, duration::Duration, expect::Expects, kubectl::Kubectl, one_verb::one_verb, server::Server, verbs,
    when::When,
};

/// A story about ServiceAccounts and RBAC that a real API server confirms or refutes, step by step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Scenario {
    /// The claim of the whole file in one line.
    pub title: String,
    /// Narration: what the reader learns here, in plain words.
    #[serde(default)]
    pub say: Option<String>,
    /// The namespace in which everything happens. Left out: a fresh one, removed afterwards. A scenario that names one has it for
    /// itself, and what it made there is removed afterwards. One that is not Kubernetes' own is made for it and removed, too, but in
    /// a cluster that exists it must be there, be named with `--namespace`, and stays.
    #[serde(default)]
    pub namespace: Option<Namespace>,
    /// How the API server is to be other than usual: admission plugins, feature gates, its configuration. Left out: it is as
    /// kubeadm starts it.
    #[serde(default)]
    pub cluster: Option<Server>,
    /// Words by which a run can choose, e.g. `tutorial`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Ids of claims in a file of your own that the scenario as a whole shows, e.g. a control of a benchmark (see
    /// [docs/guides/claims.md](guides/claims.md)).
    #[serde(default)]
    pub refs: Vec<Ref>,
    /// The longest that all steps together may take, e.g. `5m`, at most `60m`. Left out: 15m. When it is over, nothing is known
    /// about the claim: that is a fault of the environment.
    #[serde(default)]
    pub timeout: Option<Duration>,
    /// What is secret beside what kubewalk knows by itself: regular expressions. The first group of each, or all that it
    /// matches, is blacked out in everything that this run shows, of this scenario and of others.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub redact: Vec<String>,
    /// What happens, in order. The first step that fails ends the scenario.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
    /// The JSON Schema for editors that read it from the file.
    #[serde(default, rename = "$schema")]
    #[allow(dead_code, reason = "read by editors only")]
    pub schema: Option<String>,
}

/// The name of a namespace: `default`, the only one whose Pods can say `https://kubernetes`, or e.g. `team-a`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Namespace(#[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))] pub String);

/// One step: a title that says the claim, exactly one verb, and what must come of it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(transform = one_verb)]
pub struct Step {
    /// The claim that this step proves.
    pub title: String,
    /// Narration before the step.
    #[serde(default)]
    pub say: Option<String>,
    /// A question to those who look on: `kubewalk demo` asks it before it shows the answer, the title and all but the first paragraph
    /// of `say`, e.g. `200 or 403?`.
    #[serde(default)]
    pub predict: Option<String>,
    /// Ids of the claims in `docs/claims.md` that this step proves, e.g. `S1.20`.
    #[serde(default)]
    pub rows: Vec<Row>,
    /// Ids of claims in a file of your own that this step shows, e.g. `CIS-5.1.3`.
    #[serde(default)]
    pub refs: Vec<Ref>,
    /// The longest that the step may take, waiting included, e.g. `30s`. Left out: 60s.
    #[serde(default)]
    pub timeout: Option<Duration>,
    /// What the answer must look like. Left out: the verb must succeed. Where clusters differ, a list: each element may have
    /// a `when`, and all that apply must hold.
    #[serde(default)]
    pub expect: Option<Expects>,
    /// The clusters on which the step is run, e.g. `{kubernetes: '>=1.24'}`; on others it is skipped, and says why.
    #[serde(default)]
    pub when: Option<When>,

    /// A small table: the step is run once for each row, and `{each.NAME}` in its texts, the title first of all, stands for
    /// the row's value. A text that is only the placeholder becomes the value with its type (`status: '{each.code}'`).
    #[serde(default)]
    #[allow(dead_code, reason = "written out before a step is read")]
    #[schemars(length(min = 1))]
    #[schemars(example = json!([{"who": "reader", "code": 200}, {"who": "stranger", "code": 403}]))]
    pub each: Option<Vec<Map<String, Value>>>,
    /// Asks the API server who may do what: one question, or a table in which everything has an answer.
    #[serde(default)]
    #[schemars(example = json!({"who": "serviceaccount/reader", "verb": "list", "resource": "pods", "allowed": true}))]
    #[schemars(example = json!({"who": ["serviceaccount/reader", "anonymous"], "default": "denied",
        "asked": [{"verb": ["get", "list", "delete"], "resource": ["pods", "secrets"]}],
        "allowed": [{"who": "serviceaccount/reader", "verb": "list", "resource": "pods"}], "sample": 2}))]
    pub can: Option<Can>,
    /// Calls the real kubectl on the cluster's node, without a shell.
    #[serde(default)]
    #[schemars(example = json!({"args": ["auth", "can-i", "list", "pods", "--as=system:serviceaccount:{namespace}:reader"]}))]
    pub kubectl: Option<Kubectl>,
    /// Creates or changes objects as `kubectl apply --server-side` does (one PATCH for each).
    #[serde(default)]
    #[schemars(example = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "demo-sa"}}))]
    pub apply: Option<verbs::Manifests>,
    /// Creates objects and fails if one exists (one POST for each).
    #[serde(default)]
    #[schemars(example = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"color": "blue"}}))]
    pub create: Option<verbs::Manifests>,
    /// Reads one object by name, or lists them.
    #[serde(default)]
    #[schemars(example = json!({"kind": "ServiceAccount", "name": "default"}))]
    pub get: Option<verbs::ObjectRef>,
    /// Deletes one object by name, or all of a kind that have some labels (`labelSelector`), and waits until they are gone.
    #[serde(default)]
    #[schemars(example = json!({"kind": "Pod", "name": "reader"}))]
    pub delete: Option<verbs::ObjectRef>,
    /// Waits, by watch, until an object is in the state that is asked for.
    #[serde(default)]
    #[schemars(example = json!({"kind": "Pod", "name": "reader", "for": {"condition": "Ready"}}))]
    pub wait: Option<verbs::Wait>,
    /// Creates a Pod that sleeps, and waits until it is Ready.
    #[serde(default)]
    #[schemars(example = json!({"name": "reader", "image": "curl", "serviceAccount": "demo-sa"}))]
    pub pod: Option<verbs::Pod>,
    /// Creates a ServiceAccount.
    #[serde(default)]
    #[schemars(example = json!("demo-sa"))]
    pub service_account: Option<verbs::ServiceAccount>,
    /// Creates a Role in the scenario's namespace.
    #[serde(default)]
    #[schemars(example = json!({"name": "list-pods", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]}))]
    pub role: Option<verbs::Role>,
    /// Creates a ClusterRole.
    #[serde(default)]
    #[schemars(example = json!({"name": "read-metrics", "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}))]
    pub cluster_role: Option<verbs::Role>,
    /// Binds a Role or ClusterRole to subjects (a RoleBinding, or a ClusterRoleBinding with `clusterWide: true`).
    #[serde(default)]
    #[schemars(example = json!({"role": "list-pods", "to": [{"serviceAccount": "demo-sa"}]}))]
    pub bind: Option<verbs::Bind>,
    /// Calls the API server (or another URL) with curl from inside a Pod.
    #[serde(default)]
    #[schemars(example = json!({"in": "reader", "url": "https://kubernetes.default/api/v1/namespaces/{namespace}/pods", "token": "mounted"}))]
    pub curl: Option<verbs::Curl>,
    /// Runs a command in a Pod's container, without a shell and without a terminal.
    #[serde(default)]
    #[schemars(example = json!({"in": "reader", "command": ["cat", "/etc/hostname"]}))]
    pub exec: Option<verbs::Exec>,

    /// Who asks, with `get create apply patch delete request whoami token kubectl`: `serviceaccount/NAME`, `serviceaccount/NAMESPACE/NAME`,
    /// `anonymous`, `{user: NAME, groups: [...]}`, `{token: '{saved.NAME}'}` or `{text: 'no token'}`. Left out: kubewalk's own
    /// administrator.
    #[serde(default, rename = "as")]
    pub asked_as: Option<calls::As>,
    /// Sends one request to the API server from outside the cluster, and takes the answer as it comes.
    #[serde(default)]
    #[schemars(example = json!({"path": "/api/v1/namespaces/{namespace}/pods"}))]
    pub request: Option<calls::Request>,
    /// Keeps values of the answer for later steps, which say `{saved.NAME}`. After each NAME stands a JSON path (`$` is the
    /// whole answer), or `stdout` with `exec` and `kubectl`, or `token` with `token`: a token is never shown, and stands only in
    /// `as: {token: '{saved.NAME}'}` and in `token: {saved: NAME}` of `curl`.
    #[serde(default)]
    pub save: std::collections::BTreeMap<String, String>,
    /// Asks the server for whom it takes the caller; `object` is what it says: `username`, `groups`, `uid`, `extra`.
    #[serde(default)]
    #[schemars(example = json!({}))]
    pub whoami: Option<calls::Whoami>,
    /// Asks for a token of a ServiceAccount and reads it: `json` has its `header`, its `claims`, its `lifetime` in seconds, the
    /// server's `expirationTimestamp`, and its `signature` (`valid`, `invalid`, or `unknownKey`), but not the token.
    #[serde(default)]
    #[schemars(example = json!({"serviceAccount": "demo-sa", "duration": "30m"}))]
    pub token: Option<calls::TokenRequest>,
    /// Changes one object (one PATCH).
    #[serde(default)]
    #[schemars(example = json!({"kind": "ServiceAccount", "name": "demo-sa", "body": {"automountServiceAccountToken": false}}))]
    pub patch: Option<calls::Patch>,
}

/// The id of a claim in `docs/claims.md`: `S1.20` (first tutorial), `S2.5` (second), `F12` (a further scenario), or
/// `C15` (a public case).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Row(#[schemars(regex(pattern = r"^(S[12]\.[0-9]+b?|[FC][0-9]+)$"))] pub String);

/// The id of a claim in a file of your own: `CIS-5.1.3`, `AC-6`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Ref(#[schemars(regex(pattern = r"^[A-Za-z0-9][-A-Za-z0-9._:/]{0,63}$"))] pub String);
