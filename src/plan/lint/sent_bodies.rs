//! The bodies that requests and patches send: what the kind of the object would not take.

use serde_json::{Map, Value};

use crate::{
    k8s::{self, structural},
    plan::{
        Action, Kind,
        context::{Context, Draft, below},
        kinds,
        lower::fields,
    },
};

/// What a body that a request sends makes of an object, or of a part of one.
pub(in crate::plan) fn check(cx: &mut Context<'_>, draft: &Draft<'_>, action: &Action) {
    let none = Map::new();
    let (kind, body): (Option<&'static Kind>, Option<&Map<String, Value>>) = match action {
        Action::Patch(change) if change.subresource.is_none() => {
            let own = kinds::OWN.iter().find(|own| **own == change.target.kind);
            (own, change.body.as_object())
        }
        _ => (None, None),
    };
    if let (Some(kind), Some(body)) = (kind, body) {
        let slips = k8s::fields::slips(&kind.api_version(), &kind.kind, body);
        // A directive to a merge, and a null that removes, are no fields.
        let slips = slips.into_iter().filter(|slip| {
            slip.path.last().is_none_or(|key| !key.starts_with('$')) && !structural::is_null(body, &slip.path)
        });
        fields::tell(cx, draft, &below(&draft.at(), "body"), kind, body, slips.collect());
        return;
    }
    if matches!(action, Action::Request(_) | Action::Curl(_)) {
        for placed in &draft.objects {
            let map = placed.object.manifest.as_object().unwrap_or(&none);
            fields::check(cx, draft, &placed.pointer, &placed.object.kind, map);
        }
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
