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
};

/// An error that kubectl tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The reason of the server's `Status`.
    pub reason: String,
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

/// All that kubectl tells of answers of the API server, in the order of its lines.
pub fn all(stderr: &str) -> Vec<Said> {
    let lines: Vec<&str> = stderr.lines().map(str::trim).collect();
    (0..lines.len()).filter_map(|at| read(lines[at], &lines[at + 1..])).collect()
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
    let said = |reason: &str, message: &str, whole: bool| {
        // RBAC's sentence that goes on in another way is kubectl's: a list of several, or what it does next.
        let cut =
            head(message).is_some_and(|head| head.rest.starts_with("User \"")) && Refused::parse(message).is_none();
        Some(Said { reason: reason.to_owned(), message: message.to_owned(), whole: whole && !cut })
    };
    if let Some(words) = line.strip_prefix(SERVER) {
        let (reason, words) = match words.strip_prefix(" (").and_then(|words| words.split_once("): ")) {
            Some(found) => found,
            None => ("InternalError", words.strip_prefix(": ")?),
        };
        return match behind_doing(words, rest) {
            Some(message) => said(reason, message, true),
            None => said(reason, words, false),
        };
    }
    if line.contains("You must be logged in to the server (") {
        return said("Unauthorized", "Unauthorized", true);
    }
    match line.strip_prefix("error: ") {
        // It says so without the reason.
        Some(words) => said("Forbidden", behind_own_words(words)?, true),
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
    loop {
        if head(words).is_some() {
            return Some(words);
        }
        if let Some(found) = DOING.find(words) {
            words = &words[found.end()..];
            continue;
        }
        let own = OWN.find(words)?.as_str();
        let plain = &own[..own.find('"').unwrap_or(own.len())];
        let blanks = plain.match_indices(' ').map(|(at, _)| &words[at + 1..]);
        if let Some(message) = blanks.into_iter().find(|rest| head(rest).is_some()) {
            return Some(message);
        }
        words = words[own.len()..].strip_prefix(": ")?;
    }
}

impl Said {
    /// Who was refused what, if it is a refusal by the authorizer.
    fn refused(&self) -> Option<Refused> {
        (self.reason == "Forbidden" && self.whole).then(|| Refused::parse(&self.message))?
    }

    /// The answer of which it tells.
    pub fn answer(self) -> Http {
        let code = REASONS.iter().find(|(known, _)| *known == self.reason).map_or(500, |(_, code)| *code);
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
            "reason": self.reason, "message": self.message, "code": code, "details": details,
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
    #[case::policy_that_quotes(format!("error: failed to create configmap: {POLICY}"), POLICY)]
    fn the_servers_words_stand_behind_kubectls(#[case] stderr: String, #[case] message: &str) {
        let said = first(&stderr).expect("an error");
        assert_eq!((said.reason.as_str(), said.message.as_str(), said.whole), ("Forbidden", message, true));
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
}
