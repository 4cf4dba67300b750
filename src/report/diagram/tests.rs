use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::event::{
    Outcome,
    rbac::{Call, Rbac},
};

fn step(number: usize, rbac: Vec<Rbac>) -> StepFinished {
    StepFinished {
        path: "a.yaml".into(),
        number,
        title: String::new(),
        line: 1,
        col: 1,
        took_ms: 0,
        outcome: Outcome::Held,
        equivalent: String::new(),
        summary: String::new(),
        warnings: vec![],
        yaml: String::new(),
        asked: vec![],
        answered: None,
        attempts: 1,
        rbac,
        rows: vec![],
        when: vec![],
        why: vec![],
    }
}

fn made(object: Value) -> Rbac {
    Rbac::Made { object, whole: true }
}

fn role(rules: Value) -> Rbac {
    made(json!({"kind": "Role", "metadata": {"name": "r", "namespace": "a"}, "rules": rules}))
}

fn binding(role: &str) -> Rbac {
    made(json!({"kind": "RoleBinding", "metadata": {"name": "b", "namespace": "a"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": if role == "view" { "ClusterRole" } else { "Role" }, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "sa", "namespace": "a"}]}))
}

fn asked(user: &str, verb: &str, allowed: bool) -> Rbac {
    let call = Call { verb: verb.into(), resource: "pods".into(), namespace: Some("a".into()), ..Call::default() };
    Rbac::Asked { user: user.into(), groups: vec![], call, allowed }
}

const SA: &str = "system:serviceaccount:a:sa";

fn pods(verbs: Value) -> Value {
    json!([{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}])
}

/// From box to box: `sa > b: ✓ 4`.
fn arrows(steps: Vec<Vec<Rbac>>) -> Vec<String> {
    let steps: Vec<_> = steps.into_iter().enumerate().map(|(index, rbac)| step(index + 1, rbac)).collect();
    let made = Diagram::from_steps(&steps);
    let name = |at: usize| made.nodes[at].lines.join(" ");
    made.edges.iter().map(|edge| format!("{} > {}: {}", name(edge.from), name(edge.to), edge.shown.label())).collect()
}

#[test]
fn a_denial_becomes_a_way_when_the_grant_is_there_and_a_denial_again_when_it_is_gone() {
    let denied = vec![asked(SA, "list", false)];
    let grant = vec![role(pods(json!(["list"]))), binding("r")];
    let allowed = vec![asked(SA, "list", true)];
    let gone = vec![Rbac::Removed { kind: "RoleBinding".into(), namespace: Some("a".into()), name: Some("b".into()) }];
    let mut story = vec![denied.clone()];
    assert_eq!(arrows(story.clone()), ["sa > list pods in namespace a: ✗ 1"]);
    story.push(grant);
    let both = ["sa > b: ?", "b > r: ?", "r > list pods: ?", "sa > list pods in namespace a: ✗ 1"];
    assert_eq!(arrows(story.clone()), both);
    story.push(allowed);
    assert_eq!(arrows(story.clone()), ["sa > b: ✓ 3", "b > r: ✓ 3", "r > list pods: ✓ 3"]);
    story.push(gone);
    assert_eq!(arrows(story.clone()), ["r > list pods: ✓ 3"]);
    story.push(denied);
    assert_eq!(arrows(story), ["r > list pods: ✓ 3", "sa > list pods in namespace a: ✗ 5"]);
}

#[test]
fn of_a_role_that_has_changed_nothing_is_shown_yet() {
    let story = |second: Value| {
        let grant = vec![role(pods(json!(["list"]))), binding("r"), asked(SA, "list", true)];
        arrows(vec![grant, vec![role(pods(second))]])
    };
    assert_eq!(story(json!(["list"])), ["sa > b: ✓ 1", "b > r: ✓ 1", "r > list pods: ✓ 1"]);
    assert_eq!(story(json!(["get"])), ["sa > b: ✓ 1", "b > r: ?", "r > get pods: ?"]);
}

#[rstest]
#[case("list", true, vec!["sa > b: ✓ 1", "b > view: ✓ 1", "view > not made by a step: ✓ 1"])]
#[case("list", false, vec!["sa > b: ?", "b > view: ?", "view > not made by a step: ?", "sa > list pods in namespace a: ✗ 1"])]
fn a_role_that_no_step_made_may_have_the_rule(#[case] verb: &str, #[case] allowed: bool, #[case] shown: Vec<&str>) {
    assert_eq!(arrows(vec![vec![binding("view"), asked(SA, verb, allowed)]]), shown);
}

#[test]
fn what_nothing_here_grants_has_a_box_of_its_own() {
    assert_eq!(arrows(vec![vec![asked("jane", "list", true)]]), ["jane > list pods in namespace a: ✓ 1"]);
    let refused_by_a_way = vec![role(pods(json!(["list"]))), binding("r"), asked(SA, "list", false)];
    assert_eq!(arrows(vec![refused_by_a_way]), ["sa > b: ✗ 1", "b > r: ✗ 1", "r > list pods: ✗ 1"]);
}

#[test]
fn a_namespace_takes_all_that_is_in_it_and_a_role_put_together_has_the_others_rules() {
    let gone = Rbac::Removed { kind: "Namespace".into(), namespace: None, name: Some("a".into()) };
    assert_eq!(arrows(vec![vec![role(pods(json!(["list"]))), binding("r"), gone]]), Vec::<String>::new());
    let part = made(
        json!({"kind": "ClusterRole", "metadata": {"name": "part", "labels": {"x": "y"}}, "rules": pods(json!(["get"]))}),
    );
    let whole = made(json!({"kind": "ClusterRole", "metadata": {"name": "view"}, "rules": [],
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"x": "y"}}]}}));
    let shown = arrows(vec![vec![part, whole, binding("view"), asked(SA, "get", true)]]);
    assert_eq!(shown, ["sa > b: ✓ 1", "b > view: ✓ 1", "view > get pods: ✓ 1", "part > get pods: ?"]);
}

const HOSTILE: &str = "</title><script>\"]-->\n```%%{init: {}}%% end `x` é漢#35;";

fn hostile() -> Diagram {
    let bound = made(json!({"kind": "ClusterRoleBinding", "metadata": {"name": HOSTILE},
        "roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": HOSTILE}, "subjects": [{"kind": "User", "name": HOSTILE}]}));
    let role = made(
        json!({"kind": "ClusterRole", "metadata": {"name": HOSTILE}, "rules": [{"nonResourceURLs": [HOSTILE], "verbs": [HOSTILE]}]}),
    );
    Diagram::from_steps(&[step(1, vec![role, bound, asked(HOSTILE, HOSTILE, false)])])
}

#[test]
fn hostile_names_are_text() {
    let made = hostile();
    for svg in [made.svg("x", Style::Own), made.tree("x")] {
        assert!(!svg.contains("<script") && svg.matches("</title>").count() == 1, "{svg}");
    }
    let mermaid = made.mermaid();
    for line in mermaid.lines().skip(1) {
        assert!(line.starts_with("  n") || line.starts_with("  linkStyle "), "{line}");
        // A label is one word between two quotes, without any sign that Mermaid, Markdown or HTML reads.
        let inside: Vec<&str> = line.split('"').collect();
        assert!(inside.len() == 3 || line.starts_with("  linkStyle"), "{line}");
        let label = inside.get(1).unwrap_or(&"").replace("<br/>", " ");
        assert!(!label.contains(['<', '>', '`', '{', '}', '[', ']', '%', '\\', '|']), "{label}");
    }
    assert!(mermaid.contains("#60;#47;title#62;") || mermaid.contains("#60;/title#62;"), "{mermaid}");
}

#[test]
fn each_arrow_has_a_sign_and_a_sentence() {
    let steps =
        [step(1, vec![role(pods(json!(["list"]))), binding("r"), asked(SA, "list", true), asked(SA, "get", false)])];
    let made = Diagram::from_steps(&steps);
    let svg = made.svg("x", Style::Page);
    for sign in ["✓ 1", "✗ 1"] {
        assert!(svg.contains(&format!(">{sign}</text>")), "{sign}: {svg}");
    }
    assert_eq!(
        made.sentences(),
        [
            "ServiceAccount sa in a is a subject of RoleBinding b in a (allowed in step 1)",
            "ServiceAccount sa in a: no rule allows: get pods in namespace a (denied in step 1)",
            "RoleBinding b in a grants Role r in a (allowed in step 1)",
            "Role r in a has the rule: list pods (allowed in step 1)",
        ]
    );
    assert_eq!(
        made.mermaid(),
        "flowchart LR\n  n0([\"ServiceAccount in a<br/>sa\"])\n  n1[\"RoleBinding in a<br/>b\"]\n  n2[[\"Role in a<br/>r\"]]\n  \
         n3[\"rule<br/>list<br/>pods\"]\n  n4[\"no rule allows<br/>get pods in namespace a\"]\n  n0 -->|\"✓ 1\"| n1\n  \
         n1 -->|\"✓ 1\"| n2\n  n2 -->|\"✓ 1\"| n3\n  n0 -. \"✗ 1\" .-x n4\n  linkStyle 0,1,2 stroke:#0a7a38,stroke-width:2px\n  \
         linkStyle 3 stroke:#c4161c,stroke-width:2px\n"
    );
}

/// The texts of each box of a tree, with how far it stands to the right.
fn tree(drawn: &Diagram) -> Vec<(usize, String)> {
    let svg = drawn.tree("x");
    let text = |node: &str| {
        let all = regex::Regex::new("<[^>]*>").expect("a pattern").replace_all(node, "|").into_owned();
        all.split('|').filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(" ")
    };
    svg.split("<g class=\"node\"").skip(1).map(|node| (number(node, "x"), text(&node[1..]))).collect()
}

fn number(line: &str, key: &str) -> usize {
    let rest = &line[line.find(&format!(" {key}=\"")).expect("a key") + key.len() + 3..];
    rest[..rest.find('"').expect("its end")].parse().expect("a number")
}

#[test]
fn a_tree_goes_from_who_to_what() {
    let grant = vec![role(pods(json!(["list"]))), binding("r"), asked(SA, "list", true), asked(SA, "get", false)];
    let drawn = tree(&Diagram::from_steps(&[step(1, grant)]));
    let drawn: Vec<(usize, &str)> = drawn.iter().map(|(x, text)| ((x - drawn[0].0) / 30, text.as_str())).collect();
    assert_eq!(
        drawn,
        [
            (0, "ServiceAccount sa"),
            (1, "✓ 1 RoleBinding b"),
            (2, "✓ 1 Role r"),
            (3, "✓ 1 list pods"),
            (1, "✗ 1 no rule allows get pods"),
        ]
    );
}

#[test]
fn what_is_below_a_box_of_a_tree_is_there_once() {
    let bound = |name: &str, namespace: &str| {
        made(json!({"kind": "RoleBinding", "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "User", "name": "jane"}]}))
    };
    let drawn = tree(&Diagram::from_steps(&[step(1, vec![bound("one", "a"), bound("other", "b")])]));
    let drawn: Vec<&str> = drawn.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        drawn,
        [
            "User jane",
            "? RoleBinding in a one",
            "? ClusterRole view",
            "? rules not made by a step",
            "? RoleBinding in b other",
            "? ClusterRole, as above: view",
        ]
    );
}

#[test]
fn no_box_of_a_column_is_over_another() {
    let many: Vec<Rbac> = (0..60)
        .flat_map(|n| {
            let name = format!("{}{n}", "x".repeat(n * 3));
            let bound = json!({"kind": "ClusterRoleBinding", "metadata": {"name": name},
                "roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": name},
                "subjects": [{"kind": "User", "name": format!("u{}", n % 7)}]});
            let role = json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": pods(json!(["list"]))});
            [made(bound), made(role), asked(&format!("v{n}"), "get", n % 2 == 0)]
        })
        .collect();
    let drawn = Diagram::from_steps(&[step(1, many)]);
    let svg = drawn.svg("x", Style::Page);
    let boxes: Vec<(usize, usize, usize)> = (svg.split("<g class=\"node").skip(1))
        .map(|node| (number(node, "x"), number(node, "y"), number(node, "height")))
        .collect();
    assert_eq!(boxes.len(), drawn.nodes.len());
    for (at, (x, y, height)) in boxes.iter().enumerate() {
        for (u, v, _) in boxes.iter().skip(at + 1).filter(|(u, v, _)| u == x && v >= y) {
            assert!(v >= &(y + height), "{x} {y} {height} / {u} {v}");
        }
    }
    assert!(svg.contains("20 more bindings"), "what is left out is said");

    let tree = drawn.tree("x");
    let boxes: Vec<&str> = tree.split("<g class=\"node\"").skip(1).collect();
    assert!(boxes.len() >= drawn.nodes.len());
    for pair in boxes.windows(2) {
        assert!(number(pair[1], "y") > number(pair[0], "y") + number(pair[0], "height"), "{pair:?}");
    }
    let last = boxes.last().expect("boxes");
    assert!(number(&tree, "height") > number(last, "y") + number(last, "height"), "nothing is cut off");
}
