//! How a scenario meets others on the same cluster: which names it needs for itself, and whether it must be alone.
//!
//! What a scenario does in namespaces of its own concerns no other scenario. A cluster-wide object with a name of its own
//! concerns only those that use the same name. What changes the rules for all callers (a binding for all authenticated users,
//! an admission policy without a namespace selector, a part of Kubernetes' own `view`) bears no company.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    k8s::{
        kubectl::{check, table::Effect},
        usernames,
    },
    plan::{Action, Kubectl, Object, Request, Step, Target, action::Touches, context::Draft, kinds::OWN},
};

/// What a scenario needs for itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::plan) struct Exclusivity {
    /// Whether it must be alone on its cluster.
    pub alone: bool,
    /// Names of which only one scenario may make use at a time, e.g. `ClusterRole read-all`.
    pub holds: BTreeSet<String>,
}

/// Kinds of cluster-wide objects that do nothing to a scenario that does not name them.
const INERT: [&str; 9] = [
    "ClusterRole",
    "CustomResourceDefinition",
    "IngressClass",
    "Namespace",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
];

/// Kubernetes' own ClusterRoles for people; the others begin with `system:`.
const BUILT_IN: [&str; 4] = ["admin", "cluster-admin", "edit", "view"];

/// Reads it from all that the scenario does; what is meant to be refused does nothing.
pub(in crate::plan) fn read(namespace: &str, fresh: bool, drafts: &[Draft<'_>], steps: &[Step]) -> Exclusivity {
    let does = || drafts.iter().filter(|draft| !draft.refused);
    let objects: Vec<&Object> = does().flat_map(|draft| &draft.objects).map(|placed| &placed.object).collect();
    let mut own: BTreeSet<&str> =
        objects.iter().filter(|object| object.kind.kind == "Namespace").map(|object| object.name.as_str()).collect();
    if fresh {
        own.insert(namespace);
    }
    let own = Own { namespaces: own, objects: &objects };
    let mut shares = Exclusivity::default();
    if !fresh {
        shares.holds.insert(key("Namespace", namespace));
    }
    for object in objects.iter().filter(|object| object.is_kept()) {
        match object.namespace.as_deref() {
            Some(place) if fresh && place == namespace => {}
            Some(place) => {
                shares.holds.insert(key("Namespace", place));
            }
            None => {
                shares.holds.insert(key(&object.kind.kind, &object.name));
                shares.alone |= own.is_for_all(object);
            }
        }
    }
    let at_work = steps.iter().filter(|step| does().any(|draft| draft.index + 1 == step.number));
    shares.alone |= at_work.into_iter().any(|step| own.changes_others(&step.action));
    shares
}

fn key(kind: &str, name: &str) -> String {
    format!("{kind} {name}")
}

/// What the scenario made.
struct Own<'a> {
    namespaces: BTreeSet<&'a str>,
    objects: &'a [&'a Object],
}

impl Own<'_> {
    /// Whether a cluster-wide object changes the rules for others.
    fn is_for_all(&self, object: &Object) -> bool {
        let manifest = &object.manifest;
        let built_in = BUILT_IN.contains(&object.name.as_str()) || object.name.starts_with("system:");
        built_in
            || match object.kind.kind.as_str() {
                "ClusterRole" => aggregates(manifest),
                "ClusterRoleBinding" => !items(&manifest["subjects"]).all(|subject| self.is_own_subject(subject)),
                "PriorityClass" => manifest["globalDefault"] == true,
                "StorageClass" => {
                    manifest["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
                }
                // No Pod is placed on it.
                "Node" => manifest["spec"]["unschedulable"] != true,
                "ValidatingAdmissionPolicyBinding" | "MutatingAdmissionPolicyBinding" => {
                    !self.selects_own(&manifest["spec"]["matchResources"]["namespaceSelector"])
                }
                "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
                    !items(&manifest["webhooks"]).all(|webhook| self.selects_own(&webhook["namespaceSelector"]))
                }
                kind => !INERT.contains(&kind),
            }
    }

    /// Whether a subject is in no other scenario: not a group or user that all callers are, no account of elsewhere.
    fn is_own_subject(&self, subject: &Value) -> bool {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str() {
            Some("ServiceAccount") => {
                subject["namespace"].as_str().is_none_or(|namespace| self.namespaces.contains(namespace))
            }
            Some("Group") => match name.strip_prefix(usernames::GROUP_PREFIX) {
                Some(namespace) => self.namespaces.contains(namespace),
                None => !name.starts_with("system:"),
            },
            _ => match usernames::account(name) {
                Some((namespace, _)) => self.namespaces.contains(namespace),
                None => !name.starts_with("system:"),
            },
        }
    }

    /// Whether a namespace selector takes in namespaces of the scenario only: by name, or by a label that it gave them.
    fn selects_own(&self, selector: &Value) -> bool {
        let Some(labels) = selector["matchLabels"].as_object().filter(|labels| !labels.is_empty()) else {
            return false;
        };
        labels.iter().any(|(label, value)| match label.as_str() {
            "kubernetes.io/metadata.name" => value.as_str().is_some_and(|name| self.namespaces.contains(name)),
            _ => self.objects.iter().any(|object| {
                object.kind.kind == "Namespace" && object.manifest["metadata"]["labels"].get(label) == Some(value)
            }),
        })
    }

    fn made(&self, kind: &str, namespace: Option<&str>, name: Option<&str>) -> bool {
        self.objects.iter().any(|object| {
            object.kind.kind == kind
                && object.namespace.as_deref() == namespace
                && (name == Some(object.name.as_str()) || (name.is_some() && object.name.is_empty()))
        })
    }

    /// Whether a step changes what the scenario did not make, outside its own namespaces.
    fn changes_others(&self, action: &Action) -> bool {
        match action.touches() {
            Touches::Nothing => false,
            Touches::Object(target) => self.is_foreign(target),
            Touches::Requested(requests) => requests.iter().any(|request| self.is_foreign_request(request)),
            Touches::Command(kubectl) => self.is_foreign_command(kubectl),
        }
    }

    fn is_foreign(&self, target: &Target) -> bool {
        let namespace = target.namespace.as_deref();
        let own_place = namespace.is_some_and(|namespace| self.namespaces.contains(namespace));
        !own_place && !self.made(&target.kind.kind, namespace, target.name.as_deref())
    }

    fn is_foreign_request(&self, request: &Request) -> bool {
        let Request::Resource { verb, group, resource, namespace, name, .. } = request else { return false };
        let changes = matches!(verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection");
        let asks = matches!(group.as_str(), "authentication.k8s.io" | "authorization.k8s.io");
        let own_place = namespace.as_deref().is_some_and(|namespace| self.namespaces.contains(namespace));
        if !changes || asks || own_place {
            return false;
        }
        let kind = OWN.iter().find(|own| own.group == *group && own.plural.as_ref() == Some(resource));
        let Some(kind) = kind else { return true };
        let namespace = namespace.as_deref().filter(|_| kind.namespaced);
        match (verb.as_str(), name) {
            // What it makes is looked at as an object, when it can be read.
            ("create", None) => !self.objects.iter().any(|object| object.kind.kind == kind.kind),
            (_, name) => !self.made(&kind.kind, namespace, name.as_deref()),
        }
    }

    fn is_foreign_command(&self, kubectl: &Kubectl) -> bool {
        // What cannot be read is an error of its own.
        let Ok(call) = check(&kubectl.args, kubectl.in_node()) else { return true };
        if call.command.effect != Effect::Changes {
            return false;
        }
        let place = call.values("namespace").last().and_then(|given| given.value.as_deref());
        let everywhere = call.is_on("all-namespaces");
        let cluster_wide = |word: &str| {
            let word = word.split('/').next().unwrap_or_default();
            OWN.iter().any(|own| {
                let plural = own.plural.as_deref().unwrap_or_default();
                !own.namespaced && (plural == word || own.kind.eq_ignore_ascii_case(word))
            })
        };
        let input = kubectl.stdin.as_deref().unwrap_or_default();
        let in_input = |own: &&crate::plan::Kind| {
            !own.namespaced
                && input.lines().any(|line| line.trim_start_matches("- ").trim() == format!("kind: {}", own.kind))
        };
        everywhere
            || place.is_none_or(|place| !self.namespaces.contains(place))
            || call.command.words.split(' ').chain(call.words.iter().map(|(_, word)| *word)).any(cluster_wide)
            || OWN.iter().any(|own| in_input(&own))
    }
}

/// Whether a ClusterRole becomes a part of one that Kubernetes brought along.
fn aggregates(manifest: &Value) -> bool {
    let labels = manifest["metadata"]["labels"].as_object();
    labels.into_iter().flatten().any(|(label, _)| label.starts_with("rbac.authorization.k8s.io/aggregate-to-"))
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::plan::make::testing::{fresh, good, in_default};

    fn holds(steps: Value) -> (bool, Vec<String>) {
        let plan = good(fresh(steps));
        (plan.alone, plan.holds.into_iter().collect())
    }

    fn binding(subject: &Value) -> Value {
        json!([{"apply": {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "b"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [subject],
        }}])
    }

    fn object(kind: &str, api: &str, more: Value) -> Value {
        let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{"apply": object}])
    }

    #[test]
    fn what_is_in_its_own_namespace_concerns_nobody() {
        let steps = json!([
            {"pod": {"name": "p", "image": "curl"}},
            {"delete": {"kind": "Pod", "name": "p"}},
            {"kubectl": {"args": ["create", "serviceaccount", "a"]}},
            {"kubectl": {"args": ["get", "nodes"]}},
        ]);
        assert_eq!(holds(steps), (false, vec![]));
    }

    #[test]
    fn a_name_is_held() {
        let role = json!([{"clusterRole": {"name": "r", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]}}]);
        assert_eq!(holds(role), (false, vec!["ClusterRole r".to_owned()]));
        let plan = good(in_default(json!([{"serviceAccount": "a"}])));
        assert_eq!(
            (plan.alone, plan.holds.into_iter().collect::<Vec<_>>()),
            (false, vec!["Namespace default".to_owned()])
        );
        let beside = json!([
            {"apply": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}},
            {"apply": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}}},
            {"delete": {"kind": "Namespace", "name": "n"}},
        ]);
        assert_eq!(holds(beside), (false, vec!["Namespace n".to_owned()]));
    }

    #[rstest]
    #[case(json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane"}), false)]
    #[case(json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:anonymous"}), true)]
    #[case(json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "people"}), false)]
    #[case(json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:authenticated"}), true)]
    #[case(json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:serviceaccounts"}), true)]
    #[case(json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:serviceaccounts:{namespace}"}), false)]
    fn a_binding_for_everybody_is_made_alone(#[case] subject: Value, #[case] alone: bool) {
        assert_eq!(holds(binding(&subject)).0, alone);
    }

    #[rstest]
    #[case(object("Node", "v1", json!({"spec": {"unschedulable": true}})), false)]
    #[case(object("Node", "v1", json!({})), true)]
    #[case(object("PriorityClass", "scheduling.k8s.io/v1", json!({"value": 1})), false)]
    #[case(object("PriorityClass", "scheduling.k8s.io/v1", json!({"value": 1, "globalDefault": true})), true)]
    #[case(object("FlowSchema", "flowcontrol.apiserver.k8s.io/v1", json!({})), true)]
    #[case(object("ClusterRole", "rbac.authorization.k8s.io/v1", json!({"metadata": {"name": "x", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}, "rules": []})), true)]
    #[case(object("ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io/v1", json!({"spec": {"matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "{namespace}"}}}}})), false)]
    #[case(object("ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io/v1", json!({"spec": {}})), true)]
    fn what_is_for_all_is_made_alone(#[case] steps: Value, #[case] alone: bool) {
        assert_eq!(holds(steps).0, alone);
    }

    #[rstest]
    #[case(json!({"request": {"path": "/api/v1/namespaces/default/services/kubernetes", "method": "DELETE"}}), true)]
    #[case(json!({"request": {"path": "/api/v1/nodes"}}), false)]
    #[case(json!({"kubectl": {"args": ["taint", "nodes", "--all", "a=b:NoSchedule"]}}), true)]
    #[case(json!({"kubectl": {"args": ["delete", "pod", "x", "-n", "kube-system"]}}), true)]
    fn who_changes_what_others_use_is_alone(#[case] step: Value, #[case] alone: bool) {
        assert_eq!(holds(json!([step])).0, alone);
    }
}
