//! What the verb `kubectl` takes.

use schemars::JsonSchema;
use serde::Deserialize;

/// A call of kubectl on the cluster's own node: it need not be installed, and it has the cluster's version.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Kubectl {
    /// Its arguments, one word each; no shell reads them. `--namespace` with the scenario's namespace comes first, unless
    /// they name one themselves. Who asks is said by `as`. What `create KIND NAME`, and a manifest on the standard input of
    /// `apply` or `create`, make outside of the scenario's namespace is removed afterwards.
    #[schemars(length(min = 1))]
    pub args: Vec<String>,
    /// What it reads on its standard input, e.g. a manifest for `apply -f -`.
    #[serde(default)]
    pub stdin: Option<String>,
}
