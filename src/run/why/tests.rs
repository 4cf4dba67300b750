use super::*;
use crate::{expect::Mismatch, explain::testing};

const QUESTION: &str = "u GET /api/v1/namespaces/a/pods";

fn said_of(surprise: Surprise, granted: bool, within: bool) -> Vec<String> {
    let policy = Policy::default().with("Role a/r", "[{apiGroups: [''], resources: [pods], verbs: [list]}]");
    let policy = if granted { policy.bound("RoleBinding a/b", "Role r", "User u") } else { policy };
    let question = testing::ask(QUESTION);
    said(surprise, &explain(&policy, &question), &question, within)
}

#[test]
fn the_reason_fits_the_surprise() {
    let grants = "RoleBinding a/b gives User u Role a/r, whose rule 1 allows list on pods";
    assert_eq!(said_of(Surprise::Allowed, true, false), [grants]);
    let refused = said_of(Surprise::Refused, false, false);
    assert!(refused[0].starts_with("Role a/r would grant it, but no RoleBinding"), "{refused:?}");
    assert!(refused[1].starts_with("this gives User u the whole of Role a/r:\napiVersion: "), "{refused:?}");
}

#[test]
fn of_what_a_call_may_have_asked_the_granted_tells() {
    let policy = Policy::default().with("Role a/r", "[{apiGroups: [''], resources: [pods], verbs: [get]}]").bound(
        "RoleBinding a/b",
        "Role r",
        "User u",
    );
    let asked =
        || ["u PATCH /api/v1/namespaces/a/pods/p", "u GET /api/v1/namespaces/a/pods/p"].map(testing::ask).to_vec();
    let verb = |surprise| match telling(surprise, asked(), &policy).expect("a question").0.request {
        Request::Resource { verb, .. } | Request::Path { verb, .. } => verb,
    };
    assert_eq!((verb(Surprise::Allowed), verb(Surprise::Refused)), ("get".to_owned(), "patch".to_owned()));
    assert!(telling(Surprise::Allowed, vec![], &policy).is_none());
}

#[test]
fn what_was_refused_is_what_the_server_says() {
    let words =
        r#"pods "p" is forbidden: User "u" cannot create resource "pods/exec" in API group "" in the namespace "a""#;
    let request = said_by_server(words, "u").expect("a request");
    assert!(words.starts_with(&request.denial("u")), "{request:?}");
    assert_eq!((said_by_server(words, "v"), said_by_server("no", "u")), (None, None));
}

#[test]
fn a_binding_that_is_held_grants_until_it_is_gone() {
    let mut policy = Policy::default().bound("RoleBinding a/b", "Role r", "User u");
    let id = Id { kind: "RoleBinding", namespace: Some("a".into()), name: "b".into() };
    assert_eq!(still_there(&policy, &id), None);
    let held = serde_json::json!({
        "name": "b", "namespace": "a", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x.example/hold"],
    });
    policy.role_bindings[0].metadata = serde_json::from_value(held).expect("metadata");
    assert_eq!(
        still_there(&policy, &id).expect("it is told"),
        "RoleBinding a/b is being deleted since 2026-01-01T00:00:00Z, held by: x.example/hold; it grants until it is gone"
    );
}

#[test]
fn what_has_changed_since_is_a_matter_of_moments() {
    let end = "by now no binding grants it; the end of a grant takes effect a moment later, so ask with `within: 2s`";
    assert_eq!(said_of(Surprise::Allowed, false, false), [end]);
    assert_eq!(said_of(Surprise::Allowed, false, true), ["by now no binding grants it"]);
    let granted = said_of(Surprise::Refused, true, false).remove(0);
    assert!(granted.starts_with("by now it is granted: RoleBinding a/b gives"), "{granted}");
    assert!(granted.ends_with("; a grant takes effect a moment later, so ask with `within: 2s`"), "{granted}");
}

#[test]
fn only_what_authorization_did_has_reasons() {
    let text = "title: x\nsteps:\n  - title: a\n    serviceAccount: a\n  - title: b\n    pod: {name: p, image: curl, serviceAccount: a}\n  \
                    - title: c\n    curl: {in: p, url: 'https://kubernetes.default/api', token: mounted}\n    expect: {status: 403}\n";
    let document = crate::scenario::read(std::path::Path::new("x.yaml"), text.as_bytes()).expect("a scenario");
    let plan = crate::plan::plan(document, &crate::plan::Names::random()).expect("a plan");
    let step = &plan.steps[2];
    assert!(attempt::calls(step).is_some());
    for (class, wanted) in [
        (Class::Allowed, Some(Surprise::Allowed)),
        (Class::Status, Some(Surprise::Allowed)),
        (Class::Refused, Some(Surprise::Refused)),
        (Class::WrongIdentity, None),
        (Class::NotReached, None),
    ] {
        let mismatch = Mismatch {
            pointer: "/expect/status".into(),
            message: String::new(),
            expected: String::new(),
            got: String::new(),
            server_words: None,
            hint: None,
            class,
        };
        assert_eq!(
            surprise(&step.expected[0], &super::super::verdict::place(&plan, step, mismatch), false),
            wanted,
            "{class:?}"
        );
    }
}

#[test]
fn a_refusal_that_kubectl_was_to_print_has_reasons_when_it_was_let_pass() {
    let text = "title: x\nsteps:\n  - title: a\n    kubectl: {args: [get, --raw, /api]}\n    expect: {exitCode: 1, stderr: {contains: 'cannot get path'}}\n  \
                    - title: b\n    kubectl: {args: [get, pods]}\n    expect: {exitCode: 1}\n";
    let document = crate::scenario::read(std::path::Path::new("x.yaml"), text.as_bytes()).expect("a scenario");
    let plan = crate::plan::plan(document, &crate::plan::Names::random()).expect("a plan");
    let said = |at: usize, passed: bool| {
        let mismatch = Mismatch::new("/expect/exitCode", Class::ExitCode, "1", "0");
        let step = &plan.steps[at];
        surprise(&step.expected[0], &super::super::verdict::place(&plan, step, mismatch), passed)
    };
    assert_eq!([said(0, true), said(0, false), said(1, true)], [Some(Surprise::Allowed), None, None]);
}
