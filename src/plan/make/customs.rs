//! Custom objects against the CustomResourceDefinitions of the same scenario: kinds and versions that these do not serve, and what
//! their schemas would not take.

use serde_json::{Map, Value};

use crate::plan::{
    context::{Context, Draft, below},
    lower::fields,
};
use crate::{
    k8s::{nearest, structural},
    plan::{Action, Kind, Step},
    scenario::{Verb, outcome::Wanted},
};

/// A CustomResourceDefinition of the scenario.
struct Definition<'a> {
    group: &'a str,
    kind: &'a str,
    /// Each version that is served, and its schema.
    versions: Vec<(&'a str, Option<&'a Value>)>,
}

/// Looks at all custom objects that steps make and name.
pub(super) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
    let made = drafts.iter().filter(|draft| !draft.refused).flat_map(|draft| &draft.objects);
    let all: Vec<Definition<'_>> = made
        .filter(|placed| placed.object.kind.kind == "CustomResourceDefinition")
        .filter_map(|placed| definition(&placed.object.manifest))
        .collect();
    if all.is_empty() {
        return;
    }
    for draft in drafts.iter().filter(|draft| !draft.refused && matches!(draft.verb, Some(Verb::Apply | Verb::Create)))
    {
        for placed in draft.objects.iter().filter(|placed| placed.object.kind.plural.is_none()) {
            let Some(own) = served(cx, &all, &placed.pointer, &placed.object.kind) else { continue };
            if let (Some(schema), Value::Object(map)) = (own, &placed.object.manifest) {
                let slips = structural::slips(schema, map);
                fields::tell(cx, draft, &placed.pointer, &placed.object.kind, map, slips);
            }
        }
    }
    for step in steps.iter().filter(|step| step.expected.iter().all(|item| item.expect.wanted() == Wanted::Success)) {
        let kind = match &step.action {
            Action::Get(target) | Action::Delete(target) | Action::Wait(target, _) => &target.kind,
            Action::Patch(change) => &change.target.kind,
            _ => continue,
        };
        if kind.plural.is_none() && !step.expected.iter().any(|item| item.expect.absent.is_some()) {
            served(cx, &all, &below(&step.pointer, step.verb), kind);
        }
    }
}

fn definition(manifest: &Value) -> Option<Definition<'_>> {
    let spec = &manifest["spec"];
    let served = spec["versions"].as_array()?.iter().filter(|version| version["served"] != false);
    let versions =
        served.filter_map(|version| Some((version["name"].as_str()?, version.pointer("/schema/openAPIV3Schema"))));
    Some(Definition {
        group: spec["group"].as_str()?,
        kind: spec["names"]["kind"].as_str()?,
        versions: versions.collect(),
    })
}

/// The schema of a kind in its version; `None`: nothing is known, or it was said that there is no such kind.
fn served<'a>(cx: &mut Context<'_>, all: &[Definition<'a>], at: &str, kind: &Kind) -> Option<Option<&'a Value>> {
    let same: Vec<_> = all.iter().filter(|own| own.group == kind.group).collect();
    if let Some(own) = same.iter().find(|own| own.kind == kind.kind) {
        if let Some((_, schema)) = own.versions.iter().find(|(version, _)| *version == kind.version) {
            return Some(*schema);
        }
        let versions: Vec<_> = own.versions.iter().map(|(version, _)| format!("`{}/{version}`", own.group)).collect();
        cx.findings
            .error(
                &below(at, "apiVersion"),
                format!("a {} is not served as `{}/{}`", kind.kind, kind.group, kind.version),
            )
            .hint(format!("its CustomResourceDefinition serves {}", versions.join(", ")));
        return None;
    }
    if let Some(near) = nearest(&kind.kind, same.iter().map(|own| own.kind)) {
        cx.findings
            .error(
                &below(at, "kind"),
                format!("no CustomResourceDefinition of `{}` has kind `{}`", kind.group, kind.kind),
            )
            .hint(format!("did you mean `{near}`?"));
    }
    None
}

/// What a body that a request sends makes of an object, or of a part of one.
pub(super) fn bodies(cx: &mut Context<'_>, draft: &Draft<'_>, action: &Action) {
    let none = Map::new();
    let (kind, body): (Option<&'static Kind>, Option<&Map<String, Value>>) = match action {
        Action::Patch(change) if change.subresource.is_none() => {
            let own = crate::plan::kinds::OWN.iter().find(|own| **own == change.target.kind);
            (own, change.body.as_object())
        }
        _ => (None, None),
    };
    if let (Some(kind), Some(body)) = (kind, body) {
        let slips = crate::k8s::fields::slips(&kind.api_version(), &kind.kind, body);
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

    fn with(step: Value) -> Vec<String> {
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer"}, "mode": {"type": "string", "enum": ["a", "b"]},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "port": {"x-kubernetes-int-or-string": true},
            "list": {"type": "array", "items": {"type": "string"}},
        }}}});
        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.lab.example"}, "spec": {"group": "lab.example", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}});
        said(in_default(json!([{"apply": definition}, step])))
    }

    fn widget(version: &str, kind: &str, spec: Value) -> Value {
        json!({"apply": {"apiVersion": format!("lab.example/{version}"), "kind": kind, "metadata": {"name": "w"}, "spec": spec}})
    }

    #[rstest]
    #[case(widget("v2", "Widget", json!({"size": 1})), "error /steps/1/apply/apiVersion: a Widget is not served as `lab.example/v2`")]
    #[case(widget("v1", "Widgets", json!({"size": 1})), "error /steps/1/apply/kind: no CustomResourceDefinition of `lab.example` has kind `Widgets` (did you mean `Widget`?)")]
    #[case(widget("v1", "Widget", json!({"size": "3"})), "error /steps/1/apply/spec/size: `spec.size` of a Widget takes a whole number, not the text `3`")]
    #[case(widget("v1", "Widget", json!({"size": 1, "mode": "c"})), "error /steps/1/apply/spec/mode: `spec.mode` of a Widget cannot be `c` (it takes `a` or `b`)")]
    #[case(widget("v1", "Widget", json!({"sise": 1, "size": 1})), "error /steps/1/apply/spec/sise: a Widget has no field `spec.sise` (did you mean `size`?)")]
    #[case(widget("v1", "Widget", json!({"mode": "a"})), "error /steps/1/apply/spec: a Widget lacks `spec.size`")]
    #[case(widget("v1", "Widget", json!({"size": 1, "list": [1]})), "error /steps/1/apply/spec/list/0: `spec.list[0]` of a Widget takes a text, not the number `1`")]
    #[case(json!({"get": {"apiVersion": "lab.example/v2", "kind": "Widget"}}), "error /steps/1/get/apiVersion: a Widget is not served as `lab.example/v2`")]
    fn a_slip_in_a_custom_object_is_told(#[case] step: Value, #[case] part: &str) {
        let found = with(step);
        assert!(found.iter().any(|line| line.starts_with(part)), "{found:?}");
    }

    #[rstest]
    #[case(widget("v1", "Widget", json!({"size": 1, "mode": "a", "free": {"x": 1}, "port": "web", "list": ["a"]})))]
    #[case(widget("v1", "Other", json!({"size": "1"})))]
    #[case(json!({"get": {"apiVersion": "lab.example/v1", "kind": "Widget"}}))]
    fn what_fits_is_not_warned_about(#[case] step: Value) {
        assert_eq!(with(step), Vec::<String>::new());
    }

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
