//! `kubectl`: its arguments, and what in them cannot work.

use serde_json::{Value, json};

use super::{
    Context, below,
    draft::{Draft, Placed},
};
use crate::{
    plan::{
        Action, Kind, Kubectl, Object,
        kinds::{find, nearest},
    },
    scenario::{
        calls::{As, AsFull},
        expect::Expect,
        kubectl as said,
    },
};

/// kubectl's commands.
const COMMANDS: &[&str] = &[
    "annotate",
    "api-resources",
    "api-versions",
    "apply",
    "attach",
    "auth",
    "autoscale",
    "certificate",
    "cluster-info",
    "completion",
    "config",
    "cordon",
    "cp",
    "create",
    "debug",
    "delete",
    "describe",
    "diff",
    "drain",
    "edit",
    "events",
    "exec",
    "explain",
    "expose",
    "get",
    "kuberc",
    "kustomize",
    "label",
    "logs",
    "options",
    "patch",
    "plugin",
    "port-forward",
    "proxy",
    "replace",
    "rollout",
    "run",
    "scale",
    "set",
    "taint",
    "top",
    "uncordon",
    "version",
    "wait",
];

/// Flags by which kubectl would speak to another server, or as somebody else than the step says.
const ELSEWHERE: [&str; 7] =
    ["--kubeconfig", "--context", "--cluster", "--server", "--user", "--token", "--certificate-authority"];

/// What only a person at a terminal can answer or end.
const ENDLESS: [&str; 4] = ["edit", "proxy", "port-forward", "attach"];

/// Words for kinds of which `kubectl create KIND NAME` makes cluster-wide objects.
const CLUSTER_WIDE: [(&str, &str); 6] = [
    ("clusterrole", "ClusterRole"),
    ("clusterrolebinding", "ClusterRoleBinding"),
    ("namespace", "Namespace"),
    ("ns", "Namespace"),
    ("pc", "PriorityClass"),
    ("priorityclass", "PriorityClass"),
];

/// Reads a call.
pub(super) fn read(cx: &mut Context<'_>, draft: &Draft<'_>, kubectl: &said::Kubectl) -> Option<Action> {
    let at = below(&draft.at(), "args");
    let mut args = kubectl.args.clone();
    if args.is_empty() {
        cx.findings.error(&at, "kubectl without arguments").hint("e.g. `args: [get, pods]`");
        return None;
    }
    command(cx, &at, &args);
    let own: Vec<_> = args.iter().map(String::as_str).take_while(|word| *word != "--").collect();
    for (index, word) in own.iter().enumerate() {
        let flag = word.split('=').next().unwrap_or_default();
        if ELSEWHERE.contains(&flag) {
            let hint = if matches!(flag, "--user" | "--token") {
                "say who asks by `as`, e.g. `as: serviceaccount/NAME`"
            } else {
                "a scenario speaks to its own cluster only"
            };
            cx.findings.error(&below(&at, index), format!("`{flag}` is kubewalk's own")).hint(hint);
        }
        let watch = matches!(*word, "-w" | "--watch" | "--watch=true" | "--watch-only");
        if watch || (*word == "-f" && own[0] == "logs") || *word == "--follow" {
            cx.findings
                .error(&below(&at, index), format!("`{word}` never ends"))
                .hint("wait for a state by `wait`, or ask once");
        }
        if word.contains('\0') {
            cx.findings.error(&below(&at, index), "a NUL character in an argument");
        }
    }
    let reads = own.windows(2).any(|pair| matches!(pair[0], "-f" | "--filename") && pair[1] == "-");
    let reads = reads || own.iter().any(|word| matches!(*word, "-f-" | "-f=-" | "--filename=-"));
    if reads && kubectl.stdin.is_none() {
        cx.findings.error(&at, "kubectl would read its standard input, and there is none").hint("add `stdin: …`");
    }
    let impersonates = own.iter().position(|word| word.starts_with("--as"));
    if let (Some(index), Some(As::Full(AsFull { user: Some(_), .. }))) = (impersonates, &draft.step.asked_as) {
        cx.findings
            .error(&below(&at, index), "`--as` beside `as`")
            .second(&below(&draft.pointer, "as"), "the step says who asks")
            .hint("leave one of them out");
    }
    let named = |word: &&str| {
        matches!(*word, "-n" | "--namespace" | "-A" | "--all-namespaces")
            || word.starts_with("--namespace=")
            || (word.starts_with("-n") && !word.starts_with("--"))
    };
    if !own.iter().any(named) {
        args.insert(0, format!("--namespace={}", cx.namespace));
        cx.note(&at, format!("`--namespace={}`", cx.namespace));
    }
    let stdin = kubectl.stdin.clone();
    let makes = draft.objects.iter().map(|placed| placed.object.clone()).collect();
    Some(Action::Kubectl(Kubectl { args, stdin, makes }))
}

/// What a call makes outside of the scenario's namespace, as far as its words and its standard input tell. A call that is
/// meant to fail makes nothing.
pub(super) fn made(cx: &Context<'_>, draft: &Draft<'_>) -> Vec<Placed> {
    let Some(kubectl) = &draft.step.kubectl else { return vec![] };
    let expected = draft.step.expect.iter().flat_map(|expects| expects.items());
    if expected.into_iter().any(|(_, expect)| expect.exit_code.is_some_and(|code| code != 0)) {
        return vec![];
    }
    let at = below(&draft.at(), "args");
    let args = &kubectl.args;
    let placed = |pointer: String, kind: Kind, name: String, manifest: Value| {
        let namespace = manifest["metadata"]["namespace"].as_str().map(str::to_owned).filter(|_| kind.namespaced);
        Placed { name_at: pointer.clone(), pointer, object: Object { kind, namespace, name, manifest, file: None } }
    };
    if let [create, word, name, ..] = args.as_slice()
        && create == "create"
        && let Some((_, kind)) = CLUSTER_WIDE.iter().find(|(short, _)| short == word)
        && let Ok(kind) = find(kind, None)
    {
        let manifest = json!({"metadata": {"name": name}});
        return vec![placed(below(&at, 2), kind, name.clone(), manifest)];
    }
    let makes = args.first().is_some_and(|verb| matches!(verb.as_str(), "apply" | "create" | "replace"));
    let input = kubectl.stdin.as_deref().filter(|_| makes).unwrap_or_default();
    let manifests: Vec<Value> = serde_saphyr::from_multiple(input).unwrap_or_default();
    manifests
        .into_iter()
        .filter_map(|manifest| {
            let kind = find(manifest["kind"].as_str()?, manifest["apiVersion"].as_str()).ok()?;
            let name = manifest["metadata"]["name"].as_str()?.to_owned();
            let elsewhere = manifest["metadata"]["namespace"].as_str().is_some_and(|place| place != cx.namespace);
            (!kind.namespaced || elsewhere).then(|| placed(below(&draft.at(), "stdin"), kind, name, manifest))
        })
        .collect()
}

fn command(cx: &mut Context<'_>, at: &str, args: &[String]) {
    let first = args[0].as_str();
    let at = below(at, 0);
    if first == "kubectl" {
        cx.findings.error(&at, "kubectl would be called twice").hint("leave the first word out");
    } else if first.contains(char::is_whitespace) {
        let words: Vec<_> = first.split_whitespace().filter(|word| *word != "kubectl").collect();
        cx.findings
            .error(&at, "several words in one argument")
            .label("no shell takes them apart")
            .hint(format!("write `[{}]`", words.join(", ")));
    } else if ENDLESS.contains(&first) {
        cx.findings
            .error(&at, format!("`kubectl {first}` waits for a person"))
            .hint("to call from a Pod, use `curl` or `exec`");
    } else if !first.starts_with('-') && !COMMANDS.contains(&first) {
        let finding = cx.findings.error(&at, format!("kubectl has no command `{first}`"));
        finding.hint_if(nearest(first, COMMANDS.iter().copied()).map(|near| format!("did you mean `{near}`?")));
    }
}

/// How RBAC's refusal is told from a quota's or a webhook's, which say `is forbidden`, too.
pub(super) const DENIAL: &str = "RBAC's refusal is `stderr: {contains: 'cannot list resource \"pods\" in API group \"\"'}`, with the verb and the resource that are meant";

/// An exit code alone does not tell a denial from a slip of the fingers or a server that is not reached.
pub(super) fn lone_code(cx: &mut Context<'_>, at: &str, expect: &Expect) {
    let says_why =
        expect.stdout.is_some() || expect.stderr.is_some() || expect.json.is_some() || !expect.path.is_empty();
    if expect.exit_code.is_some_and(|code| code != 0) && !says_why {
        cx.findings
            .warn(&below(at, "exitCode"), "kubectl fails with the same code for many reasons")
            .hint(format!("say which one by `stderr`: {DENIAL}"));
    }
}
