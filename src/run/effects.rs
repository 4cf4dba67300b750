//! What an attempt has done: a denial that comes second, after a call of the same step has gone through, is none.

use serde_json::Value;

use super::judged::Judged;
use crate::{
    expect::{Answer, Class, Http, Mismatch},
    plan::{Action, Step},
    redact::{redact, show},
};

/// Whether an attempt went through that was expected to fail, and changed something: asking again until it is refused would
/// hide that.
pub(super) fn went_through(step: &Step, asked: &Judged) -> bool {
    let fails = step.expected.iter().any(|item| item.expect.must_fail());
    let hidden = step.action.changes() && !waits_for_admission(step);
    fails && hidden && !asked.mismatches.is_empty() && succeeded(&asked.got.answer)
}

/// Whether what is waited for is a policy or a webhook that has yet to take effect, asked by objects of which each gets a name of
/// its own: what came too early is removed with the scenario, and is not why a later one is refused.
fn waits_for_admission(step: &Step) -> bool {
    let generated = |object: &Value| {
        object["metadata"]["generateName"].is_string() && object["metadata"]["name"].as_str().is_none_or(str::is_empty)
    };
    let body =
        |body: Option<&String>| body.and_then(|text| serde_json::from_str(text).ok()).is_some_and(|it| generated(&it));
    let each_is_new = match &step.action {
        Action::Create(objects) => objects.iter().all(|object| generated(&object.manifest)),
        Action::Request(call) => body(call.body.as_ref()),
        Action::Curl(call) => body(call.body.as_ref()),
        _ => false,
    };
    each_is_new && !step.expected.iter().any(|item| item.expect.is_rbac_denial())
}

fn succeeded(answer: &Answer) -> bool {
    match answer {
        Answer::Api(http) | Answer::Curl(http) => (200..300).contains(&http.status),
        Answer::Exec { exit_code, .. } => *exit_code == 0,
        Answer::Reviews(_) | Answer::CurlFailed { .. } => false,
    }
}

/// Says in the first mismatch what the attempt has done.
pub(super) fn tell(step: &Step, asked: &mut Judged) {
    let what = match &asked.got.answer {
        Answer::Api(http) | Answer::Curl(http) => done(http),
        _ => "it was carried out".into(),
    };
    let Some(first) = asked.mismatches.iter_mut().find(|found| found.class != Class::Save) else { return };
    let hint = format!("{what}, so it was not repeated until it is refused. {}", instead(step));
    let Mismatch { hint: old, .. } = first;
    *old = Some(match old.take() {
        Some(old) => format!("{hint}\n{old}"),
        None => hint,
    });
}

/// How to wait for a refusal without changing anything. No read, and no question about rights, ever reaches what admission refuses
/// or what is wrong with an object.
fn instead(step: &Step) -> String {
    let rbac = step.expected.iter().any(|item| item.expect.is_rbac_denial());
    if rbac {
        return "To wait for the end of a right, ask before by what only reads, e.g. `can: {…, allowed: false}` with \
                `expect: {within: 2s}`"
            .into();
    }
    let by = match &step.action {
        Action::Kubectl(_) => "add `--dry-run=server` to its `args`",
        Action::Request(_) | Action::Curl(_) => "the same request with `dryRun=All` in its query",
        Action::Patch(_) => "`request: {method: PATCH, path: '…?dryRun=All', body: …}` with `expect: {…, within: 20s}`",
        _ => "`request: {path: '…?dryRun=All', body: …}` with `expect: {…, within: 20s}`",
    };
    format!("To wait until it is refused, ask before by what stores nothing: {by}")
}

fn done(http: &Http) -> String {
    let json = http.json.as_ref();
    let text = |pointer: &str| json.and_then(|json| json.pointer(pointer)).and_then(serde_json::Value::as_str);
    match (http.status, text("/kind"), text("/metadata/name")) {
        (201, Some(kind), Some(name)) if kind != "Status" => {
            let place = text("/metadata/namespace").map(|place| format!(" in namespace {place}")).unwrap_or_default();
            let what = format!("{kind} {name}{place}");
            format!("this attempt made {}, which is removed with the scenario", show::line(&redact(&what), show::VALUE))
        }
        _ => "this attempt was carried out".into(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::run::judged::testing::{judged, step};

    fn asked(text: &str, status: u16) -> (Step, Judged) {
        let step = step(text);
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n", "uid": "u"}});
        let judged = judged(&step, Http::with_object(status, Some(object)));
        (step, judged)
    }

    const MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}";
    const NEW: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: c-}}";

    #[rstest]
    #[case(&format!("create: {MAP}, expect: {{status: 403, within: 5s}}"), 201, true)]
    #[case(&format!("create: {MAP}, expect: {{status: 409, within: 5s}}"), 201, true)]
    #[case(&format!("apply: {MAP}, expect: {{reason: Forbidden, within: 5s}}"), 200, true)]
    #[case("patch: {kind: ConfigMap, name: c, body: {}}, expect: {status: 403, within: 5s}", 200, true)]
    #[case(
        "request: {method: DELETE, path: /api/v1/namespaces/default/configmaps/c}, expect: {status: 404, within: 5s}",
        200,
        true
    )]
    #[case(
        "request: {method: PUT, path: /api/v1/namespaces/default/configmaps/c, body: {}}, expect: {status: 403, within: 5s}",
        200,
        true
    )]
    #[case(
        "request: {method: POST, path: '/api/v1/namespaces/default/configmaps?dryRun=All', body: {}}, expect: {status: 403, within: 5s}",
        201,
        false
    )]
    #[case(
        "request: {method: POST, path: /apis/authorization.k8s.io/v1/selfsubjectaccessreviews, body: {}}, expect: {status: 403, within: 5s}",
        201,
        false
    )]
    #[case(
        "request: {method: POST, path: /api/v1/namespaces/default/serviceaccounts/a/token, body: {}}, expect: {status: 403, within: 5s}",
        201,
        false
    )]
    #[case(&format!("create: {NEW}, expect: {{status: 422, by: policy, within: 5s}}"), 201, false)]
    #[case(&format!("request: {{method: POST, path: /api/v1/namespaces/default/configmaps, body: {NEW}}}, expect: {{status: 400, by: webhook, within: 5s}}"), 201, false)]
    #[case(&format!("create: {NEW}, expect: {{status: 403, within: 5s}}"), 201, true)]
    #[case(&format!("create: {MAP}, expect: {{status: 422, by: policy, within: 5s}}"), 201, true)]
    #[case("get: {kind: ConfigMap, name: c}, expect: {status: 403, within: 5s}", 200, false)]
    #[case(&format!("create: {MAP}, expect: {{status: 403, within: 5s}}"), 403, false)]
    #[case(&format!("apply: {MAP}, expect: {{object: {{data: {{a: b}}}}, within: 5s}}"), 200, false)]
    fn a_success_of_what_changes_something_ends_the_wait(#[case] text: &str, #[case] status: u16, #[case] ends: bool) {
        let (step, asked) = asked(text, status);
        assert_eq!(went_through(&step, &asked), ends, "{:?}", asked.mismatches);
    }

    #[rstest]
    #[case(&format!("create: {MAP}, expect: {{status: 403, within: 5s}}"), "`can: {…, allowed: false}`")]
    #[case(&format!("create: {MAP}, expect: {{status: 422, by: policy, within: 5s}}"), "path: '…?dryRun=All', body: …}`")]
    #[case(&format!("create: {MAP}, expect: {{status: 403, by: quota, within: 5s}}"), "path: '…?dryRun=All', body: …}`")]
    #[case(&format!("apply: {MAP}, expect: {{status: 403, by: podSecurity, within: 5s}}"), "path: '…?dryRun=All', body: …}`")]
    #[case(&format!("create: {MAP}, expect: {{status: 422, within: 5s}}"), "path: '…?dryRun=All', body: …}`")]
    #[case(
        "patch: {kind: ConfigMap, name: c, body: {}}, expect: {status: 400, by: webhook, within: 5s}",
        "{method: PATCH, path: "
    )]
    #[case(
        "kubectl: {args: [create, configmap, c]}, expect: {status: 422, by: policy, within: 5s}",
        "`--dry-run=server`"
    )]
    #[case(
        "request: {method: DELETE, path: /api/v1/namespaces/default/configmaps/c}, expect: {status: 422, by: policy, within: 5s}",
        "the same request with `dryRun=All`"
    )]
    fn it_says_how_to_wait_for_who_refuses(#[case] text: &str, #[case] by: &str) {
        let (step, mut asked) = asked(text, 201);
        tell(&step, &mut asked);
        let hint = asked.mismatches[0].hint.clone().unwrap_or_default();
        assert!(hint.contains(by), "{hint}");
        assert_eq!(hint.contains("`can: "), by.contains("`can: "), "{hint}");
    }

    #[test]
    fn it_says_what_was_made() {
        let (step, mut asked) = asked(&format!("create: {MAP}, expect: {{status: 403, within: 5s}}"), 201);
        tell(&step, &mut asked);
        let hint = asked.mismatches[0].hint.clone().unwrap_or_default();
        assert!(hint.contains("made ConfigMap c in namespace n, which is removed"), "{hint}");
    }
}
