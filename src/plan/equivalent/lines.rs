//! The lines of one verb each.

use std::time::Duration;

use serde_json::Value;

use super::{
    outside,
    shell::{in_namespace, is_long, line, object, owned_words, piped, printf, quote},
};
use crate::{
    k8s::well_known::MOUNT,
    plan::{
        Curl, Exec, FromFile, Object, Of, Owner, Place, Request, Target,
        can::{self, Api, Cell},
        place::selector,
    },
    scenario::verbs::{Method, Until},
};

/// The most questions that are written out.
const QUESTIONS: usize = 12;

pub(in crate::plan) fn questions(asked: &can::Can) -> String {
    let all = asked.cells.iter().zip(can::lines(asked));
    let by_kubectl = |cell: &Cell| cell.may_ask() && !only_authorizers_know(cell);
    let question = |(cell, words): (&Cell, Vec<String>)| if by_kubectl(cell) { line(&words) } else { review(cell) };
    let mut lines: Vec<_> = all.take(QUESTIONS).map(question).collect();
    if asked.cells.len() > QUESTIONS {
        lines.push(format!("# and {} more questions", asked.cells.len() - QUESTIONS));
    }
    lines.join("\n")
}

/// Whether the resource has a group and may be served by no API server: kubectl asks for one of the core group with a dot in
/// its name then.
fn only_authorizers_know(cell: &Cell) -> bool {
    let grouped = matches!(&cell.request, Request::Resource { group, .. } if !group.is_empty());
    // What only the cluster knows has been found there when the question was asked, unless it need not be there.
    let nobodys = cell.api == Api::Other || cell.api == Api::Unsure && cell.on_purpose;
    grouped && nobodys
}

/// A question that kubectl cannot ask, or that is about a subject that may not even ask it: the administrator asks.
fn review(cell: &Cell) -> String {
    let create = ["kubectl", "create", "-f", "-", "-o", r#"jsonpath={.status.allowed}{"\n"}"#].map(str::to_owned);
    format!("printf '%s\\n' {} | {}", quote(&cell.review().to_string()), line(&create))
}

/// As many bytes of manifests stand in a line; of a longer file its name does.
const WRITTEN_OUT: usize = 16 << 10;

/// The manifests in the line, or, when they are the whole of long files, by the files' names.
pub(in crate::plan) fn manifests(command: &str, objects: &[Object]) -> String {
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

/// Creates objects. Of a question the answer is shown, and what is sent to a part of an object kubectl only sends to its path.
pub(in crate::plan) fn create(objects: &[Object]) -> String {
    if !objects.iter().any(|object| object.kind.is_part()) {
        let asks = objects.iter().all(|object| !object.is_kept());
        return manifests(if asks { "kubectl create -o json" } else { "kubectl create" }, objects);
    }
    let one = |object: &Object| {
        let object = std::slice::from_ref(object);
        match object[0].path(true).filter(|_| object[0].kind.is_part()) {
            Some(path) => piped_in(&format!("kubectl create --raw {} -f -", quote(&path)), object),
            None => create(object),
        }
    };
    objects.iter().map(one).collect::<Vec<_>>().join("\n")
}

pub(in crate::plan) fn piped_in(command: &str, objects: &[Object]) -> String {
    // In one line, which can be pasted however it is indented. JSON needs nothing between two documents, and up to 1.32 kubectl takes
    // `---` behind JSON for a number.
    let documents: Vec<_> = (objects.iter()).map(|object| quote(&object.manifest.to_string())).collect();
    format!("printf '%s\\n' {} | {command}", documents.join(" "))
}

pub(in crate::plan) fn timeout(limit: Duration) -> String {
    let timeout = limit;
    if timeout.subsec_millis() == 0 {
        format!("--timeout={}s", timeout.as_secs())
    } else {
        format!("--timeout={}ms", timeout.as_millis())
    }
}

pub(in crate::plan) fn get(target: &Target) -> String {
    let mut words = owned_words(["kubectl", "get"]);
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

pub(in crate::plan) fn wait(limit: Duration, target: &Target, until: &Until) -> String {
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
            let mut words = owned_words(["kubectl", "wait"]);
            words.push(format!("--for={state}"));
            object(&mut words, target);
            words.push(timeout(limit));
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

/// The variable in which a line finds the Pod that has labels.
const FOUND: &str = "$POD";

/// The lines, with the one before them that finds the Pod, if it has another name the next time.
fn found(place: &Place, lines: &str) -> String {
    let Some(Of::Labels(labels)) = place.of.as_ref().filter(|_| !place.added) else { return lines.to_owned() };
    let mut get = owned_words(["kubectl", "get", "pods"]);
    in_namespace(&mut get, Some(&place.namespace));
    get.extend(["-l".to_owned(), selector(labels)]);
    get.extend(owned_words(["--field-selector=status.phase=Running", "-o", "jsonpath={.items[0].metadata.name}"]));
    // A shell reads it only within other quotes; it stands before the command.
    format!("POD=$({})\n{}", line(&get), lines.replacen(&quote(FOUND), &format!("\"{FOUND}\""), 1))
}

/// `kubectl exec … --`.
fn in_pod(place: &Place, stdin: bool) -> Vec<String> {
    let mut words = owned_words(["kubectl", "exec"]);
    if stdin {
        words.push("-i".into());
    }
    in_namespace(&mut words, Some(&place.namespace));
    words.push(match &place.of {
        Some(Of::Labels(_)) if !place.added => FOUND.to_owned(),
        _ => pod_of(place),
    });
    if let Some(container) = &place.container {
        words.extend(["-c".into(), container.clone()]);
    }
    words.push("--".into());
    words
}

pub(in crate::plan) fn curl(call: &Curl) -> String {
    let mut words = owned_words(["curl", "-sS"]);
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
        words.push("--http1.1".into());
        // The token may come by the standard input, too, and then stands before it.
        let token = call.saved_token.is_some() || call.place.added && call.mounted_token;
        match (is_long(body), token) {
            (false, _) => words.extend(["--data-raw".into(), body.clone()]),
            (true, true) => words.extend(["--data-binary".into(), "@/dev/fd/3".into()]),
            (true, false) => words.extend(["--data-binary".into(), "@-".into()]),
        }
    }
    if call.place.added {
        return by_guest(call, words);
    }
    let body = call.body.as_deref().filter(|body| is_long(body));
    let mut whole = in_pod(&call.place, body.is_some());
    if call.mounted_token {
        // The shell in the Pod, not the one that reads this line, puts the token in.
        let token = format!(r#"-H "Authorization: Bearer $(cat {MOUNT}/token)""#);
        let script = format!("{} {token} {}", line(&words), quote(&call.url));
        whole.extend(["sh".into(), "-c".into(), script]);
    } else if let Some(name) = &call.saved_token {
        let token = outside::variable(name);
        words.extend(["--config".into(), "-".into(), call.url.clone()]);
        whole = in_pod(&call.place, true);
        whole.extend(by_stdin(words, body.is_some()));
        let known = outside::known(name, Some(&call.identity));
        let piped = format!("{} | {}", header_and(&token, body), line(&whole));
        return format!("{known}\n{}", found(&call.place, &piped));
    } else {
        words.push(call.url.clone());
        whole.extend(words);
    }
    found(&call.place, &piped(body, &whole))
}

/// What prints curl's configuration with the token of a variable, and behind it a long body.
fn header_and(token: &str, body: Option<&str>) -> String {
    let header = format!("printf 'header = \"Authorization: Bearer %s\"\\n' \"${token}\"");
    match body {
        Some(body) => format!("{{ {header}; {}; }}", printf(body)),
        None => header,
    }
}

/// curl's words with the configuration as the first line of the standard input and, if so, a long body behind it.
fn by_stdin(words: Vec<String>, long: bool) -> Vec<String> {
    const FIRST_LINE: &str = r#"IFS= read -r t; exec 3<&0; printf '%s\n' "$t" | "$@""#;
    let first: &[&str] = if long { &["sh", "-c", FIRST_LINE, "sh"] } else { &[] };
    first.iter().map(|word| (*word).to_owned()).chain(words).collect()
}

/// A call from a container that was put into a Pod: kubectl puts one like it there, which has no token mounted.
fn by_guest(call: &Curl, mut words: Vec<String>) -> String {
    let Place { namespace, container, .. } = &call.place;
    let name = container.clone().unwrap_or_default();
    let find = find_guests_pod(&call.place);
    let pod = &pod_of(&call.place);
    // One container is enough for several calls, and a second one of its name is refused.
    let mut look = ["kubectl", "get", "pods", pod, "-n", namespace].map(str::to_owned).to_vec();
    look.extend(["-o".to_owned(), "jsonpath={.spec.ephemeralContainers[*].name}".to_owned()]);
    let mut debug = ["kubectl", "debug", "-n", namespace, pod, "-c", &name, "--image=curl"].map(str::to_owned).to_vec();
    debug.extend(
        ["--image-pull-policy=IfNotPresent", "--profile=general", "--", "sleep", "infinity"].map(str::to_owned),
    );
    let state = format!("--for=jsonpath={{.status.ephemeralContainerStatuses[?(@.name==\"{name}\")].state.running}}");
    let wait = ["kubectl", "wait", "-n", namespace, &format!("pod/{pod}"), &state].map(str::to_owned);
    if let Some(at) = words.iter().position(|word| word == "--cacert") {
        words.splice(at..at + 2, ["--insecure".to_owned()]);
    }
    let body = call.body.as_deref().filter(|body| is_long(body));
    let (known, token) = match (&call.saved_token, call.mounted_token) {
        (Some(saved), _) => (outside::known(saved, Some(&call.identity)), outside::variable(saved)),
        (None, true) => (outside::known("pod", Some(&call.identity)), outside::variable("pod")),
        (None, false) => {
            words.push(call.url.clone());
            let mut whole = in_pod(&call.place, body.is_some());
            whole.extend(words);
            return found_guest(find, &[there(&line(&look), &name, &line(&debug)), line(&wait), piped(body, &whole)]);
        }
    };
    words.extend(["--config".into(), "-".into(), call.url.clone()]);
    let mut whole = in_pod(&call.place, true);
    whole.extend(by_stdin(words, body.is_some()));
    let last = format!("{} | {}", header_and(&token, body), line(&whole));
    found_guest(find, &[there(&line(&look), &name, &line(&debug)), line(&wait), known, last])
}

/// The line that makes a container, if it is not there.
fn there(look: &str, name: &str, debug: &str) -> String {
    format!("{look} | grep -qw {} || {debug}", quote(name))
}

/// The Pod into which a container was put: the one that is found, if it has another name the next time.
fn pod_of(place: &Place) -> String {
    if find_guests_pod(place).is_some() { FOUND.to_owned() } else { place.for_kubectl() }
}

/// The line that finds it: by its labels, or by those that its owner selects.
fn find_guests_pod(place: &Place) -> Option<String> {
    let labels = match place.of.as_ref().filter(|_| place.added)? {
        Of::Labels(labels) => quote(&selector(labels)),
        Of::Owner(owner, name) if *owner != Owner::CronJob => {
            let mut get = owned_words(["kubectl", "get"]);
            get.extend([format!("{}.{}", owner.plural(), owner.group()), name.clone()]);
            in_namespace(&mut get, Some(&place.namespace));
            let each = "go-template={{range $key, $value := .spec.selector.matchLabels}}{{$key}}={{$value}},{{end}}";
            get.extend(["-o".to_owned(), each.to_owned()]);
            format!("\"$({} | sed 's/,$//')\"", line(&get))
        }
        Of::Owner(..) | Of::Name => return None,
    };
    let get = ["kubectl", "get", "pods", "-n", &place.namespace].map(str::to_owned);
    let rest = ["--field-selector=status.phase=Running", "-o", "jsonpath={.items[0].metadata.name}"].map(str::to_owned);
    Some(format!("POD=$({} -l {labels} {})", line(&get), line(&rest)))
}

/// The lines with the one before them that finds the Pod. A shell reads its variable only within other quotes.
fn found_guest(find: Option<String>, lines: &[String]) -> String {
    let Some(find) = find else { return lines.join("\n") };
    let lines = lines.join("\n").replace(&quote(FOUND), &format!("\"{FOUND}\""));
    format!("{find}\n{}", lines.replace(&quote(&format!("pod/{FOUND}")), &format!("\"pod/{FOUND}\"")))
}

pub(in crate::plan) fn exec(exec: &Exec) -> String {
    let mut words = in_pod(&exec.place, exec.stdin.is_some());
    words.extend(exec.command.iter().cloned());
    found(&exec.place, &piped(exec.stdin.as_deref(), &words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::can::{Can, Who};

    /// The line of a question about `cups.example.com`.
    fn asked(api: Api, on_purpose: bool) -> String {
        let groups = vec!["system:authenticated".to_owned()];
        let request = Request::Resource {
            verb: "list".into(),
            group: "example.com".into(),
            resource: "cups".into(),
            subresource: None,
            namespace: Some("a".into()),
            name: None,
        };
        let who = Who { words: "user ann".into(), user: "ann".into(), groups };
        let cell = Cell { pointer: "/can".into(), who, request, allowed: true, api, on_purpose };
        questions(&Can { cells: vec![cell], sample: 0 })
    }

    #[test]
    fn kubectl_asks_about_what_is_served_and_a_review_about_what_may_not_be() {
        let served = Api::Served { version: "v1".into(), namespaced: true };
        for (api, on_purpose) in [(served.clone(), false), (served, true), (Api::Unsure, false)] {
            let line = asked(api, on_purpose);
            assert_eq!(line, "kubectl auth can-i list cups.example.com -n a --as=ann");
        }
        for (api, on_purpose) in [(Api::Other, false), (Api::Other, true), (Api::Unsure, true)] {
            let line = asked(api, on_purpose);
            assert!(
                line.contains(r#""group":"example.com","resource":"cups""#) && line.contains("create -f -"),
                "{line}"
            );
        }
    }
}
