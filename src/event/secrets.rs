//! What a step sends, made known to the filter before it is told: the values of Secrets, wherever they are written.

use serde_json::Value;

use crate::{
    k8s::paths,
    plan::{Action, Plan, Step, Target},
    redact::{register_pattern, register_value, secrets},
};

/// Learns what a scenario has written down.
pub fn learn_all(plan: &Plan) {
    secrets::learn(plan.document.source.text.as_bytes());
    plan.steps.iter().for_each(learn);
    for pattern in &plan.redact {
        // The plan has compiled it.
        let _ = register_pattern(pattern);
    }
}

/// Learns what a step sends and expects.
pub fn learn(step: &Step) {
    match &step.action {
        Action::Apply(objects) | Action::Create(objects) => {
            objects.iter().for_each(|object| secrets::learn_json(&object.manifest));
        }
        Action::Pod(object) => secrets::learn_json(&object.manifest),
        Action::Patch(change) if is_secret(&change.target) => part(&change.body),
        Action::Patch(change) => secrets::learn_json(&change.body),
        Action::Curl(call) => body(&call.url, call.body.as_deref()),
        Action::Request(call) => body(&call.path, call.body.as_deref()),
        Action::Exec(exec) => {
            exec.command.iter().chain(&exec.stdin).for_each(|text| secrets::learn(text.as_bytes()));
            if exec.command.iter().any(|word| word.contains("kubectl")) {
                exec.command.iter().for_each(|line| learn_from_args(&line.split_whitespace().collect::<Vec<_>>()));
                learn_from_args(&exec.command.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
        Action::Kubectl(call) => {
            call.args.iter().chain(&call.stdin).for_each(|text| secrets::learn(text.as_bytes()));
            learn_from_args(&call.args.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Action::Get(target) | Action::Wait(target, _) if is_secret(target) => {
            let expected = step.expected.iter().flat_map(|item| [&item.expect.object, &item.expect.json]);
            expected.flatten().for_each(part);
        }
        _ => {}
    }
}

fn is_secret(target: &Target) -> bool {
    target.kind.is("", "Secret")
}

/// A part of a Secret, which does not say that it is one; or JSON Patch of one.
fn part(body: &Value) {
    secrets::learn_json(body);
    match body {
        Value::Object(map) => secrets::learn_secret(map),
        Value::Array(operations) => {
            for operation in operations {
                let path = operation["path"].as_str().unwrap_or_default();
                let (of, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_matches('/'), ""));
                match &operation["value"] {
                    Value::String(text) if matches!(of, "data" | "stringData") => {
                        secrets::learn_entry(None, key, text, of == "data");
                    }
                    Value::Object(map) if matches!(of, "data" | "stringData") => {
                        let texts = map.iter().filter_map(|(key, value)| Some((key, value.as_str()?)));
                        texts.for_each(|(key, text)| secrets::learn_entry(None, key, text, of == "data"));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// A body that is sent to a path.
fn body(path: &str, body: Option<&str>) {
    let Some(text) = body else { return };
    secrets::learn(text.as_bytes());
    if paths::decoded(path).contains("/secrets")
        && let Ok(json) = serde_json::from_str(text)
    {
        part(&json);
    }
}

/// What kubectl's words say of Secrets: `create secret … --from-literal=k=v`, `--docker-password v`, `patch secret … -p '{…}'`.
fn learn_from_args(words: &[&str]) {
    const FLAGS: [&str; 3] = ["--docker-password", "--password", "--token"];
    let about = |word: &&str| word.split(['/', '.', ',']).any(|part| matches!(part, "secret" | "secrets"));
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let (flag, joined) = word.split_once('=').map_or((*word, None), |(flag, value)| (flag, Some(value)));
        let mut value = || joined.or_else(|| rest.peek().copied().copied());
        if flag == "--from-literal" && words.iter().any(&about) {
            if let Some((key, value)) = value().and_then(|pair| pair.split_once('=')) {
                register_value(key, value.trim_matches(['"', '\'']).as_bytes());
            }
        } else if FLAGS.contains(&flag)
            && let Some(value) = value()
        {
            register_value(flag.trim_start_matches('-'), value.as_bytes());
        }
    }
    if words.iter().any(about) {
        words.iter().filter_map(|word| serde_json::from_str(word).ok()).for_each(|json: Value| part(&json));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::redact::redact;

    #[test]
    fn the_path_of_secrets_is_known_whatever_it_is_escaped_by() {
        body("/api/v1/namespaces/a/%73ecrets/b", Some(r#"{"stringData":{"a":"by-an-escape-6"}}"#));
        assert_eq!(redact("by-an-escape-6"), crate::redact::VALUE);
    }

    #[rstest]
    #[case(&["create", "secret", "generic", "s", "--from-literal=password=lit-eral-1"], "lit-eral-1")]
    #[case(&["create", "secret", "generic", "s", "--from-literal", "password=lit-eral-2"], "lit-eral-2")]
    #[case(&["create", "secret", "docker-registry", "s", "--docker-password=dock-er-3"], "dock-er-3")]
    #[case(&["patch", "secret/s", "-p", r#"{"stringData":{"a":"patch-ed-4"}}"#], "patch-ed-4")]
    #[case(&["patch", "secret", "s", "--type=json", "-p", r#"[{"op":"add","path":"/data/a","value":"anNvbi1wYXRjaC01"}]"#], "json-patch-5")]
    fn kubectls_words_are_read(#[case] args: &[&str], #[case] value: &str) {
        assert_eq!(redact(value), value);
        learn_from_args(args);
        assert_eq!(redact(value), crate::redact::VALUE);
    }
}
