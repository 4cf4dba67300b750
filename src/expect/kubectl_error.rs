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
#[path = "kubectl_error/tests.rs"]
mod tests;
