//! kubectl's commands and their flags, as of kubectl 1.37, with a few that only older or newer ones have: the one list of them.
//!
//! A flag is a word `name`, `name/s` with its short form, and at its end how it takes a value: `*` none unless after `=`, `?` the
//! same for what is no truth value, `@` a file of the machine on which kubectl runs, nothing: always one.

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It asks, and changes nothing.
    Reads,
    /// It runs something inside a Pod.
    Inside,
    /// It changes objects, or gives a caller a credential.
    Changes,
    /// It reads or writes files of the machine on which kubectl runs.
    Files,
    /// It waits for a person, and does not end by itself.
    Waits,
    /// It is about kubectl itself: its configuration, its plugins, what may change from version to version.
    Own,
}

/// A command of kubectl.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// Its words: `get`, `create role`.
    pub words: &'static str,
    /// Other forms of its last word.
    pub aliases: &'static [&'static str],
    /// What it does.
    pub effect: Effect,
    /// Its flags, as the head of this file says.
    pub(super) flags: &'static [&'static str],
}

/// Flags of every command that a scenario may use.
pub(super) const GLOBAL: &str = "as as-group as-uid as-user-extra disable-compression* help/h* log-flush-frequency \
                                 match-server-version* namespace/n request-timeout v/v version? vmodule warnings-as-errors*";

/// Flags of every command that say where the API server is and who asks, or that write to files: kubewalk's own.
pub(super) const NEVER: &str = "cache-dir certificate-authority client-certificate client-key cluster context \
                                insecure-skip-tls-verify* kubeconfig kuberc password profile profile-output proxy-url server/s \
                                tls-server-name token user username";

/// Flags of what prints objects.
const PRINT: &str = "allow-missing-template-keys* output/o show-managed-fields* template";

/// Flags of what takes objects from files.
const FILES: &str = "filename/f@ kustomize/k@ recursive/R*";

/// Flags of what writes objects.
const WRITE: &str = "dry-run? field-manager";

/// Flags of what makes objects.
const NEW: &str = "save-config* validate?";

/// All commands, a group before its commands.
#[rustfmt::skip] // a table
pub const COMMANDS: &[Command] = &[
    Command { words: "alpha", aliases: &[], effect: Effect::Own, flags: &[] },
    Command { words: "annotate", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "all* all-namespaces/A* field-selector list* local* overwrite* resource-version selector/l"] },
    Command { words: "api-resources", aliases: &[], effect: Effect::Reads, flags: &["api-group cached* categories namespaced* no-headers* output/o sort-by verbs show-managed-fields*"] },
    Command { words: "api-versions", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "apply", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "all* cascade? force* force-conflicts* grace-period openapi-patch* overwrite* prune* prune-allowlist selector/l server-side* subresource timeout validate? wait* applyset"] },
    Command { words: "apply edit-last-applied", aliases: &[], effect: Effect::Waits, flags: &[PRINT, FILES, "field-manager validate? windows-line-endings*"] },
    Command { words: "apply set-last-applied", aliases: &[], effect: Effect::Changes, flags: &[PRINT, "create-annotation* dry-run? filename/f@"] },
    Command { words: "apply view-last-applied", aliases: &[], effect: Effect::Reads, flags: &[FILES, "all* output/o selector/l"] },
    Command { words: "attach", aliases: &[], effect: Effect::Waits, flags: &["container/c pod-running-timeout quiet/q* stdin/i* tty/t* detach-keys"] },
    Command { words: "auth", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "auth can-i", aliases: &[], effect: Effect::Reads, flags: &["all-namespaces/A* list* no-headers* quiet/q* subresource"] },
    Command { words: "auth reconcile", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, "dry-run? remove-extra-permissions* remove-extra-subjects*"] },
    Command { words: "auth whoami", aliases: &[], effect: Effect::Reads, flags: &[PRINT] },
    Command { words: "autoscale", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "cpu-percent max min name save-config* cpu memory"] },
    Command { words: "certificate", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "certificate approve", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, "force*"] },
    Command { words: "certificate deny", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, "force*"] },
    Command { words: "cluster-info", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "cluster-info dump", aliases: &[], effect: Effect::Reads, flags: &[PRINT, "all-namespaces/A* namespaces output-directory@ pod-running-timeout"] },
    Command { words: "completion", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "config", aliases: &[], effect: Effect::Own, flags: &[] },
    Command { words: "cordon", aliases: &[], effect: Effect::Changes, flags: &["dry-run? selector/l"] },
    Command { words: "cp", aliases: &[], effect: Effect::Files, flags: &["container/c no-preserve* retries"] },
    Command { words: "create", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, NEW, "edit* raw selector/l windows-line-endings*"] },
    Command { words: "create clusterrole", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "aggregation-rule non-resource-url resource resource-name verb"] },
    Command { words: "create clusterrolebinding", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "clusterrole group serviceaccount user"] },
    Command { words: "create configmap", aliases: &["cm"], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "append-hash* from-env-file@ from-file@ from-literal"] },
    Command { words: "create cronjob", aliases: &["cj"], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "image restart schedule"] },
    Command { words: "create deployment", aliases: &["deploy"], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "image port replicas/r"] },
    Command { words: "create ingress", aliases: &["ing"], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "annotation class default-backend rule"] },
    Command { words: "create job", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "from image"] },
    Command { words: "create namespace", aliases: &["ns"], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW] },
    Command { words: "create poddisruptionbudget", aliases: &["pdb"], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "max-unavailable min-available selector"] },
    Command { words: "create priorityclass", aliases: &["pc"], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "description global-default* preemption-policy value"] },
    Command { words: "create quota", aliases: &["resourcequota"], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "hard scopes"] },
    Command { words: "create role", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "resource resource-name verb"] },
    Command { words: "create rolebinding", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "clusterrole group role serviceaccount user"] },
    Command { words: "create secret", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "create secret docker-registry", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "append-hash* docker-email docker-password docker-server docker-username from-file@"] },
    Command { words: "create secret generic", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "append-hash* from-env-file@ from-file@ from-literal type"] },
    Command { words: "create secret tls", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "append-hash* cert@ key@"] },
    Command { words: "create service", aliases: &["svc"], effect: Effect::Reads, flags: &[] },
    Command { words: "create service clusterip", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "clusterip tcp"] },
    Command { words: "create service externalname", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "external-name tcp"] },
    Command { words: "create service loadbalancer", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "tcp"] },
    Command { words: "create service nodeport", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW, "node-port tcp"] },
    Command { words: "create serviceaccount", aliases: &["sa"], effect: Effect::Changes, flags: &[PRINT, WRITE, NEW] },
    Command { words: "create token", aliases: &[], effect: Effect::Changes, flags: &[PRINT, "audience bound-object-kind bound-object-name bound-object-uid duration"] },
    Command { words: "debug", aliases: &[], effect: Effect::Changes, flags: &["arguments-only* attach* container/c copy-to custom@ env filename/f@ image image-pull-policy keep-annotations* keep-init-containers* keep-labels* keep-liveness* keep-readiness* keep-startup* profile quiet/q* replace* same-node* set-image share-processes* stdin/i* target tty/t*"] },
    Command { words: "delete", aliases: &[], effect: Effect::Changes, flags: &[FILES, "all* all-namespaces/A* cascade? dry-run? field-selector force* grace-period ignore-not-found* interactive/i* now* output/o raw selector/l timeout wait*"] },
    Command { words: "describe", aliases: &[], effect: Effect::Reads, flags: &[FILES, "all-namespaces/A* chunk-size selector/l show-events*"] },
    Command { words: "diff", aliases: &[], effect: Effect::Reads, flags: &[FILES, "concurrency field-manager force-conflicts* prune* prune-allowlist selector/l server-side* show-managed-fields* show-secrets*"] },
    Command { words: "drain", aliases: &[], effect: Effect::Changes, flags: &["chunk-size delete-emptydir-data* disable-eviction* dry-run? force* grace-period ignore-daemonsets* pod-selector selector/l skip-wait-for-delete-timeout timeout"] },
    Command { words: "edit", aliases: &[], effect: Effect::Waits, flags: &[PRINT, FILES, NEW, "field-manager output-patch* subresource windows-line-endings*"] },
    Command { words: "events", aliases: &[], effect: Effect::Reads, flags: &[PRINT, "all-namespaces/A* chunk-size for no-headers* types watch/w*"] },
    Command { words: "exec", aliases: &[], effect: Effect::Inside, flags: &["container/c filename/f@ pod-running-timeout quiet/q* stdin/i* tty/t*"] },
    Command { words: "explain", aliases: &[], effect: Effect::Reads, flags: &["api-version output/o recursive/R* max-depth"] },
    Command { words: "expose", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "cluster-ip external-ip labels/l load-balancer-ip name override-type overrides port protocol save-config* selector session-affinity target-port type"] },
    Command { words: "get", aliases: &[], effect: Effect::Reads, flags: &[PRINT, FILES, "all-namespaces/A* chunk-size field-selector ignore-not-found* label-columns/L no-headers* output-watch-events* raw selector/l server-print* show-kind* show-labels* sort-by subresource watch/w* watch-only*"] },
    Command { words: "kuberc", aliases: &[], effect: Effect::Own, flags: &[] },
    Command { words: "kustomize", aliases: &[], effect: Effect::Files, flags: &["as-current-user* enable-alpha-plugins* enable-helm* env/e helm-api-versions helm-command helm-debug* helm-kube-version load-restrictor mount network* network-name output/o"] },
    Command { words: "label", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "all* all-namespaces/A* field-selector list* local* overwrite* resource-version selector/l"] },
    Command { words: "logs", aliases: &[], effect: Effect::Reads, flags: &["all-containers* all-pods* container/c follow/f* ignore-errors* insecure-skip-tls-verify-backend* limit-bytes max-log-requests pod-running-timeout prefix* previous/p* selector/l since since-time tail timestamps*"] },
    Command { words: "options", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "patch", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "local* patch/p patch-file@ subresource type"] },
    Command { words: "plugin", aliases: &[], effect: Effect::Own, flags: &[] },
    Command { words: "port-forward", aliases: &[], effect: Effect::Waits, flags: &["address pod-running-timeout"] },
    Command { words: "proxy", aliases: &[], effect: Effect::Waits, flags: &["accept-hosts accept-paths address api-prefix append-server-path* disable-filter* keepalive port/p reject-methods reject-paths unix-socket/u www/w www-prefix/P"] },
    Command { words: "replace", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, NEW, "cascade? force* grace-period raw subresource timeout wait*"] },
    Command { words: "rollout", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "rollout history", aliases: &[], effect: Effect::Reads, flags: &[PRINT, FILES, "revision selector/l"] },
    Command { words: "rollout pause", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, "field-manager selector/l"] },
    Command { words: "rollout restart", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, "field-manager selector/l"] },
    Command { words: "rollout resume", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, "field-manager selector/l"] },
    Command { words: "rollout status", aliases: &[], effect: Effect::Reads, flags: &[FILES, "revision selector/l timeout watch/w*"] },
    Command { words: "rollout undo", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, "dry-run? selector/l to-revision"] },
    Command { words: "run", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "annotations attach* cascade? command* env expose* force* grace-period image image-pull-policy labels/l leave-stdin-open* override-type overrides pod-running-timeout port privileged* quiet/q* restart rm* save-config* stdin/i* timeout tty/t* wait* detach-keys"] },
    Command { words: "scale", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, "all* current-replicas dry-run? replicas resource-version selector/l timeout"] },
    Command { words: "set", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "set env", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "all* containers/c env/e from keys list* local* overwrite* prefix resolve* selector/l"] },
    Command { words: "set image", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "all* local* selector/l"] },
    Command { words: "set resources", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "all* containers/c limits local* requests selector/l"] },
    Command { words: "set selector", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, "all* filename/f@ local* recursive/R* resource-version"] },
    Command { words: "set serviceaccount", aliases: &["sa"], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "all* local*"] },
    Command { words: "set subject", aliases: &[], effect: Effect::Changes, flags: &[PRINT, FILES, WRITE, "all* group local* selector/l serviceaccount user"] },
    Command { words: "taint", aliases: &[], effect: Effect::Changes, flags: &[PRINT, WRITE, "all* overwrite* selector/l validate?"] },
    Command { words: "top", aliases: &[], effect: Effect::Reads, flags: &[] },
    Command { words: "top node", aliases: &["nodes", "no"], effect: Effect::Reads, flags: &["no-headers* selector/l show-capacity* sort-by use-protocol-buffers* show-swap*"] },
    Command { words: "top pod", aliases: &["pods", "po"], effect: Effect::Reads, flags: &["all-namespaces/A* containers* field-selector no-headers* selector/l sort-by sum* use-protocol-buffers* show-swap*"] },
    Command { words: "uncordon", aliases: &[], effect: Effect::Changes, flags: &["dry-run? selector/l"] },
    Command { words: "version", aliases: &[], effect: Effect::Reads, flags: &["client* output/o"] },
    Command { words: "wait", aliases: &[], effect: Effect::Reads, flags: &[PRINT, "all* all-namespaces/A* field-selector filename/f@ for local* recursive/R* selector/l timeout"] },
];
