//! What kubectl says on its standard error of an answer of the API server.
//!
//! kubectl puts words of its own before the server's: `Error from server (Forbidden): error when creating "STDIN": …`, `error:
//! unable to upgrade connection: …`. Only such words are taken off, from the left: what stands behind them is the server's, and may
//! quote anything, e.g. a webhook that has RBAC's words.
//!
//! Source: `AddSourceToErr`, `StandardErrorMessage` and `MultipleErrors` in `kubectl/pkg/cmd/util/helpers.go`; the texts of the tests
//! are those of kubectl 1.20, 1.28 and 1.37.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::json;

use super::{
    Http,
    answer::Origin,
    refused::{Refused, What, head},
    status::REASONS,
    verdict::chooses_its_code,
};

/// An error that kubectl tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The reason of the server's `Status`; `None`: kubectl does not say it, and who refused chooses it.
    pub reason: Option<String>,
    /// Its message, as far as it is in one line.
    pub message: String,
    /// Whether the message could be found in what kubectl says; otherwise it is kubectl's.
    pub whole: bool,
}

/// How kubectl begins what a server's `Status` has told it.
const SERVER: &str = "Error from server";

/// What it was about, in one line: `error when creating "STDIN": `, `error when evicting pods/"p" -n "a": `.
static DOING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^error when \w+ (?:[^":]*"[^"]*")+: "#).expect("a pattern that the tests compile"));

/// The end of that over several lines: `error when applying patch:`, the patch, `to:`, the object, and this.
static FOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^(?:from server )?for: "[^"]*": "#).expect("a pattern that the tests compile"));

/// Words of kubectl's own before a server's, in an error without a reason.
static OWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?i:failed to|unable to|error|cannot|can't|could not|couldn't) [^:]*").expect("as above")
});

/// What it makes of a 422: its causes, without the head of the server's message.
static INVALID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^The (?:request|[\w.-]+ "[^"]*") is invalid(?:: ?|$)"#).expect("a pattern that the tests compile")
});

/// A line of its log about a list or a watch that fails.
static LOGGED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^[EW]\d{4} .* reflector\.go:\d+\] .*err="((?:[^"\\]|\\.)*)""#).expect("as above"));

/// What it says where it could not read the server's answer, as that to discovery by a caller who may not impersonate.
const UNREAD: &str = "unknown";

/// All that kubectl tells of answers of the API server, in the order of its lines.
pub fn all(stderr: &str) -> Vec<Said> {
    let lines: Vec<&str> = stderr.lines().map(str::trim).collect();
    let said: Vec<Said> = (0..lines.len()).filter_map(|at| read(lines[at], &lines[at + 1..])).collect();
    if !said.is_empty() {
        return said;
    }
    // What waits says of a refusal only that its time is over, and the refusal in its log.
    let mut logged: Vec<Said> = lines.into_iter().filter_map(logged).collect();
    logged.dedup();
    logged
}

/// The refusal in a line of kubectl's log: `E0102 …] "Failed to watch" err="failed to list …: pods is forbidden: …"`.
fn logged(line: &str) -> Option<Said> {
    let quoted = &LOGGED.captures(line)?[1];
    let words: String = serde_json::from_str(&format!("\"{quoted}\"")).ok()?;
    let message = behind_own_words(&words)?;
    Refused::parse(message)?;
    Some(Said { reason: Some("Forbidden".into()), message: message.to_owned(), whole: true })
}

/// The failure that a command's standard error is judged by: the first one that can be understood.
pub fn first(stderr: &str) -> Option<Said> {
    let mut all = all(stderr);
    let at = all.iter().position(|said| said.whole).unwrap_or(0);
    (at < all.len()).then(|| all.swap_remove(at))
}

/// The refusals by the authorizer of which kubectl tells.
pub fn refusals(stderr: &str) -> Vec<(Refused, String)> {
    let of = |said: Said| Some((said.refused()?, said.message));
    all(stderr).into_iter().filter_map(of).collect()
}

/// Whether there are words of a refusal by the API server, understood or not.
pub fn tells_of_refusal(stderr: &str) -> bool {
    ["(Forbidden)", " is forbidden: ", "forbidden: User ", " denied the request"]
        .iter()
        .any(|words| stderr.contains(words))
}

/// The error that begins with a line.
fn read(line: &str, rest: &[&str]) -> Option<Said> {
    let said_as = |reason: Option<&str>, message: &str, whole: bool| {
        // RBAC's sentence that goes on in another way is kubectl's: a list of several, or what it does next.
        let cut =
            head(message).is_some_and(|head| head.rest.starts_with("User \"")) && Refused::parse(message).is_none();
        Some(Said { reason: reason.map(str::to_owned), message: message.to_owned(), whole: whole && !cut })
    };
    let said = |reason: &str, message: &str, whole: bool| said_as(Some(reason), message, whole);
    if let Some(words) = line.strip_prefix(SERVER) {
        let (reason, words) = match words.strip_prefix(" (").and_then(|words| words.split_once("): ")) {
            Some(found) => found,
            None => ("InternalError", words.strip_prefix(": ")?),
        };
        return match behind_doing(words, rest) {
            Some(message) => said(reason, message, message != UNREAD),
            None => said(reason, words, false),
        };
    }
    if line.contains("You must be logged in to the server (") {
        return said("Unauthorized", "Unauthorized", true);
    }
    if let Some(found) = INVALID.find(line) {
        let cause = line[found.end()..].trim_start_matches([':', ' ']);
        let message = if chooses_its_code(cause).is_some() { cause } else { line };
        return said("Invalid", message, true);
    }
    match line.strip_prefix("error: ") {
        // It says so without the reason.
        Some(words) => {
            let message = behind_own_words(words)?;
            said_as(chooses_its_code(message).is_none().then_some("Forbidden"), message, true)
        }
        // Of several errors, the last ones have no beginning.
        None => {
            let message = behind_doing(line, &[])?;
            Refused::parse(message).and_then(|_| said("Forbidden", message, true))
        }
    }
}

/// What stands behind kubectl's words about what it was doing; nothing when these do not end.
fn behind_doing<'a>(words: &'a str, rest: &[&'a str]) -> Option<&'a str> {
    let mut words = words;
    if words.starts_with("error when ") && words.ends_with(':') {
        let mut further = rest.iter().take_while(|line| !line.starts_with(SERVER) && !line.starts_with("error: "));
        words = further.find_map(|line| FOR.find(line).map(|found| &line[found.end()..]))?;
    }
    while let Some(found) = DOING.find(words) {
        words = &words[found.end()..];
    }
    Some(words)
}

/// The server's refusal behind kubectl's own words, some of which end without a colon: `failed to create secret secrets is
/// forbidden: …`.
fn behind_own_words(words: &str) -> Option<&str> {
    let mut words = words;
    let is_servers = |words: &str| head(words).is_some() || chooses_its_code(words).is_some();
    loop {
        if is_servers(words) {
            return Some(words);
        }
        if let Some(found) = DOING.find(words) {
            words = &words[found.end()..];
            continue;
        }
        let own = OWN.find(words)?.as_str();
        let plain = &own[..own.find('"').unwrap_or(own.len())];
        let blanks = plain.match_indices(' ').map(|(at, _)| &words[at + 1..]);
        if let Some(message) = blanks.into_iter().find(|rest| is_servers(rest)) {
            return Some(message);
        }
        words = words[own.len()..].strip_prefix(": ")?;
    }
}

impl Said {
    /// Who was refused what, if it is a refusal by the authorizer.
    fn refused(&self) -> Option<Refused> {
        (self.reason.as_deref() == Some("Forbidden") && self.whole).then(|| Refused::parse(&self.message))?
    }

    /// The answer of which it tells. What it does not say is taken for the usual refusal.
    pub fn answer(self) -> Http {
        let reason = self.reason.clone().unwrap_or_else(|| "Forbidden".into());
        let code = REASONS.iter().find(|(known, _)| *known == reason).map_or(500, |(_, code)| *code);
        self.answer_as(code, &reason)
    }

    /// The answer with this code and reason.
    pub fn answer_as(self, code: u16, reason: &str) -> Http {
        let details = match Refused::parse(&self.message).map(|refused| refused.what) {
            Some(What::Resource { resource, group, name, .. }) => {
                let kind = resource.split('/').next().unwrap_or_default();
                json!({"kind": kind, "group": group, "name": name.unwrap_or_default()})
            }
            _ => json!({}),
        };
        if !self.whole {
            let body = self.message.into_bytes();
            return Http { content_type: None, body, origin: Origin::Kubectl, ..Http::with_object(code, None) };
        }
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": reason, "message": self.message, "code": code, "details": details,
        });
        Http::with_object(code, Some(status))
    }
}

#[cfg(test)]
mod tests {
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
    fn who_chooses_the_code_leaves_it_unsaid(
        #[case] stderr: String,
        #[case] reason: Option<&str>,
        #[case] message: &str,
    ) {
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
}
