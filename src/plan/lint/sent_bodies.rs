//! The bodies that requests and patches send: what the kind of the object would not take.

use serde_json::{Map, Value, json};

use crate::{
    k8s::{self, fields::What, structural},
    plan::{
        Action, Kind, Request,
        context::{Context, Draft, below},
        kinds,
        lower::fields,
    },
    scenario::verbs::Method,
};

/// What a body that a request sends makes of an object, or of a part of one.
pub(in crate::plan) fn check(cx: &mut Context<'_>, draft: &Draft<'_>, action: &Action) {
    let at = below(&draft.at(), "body");
    match action {
        Action::Patch(change) if change.subresource.is_none() => {
            if let Some(kind) = kinds::OWN.iter().find(|own| **own == change.target.kind) {
                part(cx, draft, &at, kind, &change.body);
            }
        }
        Action::Request(_) | Action::Curl(_) => {
            let none = Map::new();
            for placed in &draft.objects {
                let map = placed.object.manifest.as_object().unwrap_or(&none);
                fields::check(cx, draft, &placed.pointer, &placed.object.kind, map);
            }
            if let (Some(kind), Some(body)) = (changed(action), body(draft)) {
                part(cx, draft, &at, kind, body);
            }
        }
        _ => {}
    }
}

/// What a step sends as it is written.
fn body<'a>(draft: &'a Draft<'_>) -> Option<&'a Value> {
    match (&draft.step.request, &draft.step.curl) {
        (Some(request), _) => request.body.as_ref(),
        (None, Some(curl)) => curl.body.as_ref(),
        (None, None) => None,
    }
}

/// The kind of Kubernetes' own, in the version of its table, of an object that a PUT or a PATCH changes.
fn changed(action: &Action) -> Option<&'static Kind> {
    let changes = |method: Method| matches!(method, Method::Put | Method::Patch);
    let path = match action {
        Action::Request(call) if changes(call.method) => call.path.as_str(),
        Action::Curl(call) if changes(call.method) && call.request.is_some() => call.path(),
        _ => return None,
    };
    let Request::Resource { group, resource, subresource: None, name: Some(_), .. } =
        action.requests().into_iter().next()?
    else {
        return None;
    };
    let own = kinds::OWN.iter().find(|own| own.group == group && own.plural.as_ref() == Some(&resource))?;
    let root = if group.is_empty() { "/api/".to_owned() } else { format!("/apis/{group}/") };
    path.strip_prefix(&root)?.strip_prefix(own.version.as_str())?.starts_with('/').then_some(own)
}

/// A part of an object, or what operations put into it.
fn part(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, kind: &Kind, body: &Value) {
    match body {
        Value::Object(body) => {
            let slips = k8s::fields::slips(&kind.api_version(), &kind.kind, body);
            // A directive to a merge, and a null that removes, are no fields.
            let slips = slips.into_iter().filter(|slip| {
                slip.path.last().is_none_or(|key| !key.starts_with('$')) && !structural::is_null(body, &slip.path)
            });
            fields::tell(cx, draft, at, kind, body, slips.collect());
        }
        Value::Array(operations) => {
            for (index, operation) in operations.iter().enumerate() {
                put(cx, draft, &below(at, index), kind, operation);
            }
        }
        _ => {}
    }
}

/// One operation of a JSON patch: an object in which only this is, compared with its kind.
fn put(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, kind: &Kind, operation: &Value) {
    let puts = matches!(operation["op"].as_str(), Some("add" | "replace"));
    for key in ["path", "from"] {
        let Some(("", path)) = operation[key].as_str().and_then(|path| path.split_once('/')) else { continue };
        // The rules of JSON pointers.
        let way: Vec<_> = path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        let value = operation.get("value").filter(|_| puts && key == "path");
        let is_index = |part: &str| part == "-" || !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
        let object = way.iter().rev().fold(value.cloned().unwrap_or_else(|| json!({})), |inner, part| {
            if is_index(part) { json!([inner]) } else { json!({ part.as_str(): inner }) }
        });
        let Value::Object(object) = object else { continue };
        let mut slips = k8s::fields::slips(&kind.api_version(), &kind.kind, &object);
        slips.retain(|slip| match slip.what {
            What::Unknown { .. } => true,
            // What is on the way is not known: a number may be the key of a mapping, too.
            _ => value.is_some() && slip.path.len() >= way.len(),
        });
        fields::tell_at(cx, draft, kind, &object, slips, |slip| match slip.path.get(way.len()..).unwrap_or_default() {
            [] if matches!(slip.what, What::Unknown { .. }) => (below(at, key), false),
            [] => (below(at, "value"), false),
            inside => (inside.iter().fold(below(at, "value"), |at, key| below(&at, key)), true),
        });
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::plan::make::testing::{in_default, said};

    #[rstest]
    #[case(json!({"request": {"method": "POST", "path": "/api/v1/namespaces/default/configmaps",
        "body": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": 1}}}}),
        "error /steps/0/request/body/data/a: `data.a` of a ConfigMap takes a text")]
    #[case(json!({"request": {"method": "POST", "path": "/api/v1/namespaces/default/configmaps",
        "body": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "dta": {}}}}),
        "warning /steps/0/request/body/dta: a ConfigMap has no field `dta`")]
    fn a_slip_in_a_body_is_told(#[case] step: Value, #[case] part: &str) {
        let found = said(in_default(json!([step])));
        assert!(found.iter().any(|line| line.starts_with(part)), "{found:?}");
    }

    #[test]
    fn a_slip_in_a_patch_is_told_and_a_null_or_a_directive_is_none() {
        let map = json!({"apply": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}});
        let patch =
            |body: Value| said(in_default(json!([map, {"patch": {"kind": "ConfigMap", "name": "c", "body": body}}])));
        assert!(
            patch(json!({"dta": {"a": "b"}}))[0]
                .starts_with("warning /steps/1/patch/body/dta: a ConfigMap has no field `dta`")
        );
        assert!(patch(json!({"data": {"a": 1}}))[0].starts_with("error /steps/1/patch/body/data/a: "));
        assert_eq!(
            patch(json!({"data": null, "metadata": {"labels": {"a": null}}, "$patch": "merge"})),
            Vec::<String>::new()
        );
    }

    #[rstest]
    #[case(json!({"op": "add", "path": "/automountServiceAccountTokn", "value": false}), "warning", "path", "did you mean `automountServiceAccountToken`")]
    #[case(json!({"op": "remove", "path": "/metadata/lables/app"}), "warning", "path", "`metadata.lables`")]
    #[case(json!({"op": "move", "from": "/secret/0", "path": "/secrets/-"}), "warning", "from", "did you mean `secrets`")]
    #[case(json!({"op": "add", "path": "/secrets/-", "value": {"nam": "a"}}), "warning", "value/nam", "did you mean `name`")]
    #[case(json!({"op": "add", "path": "/metadata/labels", "value": {"a": 1}}), "error", "value/a", "takes a text")]
    #[case(json!({"op": "replace", "path": "/automountServiceAccountToken", "value": "no"}), "error", "value", "takes `true` or `false`")]
    #[case(json!({"op": "add", "path": "/metadata/labels/1", "value": "a"}), "", "", "")]
    #[case(json!({"op": "add", "path": "/metadata/annotations/a~1b", "value": "a"}), "", "", "")]
    #[case(json!({"op": "test", "path": "/metadata/uid", "value": "a"}), "", "", "")]
    #[case(json!({"op": "remove", "path": "/imagePullSecrets"}), "", "", "")]
    #[case(json!({"op": "add", "path": "", "value": {}}), "", "", "")]
    fn a_slip_in_an_operation_is_told(
        #[case] operation: Value,
        #[case] severity: &str,
        #[case] place: &str,
        #[case] words: &str,
    ) {
        let account = json!({"serviceAccount": "a"});
        let patch = json!({"patch": {"kind": "ServiceAccount", "name": "a", "type": "json", "body": [operation]}});
        let path = "/api/v1/namespaces/default/serviceaccounts/a";
        let request = json!({"request": {"method": "PATCH", "path": path, "body": [operation]}});
        for (step, verb) in [(patch, "patch"), (request, "request")] {
            let found = said(in_default(json!([account, step])));
            if severity.is_empty() {
                assert_eq!(found, Vec::<String>::new());
            } else {
                let start = format!("{severity} /steps/1/{verb}/body/0/{place}: ");
                assert!(found.iter().any(|line| line.starts_with(&start) && line.contains(words)), "{found:?}");
            }
        }
    }

    #[rstest]
    #[case("PATCH", "/api/v1/namespaces/default/configmaps/c", json!({"dta": {}}), true)]
    #[case("PUT", "/api/v1/namespaces/default/configmaps/c", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "dta": {}}), true)]
    #[case("PATCH", "/api/v1/namespaces/default/configmaps/c", json!({"data": {"dta": null}}), false)]
    // Of another version, and of a part, nothing is known.
    #[case("PATCH", "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/c", json!({"spec": {"targetCPUUtilizationPercentage": 3}}), false)]
    #[case("PATCH", "/apis/apps/v1/namespaces/default/deployments/c/scale", json!({"replicas": 3}), false)]
    fn a_slip_in_what_a_request_changes_is_told(
        #[case] method: &str,
        #[case] path: &str,
        #[case] body: Value,
        #[case] told: bool,
    ) {
        let step = |expect: Value| {
            let request = json!({"method": method, "path": path, "body": body});
            said(in_default(json!([{"request": request, "expect": expect}])))
        };
        let about = |found: &[String]| found.iter().any(|line| line.contains("has no field `dta`"));
        assert_eq!(about(&step(json!({"status": 200}))), told);
        for meant in [json!({"warning": "unknown field"}), json!({"status": 404}), json!({"noWarning": false})] {
            assert!(!about(&step(meant)));
        }
    }

    #[rstest]
    #[case(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"type": "ClusterIp", "ports": [{"port": 80}]}}), "spec.type")]
    #[case(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "protocol": "tcp"}]}}), "spec.ports[0].protocol")]
    #[case(json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "s"}, "spec": {"podSelector": {}, "policyTypes": ["ingress"]}}), "spec.policyTypes[0]")]
    #[case(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "s"}, "spec": {"containers": [{"name": "c", "image": "curl", "imagePullPolicy": "never"}]}}), "spec.containers[0].imagePullPolicy")]
    fn a_word_that_a_field_does_not_take_is_told(#[case] manifest: Value, #[case] place: &str) {
        let found = said(in_default(json!([{"apply": manifest}])));
        assert!(
            found.iter().any(|line| line.starts_with("error ") && line.contains(&format!("`{place}` of a"))),
            "{found:?}"
        );
    }
}
