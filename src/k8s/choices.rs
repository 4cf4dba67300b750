//! The words that fields of Kubernetes' own kinds take.

use serde_json::{Map, Value};

use super::slip::{Slip, What};

/// Kinds (none: all), the end of a field's path without indexes, and its words; an empty one where the API server takes none for the
/// default. The first row that fits holds.
const TABLE: &[(&[&str], &str, &[&str])] = &[
    (&[], "ontainers.imagePullPolicy", &["", "Always", "IfNotPresent", "Never"]),
    (&["NetworkPolicy"], "ports.protocol", &["TCP", "UDP", "SCTP"]),
    (&[], "ports.protocol", &["", "TCP", "UDP", "SCTP"]),
    (&[], "tolerations.effect", &["", "NoExecute", "NoSchedule", "PreferNoSchedule"]),
    (&[], "seccompProfile.type", &["Localhost", "RuntimeDefault", "Unconfined"]),
    (&[], "spec.dnsPolicy", &["", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    (&["Pod"], "spec.restartPolicy", &["", "Always", "Never", "OnFailure"]),
    (&["Job", "CronJob"], "template.spec.restartPolicy", &["Never", "OnFailure"]),
    (&["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"], "template.spec.restartPolicy", &["", "Always"]),
    (&["Service"], "spec.type", &["", "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]),
    (&["Service"], "spec.sessionAffinity", &["", "ClientIP", "None"]),
    (&["CronJob"], "spec.concurrencyPolicy", &["", "Allow", "Forbid", "Replace"]),
    (&["Deployment"], "spec.strategy.type", &["", "Recreate", "RollingUpdate"]),
    (&["DaemonSet", "StatefulSet"], "spec.updateStrategy.type", &["", "OnDelete", "RollingUpdate"]),
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
                let words = words.iter().filter(|word| !word.is_empty()).map(|word| (*word).to_owned()).collect();
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

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("Pod", json!({"containers": [{"imagePullPolicy": ""}], "tolerations": [{"effect": ""}], "dnsPolicy": "", "restartPolicy": ""}), 0)]
    #[case("Service", json!({"type": "", "sessionAffinity": "", "ports": [{"protocol": ""}]}), 0)]
    #[case("Deployment", json!({"strategy": {"type": ""}, "template": {"spec": {"restartPolicy": ""}}}), 0)]
    // It would be `Always`, which a Job does not take.
    #[case("Job", json!({"template": {"spec": {"restartPolicy": ""}}}), 1)]
    #[case("NetworkPolicy", json!({"ingress": [{"ports": [{"protocol": ""}]}]}), 1)]
    #[case("Pod", json!({"securityContext": {"seccompProfile": {"type": ""}}}), 1)]
    #[case("Pod", json!({"tolerations": [{"effect": "NoExecut"}]}), 1)]
    fn an_empty_word_is_the_default_where_there_is_one(#[case] kind: &str, #[case] spec: Value, #[case] wrong: usize) {
        let Value::Object(manifest) = json!({"spec": spec}) else { unreachable!() };
        let found = slips(kind, &manifest);
        assert_eq!(found.len(), wrong, "{found:?}");
        assert!(found.iter().all(|slip| !matches!(&slip.what, What::Choice(words) if words.contains(&String::new()))));
    }
}
