//! A value of the wrong type at a place where one can tell what was meant: `kubectl: get pods`, `expect: 200`, `url: {namespace}`.

use serde_json::Value as Json;

use super::{
    super::{
        Diagnostic,
        diagnostic::printable,
        fix::{Edit, flow},
        json_schema::{allowed, type_of},
        tree::{Node, Value},
        wording,
    },
    instead, mended,
    named::{command_words, is_object_name, kind_named, status_named, subject_named},
    some_pod,
};
use crate::cluster_kind::ClusterKind;

/// What was meant by a value that does not fit here. `name` is what the place is called, `key` the key that it is below.
pub(in crate::scenario) fn meant(
    text: &str,
    root: &Node,
    node: &Node,
    (key, name, element): (&str, &str, bool),
    ways: &[&'static Json],
) -> Option<Diagnostic> {
    let takes = |kind: &str| ways.iter().any(|way| type_of(way) == kind);
    let expected = || format!("{name}: expected {}, got {}", wording::expected(ways), wording::got(text, node));
    let write = |written: &str| Some(instead(&expected(), node, text, written));
    match (&node.value, key) {
        (Value::Map(entries), _) if takes("string") => {
            let [only] = entries.as_slice() else { return None };
            let own = &text[node.span.start..node.span.end];
            let braces = matches!(only.value.value, Value::Null) && own.starts_with('{') && own.ends_with('}');
            if !braces {
                return None;
            }
            let message = format!("{name}: to YAML, `{}` without quotes is a mapping", printable(own));
            let braces = "/api/v1/namespaces/{namespace}/pods";
            match key {
                "url" => Some(instead(&message, node, text, &format!("'https://kubernetes.default{braces}'"))),
                "path" => Some(instead(&message, node, text, &format!("'{braces}'"))),
                _ => Some(instead(&message, node, text, &format!("'{own}'"))),
            }
        }
        (Value::Map(_), "expect" | "steps") => None,
        (Value::Map(_), _) if takes("array") => {
            let own = &text[node.span.start..node.span.end];
            if !(own.starts_with('{') && own.ends_with('}')) {
                return None;
            }
            let mut found = write(&format!("[{own}]"))?;
            found.fix = vec![Edit::insert(node.span.start, "["), Edit::insert(node.span.end, "]")];
            Some(found)
        }
        (Value::List(items), "kubectl") if takes("object") => {
            let words = items.iter().map(text_of).collect::<Option<Vec<_>>>()?;
            write(&format!("{{args: [{}]}}", flow_list(&without_kubectl(words))))
        }
        (Value::List(items), "headers") => {
            let pairs = items
                .iter()
                .map(|item| text_of(item)?.split_once(':').map(|(k, v)| (k.to_owned(), v.trim().to_owned())));
            let pairs = pairs.collect::<Option<Vec<_>>>()?;
            let written: Vec<_> = pairs.iter().map(|(key, value)| format!("{}: {}", flow(key), flow(value))).collect();
            write(&format!("{{{}}}", written.join(", ")))
        }
        (Value::List(_), "status") => Some(mended(
            &expected(),
            node.span,
            "a claim has one status: write the one that must come, e.g. `status: 200`",
            vec![],
        )),
        (Value::String(_), "cluster") if takes("object") && !takes("array") => Some(mended(
            &expected(),
            node.span,
            "which kind of cluster is started stands on the command line (`--cluster`), for a step `when` limits it; here one says \
             how its API server is to be, e.g. `cluster: {admission: {enable: [AlwaysPullImages]}}`",
            vec![],
        )),
        (Value::List(items), "steps" | "expect" | "to" | "rules") if items.is_empty() => None,
        (Value::Bool(true), "token") if ways.iter().any(|way| allowed(way).contains(&"mounted")) => write("mounted"),
        (Value::Number(_), "expect") => {
            let status = text[node.span.start..node.span.end].to_owned();
            status
                .parse::<u16>()
                .is_ok_and(|status| (100..600).contains(&status))
                .then(|| write(&format!("{{status: {status}}}")))
                .flatten()
        }
        (Value::String(said), _) => meant_by_text(said, key, element, ways).and_then(|written| match written {
            Written::Value(written) => write(&written),
            Written::Words(hint) => Some(mended(&expected(), node.span, &hint, vec![])),
            Written::Explained(written, hint) => {
                Some(super::Diagnostic { hint: Some(hint), ..instead(&expected(), node, text, &written) })
            }
            Written::In(rest) => match some_pod(root) {
                Some(pod) => write(&format!("{{in: {}, {rest}}}", flow(pod))),
                None => {
                    let hint = format!("name the Pod that calls: `{{in: POD, {rest}}}`");
                    Some(mended(&expected(), node.span, &hint, vec![]))
                }
            },
        }),
        _ => None,
    }
}

enum Written {
    /// The value to write.
    Value(String),
    /// Entries that need a Pod before them.
    In(String),
    /// The value to write, and what is said about it.
    Explained(String, String),
    /// Only words.
    Words(String),
}

fn text_of(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

fn flow_list(words: &[String]) -> String {
    words.iter().map(|word| flow(word)).collect::<Vec<_>>().join(", ")
}

fn without_kubectl(mut words: Vec<String>) -> Vec<String> {
    if words.len() > 1 && words.first().is_some_and(|word| word == "kubectl") {
        words.remove(0);
    }
    words
}

fn meant_by_text(said: &str, key: &str, element: bool, ways: &[&'static Json]) -> Option<Written> {
    let takes = |kind: &str| ways.iter().any(|way| type_of(way) == kind);
    let said = said.trim();
    let words: Vec<&str> = said.split_whitespace().collect();
    let value = |text: String| Some(Written::Value(text));
    match key {
        "kubectl" => value(format!("{{args: [{}]}}", flow_list(&without_kubectl(command_words(said)?)))),
        "args" => value(format!("[{}]", flow_list(&without_kubectl(command_words(said)?)))),
        "command" => value(match command_words(said) {
            Some(words) => format!("[{}]", flow_list(&words)),
            None => format!("[sh, -c, {}]", flow(said)),
        }),
        "exec" => Some(Written::In(match command_words(said) {
            Some(words) => format!("command: [{}]", flow_list(&words)),
            None => format!("command: [sh, -c, {}]", flow(said)),
        })),
        "curl" => {
            let url = words.iter().find(|word| word.contains("://"))?.trim_matches(['\'', '"']);
            Some(Written::In(format!("url: {}", flow(url))))
        }
        "request" => {
            let (method, path) = match words.as_slice() {
                [path] => (None, *path),
                [method, path] => (Some(method.to_uppercase()), *path),
                _ => return None,
            };
            let path = path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
            let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
            match method {
                _ if !path.starts_with('/') => None,
                Some(method) if !known.contains(&method.as_str()) => None,
                Some(method) if method != "GET" => value(format!("{{method: {method}, path: {}}}", flow(path))),
                _ => value(format!("{{path: {}}}", flow(path))),
            }
        }
        "get" | "delete" => {
            let (kind, name) = match words.as_slice() {
                [both] => both.split_once('/').map_or((*both, None), |(kind, name)| (kind, Some(name))),
                [kind, name] => (*kind, Some(*name)),
                _ => return None,
            };
            let kind = kind_named(kind)?;
            match name {
                Some(name) => value(format!("{{kind: {kind}, name: {}}}", flow(name))),
                None if key == "get" => value(format!("{{kind: {kind}}}")),
                None => Some(Written::Words(format!("name the object: `{{kind: {kind}, name: …}}`"))),
            }
        }
        "wait" if said.ends_with(['s', 'm']) && said.starts_with(|c: char| c.is_ascii_digit()) => Some(Written::Words(format!(
            "nothing sleeps here: `expect: {{status: 200, within: {}}}` asks until the answer is right, and `wait: {{kind: Pod, name: …, for: {{condition: Ready}}}}` waits for an object",
            if crate::duration::read(said).is_some() { said } else { "5s" },
        ))),
        "apply" | "create" => {
            if said.contains("://") {
                return Some(Written::Words("nothing is fetched: keep the manifest beside the scenario, and name it: `{file: NAME}`".into()));
            }
            if said.starts_with("apiVersion:") || said.contains("\napiVersion:") || said.starts_with('{') {
                return Some(Written::Words(
                    "leave the `|` or the quotes away: a manifest is a mapping, several are a list of them".into(),
                ));
            }
            let file = [".yaml", ".yml", ".json"].iter().any(|end| said.ends_with(end));
            file.then(|| Written::Value(format!("{{file: {}}}", flow(said))))
        }
        "pod" => is_object_name(said).then(|| Written::Value(format!("{{name: {}, image: curl}}", flow(said)))),
        "role" | "clusterRole" if takes("object") => {
            let hint = "a role has a name and rules: `{name: NAME, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}`";
            Some(Written::Words(hint.replace("NAME", if is_object_name(said) { said } else { "read-pods" })))
        }
        "can" => {
            let (verb, resource) = match words.as_slice() {
                [verb, resource] | [.., verb, resource] => (*verb, *resource),
                _ => return None,
            };
            let question = format!("{{who: serviceaccount/NAME, verb: {}, resource: {}, allowed: true}}", flow(verb), flow(resource));
            Some(Written::Words(format!("say who is asked about, and the answer: `{question}`")))
        }
        "steps" if element => Some(Written::Words("a step is a mapping: `title: …`, and below it a verb, e.g. `serviceAccount: reader`".into())),
        "expect" => Some(Written::Value(format!("{{status: {}}}", status_named(said)?))),
        "status" if takes("integer") => match status_named(said) {
            Some(code) => value(code.to_string()),
            None if said.contains(['x', 'X']) || said.contains(['<', '>', '-', '|']) => Some(Written::Words(
                "a claim has one status: write the one that must come, e.g. `status: 403`".into(),
            )),
            None => None,
        },
        "to" => {
            let one = subject_named(said)?;
            value(if element { one } else { format!("[{one}]") })
        }
        "token" if ways.iter().any(|way| allowed(way).contains(&"mounted")) => Some(Written::Explained(
            "mounted".into(),
            "write `mounted`: the call is made with the token of the Pod's own account; a token that a step saved is `{saved: NAME}`".into(),
        )),
        "token" if takes("object") => is_object_name(said).then(|| Written::Value(format!("{{serviceAccount: {}}}", flow(said)))),
        "whoami" => value("{}".into()),
        "when" => {
            let is_version = |text: &str| text.trim_start_matches(['>', '<', '=', ' ']).starts_with(|c: char| c.is_ascii_digit());
            match said {
                _ if said.starts_with(['>', '<', '=']) && is_version(said) => value(format!("{{kubernetes: {}}}", flow(said))),
                "pods" | "anonymous" => value(format!("{{feature: [{said}]}}")),
                _ if ClusterKind::ALL.into_iter().any(|kind| kind.word() == said) => value(format!("{{cluster: [{said}]}}")),
                _ => Some(Written::Words("say of what: `{kubernetes: '>=1.24'}`, `{cluster: [builtin]}` or `{feature: [pods]}`".into())),
            }
        }
        "save" => {
            // What is no word is no key of a path, and with a dot in it no name either.
            let word = said.starts_with(|c: char| c.is_ascii_alphabetic())
                && said.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let name = if word { said } else { "uid" };
            Some(Written::Words(format!("say under which name, and where it stands in the answer: `{{{name}: $.metadata.{name}}}`")))
        }
        "for" => {
            let (word, rest) = said.split_once('=').unwrap_or((said, ""));
            match (word.to_lowercase().as_str(), rest) {
                ("condition", condition) if !condition.is_empty() => {
                    value(format!("{{condition: {}}}", flow(condition.split('=').next().unwrap_or(condition))))
                }
                ("delete" | "gone" | "deletion" | "removed", "") => value("deleted".into()),
                ("create" | "created" | "existing" | "present", "") => value("exists".into()),
                ("ready", "") => value("{condition: Ready}".into()),
                ("available", "") => value("{condition: Available}".into()),
                ("running", "") => value("{object: {status: {phase: Running}}}".into()),
                _ => None,
            }
        }
        "verbs" | "resources" | "resourceNames" | "apiGroups" | "nonResourceURLs" | "groups" | "audiences" | "tags" if !element => {
            let parts: Vec<String> = said.split(',').map(|part| part.trim().to_owned()).collect();
            value(format!("[{}]", flow_list(&parts)))
        }
        _ => None,
    }
}

/// A subject as a manifest has it (`{kind: ServiceAccount, name: reader}`), in the words of `to`.
pub(in crate::scenario) fn manifest_subject(text: &str, node: &Node) -> Option<Diagnostic> {
    let of = |key: &str| node.get(key).and_then(|entry| text_of(&entry.value));
    let (kind, name) = (of("kind")?, of("name")?);
    let written = match kind.as_str() {
        "ServiceAccount" => {
            let full = of("namespace").map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
            format!("{{serviceAccount: {}}}", flow(&full))
        }
        "User" => format!("{{user: {}}}", flow(&name)),
        "Group" => format!("{{group: {}}}", flow(&name)),
        _ => return None,
    };
    let hint = format!("here a subject is one key: write `{written}`");
    let fix = instead("", node, text, &written).fix;
    Some(mended("this is a subject as a manifest has it", node.span, &hint, fix))
}
