//! An example for each key of the language that has none in its type's example. `tests/docs.rs` checks each against the
//! schema, and says which are missing.

use serde_json::Value;

/// Definition (`""`: any), key (`#1`: the second of several ways to write it), example in YAML.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("Scenario", "title", "A Role and its binding turn a 403 into a 200"),
    ("Scenario", "say", "A Pod speaks to the API server as a ServiceAccount."),
    ("Scenario", "namespace", "default"),
    ("Scenario", "tags", "[rbac, tutorial]"),
    ("Scenario", "steps", "[{title: An account, serviceAccount: reader}]"),
    ("Scenario", "$schema", "../../schema/scenario.schema.json"),
    ("Step", "title", "Without a Role it may not list Pods"),
    ("Step", "say", "The server knows the account. It just has not been allowed anything."),
    ("Step", "rows", "[S1.20, F12]"),
    ("Step", "timeout", "30s"),
    ("Step", "expect", "{status: 403, reason: Forbidden}"),
    ("Step", "as", "serviceaccount/reader"),
    ("Step", "save", "{uid: '$.metadata.uid'}"),
    ("Step", "when", "{kubernetes: '>=1.24'}"),
    ("Step", "each", "[{resource: pods}, {resource: secrets}]"),
    ("Patch", "type", "merge"),
    ("Expect", "status", "403"),
    ("Expect", "reason", "AlreadyExists"),
    ("Expect", "message", "'pods is forbidden: User'"),
    ("Expect", "by", "admission"),
    ("Expect", "json", "{kind: PodList}"),
    ("Expect", "object", "{spec: {serviceAccountName: default}}"),
    ("Expect", "path", "[{at: '$.items', count: 2}]"),
    ("Expect", "exitCode", "1"),
    ("Expect", "stdout", "{contains: token}"),
    ("Expect", "stderr", "{contains: No such file or directory}"),
    ("Expect", "within", "2s"),
    ("Expect", "warning", "{contains: deprecated}"),
    ("Expect", "noWarning", "true"),
    ("Expect", "absent", "true"),
    ("Expect", "empty", "true"),
    ("Expect", "tokenReview", "{authenticated: true}"),
    ("Expect", "when", "{kubernetes: '>=1.36'}"),
    ("AtPath", "at", "'$.items[0].metadata.name'"),
    ("AtPath", "equals", "reader"),
    ("AtPath", "matches", "'^default-token-[a-z0-9]{5}$'"),
    ("AtPath", "contains", "{name: reader}"),
    ("AtPath", "count", "2"),
    ("AtPath", "absent", "true"),
    ("TextRule", "equals", "default"),
    ("TextRule", "startsWith", "'pods is forbidden:'"),
    ("TextRule", "contains", "No such file"),
    ("TextRule", "lacks", "token"),
    ("TextRule", "matches", "'^v1[.][0-9]+'"),
    ("Until", "condition", "Ready"),
    ("Until", "object", "{status: {phase: Running}}"),
    ("Subject", "serviceAccount", "demo-sa"),
    ("Subject", "user", "jane"),
    ("Subject", "group", "'system:authenticated'"),
    ("Rule", "apiGroups", "['']"),
    ("Rule", "resources", "[pods, pods/log]"),
    ("Rule", "verbs", "[get, list]"),
    ("Rule", "resourceNames", "[settings]"),
    ("Rule", "nonResourceURLs", "[/metrics]"),
    ("Manifests", "#0", "{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader}}"),
    ("Manifests", "#1", "[{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader}}]"),
    ("ServiceAccount", "#0", "reader"),
    ("ServiceAccount", "#1", "{name: quiet, automountServiceAccountToken: false}"),
    ("Text", "#0", "'pods is forbidden: User'"),
    ("Text", "#1", "{contains: forbidden}"),
    ("Bind", "name", "readers"),
    ("Bind", "clusterRole", "view"),
    ("Bind", "clusterWide", "true"),
    ("Curl", "method", "DELETE"),
    ("Curl", "insecure", "true"),
    ("Curl", "cacert", "false"),
    ("Curl", "headers", "{Accept: application/json}"),
    ("Curl", "body", "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}"),
    ("Exec", "stdin", "hello"),
    ("", "automountServiceAccountToken", "false"),
    ("", "labels", "{app: web}"),
    ("", "container", "main"),
    ("", "apiVersion", "rbac.authorization.k8s.io/v1"),
    ("", "kind", "Pod"),
    ("", "name", "reader"),
    ("", "namespace", "kube-system"),
    ("", "labelSelector", "app=web"),
    ("", "fieldSelector", "metadata.name=default"),
    ("", "image", "curl"),
    ("", "in", "reader"),
    ("", "url", "https://kubernetes.default/api"),
    // Words of verbs that may come to have no example of their own.
    ("", "audiences", "[vault]"),
    ("", "askedAudiences", "[vault]"),
    ("", "authenticated", "true"),
    ("", "body", "{metadata: {labels: {app: web}}}"),
    ("", "boundTo", "{kind: Pod, name: reader}"),
    ("", "cluster", "[builtin]"),
    ("", "contentType", "application/json"),
    ("", "default", "denied"),
    ("", "duration", "30m"),
    ("", "error", "{contains: invalid bearer token}"),
    ("", "feature", "[pods]"),
    ("", "file", "role.yaml"),
    ("", "from", "{secret: reader-token}"),
    ("", "groups", "[developers]"),
    ("", "headers", "{Accept: application/json}"),
    ("", "kubernetes", "'>=1.24, <1.37'"),
    ("", "method", "POST"),
    ("", "path", "/api/v1/namespaces"),
    ("", "resource", "pods"),
    ("", "sample", "3"),
    ("", "saved", "token"),
    ("", "secret", "reader-token"),
    ("", "serviceAccount", "reader"),
    ("", "stdin", "hello"),
    ("", "subresource", "status"),
    ("", "text", "garbage"),
    ("", "token", "'{saved.token}'"),
    ("", "user", "jane"),
    ("", "username", "jane"),
    ("", "verb", "list"),
    ("", "who", "serviceaccount/reader"),
];

/// The example of a key.
pub(super) fn of(definition: &str, key: &str) -> Option<Value> {
    let find = |of: &str| EXAMPLES.iter().find(|(definition, word, _)| *definition == of && *word == key);
    let (.., yaml) = find(definition).or_else(|| find(""))?;
    serde_saphyr::from_str(yaml).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_can_be_read() {
        for (definition, key, yaml) in EXAMPLES {
            assert!(of(definition, key).is_some(), "{definition}.{key}: {yaml}");
        }
    }
}
