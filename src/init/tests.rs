use serde_json::json;

use super::*;

fn story(documents: Vec<Value>) -> String {
    let origin = "file: role.yaml".to_owned();
    let piece =
        Piece { origin, shown: "role.yaml".into(), objects: objects(documents), namespace: None, hooks: vec![] };
    written("role.yaml", &[piece]).expect("a story")
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn role(rules: Value) -> Vec<Value> {
    vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}),
        json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "r"}, "rules": rules}),
        json!({"apiVersion": RBAC, "kind": "RoleBinding", "metadata": {"name": "b"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "a"}]}),
    ]
}

#[test]
fn each_right_is_a_row_with_one_thing_next_to_it() {
    let text = story(role(json!([{"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]}])));
    assert!(text.contains("        - {verb: [get, list], resource: [pods, services]}\n"), "{text}");
    assert!(text.contains("      asked:\n        - {verb: delete, resource: pods}\n"), "{text}");
    assert!(text.contains("who: serviceaccount/a\n"), "{text}");
}

/// Every caller who has logged in may create these reviews, so that is not next to the right to list them.
#[test]
fn what_everybody_may_is_no_neighbour() {
    let reviews = "selfsubjectaccessreviews";
    let rules = json!([{"apiGroups": ["authorization.k8s.io"], "resources": [reviews], "verbs": ["list"]}]);
    let mut objects = role(rules);
    for (object, kind) in objects.iter_mut().skip(1).zip(["ClusterRole", "ClusterRoleBinding"]) {
        object["kind"] = json!(kind);
    }
    objects[2]["roleRef"]["kind"] = json!("ClusterRole");
    let text = story(objects);
    let (denied, allowed) = text.split_once("      allowed:\n").expect("a table");
    assert!(!denied.contains(reviews) && allowed.contains(reviews), "{text}");
    assert!(denied.contains("      asked:\n        - {verb: "), "{text}");
}

#[test]
fn a_name_gets_another_beside_it() {
    let rules =
        json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["x"], "verbs": ["get", "list"]}]);
    let text = story(role(rules));
    assert!(text.contains("- {verb: [get, list], resource: secrets, name: x}\n"), "{text}");
    assert!(text.contains("- {verb: get, resource: secrets, name: another}\n"), "{text}");
}

#[test]
fn an_account_without_a_binding_may_do_nothing() {
    let text = story(vec![json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}})]);
    assert!(text.contains("may neither read nor create Pods and Secrets") && !text.contains("allowed:"), "{text}");
}

#[test]
fn without_rbac_there_is_no_story() {
    let piece =
        |objects| Piece { origin: String::new(), shown: String::new(), objects, namespace: None, hooks: vec![] };
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}});
    assert_eq!(written("x", &[piece(objects(vec![config]))]), Err(Unwritten::Nothing));
    let role = json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "r"}, "rules": "all"});
    assert!(matches!(written("x", &[piece(objects(vec![role]))]), Err(Unwritten::Object(..))));
}

#[test]
fn no_table_asks_more_than_a_step_may() {
    let many = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let wide = json!({"apiGroups": many("g", 52), "resources": many("r", 5), "verbs": verbs});
    let named = json!({"apiGroups": [""], "resources": ["configmaps", "secrets"], "resourceNames": many("n", 600), "verbs": ["get", "update"]});
    let text = story(role(json!([wide, named])));
    let path = std::path::Path::new("scenarios/role.yaml");
    let names = crate::plan::Names { suffix: "aaaaa".into() };
    // Beside the manifests, which are not there.
    let own = text.lines().filter(|line| !line.contains("apply: {file")).collect::<Vec<_>>().join("\n");
    let own = own
        .replace("The manifests of role.yaml, unchanged", "An account")
        .replace("  - title: 'An account'", "  - title: 'An account'\n    serviceAccount: a");
    match crate::plan::load_bytes(path, own.as_bytes(), &names, crate::plan::Trust::Full) {
        Ok(plan) => assert!(plan.steps.len() > 4, "{}", plan.steps.len()),
        Err((_, found)) => {
            let too_many = found.iter().find(|found| found.message.contains("questions"));
            assert!(too_many.is_none(), "{too_many:?}");
        }
    }
    for name in ["n0", "n299", "n599", "r4.g51"] {
        assert!(text.contains(name), "{name}");
    }
}

#[test]
fn a_role_of_kubernetes_own_controllers_is_there_and_an_empty_namespace_is_none() {
    let mut objects = role(json!([]));
    objects[0]["metadata"]["namespace"] = json!("");
    objects[2]["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:controller:job-controller"});
    let text = story(objects);
    assert!(!text.contains("is not there") && text.contains("who: serviceaccount/a\n"), "{text}");
    assert!(text.contains("jobs.batch"), "{text}");
}

/// Of a role of Kubernetes' own a few rights stand for all, but none of the manifests' own that it collects is left out.
#[test]
fn what_the_manifests_add_to_a_role_of_kubernetes_own_is_a_row() {
    let rules = json!([{"apiGroups": ["lab.example"], "resources": ["widgets"], "verbs": ["create", "get"]}]);
    let mut objects = role(rules.clone());
    objects[1] = json!({"apiVersion": RBAC, "kind": "ClusterRole", "rules": rules, "metadata": {"name": "widgets-edit",
        "labels": {"rbac.authorization.k8s.io/aggregate-to-edit": "true"}}});
    objects[2]["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"});
    objects.push(json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "alone"}, "rules": []}));
    let text = story(objects);
    let (_, allowed) = text.split_once("      allowed:\n").expect("a table");
    assert!(allowed.contains("- {verb: [create, get], resource: widgets.lab.example"), "{text}");
    assert!(
        text.contains("  # Role alone is bound by nothing here") && !text.contains("ClusterRole widgets-edit is"),
        "{text}"
    );
}

/// A kind of one's own has what is next to it, too; where no server has it, all of it is denied, and that is meant.
#[test]
fn a_kind_of_ones_own_has_a_neighbour() {
    let rules =
        json!([{"apiGroups": ["lab.example"], "resources": ["widgets", "widgets/status"], "verbs": ["get", "list"]}]);
    let text = story(role(rules));
    let (denied, allowed) = text.split_once("      allowed:\n").expect("a table");
    assert!(denied.contains("- {verb: delete, resource: widgets.lab.example} # on purpose\n"), "{text}");
    assert!(
        denied.contains("- {verb: patch, resource: widgets.lab.example, subresource: status} # on purpose\n")
            || denied.contains("- {verb: update, resource: widgets.lab.example, subresource: status} # on purpose\n"),
        "{text}"
    );
    assert!(allowed.contains("- {verb: [get, list], resource: widgets.lab.example}\n"), "{text}");
}

#[test]
fn letters_of_a_manifest_are_no_placeholder() {
    let document = json!({"name": "a-{namespace}", "{saved.x}": ["kwspace"], "text": "{{namespace}} {other}"});
    let said = at_home(document, "kwspace");
    assert_eq!(
        said,
        json!({"name": "a-{{namespace}}", "{{saved.x}}": ["{namespace}"], "text": "{{{namespace}}} {other}"})
    );
    for (said, letters) in [("a-{{namespace}}", "a-{namespace}"), ("{{{namespace}}}", "{{namespace}}")] {
        assert_eq!(crate::scenario::placeholder::in_namespace(said, "x"), letters);
    }
}

#[test]
fn hooks_are_said_to_be_left_out() {
    let objects = objects(role(json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])));
    let hooks = vec!["app/templates/migrate.yaml".to_owned()];
    let piece = Piece { origin: "helm: {chart: app}".into(), shown: "app".into(), objects, namespace: None, hooks };
    let text = written("app", &[piece]).expect("a story");
    assert!(text.contains("  # Hooks are left out, tests among them, with the accounts and roles that they make (app/templates/migrate.yaml): helm"), "{text}");
}
