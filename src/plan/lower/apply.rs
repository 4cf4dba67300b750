//! Manifests of `apply` and `create`: what they are, where they go, what is filled in.

use serde_json::{Map, Value, json};

use crate::{
    k8s::special,
    plan::{
        Kind, Object,
        context::{Context, Draft, Placed, below},
        kinds,
        lower::{
            fields,
            kind::{check_name, json_type, kind_of},
            manifest_file, rbac,
        },
    },
    scenario::{Verb, verbs::Manifests},
};

/// Reads the manifests of a step.
pub(in crate::plan) fn read(cx: &mut Context<'_>, draft: &Draft<'_>) -> Vec<Placed> {
    let at = draft.at();
    let manifests = match draft.verb {
        Some(Verb::Apply) => draft.step.apply.as_ref(),
        _ => draft.step.create.as_ref(),
    };
    let mut found: Vec<manifest_file::Found> = Vec::new();
    let mut add = |cx: &mut Context<'_>, at: String, map: &Map<String, Value>| {
        if manifest_file::is_one(map) {
            found.extend(manifest_file::read(cx, &at, map));
        } else {
            let one = manifest_file::Found { at, map: map.clone(), file: None, into: None };
            manifest_file::flat(cx, one, &mut found);
        }
    };
    match manifests {
        Some(Manifests::File(file)) => add(cx, at, &json_of(file)),
        Some(Manifests::Dir(dir)) => add(cx, at, &json_of(dir)),
        Some(Manifests::Kustomize(kustomization)) => add(cx, at, &json_of(kustomization)),
        Some(Manifests::Helm(chart)) => add(cx, at, &json_of(chart)),
        Some(Manifests::One(map)) => add(cx, at, map),
        Some(Manifests::Many(maps)) => {
            if maps.is_empty() {
                cx.findings.error(&at, "no manifest at all").label("an empty list");
            }
            maps.iter().enumerate().for_each(|(index, map)| add(cx, below(&at, index), map));
        }
        None => {}
    }
    found.into_iter().filter_map(|found| manifest(cx, draft, found)).collect()
}

/// The same as an element of a list may say it.
fn json_of(said: &impl serde::Serialize) -> Map<String, Value> {
    match json!(said) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn manifest(cx: &mut Context<'_>, draft: &Draft<'_>, found: manifest_file::Found) -> Option<Placed> {
    let manifest_file::Found { at, map, file, into } = found;
    let (at, map) = (at.as_str(), &map);
    let api_version = word(cx, at, map, "apiVersion", "e.g. `apiVersion: v1`");
    let kind = word(cx, at, map, "kind", "e.g. `kind: Pod`");
    let creates = draft.verb == Some(Verb::Create);
    let part = kind.as_deref().zip(api_version.as_deref()).filter(|_| creates);
    let part = part.and_then(|(kind, api_version)| kinds::part(kind, api_version));
    let kind = match part {
        Some(part) => Some(part),
        None => kind_of_manifest(cx, draft, at, kind.as_deref(), api_version.as_deref()),
    };
    let asks = |kind: &Kind| kind.plural.as_ref().is_some_and(|plural| special::only_asks(&kind.group, plural));
    let only_asks = kind.as_ref().is_some_and(asks);
    if only_asks && draft.verb == Some(Verb::Apply) && !draft.refused {
        let word = kind.as_ref().map(|kind| kind.kind.as_str()).unwrap_or_default();
        cx.findings
            .error(&below(at, "kind"), format!("a {word} is a question, and cannot be applied"))
            .label("nothing keeps it")
            .hint("ask it by `create`");
        return None;
    }
    let unsaid = Map::new();
    let metadata = match map.get("metadata") {
        Some(Value::Object(metadata)) => Some(metadata),
        // A question needs no name: nothing keeps it.
        None if only_asks => Some(&unsaid),
        Some(other) => {
            cx.findings
                .error(&below(at, "metadata"), "`metadata` must be a map")
                .label(format!("this is {}", json_type(other)));
            None
        }
        None => {
            cx.findings.error(at, "a manifest without `metadata`").hint("add `metadata: {name: …}`");
            None
        }
    };
    let (kind, metadata) = (kind?, metadata?);
    let nameless = only_asks && !metadata.contains_key("name") && !metadata.contains_key("generateName");
    let name = if nameless { String::new() } else { name_of(cx, draft, at, &kind, metadata)? };

    let mut manifest = Value::Object(map.clone());
    let (home, into) = match into {
        Some((namespace, at)) => (namespace, at),
        None => (cx.namespace.to_owned(), None),
    };
    let namespace = namespace_of(cx, at, &kind, metadata, &home, &mut manifest)?;
    if let (Some(into), Some(own)) = (&into, namespace.as_ref().filter(|own| **own != home)) {
        cx.findings
            .warn(&below(&below(at, "metadata"), "namespace"), format!("this one goes into namespace `{own}`"))
            .label("kubectl refuses it")
            .second(into, format!("`kubectl apply -n {home}` takes only what names `{home}` or nothing"))
            .hint("apply what names a namespace of its own from another file, without `namespace`");
    }
    // A namespaced binding's accounts are in its own namespace, unless it says otherwise.
    fields::check(cx, draft, at, &kind, map);
    rbac::check(cx, draft, at, &kind, namespace.as_deref().unwrap_or(&home), &mut manifest);
    Some(Placed {
        pointer: at.into(),
        name_at: below(&below(at, "metadata"), "name"),
        // Only what has been filled in stands where the step says it.
        into: into.filter(|_| namespace.as_deref() == Some(&home)),
        object: Object { kind, namespace, name, manifest, file },
    })
}

/// The kind of a manifest, when both of its words are there.
fn kind_of_manifest(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    at: &str,
    kind: Option<&str>,
    api_version: Option<&str>,
) -> Option<Kind> {
    kind_of(cx, at, (draft.refused, draft.when.as_ref()), kind?, Some(api_version?))
}

/// The text that a manifest has at a key that it must have.
fn word(cx: &mut Context<'_>, at: &str, map: &Map<String, Value>, key: &str, example: &str) -> Option<String> {
    match map.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(other) => {
            cx.findings
                .error(&below(at, key), format!("`{key}` must be a text"))
                .label(format!("this is {}", json_type(other)));
            None
        }
        None => {
            cx.findings.error(at, format!("a manifest without `{key}`")).hint(example);
            None
        }
    }
}

fn name_of(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    at: &str,
    kind: &Kind,
    metadata: &Map<String, Value>,
) -> Option<String> {
    let metadata_at = below(at, "metadata");
    match (metadata.get("name"), metadata.get("generateName")) {
        (Some(Value::String(name)), _) => {
            if !draft.refused {
                check_name(cx, &below(&metadata_at, "name"), kind, name, draft.when.as_ref());
            }
            Some(name.clone())
        }
        (Some(other), _) => {
            cx.findings
                .error(&below(&metadata_at, "name"), "`name` must be a text")
                .label(format!("this is {}", json_type(other)))
                .hint("quote it");
            None
        }
        (None, Some(_)) if draft.verb == Some(Verb::Apply) => {
            cx.findings
                .error(&below(&metadata_at, "generateName"), "`apply` needs a name, not `generateName`")
                .at_key()
                .hint("give a `name`, or use `create`");
            None
        }
        (None, Some(Value::String(_))) => Some(String::new()),
        (None, Some(_)) => {
            cx.findings.error(&below(&metadata_at, "generateName"), "`generateName` must be a text");
            None
        }
        (None, None) => {
            cx.findings.error(&metadata_at, "a manifest without `metadata.name`").hint("add `name: …`");
            None
        }
    }
}

/// Where the object goes: `Some(None)` for cluster-wide kinds, `None` after an error.
#[allow(clippy::option_option, reason = "an error, or nowhere, or a namespace")]
fn namespace_of(
    cx: &mut Context<'_>,
    at: &str,
    kind: &Kind,
    metadata: &Map<String, Value>,
    home: &str,
    manifest: &mut Value,
) -> Option<Option<String>> {
    let said = below(&below(at, "metadata"), "namespace");
    // An empty one is none, as for kubectl: charts write it so where a value is not set.
    match metadata.get("namespace").filter(|said| said.as_str() != Some("")) {
        Some(_) if !kind.namespaced => {
            cx.findings
                .error(&said, format!("a {} has no namespace", kind.kind))
                .label("its kind is cluster-wide")
                .hint("remove the line");
            Some(None)
        }
        Some(Value::String(namespace)) => Some(Some(namespace.clone())),
        Some(other) => {
            cx.findings.error(&said, "`namespace` must be a text").label(format!("this is {}", json_type(other)));
            None
        }
        None if !kind.namespaced => Some(None),
        None => {
            // Of a foreign kind only the cluster knows whether it has a namespace.
            if kind.plural.is_some() {
                manifest["metadata"]["namespace"] = json!(home);
                let text = format!("namespace `{home}` of the {}", kind.kind);
                cx.note(&below(at, "metadata"), text);
            }
            Some(Some(home.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::plan::make::testing::{fresh, good, said};

    fn namespace(name: &str) -> Value {
        json!({"apply": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}})
    }

    fn config(name: &str, namespace: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}})
    }

    #[rstest]
    #[case("kube-system")]
    #[case("default")]
    #[case("kube-public")]
    fn kubernetes_own_namespaces_take_what_is_made_in_them(#[case] place: &str) {
        let plan = good(fresh(json!([
            {"apply": config("c", place)},
            {"patch": {"kind": "ConfigMap", "name": "c", "namespace": place, "body": {"data": {"a": "b"}}}},
            {"delete": {"kind": "ConfigMap", "name": "c", "namespace": place}},
        ])));
        assert!(plan.holds.contains(&format!("Namespace {place}")));
    }

    #[test]
    fn what_others_made_there_is_not_touched() {
        let said = said(fresh(json!([
            {"apply": config("c", "kube-system")},
            {"delete": {"kind": "ConfigMap", "name": "c", "namespace": "kube-system"}},
            {"delete": {"kind": "ConfigMap", "name": "coredns", "namespace": "kube-system"}},
        ])));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("error /steps/2/delete/namespace: a scenario deletes nothing"), "{said:?}");
    }

    /// As RBAC itself does it: the account of a RoleBinding is in the binding's namespace, not in the scenario's.
    #[test]
    fn a_subject_without_a_namespace_is_in_the_bindings() {
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "other"}});
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "b", "namespace": "other"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": "a"}],
        });
        let plan = good(fresh(json!([namespace("other"), {"apply": [account, binding]}])));
        let crate::plan::Action::Apply(objects) = &plan.steps[1].action else { panic!("an apply") };
        assert_eq!(objects[1].manifest["subjects"][0]["namespace"], "other");
    }

    #[test]
    fn lists_are_taken_apart() {
        let role = json!({"metadata": {"name": "r"}, "rules": []});
        let roles = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleList", "items": [role]});
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [config("c", "default"), roles]});
        let plan = good(fresh(json!([{"create": list}])));
        let crate::plan::Action::Create(objects) = &plan.steps[0].action else { panic!("a create") };
        let names: Vec<_> = objects.iter().map(|object| format!("{} {}", object.kind.kind, object.name)).collect();
        assert_eq!(names, ["ConfigMap c", "Role r"]);
        assert_eq!(objects[1].manifest["apiVersion"], "rbac.authorization.k8s.io/v1");
    }

    /// A list of one identity was read as a user of that name, whom everything is denied.
    #[test]
    fn a_list_of_one_identity_is_that_identity() {
        let can = json!({
            "who": ["serviceaccount/default"], "default": "denied",
            "asked": [{"verb": ["list"], "resource": ["pods"]}], "allowed": [],
        });
        let document = crate::plan::make::testing::document(fresh(json!([{"can": can}])));
        let who = document.scenario.steps[0].can.as_ref().map(|can| can.who.clone());
        assert!(matches!(who, Some(crate::scenario::can::Subjects::Many(list)) if list.len() == 1));
    }

    #[test]
    fn a_namespace_of_a_name_is_made_or_there() {
        let mut scenario = fresh(json!([{"serviceAccount": "a"}]));
        scenario["namespace"] = "team-a".into();
        let mut plan = good(scenario);
        assert!(plan.fresh_namespace && plan.namespace == "team-a" && plan.holds.contains("Namespace team-a"));
        plan.in_existing(Some("other")).expect("a plan");
        assert!(!plan.fresh_namespace && plan.namespace == "team-a");
        let mut plan = good(fresh(json!([{"serviceAccount": "a"}])));
        plan.in_existing(Some("other")).expect("a plan");
        assert!(!plan.fresh_namespace && plan.namespace == "other");
        let again = plan.again(&crate::plan::Names::random());
        assert!(!again.fresh_namespace && again.namespace == "other");
    }
}
