//! What a word names that stands where a value of another form belongs: a kind, a status, a subject, a command.

use super::super::fix::flow;
use crate::k8s::{served::TABLE, usernames};

/// A command's words; `None` if a shell would make more of it.
pub fn command_words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (None, '|' | '>' | '<' | ';' | '&' | '$' | '`' | '\\' | '*' | '(' | ')') => return None,
            (None, c) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (None, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    (quote.is_none() && !words.is_empty()).then_some(words)
}

/// The kind that a word of kubectl's names: `pods`, `po`, `Pod`.
pub fn kind_named(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let resources = &TABLE.resources;
    let found = resources.iter().filter(|resource| resource.sub.is_none()).find(|resource| {
        resource.plural == lower
            || resource.singular == lower
            || resource.kind.to_lowercase() == lower
            || resource.short.contains(&lower)
    });
    found.map(|resource| resource.kind.as_str())
}

/// The HTTP status of a word: `Forbidden`, `403 Forbidden`, `NotFound`.
pub fn status_named(word: &str) -> Option<u16> {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    let rest = &word[digits.len()..];
    if let Ok(code) = digits.parse::<u16>() {
        return ((100..600).contains(&code) && (rest.is_empty() || rest.starts_with(' '))).then_some(code);
    }
    let folded: String = word.chars().filter(char::is_ascii_alphabetic).flat_map(char::to_lowercase).collect();
    Some(match folded.as_str() {
        "ok" | "success" | "succeeds" | "allowed" | "pass" => 200,
        "created" => 201,
        "badrequest" => 400,
        "unauthorized" | "unauthenticated" => 401,
        "forbidden" | "denied" | "refused" | "unauthorised" => 403,
        "notfound" => 404,
        "methodnotallowed" => 405,
        "conflict" | "alreadyexists" => 409,
        "invalid" | "unprocessableentity" => 422,
        "toomanyrequests" => 429,
        _ => return None,
    })
}

/// The subject that a text names: `serviceaccount/x`, `user/alice`, `system:serviceaccount:default:x`, `reader`.
pub fn subject_named(said: &str) -> Option<String> {
    let lower = said.to_lowercase();
    let after = |prefix: &str| lower.starts_with(prefix).then(|| &said[prefix.len()..]).filter(|rest| !rest.is_empty());
    if let Some(rest) = after(usernames::PREFIX) {
        return Some(format!("{{serviceAccount: {}}}", flow(&rest.replace(':', "/"))));
    }
    for prefix in ["serviceaccount/", "serviceaccount:", "sa/", "sa:"] {
        if let Some(name) = after(prefix) {
            return Some(format!("{{serviceAccount: {}}}", flow(&name.trim().replace(':', "/"))));
        }
    }
    for (prefix, key) in [("user/", "user"), ("user:", "user"), ("group/", "group"), ("group:", "group")] {
        if let Some(name) = after(prefix) {
            return Some(format!("{{{key}: {}}}", flow(name.trim())));
        }
    }
    match said {
        _ if said.starts_with("system:") && said.contains("serviceaccounts") => {
            Some(format!("{{group: {}}}", flow(said)))
        }
        "system:authenticated" | "system:unauthenticated" | "system:masters" => {
            Some(format!("{{group: {}}}", flow(said)))
        }
        "system:anonymous" | "anonymous" => Some("{user: 'system:anonymous'}".into()),
        _ if said.contains('@') => Some(format!("{{user: {}}}", flow(said))),
        _ => is_object_name(said).then(|| format!("{{serviceAccount: {}}}", flow(said))),
    }
}

/// Whether a text can be the name of an object.
pub fn is_object_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command() {
        let words = |text| command_words(text).map(|words| words.join("|"));
        assert_eq!(words("get pods -o 'json path'").as_deref(), Some("get|pods|-o|json path"));
        assert_eq!(words("echo \"\" x").as_deref(), Some("echo||x"));
        for text in ["a | b", "echo $X", "a; b", "echo 'x", ""] {
            assert_eq!(words(text), None, "{text}");
        }
    }

    #[test]
    fn words_for_a_status() {
        for (word, code) in [("Forbidden", 403), ("403 Forbidden", 403), ("403", 403), ("OK", 200), ("not found", 404)]
        {
            assert_eq!(status_named(word), Some(code), "{word}");
        }
        for word in ["2xx", "4031", "nonsense", ""] {
            assert_eq!(status_named(word), None, "{word}");
        }
    }

    #[test]
    fn subjects_in_words() {
        for (said, written) in [
            ("serviceaccount/x", "{serviceAccount: x}"),
            ("ServiceAccount/a/b", "{serviceAccount: a/b}"),
            ("system:serviceaccount:a:b", "{serviceAccount: a/b}"),
            ("reader", "{serviceAccount: reader}"),
            ("user: alice", "{user: alice}"),
            ("alice@example.com", "{user: 'alice@example.com'}"),
            ("group/devs", "{group: devs}"),
            ("system:authenticated", "{group: 'system:authenticated'}"),
        ] {
            assert_eq!(subject_named(said).as_deref(), Some(written), "{said}");
        }
    }
}
