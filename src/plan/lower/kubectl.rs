//! `kubectl`: its arguments, and what in them cannot work.

use serde_json::{Value, json};

use crate::{
    k8s::kubectl::{
        Place, check,
        grammar::{Call, Given, Takes},
        is_dry_run,
    },
    plan::{
        Action, Kind, Kubectl, Object,
        context::{Context, Draft, Placed, below},
        kinds::find,
        long,
    },
    scenario::{
        calls::{As, AsFull},
        kubectl as said,
    },
};

/// The commands that make by name what other steps are told to be missing, and of which kind.
const MAKES: [(&str, &str); 9] = [
    ("create clusterrole", "ClusterRole"),
    ("create clusterrolebinding", "ClusterRoleBinding"),
    ("create namespace", "Namespace"),
    ("create priorityclass", "PriorityClass"),
    ("create role", "Role"),
    ("create secret docker-registry", "Secret"),
    ("create secret generic", "Secret"),
    ("create secret tls", "Secret"),
    ("create serviceaccount", "ServiceAccount"),
];

/// The kinds in namespaces of which that is known from a manifest on the standard input, too.
const KINDS: [&str; 3] = ["Role", "Secret", "ServiceAccount"];

/// What a shell would read between the words of commands.
const OF_SHELLS: [&str; 11] = ["|", "||", "&&", "&", ";", ">", ">>", "<", "2>&1", "2>/dev/null", ">/dev/null"];

/// Reads a call.
pub(in crate::plan) fn read(cx: &mut Context<'_>, draft: &Draft<'_>, kubectl: &said::Kubectl) -> Option<Action> {
    let at = below(&draft.at(), "args");
    let mut args = kubectl.args.clone();
    if args.is_empty() {
        cx.findings.error(&at, "kubectl without arguments").hint("e.g. `args: [get, pods]`");
        return None;
    }
    for (index, _) in args.iter().enumerate().filter(|(_, word)| word.contains('\0')) {
        cx.findings.error(&below(&at, index), "a NUL character in an argument");
    }
    let mut added = 0;
    let denied = is_denied(draft);
    match check(&args, if denied { Place::Refusing } else { Place::Node }) {
        _ if is_no_command(cx, &at, &args[0]) => {}
        Err(refused) => {
            for one in refused {
                cx.findings.error(&below(&at, one.at), one.what).hint_if(one.hint);
            }
        }
        Ok(call) => {
            let reads = call.values("filename").any(|given| given.value.as_deref() == Some("-"));
            if reads && kubectl.stdin.is_none() {
                cx.findings
                    .error(&at, "kubectl would read its standard input, and there is none")
                    .hint("add `stdin: …`");
            }
            for (index, word) in call.words.iter().filter(|(_, word)| OF_SHELLS.contains(word)) {
                cx.findings
                    .error(&below(&at, index), format!("no shell reads `{word}`: kubectl gets it as a word"))
                    .hint("what kubectl prints is compared by the step's `expect`: `stdout`, `json`, `path` …");
            }
            for given in call.flags.iter().filter(|given| given.flag.is_some_and(|flag| flag.takes == Takes::File)) {
                files(cx, &at, &call, given);
            }
            let impersonates = call.flags.iter().find(|given| given.name().starts_with("as"));
            if let (Some(given), Some(As::Full(AsFull { user: Some(_), .. }))) = (impersonates, &draft.step.asked_as) {
                cx.findings
                    .error(&below(&at, given.at), "`--as` beside `as`")
                    .second(&below(&draft.pointer, "as"), "the step says who asks")
                    .hint("leave one of them out");
            }
            let namespace = |name| call.values(name).next().is_some();
            if !namespace("namespace") && !namespace("all-namespaces") {
                args.insert(0, format!("--namespace={}", cx.namespace));
                added = 1;
                cx.note(&at, format!("`--namespace={}`", cx.namespace));
            }
        }
    }
    let stdin = kubectl.stdin.clone();
    // What is in the scenario's own namespace goes with it.
    let outside = |object: &&Object| object.namespace.as_deref() != Some(cx.namespace);
    let makes = draft.objects.iter().map(|placed| &placed.object).filter(outside).cloned().collect();
    let own = (cx.findings.document().scenario.namespace.is_none()).then(|| cx.namespace.to_owned());
    let kubectl = Kubectl { args, added, own, stdin, denied, makes };
    if let Some((index, why)) = kubectl.too_long() {
        cx.findings.error(&below(&at, index), why).hint(long::BY_STDIN);
    }
    Some(Action::Kubectl(kubectl))
}

/// Warns of a file that kubectl would look for where it runs, in the node.
fn files(cx: &mut Context<'_>, at: &str, call: &Call<'_>, given: &Given) {
    let value = given.value.as_deref().unwrap_or_default();
    let path = match given.name() {
        "filename" | "kustomize" => value,
        "from-file" => value.split_once('=').map_or(value, |(_, path)| path),
        "from-env-file" | "patch-file" | "cert" | "key" => value,
        _ => return,
    };
    if path.is_empty() || path == "-" || path.starts_with(['/', '{']) || path.contains("://") {
        return;
    }
    let hint = match (given.name(), call.command.words) {
        ("filename", "apply" | "create") => {
            format!(
                "a file beside the scenario is applied by the verb: `apply: {{file: {path}}}`; or write `-f`, `-`, and give it by `stdin`"
            )
        }
        ("filename", _) => "write `-f`, `-`, and give it by `stdin`".to_owned(),
        ("kustomize", _) => {
            format!("a folder beside the scenario is applied by the verb: `apply: {{kustomize: {path}}}`")
        }
        _ => "make the object by `apply`, with its data in the manifest".to_owned(),
    };
    cx.findings
        .warn(&below(at, given.value_at), format!("kubectl looks for `{path}` in the cluster's node"))
        .label("no file beside the scenario is there")
        .hint(hint);
}

/// Whether the API server must refuse the call, whatever the cluster.
fn is_denied(draft: &Draft<'_>) -> bool {
    let expected: Vec<_> = draft.step.expect.iter().flat_map(|expects| expects.items()).collect();
    !expected.is_empty() && expected.iter().all(|(_, expect)| expect.tells_of_denial())
}

/// What a call makes outside of the scenario's namespace, and what in it others name, as far as its words and its standard input
/// tell. A call that is meant to fail makes nothing, and neither does a dry run.
pub(in crate::plan) fn made(cx: &Context<'_>, draft: &Draft<'_>) -> Vec<Placed> {
    let Some(kubectl) = &draft.step.kubectl else { return vec![] };
    let expected = draft.step.expect.iter().flat_map(|expects| expects.items());
    if expected.into_iter().any(|(_, expect)| expect.must_fail()) {
        return vec![];
    }
    if is_dry_run(&kubectl.args) {
        return vec![];
    }
    let at = below(&draft.at(), "args");
    let Ok(call) = check(&kubectl.args, Place::Node) else { return vec![] };
    if call.is_dry_run() {
        return vec![];
    }
    let home = call.values("namespace").last().and_then(|given| given.value.as_deref()).unwrap_or(cx.namespace);
    let placed = |pointer: String, kind: Kind, name: String, manifest: Value| {
        let namespace = manifest["metadata"]["namespace"].as_str().unwrap_or(home);
        let namespace = kind.namespaced.then(|| namespace.to_owned());
        Placed {
            name_at: pointer.clone(),
            pointer,
            into: None,
            object: Object { kind, namespace, name, manifest, file: None },
        }
    };
    let makes = call.command.words;
    if let Some((_, kind)) = MAKES.iter().find(|(command, _)| *command == makes)
        && let Some((index, name)) = call.words.first()
        && let Ok(kind) = find(kind, None)
    {
        let manifest = json!({"metadata": {"name": name}});
        return vec![placed(below(&at, index), kind, (*name).to_owned(), manifest)];
    }
    let makes = matches!(makes, "apply" | "create" | "replace");
    let input = kubectl.stdin.as_deref().filter(|_| makes).unwrap_or_default();
    let manifests: Vec<Value> = serde_saphyr::from_multiple(input).unwrap_or_default();
    manifests
        .into_iter()
        .filter_map(|manifest| {
            let kind = find(manifest["kind"].as_str()?, manifest["apiVersion"].as_str()).ok()?;
            let name = manifest["metadata"]["name"].as_str()?.to_owned();
            let elsewhere = manifest["metadata"]["namespace"].as_str().is_some_and(|place| place != cx.namespace);
            let named = KINDS.contains(&kind.kind.as_str());
            (!kind.namespaced || elsewhere || named).then(|| placed(below(&draft.at(), "stdin"), kind, name, manifest))
        })
        .collect()
}

/// Whether the first argument is not what it is meant to be; then that is said.
fn is_no_command(cx: &mut Context<'_>, at: &str, first: &str) -> bool {
    let at = below(at, 0);
    if first == "kubectl" {
        cx.findings.error(&at, "kubectl would be called twice").hint("leave the first word out");
    } else if first.contains(char::is_whitespace) && !first.starts_with('-') {
        let words: Vec<_> = first.split_whitespace().filter(|word| *word != "kubectl").collect();
        cx.findings
            .error(&at, "several words in one argument")
            .label("no shell takes them apart")
            .hint(format!("write each as an element of its own: `args: [{}]`", words.join(", ")));
    } else {
        return false;
    }
    true
}
