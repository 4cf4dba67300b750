//! `cluster:` at the top of a scenario: how its API server is to be other than usual.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How the API server is to be other than usual. `builtin`, `docker` and `kind` start one like it, once for all scenarios that
/// ask for the same; on other clusters the scenario is skipped, which is said.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Server {
    /// Which admission plugins are on, and how they are configured.
    pub admission: Option<Admission>,
    /// Features that are switched on or off in every component, e.g. `{HPAScaleToZero: false}`. Left out: as Kubernetes has them.
    pub feature_gates: BTreeMap<String, bool>,
    /// What else is told to the API server.
    pub api_server: Option<ApiServer>,
}

/// Admission plugins.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Admission {
    /// Plugins that are on beside those that are on by themselves, e.g. `[OwnerReferencesPermissionEnforcement]`.
    pub enable: Vec<String>,
    /// Plugins that are off, e.g. `[ServiceAccount]`.
    pub disable: Vec<String>,
    /// The configuration of a plugin, as it stands under `configuration` of an `AdmissionConfiguration`, by the plugin's name:
    /// of `EventRateLimit`, `PodNodeSelector`, `PodSecurity`, `PodTolerationRestriction` or `ResourceQuota`.
    pub config: BTreeMap<String, Map<String, Value>>,
}

/// What is told to the API server. There are no flags and no paths of files.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ApiServer {
    /// `false`: a call without a credential is answered with 401, and not judged as `system:anonymous`. `kind` still answers
    /// `/livez`, `/readyz` and `/healthz`, which its kubelet asks so.
    pub anonymous_auth: Option<bool>,
    /// An `AuthenticationConfiguration`, of which `anonymous` may be said: for which paths calls without a credential are let in.
    pub authentication_config: Option<Map<String, Value>>,
    /// An `AuthorizationConfiguration`: the authorizers `Node`, `RBAC`, `AlwaysAllow` and `AlwaysDeny` in their order. The first
    /// two must be there.
    pub authorization_config: Option<Map<String, Value>>,
    /// The `Policy` of the audit log, which is written to `/var/log/kubernetes/audit/audit.log` on the node.
    pub audit_policy: Option<Map<String, Value>>,
    /// `false`: API Priority and Fairness is off. Left out: on.
    pub priority_and_fairness: Option<bool>,
    /// Versions of the API that are served or not, e.g. `{resource.k8s.io/v1alpha3: true}`, `{api/alpha: true}`.
    pub runtime_config: BTreeMap<String, bool>,
}
