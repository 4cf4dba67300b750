//! Custom objects against the CustomResourceDefinitions of the same scenario: kinds and versions that these do not serve, and what
//! their schemas would not take.

use serde_json::Value;

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
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
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
}
