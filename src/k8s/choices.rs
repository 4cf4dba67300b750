//! The words that fields of Kubernetes' own kinds take.

use serde_json::{Map, Value};

use super::slip::{Slip, What};

/// Kinds (none: all), the end of a field's path without indexes, and its words.
const TABLE: &[(&[&str], &str, &[&str])] = &[
    (&[], "ontainers.imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    (&[], "ports.protocol", &["TCP", "UDP", "SCTP"]),
    (&[], "tolerations.effect", &["NoExecute", "NoSchedule", "PreferNoSchedule"]),
    (&[], "seccompProfile.type", &["Localhost", "RuntimeDefault", "Unconfined"]),
    (&[], "spec.dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    (&["Pod"], "spec.restartPolicy", &["Always", "Never", "OnFailure"]),
    (&["Job", "CronJob"], "template.spec.restartPolicy", &["Never", "OnFailure"]),
    (&["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"], "template.spec.restartPolicy", &["Always"]),
    (&["Service"], "spec.type", &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]),
    (&["Service"], "spec.sessionAffinity", &["ClientIP", "None"]),
    (&["CronJob"], "spec.concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    (&["Deployment"], "spec.strategy.type", &["Recreate", "RollingUpdate"]),
    (&["DaemonSet", "StatefulSet"], "spec.updateStrategy.type", &["OnDelete", "RollingUpdate"]),
    (&["NetworkPolicy"], "spec.policyTypes", &["Egress", "Ingress"]),
    (&["Ingress"], "paths.pathType", &["Exact", "ImplementationSpecific", "Prefix"]),
    (
        &["PersistentVolume", "PersistentVolumeClaim"],
        "spec.accessModes",
        &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"],
    ),
    (
        &["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"],
        "webhooks.failurePolicy",
        &["Fail", "Ignore"],
    ),
    (
        &["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"],
        "webhooks.sideEffects",
        &["None", "NoneOnDryRun"],
    ),
    (&["ValidatingAdmissionPolicy"], "spec.failurePolicy", &["Fail", "Ignore"]),
    (&["ValidatingAdmissionPolicyBinding"], "spec.validationActions", &["Audit", "Deny", "Warn"]),
];

/// The words in a manifest that their fields do not take.
pub fn slips(kind: &str, manifest: &Map<String, Value>) -> Vec<Slip> {
    let table: Vec<_> = TABLE.iter().filter(|(kinds, ..)| kinds.is_empty() || kinds.contains(&kind)).collect();
    let mut found = Vec::new();
    if let Some(spec) = ["spec", "webhooks"].into_iter().find(|key| manifest.contains_key(*key)) {
        let mut look = |path: &[String], word: &str| {
            let field: Vec<&str> =
                path.iter().map(String::as_str).filter(|part| part.parse::<usize>().is_err()).collect();
            let field = field.join(".");
            let choice = table.iter().find(|(_, end, _)| field.ends_with(end));
            if let Some((.., words)) = choice.filter(|(.., words)| !words.contains(&word) && !word.contains('{')) {
                let words = words.iter().map(|word| (*word).to_owned()).collect();
                found.push(Slip { path: path.to_vec(), what: What::Choice(words) });
            }
        };
        walk(&manifest[spec], &mut vec![spec.to_owned()], &mut look);
    }
    found
}

fn walk(value: &Value, path: &mut Vec<String>, look: &mut dyn FnMut(&[String], &str)) {
    let mut deeper = |key: String, value: &Value| {
        path.push(key);
        walk(value, path, look);
        path.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| deeper(key.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| deeper(index.to_string(), value)),
        Value::String(word) => look(path, word),
        _ => {}
    }
}
