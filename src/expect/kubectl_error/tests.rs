use rstest::rstest;

use super::*;

const GET: &str =
    r#"secrets "s" is forbidden: User "u" cannot get resource "secrets" in API group "" in the namespace "a""#;
const LIST: &str =
    r#"secrets is forbidden: User "u" cannot list resource "secrets" in API group "" in the namespace "a""#;
const EXEC: &str =
    r#"pods "p" is forbidden: User "u" cannot create resource "pods/exec" in API group "" in the namespace "a""#;
const QUOTA: &str = r#"configmaps "a" is forbidden: exceeded quota: q, requested: count/configmaps=1"#;
const POLICY: &str = r#"configmaps "a" is forbidden: ValidatingAdmissionPolicy 't' with binding 't' denied request: pods is forbidden: User "u" cannot"#;
const DENIED: &str = "ValidatingAdmissionPolicy 't' with binding 't' denied request: no";
const WEBHOOK: &str = r#"admission webhook "v" denied the request: no"#;
const BAD_ROLE: &str =
    r#"The Role "r" is invalid: rules[0].verbs: Required value: verbs must contain at least one value"#;
const RETRIEVING: &str = "Error from server (Forbidden): error when retrieving current configuration of:\n\
        Resource: \"/v1, Resource=secrets\", GroupVersionKind: \"/v1, Kind=Secret\"\nName: \"s\", Namespace: \"a\"\n";
const PATCHING: &str = "Warning: resource secrets/s is missing the annotation.\n\
        Error from server (Forbidden): error when applying patch:\n{\"data\":{\"a\":\"c\"}}\nto:\n\
        Resource: \"/v1, Resource=secrets\", GroupVersionKind: \"/v1, Kind=Secret\"\nName: \"s\", Namespace: \"a\"\n";

#[rstest]
#[case::plain(format!("Error from server (Forbidden): {GET}\n"), GET)]
#[case::creating(format!("Error from server (Forbidden): error when creating \"STDIN\": {LIST}"), LIST)]
#[case::retrieving(format!("{RETRIEVING}from server for: \"STDIN\": {GET}\n"), GET)]
#[case::patching_by_1_37(format!("{PATCHING}for: \"STDIN\": error when patching \"STDIN\": {GET}\n"), GET)]
#[case::patching_by_1_20(format!("{PATCHING}for: \"STDIN\": {GET}\n"), GET)]
#[case::quota_behind_a_patch(format!("{PATCHING}for: \"x.yaml\": {QUOTA}\n"), QUOTA)]
#[case::exec(format!("error: unable to upgrade connection: {EXEC}"), EXEC)]
#[case::forward(format!("error: error upgrading connection: unable to upgrade connection: {EXEC}"), EXEC)]
#[case::attach(format!("If you don't see a command prompt, try pressing enter.\nerror: unable to upgrade connection: {EXEC}"), EXEC)]
#[case::create_token(format!("error: failed to create token: {GET}"), GET)]
#[case::create_secret_without_a_colon(format!("error: failed to create secret {LIST}"), LIST)]
#[case::set_account_without_a_colon(format!("error: failed to patch ServiceAccountName {GET}"), GET)]
#[case::rollout(format!("error: failed to retrieve replica sets from deployment web: {LIST}"), LIST)]
#[case::evicting(format!("There are pending nodes to be drained:\n n1\nerror when evicting pods/\"p\" -n \"a\": {EXEC}\n"), EXEC)]
#[case::drain_goes_on(format!("error: unable to drain node \"n\" due to error: {EXEC}, continuing command...\nerror when evicting pods/\"p\" -n \"a\": {EXEC}\n"), EXEC)]
#[case::drain_of_several(format!("error: unable to drain node \"n\" due to error: [error when evicting pods/\"p\": {EXEC}, {EXEC}], continuing command...\nError from server (Forbidden): {EXEC}\n"), EXEC)]
#[case::quota(format!("error: failed to create configmap: {QUOTA}"), QUOTA)]
fn the_servers_words_stand_behind_kubectls(#[case] stderr: String, #[case] message: &str) {
    let said = first(&stderr).expect("an error");
    assert_eq!((said.reason.as_deref(), said.message.as_str(), said.whole), (Some("Forbidden"), message, true));
}

#[rstest]
#[case::policy(format!("error: failed to create configmap: {POLICY}"), None, POLICY)]
#[case::policy_without_a_colon(format!("error: failed to create secret {POLICY}"), None, POLICY)]
#[case::webhook(format!("error: failed to create configmap: {WEBHOOK}"), None, WEBHOOK)]
#[case::webhook_without_a_colon(format!("error: failed to create secret {WEBHOOK}"), None, WEBHOOK)]
#[case::with_the_reason(format!("Error from server (Forbidden): error when creating \"STDIN\": {POLICY}"), Some("Forbidden"), POLICY)]
#[case::invalid_by_a_policy(format!("The configmaps \"a\" is invalid: : {DENIED}"), Some("Invalid"), DENIED)]
#[case::invalid(BAD_ROLE.to_owned(), Some("Invalid"), BAD_ROLE)]
#[case::invalid_for_many_causes("The Role \"r\" is invalid: \n* rules[0].verbs: Required value\n".to_owned(), Some("Invalid"), "The Role \"r\" is invalid:")]
fn who_chooses_the_code_leaves_it_unsaid(#[case] stderr: String, #[case] reason: Option<&str>, #[case] message: &str) {
    let said = first(&stderr).expect("an error");
    assert_eq!((said.reason.as_deref(), said.message.as_str(), said.whole), (reason, message, true));
}

#[rstest]
#[case::webhook(format!("Error from server (Forbidden): error when creating \"STDIN\": admission webhook \"v\" denied the request: {LIST}"))]
#[case::webhook_without_a_reason(format!("error: failed to create configmap: admission webhook \"v\" denied the request: {LIST}"))]
#[case::webhook_that_failed(format!("error: failed to create configmap: Internal error occurred: failed calling webhook \"v\": {LIST}"))]
#[case::webhook_behind_a_patch(format!("{PATCHING}for: \"x\": admission webhook \"v\" denied the request: {GET}"))]
#[case::policy(format!("Error from server (Forbidden): error when creating \"STDIN\": {POLICY}"))]
#[case::another_reason(format!("Error from server (InternalError): {LIST}"))]
#[case::in_a_sentence(format!("There are pending pods in node \"n\" when an error occurred: {LIST}"))]
#[case::no_end(RETRIEVING.to_owned())]
#[case::cut(format!("error: unable to drain node \"n\" due to error: {EXEC}, continuing command..."))]
#[case::its_own("error: the server doesn't have a resource type \"pds\"".to_owned())]
fn nobody_elses_words_are_rbacs(#[case] stderr: String) {
    assert_eq!(refusals(&stderr), []);
}

#[test]
fn several_refusals_are_all_there() {
    // The last of what `kubectl delete cm,secret --all` says.
    let stderr = format!("Error from server (Forbidden): {GET}\n{LIST}\n");
    let said: Vec<_> = refusals(&stderr).into_iter().map(|(_, message)| message).collect();
    assert_eq!(said, [GET, LIST]);
}

#[test]
fn what_does_not_show_is_not_made_up() {
    let said = first(RETRIEVING).expect("an error");
    assert!(!said.whole);
    assert_eq!((said.clone().answer().status, said.answer().json), (403, None));
}

#[test]
fn a_refusal_of_what_waits_is_in_its_log() {
    let log = r#"E1201 01:46:19.259860    3269 reflector.go:227] "Failed to watch" err="failed to list *unstructured.Unstructured: pods \"p\" is forbidden: User \"u\" cannot list resource \"pods\" in API group \"\" in the namespace \"a\"" logger="UnhandledError" reflector="k8s.io/client-go""#;
    let ends = "timed out waiting for the condition on pods/p";
    let found = refusals(&format!("{log}\n{log}\n{ends}"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0.describe(), "list pods \"p\" in namespace \"a\"");
    // What kubectl says at its end counts, and others' lines say nothing.
    assert!(refusals(&format!("{log}\nError from server (NotFound): pods \"p\" not found")).is_empty());
    assert!(refusals(&log.replace("reflector.go", "other.go")).is_empty());
}

#[test]
fn an_answer_that_kubectl_could_not_read_tells_nothing_of_who_refused() {
    let said = first("Error from server (Forbidden): unknown").expect("an error");
    assert!(!said.whole, "{said:?}");
}
