//! The same step as a kubectl or curl line that a person can paste.

mod outside;
mod shell;

use serde_json::Value;

pub(crate) use self::shell::quote;
use self::shell::{in_namespace, line, object, piped, words};
use super::{Action, Curl, Exec, FromFile, Object, Place, Saved, Step, Target};
use crate::scenario::verbs::{Method, Until};

/// Where Kubernetes mounts a Pod's credentials.
const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The kubectl lines that do the same as a step; for `curl` and `exec`, kubectl runs it in the Pod.
///
/// A token never appears: the shell in the Pod reads its file.
pub fn equivalent(step: &Step) -> String {
    let lines = outside::asked_as(&step.caller, &of_action(step));
    let saved = step.save.iter().find(|save| save.what == Saved::Token && matches!(step.action, Action::Token(_)));
    match saved {
        // Later lines take the token from the variable, where no one sees it.
        Some(save) if !lines.contains('\n') => format!("{}=$({lines})", outside::variable(&save.name)),
        _ => lines,
    }
}

fn of_action(step: &Step) -> String {
    match &step.action {
        Action::Can(can) => questions(can),
        Action::Kubectl(kubectl) => {
            let mut words = words(["kubectl"]);
            words.extend(kubectl.args.iter().cloned());
            piped(kubectl.stdin.as_deref(), &words)
        }
        Action::Apply(objects) => manifests("kubectl apply --server-side", objects),
        Action::Create(objects) => manifests("kubectl create", objects),
        Action::Pod(pod) => {
            let create = piped_in("kubectl create -f -", std::slice::from_ref(pod));
            let mut wait = words(["kubectl", "wait", "--for=condition=Ready"]);
            wait.push(format!("pod/{}", pod.name));
            in_namespace(&mut wait, pod.namespace.as_deref());
            wait.push(timeout(step));
            format!("{create}\n{}", line(&wait))
        }
        Action::Get(target) => get(target),
        Action::Delete(target) => {
            let mut delete = words(["kubectl", "delete"]);
            object(&mut delete, target);
            line(&delete)
        }
        Action::Wait(target, until) => wait(step, target, until),
        Action::Curl(call) => curl(call),
        Action::Exec(command) => exec(command),
        Action::Request(call) => outside::request(call),
        Action::Whoami => "kubectl auth whoami -o json".into(),
        Action::Token(call) => outside::token(call),
        Action::Patch(change) => outside::patch(change),
    }
}

/// The most questions that are written out.
const QUESTIONS: usize = 12;

fn questions(can: &super::can::Can) -> String {
    let all = super::can::lines(can);
    let mut lines: Vec<_> = all.iter().take(QUESTIONS).map(|words| line(words)).collect();
    if all.len() > QUESTIONS {
        lines.push(format!("# and {} more questions", all.len() - QUESTIONS));
    }
    lines.join("\n")
}

/// As many bytes of manifests stand in a line; of a longer file its name does.
const WRITTEN_OUT: usize = 16 << 10;

/// The manifests in the line, or, when they are the whole of long files, by the files' names.
fn manifests(command: &str, objects: &[Object]) -> String {
    let whole = piped_in(&format!("{command} -f -"), objects);
    let mut files: Vec<&FromFile> = Vec::new();
    for object in objects {
        let Some(file) = object.file.as_ref().filter(|file| !file.fill && !file.some) else { return whole };
        if !files.contains(&file) {
            files.push(file);
        }
    }
    if whole.len() <= WRITTEN_OUT {
        return whole;
    }
    let lines = files.iter().map(|file| {
        let mut words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        in_namespace(&mut words, Some(&file.namespace));
        let from = if file.by.is_some() { "-".to_owned() } else { file.path.to_string_lossy().into_owned() };
        words.extend(["-f".to_owned(), from]);
        let before = file.by.as_ref().map(|by| format!("{by} | ")).unwrap_or_default();
        format!("{before}{}", line(&words))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn piped_in(command: &str, objects: &[Object]) -> String {
    // In one line, which can be pasted however it is indented.
    let documents: Vec<_> = (objects.iter()).map(|object| quote(&object.manifest.to_string())).collect();
    format!("printf '%s\\n' {} | {command}", documents.join(" --- "))
}

fn timeout(step: &Step) -> String {
    let timeout = step.timeout;
    if timeout.subsec_millis() == 0 {
        format!("--timeout={}s", timeout.as_secs())
    } else {
        format!("--timeout={}ms", timeout.as_millis())
    }
}

fn get(target: &Target) -> String {
    let mut words = words(["kubectl", "get"]);
    object(&mut words, target);
    if target.kind.namespaced && target.namespace.is_none() {
        words.push("-A".into());
    }
    if let Some(selector) = &target.label_selector {
        words.extend(["-l".into(), selector.clone()]);
    }
    if let Some(selector) = &target.field_selector {
        words.extend(["--field-selector".into(), selector.clone()]);
    }
    words.extend(["-o".into(), "json".into()]);
    line(&words)
}

fn wait(step: &Step, target: &Target, until: &Until) -> String {
    let states = match until {
        Until::Exists => vec!["create".to_owned()],
        Until::Deleted => vec!["delete".to_owned()],
        Until::Condition(condition) => vec![format!("condition={condition}")],
        Until::Object(object) => {
            let mut states = Vec::new();
            leaves(&Value::Object(object.clone()), "", &mut states);
            states
        }
    };
    let lines: Vec<_> = (states.iter())
        .map(|state| {
            let mut words = words(["kubectl", "wait"]);
            words.push(format!("--for={state}"));
            object(&mut words, target);
            words.push(timeout(step));
            line(&words)
        })
        .collect();
    lines.join("\n")
}

/// Every value of a part as a state that kubectl can wait for.
fn leaves(value: &Value, path: &str, states: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.replace('\\', r"\\").replace('.', r"\.");
                leaves(value, &format!("{path}.{key}"), states);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                leaves(value, &format!("{path}[{index}]"), states);
            }
        }
        Value::String(text) => states.push(format!("jsonpath={{{path}}}={text}")),
        other => states.push(format!("jsonpath={{{path}}}={other}")),
    }
}

/// `kubectl exec … --`.
fn in_pod(place: &Place, stdin: bool) -> Vec<String> {
    let mut words = words(["kubectl", "exec"]);
    if stdin {
        words.push("-i".into());
    }
    in_namespace(&mut words, Some(&place.namespace));
    words.push(place.for_kubectl());
    if let Some(container) = &place.container {
        words.extend(["-c".into(), container.clone()]);
    }
    words.push("--".into());
    words
}

fn curl(call: &Curl) -> String {
    let mut words = words(["curl", "-sS"]);
    if call.url.contains(['[', ']']) {
        words.push("--globoff".into());
    }
    if call.insecure {
        words.push("--insecure".into());
    }
    if call.cacert {
        words.extend(["--cacert".into(), format!("{MOUNT}/ca.crt")]);
    }
    let usual = if call.body.is_some() { Method::Post } else { Method::Get };
    if call.method == Method::Head && call.body.is_none() {
        words.push("--head".into());
    } else if call.method != usual {
        words.extend(["-X".into(), call.method.word().into()]);
    }
    for (name, value) in &call.headers {
        words.extend(["-H".into(), format!("{name}: {value}")]);
    }
    if let Some(body) = &call.body {
        let typed = (call.headers.keys()).any(|name| name.eq_ignore_ascii_case("content-type"));
        if !typed {
            words.extend(["-H".into(), "Content-Type: application/json".into()]);
        }
        // As the step itself calls; see `steps::curl`.
        words.extend(["--http1.1".into(), "--data-raw".into(), body.clone()]);
    }
    let mut whole = in_pod(&call.place, false);
    if call.mounted_token {
        // The shell in the Pod, not the one that reads this line, puts the token in.
        let token = format!(r#"-H "Authorization: Bearer $(cat {MOUNT}/token)""#);
        let script = format!("{} {token} {}", line(&words), quote(&call.url));
        whole.extend(["sh".into(), "-c".into(), script]);
    } else if let Some(name) = &call.saved_token {
        let token = outside::variable(name);
        words.extend(["--config".into(), "-".into(), call.url.clone()]);
        whole = in_pod(&call.place, true);
        whole.extend(words);
        let known = outside::known(name, Some(&call.identity));
        return format!("{known}\nprintf 'header = \"Authorization: Bearer %s\"' \"${token}\" | {}", line(&whole));
    } else {
        words.push(call.url.clone());
        whole.extend(words);
    }
    line(&whole)
}

fn exec(exec: &Exec) -> String {
    let mut words = in_pod(&exec.place, exec.stdin.is_some());
    words.extend(exec.command.iter().cloned());
    piped(exec.stdin.as_deref(), &words)
}

#[cfg(test)]
mod tests {
    use super::super::make::testing::{fresh, good, in_default};
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    /// The lines of the last step, of several after a Pod `p`.
    fn last(verb: Value) -> String {
        let steps = json!([{"pod": {"name": "p", "image": "curl"}}, verb]);
        equivalent(good(in_default(steps)).steps.last().unwrap())
    }

    #[rstest]
    #[case("plain-1.2/x", "plain-1.2/x")]
    #[case("", "''")]
    #[case("a b", "'a b'")]
    #[case("it's", r"'it'\''s'")]
    #[case("$(id)`id`", "'$(id)`id`'")]
    #[case("a\nb", "'a\nb'")]
    #[case("~", "'~'")]
    fn quotes(#[case] word: &str, #[case] quoted: &str) {
        assert_eq!(quote(word), quoted);
    }

    #[rstest]
    #[case(json!({"get": {"kind": "Pod", "name": "p"}}), "kubectl get pods p -n default -o json")]
    #[case(json!({"get": {"kind": "ServiceAccount", "namespace": "*", "fieldSelector": "metadata.name=default"}}),
        "kubectl get serviceaccounts -A --field-selector metadata.name=default -o json")]
    #[case(json!({"get": {"kind": "ClusterRole", "labelSelector": "a in (b,c)"}}),
        "kubectl get clusterroles.rbac.authorization.k8s.io -l 'a in (b,c)' -o json")]
    #[case(json!({"can": {"who": "anonymous", "verb": "get", "resource": "deployments.apps", "subresource": "scale", "name": "d", "allowed": false}}),
        "kubectl auth can-i get deployments.apps/d --subresource=scale -n default --as=system:anonymous")]
    #[case(json!({"can": {"who": {"user": "ann", "groups": ["dev"]}, "verb": ["list"], "resource": "pods", "namespace": "*", "allowed": false}}),
        "kubectl auth can-i list pods -A --as=ann --as-group=dev --as-group=system:authenticated")]
    #[case(json!({"can": {"who": "serviceaccount/default", "verb": "get", "url": "/metrics", "allowed": false}}),
        "kubectl auth can-i get /metrics --as=system:serviceaccount:default:default")]
    #[case(json!({"kubectl": {"args": ["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"]}}),
        "kubectl --namespace=default get pods -o 'jsonpath={.items[*].metadata.name}'")]
    #[case(json!({"kubectl": {"args": ["apply", "-n", "default", "-f", "-"], "stdin": "kind: x"}}),
        "printf %s 'kind: x' | kubectl apply -n default -f -")]
    #[case(json!({"delete": {"kind": "Pod", "name": "p"}}), "kubectl delete pods p -n default")]
    #[case(json!({"wait": {"kind": "Pod", "name": "p", "for": {"condition": "Ready"}}, "timeout": "500ms"}),
        "kubectl wait --for=condition=Ready pods p -n default --timeout=500ms")]
    #[case(json!({"wait": {"kind": "Pod", "name": "p", "for": {"object": {"status": {"phase": "Running", "n": 1}}}}}),
        "kubectl wait '--for=jsonpath={.status.phase}=Running' pods p -n default --timeout=60s\n\
         kubectl wait '--for=jsonpath={.status.n}=1' pods p -n default --timeout=60s")]
    #[case(json!({"exec": {"in": "p", "container": "main", "command": ["sh", "-c", "echo '$HOME'"]}}),
        r"kubectl exec -n default p -c main -- sh -c 'echo '\''$HOME'\'''")]
    #[case(json!({"exec": {"in": "p", "command": ["cat"], "stdin": "a\nb"}}),
        r"printf '%s\n%s' a b | kubectl exec -i -n default p -- cat")]
    #[case(json!({"exec": {"in": "p", "command": ["sh", "-c", "a\nb c"]}}),
        r#"kubectl exec -n default p -- sh -c "$(printf '%s\n%s' a 'b c')""#)]
    #[case(json!({"curl": {"in": "p", "url": "https://kubernetes/api", "insecure": true}}),
        "kubectl exec -n default p -- curl -sS --insecure https://kubernetes/api")]
    #[case(json!({"curl": {"in": "p", "url": "https://kubernetes/api?a=1&b=2", "token": "mounted"}}),
        "kubectl exec -n default p -- sh -c 'curl -sS --cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt \
         -H \"Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\" \
         '\\''https://kubernetes/api?a=1&b=2'\\'''")]
    #[case(json!({"curl": {"in": "p", "url": "https://kubernetes/x", "insecure": true, "method": "PATCH", "body": {"a": "it's"}, "headers": {"content-type": "x/y"}}}),
        r#"kubectl exec -n default p -- curl -sS --insecure -X PATCH -H 'content-type: x/y' --http1.1 --data-raw '{"a":"it'\''s"}' https://kubernetes/x"#)]
    #[case(json!({"curl": {"in": "p", "url": "https://kubernetes/x", "cacert": false, "body": []}}),
        "kubectl exec -n default p -- curl -sS -H 'Content-Type: application/json' --http1.1 --data-raw '[]' https://kubernetes/x")]
    fn lines(#[case] verb: Value, #[case] text: &str) {
        assert_eq!(last(verb), text);
    }

    #[test]
    fn manifests_are_piped_in_in_one_line() {
        assert_eq!(
            last(json!({"apply": [
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}},
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"k": "it's\nEOF\n"}},
            ]})),
            r#"printf '%s\n' '{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"a","namespace":"default"}}' --- \
'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"default"},"data":{"k":"it'\''s\nEOF\n"}}' | kubectl apply --server-side -f -"#
                .replace("\\\n", "")
        );
    }

    #[test]
    fn a_pod_is_created_and_waited_for() {
        let plan = good(fresh(json!([{"pod": {"name": "p", "image": "curl"}}])));
        let text = equivalent(&plan.steps[0]);
        let namespace = &plan.namespace;
        assert!(text.starts_with("printf '%s\\n' '{\"apiVersion\":\"v1\",\"kind\":\"Pod\""), "{text}");
        assert!(text.contains("\"image\":\"curl\""), "{text}");
        assert!(
            text.ends_with(&format!(
                " | kubectl create -f -\nkubectl wait --for=condition=Ready pod/p -n {namespace} --timeout=60s"
            )),
            "{text}"
        );
    }
}
