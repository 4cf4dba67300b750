//! Lines for the caller, and for requests from outside the cluster.

use super::shell::{in_namespace, is_long, line, object, owned_words, piped, printf, quote};
use crate::{
    plan::{Call, Caller, Change, Credential, Identity, TokenCall},
    scenario::{calls::PatchType, verbs::Method},
};

/// The lines with kubectl's flags for the caller. kubectl impersonates where kubewalk sends a token: a token beside a client
/// certificate would not be looked at.
pub(in crate::plan) fn asked_as(caller: &Caller, lines: &str) -> String {
    match &caller.credential {
        // It would ask for a name instead.
        Credential::Text(text) if text.trim().is_empty() => {
            let flagged = flagged(lines, "--as=system:anonymous --as-group=system:unauthenticated");
            return format!("# kubectl sends no empty token; to the server, whoever sends one is anonymous\n{flagged}");
        }
        Credential::Text(text) => {
            let text = serde_json::Value::from(text.as_str()).to_string();
            return with_token(&quote(text.trim_matches('"')), lines);
        }
        Credential::Saved(name) => {
            let known = known(name, caller.identity.as_ref());
            return format!("{known}\n{}", with_token(&format!("\"${}\"", variable(name)), lines));
        }
        _ => {}
    }
    let flags = line(&caller.kubectl());
    if flags.is_empty() { lines.to_owned() } else { flagged(lines, &flags) }
}

/// The lines with a kubeconfig whose user has nothing but a token: beside a client certificate it would not be looked at.
fn with_token(token: &str, lines: &str) -> String {
    let config = concat!(
        r#"kc=$(mktemp) && printf '{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","#,
        r#""context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":%s}],"#,
        r#""users":[{"name":"u","user":{"token":"%s"}}]}' "#,
        r#""$(kubectl config view --minify --flatten --raw -o 'jsonpath={.clusters[0].cluster}')""#
    );
    format!("{config} {token} > \"$kc\"\n{}", flagged(lines, r#"--kubeconfig="$kc""#))
}

/// The variable in which lines keep a token that a step saves.
pub(in crate::plan) fn variable(name: &str) -> String {
    format!("{}_TOKEN", name.to_uppercase().replace(['-', '.'], "_"))
}

/// The line that says whose token a variable holds, and makes one where it is empty. One that was withdrawn is not made anew.
pub(in crate::plan) fn known(name: &str, identity: Option<&Identity>) -> String {
    let variable = variable(name);
    match identity {
        Some(Identity::ServiceAccount { namespace, name }) => {
            let create = ["kubectl", "create", "token", name, "-n", namespace].map(str::to_owned);
            format!(": \"${{{variable}:=$({})}}\"", line(&create))
        }
        _ => format!("# {variable}: the token that an earlier step saved as `{name}`"),
    }
}

/// The lines, with flags behind each kubectl that they begin with, or rather pipe into: what stands before a pipe renders.
fn flagged(lines: &str, flags: &str) -> String {
    let flagged = lines.lines().map(|line| {
        // Within quotes, it is a text.
        let outside = |at: &usize| line[..*at].replace(r"'\''", "").matches('\'').count() % 2 == 0;
        let piped = line.match_indices("| kubectl ").map(|(at, _)| at + 2).filter(outside).last();
        match piped.or_else(|| line.starts_with("kubectl ").then_some(0)) {
            Some(at) => format!("{}kubectl {flags} {}", &line[..at], &line[at + "kubectl ".len()..]),
            None => line.to_owned(),
        }
    });
    flagged.collect::<Vec<_>>().join("\n")
}

/// `kubectl get --raw` and its like; a PATCH, which kubectl has no such line for, goes through its proxy.
pub(in crate::plan) fn request(call: &Call) -> String {
    let verb = match call.method {
        Method::Get => "get",
        Method::Post => "create",
        Method::Put => "replace",
        Method::Delete => "delete",
        Method::Patch | Method::Head | Method::Options => return by_proxy(call),
    };
    // `--raw` sends every body as JSON, and no header.
    let other = call.content_type.as_ref().is_some_and(|kind| !kind.starts_with("application/json"));
    if !call.headers.is_empty() || other && call.body.is_some() {
        return by_proxy(call);
    }
    let mut raw = owned_words(["kubectl", verb, "--raw"]);
    raw.push(call.path.clone());
    match (&call.body, call.method) {
        (Some(body), Method::Post | Method::Put | Method::Delete) => {
            raw.extend(owned_words(["-f", "-"]));
            format!("{} | {}", printf(body), line(&raw))
        }
        (None, Method::Post | Method::Put) => format!("printf '' | {} -f -", line(&raw)),
        _ => line(&raw),
    }
}

fn by_proxy(call: &Call) -> String {
    let mut curl = owned_words(["curl", "-sS", "--retry", "9", "--retry-connrefused"]);
    match call.method {
        // By another name curl would wait for a body.
        Method::Head => curl.push("--head".into()),
        method => curl.extend(["-X".into(), method.word().into()]),
    }
    if let Some(content_type) = &call.content_type {
        curl.extend(["-H".into(), format!("Content-Type: {content_type}")]);
    }
    for (name, value) in &call.headers {
        curl.extend(["-H".into(), format!("{name}: {value}")]);
    }
    let long = call.body.as_deref().filter(|body| is_long(body));
    match (&call.body, long) {
        (Some(_), Some(_)) => curl.extend(owned_words(["--data-binary", "@-"])),
        (Some(body), None) => curl.extend(["--data-raw".into(), body.clone()]),
        (None, _) => {}
    }
    curl.push(format!("http://127.0.0.1:8001{}", call.path));
    format!("kubectl proxy &\n{}; kill $!", piped(long, &curl))
}

/// `kubectl create token`, or the token of a Secret.
pub(in crate::plan) fn token(call: &TokenCall) -> String {
    if let Some(secret) = &call.secret {
        let mut get = owned_words(["kubectl", "get", "secrets"]);
        get.push(secret.clone());
        in_namespace(&mut get, Some(&call.namespace));
        get.extend(owned_words(["-o", "jsonpath={.data.token}"]));
        return format!("{} | base64 -d", line(&get));
    }
    let mut create = owned_words(["kubectl", "create", "token"]);
    create.push(call.account.clone());
    in_namespace(&mut create, Some(&call.namespace));
    create.extend(call.seconds.map(|seconds| format!("--duration={seconds}s")));
    create.extend(call.audiences.iter().map(|audience| format!("--audience={audience}")));
    if let Some((kind, name)) = &call.bound_to {
        create.extend([format!("--bound-object-kind={kind}"), format!("--bound-object-name={name}")]);
    }
    line(&create)
}

/// `kubectl patch`.
pub(in crate::plan) fn patch(change: &Change) -> String {
    let mut patch = owned_words(["kubectl", "patch"]);
    object(&mut patch, &change.target);
    patch.extend(change.subresource.iter().map(|part| format!("--subresource={part}")));
    let how = match change.how {
        PatchType::Merge => "merge",
        PatchType::Json => "json",
        PatchType::Strategic => "strategic",
    };
    patch.push(format!("--type={how}"));
    let body = change.body.to_string();
    if is_long(&body) {
        patch.push("--patch-file=/dev/stdin".into());
        return piped(Some(&body), &patch);
    }
    patch.extend(["-p".into(), body]);
    line(&patch)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::super::{super::make::testing::in_default, equivalent};
    use crate::plan::make::testing::good;

    #[rstest]
    #[case(json!({"as": "serviceaccount/sa", "get": {"kind": "Pod"}}), "kubectl --as=system:serviceaccount:default:sa get pods -n default -o json")]
    #[case(json!({"as": {"user": "jane doe", "groups": ["devs"]}, "whoami": {}}), "kubectl '--as=jane doe' --as-group=devs auth whoami -o json")]
    #[case(json!({"as": "anonymous", "request": {"path": "/api"}}),
        "kubectl --as=system:anonymous --as-group=system:unauthenticated get --raw /api")]
    #[case(json!({"as": {"text": "garbage"}, "request": {"path": "/api"}, "expect": {"status": 401}}),
        r#"kc=$(mktemp) && printf '{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":%s}],"users":[{"name":"u","user":{"token":"%s"}}]}' "$(kubectl config view --minify --flatten --raw -o 'jsonpath={.clusters[0].cluster}')" garbage > "$kc"
kubectl --kubeconfig="$kc" get --raw /api"#)]
    #[case(json!({"as": {"text": ""}, "request": {"path": "/healthz"}}),
        "# kubectl sends no empty token; to the server, whoever sends one is anonymous\nkubectl --as=system:anonymous --as-group=system:unauthenticated get --raw /healthz")]
    #[case(json!({"as": {"user": "jane"}, "request": {"path": "/x?a=1&b=2", "body": {"a": "it's"}}}),
        r#"printf %s '{"a":"it'\''s"}' | kubectl --as=jane create --raw '/x?a=1&b=2' -f -"#)]
    #[case(json!({"as": {"user": "jane"}, "request": {"path": "/x", "method": "PATCH", "body": [1]}}),
        "kubectl --as=jane proxy &\ncurl -sS --retry 9 --retry-connrefused -X PATCH -H 'Content-Type: application/json-patch+json' --data-raw '[1]' http://127.0.0.1:8001/x; kill $!")]
    #[case(json!({"as": {"user": "jane"}, "request": {"path": "/x", "method": "POST", "contentType": "application/yaml", "body": "a: b"}}),
        "kubectl --as=jane proxy &\ncurl -sS --retry 9 --retry-connrefused -X POST -H 'Content-Type: application/yaml' --data-raw 'a: b' http://127.0.0.1:8001/x; kill $!")]
    #[case(json!({"token": {"serviceAccount": "sa", "duration": "30m", "audiences": ["vault"], "boundTo": {"kind": "Node", "name": "n"}}}),
        "kubectl create token sa -n default --duration=1800s --audience=vault --bound-object-kind=Node --bound-object-name=n")]
    #[case(json!({"token": {"serviceAccount": "sa", "from": {"secret": "s"}}}),
        "kubectl get secrets s -n default -o 'jsonpath={.data.token}' | base64 -d")]
    #[case(json!({"as": {"user": "jane"}, "patch": {"kind": "ConfigMap", "name": "c", "type": "merge", "body": {}}}),
        "# kubectl reads the object first: without the right to `get` it, the patch is not sent\nkubectl --as=jane patch configmaps c -n default --type=merge -p '{}'")]
    #[case(json!({"patch": {"kind": "Deployment", "name": "web", "subresource": "scale", "type": "merge", "body": {"a": 1}}}),
        r#"kubectl patch deployments.apps web -n default --subresource=scale --type=merge -p '{"a":1}'"#)]
    fn lines(#[case] step: Value, #[case] text: &str) {
        let secret = json!({"create": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}});
        let plan = good(in_default(json!([{"serviceAccount": "sa"}, secret, step])));
        assert_eq!(equivalent(plan.steps.last().expect("a step")), text);
    }

    #[test]
    fn who_asks_is_said_behind_the_pipe() {
        let rendered = "kubectl kustomize a | kubectl apply -f -\nprintf %s 'a | kubectl b' | kubectl create -f -\nkubectl get pods";
        assert_eq!(
            super::flagged(rendered, "--as=jane"),
            "kubectl kustomize a | kubectl --as=jane apply -f -\n\
             printf %s 'a | kubectl b' | kubectl --as=jane create -f -\nkubectl --as=jane get pods"
        );
    }

    #[test]
    fn a_saved_token_is_taken_from_a_variable_and_no_flag_stands_in_for_it() {
        let plan = good(in_default(json!([
            {"serviceAccount": "sa"},
            {"token": {"serviceAccount": "sa"}, "save": {"old": "token"}},
            {"as": {"token": "{saved.old}"}, "create": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "x | kubectl y"}}},
        ])));
        assert_eq!(equivalent(&plan.steps[1]), "OLD_TOKEN=$(kubectl create token sa -n default)");
        let text = equivalent(&plan.steps[2]);
        assert!(text.starts_with(": \"${OLD_TOKEN:=$(kubectl create token sa -n default)}\"\nkc=$(mktemp)"), "{text}");
        assert!(text.ends_with("}' | kubectl --kubeconfig=\"$kc\" create -f -") && !text.contains("--as"), "{text}");
    }
}
